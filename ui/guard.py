"""What stands between the network and the pages: who may call under which name, how much, and what a page may load."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 1_000_000
"""Bytes of a request; a question needs a few thousand."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # the page's framework compiles its templates in the browser
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "frame-src 'none'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

SECURITY_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode("ascii")),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)


class Guard:
    """ASGI middleware: refuses unknown host names and large bodies, and puts the security headers on every reply.

    A name that an attacker's DNS points here (rebinding) is refused with 400; a bare IP address cannot be rebound and
    passes. A body over `largest_body` bytes gets 413.
    """

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str] = (), largest_body: int = LARGEST_BODY) -> None:
        self.app = app
        self.hosts = frozenset({"localhost", *(host.lower() for host in hosts)})
        self.largest_body = largest_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        sent = dict(scope["headers"])
        started = False
        seen = 0

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                # The application may have caught the error of a body that is too large, and calls it a bad request.
                status = 413 if seen > self.largest_body else message["status"]
                headers = [*message.get("headers", ()), *SECURITY_HEADERS]
                message = {**message, "status": status, "headers": headers}
            await send(message)

        async def counted_receive() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.largest_body:
                raise _TooLargeError
            return message

        if not self._known(sent.get(b"host", b"").decode("latin-1")):
            await _refuse(guarded_send, 400, b"Unknown host name.")
            return
        length = sent.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.largest_body:
            await _refuse(guarded_send, 413, b"The request is too large.")
            return
        try:
            await self.app(scope, counted_receive, guarded_send)
        except _TooLargeError:
            if started:
                raise
            await _refuse(guarded_send, 413, b"The request is too large.")

    def _known(self, host: str) -> bool:
        name = host.rsplit(":", 1)[0] if host.rpartition(":")[2].isdigit() else host
        name = name.strip("[]").rstrip(".").lower()
        if name in self.hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


class _TooLargeError(Exception):
    """More bytes came than were announced or allowed."""


async def _refuse(send: Send, status: int, text: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode("ascii"))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
