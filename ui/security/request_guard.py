"""What stands between the network and the pages: who may call under which name, how much, and what a page may load.

It also tells browsers apart, without knowing whose they are: each is given a secret of its own in a cookie.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 1_000_000
"""Bytes of a request; a question needs a few thousand."""

LARGEST_UPLOAD = 100_000_000
"""Bytes of a request that brings files; the framework writes them to disk as they come, and limits each."""

LONGEST_BODY = 60.0
"""Seconds that a request may take to arrive whole; a question arrives at once."""

LONGEST_UPLOAD = 600.0
"""Seconds that a request with files may take to arrive whole."""

LARGEST_HEADERS = 64_000
"""Bytes of a request's headers and address together; the server below has no limit of its own."""

COOKIE = "citechat"
"""The name of the cookie with a browser's secret."""

_UPLOADS = ("/gradio_api/upload", "/v1/articles")
_PAGE = "/"
_PROGRAMS = ("/v1/", "/mcp", "/metrics")
_SECRET_BYTES = 16
FOREIGN = ("a page of another site may not ask", "Ask from a program, or from a page of this server.")
_PORTS = {"http": 80, "https": 443}
_CROSS_ORIGIN = b"access-control-"
_ALWAYS_ENCRYPTED = (b"strict-transport-security", b"max-age=31536000")
_SECRET = re.compile(r"[0-9a-f]{32}")
_YEAR = 365 * 24 * 60 * 60  # seconds

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


class RequestGuard:
    """ASGI middleware: refuses unknown host names, pages of other sites and large bodies, and puts the security headers
    on every reply. It stands outside all others, so that no reply leaves without them.

    A name that an attacker's DNS points here (rebinding) is refused with 400; a bare IP address cannot be rebound and
    passes. A body over `largest_body` bytes, where files are brought over `largest_upload` bytes, gets 413; one that is
    not whole after `longest_body` or `longest_upload` seconds gets 408. A browser that asks for the page without a
    secret is given one.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Sequence[str] = (),
        largest_body: int = LARGEST_BODY,
        largest_upload: int = LARGEST_UPLOAD,
        longest_body: float = LONGEST_BODY,
        longest_upload: float = LONGEST_UPLOAD,
    ) -> None:
        self.app = app
        self.hosts = frozenset({"localhost", *(host.lower() for host in hosts)})
        # Other programs of this machine have pages of these addresses, too.
        self.names = frozenset(host for host in self.hosts if host != "localhost" and not _is_address(host))
        self.largest_body = largest_body
        self.largest_upload = largest_upload
        self.longest_body = longest_body
        self.longest_upload = longest_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        sent = dict(scope["headers"])
        brings_files = _asks(scope, "POST", *_UPLOADS)
        largest = self.largest_upload if brings_files else self.largest_body
        ends = asyncio.get_running_loop().time() + (self.longest_upload if brings_files else self.longest_body)
        started = is_whole = is_slow = False
        seen = 0

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                # The application may have caught the error of a body that is too large, and calls it a bad request.
                status = 413 if seen > largest else 408 if is_slow else message["status"]
                # The web framework lets pages of other sites read replies wherever it is not asked by localhost.
                headers = [each for each in message.get("headers", ()) if not each[0].lower().startswith(_CROSS_ORIGIN)]
                headers += [*SECURITY_HEADERS, *([_ALWAYS_ENCRYPTED] if scope.get("scheme") == "https" else [])]
                headers += [(b"connection", b"close")] if is_slow else []
                if status == 200 and _asks(scope, "GET", _PAGE) and owner_id(_cookies(scope)) is None:
                    headers += _new_secret(scope)
                message = {**message, "status": status, "headers": headers}
            await send(message)

        async def counted_receive() -> Message:
            nonlocal seen, is_whole, is_slow
            try:
                async with asyncio.timeout_at(None if is_whole else ends):
                    message = await receive()
            except TimeoutError:
                is_slow = True
                raise TooSlowError from None
            is_whole = not message.get("more_body", False)
            seen += len(message.get("body", b""))
            if seen > largest:
                raise TooLargeError
            return message

        refused = self._refused(scope, sent, largest)
        if refused is not None:
            await refuse(scope, guarded_send, *refused)
            return
        try:
            await self.app(scope, counted_receive, guarded_send)
        except TooLargeError:
            if started:
                raise
            await refuse(scope, guarded_send, 413, "The request is too large.")
        except TooSlowError:
            if started:
                raise
            await refuse(scope, guarded_send, 408, "The request did not come to an end in time.")

    def _is_ours(self, sent: Mapping[bytes, bytes]) -> bool:
        """Whether a program sends this, or a browser for a page of ours: it tells, and no page can make it lie."""
        site = sent.get(b"sec-fetch-site")
        if site is not None:
            return site in (b"same-origin", b"none")
        origin, host = (sent.get(name, b"").decode("latin-1").lower() for name in (b"origin", b"host"))
        return not origin or is_own(origin, host) or _name(origin.partition("://")[2]) in self.names

    def _refused(
        self, scope: Scope, sent: Mapping[bytes, bytes], largest: int
    ) -> tuple[int, str] | tuple[int, str, str] | None:
        """The status and the words with which a request is refused by its headers alone."""
        if not self._known(sent.get(b"host", b"").decode("latin-1")):
            return 400, "Unknown host name."
        if _changes(scope) and not self._is_ours(sent):
            return 403, *FOREIGN
        if _size_of_headers(scope) > LARGEST_HEADERS:
            return 431, "The headers of the request are too large."
        length = sent.get(b"content-length", b"0")
        if length.isdigit() and int(length) > largest:
            return 413, "The request is too large."
        return None

    def _known(self, host: str) -> bool:
        name = _name(host)
        return name in self.hosts or _is_address(name)


def is_own(origin: str, host: str) -> bool:
    """Whether a page of this origin was served under this host name; before a proxy, the scheme may be another."""
    scheme, _, name = origin.lower().partition("://")
    usual = f":{_PORTS.get(scheme, '')}"
    return bool(name) and name.removesuffix(usual) == host.lower().removesuffix(usual)


def _name(host: str) -> str:
    """A host without its port."""
    name = host.rsplit(":", 1)[0] if host.rpartition(":")[2].isdigit() else host
    return name.strip("[]").rstrip(".").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _changes(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS")


def owner_id(cookies: Mapping[str, str]) -> str | None:
    """Under which name things are kept for the browser that sends these cookies; None where it has no secret of ours.

    It is a hash of the secret: who reads what is kept cannot pass for the browser.
    """
    secret = cookies.get(COOKIE, "")
    return hashlib.sha256(secret.encode("ascii")).hexdigest() if _SECRET.fullmatch(secret) else None


def _size_of_headers(scope: Scope) -> int:
    address = len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
    return address + sum(len(name) + len(value) for name, value in scope["headers"])


def _asks(scope: Scope, method: str, *paths: str) -> bool:
    if scope["type"] != "http" or scope["method"] != method:
        return False
    return scope["path"] in [scope.get("root_path", "") + path for path in paths]


def cookies_in(header: str) -> dict[str, str]:
    """The cookies of a `Cookie` header, each read by itself: other programs of this host may have set odd ones."""
    return {name.strip(): value.strip() for name, _, value in (each.partition("=") for each in header.split(";"))}


def _cookies(scope: Scope) -> dict[str, str]:
    return cookies_in(";".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"))


def _new_secret(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The headers that give a browser its secret; no cache on the way may give it to another one.

    It is sent with links from elsewhere to the page (`Lax`), or a reader who follows one would be given a new secret in
    place of the old; it is not sent with requests that other pages make.
    """
    cookie = f"{COOKIE}={secrets.token_hex(_SECRET_BYTES)}; Max-Age={_YEAR}; Path=/; HttpOnly; SameSite=Lax"
    secure = "; Secure" if scope["scheme"] == "https" else ""
    return [(b"set-cookie", (cookie + secure).encode("ascii")), (b"cache-control", b"private, no-cache")]


class TooLargeError(Exception):
    """More bytes came than were announced or allowed."""


class TooSlowError(Exception):
    """The bytes came too slowly."""


async def refuse(  # noqa: PLR0917
    scope: Scope, send: Send, status: int, text: str, hint: str = "", more: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """Reply with why, to a program in JSON. A websocket is closed before it is open."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": text})
        return
    is_program = scope["path"].removeprefix(scope.get("root_path", "")).startswith(_PROGRAMS)
    told = json.dumps({"error": {"message": text, "hint": hint}}) if is_program else f"{text} {hint}".strip()
    body = told.encode("utf-8")
    kind = b"application/json" if is_program else b"text/plain; charset=utf-8"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode("ascii")), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
