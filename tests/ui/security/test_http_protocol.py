"""A served chat does not wait for ever for the head of a request, and does not keep one of any size."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from servers import close_the_loop
from visitors import Parrot, visit

from ui.api import api_routes
from ui.security.http_protocol import HeadLimits, LimitedHttpProtocol
from ui.server import ServedChat, build_app, launch_app

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

ASK = json.dumps({"question": "When did it reopen?"}).encode()
POST = b"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /v1/articles HTTP/1.1\r\nHost: localhost\r\n\r\n"
PATIENCE = 300  # seconds for what must happen at all
UNFINISHED = 20


def _served(limits: HeadLimits) -> Iterator[ServedChat]:
    assistant: Any = Parrot()
    served = launch_app(build_app(assistant), port=0, routes=api_routes(assistant), head_limits=limits)
    yield served
    served.close()
    close_the_loop()


@pytest.fixture(scope="module")
def chat() -> Iterator[ServedChat]:
    """A chat whose limits no test has to wait for: what is too large is refused long before."""
    yield from _served(HeadLimits(longest=PATIENCE, unfinished=UNFINISHED))


@pytest.fixture(scope="module")
def hasty() -> Iterator[ServedChat]:
    yield from _served(HeadLimits(longest=0.3, draining=0.3))


def _connected(chat: ServedChat) -> socket.socket:
    return socket.create_connection(("127.0.0.1", chat.port), timeout=PATIENCE)


def _until_closed(client: socket.socket) -> bytes:
    """All that comes until the server hangs up; a test fails if it never does."""
    told = b""
    try:
        while part := client.recv(65536):
            told += part
    except ConnectionError:
        pass
    return told


def _poured(client: socket.socket, piece: bytes) -> int:
    """How many bytes go out until the server does not take any more; 50 MB mean that it takes everything."""
    sent = 0
    try:
        while sent < 50_000_000:
            sent += client.send(piece)
    except OSError:
        pass
    return sent


def _statuses(told: bytes) -> list[bytes]:
    return re.findall(rb"HTTP/1\.1 (\d{3}) ", told)


def _protocols(chat: ServedChat) -> list[LimitedHttpProtocol]:
    server: Any = chat.app.server
    return list(server.server_state.connections)


ENDLESS = {
    "header": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"x" * 4096),
    "many headers": (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X: y\r\n" * 700),
    "URL": (b"GET /", b"x" * 4096),
    "method": (b"", b"\r\n" * 2048),
    "trailer": (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: ", b"x" * 4096),
    "many trailers": (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X: y\r\n" * 700),
    "chunk extension": (POST + b"Transfer-Encoding: chunked\r\n\r\n2;x=", b"x" * 4096),
    "second header": (GET + b"GET / HTTP/1.1\r\nX: ", b"x" * 4096),
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_head_without_end_is_refused_and_nothing_of_it_is_kept(chat: ServedChat, kind: str) -> None:
    begin, piece = ENDLESS[kind]
    with _connected(chat) as client:
        client.sendall(begin)
        for _ in range(HeadLimits().largest * 2 // len(piece)):
            client.sendall(piece)
        assert _statuses(_until_closed(client))[-1:] == [b"431"]
    with _connected(chat) as client:
        client.sendall(begin)
        assert _poured(client, piece) < 50_000_000, "who does not stop is hung up on"
    assert visit(chat.port, "/v1/articles").status == 200


def test_a_head_that_does_not_come_to_an_end_is_given_up(hasty: ServedChat) -> None:
    with _connected(hasty) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        told = _until_closed(client)
    assert _statuses(told) == [b"408"]
    assert b"0.3 seconds" in told
    with _connected(hasty) as client:
        client.sendall(GET)
        while b"\r\n\r\n" not in client.recv(65536):
            pass
        client.sendall(b"\r\n\r\n")  # skipped by the parser, and yet the beginning of the next head
        assert _statuses(_until_closed(client)) == [b"408"], "also on a connection that was used before"


def test_a_connection_that_says_nothing_is_closed_without_a_word(hasty: ServedChat) -> None:
    with _connected(hasty) as client:
        assert _until_closed(client) == b""


def test_three_hundred_heads_that_never_end_do_not_stay_open(chat: ServedChat) -> None:
    with ExitStack() as clients:
        opened = [clients.enter_context(_connected(chat)) for _ in range(300)]
        for client in opened:
            client.sendall(b"GET / HTTP/1.1\r\nX: ")
        assert _until_closed(opened[0]) == b"", "the oldest make room for the newest"
        assert visit(chat.port, "/v1/articles").status == 200
        assert len([each for each in _protocols(chat) if each._head_timer]) <= UNFINISHED
    kept: Any = chat.app.server.config.http_protocol_class  # type: ignore[attr-defined]
    with _connected(chat) as client:
        client.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert _statuses(_until_closed(client)) == [b"200"]
    assert sum(map(len, kept.waiting.values())) <= UNFINISHED


def test_a_connection_serves_many_requests_one_after_another_and_at_once(hasty: ServedChat) -> None:
    last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with _connected(hasty) as client:
        client.sendall(GET * 5)
        client.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(ASK) + ASK + last)
        assert _statuses(_until_closed(client)) == [b"200"] * 7


def test_a_body_in_chunks_with_a_trailer_is_read(hasty: ServedChat) -> None:
    chunks = b"".join(b"%x;note=odd\r\n%b\r\n" % (1, ASK[at : at + 1]) for at in range(len(ASK)))
    head = POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    with _connected(hasty) as client:
        client.sendall(head + chunks + b"0\r\nX-Checksum: 1\r\n\r\n")
        told = _until_closed(client)
    assert _statuses(told) == [b"200"]
    assert b"reopened on Monday" in told


FORGED = {
    "Host": b"Host: elsewhere.example",
    "Origin": b"Origin: https://elsewhere.example",
    "Content-Type": b"Content-Type: text/plain",
    "Expect": b"Expect: 100-continue",
}


@pytest.mark.parametrize("trailer", FORGED)
def test_a_trailer_is_not_a_header(trailer: str, chat: ServedChat) -> None:
    """Head, body and trailer come in one packet: the application has not yet read the headers."""
    body = b"%x\r\n%b\r\n0\r\n%b\r\n\r\n" % (len(ASK), ASK, FORGED[trailer])
    with _connected(chat) as client:
        client.sendall(POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        assert _statuses(_until_closed(client)) == [b"200"]
    with _connected(chat) as client:
        client.sendall(POST.replace(b"localhost", b"elsewhere.example") + b"Connection: close\r\n")
        client.sendall(b"Transfer-Encoding: chunked\r\n\r\n" + body.replace(FORGED[trailer], b"Host: localhost"))
        assert _statuses(_until_closed(client)) == [b"400"], "the head alone decides"


def test_a_body_may_take_longer_than_a_head(hasty: ServedChat) -> None:
    """The time for a head runs out while the body comes, and nothing happens."""
    with _connected(hasty) as slow, _connected(hasty) as clock:
        slow.sendall(POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(ASK) + ASK[:5])
        assert _until_closed(clock) == b"", "opened later, and its time is over"
        slow.sendall(ASK[5:])
        assert _statuses(_until_closed(slow)) == [b"200"]


def test_a_large_head_within_the_limit_is_read(chat: ServedChat) -> None:
    with _connected(chat) as client:
        client.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\nX: " + b"x" * 60_000 + b"\r\n\r\n"))
        assert _statuses(_until_closed(client)) == [b"200"]


def test_who_was_answered_does_not_send_for_ever(hasty: ServedChat) -> None:
    deadline = time.monotonic() + PATIENCE
    with _connected(hasty) as client:
        client.sendall(POST + b"Content-Length: 1000000000\r\n\r\n")
        assert _statuses(client.recv(65536)) == [b"413"]
        try:
            while time.monotonic() < deadline:
                client.sendall(b"x")
                time.sleep(0.02)
        except ConnectionError:
            return
    pytest.fail("the server took it all")


@pytest.mark.parametrize("method", [b"GET", b"POST"])
@pytest.mark.parametrize("framing", [b"Content-Length: 5", b"Transfer-Encoding: chunked"])
def test_a_websocket_handshake_that_announces_a_body_is_rejected_at_once(
    chat: ServedChat, method: bytes, framing: bytes
) -> None:
    head = b"\r\n".join(
        [
            *(method + b" /x HTTP/1.1", b"Host: localhost", b"Upgrade: websocket", b"Connection: Upgrade", framing),
            *(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Version: 13", b"", b""),
        ]
    )
    for body in (b"", b"5\r\nhello\r\n0\r\n\r\n" if b"chunked" in framing else b"hello"):
        with _connected(chat) as client:
            client.sendall(head + body)
            assert _statuses(_until_closed(client)) == [b"403"]
    assert visit(chat.port, "/v1/articles").status == 200
