"""Estimate the work that the fonts of a PDF page take: pypdf reads each of them again for each page and form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_FONT = 10  # drawing operators that take as long as a font without a map
_ENTRIES_PER_OPERATOR = 16  # entries of the maps of a font that take as long as an operator
_BYTES_PER_OPERATOR = 50  # bytes of a map that take at most as long as an operator
_MOST_ENTRIES = 100_000  # of a map; pypdf reads no more
_LONGEST_CODE = 16  # characters
_TOKEN = re.compile(rb"<([^<>]*)>|[\[\]]")


class FontWork:
    """The work to read the fonts of a document, in drawing operators. Each map is examined once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, int]] = {}  # with the object, so that its id stays taken

    def of(self, owner: Any) -> int:
        """Return the work for all fonts of a page or a form."""
        return sum(self._of_font(font) for _, font in _resources(owner, "/Font"))

    def of_forms(self, page: Any) -> tuple[dict[str, int], int]:
        """Return the work for the fonts of each form that a page can draw, by its name, and the number of forms.

        If forms in forms have one name, it is the work for the largest.
        """
        work: dict[str, int] = {}
        seen: set[int] = set()
        waiting = [page]
        while waiting:
            for name, form in _resources(waiting.pop(), "/XObject"):
                if form.get("/Subtype") == "/Form":
                    work[name] = max(work.get(name, 0), self.of(form))
                    if id(form) not in seen:
                        seen.add(id(form))
                        waiting.append(form)
        return work, len(seen)

    def _of_font(self, font: Any) -> int:
        if id(font) not in self._known:
            entries = len(_items(font.get("/Widths"))) + len(_items(font.get("/CharProcs")))
            for each in _items(font.get("/DescendantFonts")):
                entries += _in_widths(_items(_object(each).get("/W")))
            self._known[id(font)] = font, _FONT + entries // _ENTRIES_PER_OPERATOR
        return self._known[id(font)][1] + self._of_map(_object(font.get("/ToUnicode")))

    def _of_map(self, stream: Any) -> int:
        if not hasattr(stream, "get_data"):
            return 0
        if id(stream) not in self._known:
            data = stream.get_data()
            work = len(data) // _BYTES_PER_OPERATOR + _in_ranges(data) // _ENTRIES_PER_OPERATOR
            self._known[id(stream)] = stream, work
        return self._known[id(stream)][1]


def _resources(owner: Any, kind: str) -> Iterator[tuple[str, Any]]:
    """Yield the names and the dictionaries of the resources of one kind, as pypdf finds them."""
    resources = _object(owner.get_inherited("/Resources", None))
    found: Any = _object(resources.get(kind)) if isinstance(resources, dict) else None
    for name in found if isinstance(found, dict) else ():
        value = _object(found.raw_get(name))
        if isinstance(value, dict):
            yield str(name), value


def _object(value: Any) -> Any:
    return value.get_object() if value is not None else None


def _items(value: Any) -> Any:
    """Return an array or a dictionary, or an empty tuple."""
    found = _object(value)
    return found if isinstance(found, list | dict) else ()


def _in_widths(written: Any) -> int:
    """Return the number of characters in an array of widths: `45 [500 600]`, or `45 65 500` for a range."""
    entries = at = 0
    values = [_object(value) for value in written]
    while at + 1 < len(values) and entries < _MOST_ENTRIES:
        first, second = values[at : at + 2]
        if isinstance(second, list):
            entries += len(second)
            at += 2
        else:
            is_range = isinstance(first, int | float) and isinstance(second, int | float)
            entries += max(0, int(second) - int(first)) if is_range else 1
            at += 3
    return min(_MOST_ENTRIES, entries)


def _in_ranges(data: bytes) -> int:
    """Return the number of characters in the ranges of a map, such as `<0000> <FFFF> <0000>`; lists are not counted."""
    entries = 0
    for part in data.split(b"beginbfrange")[1:]:
        codes: list[bytes] = []
        is_list = False
        for token in _TOKEN.finditer(part.partition(b"endbfrange")[0]):
            if token[0] in (b"[", b"]"):
                is_list = token[0] == b"["
                codes.clear()
            elif not is_list and len(codes := [*codes, token[1]]) == 3:
                entries += max(0, _code(codes[1]) - _code(codes[0]))
                codes.clear()
            if entries > _MOST_ENTRIES:
                return _MOST_ENTRIES
    return entries


def _code(written: bytes) -> int:
    try:
        return int(b"".join(written.split())[:_LONGEST_CODE], 16)
    except ValueError:
        return 0
