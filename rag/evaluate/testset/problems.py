"""What is wrong with a test set, told so that whoever wrote it can mend it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ...errors import TestSetError

_MOST_LISTED = 10  # problems spelled out in one error; more would scroll the first one off the screen
HINT = "Mend the file and run again; docs/testsets.md describes the format."

_REASONS = {  # pydantic's own words, where they would not help someone who writes a test set
    "extra_forbidden": "there is no such field",
    "string_pattern_mismatch": "must not be blank",
    "bool_parsing": "must be true or false",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: in which file, on which line or in which case, in which field, and why.

    `line` counts from 1. What concerns a line as a whole names no `field`.
    """

    reason: str
    path: str = ""
    line: int | None = None
    field: str = ""
    case: str = ""

    def __str__(self) -> str:
        """The place and the reason, on one line."""
        place = [
            self.path,
            f"line {self.line}" if self.line else "",
            f"case {self.case!r}" if self.case else "",
            f"field {self.field!r}" if self.field else "the whole line" if self.line else "",
        ]
        where = ", ".join(part for part in place if part)
        return f"{where}: {self.reason}" if where else self.reason


def refusal(problems: Sequence[Problem], hint: str = HINT) -> TestSetError:
    """The error that tells all problems, the first ten of them in full."""
    more = len(problems) - _MOST_LISTED
    listed = [*map(str, problems[:_MOST_LISTED]), *([f"… and {more} more"] if more > 0 else [])]
    return TestSetError("\n".join(listed), hint)


def unreadable(path: object, error: OSError) -> TestSetError:
    """The error for a file that the operating system does not give out."""
    reason = error.strerror or type(error).__name__
    return TestSetError(f"the test set {str(path)!r} cannot be read: {reason}", "Check the path.")


def fields_and_reasons(error: ValidationError) -> Iterator[tuple[str, str]]:
    """The name of each bad field (empty for the whole), and why it is bad."""
    for problem in error.errors(include_url=False):
        if problem["type"] == "default_factory_not_called":
            continue  # a field that is left out, for which another bad one would be needed
        if problem["type"] == "json_invalid":
            # A line that is no JSON object has no field to name, and its text may be long: the reason says where.
            yield "", problem["msg"]
            continue
        reason = _REASONS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        yield field_name(problem["loc"]), f"{reason}, got {_shortened(problem)}"


def field_name(location: Sequence[int | str]) -> str:
    """A place in nested data, as `history[0].role`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _shortened(problem: Any) -> str:
    if problem["type"] == "missing":
        return "nothing"
    shown = repr(problem["input"])
    return shown if len(shown) <= 80 else f"{shown[:79]}…"
