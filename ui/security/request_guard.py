"""A guard before all routes that checks host names, origins, sizes and times, and adds security headers.

It also stores a secret in a cookie in each browser, which distinguishes browsers without identifying their users.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import logging
import re
import secrets
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from .body_limits import (
    LARGEST_BODY,
    LARGEST_UPLOAD,
    LONGEST_BODY,
    LONGEST_UPLOAD,
    BodyLimits,
    BodyMeter,
    body_limits,
    too_large,
)
from .errors import UNEXPECTED, RequestError, send_error
from .scopes import is_under, path_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_HEADERS = 64_000
"""Maximum total size of a request's headers and URL, in bytes; the web server itself does not limit it."""

COOKIE = "citechat"
"""The name of the cookie that contains a browser's secret."""

logger = logging.getLogger(__name__)

_FRAMES = 8  # of a failure in the log
_PAGE = "/"
_API_PATHS = ("/v1", "/mcp")
_SECRET_BYTES = 16
_PORTS = {"http": 80, "https": 443}
_CORS_PREFIX = b"access-control-"
_NO_WEBSOCKETS = RequestError(403, "This server has no websockets.")
_UNCACHED = (b"cache-control", b"private, no-cache")
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
_SECRET = re.compile(r"[0-9a-f]{32}")
_LOGIN_COOKIES = "access-token-"  # beginning of the names of the framework's login cookies
_PLAIN_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]*")  # RFC 6265, section 4.1.1, without quotation marks around it
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
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


_SENT_ONCE = (
    *(b"host", b"x-forwarded-host", b"x-forwarded-proto", b"origin", b"sec-fetch-site"),
    *(b"content-length", b"content-type"),
)
_CHARSET = re.compile(r';[ \t]*charset[ \t]*=[ \t]*"?(?:utf-?8|us-ascii)"?[ \t]*(?=;|$)')


class RequestGuard:
    """The outermost ASGI middleware, which rejects bad requests and adds security headers to every response.

    Paths with control characters are rejected with 400, because a router and the checks before it may read them
    differently: a pattern that ends in `$` also matches before a final line break.
    Unknown host names are rejected with 400, because an attacker's DNS may point them to this server (DNS rebinding);
    IP addresses cannot be rebound and are accepted. The same holds for `X-Forwarded-Host`, from which the page's
    framework takes its address. Requests with several `Host` headers, or without one, are rejected, too. The
    application receives only the cookies of this server, and only plain values: Python's parser of values in quotation
    marks takes quadratic time. The same holds for some character encodings of Python, so a `Content-Type` may only name
    UTF-8, or ASCII, with 415 for others.

    Requests from pages on other sites are rejected with 403. Bodies over `largest_body` bytes, or `largest_upload` for
    files, are rejected with 413, and bodies that take longer than `longest_body` or `longest_upload` seconds with 408;
    some paths have smaller limits (`body_limits`). No route uses websockets, so all of them are rejected.
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
        # Other programs on this machine may also serve pages at localhost and its addresses.
        self.own_names = frozenset(host for host in self.hosts if host != "localhost" and not _is_address(host))
        self.usual, self.upload = BodyLimits(largest_body, longest_body), BodyLimits(largest_upload, longest_upload)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send_error(scope, receive, send, _NO_WEBSOCKETS)
        elif scope["type"] == "http":
            scope["headers"] = _with_own_cookies(scope["headers"])
            await self._guard(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _guard(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = dict(scope)  # the application changes the path in the scope
        limits = body_limits(scope, self.usual, self.upload)
        meter, deadline = BodyMeter(limits), asyncio.get_running_loop().time() + limits.longest
        failure: RequestError | None = None
        is_started = is_complete = False

        async def secured_send(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                status = message["status"]
                # The web framework adds CORS headers to every response that does not go to localhost.
                headers = [each for each in message.get("headers", ()) if not each[0].lower().startswith(_CORS_PREFIX)]
                headers += [*SECURITY_HEADERS, *([_HTTPS_ONLY] if scope.get("scheme") == "https" else [])]
                headers += [(b"connection", b"close")] if status == 408 and failure else []
                is_page = status == 200 and scope["method"] == "GET" and path_of(received) == _PAGE
                headers += _page_headers(scope) if is_page else []
                message = {**message, "headers": headers}
            await send(message)

        async def guarded_send(message: Message) -> None:
            # The application may have caught the body's failure and reported a bad request.
            if is_started or failure is None:
                await secured_send(message)

        async def guarded_receive() -> Message:
            nonlocal failure, is_complete
            try:
                async with asyncio.timeout_at(None if is_complete else deadline):
                    message = await receive()
            except TimeoutError:
                failure = RequestError(408, "The request arrived too slowly.", "Send less at a time.")
                raise failure from None
            is_complete = not message.get("more_body", False)
            try:
                meter.add(message.get("body", b""))
            except RequestError as error:
                failure = error
                raise
            return message

        try:
            self._check_headers(scope, limits.largest)
            await self.app(scope, guarded_receive, guarded_send)
        except RequestError as error:
            if is_started:
                raise
            failure = error
        except Exception as error:
            # Passed on, it would make the web server close the connection, on which a proxy may send another user's
            # request. The message may contain what the client sent.
            if failure is None:
                where = "".join(traceback.format_tb(error.__traceback__)[-_FRAMES:])
                logger.error("A request failed: %s %.500r\n%s", type(error).__name__, str(error), where)  # noqa: TRY400
                failure = UNEXPECTED
        if failure and not is_started:
            await send_error(received, receive, secured_send, failure)

    def _check_headers(self, scope: Scope, largest: int) -> None:
        """Raise `RequestError` if the path or the headers alone are a reason to reject the request."""
        if _CONTROL.search(scope["path"]):
            raise RequestError(400, "The address contains control characters.", "Remove them from the path.")
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        names = [name for name, _ in scope["headers"]]
        for single in _SENT_ONCE:
            if names.count(single) > 1:  # a proxy or the framework may read another one (RFC 9112, section 3.2)
                raise RequestError(400, f"The request has several {single.decode().title()} headers.", "Send one.")
        media_type = headers.get(b"content-type", "").lower()
        if media_type.count("charset") != len(_CHARSET.findall(media_type)):
            raise RequestError(
                415, "The charset of the request is not UTF-8.", "Send UTF-8, and charset=utf-8 or none."
            )
        if not self._is_known(headers.get(b"host", "")):
            raise RequestError(400, "Unknown host name.")
        forwarded = [each.strip() for each in headers.get(b"x-forwarded-host", "localhost").split(",")]
        if not all(_HOST.fullmatch(each) and self._is_known(each) for each in forwarded):
            raise RequestError(400, "Unknown host name in X-Forwarded-Host.")
        if self._is_cross_site(scope, headers):
            raise RequestError(
                403,
                "A page on another site sent this request.",
                "Send it from a program, or from a page on this server.",
            )
        address = len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
        if address + sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
            raise RequestError(431, "The request headers are too large.")
        length = headers.get(b"content-length", "0")
        if length.isascii() and length.isdigit() and int(length) > largest:
            raise too_large("The request is too large.")

    def _is_known(self, host: str) -> bool:
        name = _host_name(host)
        return name in self.hosts or _is_address(name)

    def _is_cross_site(self, scope: Scope, headers: Mapping[bytes, str]) -> bool:
        """Return whether a request comes from a page on another site, according to headers that pages cannot forge.

        All API requests are checked, and other requests that may change data. Programs do not send these headers.
        """
        origin, host, site = headers.get(b"origin"), headers.get(b"host", ""), headers.get(b"sec-fetch-site")
        is_foreign = origin is not None and not _is_same_origin(origin, host)
        if is_under(path_of(scope), *_API_PATHS) and (is_foreign or site in ("cross-site", "same-site")):
            return True
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return False
        if site is not None:
            return site not in ("same-origin", "none")
        return bool(origin) and is_foreign and _host_name(str(origin).lower().partition("://")[2]) not in self.own_names


def _is_same_origin(origin: str, host: str) -> bool:
    """Return whether an origin has this host; the scheme may differ, because a proxy may have changed it."""
    scheme, _, name = origin.lower().partition("://")
    usual = f":{_PORTS.get(scheme, '')}"
    return bool(name) and name.removesuffix(usual) == host.lower().removesuffix(usual)


def _host_name(host: str) -> str:
    """Return a host name without its port."""
    name = host.rsplit(":", 1)[0] if host.rpartition(":")[2].isdigit() else host
    return name.strip("[]").rstrip(".").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def browser_id(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """Return the id of the browser that sent a request with these headers, or None without a secret."""
    return owner_id(parse_cookies(_cookie_header(headers)))


def owner_id(cookies: Mapping[str, str]) -> str | None:
    """Return the owner id for the browser with these cookies, or None without a secret.

    The id is a hash of the secret, so read access to the database is not enough to impersonate the browser.
    """
    secret = cookies.get(COOKIE, "")
    return hashlib.sha256(secret.encode("ascii")).hexdigest() if _SECRET.fullmatch(secret) else None


def parse_cookies(header: str) -> dict[str, str]:
    """Return the cookies from a `Cookie` header, each parsed separately: other programs may set malformed cookies."""
    return dict(_cookie_pairs(header))


def _cookie_pairs(header: str) -> Iterator[tuple[str, str]]:
    for name, _, value in (each.partition("=") for each in header.split(";")):
        yield name.strip(), value.strip()


def _cookie_header(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """Return all `Cookie` headers as one."""
    return b";".join(value for name, value in headers if name == b"cookie").decode("latin-1")


def _with_own_cookies(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers with the cookies that this server sets, in one header, without those of other programs."""
    kept = [
        f"{name}={value}"
        for name, value in _cookie_pairs(_cookie_header(headers))
        if (name == COOKIE or name.startswith(_LOGIN_COOKIES)) and _PLAIN_VALUE.fullmatch(value)
    ]
    others = [(name, value) for name, value in headers if name != b"cookie"]
    return [*others, (b"cookie", "; ".join(kept).encode("latin-1"))] if kept else others


def _page_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return headers that set a secret in a browser that has none, and that keep the page out of caches.

    Caches could send the secret, or the user's name on the page, to other browsers. With `Lax`, the cookie is sent when
    a user follows a link from another site; without the cookie, the user would get a new secret. The cookie is not sent
    with requests that pages on other sites make.
    """
    if browser_id(scope["headers"]) is not None:
        return [_UNCACHED]
    cookie = f"{COOKIE}={secrets.token_hex(_SECRET_BYTES)}; Max-Age={_YEAR}; Path=/; HttpOnly; SameSite=Lax"
    secure = "; Secure" if scope["scheme"] == "https" else ""
    return [_UNCACHED, (b"set-cookie", (cookie + secure).encode("ascii"))]
