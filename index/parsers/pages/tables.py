"""Read the cells of a table of a page, each under its column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...text.tables import MOST_COLUMNS, write_table
from ..base import TextLimit
from .tags import name_of

LONGEST_CELL = 300
"""Maximum number of characters of a cell that is repeated."""

_GROUPS = {"thead": 0, "tbody": 1, "tfoot": 2}  # in the order in which browsers show them
_CELLS = {"td", "th"}
_ALL_ROWS = 10**9
_LINES = {"br", "p", "div", "li"}


def lines_of(table: Any, limit: TextLimit, text_of: Callable[[Any], str] | None = None) -> list[str]:
    """Return the rows of a table as lines, in which cells carry the names of their columns.

    Names in the first column become a list. Tables in cells are part of the cells, as `text_of` reads them. Raises
    `LoadError` if a limit is exceeded.
    """
    groups = _groups(table)
    rows, headers = _grid(groups, limit, text_of or _text_of)
    tags = [[name_of(cell) for cell in _cells(row)] for _, elements in groups for row in elements]
    if rows and all(len(row) == 2 for row in rows) and all(each in (["th", "td"], []) for each in tags):
        return [f"- {name}: {value}" for name, value in rows]
    return write_table(rows, headers).split("\n")


def has_columns(table: Any) -> bool:
    """Return whether at least two rows of a table have two cells with text; other tables arrange a page."""
    rows = [_cells(row) for _, rows in _groups(table) for row in rows]
    return sum(sum(bool("".join(cell.itertext()).strip()) for cell in row) > 1 for row in rows) > 1


def _groups(table: Any) -> list[tuple[str, list[Any]]]:
    """Return the rows of each group, with the name of the group; rows without a group are a body."""
    found: list[tuple[str, list[Any]]] = []
    for part in _within(table, {"tr", *_GROUPS}):
        if name_of(part) in _GROUPS:
            found.append((name_of(part), list(_within(part, {"tr"}))))
        elif found and not found[-1][0]:
            found[-1][1].append(part)
        else:
            found.append(("", [part]))
    return sorted(found, key=lambda group: _GROUPS.get(group[0], 1))


def _cells(row: Any) -> list[Any]:
    return list(_within(row, _CELLS))


def _within(element: Any, names: set[str]) -> Iterator[Any]:
    """Yield the elements with these names in an element, but none in these or in cells, also those in a form."""
    left = list(element.iterchildren(reversed=True))
    while left:
        child = left.pop()
        name = name_of(child)
        if name in names:
            yield child
        elif name not in ("table", *_CELLS):
            left += child.iterchildren(reversed=True)


def _grid(
    groups: list[tuple[str, list[Any]]], limit: TextLimit, text_of: Callable[[Any], str]
) -> tuple[list[list[str]], int | None]:
    """Return the cells of a table, and the number of rows of names at its top, if they are marked.

    A short cell that extends over several rows is repeated in each, and a name over several columns in each of these.
    """
    rows: list[list[str]] = []
    headers = 0
    for group, elements in groups:
        extending: dict[int, tuple[int, str]] = {}  # by column: the number of further rows, and the text

        def extended(row: list[str], extending: dict[int, tuple[int, str]] = extending) -> None:
            left, text = extending.pop(len(row), (0, ""))
            if left > 1:
                extending[len(row)] = left - 1, text
            row.append(text)

        for element in elements:
            row: list[str] = []
            cells = _cells(element)
            for cell in cells:
                while len(row) in extending:
                    extended(row)
                if len(row) >= MOST_COLUMNS:
                    break
                text = text_of(cell)
                over = text if name_of(cell) == "th" and len(cells) > 1 else ""  # a header over several columns
                for repeated in [text, *[over[:LONGEST_CELL]] * (_number(cell, "colspan") - 1)]:
                    if (height := _height(cell)) > 1:
                        extending[len(row)] = height - 1, repeated[:LONGEST_CELL]
                    row.append(repeated)
            last = max(extending, default=-1)
            while len(row) <= last:
                extended(row)
            is_header = bool(cells) and (group == "thead" or all(name_of(cell) == "th" for cell in cells))
            limit.add_row(row)
            if any(row):
                headers += is_header and headers == len(rows)
                rows.append(row)
    return rows, headers or None


def _height(cell: Any) -> int:
    """Return the number of rows of a cell; 0 as written means all that follow in its group."""
    return _ALL_ROWS if (cell.get("rowspan") or "").strip() == "0" else _number(cell, "rowspan")


def _number(cell: Any, attribute: str) -> int:
    written = (cell.get(attribute) or "1").strip()
    return max(1, min(int(written), MOST_COLUMNS)) if written.isdecimal() and len(written) < 6 else 1


def _text_of(cell: Any) -> str:
    for block in cell.iter():
        if name_of(block) in _LINES:
            block.tail = f" {block.tail or ''}"
    return " ".join("".join(cell.itertext()).split())
