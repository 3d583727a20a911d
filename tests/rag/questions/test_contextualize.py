"""A follow-up question gets the context that it refers to."""

from __future__ import annotations

import pytest

from rag import Turn
from rag.questions.contextualize import contextualize, needs_subject

HISTORY = [Turn("user", "Who founded 360 Security Technology?"), Turn("assistant", "Zhou Hongyi founded it. [1]")]


@pytest.mark.parametrize(
    ("question", "searched"),
    [
        ("why?", "Why: Who founded 360 Security Technology?"),
        ("Who is he?", "Who is Zhou Hongyi?"),
        ("What did she say about China?", "What did Zhou Hongyi say about China?"),
        ("What about its model?", "360 Security Technology What about its model?"),
        ("When did Zhou Hongyi found it?", "When did Zhou Hongyi found 360 Security Technology?"),
        ("And Baidu?", "Who founded Baidu?"),
        ("and what does Lu Yanxia say?", "What does Lu Yanxia say?"),
    ],
)
def test_a_question_that_leans_on_what_was_said_carries_names_or_the_topic(question: str, searched: str) -> None:
    assert contextualize(question, HISTORY) == searched


def test_another_year_takes_the_place_of_the_one_before() -> None:
    history = [Turn("user", "How many chips were sold in 2021?"), Turn("assistant", "7 million were. [1]")]
    assert contextualize("and in 2022?", history) == "How many chips were sold in 2022?"


def test_what_is_meant_may_have_been_said_some_questions_ago() -> None:
    history = [*HISTORY, Turn("user", "why?"), Turn("assistant", "The articles do not say.")]
    assert contextualize("and then?", history) == "Who founded 360 Security Technology? and then?"
    assert contextualize("Where is it based?", history) == "Where is 360 Security Technology based?"


@pytest.mark.parametrize(
    ("question", "searched"),
    [
        ("the second one", "Tell me about Rail"),
        ("What about the last one?", "Tell me about Roads"),
        ("#1", "Tell me about Trams"),
    ],
)
def test_an_ordinal_means_a_line_of_the_last_answer(question: str, searched: str) -> None:
    listed = "3 things:\n- **Trams** — They run. [1]\n- **Rail** — It is late. [1]\n- **Roads** — They are full. [1]"
    history = [Turn("user", "List the ways to travel"), Turn("assistant", listed)]
    assert contextualize(question, history) == searched
    assert contextualize("the fifth one", history) != "Tell me about Roads"


def test_where_nothing_was_named_the_last_question_is_carried() -> None:
    history = [Turn("user", "which company sells most chips?"), Turn("assistant", "the firm from Oslo. [1]")]
    assert contextualize("where is it?", history) == "which company sells most chips? where is it?"


@pytest.mark.parametrize(
    "question", ["Which universities have the most OpenAI employees?", "Who founded the company Boximator?"]
)
def test_a_question_that_stands_alone_is_left_as_it_is(question: str) -> None:
    assert contextualize(question, HISTORY) == question


@pytest.mark.parametrize(
    "question", ["Why did it happen?", "why", "what caused this", "Who is responsible?", "when was it"]
)
def test_a_question_without_words_of_its_own_needs_a_subject(question: str) -> None:
    assert needs_subject(question)


@pytest.mark.parametrize("question", ["Why did the bridge close?", "who was hurt", "What did it cost?", "为什么？桥"])
def test_a_question_with_words_of_its_own_needs_no_subject(question: str) -> None:
    assert not needs_subject(question)


def test_without_history_every_question_stands_alone() -> None:
    assert contextualize("why?", []) == "why?"


@pytest.mark.parametrize("text", ["汉" * 60_000, "who is he " * 60_000, "Ann Lee " * 60_000])
def test_a_long_history_does_not_make_a_long_query(text: str) -> None:
    assert len(contextualize("and he?", [Turn("user", text), Turn("assistant", text)])) < 3000
