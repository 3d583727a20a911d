"""Malformed requests for the page's own routes are refused, and leave no error in the log."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from servers import serving_chat
from visitors import Parrot, visit

from ui.security.body_limits import MOST_BRACKETS
from ui.server import ServedChat

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

JOIN = "/gradio_api/queue/join"
CALL = {"session_hash": "s", "fn_index": 0, "data": [None] * 11}


@pytest.fixture(scope="module")
def chat() -> Iterator[ServedChat]:
    with serving_chat(Parrot()) as served:
        yield served


@pytest.fixture(autouse=True)
def _nothing_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert caplog.records == []


@pytest.mark.parametrize("query", ["page=x", "page=%FF", "page=&page=x", "deep_link=x&page=chat", "page=%2F"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_page_that_does_not_exist_is_not_found(chat: ServedChat, method: str, query: str) -> None:
    assert visit(chat.port, f"/?{query}", method=method).status == 404


def test_the_only_page_has_no_name(chat: ServedChat) -> None:
    assert [visit(chat.port, path).status for path in ("/", "/?page=", "/?view=api")] == [200] * 3


@pytest.mark.parametrize("folder", ["assets", "static", "svelte"])
def test_a_file_with_a_name_that_no_file_can_have_is_not_found(chat: ServedChat, folder: str) -> None:
    for name in ("a" * 256, "a" * 5000, f"img/{'a' * 300}.svg", "%C3%A9" * 200):
        assert visit(chat.port, f"/{folder}/{name}").status == 404


def _form(part: str, body: str = "hi") -> bytes:
    return f"--x\r\n{part}\r\n\r\n{body}\r\n--x--\r\n".encode()


FILE = 'Content-Disposition: form-data; name="files"; filename="a.txt"'
FORMS = {
    "long boundary": (f"multipart/form-data; boundary={'x' * 257}", _form(FILE)),
    "very long boundary": (f"multipart/form-data; boundary={'x' * 9000}", b""),
    "empty boundary": ("multipart/form-data; boundary=", _form(FILE)),
    "no boundary": ("multipart/form-data", _form(FILE)),
    "no name": ("multipart/form-data; boundary=x", _form('Content-Disposition: form-data; filename="a.txt"')),
    "no file": ("multipart/form-data; boundary=x", _form('Content-Disposition: form-data; name="files"')),
    "no disposition": ("multipart/form-data; boundary=x", _form("X: y")),
    "garbage": ("multipart/form-data; boundary=x", b"garbage"),
}


@pytest.mark.parametrize("upload", ["", "?upload_id=u1"])
@pytest.mark.parametrize(("kind", "body"), FORMS.values(), ids=FORMS)
def test_an_upload_that_is_not_a_form_is_refused(chat: ServedChat, kind: str, body: bytes, upload: str) -> None:
    reply = visit(chat.port, f"/gradio_api/upload{upload}", body=body, Content_Type=kind)
    assert reply.status == 400, reply


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-8-sig", "cp037"])
@pytest.mark.parametrize("route", [JOIN, "/gradio_api/run/predict", "/gradio_api/cancel", "/gradio_api/reset"])
def test_json_in_another_encoding_than_utf_8_is_refused(chat: ServedChat, route: str, encoding: str) -> None:
    given = {"data": ["é"], "fn_index": 0, "session_hash": "s", "event_id": "e"}
    body = json.dumps(given, ensure_ascii=False).encode(encoding)
    reply = visit(chat.port, route, body=body)
    assert (reply.status, reply.body[:30]) == (400, b"Invalid request body: not JSON"), reply


def test_no_encoding_hides_brackets_from_their_limit(chat: ServedChat) -> None:
    for encoding, status in (("utf-8", 413), ("utf-16", 400), ("utf-32", 400)):
        body = json.dumps({"data": [[]] * MOST_BRACKETS, "fn_index": 0, "session_hash": "s"}).encode(encoding)
        assert visit(chat.port, JOIN, body=body).status == status


@pytest.mark.parametrize("route", ["cancel", "reset", "queue/join"])
def test_values_without_a_form_in_json_are_not_sent_back(chat: ServedChat, route: str) -> None:
    nan, inf = float("nan"), float("inf")
    for given in ({"event_id": nan}, {"event_id": [inf]}, {"event_id": ["\ud800"]}, {"event_id": {"x": -inf}}):
        reply = visit(chat.port, f"/gradio_api/{route}", body={**CALL, **given})
        assert reply.status == 422, reply
