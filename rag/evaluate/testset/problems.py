"""Problems in a test set, described so that its author can fix them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ...errors import TestSetError

_MOST_LISTED = 10  # maximum number of problems described in one error; more would scroll the first one off the screen
HINT = "Fix the file and run again; docs/testsets.md describes the format."

_REASONS = {  # clearer to the author of a test set than pydantic's own messages
    "extra_forbidden": "unknown field",
    "string_pattern_mismatch": "must not be blank",
    "bool_parsing": "must be true or false",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem in a test set: the file, the line or case, the field, and the reason.

    `line` counts from 1. A problem with a whole line has no `field`.
    """

    reason: str
    path: str = ""
    line: int | None = None
    field: str = ""
    case: str = ""

    def __str__(self) -> str:
        """Return the location and the reason, on one line."""
        place = [
            self.path,
            f"line {self.line}" if self.line else "",
            f"case {self.case!r}" if self.case else "",
            f"field {self.field!r}" if self.field else "the whole line" if self.line else "",
        ]
        where = ", ".join(part for part in place if part)
        return f"{where}: {self.reason}" if where else self.reason


def refusal(problems: Sequence[Problem], hint: str = HINT) -> TestSetError:
    """Return an error that describes the first ten problems and counts the others."""
    more = len(problems) - _MOST_LISTED
    listed = [*map(str, problems[:_MOST_LISTED]), *([f"… and {more} more"] if more > 0 else [])]
    return TestSetError("\n".join(listed), hint)


def read_file(path: Path) -> bytes:
    """Return the content of a file without its byte order mark. Raises `TestSetError` if the file cannot be read."""
    try:
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TestSetError(f"Cannot read the test set {str(path)!r}: {reason}.", "Check the path.") from None


def fields_and_reasons(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Yield the names of the first invalid fields (empty for the whole object) and the reasons why they are invalid."""
    for problem in error.errors(include_url=False)[:_MOST_LISTED]:
        if problem["type"] == "default_factory_not_called":
            continue  # an omitted field whose default depends on another invalid one
        if problem["type"] == "json_invalid":
            # A line that is not a JSON object has no field to name, and its text may be long.
            yield "", problem["msg"]
            continue
        if problem["type"] == "too_long":
            yield _field_name(problem["loc"]), too_many(problem["ctx"]["max_length"])
            continue
        reason = _REASONS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        shown = "nothing" if problem["type"] == "missing" else repr(problem["input"])
        yield _field_name(problem["loc"]), f"{reason}, got {shown if len(shown) <= 80 else f'{shown[:79]}…'}"


def too_many(most: int) -> str:
    """Return the reason why a field with more than `most` items is invalid."""
    return f"has more than {most} items"


def _field_name(location: Sequence[Any]) -> str:
    """Return the path to a field in nested data, such as `history[0].role`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")
