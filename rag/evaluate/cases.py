"""A test set: questions, the answers that are accepted, and where in an article the evidence stands.

A test set is a JSONL file in UTF-8, one question a line:

    {"id": "s01", "question": "Who founded it?", "answers": ["Zhou Hongyi"], "answerable": true,
     "evidence": [{"start": 485, "end": 496, "text": "Zhou Hongyi"}]}

`id`, `question` and `answerable` are required; `answers`, `evidence`, `tags`, `notes` and `history` may be left out.
Any other key is an error: a misspelt key would otherwise quietly change what is measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from ..answer import Role, Turn
from ..errors import TestSetError

_MOST_LISTED = 10  # bad lines spelled out in one error; more would scroll the first one off the screen
_HINT = "Mend the file and run again; docs/evaluation.md describes the format."

_REASONS = {  # pydantic's own words, where they would not help someone who writes a test set
    "extra_forbidden": "there is no such field",
    "string_pattern_mismatch": "must not be blank",
}

Filled = Annotated[str, StringConstraints(pattern=r"\S")]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Evidence(_Strict):
    """A place that holds the answer: `article.text[start:end] == text`, in Unicode characters (code points).

    `article_id` or `source` (as citations show it, or the end of that path) names the article. Without them it is the
    article that has `text` at these offsets.
    """

    start: int = Field(ge=0)
    end: int
    text: Filled
    article_id: Filled | None = None
    source: Filled | None = None

    @model_validator(mode="after")
    def _offsets_fit_the_text(self) -> Evidence:
        if self.end - self.start != len(self.text):
            raise ValueError(
                f"start {self.start} and end {self.end} are {self.end - self.start} characters apart, but the text "
                f"has {len(self.text)}; offsets count Unicode characters, not bytes or UTF-16 units"
            )
        return self


class PastTurn(_Strict):
    """One message before the question."""

    role: Role
    text: Filled


class Case(_Strict):
    """One question of a test set; any one of `answers`, and any one place of `evidence`, is right."""

    id: Filled
    question: Filled
    answerable: bool
    answers: tuple[Filled, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    tags: tuple[Filled, ...] = ()
    notes: str = ""
    history: tuple[PastTurn, ...] = ()

    @model_validator(mode="after")
    def _answers_fit_answerable(self) -> Case:
        if self.answerable and not (self.answers or self.evidence):
            raise ValueError("an answerable question needs 'answers' or 'evidence'")
        if not self.answerable and (self.answers or self.evidence):
            raise ValueError("a question with answerable=false can have neither 'answers' nor 'evidence'")
        return self

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The history as the assistant takes it."""
        return tuple(Turn(role=turn.role, text=turn.text) for turn in self.history)


def read_cases(path: str | Path) -> list[Case]:
    """The cases of a JSONL file, in order; blank lines are skipped.

    Raises `TestSetError` naming file, line, field and reason: for every bad line at once (the first ten), for an id
    used twice, for a file without a case, and for one that cannot be read.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TestSetError(f"the test set {str(path)!r} cannot be read: {reason}", "Check the path.") from None

    cases: list[Case] = []
    problems: list[str] = []
    first_line_of: dict[str, int] = {}
    # Only b"\n" ends a line: str.splitlines would also cut inside a JSON string that holds U+2028.
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            case = Case.model_validate_json(line)
        except ValidationError as error:
            problems += [f"{path}, line {number}, {problem}" for problem in _problems(error)]
            continue
        if case.id in first_line_of:
            problems.append(
                f"{path}, line {number}, field 'id': {case.id!r} is used already, on line {first_line_of[case.id]}"
            )
            continue
        first_line_of[case.id] = number
        cases.append(case)

    if problems:
        more = len(problems) - _MOST_LISTED
        listed = problems[:_MOST_LISTED] + ([f"… and {more} more"] if more > 0 else [])
        raise TestSetError("\n".join(listed), _HINT)
    if not cases:
        raise TestSetError(f"the test set {str(path)!r} has no case in it", _HINT)
    return cases


def _problems(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        if problem["type"] == "json_invalid":
            # A line that is no JSON object has no field to name, and its text may be long: the reason says where.
            yield f"the whole line: {problem['msg']}"
            continue
        reason = _REASONS.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        yield f"{_field(problem['loc'])}: {reason}, got {_shortened(problem)}"


def _field(location: tuple[int | str, ...]) -> str:
    if not location:
        return "the whole line"
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"field {name.removeprefix('.')!r}"


def _shortened(problem: Any) -> str:
    if problem["type"] == "missing":
        return "nothing"
    shown = repr(problem["input"])
    return shown if len(shown) <= 80 else f"{shown[:79]}…"
