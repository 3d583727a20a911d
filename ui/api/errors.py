"""API error responses: one structure for all errors, without internal details."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from index import CitechatError, FilterError
from rag import LLMError, QuestionError, TestSetError

from ..html import public_error
from ..persistence.uploads import UploadsFullError
from ..security.errors import RequestError, retry_after

if TYPE_CHECKING:
    from starlette.responses import Response

JSON = "application/json"

CLIENT_CLOSED_REQUEST = 499  # no client receives this status


def request_error(error: CitechatError) -> RequestError:
    """Return the `RequestError` that corresponds to a `CitechatError`."""
    message, hint = public_error(error)
    if isinstance(error, QuestionError):
        return invalid_field("question", message, hint, 413 if error.is_too_long else 400)
    if isinstance(error, FilterError):
        return invalid_field("only", message, hint)
    if isinstance(error, TestSetError):
        return RequestError(400, message, hint)
    if isinstance(error, UploadsFullError):
        return RequestError(507, message, hint)
    return RequestError(503, message, hint, retry_after(error.wait if isinstance(error, LLMError) else 0))


def invalid_field(name: str, message: str, hint: str = "", status: int = 400) -> RequestError:
    """Return an error for a request field."""
    return RequestError(status, f"Invalid field {name[:80]!r}: {message}", hint or "See GET /v1/docs for the fields.")


def error_response(error: RequestError) -> Response:
    """Return the response for an error."""
    return json_response(error.status, error.to_dict(), error.headers)


def json_response(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response that no cache stores."""
    from starlette.responses import Response

    return Response(as_json(value), status, {"cache-control": "no-store", **(headers or {})}, JSON)


def as_json(value: Any) -> bytes:
    """Return a value as UTF-8 JSON. Half a surrogate pair from an LLM becomes "?", which preserves offsets."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
