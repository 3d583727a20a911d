"""Read the rows of a sheet of an Excel workbook as they are shown, with openpyxl."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from ...text.runs import LEFT_OUT, join_runs, lowered, raised
from .number_format import shown_number, shown_text

_LONGEST_FORMAT = 255  # characters of a number format, as in Excel
_COLOURS = re.compile(r"\[[^\[\]$]*+\]|_.|\*.")  # parts of a number format that are not shown
_LITERAL = re.compile(r'"[^"]*"|\\.')
_RANGE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7}):\$?[A-Z]{1,3}\$?([0-9]{1,7})")
_SHIFTS = {"superscript": raised, "subscript": lowered}


class SheetRow(NamedTuple):
    """The number of a row, counted from 1, its cells up to the last one, and whether it is hidden."""

    number: int
    cells: list[str]
    is_hidden: bool = False


class MergedCell(NamedTuple):
    """A cell that extends over several rows: its column, counted from 0, and its first and last row."""

    column: int
    first: int
    last: int


class Sheet:
    """A sheet of a workbook that openpyxl has opened for reading only, with rich text."""

    def __init__(self, sheet: Any) -> None:
        self._sheet = sheet
        self._formats: dict[int, _CellFormat] = {}
        self.merged: list[MergedCell] = []
        """The cells over several rows, which are known after all rows."""

    @property
    def title(self) -> str:
        """The name of the sheet."""
        return str(self._sheet.title)

    def rows(self) -> Iterator[SheetRow]:
        """Yield the rows, without cells in hidden columns. Missing rows are one without cells."""
        from openpyxl.utils import column_index_from_string
        from openpyxl.worksheet._reader import WorkSheetParser

        book = self._sheet.parent
        with self._sheet._get_source() as source:
            parser = WorkSheetParser(
                source,
                self._sheet._shared_strings,
                data_only=True,
                epoch=book.epoch,
                date_formats=book._date_formats,
                timedelta_formats=book._timedelta_formats,
                rich_text=True,
            )
            hidden: list[tuple[int, int]] | None = None
            following = 1
            for number, cells in parser.parse():
                attributes = parser.row_dimensions.pop(str(number), {})
                if number < following:
                    continue
                if number > following:
                    yield SheetRow(number - 1, [])
                following = number + 1
                hidden = list(_hidden(parser.column_dimensions.values())) if hidden is None else hidden
                row = [""] * max((cell["column"] for cell in cells), default=0)
                for cell in cells:
                    if cell["value"] is not None:
                        row[cell["column"] - 1] = self._shown(cell["value"], cell["style_id"])
                for start, end in hidden:
                    row[start:end] = [""] * len(row[start:end])
                yield SheetRow(number, row, _is_true(attributes.get("hidden")))
            found = (
                [_RANGE.fullmatch(each.ref) for each in parser.merged_cells.mergeCell] if parser.merged_cells else []
            )
        self.merged = [
            MergedCell(column_index_from_string(each[1]) - 1, int(each[2]), int(each[3])) for each in found if each
        ]

    def _shown(self, value: Any, style: int) -> str:
        from openpyxl.cell.rich_text import CellRichText, TextBlock

        form = self._format(style)
        if isinstance(value, CellRichText):
            blocks = (
                (each.text, bool(each.font.strike), each.font.vertAlign)
                if isinstance(each, TextBlock)
                else (str(each), form.is_struck, form.shift)
                for each in value
            )
            value = join_runs(LEFT_OUT if struck else _SHIFTS.get(shift, str)(text) for text, struck, shift in blocks)
        elif form.is_struck:
            return ""
        elif isinstance(value, str) and form.shift in _SHIFTS:
            value = join_runs([_SHIFTS[form.shift](value)])
        return shown_value(value, form.number_format)

    def _format(self, style: int) -> _CellFormat:
        from openpyxl.cell.read_only import ReadOnlyCell

        if style not in self._formats:
            cell = ReadOnlyCell(self._sheet, 1, 1, None, style_id=style)
            number_format = (cell.number_format or "")[:_LONGEST_FORMAT]
            self._formats[style] = _CellFormat(number_format, bool(cell.font.strike), cell.font.vertAlign or "")
        return self._formats[style]


@dataclass(frozen=True, slots=True)
class _CellFormat:
    """What a style says of showing a cell."""

    number_format: str
    is_struck: bool
    shift: str


def filled(rows: Iterable[SheetRow], merged: Sequence[MergedCell]) -> Iterator[SheetRow]:
    """Yield the rows that are not hidden; a cell that extends over several rows is repeated in those with other cells.

    `rows` are in order. The time is proportional to the number of rows and cells, with the repeated ones.
    """
    waiting = sorted((cell for cell in merged if cell.last > cell.first), key=lambda cell: -cell.first)
    extending: dict[int, tuple[int, str]] = {}  # by column: the last row, and the text
    for row in rows:
        cells = row.cells
        extending = {column: cell for column, cell in extending.items() if cell[0] >= row.number}
        if any(cells):
            cells = cells + [""] * (max(extending, default=-1) + 1 - len(cells))
            for column, (_, text) in extending.items():
                cells[column] = text
        while waiting and waiting[-1].first <= row.number:
            cell = waiting.pop()
            if cell.first == row.number and cell.column < len(cells) and cells[cell.column]:
                extending[cell.column] = cell.last, cells[cell.column]
        if not row.is_hidden:
            yield SheetRow(row.number, cells)


def _hidden(columns: Iterable[dict[str, str]]) -> Iterator[tuple[int, int]]:
    """Yield the first of hidden columns, counted from 0, and the one after the last."""
    return ((int(each["min"]) - 1, int(each["max"])) for each in columns if _is_true(each.get("hidden")))


def _is_true(written: str | None) -> bool:
    return written in ("1", "true")


def shown_value(value: Any, number_format: str) -> str:
    """Return a value as Excel shows it in its format, but a date as a person would write it, with months as words."""
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
        return shown_number(value, number_format)
    return shown_text(str(value), number_format)


@lru_cache(maxsize=1_000)
def _letters(number_format: str) -> str:
    """Return the letters of a date in a number format, in lower case."""
    return _LITERAL.sub("", _COLOURS.sub("", number_format)).lower()


def _day(value: date, number_format: str) -> str:
    letters = _letters(number_format)
    day = f"{value.day} " if "d" in letters or "y" not in letters else ""
    month = f"{value:%B} " if day or "m" in letters else ""
    return f"{day}{month}{value.year}"


def _clock(value: time) -> str:
    return f"{value:%H:%M:%S}" if value.second else f"{value:%H:%M}"
