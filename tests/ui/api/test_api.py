"""The assistant for programs: JSON in, JSON out, and nothing for pages of other sites."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hashing import HashingEncoder
from newsroom import newsroom
from pydantic import ValidationError
from scripted import Scripted
from servers import serving_chat

from index import Index, RequestFilter
from rag import Answer, AnswerOptions, Assistant, LLMError, Turn
from ui.api.queue import WORKERS
from ui.api.schemas import LONG_BODY, AskRequest, HistoryItem
from ui.server import ServedChat

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

Answering = Callable[[Callable[[str], Any]], ServedChat]
ASK = {"question": "Was it Monday that the harbour reopened on?"}


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    home = tmp_path_factory.mktemp("api")
    newsroom(home)
    return Assistant(Index(home / "index", HashingEncoder()), options=AnswerOptions(abstention_threshold=-1000))


@pytest.fixture(scope="module")
def chat(assistant: Assistant) -> Iterator[ServedChat]:
    with serving_chat(assistant) as served:
        yield served


def call(chat: ServedChat, path: str, value: Any = None, *, method: str = "", **headers: str) -> tuple[int, Any, Any]:
    """Status, value and headers of what comes back; bytes are sent as they are."""
    body = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    sent = {"Content-Type": "application/json"} if body is not None else {}
    sent |= {name.replace("_", "-"): text for name, text in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", chat.port, timeout=300)
    connection.request(method or ("GET" if body is None else "POST"), path, body, sent)
    response = connection.getresponse()
    data = response.read()
    connection.close()
    assert response.headers["Content-Type"] == "application/json", data[:200]
    return response.status, json.loads(data) if data else None, response.headers


def refusal(chat: ServedChat, path: str, value: Any = None, **more: str) -> tuple[int, str]:
    """The status and the words of an error."""
    status, told, _ = call(chat, path, value, **more)
    assert set(told) == {"error"}
    assert set(told["error"]) == {"message", "hint"}
    assert "Traceback" not in str(told)
    return status, told["error"]["message"]


def test_a_question_gets_the_same_answer_as_in_python(chat: ServedChat, assistant: Assistant) -> None:
    status, told, headers = call(chat, "/v1/ask", ASK)
    expected = json.loads(json.dumps(assistant.ask(ASK["question"]).to_dict()))
    assert status == 200
    assert {**told, "timings": None} == {**expected, "timings": None}
    assert told["citations"][0]["quote"] == "The harbour reopened on Monday after the storm."
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff", "the guard stands before it"
    assert headers["Access-Control-Allow-Origin"] is None


def test_articles_are_listed_without_and_read_with_their_text(chat: ServedChat, assistant: Assistant) -> None:
    _, listed, _ = call(chat, "/v1/articles")
    articles = assistant.articles()
    assert [set(each) for each in listed] == [{"id", "title", "source", "published", "language"}] * 2
    assert [(each["id"], each["title"], each["published"]) for each in listed] == [
        (article.id, article.title, article.published) for article in articles
    ]
    _, one, _ = call(chat, f"/v1/articles/{articles[0].id}")
    assert one == {**listed[0], "text": articles[0].text}
    assert refusal(chat, "/v1/articles/nowhere") == (404, "No article has this id.")


def test_what_was_said_before_and_a_choice_of_articles_reach_the_assistant(
    scripted: Scripted, answering_with: Answering
) -> None:
    chat = answering_with(lambda question: [Answer(question, done=True)])
    before = [{"question": "Who?", "answer": "Ann."}, {"question": "Where?"}, {"answer": "Here."}]
    article_filter = {"since": "2024", "until": "2024-03", "sources": ["Daily"], "articles": ["a1"]}
    assert call(chat, "/v1/ask", {**ASK, "history": before, "only": article_filter})[0] == 200
    assert scripted.heard == [
        (
            ASK["question"],
            [Turn("user", "Who?"), Turn("assistant", "Ann."), Turn("user", "Where?"), Turn("assistant", "Here.")],
            RequestFilter("2024", "2024-03", ("Daily",), ("a1",)),
        )
    ]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "Invalid request body"),
        (b"{", "Invalid request body"),
        (b"\xff{}", "Invalid request body"),
        (b"[" * 100_000, "Invalid request body"),
        (b'{"question": "\\ud800"}', "Invalid request body"),
        ([], "Invalid request body"),
        ({}, "'question'"),
        ({"question": 7}, "'question'"),
        ({"question": None}, "'question'"),
        ({"question": " "}, "'question': the question is empty"),
        ({"question": "a" * 2001}, "'question': the question has 2001 characters"),
        ({**ASK, "model": "openai:gpt"}, "'model'"),
        ({**ASK, "history": "before"}, "'history'"),
        ({**ASK, "history": [{}]}, "'history.0'"),
        ({**ASK, "history": [{"question": "Who?", "role": "system"}]}, "'history.0.role'"),
        ({**ASK, "only": {"since": "yesterday"}}, "'only.since': Invalid date 'yesterday'"),
        ({**ASK, "only": {"until": "2024-13"}}, "'only.until'"),
        ({**ASK, "only": {"sources": "Daily"}}, "'only.sources'"),
        ({**ASK, "only": {"where": 1}}, "'only.where'"),
        ({**ASK, "x" * 5000: 1}, "'xxx"),
    ],
)
def test_a_request_that_is_wrong_is_refused_naming_the_field(chat: ServedChat, body: Any, named: str) -> None:
    status, message = refusal(chat, "/v1/ask", body)
    assert status == (413 if "2001" in named else 400)
    assert named in message
    assert len(message) < 300


def test_what_no_article_has_is_no_error(chat: ServedChat) -> None:
    odd = {"sources": ["nobody\x00'; --"], "articles": ["", "é"]}
    status, told, _ = call(chat, "/v1/ask", {"question": "What\x00 now?", "only": odd})
    assert (status, told["found"], told["citations"]) == (200, False, [])


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_what_a_form_of_another_site_could_send_is_refused(chat: ServedChat, kind: str) -> None:
    assert refusal(chat, "/v1/ask", ASK, Content_Type=kind)[0] == 415
    assert call(chat, "/v1/ask", ASK, Content_Type="Application/JSON; charset=utf-8")[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "", "https://"])
def test_a_page_of_another_site_cannot_ask_or_read(chat: ServedChat, origin: str) -> None:
    assert refusal(chat, "/v1/ask", ASK, Origin=origin) == (403, "A page on another site sent this request.")
    assert refusal(chat, "/v1/articles", Origin=origin)[0] == 403


def test_a_page_of_this_server_can_ask(chat: ServedChat) -> None:
    assert call(chat, "/v1/ask", ASK, Origin=f"http://127.0.0.1:{chat.port}", Sec_Fetch_Site="same-origin")[0] == 200
    assert call(chat, "/v1/articles", Host="localhost:443", Origin="https://LOCALHOST")[0] == 200
    for site in ("cross-site", "same-site"):
        assert refusal(chat, "/v1/articles", Sec_Fetch_Site=site)[0] == 403


def test_addresses_and_methods_that_are_not_there_are_told(chat: ServedChat) -> None:
    for path in ("/v1", "/v1/", "/v1/nothing", "/v1/ask/", "/v1/articles/a/b"):
        assert refusal(chat, path)[0] == 404, path
    status, _, headers = call(chat, "/v1/ask")
    assert (status, headers["Allow"]) == (405, "POST")
    for method in ("PUT", "DELETE", "PATCH"):
        status, _, headers = call(chat, "/v1/articles", b"{}", method=method)
        assert (status, headers["Allow"]) == (405, "GET, POST")


def test_a_body_that_is_too_large_and_an_unknown_host_are_told_in_json(chat: ServedChat) -> None:
    assert refusal(chat, "/v1/ask", {"question": "x" * 2_000_000})[0] == 413
    assert refusal(chat, "/v1/ask", ASK, Host="evil.example")[0] == 400
    connection = http.client.HTTPConnection("127.0.0.1", chat.port, timeout=300)
    large = iter([b'{"question": "', b"x" * 600_000, b"x" * 600_000])
    connection.request("POST", "/v1/ask", large, {"Content-Type": "application/json"}, encode_chunked=True)
    response = connection.getresponse()
    assert (response.status, "error" in json.loads(response.read())) == (413, True)
    connection.close()


def test_a_model_that_fails_is_told_and_not_replaced_by_quotes(tmp_path: Path) -> None:
    staged = newsroom(tmp_path / "home").assistant.with_options(fallback=True)
    with serving_chat(staged) as chat:
        assert call(chat, "/v1/ask", {"question": "The ferry?"})[1]["model"] == "staged"
        status, message = refusal(chat, "/v1/ask", {"question": "It fails?"})
    assert status == 503
    assert "the LLM 'staged'" in message


def test_a_server_of_a_model_that_wants_to_be_left_alone_is_passed_on(answering_with: Answering) -> None:
    def busy(question: str) -> Iterator[Answer]:
        raise LLMError("the LLM is busy", "Wait.", retryable=True, wait=6.2)

    status, told, headers = call(answering_with(busy), "/v1/ask", ASK)
    assert (status, headers["Retry-After"]) == (503, "7")
    assert told == {"error": {"message": "the LLM is busy", "hint": "Wait."}}


def test_of_a_bug_only_the_log_tells(answering_with: Answering, caplog: pytest.LogCaptureFixture) -> None:
    def broken(question: str) -> Iterator[Answer]:
        raise ZeroDivisionError("/secret/path")

    with caplog.at_level(logging.ERROR, "ui.api.app"):
        assert refusal(answering_with(broken), "/v1/ask", ASK) == (500, "Something went wrong on the server.")
    assert "/secret/path" in caplog.text


def test_half_a_character_of_a_model_does_not_break_the_reply(answering_with: Answering) -> None:
    chat = answering_with(lambda question: [Answer(question, "half: \ud83d, whole: 港", done=True)])
    assert call(chat, "/v1/ask", ASK)[1]["text"] == "half: ?, whole: 港"


def test_four_are_answered_at_a_time_and_one_too_many_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.api.LONGEST_QUEUE", 2)
    may_answer, running, most = threading.Event(), [0], [0]
    counting = threading.Lock()

    def slowly(question: str) -> Iterator[Answer]:
        with counting:
            running[0] += 1
            most[0] = max(most[0], running[0])
        assert may_answer.wait(300)
        with counting:
            running[0] -= 1
        yield Answer(question, done=True)

    heard = Scripted(slowly)
    with serving_chat(heard) as chat, ThreadPoolExecutor(9) as clients:
        asked = [clients.submit(call, chat, "/v1/ask", ASK) for _ in range(9)]
        _until(lambda: sum(each.done() for each in asked) == 3)
        assert call(chat, "/v1/articles")[0] == 200, "who only reads does not wait"
        may_answer.set()
        told = [each.result() for each in asked]
        assert call(chat, "/v1/ask", ASK)[0] == 200, "and then there is room again"
    assert sorted(status for status, _, _ in told) == [200] * 6 + [503] * 3
    assert [headers["Retry-After"] for status, _, headers in told if status == 503] == ["5"] * 3
    assert most[0] == 4


def test_when_the_client_hangs_up_the_answer_is_not_written_to_its_end(answering_with: Answering) -> None:
    begun, closed, states = threading.Event(), threading.Event(), [0]

    def endless(question: str) -> Iterator[Answer]:
        if question != ASK["question"]:
            yield Answer(question, done=True)
            return
        try:
            while True:
                states[0] += 1
                begun.set()
                yield Answer(question)
                time.sleep(0.01)
        finally:
            closed.set()

    chat = answering_with(endless)
    for _ in range(WORKERS + 1):  # one more than there are places
        begun.clear()
        closed.clear()
        _ask_and_hang_up(chat, begun)
        assert closed.wait(300), "the assistant is stopped, and its place is free"
    assert call(chat, "/v1/ask", {"question": "Still there?"})[0] == 200


def _ask_and_hang_up(chat: ServedChat, begun: threading.Event) -> None:
    body = json.dumps(ASK).encode()
    head = f"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    with socket.create_connection(("127.0.0.1", chat.port)) as client:
        client.sendall(f"{head}\r\n\r\n".encode() + body)
        assert begun.wait(300)


def _until(holds: Any) -> None:
    deadline = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_other_requests_are_answered_while_a_long_body_is_read(chat: ServedChat, monkeypatch: Any) -> None:
    reading, may_go_on = threading.Event(), threading.Event()
    turns = HistoryItem.turns

    def slowly(item: HistoryItem) -> Iterator[Turn]:
        reading.set()
        assert may_go_on.wait(300)
        return turns(item)

    monkeypatch.setattr(HistoryItem, "turns", slowly)
    with ThreadPoolExecutor(1) as client:
        told = client.submit(call, chat, "/v1/ask", {**ASK, "history": [{"question": "x" * LONG_BODY}]})
        try:
            assert reading.wait(300)
            connection = http.client.HTTPConnection("127.0.0.1", chat.port, timeout=30)
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200
            assert not told.done()
            connection.close()
        finally:
            may_go_on.set()
        assert told.result()[0] == 200


def test_only_the_first_of_many_wrong_items_is_looked_at(chat: ServedChat) -> None:
    many = b"[" + b"0," * 400_000 + b"0]"
    for path, body in (
        ("/v1/ask", b'{"question": "?", "history": %s}'),
        ("/v1/ask", b'{"question": "?", "only": {"sources": %s}}'),
        ("/v1/chat/completions", b'{"model": "citechat", "messages": %s}'),
        ("/v1/chat/completions", b'{"model": "citechat", "messages": [{"role": "user", "content": %s}]}'),
    ):
        status, told = refusal(chat, path, body % many)
        assert status == 400
        assert "Invalid field" in told
    with pytest.raises(ValidationError) as caught:
        AskRequest.model_validate_json(b'{"question": "?", "history": %s}' % many)
    assert caught.value.error_count() == 1


@pytest.mark.parametrize(
    ("only", "named"),
    [
        ({"sources": ["a"] * 195_000}, "names 195,000 sources, and at most 100"),
        ({"articles": ["a"] * 1001}, "names 1,001 articles, and at most 1,000"),
    ],
)
def test_a_filter_with_too_many_names_is_refused(chat: ServedChat, only: Any, named: str) -> None:
    status, told = refusal(chat, "/v1/ask", {**ASK, "only": only})
    assert status == 400
    assert named in told
