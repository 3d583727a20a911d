"""A follow-up question gets the context that it refers to."""

from __future__ import annotations

import pytest

from rag import Turn
from rag.questions.contextualize import contextualize

HISTORY = [Turn("user", "Who founded 360 Security Technology?"), Turn("assistant", "Zhou Hongyi founded it. [1]")]


@pytest.mark.parametrize(
    ("question", "searched"),
    [
        ("why?", "Who founded 360 Security Technology? why?"),
        ("Who is he?", "Zhou Hongyi 360 Security Technology Who is he?"),
        ("What did she say about China?", "Zhou Hongyi 360 Security Technology What did she say about China?"),
        ("What about its model?", "360 Security Technology What about its model?"),
        ("When did Zhou Hongyi found it?", "360 Security Technology When did Zhou Hongyi found it?"),
        ("And Baidu?", "Who founded 360 Security Technology? And Baidu?"),
    ],
)
def test_a_question_that_leans_on_what_was_said_carries_names_or_the_topic(question: str, searched: str) -> None:
    assert contextualize(question, HISTORY) == searched


def test_another_year_takes_the_place_of_the_one_before() -> None:
    history = [Turn("user", "How many chips were sold in 2021?"), Turn("assistant", "7 million were. [1]")]
    assert contextualize("and in 2022?", history) == "How many chips were sold in ? and in 2022?"


def test_what_is_meant_may_have_been_said_some_questions_ago() -> None:
    history = [*HISTORY, Turn("user", "why?"), Turn("assistant", "The articles do not say.")]
    assert contextualize("and then?", history) == "Who founded 360 Security Technology? and then?"
    assert contextualize("Where is it based?", history) == "360 Security Technology Where is it based?"


def test_where_nothing_was_named_the_last_question_is_carried() -> None:
    history = [Turn("user", "which company sells most chips?"), Turn("assistant", "the firm from Oslo. [1]")]
    assert contextualize("where is it?", history) == "which company sells most chips? where is it?"


@pytest.mark.parametrize(
    "question", ["Which universities have the most OpenAI employees?", "Who founded the company Boximator?"]
)
def test_a_question_that_stands_alone_is_left_as_it_is(question: str) -> None:
    assert contextualize(question, HISTORY) == question


def test_without_history_every_question_stands_alone() -> None:
    assert contextualize("why?", []) == "why?"


@pytest.mark.parametrize("text", ["汉" * 60_000, "who is he " * 60_000, "Ann Lee " * 60_000])
def test_a_long_history_does_not_make_a_long_query(text: str) -> None:
    assert len(contextualize("and he?", [Turn("user", text), Turn("assistant", text)])) < 3000
