"""Test sets are read strictly: every bad line is told with file, line, field and reason.

A line is one case, as JSON or as a row of a table; the file's name says which.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationError

from ...errors import TestSetError
from .cases import Case
from .problems import HINT, Problem, fields_and_reasons, refusal, unreadable

LONGEST_LINE = 1_000_000
"""Bytes of a line, and characters of a row, beyond which something went wrong when the file was written."""

TABLES = (".csv", ".tsv")
"""Endings of files that are read and written as tables; others are JSON lines."""

_BOM = b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_ENCODING = "is not UTF-8; save the file anew in that encoding (Excel calls it “CSV UTF-8”)"
_OTHER_FORMATS = {".xlsx", ".xls", ".ods", ".parquet", ".arrow", ".zip", ".gz"}


@dataclass(frozen=True, slots=True)
class Row:
    """What a line holds, as JSON, with its number; or why it holds nothing."""

    line: int
    json: str | bytes = ""
    field: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TestSet:
    """The cases of a file, in order; `skipped` is what was wrong with lines that were left out.

    `lines` has the line of each case by its id.
    """

    __test__: ClassVar[bool] = False  # the name starts with "Test"; pytest must not collect it

    path: str
    cases: tuple[Case, ...]
    skipped: tuple[Problem, ...] = ()
    lines: dict[str, int] = field(default_factory=dict)


def read_cases(path: str | Path) -> list[Case]:
    """The cases of a JSONL or CSV file, in order; blank lines are skipped.

    Raises `TestSetError` as `read_test_set` does.
    """
    return list(read_test_set(path).cases)


def read_test_set(path: str | Path, *, skip_bad: bool = False) -> TestSet:
    """The cases of a JSONL or CSV file, in order, with their lines; with `skip_bad` bad lines are left out and told.

    Raises `TestSetError` naming file, line, field and reason: for every bad line at once (the first ten), for an id
    used twice, for a file without a good case, and for one that cannot be read.
    """
    path = Path(path)
    cases, problems, lines = _read(_rows(path, _bytes(path)), str(path))
    if problems and not (skip_bad and cases):
        raise refusal(problems)
    if not cases:
        raise TestSetError(f"the test set {str(path)!r} has no case in it", HINT)
    return TestSet(str(path), tuple(cases), tuple(problems), lines)


def _bytes(path: Path) -> bytes:
    if path.suffix.lower() in _OTHER_FORMATS:
        raise TestSetError(f"{str(path)!r} is no test set: {path.suffix} is not read", "Save it as CSV or JSONL.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None
    if data.startswith(_WIDE):
        raise refusal([Problem(_ENCODING, str(path), 1)])
    return data.removeprefix(_BOM)


def _rows(path: Path, data: bytes) -> Iterator[Row]:
    if path.suffix.lower() not in TABLES:
        return json_rows(data)
    from .tables import table_rows

    return table_rows(data, str(path))


def json_rows(data: bytes) -> Iterator[Row]:
    """The lines of a JSONL file that are not blank."""
    # Only b"\n" ends a line: str.splitlines would also cut inside a JSON string that holds U+2028.
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        if len(line) > LONGEST_LINE:
            yield Row(number, reason=f"has {len(line)} bytes, more than {LONGEST_LINE}")
        elif not _is_utf8(line):
            yield Row(number, reason=_ENCODING)
        else:
            yield Row(number, line)


def not_utf8(text: str) -> str:
    """Why a text read with `surrogateescape` is bad: empty where it is not."""
    return _ENCODING if any("\udc80" <= character <= "\udcff" for character in text) else ""


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _read(rows: Iterator[Row], path: str) -> tuple[list[Case], list[Problem], dict[str, int]]:
    cases: list[Case] = []
    problems: list[Problem] = []
    first_line_of: dict[str, int] = {}
    for row in rows:
        case: Case | None = None
        found = [(row.field, row.reason)] if row.reason else []
        if not found:
            try:
                case = Case.model_validate_json(row.json)
                found = list(_said_twice(row.json))
            except ValidationError as error:
                found = list(fields_and_reasons(error))
        if case and not found and (first := first_line_of.get(case.id)):
            found = [_used_twice(case, first)]
        if found or not case:
            problems += [Problem(reason, path, row.line, name) for name, reason in found]
            continue
        first_line_of[case.id] = row.line
        cases.append(case)
    return cases, problems, first_line_of


def _used_twice(case: Case, line: int) -> tuple[str, str]:
    if "id" in case.model_fields_set:
        return "id", f"{case.id!r} is used already, on line {line}"
    return "", f"asks and expects the same as line {line}"


def _said_twice(line: str | bytes) -> Iterator[tuple[str, str]]:
    """Fields that stand more than once in an object: of these, JSON takes the last one in silence."""
    twice: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        twice.extend(name for name in dict.fromkeys(names) if names.count(name) > 1)

    json.loads(line, object_pairs_hook=note)
    for name in twice:
        yield name, "stands more than once"
