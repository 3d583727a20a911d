"""Sentences end where a person says they do, in each language that has rules."""

from __future__ import annotations

import textwrap
from itertools import pairwise

import pytest
from paragraphs import PARAGRAPHS

from index import sentence_ends, sentences

MARKED = [
    pytest.param(language, marked, id=f"{language}-{number}")
    for language, paragraphs in PARAGRAPHS.items()
    for number, marked in enumerate(paragraphs)
]


def _split(text: str, language: str | None = None) -> list[str]:
    return [" ".join(text[span.start : span.end].split()) for span in sentences(text, language)]


def _words(marked: list[str]) -> list[str]:
    return [" ".join(sentence.split()) for sentence in marked]


@pytest.mark.parametrize(("language", "marked"), MARKED)
def test_a_paragraph_has_the_sentences_that_a_person_marks(language: str, marked: list[str]) -> None:
    assert _split(" ".join(marked), language) == _words(marked)


@pytest.mark.parametrize("language", PARAGRAPHS)
def test_the_language_of_an_article_is_detected(language: str) -> None:
    article = "\n\n".join(" ".join(marked) for marked in PARAGRAPHS[language])
    assert _split(article) == [sentence for marked in PARAGRAPHS[language] for sentence in _words(marked)]


@pytest.mark.parametrize(("language", "marked"), MARKED)
def test_hard_wrapped_lines_do_not_change_the_sentences(language: str, marked: list[str]) -> None:
    rows = textwrap.wrap(" ".join(marked), width=45, break_on_hyphens=False)
    assert _split("\n".join(rows), language) == _words(marked)


ENGLISH = [
    ["J. R. R. Tolkien wrote it.", "He died in 1973."],
    ["U.S. officials met at 5 p.m. in Washington, D.C.", "They left at 9 a.m. on Monday."],
    ["No. 5 won by 3.5 points.", "See Fig. 3, p. 12 and Vol. 2 of the report."],
    ['He said, "Stop. Now."', "Then he left.", '"Really?" she asked.', "“I know. I saw it,” he said."],
    ["It rose and rose… and fell.", "It rose 3 percent...", "Then it fell (see No. 4).", "(He left.)", "She came."],
    ["Mr. Smith, Ph.D., works for Apple Inc. in the U.K.", "His plan B.", "The end?!", "Yes!"],
    ["It was tested by Jones et al. 1998 in approx. 4 kg of steam.[citation needed]", "Others did so, too."],
    ["The U.S. won.", "They came from the U.S.", "It was late.", "iPhones were sold.", "citechat quotes. `x` is code."],
    ["i went home.", "then i slept.", "what?", "it was late."],
    [
        "**Decision.**",
        "One process writes.",
        "**Why.**",
        "citechat is simple.",
        "The list is long, e.g. apples, pears, etc. and nuts.",
    ],
    ["Dr. Smith (史密斯) came in Sept. 2020.", "He left on Jan. 5."],
]


@pytest.mark.parametrize("marked", ENGLISH, ids=lambda marked: marked[0][:20])
def test_english_has_the_sentences_that_a_person_marks(marked: list[str]) -> None:
    marked = [part for sentence in marked for part in sentence.replace(" `", "\x00`").split("\x00")]
    assert _split(" ".join(marked)) == marked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Er kam am\n3. Mai 2021 an. Sie ging.", ["Er kam am 3. Mai 2021 an.", "Sie ging."]),
        ("Bis zum\n6. Lebensjahr ist es frei.", ["Bis zum 6. Lebensjahr ist es frei."]),
        ("Es waren 4 Mio.\nEuro. Das reicht.", ["Es waren 4 Mio. Euro.", "Das reicht."]),
        ("Themen sind:\n1. Mai\n2. Juni\n3. Juli", ["Themen sind:", "1. Mai", "2. Juni", "3. Juli"]),
        ("Der Umsatz stieg um\n3.5 Punkte.", ["Der Umsatz stieg um 3.5 Punkte."]),
    ],
)
def test_a_line_that_begins_with_a_number_is_a_list_item_only_in_a_list(text: str, expected: list[str]) -> None:
    assert _split(text, "de") == expected


@pytest.mark.parametrize(
    ("language", "marked"),
    [
        ("ru", ["Он пришёл в 5 ч. вечера.", "Она ушла."]),
        ("el", ["Ήρθε χθες.", "Έφυγε σήμερα."]),
        ("hi", ["वह आया।", "वह गया।"]),
    ],
)
def test_other_languages_are_split_by_the_library(language: str, marked: list[str]) -> None:
    assert _split(" ".join(marked), language) == marked
    many = " ".join(marked * 300)  # longer than what the library is given at a time
    assert _split(many, language) == marked * 300


def test_one_chinese_name_does_not_make_a_paragraph_chinese() -> None:
    assert _split("Er traf Xi Jinping (习近平) am 3. Mai. Danach reiste er ab.", "de") == [
        "Er traf Xi Jinping (习近平) am 3. Mai.",
        "Danach reiste er ab.",
    ]
    assert _split("他说好。她说不！", "de") == ["他说好。", "她说不！"]


HOSTILE = [
    "a. ",
    "1. ",
    "Dr. ",
    "z. B. ",
    ". . ",
    ".)",
    ".[",
    "...x",
    "„a ",
    '"a ',
    " »a.",
    "((",
    "``' ",
    "_",
    " \n",
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("language", ["de", "en"])
def test_many_stops_are_split_in_bounded_pieces(piece: str, language: str) -> None:
    text = f"x{piece * (300_000 // len(piece))}. X"
    ends = [0, *sentence_ends(text, language), len(text)]
    assert ends == sorted(ends)
    assert max(end - start for start, end in pairwise(ends)) <= 30_000


def test_a_text_without_words_has_at_most_one_sentence() -> None:
    assert [_split(text, "de") for text in ("", " \n ", ". . .", "…")] == [[], [], [". . ."], ["…"]]
