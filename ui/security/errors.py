"""Errors of access control: an invalid key or user, and a request that is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from index import CitechatError

if TYPE_CHECKING:
    from starlette.types import Scope, Send

_API_PATHS = ("/v1/", "/mcp", "/metrics")


class AccessError(CitechatError):
    """A key or a user that is invalid or does not exist."""


class RequestError(Exception):
    """A request that gets an error response: its status, message, hint and headers."""

    def __init__(self, status: int, message: str, hint: str = "", headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(message)
        self.status, self.message, self.hint, self.headers = status, message, hint, headers

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON body of the response."""
        return {"error": {"message": self.message, "hint": self.hint}}


def retry_after(seconds: float) -> list[tuple[bytes, bytes]]:
    """Return the header that asks a client to wait, or none for 0 seconds."""
    return [(b"retry-after", str(math.ceil(seconds)).encode("ascii"))] if seconds else []


def unauthorized(message: str, hint: str, *, is_invalid: bool = False) -> RequestError:
    """Return a 401: the caller is unknown; `is_invalid` if they sent a key that is not valid."""
    error = b', error="invalid_token"' if is_invalid else b""
    return RequestError(401, message, hint, [(b"www-authenticate", b'Bearer realm="citechat"' + error)])


def forbidden(scope: str) -> RequestError:
    """Return a 403: the key is valid, but does not have this scope."""
    challenge = f'Bearer realm="citechat", error="insufficient_scope", scope="{scope}"'
    return RequestError(
        403,
        f"The key does not have the scope {scope!r}.",
        f"Create one that has it: citechat keys create NAME{' --write' if scope == 'write' else ''}",
        [(b"www-authenticate", challenge.encode("ascii"))],
    )


def too_many_requests(message: str, seconds: int) -> RequestError:
    """Return a 429: the caller may try again after so many seconds."""
    return RequestError(
        429, message, f"Try again in {seconds} second{'' if seconds == 1 else 's'}.", retry_after(seconds)
    )


async def send_error(scope: Scope, send: Send, error: RequestError) -> None:
    """Send an error response: JSON to a program, text to a browser. A websocket is closed before it opens."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": error.message})
        return
    is_api = scope["path"].removeprefix(scope.get("root_path", "")).startswith(_API_PATHS)
    text = json.dumps(error.to_dict()) if is_api else f"{error.message} {error.hint}".strip()
    body = text.encode("utf-8")
    content_type = b"application/json" if is_api else b"text/plain; charset=utf-8"
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode("ascii")), *error.headers]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
