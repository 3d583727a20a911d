"""Split JSONL files into lines and CSV files into records, without interpreting their content. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_LINE = 1_000_000
"""Maximum length of a line in bytes, and of a record in characters; a longer one indicates a malformed file."""

LONGEST_HEADER = 10_000
"""Maximum length of the part of a table's first line in which its separator is searched, in characters."""

TABLES = (".csv", ".tsv")
"""Extensions of files that are read and written as tables; other files contain JSON lines."""

_SEPARATORS = ",;\t"  # the first one counts if several are equally frequent
NOT_UTF8 = "is not UTF-8; save the file in that encoding (Excel calls it “CSV UTF-8”)"


@dataclass(frozen=True, slots=True)
class RawCase:
    """A case as JSON and its first line, or the `reason` why it cannot be read and the `field` concerned."""

    line: int
    json: str | bytes = ""
    field: str = ""
    reason: str = ""


def json_lines(data: bytes) -> Iterator[RawCase]:
    """Yield the nonblank lines in a JSONL file."""
    # Only b"\n" ends a line: str.splitlines would also split a JSON string that contains U+2028.
    for number, whole in enumerate(io.BytesIO(data), start=1):
        line = whole.removesuffix(b"\n")
        if not line.strip():
            continue
        if len(line) > LONGEST_LINE:
            yield RawCase(number, reason=f"has {len(line)} bytes, more than {LONGEST_LINE}")
        elif _has_bad_bytes(line.decode("utf-8", "surrogateescape")):
            yield RawCase(number, reason=NOT_UTF8)
        else:
            yield RawCase(number, line)


def csv_records(data: bytes) -> Iterator[tuple[int, list[str], str]]:
    """Yield each record in a CSV file: its line number, its cells, and the reason why they cannot be read (or "").

    The first record is the header; blank records after it are left out, and all others must have as many cells as the
    header. The separator (comma, semicolon, tab) is guessed from the first line. A quoted cell may contain separators
    and line breaks.
    """
    text = data.decode("utf-8", "surrogateescape")  # invalid bytes are preserved until their line is known
    if csv.field_size_limit() < LONGEST_LINE:
        csv.field_size_limit(LONGEST_LINE)  # Python's default limit is lower; the limit applies to the whole process
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    line, width = 1, None
    while True:
        cells: list[str] = []
        reason = ""
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = _csv_reason(str(error))
        if any(map(_has_bad_bytes, cells)):
            reason = NOT_UTF8
        elif (length := sum(map(len, cells))) > LONGEST_LINE:
            reason = f"has {length} characters, more than {LONGEST_LINE}"
        if width is None:
            width = len(cells)
            yield line, cells, reason
        elif reason:
            yield line, [], reason
        elif any(cell.strip() for cell in cells):
            reason = "" if len(cells) == width else f"has {len(cells)} cells, but the header has {width}"
            yield line, cells, reason
        line = reader.line_num + 1


def _has_bad_bytes(text: str) -> bool:
    """Return whether a text decoded with `surrogateescape` was not valid UTF-8."""
    return any("\udc80" <= character <= "\udcff" for character in text)


def _separator(text: str) -> str:
    """Return the most frequent separator outside quotes in the first line: Excel writes semicolons in half of Europe.

    `csv.Sniffer` would take quadratic time for a line with many quotation marks.
    """
    head = text[:LONGEST_HEADER].partition("\n")[0]
    outside = "".join(head.split('"')[::2])
    return max(_SEPARATORS, key=outside.count)


def _csv_reason(error: str) -> str:
    if "unexpected end" in error:
        return "a quotation mark opens a cell here and is never closed, so all lines below belong to that cell"
    if "field larger" in error:
        return f"has a cell of more than {LONGEST_LINE} characters"
    return f"is not a row of a table: {error}"
