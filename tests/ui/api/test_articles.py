"""Articles added and removed by programs, test sets run by them, and who may not."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from newsroom import newsroom
from servers import serving_chat
from starlette.applications import Starlette
from starlette.testclient import TestClient

from index import UploadBudget
from rag import load_settings
from ui.api import api_routes, articles
from ui.chat.services import services_of
from ui.security.request_guard import LARGEST_BODY, RequestGuard

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

STORY = "The lighthouse of Southport was lit again on Friday. Nobody had seen its light for nine years."


def client_of(staged: Any, services: Any, **options: Any) -> TestClient:
    app = RequestGuard(Starlette(routes=api_routes(staged.assistant, services, **options)))
    return TestClient(app, base_url="http://localhost")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    staged = newsroom(tmp_path / "home")
    with client_of(staged, staged.services) as opened:
        yield opened


def test_a_file_is_added_asked_about_and_removed(client: httpx.Client) -> None:
    added = client.post("/v1/articles", files=[("file", ("light.txt", STORY.encode())), ("file", ("empty.txt", b""))])
    assert added.status_code == 200
    rows = added.json()["added"]
    assert [(row["name"], row["state"], row["articles"]) for row in rows] == [
        ("light.txt", "added", 1),
        ("empty.txt", "failed", 0),
    ]
    assert rows[1]["detail"]
    (article,) = [each for each in client.get("/v1/articles").json() if "lighthouse" in each["title"]]
    assert client.get(f"/v1/articles/{article['id']}").json()["text"] == STORY
    removed = client.delete(f"/v1/articles/{article['id']}")
    assert removed.json() == {"removed": article, "passages": 1}
    assert client.get(f"/v1/articles/{article['id']}").status_code == 404
    assert client.delete(f"/v1/articles/{article['id']}").status_code == 404


def test_the_overview_of_an_article_is_an_answer(client: httpx.Client) -> None:
    article = client.get("/v1/articles").json()[0]
    answer = client.get(f"/v1/articles/{article['id']}/overview").json()
    assert answer["found"]
    assert answer["citations"]
    assert {each["article_id"] for each in answer["citations"]} == {article["id"]}
    assert client.get("/v1/articles/unknown/overview").status_code == 404


def test_a_text_is_added_once(client: httpx.Client) -> None:
    sent = {"title": "The lighthouse", "text": STORY}
    assert client.post("/v1/articles", json=sent).json()["added"][0]["state"] == "added"
    assert client.post("/v1/articles", json=sent).json()["added"][0]["state"] == "unchanged"
    assert len(client.get("/v1/articles").json()) == 3


@pytest.mark.parametrize(
    ("request_", "status", "named"),
    [
        ({"json": {}}, 400, "either 'text' or 'link'"),
        ({"json": {"text": "a", "link": "b"}}, 400, "either 'text' or 'link'"),
        ({"json": {"text": " "}}, 422, "The text is empty"),
        ({"json": {"link": "https://example.org/"}}, 422, "turned off"),
        ({"json": {"text": "a", "path": "/etc/passwd"}}, 400, "'path'"),
        ({"content": b"text", "headers": {"content-type": "text/plain"}}, 415, "text/plain"),
        ({"data": {"file": "no file"}}, 415, "application/x-www-form-urlencoded"),
        ({"files": [("file", ("a.txt", b"x"))] * 201}, 400, "Too many files"),
        ({"content": b"--x\r\nbroken", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 400, ""),
        ({"content": b"", "headers": {"content-type": "multipart/form-data"}}, 400, ""),
        ({"json": {"text": STORY}, "headers": {"idempotency-key": "k" * 201}}, 400, "Idempotency-Key"),
    ],
)
def test_what_cannot_be_added_is_told(client: httpx.Client, request_: Any, status: int, named: str) -> None:
    told = client.post("/v1/articles", **request_)
    assert told.status_code == status, told.text
    assert named in told.json()["error"]["message"]
    assert len(client.get("/v1/articles").json()) == 2


def test_a_name_is_never_a_path(client: httpx.Client, tmp_path: Path) -> None:
    told = client.post("/v1/articles", files=[("file", ("../../../evil.txt", STORY.encode()))])
    assert told.json()["added"][0]["name"] == "evil.txt"
    assert not [path for path in tmp_path.rglob("evil.txt") if "library" not in path.parts]


def test_an_upload_that_is_sent_again_is_not_done_again_and_another_one_is_refused(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "upload-1"}
    first = client.post("/v1/articles", json={"text": STORY}, headers=headers)
    again = client.post("/v1/articles", json={"text": STORY}, headers=headers)
    assert first.json()["added"][0]["state"] == "added"
    assert again.json() == first.json(), "as if it were done now"
    other = client.post("/v1/articles", json={"text": "Something else altogether."}, headers=headers)
    assert other.status_code == 409
    assert len(client.get("/v1/articles").json()) == 3


def test_the_same_upload_at_the_same_time_is_done_once(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "upload-2"}

    def send(_: int) -> Any:
        return client.post("/v1/articles", json={"text": STORY}, headers=headers).json()

    with ThreadPoolExecutor(4) as clients:
        told = list(clients.map(send, range(4)))
    assert told == [told[0]] * 4


def test_an_upload_id_of_somebody_else_tells_nothing(tmp_path: Path) -> None:
    """Who asks is what access control says; a key that another caller used is as good as new."""
    staged = newsroom(tmp_path / "home")
    app = Starlette(routes=api_routes(staged.assistant, staged.services))
    headers = {"Idempotency-Key": "upload-3"}
    with TestClient(_as(app, "key:ann")) as ann, TestClient(_as(app, "key:bob")) as bob:
        assert ann.post("/v1/articles", json={"text": STORY}, headers=headers).json()["added"][0]["state"] == "added"
        told = bob.post("/v1/articles", json={"text": "Another story of the harbour."}, headers=headers)
    assert told.status_code == 200
    assert told.json()["added"][0]["name"] == "Another story of the harbour."


def _as(app: Any, caller: str) -> Any:
    async def named(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "state": {"caller": caller}}, receive, send)

    return named


def test_where_nobody_is_known_only_this_machine_may_write(tmp_path: Path) -> None:
    staged = newsroom(tmp_path / "home")
    with client_of(staged, staged.services, writable=False) as client:
        (article, _) = client.get("/v1/articles").json()
        for told in (client.post("/v1/articles", json={"text": STORY}), client.delete(f"/v1/articles/{article['id']}")):
            assert told.status_code == 403
            assert "citechat keys create" in told.json()["error"]["hint"]
        assert len(client.get("/v1/articles").json()) == 2


def test_a_file_may_be_larger_than_a_question_but_not_endless(client: httpx.Client) -> None:
    large = b"The harbour reopened on Monday." + b" " * LARGEST_BODY
    assert client.post("/v1/articles", files=[("file", ("large.txt", large))]).status_code == 200
    assert client.post("/v1/ask", json={"question": "x" * LARGEST_BODY}).status_code == 413
    too_large = client.post("/v1/articles", content=b"x" * 100_000_001, headers={"content-type": "application/json"})
    assert too_large.status_code == 413


def test_a_test_set_is_run_where_that_is_switched_on(tmp_path: Path) -> None:
    staged = newsroom(tmp_path / "home")
    services = services_of(load_settings(home=tmp_path / "home", evaluate_over_http=True), staged.assistant)
    question = {"question": "When does the ferry sail?", "answers": ["every hour"]}
    with client_of(staged, services, evaluate=True) as client:
        told = client.post("/v1/evaluate", json={"questions": [question]})
        assert told.status_code == 200, told.text
        assert told.json()["rows"][0]["question"] == question["question"]
        wrong = client.post("/v1/evaluate", json={"questions": [{"answers": []}]})
        assert (wrong.status_code, "questions" in wrong.json()["error"]["message"]) == (400, True)
        assert str(tmp_path) not in wrong.text
        assert client.post("/v1/evaluate", json={"questions": []}).status_code == 400


def test_a_test_set_has_at_most_500_questions_in_whatever_form_they_are_sent(tmp_path: Path) -> None:
    staged = newsroom(tmp_path / "home")
    services = services_of(load_settings(home=tmp_path / "home", evaluate_over_http=True), staged.assistant)
    asked = [f"Question {number}?" for number in range(501)]
    cases = [{"question": each, "answerable": False} for each in asked]
    forms: list[list[dict[str, Any]]] = [
        cases,
        [{"cases": cases}],
        [{"data": cases, "version": "1"}],
        [{"question": asked, "answerable": [False] * len(asked)}],
        [{"cases": [{}] * 100_000}],
    ]
    with client_of(staged, services, evaluate=True) as client:
        for questions in forms:
            told = client.post("/v1/evaluate", json={"questions": questions})
            assert told.status_code == 400, told.text[:500]
            assert told.json()["error"]["message"] == "The test set 'questions' has more than 500 questions."


def test_a_test_set_is_not_run_otherwise(client: httpx.Client) -> None:
    assert client.post("/v1/evaluate", json={"questions": [{}]}).status_code == 404


def test_an_upload_stops_when_its_client_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = newsroom(tmp_path / "home")
    index = staged.services.library._index
    writing, stopped = threading.Event(), threading.Event()

    def endless(paths: list[Path], *, budget: UploadBudget, **_: Any) -> Any:
        with budget.cancellation.calling(stopped.set):
            writing.set()
            assert stopped.wait(300)
        budget.cancellation.check()

    with serving_chat(staged.assistant, staged.services) as chat:
        monkeypatch.setattr(index, "sync", endless)
        body = json.dumps({"text": STORY}).encode()
        head = "POST /v1/articles HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        with socket.create_connection(("127.0.0.1", chat.port)) as client:
            client.sendall(f"{head}Idempotency-Key: k\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            assert writing.wait(300)
        assert stopped.wait(300)
        monkeypatch.undo()
        again = httpx.post(
            f"{chat.url}v1/articles", json={"text": STORY}, headers={"Idempotency-Key": "k"}, timeout=300
        )
        assert again.json()["added"][0]["state"] == "added", "a repeated request adds what was left out"


def test_a_text_longer_than_any_article_is_refused_before_it_is_parsed(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(articles, "LARGEST_TEXT_BODY", 1000)
    told = client.post("/v1/articles", json={"text": "x" * 1000})
    assert told.status_code == 413
    assert "1,011 bytes, and at most 1,000 are allowed" in told.json()["error"]["message"]
