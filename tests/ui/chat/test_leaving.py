"""Answers are written for so many readers at a time: who leaves, or stops, makes room for who waits. Really served."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from servers import close_the_loop

from index import Article, ArticleFilter, Hit, Passage
from rag import Answer, AnswerOptions, Turn
from ui.server import ServedChat, build_app, launch_app

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

BENCH = Path(__file__).resolve().parents[3] / "bench"
AT_A_TIME = 4  # answers, as `ui/chat/page.py` says
DEADLINE = 300.0  # seconds for what must happen at all
TEXT = "The harbour reopened on Monday. Ships came back."


class Unending:
    """Begins every answer and ends none: it goes on writing, or falls silent where the question says so."""

    model = "unending"
    options = AnswerOptions()

    def __init__(self) -> None:
        self.over = threading.Event()
        self.heard: list[str] = []

    def article_metadata(self) -> tuple[Article, ...]:
        return (Article("a1", "The port", "The Daily", TEXT),)

    def article(self, article_id: str) -> Article:
        return self.article_metadata()[0]

    def stream(
        self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None
    ) -> Iterator[Answer]:
        self.heard.append(question)
        answer = Answer(question, hits=(Hit(Passage("a1", 0, len(TEXT), TEXT), "The port", "The Daily", "", 1.0),))
        for words in range(1, 10_000):
            yield replace(answer, text="word " * words)
            if self.over.wait(2 * DEADLINE if "silent" in question else 0.1):
                return


@pytest.fixture(scope="module")
def assistant() -> Unending:
    return Unending()


@pytest.fixture(scope="module")
def chat(assistant: Unending) -> Iterator[ServedChat]:
    served = launch_app(build_app(assistant), port=0)  # type: ignore[arg-type]
    yield served
    assistant.over.set()
    served.close()
    close_the_loop()


@pytest.fixture
def opened(chat: ServedChat, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Any]]:
    """Opens a page of the chat, as its bench does; each is closed at the end."""
    monkeypatch.syspath_prepend(str(BENCH))
    page = importlib.import_module("readers_page").Page
    with ExitStack() as pages:
        yield lambda: pages.enter_context(page(chat.url))


def ask(page: Any, question: str, message: str) -> Iterator[dict[str, Any]]:
    """Ask, and wait until the page is told so; what it is told afterwards."""
    page.ask(question)
    told: Iterator[dict[str, Any]] = page.states()
    until(told, message)
    return told


def until(told: Iterator[dict[str, Any]], message: str) -> None:
    assert any(said["msg"] == message for said in told), f"no {message} came"


def its_turn_comes_after(free: Callable[[], None], told: Iterator[dict[str, Any]]) -> None:
    """A reader who waits has no turn before `free`, and has one afterwards; no answer ends by itself meanwhile."""
    turn = threading.Event()

    def wait() -> None:
        until(told, "process_generating")
        turn.set()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    assert not turn.wait(0.5), "all places are taken"
    free()
    assert turn.wait(DEADLINE), "no place was freed"
    thread.join()


@pytest.mark.parametrize("manner", ["talkative", "silent"])
@pytest.mark.parametrize("how", ["close", "stop"])
def test_who_closes_the_tab_or_stops_makes_room_for_who_waits(opened: Callable[[], Any], how: str, manner: str) -> None:
    """Even when the model that writes has fallen silent."""
    answered = [opened() for _ in range(AT_A_TIME)]
    for page in answered:
        ask(page, f"Be {manner}", "process_generating")
    told = ask(opened(), "Be talkative", "estimation")
    its_turn_comes_after(getattr(answered[1], how), told)


def test_a_connection_that_breaks_makes_room_as_soon_as_another_word_is_written(opened: Callable[[], Any]) -> None:
    answered = [opened() for _ in range(AT_A_TIME)]
    for page in answered:
        ask(page, "Be talkative", "process_generating")
    told = ask(opened(), "Be talkative", "estimation")
    its_turn_comes_after(lambda: answered[1]._hang_up(-1), told)


def test_a_question_whose_reader_has_left_is_not_answered_when_its_turn_comes(
    opened: Callable[[], Any], assistant: Unending
) -> None:
    answered = [opened() for _ in range(AT_A_TIME)]
    for page in answered:
        ask(page, "Be talkative", "process_generating")
    leaves = opened()
    ask(leaves, "Be talkative, if I am still here", "estimation")
    stays = ask(opened(), "Be talkative, for I wait", "estimation")
    leaves.close()
    its_turn_comes_after(answered[1].close, stays)
    give_up = time.monotonic() + DEADLINE
    while "Be talkative, for I wait" not in assistant.heard:  # its turn is told before it is asked
        assert time.monotonic() < give_up
        time.sleep(0.01)
    assert "Be talkative, if I am still here" not in assistant.heard
