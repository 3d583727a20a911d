"""Letters that equal an ASCII letter only without regard to case: ſ and s, the Kelvin sign and k, İ, ı and i.

A pattern that ignores case matches them, but a table of the words that it looks for does not contain them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from index import Article, ArticleFilter, FilterError, lexicon
from index.ingest.loader import load, load_file
from index.parsers.metadata import iso_date, iso_language
from index.text.boilerplate import boilerplate_spans, byline, dateline
from index.text.bylines import parse_byline
from rag import SettingsError, Turn
from rag.evaluate.drafting.draft import article_statements
from rag.evaluate.drafting.statements import find_statements
from rag.evaluate.metrics.registry import MEASURES, find_measure
from rag.generation.claims import claim_in, is_yes_or_no
from rag.generation.plain_sentence import without_marks
from rag.generation.refusals import is_not_found, is_offer, is_refusal
from rag.grounding.consistency import find_copy, inconsistency
from rag.questions import starters
from rag.questions.answer_kinds import asked_kind, holds_kind, lacks_quantity, short_answer
from rag.questions.contextualize import contextualize, needs_context
from rag.questions.small_talk import small_talk
from rag.text.entities import missing_names, names, unknown_names
from rag.text.quantities import quantities
from ui.chat.library import safe_name
from ui.i18n.translate import translator

LETTERS = {"s": "ſ", "k": "\N{KELVIN SIGN}", "i": "ıİ"}
WORDS = (
    *lexicon.MONTHS,
    *(month[:3] for month in lexicon.MONTHS),
    *("sept", *lexicon.WEEKDAYS, *lexicon.NUMBER_WORDS, *lexicon.SCALES, *lexicon.PRONOUNS),
    *(
        "published",
        "updated",
        "by",
        "first",
        "sixth",
        "kilometres",
        "miles",
        "dollars",
        "minutes",
        "yes",
        "hi",
        "thanks",
    ),
    *("who is", "which", "since", "it", "his", "km", "million", "nul", "com1.txt", "lpt1", "this is", "zh-hans", "is"),
)
SENTENCES = (
    *("{} 5, 2024", "5 {} 2024", "Published {} 5, 2024", "5th {} 2024 and 6 {} 2023", "By Jane Doe, {} 5, 2024", "{}"),
    *("On {} 5, 2024 the bridge was closed.", "The bridge is 20 {} long.", "About two {} and {} people came.", "{}?"),
    *(
        "When was {} 5?",
        "Who is {}?",
        "And {}?",
        "How many {} are there?",
        '"{}," said Jane Doe.',
        "{} hundred {} ships",
    ),
)


def _lookalikes(word: str) -> set[str]:
    """Return the word with one of its letters, and with all of them, replaced."""
    each = {word.replace(plain, letter) for plain, letters in LETTERS.items() for letter in letters}
    every = {word.replace("s", "ſ").replace("k", LETTERS["k"]).replace("i", dotted) for dotted in "ıİ"}
    return ((each | every) - {word}) | {found.title() for found in each}


TEXTS = sorted({form.format(*[word] * 2) for kind in WORDS for word in _lookalikes(kind) for form in SENTENCES})
STORY = "The title\n\n{}\n\nThe story goes on here.\n"
READERS: tuple[Callable[[str], Any], ...] = (
    *(parse_byline, iso_date, iso_language, names, quantities, asked_kind, needs_context, small_talk, safe_name),
    *(translator, without_marks, claim_in, is_yes_or_no, is_not_found, is_offer, is_refusal, starters.names),
    lambda text: boilerplate_spans(STORY.format(text)),
    lambda text: byline(STORY.format(text)),
    lambda text: dateline(STORY.format(text)),
    lambda text: (kind := asked_kind(text)) and holds_kind(kind, text, text),
    lambda text: lacks_quantity("How many ships?", text),
    lambda text: short_answer(text, text),
    lambda text: contextualize(text, [Turn("user", "Who is Jane Doe?"), Turn("assistant", text)]),
    lambda text: list(find_statements(text)),
    lambda text: article_statements(Article("a", "The title", "s", STORY.format(text))),
    lambda text: find_copy(text, [text]),
    lambda text: inconsistency(text, text.lower(), text),
    lambda text: unknown_names(text, text.lower(), []),
    lambda text: missing_names(text, text.lower()),
    lambda text: starters.people(text) + starters.headings(text),
)


@pytest.mark.parametrize("number", range(len(READERS)))
def test_letters_that_only_look_like_those_of_a_word_are_read_as_text(number: int) -> None:
    for text in TEXTS:
        READERS[number](text)


@pytest.mark.parametrize("name", sorted({"hit@5", "article hit@5", "context precision@3", *MEASURES}))
def test_names_and_dates_in_such_letters_are_unknown_and_not_a_failure(name: str) -> None:
    for wanted in _lookalikes(name.lower()):
        with suppress(SettingsError):
            find_measure(wanted)


def test_a_filter_by_a_date_in_such_letters_is_refused() -> None:
    for text in TEXTS[::20]:
        with pytest.raises(FilterError):
            ArticleFilter(since=text)


def test_a_month_in_such_letters_is_not_a_month(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(STORY.format("ſept 5, 2024"), encoding="utf-8")
    (tmp_path / "b.txt").write_text(STORY.format("Sept 5, 2024"), encoding="utf-8")
    assert load_file(tmp_path / "a.txt").published is None
    assert [each.published for each in load([tmp_path]) if isinstance(each, Article)] == [None, "2024-09-05"]
