"""Read tables: comma- and tab-separated values with the standard library, and Excel workbooks with openpyxl."""

from __future__ import annotations

import csv
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO, StringIO
from itertools import groupby, takewhile
from pathlib import PurePosixPath
from typing import Any, TypeVar

from ..models import public_name
from ..text.tables import MOST_COLUMNS, header_names, write_table
from .base import Extract, cannot_read
from .encoding import decode
from .metadata import iso_date, iso_language, one_line
from .packages.worksheet import Sheet, SheetRow, filled
from .packages.zip_file import check_package

_MOST = ((100_000, "rows"), (1_000_000, "cells"), (20_000_000, "characters"))
_MOST_READ = 5_000_000  # cells with the empty ones before others in their row
_LONGEST_CELL = 131_072  # characters
_SMALLER = "Split it into several files, or leave out columns that nobody asks about."
_DELIMITERS = ",;\t|"
_LONGEST_SHEET = 80  # characters of the name of a sheet; Excel allows 31
_SAMPLE, _LONGEST_SAMPLE = 50, 200_000  # numbers of rows and characters that show the delimiter
_MARKS = re.compile(
    r'(?:^|(?<=[,;\t|\r\n]))"(?:[^"]|"")*+"|[,;\t|]|\r\n?|\n'
)  # text in quotes, and what separates cells
_Key = TypeVar("_Key")
_SEPARATOR = re.compile(r"sep=(.)\r?\n")


def read_csv(data: bytes, name: str) -> Extract:
    """Read separated values: a line for each row, in which each cell carries the name of its column.

    The delimiter is the one that splits the first rows most evenly. Raises `LoadError` if the table is too large.
    """
    text = decode(data, name)
    declared = _SEPARATOR.match(text)
    text = text[declared.end() :] if declared else text
    delimiter = declared[1] if declared else _delimiter(text)
    rows = [row for _, row in _bounded(((0, row) for row in _separated(text, delimiter, name)), name)]
    return Extract(_sheet(rows), title=_title(rows, name))


def _separated(text: str, delimiter: str, name: str) -> Iterator[list[str]]:
    """Yield the rows of separated values. Raises `LoadError` for a cell that is too long."""
    too_long = cannot_read(name, f"it has a cell of more than {_LONGEST_CELL:,} characters", _SMALLER)
    try:
        for row in csv.reader(StringIO(text, newline=""), delimiter=delimiter):
            if any(len(cell) > _LONGEST_CELL for cell in row):  # the limit of the csv module is that of the process
                raise too_long
            yield row
    except csv.Error:
        raise too_long from None


def read_xlsx(data: bytes, name: str) -> Extract:
    """Read what the sheets of a workbook show: no hidden sheets, rows and columns, and the results of formulas.

    If there are several sheets, each row begins with the name of its sheet. Raises `LoadError` if the workbook is too
    large or not one.
    """
    from openpyxl import load_workbook

    if not data.startswith(b"PK"):
        raise cannot_read(name, "it is not an .xlsx workbook", "Open it in Excel and save it as .xlsx.")
    check_package(BytesIO(data), name)
    workbook = load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False, rich_text=True)
    sheets = list(_sheets(workbook, name))
    metadata = workbook.properties
    return Extract(
        "\n\n".join(_sheet(rows, title if len(sheets) > 1 else "") for title, rows in sheets),
        title=one_line(metadata.title) or _title(sheets[0][1] if len(sheets) == 1 else [], name),
        author=one_line(metadata.creator) if metadata.creator != "openpyxl" else None,
        published=iso_date(metadata.created),
        language=iso_language(metadata.language),
    )


def _sheets(workbook: Any, name: str) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield the titles and rows of the visible sheets that are not empty; the limits hold for all together."""
    visible = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"]
    shown = [Sheet(sheet) for sheet in {each._worksheet_path: each for each in visible}.values()]  # each part once
    rows: dict[int, list[SheetRow]] = defaultdict(list)
    read = (((i, row), row.cells) for i, sheet in enumerate(shown) for row in sheet.rows())
    for (i, row), cells in _bounded(read, name):
        rows[i].append(row._replace(cells=cells))
    found: dict[int, list[list[str]]] = defaultdict(list)
    whole = ((i, row.cells) for i, own in rows.items() for row in filled(own, shown[i].merged))
    for i, cells in _bounded(whole, name):
        found[i].append(cells)
    yield from ((shown[i].title, own) for i, own in found.items() if any(map(any, own)))


def _bounded(rows: Iterable[tuple[_Key, Sequence[str]]], name: str) -> Iterator[tuple[_Key, list[str]]]:
    """Yield the rows, with their keys, without white space around cells; blank rows in a row are one.

    Raises `LoadError` if the table exceeds a limit.
    """
    read = cells = characters = count = 0
    was_blank = True
    for key, row in rows:
        read += len(row) + 1
        if read > _MOST_READ:
            raise cannot_read(name, f"it has more than {_MOST_READ:,} cells, most of them empty", _SMALLER)
        characters += sum(map(len, row[:MOST_COLUMNS]))  # also white space: many cells may share one text
        stripped = [" ".join(cell.split()) for cell in row[:MOST_COLUMNS]]
        held = [cell for cell in stripped if cell]
        if held or not was_blank:
            yield key, stripped if held else []
        was_blank = not held
        count += bool(held)
        cells += len(held)
        for value, (most, what) in zip((count, cells, characters), _MOST, strict=True):
            if value > most:
                raise cannot_read(name, f"it has more than {most:,} {what}", _SMALLER)


def _delimiter(text: str) -> str:
    """Return the delimiter that gives most of the first rows the same number of cells, and as many as possible.

    Text in quotes does not count. Commas between digits only, as in "Oslo;1,5", are not delimiters if another delimiter
    is as even.
    """
    rows: list[Counter[str]] = [Counter()]
    are_decimal = {False: True, True: True}  # whether all commas are between digits, in the first row and below it
    is_below = False
    sample = text[:_LONGEST_SAMPLE]
    for match in _MARKS.finditer(sample):
        mark = match[0]
        if mark[0] in "\r\n":
            if len(rows) == _SAMPLE:
                break
            is_below = is_below or bool(rows[-1])
            rows.append(Counter())
        elif mark[0] != '"':
            rows[-1][mark] += 1
            beside = sample[match.start() - 1 : match.start()], sample[match.end() : match.end() + 1]
            are_decimal[is_below] &= mark != "," or all(map(str.isdecimal, beside))

    def evenness(delimiter: str) -> tuple[int, int]:
        sizes = Counter(row[delimiter] + 1 for row in rows if row[delimiter])
        size, often = max(sizes.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        return often, size

    best = max(_DELIMITERS, key=evenness)
    if best == "," and are_decimal[sum(map(bool, rows)) > 1]:
        other = max(_DELIMITERS.replace(",", ""), key=evenness)
        return other if evenness(other)[0] >= evenness(best)[0] else best
    return best


def _sheet(rows: Sequence[Sequence[str]], sheet: str = "") -> str:
    """Return the tables of a sheet, between blank rows, as text.

    Rows with a single cell above a table are its title. A table without a header has that of the table above if they
    have equally many columns.
    """
    parts = []
    names: list[str] = []
    sheet = sheet[:_LONGEST_SHEET]
    for is_blank, group in groupby(rows, key=lambda row: not any(row)):
        table, width = ([], 0) if is_blank else _without_empty_columns(list(group))
        titles = list(takewhile(lambda row: sum(map(bool, row)) == 1, table)) if width > 1 else []
        parts += [next(filter(None, row)) for row in titles]
        table, width = _without_empty_columns(table[len(titles) :])
        if not table:
            continue
        first = [*table[0], *[""] * (width - len(table[0]))]
        if header_names(first, table[1:], expected=True):
            names, table = first, table[1:]
        elif len(names) != width:
            names = []
        head = [[*["Sheet"] * bool(sheet), *names]] if names else []
        body = [[*[f"Sheet: {sheet}" if not names else sheet] * bool(sheet), *row] for row in table]
        parts.append(write_table([*head, *body], len(head)))
    return "\n\n".join(parts)


def _without_empty_columns(table: Sequence[Sequence[str]]) -> tuple[list[list[str]], int]:
    """Return the rows without columns that are empty in all of them, and the number of columns. No row is padded."""
    held = sorted({i for row in table for i, cell in enumerate(row) if cell})
    return [[row[i] for i in held[: bisect_left(held, len(row))]] for row in table], len(held)


def _title(rows: Sequence[Sequence[str]], name: str) -> str:
    """Return the title of a table: the only cell of its first row, else the name of the file."""
    held = [cell for cell in rows[0] if cell] if len(rows) > 1 else []
    stem = PurePosixPath(public_name(name)).stem
    return one_line(held[0] if len(held) == 1 else stem.replace("_", " ")) or stem
