"""One served chat for the tests of the API, whose assistant answers as the running test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from scripted import Scripted
from servers import serving_chat

from rag import Answer
from ui.server import ServedChat


@pytest.fixture(scope="package")
def _scripted_chat() -> Iterator[tuple[Scripted, ServedChat]]:
    scripted = Scripted(None)
    with serving_chat(scripted) as chat:
        yield scripted, chat


@pytest.fixture
def scripted(_scripted_chat: tuple[Scripted, ServedChat]) -> Scripted:
    """The assistant of `answering_with`; it has heard nothing yet."""
    _scripted_chat[0].answers = lambda question: [Answer(question, done=True)]
    _scripted_chat[0].heard.clear()
    return _scripted_chat[0]


@pytest.fixture
def answering_with(
    scripted: Scripted, _scripted_chat: tuple[Scripted, ServedChat]
) -> Callable[[Callable[[str], Any]], ServedChat]:
    """Return the chat after its assistant was given a function that answers questions."""

    def answering(answers: Callable[[str], Any]) -> ServedChat:
        scripted.answers = answers
        return _scripted_chat[1]

    return answering
