"""The server's HTTP protocol, with limits on the size of request heads and on the time for sending them.

A head is everything that a client sends apart from the data of bodies: the request line, the headers, and, in a chunked
body, the chunk extensions and trailers. Without these limits, uvicorn accepts heads of any length, waits for them
indefinitely, and copies an unfinished header value again with each packet, so a long value that is sent slowly is
expensive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from uvicorn import config as uvicorn_config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from .clients import TrustedProxies, network_of

_SLICE = 16_384  # bytes that the parser gets at a time; a head may exceed its limit by this much

_MOST_DISCARDED = 1_000_000  # bytes after a rejected request


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """The limits on request heads.

    `largest` is the maximum size in bytes, `longest` the maximum time to receive a head in seconds, and `unfinished`
    the maximum number of connections per address that have not sent a whole head. A client whose request was answered
    before its end has `draining` seconds to send the rest, and a client whose head was rejected has `lingering` seconds
    to read the response.
    """

    largest: int = 64_000
    longest: float = 10.0
    unfinished: int = 256
    draining: float = 60.0
    lingering: float = 2.0


class LimitedHttpProtocol(HttpToolsProtocol):
    """A protocol that closes a connection with 431 if a head is too large, and with 408 if it takes too long.

    An idle connection that has sent nothing is closed without a response. If too many connections of one address have
    not sent a whole head, the oldest one is closed.
    """

    limits: ClassVar[HeadLimits] = HeadLimits()
    proxies: ClassVar[TrustedProxies] = TrustedProxies()
    waiting: ClassVar[dict[str, dict[LimitedHttpProtocol, None]]] = {}

    _network = ""
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _has_head = False  # the head of the latest request is complete, but not its body
    _is_rejected = False
    _discarded = 0  # bytes

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time for the first head."""
        super().connection_made(transport)
        self._network = network_of(self.client[0]) if self.client else ""
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time for a head."""
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the data in small pieces, and count the bytes since the last part of a body."""
        if self._is_rejected:
            self._discarded += len(data)
            if self._discarded > _MOST_DISCARDED:
                self.transport.abort()
            return
        if not self._has_head:
            self._begin_head()  # the first byte after an idle time
        for start in range(0, len(data), _SLICE):
            piece = data[start : start + _SLICE]
            self._head_bytes += len(piece)
            super().data_received(piece)
            if self._is_rejected or self.transport.is_closing() or self.transport.get_protocol() is not self:
                return
            if self._head_bytes > self.limits.largest:
                limit = self.limits.largest // 1000
                self._reject(431, f"The head of the request is larger than {limit} kB. Send a shorter URL or headers.")
                return

    def on_message_begin(self) -> None:
        """Start the time for a head."""
        super().on_message_begin()
        self._begin_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header to the request; ignore trailers, which no proxy in front of the server has checked.

        The web server would add trailers to the headers that the application reads to identify the client (RFC 9110,
        section 6.5.1, forbids that).
        """
        if not self._has_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Stop the time for the head; `RequestGuard` limits the body."""
        self._head_bytes, self._has_head = 0, True
        self._end_head()
        if self._should_upgrade() and self.parser.should_upgrade() and _has_body(self.headers):
            # The web server would wait for the body without a limit, and no application would see the request.
            self._reject(403, "WebSockets are not supported.")
            return
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand over a WebSocket handshake, which the application refuses, unless it was already rejected."""
        if not self._is_rejected:
            super().handle_websocket_upgrade()

    def on_body(self, body: bytes) -> None:
        """Count from here: what follows may be the head of the next chunk."""
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count from here; the connection is idle until the next byte."""
        self._head_bytes, self._has_head = 0, False
        self._end_head()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """If the request was answered before its end, limit the time that the client has left to send its rest."""
        super().on_response_complete()
        if self._has_head:
            self._begin_head(self.limits.draining)

    def _begin_head(self, seconds: float | None = None) -> None:
        """Start the time for a head, unless it runs."""
        if self._head_timer is not None or self._is_rejected:
            return
        self._head_timer = self.loop.call_later(seconds or self.limits.longest, self._head_expired)
        same = self.waiting.setdefault(self._network, {})
        same[self] = None
        if len(same) > self.limits.unfinished and not self.proxies.trusts(self.client[0] if self.client else ""):
            oldest = next((each for each in same if not each._is_answering()), self)
            oldest._end_head()
            oldest.transport.close()

    def _end_head(self) -> None:
        if self._head_timer is None:
            return
        self._head_timer.cancel()
        self._head_timer = None
        same = self.waiting[self._network]
        same.pop(self, None)
        if not same:
            del self.waiting[self._network]

    def _head_expired(self) -> None:
        self._end_head()
        if self.transport.is_closing():
            return
        if self._is_answering():
            self._begin_head()  # meanwhile, the server may have paused reading
        elif self._has_head or not self._head_bytes:
            self.transport.close()
        else:
            limit = self.limits.longest
            self._reject(408, f"The head of the request did not arrive within {limit:g} seconds. Send it at once.")

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _reject(self, status: int, message: str) -> None:
        """Send an error response, unless another response has begun, and close the connection."""
        self._is_rejected = True
        self._end_head()
        self._unset_keepalive_if_required()
        may_answer = not self.pipeline and not (self._is_answering() and self.cycle.response_started)
        self.pipeline.clear()
        if self._is_answering():
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if not may_answer or not self.transport.can_write_eof():
            self.transport.close()
            return
        body = message.encode("ascii")
        headers = b"content-type: text/plain\r\nx-content-type-options: nosniff\r\nconnection: close\r\n"
        length = b"content-length: %d\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + headers + length + body)
        # Closing at once would discard the response if the client is still sending.
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(self.limits.lingering, self.transport.close)


def _has_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether the headers announce a body."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0 ") != b"")
        for name, value in headers
    )


@contextmanager
def limited_heads(limits: HeadLimits, proxies: TrustedProxies | None = None) -> Iterator[type[LimitedHttpProtocol]]:
    """Make a server that starts in this context use the protocol, and yield its class.

    Trusted `proxies` may have any number of connections without a whole head. The web framework does not pass on the
    choice of a protocol, so this replaces the web server's default.
    """
    attributes = {"limits": limits, "waiting": {}, "proxies": proxies or TrustedProxies()}
    protocol: type[LimitedHttpProtocol] = type("LimitedHttpProtocol", (LimitedHttpProtocol,), attributes)
    protocols: dict[str, object] = uvicorn_config.HTTP_PROTOCOLS  # type: ignore[assignment]
    before = protocols["auto"]
    protocols["auto"] = protocol
    try:
        yield protocol
    finally:
        protocols["auto"] = before
