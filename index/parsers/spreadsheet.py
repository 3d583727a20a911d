"""Read tables: comma- and tab-separated values with the standard library, and Excel workbooks with openpyxl."""

from __future__ import annotations

import csv
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from io import BytesIO, StringIO
from itertools import groupby, islice, takewhile
from pathlib import PurePosixPath
from typing import Any

from ..models import public_name
from ..text.tables import MOST_COLUMNS, header_names, write_table
from .base import Extract, cannot_read
from .encoding import decode
from .metadata import iso_date, iso_language, one_line
from .packages.zip_file import check_package

_MOST = ((100_000, "rows"), (1_000_000, "cells"), (20_000_000, "characters"))
_MOST_READ = 5_000_000  # cells with the empty ones before others in their row
_LONGEST_CELL = 131_072  # characters
_SMALLER = "Split it into several files, or leave out columns that nobody asks about."
_DELIMITERS = ",;\t|"
_LONGEST_SHEET = 80  # characters of the name of a sheet; Excel allows 31
_LONGEST_FORMAT = 255  # characters of a number format, as in Excel
_SAMPLE = 50  # number of rows that show the delimiter
_SEPARATOR = re.compile(r"sep=(.)\r?\n")
_COLOURS = re.compile(r"\[[^\[\]$]*+\]|_.|\*.")  # parts of a number format that are not shown
_LITERAL = re.compile(r'"[^"]*"|\\.')
_CURRENCY = re.compile(r"\[\$([^\]-]{1,5})|([$€£¥₹₩₽₺])")
_DECIMALS = re.compile(r"0\.(0+)")


def read_csv(data: bytes, name: str) -> Extract:
    """Read separated values: a line for each row, in which each cell carries the name of its column.

    The delimiter is the one that splits the first rows most evenly. Raises `LoadError` if the table is too large.
    """
    text = decode(data, name)
    declared = _SEPARATOR.match(text)
    text = text[declared.end() :] if declared else text
    delimiter = declared[1] if declared else _delimiter(text, name)
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
    """Read the visible sheets of a workbook, with dates and numbers as they are shown, and the results of formulas.

    If there are several sheets, each row begins with the name of its sheet. Raises `LoadError` if the workbook is too
    large or not one.
    """
    from openpyxl import load_workbook

    if not data.startswith(b"PK"):
        raise cannot_read(name, "it is not an .xlsx workbook", "Open it in Excel and save it as .xlsx.")
    check_package(BytesIO(data), name)
    workbook = load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False)
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
    shown = list({sheet._worksheet_path: sheet for sheet in visible}.values())  # a file could show one part many times
    rows: dict[int, list[list[str]]] = defaultdict(list)
    for number, row in _bounded(((i, row) for i, sheet in enumerate(shown) for row in _rows(sheet)), name):
        rows[number].append(row)
    yield from ((shown[i].title, own) for i, own in rows.items() if any(map(any, own)))


def _rows(sheet: Any) -> Iterator[list[str]]:
    sheet.reset_dimensions()  # a file may declare any size
    for row in sheet.iter_rows():  # rows between others come without cells, and are not padded
        yield [
            _shown(cell.value, (cell.number_format or "")[:_LONGEST_FORMAT]) if cell.value is not None else ""
            for cell in row
        ]


def _bounded(rows: Iterable[tuple[int, Sequence[str]]], name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows, with the number of their sheet, without white space around cells; blank rows in a row are one.

    Raises `LoadError` if the table exceeds a limit.
    """
    read = cells = characters = count = 0
    was_blank = True
    for number, row in rows:
        read += len(row) + 1
        if read > _MOST_READ:
            raise cannot_read(name, f"it has more than {_MOST_READ:,} cells, most of them empty", _SMALLER)
        characters += sum(map(len, row[:MOST_COLUMNS]))  # also white space: many cells may share one text
        stripped = [" ".join(cell.split()) for cell in row[:MOST_COLUMNS]]
        held = [cell for cell in stripped if cell]
        if held or not was_blank:
            yield number, stripped if held else []
        was_blank = not held
        count += bool(held)
        cells += len(held)
        for value, (most, what) in zip((count, cells, characters), _MOST, strict=True):
            if value > most:
                raise cannot_read(name, f"it has more than {most:,} {what}", _SMALLER)


def _delimiter(text: str, name: str) -> str:
    """Return the delimiter that gives most of the first rows the same number of cells, and as many as possible."""

    def evenness(delimiter: str) -> tuple[float, int]:
        rows = islice(_separated(text, delimiter, name), _SAMPLE)
        sizes = Counter(len(row) for row in rows if len(row) > 1)
        size, often = max(sizes.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        return often, size

    return max(_DELIMITERS, key=evenness)


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


def _shown(value: Any, number_format: str) -> str:
    """Return a value as a person would write it: with the unit and the decimals of its format, and months as words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        clock = value.time() if isinstance(value, datetime) else time()
        return f"{_day(value, number_format)} {_clock(clock) if clock != time() else ''}".rstrip()
    if isinstance(value, time):
        return _clock(value)
    if isinstance(value, timedelta):
        minutes, seconds = divmod(int(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")
    if isinstance(value, int | float):
        return _number(value, number_format)
    return str(value)


@dataclass(frozen=True, slots=True)
class _NumberFormat:
    """What a number format says of a number; `letters` are those of a date, in lower case."""

    letters: str
    decimals: int
    thousands: str
    is_percentage: bool
    is_fixed: bool  # the number has as many decimals as the format says
    unit: str


@lru_cache(maxsize=1_000)
def _parsed(number_format: str) -> _NumberFormat:
    shown = _COLOURS.sub("", number_format.split(";", maxsplit=1)[0])
    places = _DECIMALS.search(shown)
    thousands = "," if ",0" in shown or ",#" in shown else ""
    unit = _CURRENCY.search(shown)
    return _NumberFormat(
        letters=_LITERAL.sub("", _COLOURS.sub("", number_format)).lower(),
        decimals=len(places[1]) if places else 0,
        thousands=thousands,
        is_percentage="%" in _LITERAL.sub("", shown),
        is_fixed=bool(places or (thousands and "0" in shown)),
        unit=(unit[1] or unit[2]) if unit else "",
    )


def _day(value: date, number_format: str) -> str:
    letters = _parsed(number_format).letters
    day = f"{value.day} " if "d" in letters or "y" not in letters else ""
    month = f"{value:%B} " if day or "m" in letters else ""
    return f"{day}{month}{value.year}"


def _clock(value: time) -> str:
    return f"{value:%H:%M:%S}" if value.second else f"{value:%H:%M}"


def _number(value: float, number_format: str) -> str:
    form = _parsed(number_format)
    if form.is_percentage:
        return f"{value * 100:{form.thousands}.{form.decimals}f}%"
    if form.is_fixed:
        written = f"{value:{form.thousands}.{form.decimals}f}"
    else:
        written = str(value) if isinstance(value, int) else f"{value:.15g}"
        written = f"{value:.0f}" if "e" in written and float(value).is_integer() and abs(value) < 1e21 else written
    return f"-{form.unit}{written[1:]}" if written[0] == "-" else f"{form.unit}{written}"
