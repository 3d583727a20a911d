"""What a request needs, told by its method and path alone."""

from __future__ import annotations

import re
from enum import Enum

from .keys import READ, WRITE


class Area(Enum):
    """Who a part of the server is for: anybody, programs with a key, or readers who are logged in."""

    OPEN = "open"
    PROGRAMS = "programs"
    LOGIN = "login"
    PAGE = "page"


_OPEN = ("/healthz", "/readyz", "/gradio_api/startup-events")  # the last one does a thing once, and tells nothing
_PROGRAMS = ("/v1", "/mcp", "/metrics")
# Where GET only listens to what was asked for.
_ASKING = ("/mcp", *(f"/gradio_api/{each}" for each in ("queue/join", "upload", "call", "run", "api")))
_WRITTEN = ("/v1/articles", "/v1/evaluate")
_WRITING = ("POST", "PUT", "PATCH", "DELETE")
# What the browser needs to show where to log in: the framework's own files, and none of ours.
_LOGIN = ("/assets", "/static", "/svelte", "/theme.css", "/gradio_api/theme.css", "/favicon.ico", "/robots.txt")
_LOGIN_GET = ("/", "/gradio_api/login_check")


def area_of(method: str, path: str) -> Area:
    """Which part of the server a path lies in; what is not known belongs to the page, which is closed."""
    if path in _OPEN and method in ("GET", "HEAD"):
        return Area.OPEN
    if any(_lies_under(path, each) for each in _PROGRAMS):
        return Area.PROGRAMS
    if method in ("GET", "HEAD"):
        return Area.LOGIN if path in _LOGIN_GET or any(_lies_under(path, each) for each in _LOGIN) else Area.PAGE
    return Area.LOGIN if method == "POST" and path in ("/login", "/login/") else Area.PAGE


def is_limited(method: str, path: str) -> bool:
    """Whether a request asks for work, and counts against its caller's limits."""
    asks = any(_lies_under(path, each) for each in _ASKING)
    return _lies_under(path, "/v1") or (asks and method not in ("GET", "HEAD"))


def required_scope(method: str, path: str) -> str:
    """What a key must be good for, `read` or `write`, to send this request to `/v1`, `/mcp` or `/metrics`."""
    # Doubled slashes are no way around: who does not read them as one finds nothing there.
    plain = re.sub("/+", "/", path)
    writes = method in _WRITING and any(_lies_under(plain, each) for each in _WRITTEN)
    return WRITE if writes else READ


def _lies_under(path: str, part: str) -> bool:
    return path == part or path.startswith(part + "/")
