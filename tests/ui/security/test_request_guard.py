"""What stands between the network and the page: how much a request may bring, and which browser it is from."""

from __future__ import annotations

import asyncio
import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ui.security.body_limits import MOST_BRACKETS, MOST_COMMAS
from ui.security.request_guard import LARGEST_BODY, LARGEST_UPLOAD, RequestGuard, owner_id

SECRET = "0123456789abcdef" * 2


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Reads all of a request and answers."""
    scope["read"] = 0
    while (message := await receive()).get("more_body"):
        scope["read"] += len(message["body"])
    await send({"type": "http.response.start", "status": scope.get("status", 200), "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def _run(work: Any) -> None:
    """Run it in a thread of its own: a browser that is open keeps an event loop running in this one."""
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(asyncio.run, work).result()


def call(
    path: str = "/",
    *,
    method: str = "GET",
    body: tuple[bytes, ...] = (b"",),
    headers: tuple[tuple[bytes, bytes], ...] = (),
    hosts: tuple[bytes, ...] = (b"localhost",),
    **more: Any,
) -> tuple[int, list[tuple[bytes, bytes]]]:
    """The status and the headers that a request is answered with; the body comes in these pieces."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "scheme": "http",
        "headers": [*((b"host", host) for host in hosts), *headers],
    } | more
    pieces = [
        {"type": "http.request", "body": piece, "more_body": at < len(body)} for at, piece in enumerate(body, start=1)
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return pieces.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    _run(RequestGuard(app, largest_body=1000, largest_upload=5000)(scope, receive, send))
    return sent[0]["status"], sent[0]["headers"]


def cookie_of(*sent: str, **more: Any) -> str | None:
    """The cookie that a browser is given that sends these cookies."""
    _, headers = call(headers=tuple((b"cookie", each.encode()) for each in sent), **more)
    return next((value.decode() for name, value in headers if name == b"set-cookie"), None)


@pytest.mark.parametrize(
    "name", [b"x-forwarded-host", b"origin", b"sec-fetch-site", b"content-length", b"content-type"]
)
def test_a_request_with_two_values_of_a_header_that_is_checked_is_refused(name: bytes) -> None:
    """The framework reads the first X-Forwarded-Host, so a check of the last one is not enough."""
    assert call(headers=((name, b"localhost"),) if name == b"x-forwarded-host" else ())[0] == 200
    assert call(headers=((name, b"localhost"), (name, b"localhost")))[0] == 400


@pytest.mark.parametrize(
    "charset",
    [
        *(b"charset=punycode", b'charset="punycode"', b"CHARSET=punycode", b"charset = utf-7", b"charset=y123"),
        *(b"charset*=utf-8''punycode", b"charset*0=puny; charset*1=code", b"charset=utf-8; charset=punycode"),
        *(b"charset=utf-8x", b'charset="utf-8" x', b"charset=", b"charset"),
    ],
)
def test_only_utf_8_is_decoded(charset: bytes) -> None:
    """Python's codec "punycode" takes quadratic time, and each unknown name of a codec stays in memory."""
    sent = b"multipart/form-data; " + charset + b"; boundary=XX"
    assert call("/gradio_api/upload", method="POST", headers=((b"content-type", sent),))[0] == 415
    assert call("/login", method="POST", headers=((b"content-type", sent),))[0] == 415


@pytest.mark.parametrize(
    "sent",
    [
        *(b"multipart/form-data; boundary=XX", b"application/json", b"application/json; charset=utf-8"),
        *(b'application/json;charset="UTF-8"', b"multipart/form-data; charset=us-ascii; boundary=XX", b""),
    ],
)
def test_usual_media_types_are_accepted(sent: bytes) -> None:
    assert call("/gradio_api/upload", method="POST", headers=((b"content-type", sent),))[0] == 200


@pytest.mark.parametrize("second", [b"localhost", b"127.0.0.1", b"evil.example", b""])
def test_a_request_with_two_host_headers_is_refused(second: bytes) -> None:
    assert call(hosts=(b"localhost", second))[0] == 400


def test_a_request_without_a_host_header_is_refused() -> None:
    assert call(hosts=())[0] == 400


@pytest.mark.parametrize(
    "character", ["\n", "\r", "\0", "\t", "\x1f", "\x7f", "\x85", "\x9f", "\u2028", "\u2029"], ids=ascii
)
def test_a_path_with_a_control_character_is_refused(character: str) -> None:
    for path in (f"/v1/articles{character}", f"/v1/ask/{character}x", f"/{character}"):
        assert call(path, method="POST")[0] == 400
        assert call(path)[0] == 400
    assert call("/v1/articles/\N{NO-BREAK SPACE}é 市")[0] == 200


def test_files_may_be_larger_than_questions() -> None:
    assert LARGEST_BODY == 1_000_000
    assert LARGEST_UPLOAD == 100_000_000
    assert call("/gradio_api/upload", method="POST", body=(b"x" * 4000,))[0] == 200
    assert call("/gradio_api/queue/join", method="POST", body=(b"x" * 4000,))[0] == 413
    assert call("/app/gradio_api/upload", method="POST", body=(b"x" * 4000,), root_path="/app")[0] == 200


@pytest.mark.parametrize("path", ["/gradio_api/upload/", "/gradio_api/uploads", "/x/gradio_api/upload", "/upload"])
def test_only_where_files_are_brought(path: str) -> None:
    assert call(path, method="POST", body=(b"x" * 4000,))[0] == 413
    assert call("/gradio_api/upload", method="PUT", body=(b"x" * 4000,))[0] == 413


def test_too_much_is_refused_where_it_is_announced_and_where_it_comes() -> None:
    announced = (b"content-length", b"5001")
    assert call("/gradio_api/upload", method="POST", headers=(announced,))[0] == 413
    assert call("/gradio_api/upload", method="POST", body=(b"x" * 3000, b"x" * 3000, b"x"))[0] == 413


PARSED = ("/gradio_api/queue/join", "/gradio_api/queue/join/", "/gradio_api/run/ask", "/mcp")


def received(path: str, body: bytes, size: int = 65_536) -> tuple[int, bool, bytes]:
    """The status of a request, whether the application gets its whole body, and the body of the response."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    is_complete = False
    sent: list[Any] = []

    async def receiving(_scope: Any, receive: Any, send: Any) -> None:
        nonlocal is_complete
        while (await receive())["more_body"]:
            pass
        is_complete = True
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    async def receive() -> Any:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "scheme": "http", "headers": [(b"host", b"localhost")]}
    _run(RequestGuard(receiving)(scope, receive, send))
    return sent[0]["status"], is_complete, sent[1]["body"]


@pytest.mark.parametrize("path", PARSED)
@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"[" + b"[]," * 330_000 + b"[]]", b"10,000 brackets"),
        (b"[" + b"{}," * 330_000 + b"{}]", b"10,000 brackets"),
        (b"[" * 400_000 + b"]" * 400_000, b"10,000 brackets"),
        (b"[" + b"1," * 490_000 + b"1]", b"50,000 commas"),
        (b"{" + b'"a":1,' * 160_000 + b'"a":1}', b"50,000 commas"),
    ],
    ids=["arrays", "objects", "nested", "numbers", "keys"],
)
def test_no_parser_gets_a_body_of_very_many_values(path: str, body: bytes, told: bytes) -> None:
    """Parsing one took seconds in the event loop, in which all other requests waited."""
    status, is_complete, response = received(path, body)
    assert (status, is_complete) == (413, False)
    assert told in response
    assert received("/v1/ask", body)[:2] == (200, True), "parsed in a thread"


@pytest.mark.parametrize("path", PARSED)
def test_a_long_text_is_accepted(path: str) -> None:
    text = b'"' + b"As the minister said [1], it was, in short, over. " * 9_990 + b'"'
    assert received(path, text)[0] == 200
    most = b"[" * MOST_BRACKETS + b"," * MOST_COMMAS
    assert received(path, most, size=777)[0] == 200
    assert received(path, most + b"{", size=777)[0] == received(path, most + b",", size=777)[0] == 413


@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/gradio_api/run/predict", "/mcp", "/mcp/"])
def test_json_is_accepted_in_utf_8_only(path: str) -> None:
    """Python's parser would recognise the others."""
    text = '{"question": "Où est le café ? 港"}'
    assert received(path, text.encode())[0] == 200
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"):
        assert received(path, text.encode(encoding), size=1)[0] == 400, encoding


@pytest.mark.parametrize("route", ["cancel", "reset", "reset/"])
def test_what_stops_an_answer_is_short(route: str) -> None:
    assert received(f"/gradio_api/{route}", b" " * 10_000)[0] == 200
    assert received(f"/gradio_api/{route}", b" " * 10_001)[0] == 413


def test_a_login_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    assert received("/login", b"x" * 20_000)[0] == 200
    assert received("/login", b"x" * 20_001)[0] == 413
    monkeypatch.setattr("ui.security.body_limits.LONGEST_LOGIN", 0.02)
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"", "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/login", "headers": [(b"host", b"localhost")]}
    _run(RequestGuard(app)(scope, receive, send))
    assert sent[0]["status"] == 408


def test_the_reason_is_reported_whatever_the_application_makes_of_it() -> None:
    """A library may report an error of its own, and fail afterwards."""

    async def confused(_scope: Any, receive: Any, send: Any) -> None:
        try:
            await receive()
        except Exception as error:
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body", "body": b"Internal error"})
            raise ExceptionGroup("in a task", [error]) from None

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"x" * 2000, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": [(b"host", b"localhost")]}
    _run(RequestGuard(confused, largest_body=1000)(scope, receive, send))
    assert [sent[0]["status"], len(sent)] == [413, 2]
    assert b"The request is too large." in sent[1]["body"]


def test_no_websocket_reaches_the_application() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "headers": [(b"host", b"localhost")]}
    _run(RequestGuard(app)(scope, None, send))  # type: ignore[arg-type]
    assert [message["type"] for message in sent] == ["websocket.close"]
    assert "read" not in scope


def test_nothing_is_read_beyond_what_is_allowed() -> None:
    pieces = [b"x" * 3000] * 3
    scope = {"type": "http", "method": "POST", "path": "/gradio_api/upload", "headers": [(b"host", b"localhost")]}

    async def receive() -> Any:
        return {"type": "http.request", "body": pieces.pop(), "more_body": True}

    async def send(message: Any) -> None:
        pass

    _run(RequestGuard(app, largest_upload=5000)(scope, receive, send))
    assert scope["read"] == 3000
    assert len(pieces) == 1


def test_a_request_that_does_not_come_to_an_end_is_given_up() -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    for path in ("/gradio_api/queue/join", "/gradio_api/upload"):
        scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"host", b"localhost")]}
        _run(RequestGuard(app, longest_body=0.05, longest_upload=0.05)(scope, receive, send))
        assert sent[0]["status"] == 408
        assert (b"connection", b"close") in sent[0]["headers"]
        assert scope["read"] < 20


def test_who_waits_for_an_answer_may_wait() -> None:
    """The time is that of the request; what is received after it is whole tells of a client that hangs up."""

    async def patient(_scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["more_body"] is False
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.start", "status": 200, "headers": []})

    pieces = [({"type": "http.request", "body": b"x", "more_body": False}, 0), ({"type": "http.disconnect"}, 0.1)]
    sent: list[Any] = []

    async def receive() -> Any:
        message, wait = pieces.pop(0)
        await asyncio.sleep(wait)
        return message

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/v1/ask", "headers": [(b"host", b"localhost")]}
    _run(RequestGuard(patient, longest_body=0.02)(scope, receive, send))
    assert sent[0]["status"] == 200


def test_a_browser_that_asks_for_the_page_is_given_a_secret_of_its_own() -> None:
    given = cookie_of()
    assert given is not None
    assert re.fullmatch(r"citechat=[0-9a-f]{32}; Max-Age=31536000; Path=/; HttpOnly; SameSite=Lax", given)
    assert cookie_of() != given
    assert (b"cache-control", b"private, no-cache") in call()[1], "no cache gives it to another browser"


def test_over_a_secure_connection_the_secret_stays_on_secure_ones() -> None:
    assert (cookie_of(scheme="https") or "").endswith("; Secure")
    forwarded = call(headers=((b"x-forwarded-proto", b"https"),))[1]
    assert "Secure" not in str(forwarded), "anybody can send that header"


def test_a_browser_that_has_a_secret_keeps_it() -> None:
    assert cookie_of(f"citechat={SECRET}") is None
    assert cookie_of(f'odd:[name]="; x; citechat={SECRET}; last=1') is None, "whatever other cookies it has"
    assert cookie_of("a=b", f"citechat={SECRET}") is None


def received_cookies(*sent: bytes) -> list[bytes]:
    """The `Cookie` headers that reach the application."""
    seen: list[bytes] = []

    async def reading(scope: Any, receive: Any, send: Any) -> None:
        seen.extend(value for name, value in scope["headers"] if name == b"cookie")
        await app(scope, receive, send)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Any) -> None:
        pass

    headers = [(b"host", b"localhost"), *((b"cookie", each) for each in sent)]
    scope = {"type": "http", "method": "GET", "path": "/", "scheme": "http", "headers": headers}
    _run(RequestGuard(reading)(scope, receive, send))
    return seen


def test_the_application_receives_only_the_cookies_of_this_server() -> None:
    own = f"citechat={SECRET}; access-token-unsecure-a1B_=Zx-1_2"
    assert received_cookies(f"theme=dark; {own}; x=1".encode()) == [own.encode()]
    assert received_cookies(b"theme=dark", f"citechat={SECRET}".encode()) == [f"citechat={SECRET}".encode()]
    assert received_cookies(b"theme=dark") == []


@pytest.mark.parametrize("name", ["x", "citechat", "access-token-a1"])
def test_no_cookie_in_quotation_marks_is_parsed(name: str) -> None:
    """Python's parser takes quadratic time for them: 40 kB blocked the server for seconds."""
    value = '"' + "\\1" * 20_000 + '"'
    assert received_cookies(f"{name}={value}".encode()) == []


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("localhost:8443", 200), ("[::1]:80", 200), ("127.0.0.1, localhost", 200)]
    + [(host, 400) for host in ("evil.example", "[::1", "a b:c", "", "localhost, evil.example", "evil.example/x")],
)
def test_a_forwarded_host_must_be_known_as_well(host: str, status: int) -> None:
    assert call(headers=((b"x-forwarded-host", host.encode()),))[0] == status


def test_no_cache_keeps_the_page() -> None:
    _, headers = call(headers=((b"cookie", f"citechat={SECRET}".encode()),))
    assert (b"cache-control", b"private, no-cache") in headers


@pytest.mark.parametrize("wrong", ["", "citechat=", "citechat=abc", f"citechat={SECRET.upper()}", f"other={SECRET}"])
def test_what_is_no_secret_of_ours_is_replaced(wrong: str) -> None:
    assert cookie_of(wrong) is not None


def test_nothing_but_the_page_gives_a_secret() -> None:
    assert cookie_of(path="/gradio_api/info") is None
    assert cookie_of(method="POST") is None
    assert cookie_of(status=404) is None
    _, headers = call(hosts=(b"evil.example",))
    assert b"set-cookie" not in dict(headers)


def test_what_is_kept_for_a_browser_is_not_kept_under_its_secret() -> None:
    assert owner_id({"citechat": SECRET}) == hashlib.sha256(SECRET.encode()).hexdigest()
    for wrong in ({}, {"citechat": "abc"}, {"citechat": SECRET + "\n"}, {"citechat": "０" * 32}):
        assert owner_id(wrong) is None


@pytest.mark.parametrize("is_started", [False, True])
def test_no_failure_of_the_application_reaches_the_web_server_which_would_close_the_connection(
    is_started: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy may already have sent another user's request on it."""

    async def failing(scope: Any, receive: Any, send: Any) -> None:
        if is_started:
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body", "body": b"failed"})
        raise OSError("a name\nforged line \x1b[31m" + "a" * 100_000)

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "GET", "path": "/", "scheme": "http", "headers": [(b"host", b"localhost")]}
    _run(RequestGuard(failing)(scope, receive, send))
    assert sent[0]["status"] == 500
    assert not sent[-1].get("more_body", False)
    assert "\nforged" not in caplog.text
    assert "\x1b" not in caplog.text
    assert len(caplog.text) < 5000
