"""An answer as it is written, for programs: server-sent events, each a state of the answer."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from newsroom import newsroom
from scripted import Scripted
from servers import serving_chat

from rag import Answer, LLMError
from ui.api import ask as asking
from ui.api import queue
from ui.server import ServedChat

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

Answering = Callable[[Callable[[str], Any]], ServedChat]


def events(chat: ServedChat, question: str, **more: Any) -> list[tuple[str, Any]]:
    """Return name and value of every event; a comment is called ':'."""
    return list(streamed(chat, question, **more))


def streamed(chat: ServedChat, question: str, **more: Any) -> Iterator[tuple[str, Any]]:
    """Yield the same as it comes."""
    with httpx.stream(
        "POST", f"{chat.url}v1/ask", json={"question": question, "stream": True}, timeout=300, **more
    ) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        yield from _parsed(response.iter_lines())


def _parsed(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)
            name = ""
        elif line:
            yield ":", value


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedChat]:
    with serving_chat(newsroom(tmp_path_factory.mktemp("home")).assistant) as chat:
        yield chat


def test_an_answer_is_sent_as_it_is_written_and_the_last_state_is_the_answer(staged: ServedChat) -> None:
    sent = events(staged, "The harbour, slowly?")
    whole = httpx.post(f"{staged.url}v1/ask", json={"question": "The harbour, slowly?"}, timeout=300).json()
    names = [name for name, _ in sent]
    assert len(sent) > 3
    assert names == [""] * (len(sent) - 1) + ["done"]
    assert sent[0][1]["hits"] == whole["hits"], "the first has its sources already"
    assert {**sent[-1][1], "timings": None} == {**whole, "timings": None}


def test_a_client_may_ask_for_events_by_its_header(staged: ServedChat) -> None:
    reply = httpx.post(
        f"{staged.url}v1/ask", json={"question": "The ferry?"}, headers={"Accept": "text/event-stream"}, timeout=300
    )
    assert reply.headers["content-type"].startswith("text/event-stream")


def test_states_that_come_too_fast_are_passed_over_but_for_the_last(answering_with: Answering) -> None:
    def hasty(question: str) -> Iterator[Answer]:
        for number in range(2000):
            yield Answer(question, str(number))
        yield Answer(question, "whole", done=True)

    sent = events(answering_with(hasty), "How many?")
    assert len(sent) < 200
    assert sent[-1][0] == "done"
    assert sent[-1][1]["text"] == "whole"


def test_an_error_in_the_middle_is_an_event(answering_with: Answering, caplog: pytest.LogCaptureFixture) -> None:
    def failing(question: str) -> Iterator[Answer]:
        yield Answer(question, "Half")
        raise LLMError("the LLM is gone", "Start it.") if "model" in question else ZeroDivisionError("/secret")

    chat = answering_with(failing)
    with caplog.at_level(logging.ERROR, "ui.api"):
        assert events(chat, "The model?")[-1] == (
            "error",
            {"error": {"message": "the LLM is gone", "hint": "Start it."}},
        )
        told = events(chat, "A bug?")[-1]
    assert told[0] == "error"
    assert "secret" not in str(told)
    assert "/secret" in caplog.text


def test_while_nothing_comes_a_comment_says_that_it_goes_on(
    answering_with: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "KEEP_ALIVE_INTERVAL", 0.05)
    go_on = threading.Event()

    def slow(question: str) -> Iterator[Answer]:
        assert go_on.wait(300)
        yield Answer(question, "whole", done=True)

    names = []
    for name, _ in streamed(answering_with(slow), "Slowly?"):
        names.append(name)
        if names.count(":") >= 2:
            go_on.set()
    assert names[-1] == "done"


def test_an_answer_that_never_ends_is_cut(answering_with: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "STREAM_TIMEOUT", 0.3)
    closed = threading.Event()

    def endless(question: str) -> Iterator[Answer]:
        try:
            while True:
                time.sleep(0.01)
                yield Answer(question, str(time.monotonic()))
        finally:
            closed.set()

    name, told = events(answering_with(endless), "For ever?")[-1]
    assert name == "error"
    assert "took longer than" in told["error"]["message"]
    assert closed.wait(300)


def test_when_the_client_hangs_up_the_writing_stops_though_nothing_new_comes(answering_with: Answering) -> None:
    closed, go_on = threading.Event(), threading.Event()

    def waiting(question: str) -> Iterator[Answer]:
        try:
            yield Answer(question, "begun")
            assert go_on.wait(300)
            yield Answer(question, "more")
            yield Answer(question, "whole", done=True)
        finally:
            closed.set()

    chat = answering_with(waiting)
    for _ in range(queue.WORKERS + 1):
        closed.clear()
        go_on.clear()
        with httpx.stream(
            "POST", f"{chat.url}v1/ask", json={"question": "Long?", "stream": True}, timeout=300
        ) as response:
            next(response.iter_lines())
        time.sleep(0.2)
        go_on.set()
        assert closed.wait(300), "its place is free"


def test_one_too_many_is_sent_away_before_the_events_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.api.LONGEST_QUEUE", 0)
    monkeypatch.setattr("ui.api.WORKERS", 1)
    go_on, begun = threading.Event(), threading.Event()

    def waiting(question: str) -> Iterator[Answer]:
        begun.set()
        yield Answer(question, "begun")
        assert go_on.wait(300)
        yield Answer(question, "whole", done=True)

    with (
        serving_chat(Scripted(waiting)) as chat,
        httpx.stream("POST", f"{chat.url}v1/ask", json={"question": "One?", "stream": True}, timeout=300),
    ):
        assert begun.wait(300)
        second = httpx.post(f"{chat.url}v1/ask", json={"question": "Two?", "stream": True}, timeout=300)
        go_on.set()
    assert (second.status_code, second.headers["retry-after"]) == (503, "5")
