"""Access control errors: an invalid key or user, and a rejected request."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from index import CitechatError

from .scopes import path_of

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_OPTIONS = {"write": " --write", "metrics": " --metrics"}  # of the command that creates a key with this scope
_API_PATHS = ("/v1/", "/mcp", "/metrics")


class AccessError(CitechatError):
    """Error for a key or a user that is invalid or does not exist."""


class RequestError(Exception):
    """Error for a rejected request, with the status, message, hint and headers for the response."""

    def __init__(self, status: int, message: str, hint: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.hint, self.headers = status, message, hint, headers or {}

    def to_dict(self) -> dict[str, Any]:
        """Return the response's JSON body."""
        return {"error": {"message": self.message, "hint": self.hint}}


UNEXPECTED = RequestError(500, "Something went wrong on the server.", "See the server log for the reason.")


def retry_after(seconds: float) -> dict[str, str]:
    """Return the Retry-After header, or an empty mapping for 0 seconds."""
    return {"retry-after": str(math.ceil(seconds))} if seconds else {}


def unauthorized(message: str, hint: str, *, is_invalid: bool = False) -> RequestError:
    """Return a 401 error for an unknown caller; `is_invalid` means that the caller sent an invalid key."""
    challenge = 'Bearer realm="citechat"' + (', error="invalid_token"' if is_invalid else "")
    return RequestError(401, message, hint, {"www-authenticate": challenge})


def forbidden(scope: str) -> RequestError:
    """Return a 403 error for a valid key without this scope."""
    challenge = f'Bearer realm="citechat", error="insufficient_scope", scope="{scope}"'
    return RequestError(
        403,
        f"The key does not have the scope {scope!r}.",
        f"Create a key with this scope: citechat keys create NAME{_OPTIONS.get(scope, '')}",
        {"www-authenticate": challenge},
    )


def too_many_requests(message: str, seconds: int) -> RequestError:
    """Return a 429 error; the caller may retry after this number of seconds."""
    hint = f"Try again in {seconds} second{'' if seconds == 1 else 's'}."
    return RequestError(429, message, hint, retry_after(seconds))


async def send_error(scope: Scope, receive: Receive, send: Send, error: RequestError) -> None:
    """Send an error response: JSON for programs, text for browsers. A websocket is closed before it opens."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": error.message})
        return
    from starlette.responses import Response

    is_api = path_of(scope).startswith(_API_PATHS)
    body = json.dumps(error.to_dict()) if is_api else f"{error.message} {error.hint}".strip()
    response = Response(body, error.status, error.headers, "application/json" if is_api else "text/plain")
    await response(scope, receive, send)
