"""Find the running heads and feet of a PDF document, and its page numbers. Pure.

A line is one of them if the same line recurs at the same edge of many pages. Numbers in it may differ between pages if
they count the pages ("Page 3 of 12"). A line in larger type than the text, or of a table, is never one of them.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from statistics import median
from typing import Literal

from .columns import Line

_ROWS = 3  # maximum number of running heads at an edge, below each other
_SHARE = 0.4  # minimum share of the pages; heads of left and right pages often differ
_ENOUGH = 8  # number of pages that is enough in a long document, where heads differ between chapters
_ENOUGH_NUMBERS = 3  # number of pages that is enough for a line with a page number
_COUNTING = 0.6  # minimum share of the recurrences in which a number is constant, or counts the pages
_SAME_HEIGHT = 0.3  # maximum difference between the base lines of a row, in font sizes
_SAME_POSITION = 3.0  # maximum difference between the heights of a running head on two pages, in points
_LARGER = 1.2  # multiple of the usual font size; a larger line is a heading
_LONGEST = 200  # maximum length in characters; a longer line is text
_LARGEST_SHARE = 0.5  # if more than this share of all characters recurs, the pages are copies of each other
_NUMBER = re.compile(r"\d+")
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


@dataclass(frozen=True, slots=True)
class RunningHeads:
    """The indices of the lines of a page that are running heads and running feet."""

    heads: frozenset[int] = frozenset()
    feet: frozenset[int] = frozenset()

    @property
    def all(self) -> frozenset[int]:
        """Both."""
        return self.heads | self.feet


@dataclass(frozen=True, slots=True)
class _Candidate:
    page: int
    line: int
    height: float
    numbers: tuple[int, ...]


def find_running_heads(pages: Sequence[Sequence[Line]]) -> list[RunningHeads]:
    """Return, for each page, the lines that are running heads or feet, or page numbers."""
    usual = median([line.size for lines in pages for line in lines] or [0.0])
    edges = [_edges(lines) for lines in pages]
    found = [[frozenset[int](), frozenset[int]()] for _ in pages]
    for edge in range(2):
        recurring = _recurring(pages, [rows[edge] for rows in edges], usual)
        own = [_outermost(rows[edge], recurring[i]) for i, rows in enumerate(edges)]
        # If even more rows recur on most pages, the pages are copies of each other.
        copies = sum(len(rows) > _ROWS for rows in own)
        if copies <= _SHARE * len(pages):
            for i, rows in enumerate(own):
                found[i][edge] = frozenset(line for row in rows[:_ROWS] for line in row)
    marked = sum(len(pages[i][j].text) for i, (heads, feet) in enumerate(found) for j in heads | feet)
    total = sum(len(line.text) for lines in pages for line in lines)
    if marked > _LARGEST_SHARE * total:
        return [RunningHeads() for _ in pages]
    return [RunningHeads(heads, feet) for heads, feet in found]


def _recurring(pages: Sequence[Sequence[Line]], rows: Sequence[list[list[int]]], usual: float) -> list[set[int]]:
    """Return, for each page, the lines in its rows at one edge that recur at the same height on enough pages."""
    with_text = sum(bool(lines) for lines in pages)
    needed = min(max(2, math.ceil(_SHARE * with_text)), _ENOUGH)
    candidates: dict[str, list[_Candidate]] = defaultdict(list)
    for i, lines in enumerate(pages):
        for j in (j for row in rows[i] for j in row):
            if _may_be_head(lines[j], usual):
                words, numbers = _key(lines[j].text)
                candidates[words].append(_Candidate(i, j, lines[j].height, numbers))
    found: list[set[int]] = [set() for _ in pages]
    for words, own in candidates.items():
        height = median(each.height for each in own)
        level = [each for each in own if abs(each.height - height) <= _SAME_POSITION]
        number = len({each.page for each in level})
        constancy = _constancy(words, level) if number >= 2 else None
        if constancy is not None and number >= (min(needed, _ENOUGH_NUMBERS) if constancy == "counting" else needed):
            for each in level:
                found[each.page].add(each.line)
    return found


def _outermost(rows: list[list[int]], recurring: set[int]) -> list[list[int]]:
    """Return the rows from the edge up to the first that contains a line which does not recur."""
    return list(takewhile(lambda row: all(i in recurring for i in row), rows))


def _edges(lines: Sequence[Line]) -> tuple[list[list[int]], list[list[int]]]:
    """Return the indices of the lines in the first and last rows of a page, each from the edge inwards.

    No row is at both edges.
    """
    indices = [i for i, line in enumerate(lines) if line.is_placed]
    if not indices:
        rows = [[i] for i in range(len(lines))]
    else:
        rows = []
        for i in sorted(indices, key=lambda i: -lines[i].height):
            first = lines[rows[-1][0]] if rows else None
            if first is not None and first.height - lines[i].height <= _SAME_HEIGHT * first.size:
                rows[-1].append(i)
            else:
                rows.append([i])
    half = (len(rows) + 1) // 2
    return rows[:half][: _ROWS + 1], rows[half:][::-1][: _ROWS + 1]


def _may_be_head(line: Line, usual: float) -> bool:
    is_large = usual > 0 and line.size > _LARGER * usual
    return not line.is_row and not is_large and len(line.text) <= _LONGEST


def _key(text: str) -> tuple[str, tuple[int, ...]]:
    """Return the words of a line with `#` in place of each number, and the numbers."""
    words = " ".join(text.lower().split())
    if roman := _roman(words.strip("-–— .[]()")):
        return "#", (roman,)
    numbers = tuple(int(number[:9]) for number in _NUMBER.findall(words))
    return _NUMBER.sub("#", words), numbers


def _roman(word: str) -> int:
    """Return the value of a Roman numeral below 400 in small letters; 0 for any other word."""
    if not 1 <= len(word) <= 10 or any(letter not in _ROMAN for letter in word):
        return 0
    values = [_ROMAN[letter] for letter in word]
    return sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))


def _constancy(words: str, candidates: Sequence[_Candidate]) -> Literal["constant", "counting"] | None:
    """Return "counting" if a number counts the pages, "constant" if all numbers are the same on most pages, else None.

    Numbers without words must count the pages.
    """
    enough = _COUNTING * len(candidates)
    is_counting = False
    for numbers in zip(*(each.numbers for each in candidates), strict=True):
        if _most_common(number - each.page for number, each in zip(numbers, candidates, strict=True)) >= enough:
            is_counting = True
        elif _most_common(numbers) < enough:
            return None
    if is_counting:
        return "counting"
    return "constant" if any(character.isalpha() for character in words) else None


def _most_common(numbers: Iterable[int]) -> int:
    return Counter(numbers).most_common(1)[0][1]
