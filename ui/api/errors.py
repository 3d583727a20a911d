"""How an error is told to a program: one form for all of them, and never more than it needs to know."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from index import CitechatError, FilterError
from rag import LLMError, QuestionError, TestSetError

if TYPE_CHECKING:
    from starlette.responses import Response

JSON = "application/json"

HUNG_UP = 499  # a status that nobody receives

FIELDS = "GET /v1/docs shows the fields."


class Refused(Exception):  # noqa: N818 - it is an answer, not a bug
    """A request that gets an error in place of what it asks for."""

    def __init__(self, status: int, message: str, hint: str = "", *, wait: float = 0.0, allow: str = "") -> None:
        """`wait` is after how many seconds asking again is worth while, `allow` the methods that would be taken."""
        super().__init__(message)
        self.status, self.message, self.hint, self.wait, self.allow = status, message, hint, wait, allow


class ErrorTold(BaseModel):
    """What happened, and what to do next."""

    model_config = ConfigDict(extra="forbid")

    message: str
    hint: str


class ErrorReply(BaseModel):
    """What comes in place of a reply."""

    model_config = ConfigDict(extra="forbid")

    error: ErrorTold


UNEXPECTED = Refused(500, "something went wrong in the server", "Its log says more.")


def refusal(error: CitechatError) -> Refused:
    """Which status an error of ours has."""
    if isinstance(error, QuestionError):
        return wrong_field("question", error.message, error.hint)
    if isinstance(error, FilterError):
        return wrong_field("only", error.message, error.hint)
    if isinstance(error, TestSetError):
        return Refused(400, error.message, error.hint)
    return Refused(503, error.message, error.hint, wait=error.wait if isinstance(error, LLMError) else 0.0)


def wrong_field(name: str, message: str, hint: str = "") -> Refused:
    """A request that is wrong in one field."""
    return Refused(400, f"the field {name[:80]!r}: {message}", hint or FIELDS)


def as_error(refused: Refused) -> dict[str, Any]:
    """What is told of it."""
    return {"error": {"message": refused.message, "hint": refused.hint}}


def told(refused: Refused) -> Response:
    """The response that tells it."""
    headers = {"retry-after": str(math.ceil(refused.wait))} if refused.wait else {}
    headers |= {"allow": refused.allow} if refused.allow else {}
    return reply(refused.status, as_error(refused), headers)


def reply(status: int, value: Any, headers: dict[str, str] | None = None) -> Response:
    """A response in JSON that nobody keeps."""
    from starlette.responses import Response

    return Response(as_json(value), status, {"cache-control": "no-store", **(headers or {})}, JSON)


def as_json(value: Any) -> bytes:
    """The value on the wire. An LLM may write half a character, which no text there can hold; "?" keeps the offsets."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
