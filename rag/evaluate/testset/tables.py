"""Convert test sets from and to CSV tables with one case per row. Pure.

A cell may contain several answers, tags or pieces of evidence, separated by `|` or as a JSON list. A cell that a
spreadsheet would evaluate as a formula is written with a leading apostrophe, which is removed on reading.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic_core import from_json

from .cases import Case
from .problems import Problem, refusal
from .records import RawCase, csv_records

COLUMNS = ("id", "question", "answers", "evidence", "source", "answerable", "history", "tags", "notes")
"""The table columns, in the order in which they are written; `evidence_2`, `evidence_3` … may follow."""

_LISTS = ("answers", "tags")
_EVIDENCE = re.compile(r"evidence(?:_\d+)?")
_JSON_LIST = re.compile(r'\[\s*(?:["{\]])')
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_GUARDED = re.compile(rf"'+{_FORMULA.pattern}")
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def table_rows(data: bytes, name: str) -> Iterator[RawCase]:
    """Yield the nonblank rows in a CSV file, each as a case in JSON.

    `name` is the file name for errors. Raises `TestSetError` for a header without a `question` column, or with an
    unknown column.
    """
    records = csv_records(data)
    header = _header(next(records, None), name)
    for line, cells, reason in records:
        yield RawCase(line, reason=reason) if reason else _row(line, header, cells)


def _header(record: tuple[int, list[str], str] | None, name: str) -> list[str]:
    """Return the column names, in lower case; a column without a name has an empty name."""
    if record is None:
        raise refusal([Problem("the file is empty; its first line must name the columns", name)])
    line, cells, reason = record
    names = [cell.strip().casefold() for cell in cells]
    problems = [Problem(reason, name, line)] if reason else []
    for column, times in Counter(filter(None, names)).items():
        if column not in COLUMNS and not _EVIDENCE.fullmatch(column):
            problems.append(Problem(f"unknown column; use {', '.join(COLUMNS)}", name, line, column))
        elif times > 1:
            problems.append(Problem("occurs more than once in the header", name, line, column))
    if not problems and "question" not in names:
        problems = [Problem(f"the header names no column 'question', only {', '.join(names)}", name, line)]
    if problems:
        raise refusal(problems)
    return names


def _row(line: int, header: Sequence[str], cells: Sequence[str]) -> RawCase:
    given: dict[str, Any] = {}
    evidence: list[Any] = []
    source = ""
    for name, cell in zip(header, map(unguarded, cells), strict=True):
        if not cell.strip() and name != "notes":
            continue
        try:
            if not name:
                return RawCase(line, reason=f"{cell[:80]!r} is in a column without a name")
            if _EVIDENCE.fullmatch(name):
                evidence += _listed(cell)
            elif name == "source":
                source = cell
            else:
                given[name] = _value(name, cell)
        except ValueError as error:
            return RawCase(line, field=name, reason=str(error))
    if source and not evidence:
        return RawCase(line, field="source", reason="names the article of the evidence, but there is no evidence")
    if evidence:
        given["evidence"] = [_with_source(each, source) for each in evidence] if source else evidence
    return RawCase(line, json.dumps(given))


def _with_source(evidence: Any, source: str) -> Any:
    given = {"text": evidence} if isinstance(evidence, str) else evidence
    return {"source": source} | given if isinstance(given, dict) else given


def _value(name: str, cell: str) -> Any:
    if name in _LISTS:
        return _listed(cell)
    if name == "answerable":
        if (value := _BOOLEANS.get(cell.strip().casefold())) is None:
            raise ValueError(f"must be true or false, got {cell[:80]!r}")
        return value
    return _from_json(cell) if name == "history" else cell


def _listed(cell: str) -> list[Any]:
    """Return the items in a cell: a JSON list, or texts separated by `|`, without surrounding spaces."""
    if _JSON_LIST.match(cell.lstrip()):
        found = _from_json(cell)
        return found if isinstance(found, list) else [found]
    return [part.strip() for part in cell.split("|")]


def _from_json(cell: str) -> Any:
    try:
        return from_json(cell, allow_inf_nan=False)
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}, got {cell[:80]!r}") from None


def guarded(cell: str) -> str:
    """Return a cell with a leading apostrophe if a spreadsheet would evaluate it as a formula."""
    return f"'{cell}" if _FORMULA.match(cell) or _GUARDED.match(cell) else cell


def unguarded(cell: str) -> str:
    """Return the original content of a cell that `guarded` returned."""
    return cell[1:] if _GUARDED.match(cell) else cell


def as_csv(cases: Sequence[Case], separator: str = ",") -> str:
    """Return the cases as CSV with a header; empty columns are left out, except for the first four."""
    rows = [_cells(case) for case in cases]
    columns = [name for name in COLUMNS if name in COLUMNS[:4] or any(row.get(name) for row in rows)]
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, columns, extrasaction="ignore", delimiter=separator)
    writer.writeheader()
    writer.writerows({name: guarded(cell) for name, cell in row.items()} for row in rows)
    return written.getvalue()


def _cells(case: Case) -> dict[str, str]:
    fields = case.model_dump(mode="json", exclude_defaults=True)
    evidence = fields.get("evidence", [])
    is_plain = all(set(each) == {"text"} for each in evidence)
    return {
        "id": case.id,
        "question": case.question,
        "answers": _joined(case.answers),
        "evidence": _joined([each["text"] for each in evidence]) if is_plain else _to_json(evidence),
        "answerable": str(case.answerable).lower(),
        "history": _to_json(fields["history"]) if case.history else "",
        "tags": _joined(case.tags),
        "notes": case.notes,
    }


def _joined(texts: Sequence[str]) -> str:
    """Return several texts joined into one cell, in the format that `_listed` reads."""
    joined = "|".join(texts)
    is_plain = not _JSON_LIST.match(joined.lstrip()) and _listed(joined) == list(texts)
    return joined if is_plain or not texts else _to_json(list(texts))


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
