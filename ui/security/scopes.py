"""Requirements for a request, by method and path: a key with a scope, a login, or nothing; and whether limits apply."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

READ, WRITE, METRICS = "read", "write", "metrics"

HEALTH_CHECKS = ("/healthz", "/readyz")


class Area(Enum):
    """A server area: open to everyone, for programs with a key, the login form, or the page that requires a login."""

    OPEN = "open"
    API = "api"
    LOGIN = "login"
    PAGE = "page"


_OPEN = (*HEALTH_CHECKS, "/gradio_api/startup-events")  # the last one runs once and returns no data
_METRICS = "/metrics"
_API = ("/v1", "/mcp", _METRICS)
# GET requests to these only receive results.
_WORK = (
    "/mcp",
    *(f"/gradio_api/{each}" for each in ("queue/join", "upload", "call", "run", "api", "cancel", "reset")),
)
_QUEUED = ("queue/join", "cancel", "reset")  # the page's queue has its own limits, and the others take no time
_READING = ("/v1/ask", "/v1/chat/completions")  # POST requests to these change nothing
_READING_METHODS = ("GET", "HEAD", "OPTIONS")
# Paths that a browser needs to show the login form: only files from the framework.
_LOGIN = ("/assets", "/static", "/svelte", "/theme.css", "/gradio_api/theme.css", "/favicon.ico", "/robots.txt")
_LOGIN_GET = ("/", "/gradio_api/login_check")

# The routes of the page's framework that the page needs, in every mode. All others are closed: some of them fetch web
# addresses, return files of the server, or run code.
_PAGES = ("/", "/config", "/login", "/logout", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json")
_PAGE_FOLDERS = ("/assets", "/static", "/svelte")
_LONGEST_FILE_PATH = 200  # characters; for a name that no file can have, the framework raises an error
_FRAMEWORK = "/gradio_api/"
_FRAMEWORK_GET = (
    *("app_id", "info", "login_check", "queue/data", "queue/status", "startup-events", "theme.css"),
    *("upload_progress", "user"),
)
_FRAMEWORK_POST = ("cancel", "queue/join", "reset", "upload")
UPLOAD = "upload"
"""The framework route that receives files."""

HEARTBEAT, RUN = "heartbeat/", "run/"
"""Prefixes of framework routes that end with a name: of a session, and of a function."""


def area_of(method: str, path: str) -> Area:
    """Return the server area that a path belongs to. Unknown paths belong to the page, which requires a login."""
    if path in _OPEN and method in ("GET", "HEAD"):
        return Area.OPEN
    if is_under(path, *_API):
        return Area.API
    if method in ("GET", "HEAD"):
        return Area.LOGIN if path in _LOGIN_GET or is_under(path, *_LOGIN) else Area.PAGE
    return Area.LOGIN if is_login(method, path) else Area.PAGE


def framework_route(path: str) -> str | None:
    """Return the part of a path that names a route of the page's framework, or None for all other paths."""
    return path.removeprefix(_FRAMEWORK).rstrip("/") if path.startswith(_FRAMEWORK) else None


def is_served(method: str, path: str) -> bool:
    """Return whether a request is for one of citechat's own routes, or for a framework route that the page needs."""
    route = framework_route(path)
    if route is None:
        is_file = is_under(path, *_PAGE_FOLDERS) and len(path) <= _LONGEST_FILE_PATH
        is_page = (path.rstrip("/") or "/") in _PAGES or is_file
        return is_page or path in _OPEN or is_under(path, *_API)
    if method in ("GET", "HEAD"):
        return route in _FRAMEWORK_GET or (route.startswith(HEARTBEAT) and route.count("/") == 1)
    return method == "POST" and (route in _FRAMEWORK_POST or (route.startswith(RUN) and route.count("/") == 1))


def is_login(method: str, path: str) -> bool:
    """Return whether a request is a login attempt."""
    return method == "POST" and path in ("/login", "/login/")


def is_logout(path: str) -> bool:
    """Return whether a request logs the user out."""
    return path in ("/logout", "/logout/")


def is_limited(method: str, path: str) -> bool:
    """Return whether a request causes work and therefore counts towards its caller's limits."""
    return is_under(path, "/v1") or (is_under(path, *_WORK) and method not in ("GET", "HEAD"))


def is_queued(path: str) -> bool:
    """Return whether a request counts towards its caller's rate limit, but not towards the concurrent requests."""
    return framework_route(path) in _QUEUED


def is_heartbeat(path: str) -> bool:
    """Return whether a request keeps a page's session alive."""
    return (framework_route(path) or "").startswith(HEARTBEAT)


def is_stream(path: str) -> bool:
    """Return whether a request receives the results of a page's calls."""
    return framework_route(path) == "queue/data"


def is_progress(path: str) -> bool:
    """Return whether a request receives the progress of an upload."""
    return framework_route(path) == "upload_progress"


def is_call(path: str) -> bool:
    """Return whether a request calls a function of the page."""
    route = framework_route(path) or ""
    return route == "queue/join" or route.startswith(RUN)


def may_change(method: str, path: str) -> bool:
    """Return whether a request may change articles or conversations, or store files."""
    if method in ("GET", "HEAD"):
        return False
    return required_scope(method, path) == WRITE or is_call(path) or framework_route(path) == UPLOAD


def may_ask(method: str, path: str) -> bool:
    """Return whether the body of a request may contain a question or an article."""
    return method not in ("GET", "HEAD") and (is_under(path, "/v1", "/mcp") or is_call(path))


def required_scope(method: str, path: str) -> str:
    """Return the scope that a key needs for this request: `metrics` for `/metrics`, else `read` or `write`."""
    # Repeated slashes cannot bypass the check: a router that does not merge them does not find a route.
    plain = re.sub("/+", "/", path)
    if is_under(plain, _METRICS):
        return METRICS
    is_change = method not in _READING_METHODS and is_under(plain, "/v1") and plain not in _READING
    return WRITE if is_change else READ


def path_of(scope: Scope) -> str:
    """Return a request's path relative to the application's root path."""
    return str(scope["path"].removeprefix(scope.get("root_path", "")))


def is_under(path: str, *parents: str) -> bool:
    """Return whether a path is equal to one of `parents` or below one of them."""
    return any(path == parent or path.startswith(f"{parent}/") for parent in parents)
