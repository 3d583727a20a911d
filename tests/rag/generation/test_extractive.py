"""The answer with no LLM: which sentence is quoted, and what it brings along."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from index import Encoder, Index
from rag import Assistant, load_settings, open_index

TEXT = """The board met on Monday in Oslo to talk about the new bridge over the fjord.

Maria Holm leads the works on the northern side of the fjord. She expects the bridge to open in the spring of 2031.

The engineer Jonas Lie named several materials for the deck. “You could use steel, concrete or timber,” he said.

The bridge will have these lanes:

- two lanes for cars
- one lane for trams
- one lane for bicycles

The toll has not been decided.

The crossing by ferry takes forty minutes.

“People want to get home,” said Petra Oyen, who lives on the island.
"""


@pytest.fixture
def assistant(tmp_path: Path, bundled_encoder: Encoder) -> Assistant:
    (tmp_path / "bridge.txt").write_text(TEXT, encoding="utf-8")
    index = Index(tmp_path / "index", bundled_encoder)
    index.sync([tmp_path / "bridge.txt"])
    return Assistant(index)


def _quote(assistant: Assistant, question: str) -> str:
    answer = assistant.ask(question)
    citation = answer.citations[0]
    assert TEXT[citation.start : citation.end] == citation.quote
    return citation.quote


def test_the_sentence_that_answers_is_quoted_exactly(assistant: Assistant) -> None:
    assert _quote(assistant, "Where did the board meet?").startswith("The board met on Monday in Oslo")


def test_a_sentence_that_opens_with_a_pronoun_brings_the_one_before(assistant: Assistant) -> None:
    quote = _quote(assistant, "When is the bridge expected to open?")
    assert quote.startswith("Maria Holm leads")
    assert quote.endswith("in the spring of 2031.")


def test_a_sentence_that_a_quotation_follows_brings_it(assistant: Assistant) -> None:
    quote = _quote(assistant, "Which materials did the engineer Jonas Lie name for the deck?")
    assert quote.endswith("“You could use steel, concrete or timber,” he said.")


def test_a_quotation_of_somebody_else_is_not_brought(assistant: Assistant) -> None:
    assert _quote(assistant, "How long does the ferry take?") == "The crossing by ferry takes forty minutes."


def test_a_line_that_announces_a_list_brings_the_list(assistant: Assistant) -> None:
    quote = _quote(assistant, "Which lanes will the bridge have?")
    assert "The bridge will have these lanes:" in quote
    assert quote.endswith("- one lane for bicycles")


def test_the_short_answer_is_marked_inside_the_quote(assistant: Assistant) -> None:
    answer = assistant.ask("In which year will the bridge open?")
    focus = answer.sentences[0].focus
    assert focus is not None
    assert answer.text[focus.start : focus.end] == "2031"


def test_how_many_is_answered_by_a_sentence_that_holds_a_quantity(samples_home: Path) -> None:
    """The sentence before has more of the question's words, but says no number."""
    samples = Assistant(open_index(load_settings(home=samples_home)))
    answer = samples.ask("How many state-owned companies are supposed to lead the way on AI?")
    assert "Ten of them were chosen" in answer.citations[0].quote


NUMBERED = """[2] Quibblex said that the Zorblax engine doubles its power [3, 4].

Marla Venn leads the Zorblax project in Delft【1】. The project has a budget of 40 million euros [12].

- Zorblax one [1] runs in Delft.
- Zorblax two [2] runs in Breda.
"""


@pytest.mark.parametrize(
    ("question", "shown"),
    [
        ("What did Quibblex say?", "(2) Quibblex said that the Zorblax engine doubles its power (3, 4). [1]"),
        ("Who leads the Zorblax project?", "Marla Venn leads the Zorblax project in Delft(1). [1]"),
        ("What is the budget of the project?", "has a budget of 40 million euros (12). [1]"),
        ("What is this about?", "(2) Quibblex said that"),
    ],
)
def test_numbers_in_brackets_of_an_article_do_not_look_like_citations(
    tmp_path: Path, bundled_encoder: Encoder, question: str, shown: str
) -> None:
    (tmp_path / "zorblax.txt").write_text(NUMBERED, encoding="utf-8")
    index = Index(tmp_path / "index", bundled_encoder)
    index.sync([tmp_path / "zorblax.txt"])
    answer = Assistant(index).ask(question)
    assert shown in answer.text
    assert set(re.findall(r"\[(\d+)\]", answer.text)) == {
        str(number) for each in answer.sentences for number in each.numbers
    }
    for sentence in answer.sentences:
        assert answer.text.startswith(sentence.text, sentence.start)
    for citation in answer.citations:
        assert NUMBERED[citation.start : citation.end] == citation.quote
