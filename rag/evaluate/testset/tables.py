"""A test set as a table, one case a row: what the cells of a CSV file mean, in both directions. Pure.

Several answers stand in one cell, separated by `|` or as a JSON list; so do tags and evidence. A cell that a
spreadsheet would take for a formula is written with an apostrophe before it, and read without.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic_core import from_json

from .cases import Case
from .loader import LONGEST_LINE, Row, not_utf8

COLUMNS = ("id", "question", "answers", "evidence", "source", "answerable", "history", "tags", "notes")
"""What a table can have, in the order in which it is written; `evidence_2`, `evidence_3` … may follow."""

_LISTS = ("answers", "tags")
_EVIDENCE = re.compile(r"evidence(?:_\d+)?")
_IS_JSON = re.compile(r'\[\s*(?:["{\]])')
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_GUARDED = re.compile(rf"'+{_FORMULA.pattern}")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")

Record = tuple[int, list[str], str]
"""The line that a record begins on, its cells, and why they cannot be read (empty where they can)."""


def table_rows(data: bytes, name: str) -> Iterator[Row]:
    """The rows of a CSV file that are not blank, each as the JSON of a case.

    The separator (comma, semicolon, tab) is told from the header. `name` is the file's, for errors. Raises
    `TestSetError` for a header that names no question, or a column that does not exist.
    """
    rows = records(data)
    header = header_of(next(rows, None), name)
    for line, cells, reason in rows:
        if reason:
            yield Row(line, reason=reason)
        elif any(cell.strip() for cell in cells):
            yield _row(line, header, cells)


def records(data: bytes) -> Iterator[Record]:
    """The records of a CSV file, as text: a cell in quotes may hold separators and line ends."""
    # Bytes that are not UTF-8 are kept aside until it is known which line they are on.
    text = data.decode("utf-8", "surrogateescape")
    if csv.field_size_limit() < LONGEST_LINE:
        csv.field_size_limit(LONGEST_LINE)  # Python's own is an eighth of it; there is one for the whole process
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator(text), strict=True)
    line = 1
    while True:
        cells: list[str] = []
        reason = ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = _csv_reason(str(error))
        reason = reason or next(filter(None, map(not_utf8, cells)), "")
        if not reason and (length := sum(map(len, cells))) > LONGEST_LINE:
            reason = f"has {length} characters, more than {LONGEST_LINE}"
        yield line, cells, reason
        line = reader.line_num + 1


def separator(text: str) -> str:
    """What separates the cells of a table, told from its first line: Excel writes semicolons in half of Europe."""
    head = text.partition("\n")[0]
    try:
        return csv.Sniffer().sniff(head, delimiters=",;\t").delimiter
    except csv.Error:  # one column only
        return ","


def header_of(record: Record | None, name: str) -> list[str]:
    """The names of the columns, in lower case; one without a name is empty."""
    from .problems import Problem, refusal

    if record is None:
        raise refusal([Problem("the file is empty; its first line names the columns", name)])
    line, cells, reason = record
    names = [cell.strip().casefold() for cell in cells]
    problems = [Problem(reason, name, line)] if reason else []
    for column in dict.fromkeys(filter(None, names)):
        if column not in COLUMNS and not _EVIDENCE.fullmatch(column):
            problems.append(Problem(f"there is no such column; there are {', '.join(COLUMNS)}", name, line, column))
        elif names.count(column) > 1:
            problems.append(Problem("stands more than once in the header", name, line, column))
    if not problems and "question" not in names:
        problems = [Problem(f"the header names no column 'question', only {', '.join(names)}", name, line)]
    if problems:
        raise refusal(problems)
    return names


def _csv_reason(error: str) -> str:
    if "unexpected end" in error:
        return "a quotation mark opens a cell here and nothing closes it, so that all lines below belong to it"
    if "field larger" in error:
        return f"has a cell of more than {LONGEST_LINE} characters"
    return f"is no row of a table: {error}"


def _row(line: int, header: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) != len(header):
        return Row(line, reason=f"has {len(cells)} cells, the header {len(header)}")
    given: dict[str, Any] = {}
    evidence: list[Any] = []
    source = ""
    for name, cell in zip(header, map(unguarded, cells), strict=True):
        if not cell.strip() and name != "notes":
            continue
        try:
            if not name:
                return Row(line, reason=f"{cell[:80]!r} stands in a column without a name")
            if _EVIDENCE.fullmatch(name):
                evidence += listed(cell)
            elif name == "source":
                source = cell
            else:
                given[name] = _value(name, cell)
        except ValueError as error:
            return Row(line, field=name, reason=str(error))
    if source and not evidence:
        return Row(line, field="source", reason="names the article of the evidence, but there is no evidence")
    if evidence:
        given["evidence"] = [_from(source, each) for each in evidence] if source else evidence
    return Row(line, json.dumps(given))


def _from(source: str, evidence: Any) -> Any:
    given = {"text": evidence} if isinstance(evidence, str) else evidence
    return {"source": source} | given if isinstance(given, dict) else given


def _value(name: str, cell: str) -> Any:
    if name in _LISTS:
        return listed(cell)
    if name == "answerable":
        word = cell.strip().casefold()
        if word not in (*_TRUE, *_FALSE):
            raise ValueError(f"must be true or false, got {cell[:80]!r}")
        return word in _TRUE
    return _from_json(cell) if name == "history" else cell


def listed(cell: str) -> list[Any]:
    """What stands in a cell of several: a JSON list, or texts with `|` between them, without blanks around."""
    if _IS_JSON.match(cell.lstrip()):
        found = _from_json(cell)
        return found if isinstance(found, list) else [found]
    return [part.strip() for part in cell.split("|")]


def _from_json(cell: str) -> Any:
    try:
        return from_json(cell, allow_inf_nan=False)
    except ValueError as error:
        raise ValueError(f"is no JSON: {error}, got {cell[:80]!r}") from None


def guarded(cell: str) -> str:
    """A cell as it is written: no spreadsheet takes it for a formula."""
    return f"'{cell}" if _FORMULA.match(cell) or _GUARDED.match(cell) else cell


def unguarded(cell: str) -> str:
    """A cell as it was before `guarded`."""
    return cell[1:] if _GUARDED.match(cell) else cell


def as_csv(cases: Sequence[Case], separator: str = ",") -> str:
    """The cases as CSV with a header; columns in which nothing stands are left out, but for the first four."""
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
    plain = all(set(each) == {"text"} for each in evidence)
    return {
        "id": case.id,
        "question": case.question,
        "answers": _joined(case.answers),
        "evidence": _joined([each["text"] for each in evidence]) if plain else _json(evidence),
        "answerable": str(case.answerable).lower(),
        "history": _json(fields["history"]) if case.history else "",
        "tags": _joined(case.tags),
        "notes": case.notes,
    }


def _joined(texts: Sequence[str]) -> str:
    """Several texts in one cell, as `listed` reads them."""
    joined = "|".join(texts)
    is_plain = not _IS_JSON.match(joined.lstrip()) and listed(joined) == list(texts)
    return joined if is_plain or not texts else _json(list(texts))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
