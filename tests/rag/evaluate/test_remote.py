"""A chat that is being served is evaluated as the Python function is; what is wrong with a server is said."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hashing import HashingEncoder
from newsroom import newsroom
from servers import free_port, serving_chat
from wires import Reset, serving

from index import Index
from rag import AnswerOptions, Assistant, Settings, Turn
from rag.evaluate import Case, CaseResult, Evidence, evaluate, remote
from rag.evaluate.remote import RemoteAssistant, ServerError
from rag.evaluate.testset.cases import PastTurn
from ui.security.access import open_accounts
from ui.server import ServedChat

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

CRANE = "The crane fell during the storm."
EVERY_HOUR = "The ferry to the island sails every hour."
CASES = (
    Case(id="crane", question="The crane fell in the storm?", answers=("the storm",), evidence=(Evidence(text=CRANE),)),
    Case(
        id="ferry",
        question="The ferry sails every hour to the island?",
        answers=("every hour",),
        evidence=(Evidence(text=EVERY_HOUR, source="The Evening Paper"),),
    ),
    Case(
        id="elsewhere",
        question="The crane fell in the storm?",
        evidence=(Evidence(text=EVERY_HOUR, source="https://daily.example/harbour"),),
    ),
    Case(
        id="then",
        question="And what of the roof?",
        answers=("Northport",),
        history=(PastTurn(role="user", text="The city of Northport?"), PastTurn(role="assistant", text="It pays.")),
    ),
    Case(id="long", question="crane " * 500, answers=("none",)),
    Case(id="moon", question="Who walked there?", answerable=False),
)
LISTED = [{"id": "a1", "title": "The port", "source": "The Daily", "published": None, "language": "en"}]
TWICE_COMPRESSED = gzip.compress(gzip.compress(json.dumps(LISTED).encode()))
ANSWER = {"text": "Ten.", "found": True, "sentences": [], "citations": [], "hits": [], "trust": 0.5, "model": "x"}


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    home = tmp_path_factory.mktemp("served")
    newsroom(home)
    return Assistant(Index(home / "index", HashingEncoder()), options=AnswerOptions(abstention_threshold=-1000))


@pytest.fixture(scope="module")
def chat(assistant: Assistant) -> Iterator[ServedChat]:
    with serving_chat(assistant) as served:
        yield served


def said(status: int, value: Any, kind: str = "application/json", **headers: str) -> list[bytes]:
    """A scene: one whole response."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    lines = [f"HTTP/1.1 {status} Said", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
    return ["\r\n".join([*lines, "", ""]).encode() + body]


def told(message: str, hint: str = "") -> dict[str, Any]:
    return {"error": {"message": message, "hint": hint}}


def without_cost(row: CaseResult) -> CaseResult:
    return replace(row, cost=None)


def test_rows_are_those_of_the_python_function_but_for_what_they_cost(chat: ServedChat, assistant: Assistant) -> None:
    here, there = evaluate(assistant, CASES), evaluate(RemoteAssistant(chat.url), CASES)
    assert len(here.results) == len(CASES)
    *same, too_long, last = zip(here.results, there.results, strict=True)
    for one, other in (*same, last):
        assert without_cost(one) == without_cost(other)
    assert [row.error for row in (too_long[0], too_long[1])] == [
        "QuestionError: the question has 2999 characters, more than 2000",
        f"ServerError: The server '{chat.url[:-1]}' answered 413: Invalid field 'question': the question has "
        "2999 characters, more than 2000",
    ]
    assert here.results[0].right
    assert here.results[2].evidence_seen is False, (
        "evidence of another article is not found where it was only retrieved"
    )
    cost = there.results[0].cost
    assert cost is not None
    assert cost.seconds["request"] > cost.seconds["total"] > 0


def test_articles_come_with_their_texts_and_one_that_is_not_there_is_none(
    chat: ServedChat, assistant: Assistant
) -> None:
    there = RemoteAssistant(chat.url)
    assert [(a.id, a.title, a.source, a.text, a.published, a.language) for a in there.articles()] == [
        (a.id, a.title, a.source, a.text, a.published, a.language) for a in assistant.articles()
    ]
    assert there.article("../ask") is None
    assert there.article("nowhere") is None


def test_a_conversation_is_handed_on_turn_by_turn() -> None:
    with serving(said(200, LISTED), said(200, ANSWER)) as server:
        turns = [Turn("assistant", "Hello."), Turn("user", "Who?"), Turn("user", "When?"), Turn("assistant", "Then.")]
        reply = RemoteAssistant(server.url).reply("Why?", [*turns, Turn("user", "And?")])
        assert reply.text == "Ten."
        history = [{"answer": "Hello."}, {"question": "Who?"}, {"question": "When?", "answer": "Then."}]
        assert server.requests[1] == {"question": "Why?", "history": [*history, {"question": "And?"}]}


def test_an_article_is_read_once_because_its_id_is_of_its_text() -> None:
    with serving(said(200, LISTED), said(200, {**LISTED[0], "text": "It reopened."})) as server:
        there = RemoteAssistant(server.url)
        assert there.article("a1") is there.article("a1")
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("scene", "message"),
    [
        (said(200, b"<html>Welcome</html>", "text/html"), "it answered with status 200 and a web page"),
        (said(404, b"Not found", "text/plain"), "answered with status 404 and text/plain"),
        (said(404, {"detail": "Not Found"}), "answered with status 404 and application/json"),
        (said(302, b"", Location="http://elsewhere.example/"), "redirects elsewhere (status 302)"),
        (said(200, TWICE_COMPRESSED, Content_Encoding="gzip, gzip"), "sent a compressed response"),
        (said(200, {"data": []}), "returned articles in an unexpected format (the whole reply"),
        (said(200, [{"id": 7}]), "returned articles in an unexpected format (0.id"),
        (said(200, b"\xff\x00"), "returned articles in an unexpected format"),
        (said(503, told("the index is being built", "Wait.")), "answered 503: the index is being built"),
        (said(503, told("it is\x1b[31m\r\n  gone\x07", "Wait.")), "answered 503: it is [31m gone"),
        ([b"SSH-2.0-OpenSSH_9\r\n"], "cannot be reached"),
        ([Reset()], "cannot be reached"),
        ([b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n[{"], "cannot be reached"),
    ],
)
def test_what_is_no_chat_is_told_at_once(scene: list[Any], message: str) -> None:
    with serving(scene) as server, pytest.raises(ServerError) as raised:
        RemoteAssistant(f"{server.url}/")
    assert raised.value.message.startswith(f"The server {server.url!r} ")
    assert message in raised.value.message
    assert raised.value.hint


def test_a_server_that_is_not_there_is_told_with_what_to_do() -> None:
    with pytest.raises(ServerError, match="cannot be reached") as raised:
        RemoteAssistant(f"http://127.0.0.1:{free_port()}")
    assert "citechat chat" in raised.value.hint


@pytest.mark.parametrize("drips", [False, True])
def test_a_server_that_is_slow_is_not_waited_for(drips: bool) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
    pause = [threading.Event()] if not drips else [b"[", *[_Pause(0.1), b" "] * 3000]
    with serving([head, *pause]) as server, pytest.raises(ServerError, match=r"within 0\.5 s"):
        RemoteAssistant(server.url, timeout=0.5)


class _Pause(threading.Event):
    """Waits that long and no longer."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(self.seconds)


@pytest.mark.parametrize(
    ("scene", "message"),
    [
        (said(503, told("the LLM failed")), "answered 503: the LLM failed"),
        (said(500, b"<h1>Oops</h1>", "text/html"), "answered with status 500 and a web page"),
        (said(200, {"text": "Ten."}), "returned something other than an answer"),
        (said(200, b"<p>", "application/json"), "returned something other than an answer"),
        ([Reset()], "cannot be reached"),
    ],
)
def test_one_question_that_fails_is_a_row_that_is_wrong(scene: list[Any], message: str) -> None:
    cases = [Case(id=name, question=name, answers=("Ten",)) for name in ("one", "two")]
    with serving(said(200, LISTED), scene, said(200, ANSWER)) as server:
        one, two = evaluate(RemoteAssistant(server.url), cases).results
    assert one.error is not None
    assert one.error.startswith("ServerError: The server ")
    assert message in one.error
    assert (one.right, two.right) == (False, True)


def test_a_server_that_asks_to_be_left_alone_is_asked_again_then(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(remote, "time", SimpleNamespace(sleep=slept.append, monotonic=time.monotonic))
    busy = said(503, told("too many"), Retry_After="5")
    with serving(said(200, LISTED), busy, busy, said(200, ANSWER)) as server:
        assert RemoteAssistant(server.url).reply("Why?").text == "Ten."
    assert slept == [5.0, 5.0]
    slept.clear()
    with serving(said(200, LISTED), busy) as server, pytest.raises(ServerError, match="answered 503: too many"):
        RemoteAssistant(server.url).reply("Why?")
    assert slept == [5.0] * 3, "but not for ever"
    slept.clear()
    with serving(said(200, LISTED), busy) as server, pytest.raises(ServerError):
        RemoteAssistant(server.url, timeout=4).reply("Why?")
    assert slept == [], "nor for longer than a reply may take"


@pytest.mark.parametrize(
    "url", ["", "chat.example", "ftp://chat.example", "http://", "http://h:0", "http://h:port", "http://[::1"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ServerError, match="is not a web address"):
        RemoteAssistant(url)


@pytest.mark.parametrize("url", ["http://h/?token=hunter2hunter2", "http://h/#hunter2hunter2"])
def test_an_address_with_a_query_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ServerError, match="has a query or fragment") as raised:
        RemoteAssistant(url)
    assert "hunter2" not in str(raised.value)


def test_a_password_in_the_address_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")  # would be asked, were the environment trusted
    secret = "hunter2%2Fhunter2"
    asking = told("wrong password: hunter2/hunter2 or hunter2%2Fhunter2 of ann")
    with serving(said(401, asking)) as server, pytest.raises(ServerError) as raised:
        RemoteAssistant(server.url.replace("//", f"//ann:{secret}@"))
    assert "answered 401: wrong password: *** or *** of ***" in raised.value.message
    for url in (
        f"http://ann:{secret}@127.0.0.1:{free_port()}",
        f"http://ann:{secret}@h:x",
        f"http://ann:{secret}@h/?a",
    ):
        with pytest.raises(ServerError) as raised:
            RemoteAssistant(url)
        assert "hunter2" not in str(raised.value)
        assert raised.value.__cause__ is None


def test_a_server_with_keys_is_asked_with_one(assistant: Assistant, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    keys = open_accounts(settings).keys
    key, other = keys.create("evaluation")[1], keys.create("revoked")
    keys.revoke(other[0].id)
    with serving_chat(assistant, settings=settings) as served:
        there = RemoteAssistant(served.url, key=key)
        assert there.reply(CASES[0].question).found
        assert len([*there.articles()]) == len([*assistant.articles()])
        for wrong, message in ((None, "The key is missing."), (other[1], "Invalid key."), ("wrong", "Invalid key.")):
            with pytest.raises(ServerError, match=f"answered 401: {message}") as raised:
                RemoteAssistant(served.url, key=wrong)
            assert "CITECHAT_SERVER_API_KEY" in raised.value.hint


def test_a_key_is_sent_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    key = "citechat_hunter2hunter2"
    caplog.set_level("DEBUG")
    scene = said(503, told(f"unknown key {key}", f"Not Bearer {key}."))
    with serving(scene) as server, pytest.raises(ServerError) as raised:
        RemoteAssistant(server.url, key=key)
    assert "answered 503: unknown key ***" in raised.value.message
    with pytest.raises(ServerError, match="Only one of them") as both:
        RemoteAssistant("http://ann:hunter2@127.0.0.1:1", key=key)
    assert "hunter2" not in f"{raised.value} {raised.value.hint} {both.value} {both.value.hint} {caplog.text}"


def test_with_a_path_before_it_the_chat_is_found(tmp_path: Path) -> None:
    with serving(said(200, LISTED)) as server:
        assert [each.id for each in RemoteAssistant(f"{server.url}/chat/").article_metadata()] == ["a1"]
