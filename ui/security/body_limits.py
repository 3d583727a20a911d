"""Limits on request bodies, by path: their size, the time until they have arrived, and the structure of JSON.

The page's framework and the library behind `/mcp` parse JSON in the event loop, where nothing else runs meanwhile. How
long that takes depends on the number of values more than on the number of bytes, so both have a limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import RequestError
from .scopes import UPLOAD, framework_route, is_login, is_under, path_of

if TYPE_CHECKING:
    from starlette.types import Scope

LARGEST_BODY = 1_000_000
"""Maximum request body size, in bytes; a question needs a few thousand."""

LARGEST_TEXT_BODY = 13_000_000
"""Maximum size of a JSON body with an article, in bytes: JSON may write each of two million characters in six bytes."""

LARGEST_UPLOAD = 100_000_000
"""Maximum body size with files, in bytes; the framework writes files to disk as they arrive and limits each file."""

LARGEST_LOGIN = 20_000
"""Maximum body size of a login, in bytes; the longest password needs up to 12,288 in a form."""

LARGEST_STOP = 10_000
"""Maximum body size of a request that only stops an answer, in bytes; the page sends about a hundred."""

LONGEST_BODY = 60.0
"""Maximum time to receive a request body, in seconds."""

LONGEST_UPLOAD = 600.0
"""Maximum time to receive a request body with files, in seconds."""

LONGEST_LOGIN = 10.0
"""Maximum time to receive the body of a login, in seconds; one address can send only a few at a time."""

MOST_BRACKETS = 10_000
"""Maximum number of `[` and `{` in a JSON body that is parsed in the event loop."""

MOST_COMMAS = 50_000
"""Maximum number of commas in such a body; a pasted text of 1 MB has about 16,000."""

_UPLOADS = ("/gradio_api/upload", "/v1/articles")
_STOPS = ("cancel", "reset")


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """The limits on a body: `largest` in bytes, `longest` in seconds, and whether its structure is limited."""

    largest: int = LARGEST_BODY
    longest: float = LONGEST_BODY
    is_structured: bool = False


class BodyMeter:
    """A count of the bytes of a body and, without parsing it, of its brackets and commas, also those in strings."""

    def __init__(self, limits: BodyLimits) -> None:
        self._limits = limits
        self._bytes = self._brackets = self._commas = 0

    def add(self, piece: bytes) -> None:
        """Count a piece of the body.

        Raises a 413 `RequestError` if it exceeds a limit, and a 400 one for JSON in UTF-16 or UTF-32, which Python's
        parser would recognise: each of its characters that JSON requires has a null byte, and JSON in UTF-8 has none.
        """
        self._bytes += len(piece)
        if self._bytes > self._limits.largest:
            raise too_large("The request is too large.")
        if not self._limits.is_structured:
            return
        if b"\0" in piece:
            raise RequestError(400, "Invalid request body: not JSON in UTF-8.", "Send UTF-8.")
        self._brackets += piece.count(b"[") + piece.count(b"{")
        self._commas += piece.count(b",")
        if self._brackets > MOST_BRACKETS:
            raise too_large(f"The request has more than {MOST_BRACKETS:,} brackets.")
        if self._commas > MOST_COMMAS:
            raise too_large(f"The request has more than {MOST_COMMAS:,} commas.")


def too_large(problem: str) -> RequestError:
    """Return a 413 error."""
    return RequestError(413, problem, "Send less at a time.")


def body_limits(scope: Scope, usual: BodyLimits, upload: BodyLimits) -> BodyLimits:
    """Return the limits on a request's body, given the usual ones and those for files."""
    path = path_of(scope)
    if scope["method"] == "POST" and path in _UPLOADS:
        return upload
    if is_login(scope["method"], path):
        return BodyLimits(min(LARGEST_LOGIN, usual.largest), min(LONGEST_LOGIN, usual.longest))
    route = framework_route(path)
    if route in _STOPS:
        return BodyLimits(min(LARGEST_STOP, usual.largest), usual.longest, is_structured=True)
    has_structure = (route is not None and route != UPLOAD) or is_under(path, "/mcp")
    return BodyLimits(usual.largest, usual.longest, is_structured=has_structure)
