"""Shorten the names of columns, which every row of a table repeats. Pure."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_NAME = 80
"""Maximum number of characters in the name of a column."""

_MOST_NAMED = 4  # maximum ratio of the characters of the names in all rows to those of a large table
_MOST_NAMES = 20_000  # characters of the names in all rows of a small table


def short_names(names: Sequence[str], rows: Sequence[str], headers: int = 1) -> tuple[str, ...]:
    """Return the names of the columns of a table with these rows, which include the header.

    If the names in all rows have more than `_MOST_NAMES` characters, and are more than `_MOST_NAMED` times as long as
    the table, the longest names are cut to one length.
    """
    most = max(_MOST_NAMES, _MOST_NAMED * sum(len(row) + 1 for row in rows))
    left, longest = most // max(1, len(rows) - headers), LONGEST_NAME
    for done, size in enumerate(sorted(min(len(name), LONGEST_NAME) for name in names)):
        if size * (len(names) - done) > left:
            longest = left // (len(names) - done)
            break
        left -= size
    return _cut(names, longest) if any(names) else ()


def _cut(names: Sequence[str], longest: int) -> tuple[str, ...]:
    """Return the names with at most `longest` characters: the beginning and the end of those that are longer.

    Names that only the omitted part distinguishes end with the number of their column instead.
    """
    tail = max(0, longest - 1) // 2
    head = max(0, longest - 1 - tail)
    cut = [
        name if len(name) <= longest else f"{name[:head].rstrip()}…{name[len(name) - tail :].lstrip()}"
        for name in names
    ]
    whole: dict[str, set[str]] = {}
    for name, short in zip(names, cut, strict=True):
        whole.setdefault(short, set()).add(name)
    return tuple(
        short if len(whole[short]) == 1 else f"{name[: max(0, longest - 1 - len(str(number)))].rstrip()}…{number}"
        for number, (name, short) in enumerate(zip(names, cut, strict=True), start=1)
    )
