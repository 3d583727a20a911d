"""Read test sets strictly: an error gives the file, line, field and reason of every problem.

A case is a line of JSON or a table row, depending on the file extension.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationError
from pydantic_core import from_json

from ...errors import TestSetError
from .cases import MOST_ITEMS, Case
from .forms import known_fields, whole_file
from .problems import HINT, Problem, fields_and_reasons, read_file, refusal, too_many
from .records import NOT_UTF8, TABLES, RawCase, json_lines
from .tables import table_rows

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_OTHER_FORMATS = {".xlsx", ".xls", ".ods", ".parquet", ".arrow", ".zip", ".gz"}


@dataclass(frozen=True, slots=True)
class TestSet:
    """The cases in a file, in order; `skipped` contains the problems in lines that were left out.

    `lines` maps case ids to line numbers.
    """

    __test__: ClassVar[bool] = False  # the name starts with "Test"; pytest must not collect it

    path: str
    cases: tuple[Case, ...]
    skipped: tuple[Problem, ...] = ()
    lines: dict[str, int] = field(default_factory=dict)


def read_cases(path: str | Path) -> list[Case]:
    """Return the cases in a JSONL or CSV file, in order; blank lines are skipped.

    Raises `TestSetError` in the same cases as `read_test_set`.
    """
    return list(read_test_set(path).cases)


def read_test_set(path: str | Path, *, skip_bad: bool = False, most_cases: int | None = None) -> TestSet:
    """Return the cases in a JSONL or CSV file, in order, with their lines; `skip_bad` leaves out invalid lines.

    `most_cases` limits the number of cases, including invalid ones; no line after the limit is parsed.

    Raises `TestSetError`, which gives the file, line, field and reason, for all invalid lines together (the first ten),
    for a duplicate id, for a file without a valid case, with too many cases, or that cannot be read.
    """
    path = Path(path)
    cases: list[Case] = []
    problems: list[Problem] = []
    lines: dict[str, int] = {}
    for number, raw in enumerate(_raw_cases(path), start=1):
        if most_cases is not None and number > most_cases:
            raise TestSetError(
                f"The test set {str(path)!r} has more than {most_cases} questions.", "Run it with `citechat eval`."
            )
        parsed = _parse(raw, lines)
        if isinstance(parsed, Case):
            lines[parsed.id] = raw.line
            cases.append(parsed)
        else:
            problems += [Problem(reason, str(path), raw.line, name) for name, reason in parsed]
    if problems and not (skip_bad and cases):
        raise refusal(problems)
    if not cases:
        raise TestSetError(f"The test set {str(path)!r} contains no cases.", HINT)
    return TestSet(str(path), tuple(cases), tuple(problems), lines)


def _raw_cases(path: Path) -> Iterator[RawCase]:
    suffix = path.suffix.lower()
    if suffix in _OTHER_FORMATS:
        raise TestSetError(f"Cannot read {str(path)!r}: {path.suffix} is not supported.", "Save it as CSV or JSONL.")
    data = read_file(path)
    if data.startswith(_UTF16):
        try:
            data = data.decode("utf-16").encode()  # Excel's “Unicode text”
        except UnicodeError:
            raise refusal([Problem(NOT_UTF8, str(path), 1)]) from None
    if suffix in TABLES:
        return table_rows(data, str(path))
    return whole_file(data) or (replace(raw, json=known_fields(raw.json)) for raw in json_lines(data))


def _parse(raw: RawCase, lines: dict[str, int]) -> Case | list[tuple[str, str]]:
    """Return the case, or the invalid fields with the reasons; `lines` contains the lines of earlier cases."""
    invalid = [(raw.field, raw.reason)] if raw.reason else _long_lists(raw.json)
    if invalid:
        return invalid
    try:
        case = Case.model_validate_json(raw.json)
    except ValidationError as error:
        return list(fields_and_reasons(error))
    if repeated := _repeated_fields(raw.json):
        return [(name, "occurs more than once") for name in repeated]
    if (first := lines.get(case.id)) is None:
        return case
    if "id" in case.model_fields_set:
        return [("id", f"{case.id!r} is already used, on line {first}")]
    return [("", f"is a duplicate of line {first}")]


def _long_lists(line: str | bytes) -> list[tuple[str, str]]:
    """Return the fields with too many items, with the reason; pydantic would describe each invalid one among them."""
    try:
        given = from_json(line)
    except ValueError:  # `Case` gives the reason
        return []
    fields = given.items() if isinstance(given, dict) else ()
    long = [name for name, value in fields if isinstance(value, list) and len(value) > MOST_ITEMS]
    return [(name, too_many(MOST_ITEMS)) for name in long]


def _repeated_fields(line: str | bytes) -> list[str]:
    """Return the fields that occur more than once in an object: JSON parsers silently use the last one."""
    repeated: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        repeated.extend(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)

    json.loads(line, object_pairs_hook=note)
    return repeated
