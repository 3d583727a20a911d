"""Find the rows of tables in a text, and write rows in which each cell carries the name of its column. Pure.

Parsers write "Parish: Aldwick | 2022: 310", so that a quoted row can be understood alone. In Markdown and plain text,
whose text is the file itself, the names come from the header row, and `with_column_names` adds them.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from ..cancellation import Cancellation
from ..models import Columns, Passage, Row, Span
from .column_names import LONGEST_NAME, short_names

BETWEEN_CELLS = " | "

MOST_COLUMNS = 1_000
"""Maximum number of columns that parsers read."""

_FEWEST_ROWS = 3  # minimum number of lines that form a table without marks
_LONGEST_LINE = 2_000  # characters; a longer line is not a row
_LONGEST_CELL = 300  # characters; a longer cell is a text by itself
_LONGEST_SHORT_CELL, _FEWEST_SENTENCES = 120, 3  # so is a cell of more characters with so many sentences
_LONGEST_ROW = 400  # characters; longer rows are written in several lines, each with the first cell
_LONGEST_LEAD = 100  # characters of a first cell that is repeated where a long row goes on
_LONGEST_NUMBER = 40  # characters
_SAMPLE = 50  # number of rows that show whether there is a header
_MOSTLY = 0.6  # minimum share of numbers in a column of numbers below a header
_NEARLY_ALL = 0.9  # minimum share of numbers in a column of numbers that shows that lines are a table
_NUMBERS_IN_A_LINE = 2  # minimum number of numbers in a line whose cells are separated by single blanks
_MOST_WORDS = 6  # maximum number of words in such a line, besides numbers

_LINE = re.compile(r"[^\r\n]+")
_PIPE = re.compile(r"(?<!\\)\|")
_TAB = re.compile(r"\t")
_WIDE = re.compile(r"[ \t]{2,}|\t")
_QUOTED = re.compile(r'"(?:[^"]|"")*+"(?=[,;\t]|$)|[^,;\t]+|[,;\t]')
_WORD = re.compile(r"\S+")
_NUMBER = r"[-+−(]?(?:[$€£¥][ \u00a0]?)?\d[\d.,'/: \u00a0\u202f-]*+(?:E[+-]\d{1,3})?"
_NUMERIC = re.compile(rf"{_NUMBER}(?:[%‰$€£¥]|[^\W\d_]{{1,3}})?\)?|[-–—]|n/?a", re.IGNORECASE)
_MEASURE = re.compile(rf"{_NUMBER}(?:[%‰$€£¥]|[^\W\d_]{{1,12}}[²³]?)?\)?|[-–—]|n/?a", re.IGNORECASE)
_YEAR = re.compile(r"(?:1[5-9]|2[01])\d\d(?:[-/–]\d\d(?:\d\d)?)?")
_ENDS_A_SENTENCE = re.compile(r"[.!?。！？]$")
_DIGIT = re.compile(r"\d")
_BREAK = re.compile(r"[.!?。！？]\s")
_SPACED = re.compile(r"[,;] ")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a text with column names: a copy of a part of the passage, or a name of the cell at `original`."""

    named: Span
    original: Span
    is_copy: bool


@dataclass(frozen=True, slots=True)
class NamedText:
    """The text of a passage in which cells carry the names of their columns, as models and people read it.

    Without a table whose names are elsewhere in the text, it is the text of the passage.
    """

    text: str
    pieces: tuple[_Piece, ...] = ()
    rows: tuple[tuple[Span, Span], ...] = ()  # in the passage, and here

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return the offsets in the passage; those of a column's name are the first character of its cell."""
        if not self.pieces or start < 0 or start >= end:
            return start, end
        first, last = self._piece(start), self._piece(end - 1)
        begin = first.original.start + (start - first.named.start if first.is_copy else 0)
        stop = last.original.start + end - last.named.start if last.is_copy else last.original.end
        return begin, max(begin, stop)

    def named(self, span: Span) -> Span:
        """Return the span here of a span in the passage that begins and ends outside rows, or with one."""
        if not self.pieces:
            return span
        starts = {original.start: named.start for original, named in self.rows}
        ends = {original.end: named.end for original, named in self.rows}
        start = starts.get(span.start, self._moved(span.start))
        return Span(start, max(start, ends.get(span.end, self._moved(span.end))))

    def part(self, span: Span) -> str:
        """Return the text here of a span in the passage."""
        named = self.named(span)
        return self.text[named.start : named.end]

    def _piece(self, at: int) -> _Piece:
        return self.pieces[max(0, bisect_right(self.pieces, at, key=lambda piece: piece.named.start) - 1)]

    def _moved(self, at: int) -> int:
        copies = [piece for piece in self.pieces if piece.is_copy]
        i = max(0, bisect_right(copies, at, key=lambda piece: piece.original.start) - 1)
        return min(copies[i].named.start + at - copies[i].original.start, copies[i].named.end) if copies else at


def rows_in(text: str, cancellation: Cancellation | None = None) -> list[Row]:
    """Return the rows of all tables in `text`, in order.

    They are lines with `|` between cells, and lines with as many commas, semicolons, tabs, wide gaps or numbers as the
    lines around them. A header row includes the line of dashes below it.
    """
    cancellation = cancellation or Cancellation()
    return [row for group in cancellation.checked(_groups(text)) for row in _rows_of(text, group, cancellation)]


def rows_within(text: str, rows: Sequence[Row], start: int, end: int) -> tuple[Row, ...]:
    """Return the rows between two offsets of the text, with offsets relative to the first of them.

    Of a row that is longer than a passage, the rest begins with its first cell.
    """
    first = bisect_right(rows, start, key=lambda row: row.span.end)
    last = bisect_left(rows, end, key=lambda row: row.span.start)
    found = []
    for row in rows[first:last]:
        words = text[row.span.start : row.span.end]
        begin, stop = max(start, row.span.start), min(end, row.span.end)
        skipped, lead = 0, ""
        if begin > row.span.start:
            cells = cells_of(words, row.columns.separator)
            skipped = sum(cell.end <= begin - row.span.start for cell in cells)
            first_cell = words[cells[0].start : cells[0].end] if cells else ""
            lead = _named(row.columns.name(0), first_cell)[:_LONGEST_LEAD] if skipped else ""
        span = Span(begin - start, stop - start)
        found.append(Row(span, row.columns, row.is_header, row.skipped + skipped, lead or row.lead))
    return tuple(found)


class RowFinder:
    """A finder of the rows in parts of a text, which reads only the paragraphs and tables around these parts, once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._areas: list[tuple[int, int]] = []  # sorted
        self._found: dict[tuple[int, int], tuple[str, list[Row]]] = {}

    def within(self, start: int, end: int) -> tuple[Row, ...]:
        """Return the rows between two offsets, with offsets relative to the first of them."""
        i = bisect_right(self._areas, (start, len(self._text) + 1)) - 1
        area = self._areas[i] if i >= 0 else (0, -1)
        if not area[0] <= start <= end <= area[1]:
            before, after = self._text.rfind("\n\n", 0, start), self._text.find("\n\n", end)
            area = before + 2 if before >= 0 else 0, after if after >= 0 else len(self._text)
            if area not in self._found:
                part = self._text[area[0] : area[1]]
                self._found[area] = part, rows_in(part)
                insort(self._areas, area)
        part, rows = self._found[area]
        return rows_within(part, rows, start - area[0], end - area[0])


def with_column_names(passage: Passage) -> NamedText:
    """Return the text of a passage with the names of the columns in its rows: `Buy: 4.21` for a cell with `4.21`."""
    if not any(row.columns.names for row in passage.rows):
        return NamedText(passage.text)
    parts: list[str] = []
    pieces: list[_Piece] = []
    rows: list[tuple[Span, Span]] = []
    length = at = 0

    def add(words: str, original: Span, *, is_copy: bool) -> None:
        nonlocal length
        if words:
            parts.append(words)
            pieces.append(_Piece(Span(length, length + len(words)), original, is_copy))
            length += len(words)

    def copy(start: int, end: int) -> None:
        add(passage.text[start:end], Span(start, end), is_copy=True)

    for row in passage.rows:
        if not row.columns.names:
            continue
        copy(at, row.span.start)
        begins, at = length, row.span.end
        words = passage.text[row.span.start : row.span.end]
        if row.is_header:
            copy(row.span.start, row.span.start + len(words.splitlines()[0]))
        else:
            before = f"{row.lead}{BETWEEN_CELLS}" if row.lead else ""
            for index, cell in enumerate(cells_of(words, row.columns.separator), start=row.skipped):
                if len(cell):
                    start, end = row.span.start + cell.start, row.span.start + cell.end
                    name = row.columns.name(index)
                    add(f"{before}{name}: " if name else before, Span(start, start + 1), is_copy=False)
                    copy(start, end)
                    before = BETWEEN_CELLS
        rows.append((row.span, Span(begins, length)))
    copy(at, len(passage.text))
    return NamedText("".join(parts), tuple(pieces), tuple(rows))


def cells_of(line: str, separator: str) -> list[Span]:
    """Return the cells in a line without surrounding white space; empty cells are included."""
    if separator == " ":
        return _runs(line)
    if separator in ",;":
        ends, at = [], 0
        for part in _QUOTED.finditer(line):
            if part[0] == separator:
                ends.append((at, part.start()))
                at = part.end()
        ends.append((at, len(line)))
        return [_unquoted(line, Span(*end).stripped(line)) for end in ends]
    pattern = {"|": _PIPE, "\t": _TAB}.get(separator, _WIDE)
    first = len(line) - len(line.lstrip())
    marks = [(first, first), *(match.span() for match in pattern.finditer(line)), (len(line), len(line))]
    if separator == "|":
        marks = marks[1:] if line[first : first + 1] == "|" else marks
        marks = marks[:-1] if len(marks) > 2 and line.rstrip().endswith("|") else marks
    return [Span(before[1], after[0]).stripped(line) for before, after in pairwise(marks)]


def header_names(first: Sequence[str], below: Sequence[Sequence[str]], *, expected: bool = False) -> bool:
    """Return whether the first row of a table names its columns.

    It has no numbers but years, and names a column of numbers. Without such a column, a table of at least three columns
    and rows has a header; with `expected`, so has any table.
    """
    written = [cell for cell in first if cell]
    if len(written) < 2 or len(first) - len(written) > max(1, len(first) // 3) or not below:
        return False
    if any(len(cell) > LONGEST_NAME or (_is_numeric(cell) and not _YEAR.fullmatch(cell)) for cell in written):
        return False
    if all(_YEAR.fullmatch(cell) for cell in first):
        return False
    columns = [[row[i] for row in below[:_SAMPLE] if i < len(row) and row[i]] for i in range(len(first))]
    numeric = [len(column) > 0 and _share(column) >= _MOSTLY for column in columns]
    if any(
        is_numeric and (not _YEAR.fullmatch(name) or i)
        for i, (name, is_numeric) in enumerate(zip(first, numeric, strict=True))
    ):
        return True
    if expected:
        return not any(_is_numeric(cell) for column in columns for cell in column) or len(first) > 2
    return len(first) > 2 and len(below) >= 2 and not any(a in b for a, b in zip(first, columns, strict=True) if a)


def write_table(rows: Sequence[Sequence[str]], headers: int | None = None, *, expected: bool = False) -> str:
    """Return a table as lines, one for each row, in which each cell carries the name of its column.

    `headers` is the number of rows at the top that name the columns, if the format says so; otherwise the first row
    does if it looks like a header (see `header_names`). Rows with a single cell are lines by themselves, with blank
    lines around them; a row with a cell that is a text by itself is written cell by cell.
    """
    written = [[_plain(cell) for cell in row[:MOST_COLUMNS]] for row in rows]
    written = [row for row in written if any(row)]
    if not written:
        return ""
    width = max(len(row) for row in written)  # rows are not padded: one of them may be far longer than all others
    if headers is None:
        headers = int(header_names([*written[0], *[""] * (width - len(written[0]))], written[1:], expected=expected))
    if headers >= len(written):
        return "\n\n".join(", ".join(cell for cell in row if cell) for row in written)
    columns: list[dict[str, None]] = [{} for _ in range(width)]
    for row in written[:headers]:
        for column, cell in zip(columns, row, strict=False):
            column[cell] = None
    names = [" ".join(" ".join(column).split()).rstrip(":") for column in columns]
    names = list(short_names(names, ["  ".join(filter(None, row)) for row in written], headers)) or [""] * width
    lines: list[str] = []
    for row in written[headers:]:
        if len(own := [cell for cell in row if cell]) == 1:
            is_total = width > 1 and _DIGIT.search(own[0]) and (lines or ": " in own[0])
            lines.append(f"\n{'- ' if is_total else ''}{own[0]}\n")  # not the name of a part of the table
        elif any(map(_is_prose, row)):
            lines += [f"\n{_named(name, cell)}\n" for name, cell in zip(names, row, strict=False) if cell]
        else:
            lines += _lines_of([_named(name, cell) for name, cell in zip(names, row, strict=False) if cell])
    return re.sub(r"\n\n+", "\n\n", "\n".join(lines)).strip("\n")


def _lines_of(cells: Sequence[str]) -> list[str]:
    """Return the lines of a row: one, or several that begin with the first cell if it is long."""
    lines, line = [], [cells[0]]
    for cell in cells[1:]:
        if len(line) > 1 and len(BETWEEN_CELLS.join([*line, cell])) > _LONGEST_ROW:
            lines.append(BETWEEN_CELLS.join(line))
            line = [cells[0][:_LONGEST_LEAD]]
        line.append(cell)
    return [*lines, BETWEEN_CELLS.join(line)]


def _plain(cell: str) -> str:
    return " ".join(cell.split()).replace(BETWEEN_CELLS, " / ").strip("| ")


def _named(name: str, cell: str) -> str:
    return f"{name}: {cell}" if name else cell


def _groups(text: str) -> Iterator[list[Span]]:
    """Yield the lines between blank lines, without surrounding white space."""
    group: list[Span] = []
    end = 0
    for match in _LINE.finditer(text):
        line = Span(*match.span()).stripped(text)
        is_far = max(text.count("\n", end, match.start()), text.count("\r", end, match.start())) > 1
        if group and (is_far or not len(line)):
            yield group
            group = []
        if len(line):
            group.append(line)
        end = match.end()
    if group:
        yield group


def _rows_of(text: str, lines: list[Span], cancellation: Cancellation) -> Iterator[Row]:
    words = [text[line.start : min(line.end, line.start + _LONGEST_LINE + 1)] for line in cancellation.checked(lines)]
    if any("|" in each for each in words):
        yield from _piped(lines, words)
    elif len(lines) >= _FEWEST_ROWS:
        yield from _separated(lines, words, cancellation)


def _piped(lines: list[Span], words: list[str]) -> Iterator[Row]:
    """Yield the rows in lines of which some have `|` between cells."""
    ruled = {i for i in range(1, len(words)) if _is_rule(words[i]) and "|" in words[i - 1]}
    is_row = [
        ("|" in (each[0], each[-1]) or BETWEEN_CELLS in each)
        and _fits(each)
        and not any(map(_is_prose, _texts(each, "|")))
        for each in words
    ]
    i = 0
    while i < len(lines):
        if i + 1 in ruled:
            names = tuple(_texts(words[i], "|"))
            header, i = i, i + 2
            while i < len(lines) and "|" in words[i] and _fits(words[i]) and i + 1 not in ruled:
                i += 1
            columns = Columns(short_names(names, words[header:i]), "|")
            yield Row(Span(lines[header].start, lines[header + 1].end), columns, is_header=True)
            for line in lines[header + 2 : i]:
                yield Row(line, columns)
            continue
        end = i
        while end < len(lines) and is_row[end] and end + 1 not in ruled:
            end += 1
        if end - i > 1 or (end > i and len(lines) == 1):
            yield from _with_header(lines[i:end], words[i:end], "|")
        i = max(end, i + 1)


def _is_rule(line: str) -> bool:
    """Return whether a line separates the header from the rows of a Markdown table: `|---|:--:|`."""
    return "|" in line and "-" in line and not line.strip("|:- \t")


def _separated(lines: list[Span], words: list[str], cancellation: Cancellation) -> Iterator[Row]:
    """Yield the rows in lines without `|`: the first separator that many lines in a row have equally often."""
    shapes = [_shape(each) for each in cancellation.checked(words)]
    for i, end in _stretches(shapes):
        above = words[i - 1] if i else ""
        names = _names_above(above, _texts(words[i], " ")) if above else ()
        columns = Columns(short_names(names, [above, *words[i:end]]), " ")
        if names:
            yield Row(lines[i - 1], columns, is_header=True)
        for line in lines[i:end]:
            yield Row(line, columns)
        return
    for separator in ("\t", "  ", ";", ","):
        sizes = [
            len(cells_of(each, separator)) if separator in each and _fits(each) else 0
            for each in cancellation.checked(words)
        ]
        found = list(_stretches([size if size > 1 else 0 for size in sizes]))
        tables = [(i, end) for i, end in found if _is_table(words[i:end], separator)]
        for i, end in tables:
            yield from _with_header(lines[i:end], words[i:end], separator)
        if tables:
            return


def _is_prose(cell: str) -> bool:
    """Return whether a cell is too long for a row, or has several sentences."""
    return len(cell) > _LONGEST_CELL or (
        len(cell) > _LONGEST_SHORT_CELL and len(_BREAK.findall(cell)) >= _FEWEST_SENTENCES - 1
    )


def _fits(line: str) -> bool:
    return len(line) <= _LONGEST_LINE


def _stretches(shapes: Sequence[object]) -> Iterator[tuple[int, int]]:
    """Yield the ranges of at least `_FEWEST_ROWS` equal values, unless the values are false."""
    at = 0
    for shape, group in groupby(shapes):
        size = sum(1 for _ in group)
        if shape and size >= _FEWEST_ROWS:
            yield at, at + size
        at += size


def _with_header(lines: list[Span], words: list[str], separator: str) -> Iterator[Row]:
    cells = [_texts(each, separator) for each in words[: _SAMPLE + 1]]
    has_names = any(": " in cell for cell in cells[0])  # as parsers write rows
    has_header = not has_names and header_names(cells[0], cells[1:], expected=separator == ",")
    columns = Columns(short_names(cells[0], words) if has_header else (), separator)
    for i, line in enumerate(lines):
        yield Row(line, columns, is_header=has_header and i == 0)


def _is_table(words: list[str], separator: str) -> bool:
    """Return whether lines with equally many separators are a table, and not verse or hard-wrapped prose."""
    cells = [_texts(each, separator) for each in words[: _SAMPLE + 1]]
    if not all(cells[0]) or any(_ENDS_A_SENTENCE.search(each) for each in words[: _SAMPLE + 1]):
        return False
    columns = list(zip(*cells[1:], strict=True))
    if any(_share(column) >= _NEARLY_ALL for column in columns):
        return True
    if separator in ",;":
        return not any(_SPACED.search(each) for each in words)
    return len(columns) > 2 or separator == "\t"


def _shape(line: str) -> str:
    """Return the kinds of cells in a line of numbers and few words, such as "tnnnt"; empty for another line."""
    if len(line) > _LONGEST_CELL or _ENDS_A_SENTENCE.search(line):
        return ""
    words = line.split()
    numbers = sum(_is_numeric(word) for word in words)
    if numbers < _NUMBERS_IN_A_LINE or len(words) - numbers > _MOST_WORDS:
        return ""
    return "".join("n" if _is_numeric(line[cell.start : cell.end]) else "t" for cell in _runs(line))


def _runs(line: str) -> list[Span]:
    """Return the numbers in a line, and the words between them, as cells."""
    runs: list[Span] = []
    was_number = True
    for match in _WORD.finditer(line):
        is_number = _is_numeric(match[0])
        if runs and not is_number and not was_number:
            runs[-1] = Span(runs[-1].start, match.end())
        else:
            runs.append(Span(*match.span()))
        was_number = is_number
    return runs


def _names_above(line: str, cells: Sequence[str]) -> tuple[str, ...]:
    """Return the names of columns in a line above numbers, if it has as many words as there are cells.

    A year belongs to the word before it: "Loans 2022".
    """
    words = _WIDE.split(line) if len(_WIDE.split(line)) == len(cells) else line.split()
    if len(words) != len(cells):
        joined: list[str] = []
        for word in words:
            if joined and _YEAR.fullmatch(word):
                joined[-1] += f" {word}"
            else:
                joined.append(word)
        words = joined
    return tuple(words) if len(words) == len(cells) and header_names(words, [cells]) else ()


def _texts(line: str, separator: str) -> list[str]:
    return [line[cell.start : cell.end] for cell in cells_of(line, separator)]


def _is_numeric(cell: str) -> bool:
    return len(cell) <= _LONGEST_NUMBER and bool(_NUMERIC.fullmatch(cell))


def _share(column: Sequence[str]) -> float:
    """Return the share of numbers, with or without a unit, in a column."""
    return sum(len(cell) <= _LONGEST_NUMBER and bool(_MEASURE.fullmatch(cell)) for cell in column) / max(1, len(column))


def _unquoted(line: str, cell: Span) -> Span:
    is_quoted = len(cell) > 1 and line[cell.start] == line[cell.end - 1] == '"'
    return Span(cell.start + 1, cell.end - 1) if is_quoted else cell
