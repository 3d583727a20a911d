"""Put the lines of a PDF page in reading order. Pure.

A program may draw a page row by row, across its columns. Such rows are recognised by their positions: consecutive rows
that all leave the same vertical strip free. If what is beside the strip is prose, it is read column by column. If it is
a table, each row becomes a line with ` | ` between its cells. Everything else keeps the order in which it is drawn, so
that a page that is drawn column by column is not changed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from .content import Segment, SourceLine

_SAME_HEIGHT = 0.3  # maximum difference between the base lines of a row, in font sizes
_LARGEST_DROP = 4.0  # maximum distance between two rows of a block, in font sizes
_STRIP = 0.4  # minimum width of the strip between two columns, in font sizes
_MOST_COLUMNS = 30
_FEWEST_ROWS = 3  # minimum number of rows with text in at least two columns
_WIDE_ROWS = 0.5  # minimum share of such rows, up to the last of them
_SHORTEST_PROSE = 16  # minimum of the median length of a line of prose, in characters
_SHORTEST_CJK_PROSE = 8
_FEWEST_WORDS = 3  # minimum of the median number of words in a line of prose
_FULL = 0.7  # a line that is at least this share of its column's width fills the column
_MOST_ARE_FULL = 0.55  # minimum share of such lines in prose
_LOWER_STARTS = 0.3  # minimum share of lines that begin with a small letter in prose, in scripts that have them
_FEWEST_LEADERS = 5  # minimum length of dots that lead to the next cell, in characters
_LETTERS = 0.6  # minimum share of letters in prose

_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_MARK = re.compile(r"[^\w\s]{1,2}|\(?\w{1,4}[.)]")
"""A bullet or a number of a list, which is not a cell of a table."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A line in reading order: its text with the line break, and its position as for `Segment`."""

    text: str
    left: float
    height: float
    size: float
    is_placed: bool
    is_row: bool = False  # of a table


class _Row:
    """Lines side by side."""

    def __init__(self, line: SourceLine) -> None:
        self.lines = [line]
        self.is_placed = all(segment.is_placed for segment in line)
        self.height, self.size = line[0].height, max(segment.size for segment in line)
        self.right = max(segment.right for segment in line)

    @property
    def segments(self) -> list[Segment]:
        return [segment for line in self.lines for segment in line]

    def takes(self, line: SourceLine) -> bool:
        """Whether a line continues the row to the right; if so, it is added."""
        fits = (
            self.is_placed
            and all(segment.is_placed for segment in line)
            and abs(line[0].height - self.height) <= _SAME_HEIGHT * self.size
            and min(segment.left for segment in line) >= self.right - _SAME_HEIGHT * self.size
        )
        if fits:
            self.lines.append(line)
            self.right = max(segment.right for segment in line)
        return fits


def in_reading_order(lines: Sequence[SourceLine]) -> list[Line]:
    """Return the lines of a page in reading order. The time is proportional to their number."""
    rows: list[_Row] = []
    for line in lines:
        if not rows or not rows[-1].takes(line):
            rows.append(_Row(line))
    ordered: list[Line] = []
    first = 0
    while first < len(rows):
        last, columns = _block(rows, first)
        if last > first:
            found, read = _read_block(rows[first:last], columns)
            ordered += found
            first += read
        else:
            ordered += [_joined(line) for line in rows[first].lines]
            first += 1
    return ordered


def _block(rows: list[_Row], first: int) -> tuple[int, list[Interval]]:
    """Return the end of the block that begins with row `first`, and its columns; the end is `first` if none begins."""
    if len(rows[first].segments) < 2 or not rows[first].is_placed:
        return first, []
    columns = _merged([], rows[first])
    if not 2 <= len(columns) <= _MOST_COLUMNS:
        return first, []
    last, last_columns = first + 1, columns
    for i in range(first + 1, len(rows)):
        row, before = rows[i], rows[i - 1]
        drop = before.height - row.height
        if not row.is_placed or not -_SAME_HEIGHT * row.size <= drop <= _LARGEST_DROP * max(row.size, before.size):
            break
        columns = _merged(columns, row)
        if not 2 <= len(columns) <= _MOST_COLUMNS:
            break
        last, last_columns = i + 1, columns
    wide = _wide_rows(rows[first:last], last_columns)
    is_block = len(wide) >= _FEWEST_ROWS and len(wide) >= _WIDE_ROWS * (wide[-1] + 1)
    return (last, last_columns) if is_block else (first, [])


def _wide_rows(rows: Sequence[_Row], columns: list[Interval]) -> list[int]:
    """Return the numbers of the rows that have text in at least two columns."""
    return [i for i, row in enumerate(rows) if len({_column(segment, columns) for segment in row.segments}) > 1]


def _merged(columns: list[Interval], row: _Row) -> list[Interval]:
    """Return the columns, widened by the segments of a row; columns without a strip between them become one."""
    merged: list[Interval] = []
    for left, right in sorted([*columns, *((segment.left, segment.right) for segment in row.segments)]):
        if merged and left < merged[-1][1] + _STRIP * row.size:
            merged[-1] = (merged[-1][0], max(merged[-1][1], right))
        else:
            merged.append((left, right))
    return merged


def _column(segment: Segment, columns: list[Interval]) -> int:
    return next((i for i, (left, right) in enumerate(columns) if left <= segment.left <= right), len(columns) - 1)


def _read_block(rows: Sequence[_Row], columns: list[Interval]) -> tuple[list[Line], int]:
    """Return the lines of a block in reading order, and the number of its rows that they contain."""
    cells = [_cells(row, columns) for row in rows]
    in_columns = [[of_row[i] for of_row in cells if of_row[i]] for i in range(len(columns))]
    if all(_is_prose(own, columns[i]) for i, own in enumerate(in_columns)):
        return [_joined(segments) for own in in_columns for segments in own], len(rows)
    cells = cells[: _wide_rows(rows, columns)[-1] + 1]
    if all(_MARK.fullmatch("".join(segment.text for segment in of_row[0]).strip()) for of_row in cells if of_row[0]):
        return [_joined([segment for cell in of_row for segment in cell]) for of_row in cells], len(cells)
    return [_table_row(of_row) for of_row in cells], len(cells)


def _cells(row: _Row, columns: list[Interval]) -> list[list[Segment]]:
    cells: list[list[Segment]] = [[] for _ in columns]
    for segment in row.segments:
        cells[_column(segment, columns)].append(segment)
    return cells


def _is_prose(lines: list[list[Segment]], column: Interval) -> bool:
    texts = [" ".join("".join(segment.text for segment in line).split()) for line in lines]
    letters = sum(character.isalpha() for text in texts for character in text)
    characters = sum(not character.isspace() for text in texts for character in text)
    if len(texts) < _FEWEST_ROWS or letters < _LETTERS * characters:
        return False
    width = column[1] - column[0]
    full = sum(line[-1].right - line[0].left >= _FULL * width for line in lines)
    if full < _MOST_ARE_FULL * len(lines):
        return False
    if sum(len(_CJK.findall(text)) for text in texts) > letters / 2:
        return median(len(text) for text in texts) >= _SHORTEST_CJK_PROSE
    has_cases = any(text[:1].islower() or text[:1].isupper() for text in texts)
    lower = sum(text[:1].islower() for text in texts[1:])
    return (
        median(len(text) for text in texts) >= _SHORTEST_PROSE
        and median(len(text.split()) for text in texts) >= _FEWEST_WORDS
        and (not has_cases or lower >= _LOWER_STARTS * (len(texts) - 1))
    )


def _joined(segments: Sequence[Segment]) -> Line:
    text = segments[0].text
    for segment in segments[1:]:
        gap = "" if text[-1:].isspace() or segment.text[:1].isspace() else " "
        text += gap + segment.text
    return _line(text, segments)


def _table_row(cells: list[list[Segment]]) -> Line:
    texts = [" | ".join(filter(None, map(_cell, cell))) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    if sum(bool(text) for text in texts) == 1:  # the next line of a cell
        texts = [text for text in texts if text]
    own = [segment for cell in cells for segment in cell]
    line = _line(" | ".join(texts), own)
    return Line(line.text, line.left, line.height, line.size, line.is_placed, is_row=True)


def _cell(segment: Segment) -> str:
    """Return the text of a cell without dots that lead to the next cell."""
    text = " ".join(segment.text.split())
    bare = text.rstrip(". \u2026")
    return bare if len(text) - len(bare) >= _FEWEST_LEADERS else text


def _line(text: str, segments: Sequence[Segment]) -> Line:
    longest = max(segments, key=lambda segment: len(segment.text.strip()))
    is_placed = all(segment.is_placed for segment in segments)
    return Line(text.rstrip() + "\n", segments[0].left, longest.height, longest.size, is_placed)
