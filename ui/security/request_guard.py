"""The guard between the network and all routes: host names, pages of other sites, sizes, times and security headers.

It also gives each browser a secret of its own in a cookie, which distinguishes them without knowing their users.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .errors import RequestError, send_error
from .scopes import is_under, path_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 1_000_000
"""Bytes of a request; a question needs a few thousand."""

LARGEST_UPLOAD = 100_000_000
"""Bytes of a request with files; the framework writes them to disk as they arrive, and limits each file."""

LONGEST_BODY = 60.0
"""Seconds that a request may take to arrive."""

LONGEST_UPLOAD = 600.0
"""Seconds that a request with files may take to arrive."""

LARGEST_HEADERS = 64_000
"""Bytes of a request's headers and address together; the server has no limit of its own."""

COOKIE = "citechat"
"""The name of the cookie with a browser's secret."""

_UPLOADS = ("/gradio_api/upload", "/v1/articles")
_PAGE = "/"
_API_PATHS = ("/v1", "/mcp")
_SECRET_BYTES = 16
_PORTS = {"http": 80, "https": 443}
_CORS_PREFIX = b"access-control-"
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
_SECRET = re.compile(r"[0-9a-f]{32}")
_YEAR = 365 * 24 * 60 * 60  # seconds

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # the framework compiles templates in the browser
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
    """ASGI middleware outside all others: it refuses bad requests, and adds the security headers to every response.

    An unknown host name gets 400, for an attacker's DNS may point it here (rebinding); IP addresses cannot be rebound
    and pass. A page of another site gets 403. A body over `largest_body` bytes, or `largest_upload` for files, gets
    413; one that takes longer than `longest_body` or `longest_upload` seconds gets 408.
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
        # Other programs on this machine may serve pages at localhost and its addresses, too.
        self.own_names = frozenset(host for host in self.hosts if host != "localhost" and not _is_address(host))
        self.largest_body, self.largest_upload = largest_body, largest_upload
        self.longest_body, self.longest_upload = longest_body, longest_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        has_files = _is_request(scope, "POST", *_UPLOADS)
        largest = self.largest_upload if has_files else self.largest_body
        deadline = asyncio.get_running_loop().time() + (self.longest_upload if has_files else self.longest_body)
        failure: RequestError | None = None
        is_started = is_complete = False
        received = 0

        async def guarded_send(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                # The application may have caught the failure of a body, and calls it a bad request.
                status = failure.status if failure else message["status"]
                # The web framework adds CORS headers to every response that does not go to localhost.
                headers = [each for each in message.get("headers", ()) if not each[0].lower().startswith(_CORS_PREFIX)]
                headers += [*SECURITY_HEADERS, *([_HTTPS_ONLY] if scope.get("scheme") == "https" else [])]
                headers += [(b"connection", b"close")] if status == 408 and failure else []
                if status == 200 and _is_request(scope, "GET", _PAGE) and owner_id(_cookies(scope)) is None:
                    headers += _new_secret(scope)
                message = {**message, "status": status, "headers": headers}
            await send(message)

        async def guarded_receive() -> Message:
            nonlocal failure, is_complete, received
            try:
                async with asyncio.timeout_at(None if is_complete else deadline):
                    message = await receive()
            except TimeoutError:
                failure = RequestError(408, "The request arrived too slowly.", "Send less at a time.")
                raise failure from None
            is_complete = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > largest:
                failure = _too_large()
                raise failure
            return message

        try:
            self._check_headers(scope, largest)
            await self.app(scope, guarded_receive, guarded_send)
        except RequestError as error:
            if is_started:
                raise
            await send_error(scope, receive, guarded_send, error)

    def _check_headers(self, scope: Scope, largest: int) -> None:
        """Raise `RequestError` for a request that its headers alone exclude."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        name = _host_name(headers.get(b"host", ""))
        if name not in self.hosts and not _is_address(name):
            raise RequestError(400, "Unknown host name.")
        if self._is_cross_site(scope, headers):
            raise RequestError(
                403,
                "A page of another site sent this request.",
                "Send it from a program, or a page of this server.",
            )
        address = len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
        if address + sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
            raise RequestError(431, "The headers of the request are too large.")
        length = headers.get(b"content-length", "0")
        if length.isascii() and length.isdigit() and int(length) > largest:
            raise _too_large()

    def _is_cross_site(self, scope: Scope, headers: Mapping[bytes, str]) -> bool:
        """Return whether a browser sends a request for a page of another site; no page can forge these headers.

        Every request to the API is checked, and others that may change something. Programs send neither header.
        """
        origin, host, site = headers.get(b"origin"), headers.get(b"host", ""), headers.get(b"sec-fetch-site")
        is_foreign = origin is not None and not _is_same_origin(origin, host)
        if is_under(path_of(scope), *_API_PATHS) and (is_foreign or site in ("cross-site", "same-site")):
            return True
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return False
        if site is not None:
            return site not in ("same-origin", "none")
        return bool(origin) and is_foreign and _host_name(str(origin).lower().partition("://")[2]) not in self.own_names


def _too_large() -> RequestError:
    return RequestError(413, "The request is too large.", "Send less at a time.")


def _is_same_origin(origin: str, host: str) -> bool:
    """Return whether a page of this origin was served under this host name; a proxy may have changed the scheme."""
    scheme, _, name = origin.lower().partition("://")
    usual = f":{_PORTS.get(scheme, '')}"
    return bool(name) and name.removesuffix(usual) == host.lower().removesuffix(usual)


def _host_name(host: str) -> str:
    """Return a host without its port."""
    name = host.rsplit(":", 1)[0] if host.rpartition(":")[2].isdigit() else host
    return name.strip("[]").rstrip(".").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_request(scope: Scope, method: str, *paths: str) -> bool:
    if scope["type"] != "http" or scope["method"] != method:
        return False
    return scope["path"] in [scope.get("root_path", "") + path for path in paths]


def owner_id(cookies: Mapping[str, str]) -> str | None:
    """Return the id under which things are stored for the browser with these cookies; None if it has no secret.

    It is a hash of the secret: someone who reads the database cannot impersonate the browser.
    """
    secret = cookies.get(COOKIE, "")
    return hashlib.sha256(secret.encode("ascii")).hexdigest() if _SECRET.fullmatch(secret) else None


def parse_cookies(header: str) -> dict[str, str]:
    """Return the cookies of a `Cookie` header, each parsed by itself: other programs of this host may set odd ones."""
    return {name.strip(): value.strip() for name, _, value in (each.partition("=") for each in header.split(";"))}


def _cookies(scope: Scope) -> dict[str, str]:
    return parse_cookies(";".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"))


def _new_secret(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the headers that give a browser its secret, and keep caches from giving it to another one.

    The cookie is sent with links from other sites to the page (`Lax`), for otherwise a user who follows one would get
    a new secret; it is not sent with requests that pages of other sites make.
    """
    cookie = f"{COOKIE}={secrets.token_hex(_SECRET_BYTES)}; Max-Age={_YEAR}; Path=/; HttpOnly; SameSite=Lax"
    secure = "; Secure" if scope["scheme"] == "https" else ""
    return [(b"set-cookie", (cookie + secure).encode("ascii")), (b"cache-control", b"private, no-cache")]
