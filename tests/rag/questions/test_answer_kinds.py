"""What a question asks for, and the short answer inside a sentence."""

from __future__ import annotations

import pytest

from rag.questions.answer_kinds import asked_kind, holds_kind, lacks_quantity, short_answer


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("How many parameters might Sora have?", "number"),
        ("What percentage of them left?", "number"),
        ("When was it founded?", "date"),
        ("In which year did it close?", "date"),
        ("Who founded it?", None),
        ("Why did it close?", None),
    ],
)
def test_the_kind_is_told_from_the_words_of_the_question(question: str, kind: str | None) -> None:
    assert asked_kind(question) == kind


def test_a_number_that_the_question_says_itself_is_no_answer() -> None:
    assert not holds_kind("number", "How many of the 16 dimensions matter?", "There are 16 dimensions.")
    assert holds_kind("number", "How many of the 16 dimensions matter?", "Of 16 dimensions, three matter.")


def test_the_number_in_a_product_name_is_no_number() -> None:
    assert not holds_kind("number", "How many are there?", "Gen-2 is a model.")


@pytest.mark.parametrize(
    ("question", "sentence", "short"),
    [
        ("How many parameters might Sora have?", "He estimated around 3 billion parameters.", "3 billion"),
        ("How much did it cost?", "It cost $1,250.50 in all.", "$1,250.50"),
        ("How many firms?", "Ten of these firms were picked.", "Ten"),
        ("What percentage left?", "About 12 percent left.", "12 percent"),
        ("When was the conference?", "It met on October 17, 2023, in Beijing.", "October 17, 2023"),
        ("When was it?", "It was on 17 October 2023.", "17 October 2023"),
        ("Who co-founded Pika?", "Pika, co-founded by Guo Wenjing, is good.", "Guo Wenjing"),
        ("How soon will it come?", "It may come within one or two months.", "one or two months"),
        ("How many are left?", "Of 16 there were 3 left.", None),
        ("Who is he?", "Nobody knows.", None),
        ("What does it do?", "It makes 3 videos.", None),
    ],
)
def test_the_short_answer_is_found_inside_the_sentence(question: str, sentence: str, short: str | None) -> None:
    found = short_answer(question, sentence)
    assert (sentence[found.start : found.end] if found else None) == short


@pytest.mark.parametrize(
    ("question", "sentence", "lacks"),
    [
        ("How many firms were picked?", "The watchdog did not name the firms.", True),
        ("How many firms were picked?", "Ten of these firms were picked.", False),
        ("How many firms were picked?", "Most of them were.", False),
        ("How many of the 16 firms were picked?", "There are 16 firms.", True),
        ("How many chips does it need?", "It may not need as many chips as one would think.", True),
        ("What is the price of a licence?", "It will be one of the first to buy a licence once it is sold.", True),
        ("What is the price of a licence?", "A licence costs $20.", False),
        ("How long does it take?", "The outcome is known in seconds.", False),
        ("How long did they stay?", "They stayed well into the nineteenth century.", False),
        ("How often does it meet?", "It meets when the chair calls it.", False),  # an event answers this
        ("How soon will it come?", "It comes when the chair calls it.", False),
        ("Who picked the firms?", "The watchdog did not name the firms.", False),
        ("When did it close?", "It closed after the strike.", False),
    ],
)
def test_a_sentence_without_any_quantity_cannot_say_how_many(question: str, sentence: str, lacks: bool) -> None:
    assert lacks_quantity(question, sentence) is lacks
