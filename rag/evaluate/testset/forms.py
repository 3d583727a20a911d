"""Recognise test sets of other programs: arrays, columns, and the fields of RAGAS and DeepEval. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

from .records import RawCase

_WRAPPERS = ("data", "questions", "cases", "examples", "items", "test_cases", "goldens", "samples", "rows")
_QUESTIONS = ("user_input", "input", "query")
_ANSWERS = ("reference", "ground_truth", "ground_truths", "expected_output", "expected_answer", "answer")
_CONTEXTS = (
    "contexts",
    "context",
    "reference_contexts",
    "retrieved_contexts",
    "retrieval_context",
    "actual_output",
    "response",
)


def whole_file(data: bytes) -> Iterator[RawCase] | None:
    """Return the cases of a file that is a single JSON value, numbered from 1; None for JSON lines.

    The value is an array of cases, an object with such an array, or an object of columns.
    """
    if data.lstrip()[:1] not in (b"[", b"{"):
        return None
    try:
        value = from_json(data, allow_inf_nan=False)
    except ValueError:
        return None
    rows = _rows(value)
    return None if rows is None else _numbered(rows)


def known_fields(line: str | bytes) -> str | bytes:
    """Return a case with the names of its fields, if it has those of RAGAS or DeepEval; else the line unchanged.

    Contexts and a system's reply are left out: they are no expected answers.
    """
    if not any(
        name.encode() in (line if isinstance(line, bytes) else line.encode()) for name in (*_QUESTIONS, *_ANSWERS)
    ):
        return line
    try:
        given = from_json(line, allow_inf_nan=False)
    except ValueError:
        return line
    converted = _converted(given) if isinstance(given, dict) else given
    return line if converted is given else json.dumps(converted)


def _rows(value: Any) -> list[Any] | None:
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return None
    wrapped = [value[name] for name in _WRAPPERS if isinstance(value.get(name), list)]
    if len(wrapped) == 1 and all(isinstance(row, dict) for row in wrapped[0]) and not _is_squad(wrapped[0]):
        return wrapped[0]  # type: ignore[no-any-return]
    columns = {name: column for name, column in value.items() if isinstance(column, list)}
    lengths = {len(column) for column in columns.values()}
    if any(name in columns for name in ("question", *_QUESTIONS)) and len(columns) == len(value) and len(lengths) == 1:
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return None


def _is_squad(rows: list[Any]) -> bool:
    return any("paragraphs" in row for row in rows)


def _numbered(rows: list[Any]) -> Iterator[RawCase]:
    for number, row in enumerate(rows, start=1):
        yield RawCase(number, json.dumps(_converted(row) if isinstance(row, dict) else row))


def _converted(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with the fields of a case; the same row if it has no fields of other programs."""
    question = next((name for name in _QUESTIONS if name in row), None) if "question" not in row else None
    answers = next((name for name in _ANSWERS if row.get(name)), None) if "answers" not in row else None
    if question is None and answers is None:
        return row
    kept = {name: value for name, value in row.items() if name not in (*_QUESTIONS, *_ANSWERS, *_CONTEXTS)}
    if question is not None:
        kept["question"] = row[question]
    if answers is not None:
        kept["answers"] = row[answers]
    return kept
