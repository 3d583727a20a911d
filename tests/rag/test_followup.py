"""A question that leans on the one before is made to stand alone."""

from __future__ import annotations

import pytest

from rag import Turn
from rag.followup import stand_alone

HISTORY = [Turn("user", "Who founded 360 Security Technology?"), Turn("assistant", "Zhou Hongyi founded it. [1]")]


@pytest.mark.parametrize("question", ["and in 2022?", "What did he say?", "why?", "What about its model?"])
def test_a_question_that_leans_on_the_last_one_carries_it_along(question: str) -> None:
    assert stand_alone(question, HISTORY) == f"Who founded 360 Security Technology? {question}"


@pytest.mark.parametrize("question", ["Which universities have the most OpenAI employees?"])
def test_a_question_that_stands_alone_is_left_as_it_is(question: str) -> None:
    assert stand_alone(question, HISTORY) == question


def test_without_history_every_question_stands_alone() -> None:
    assert stand_alone("why?", []) == "why?"
