"""Split an article into passages at sentence boundaries. Pure.

A passage is a slice of the text, so its offsets are correct by construction: no code has to search for its text later.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..cancellation import Cancellation
from ..models import Article, Passage, Row, Span
from .lexicon import CJK
from .sentence_rules import ENGLISH
from .sentences import Block, blocks, sentences_within
from .tables import cells_of, rows_in, rows_within, with_column_names

SPLITTER_VERSION = "2"
"""The splitter version in the manifest; increase it when passages of an older version cannot be used any more. Passages
that only begin or end elsewhere can be: they are slices, and `citechat rebuild` splits them again."""

Tokenize = Callable[[str], list[tuple[int, int]]]
"""A function that returns the character offsets of the embedding model's tokens in a text."""

SHORTEST, TARGET, LONGEST = 60, 120, 180
"""Minimum, target and maximum length of a passage, in tokens. all-MiniLM-L6-v2 was trained on 128 tokens and truncates
at 256: a vector of around 120 tokens still represents one topic, and 180 leaves room to prepend a title. Only the last
passage of a section may be shorter than the minimum."""

_COSTS = [((weight - TARGET) / SHORTEST) ** 2 for weight in range(LONGEST + 1)]  # of a passage, by its weight
_CUT_INSIDE_A_PARAGRAPH = 1.0  # in units of `_COSTS`: equivalent to missing the target by 60 tokens
_CHARACTERS_PER_TOKEN = 12  # a higher average indicates hashes or base64, which are weighted by length
_CJK = re.compile(f"[{CJK}]")


@dataclass(frozen=True, slots=True)
class _Unit:
    """A piece of text that is never split: a sentence, a row of a table, or part of one that is too long."""

    span: Span
    weight: int  # in tokens
    opens_paragraph: bool


def chunk(article: Article, tokenize: Tokenize, cancellation: Cancellation | None = None) -> list[Passage]:
    """Return the passages of `article`, in order: slices between sentence boundaries, each of at most `LONGEST` tokens.

    Every character outside boilerplate and white space is in exactly one passage. A heading opens a passage: it stays
    with the following text if both fit, and is never joined to the preceding text. No sentence or row is split unless
    it is too long for a passage; a row is as long as it is with the names of its columns. Raises `CancelledWorkError`
    if the work should end.
    """
    cancellation = cancellation or Cancellation()
    passages = []
    rows = _outside(article.boilerplate, rows_in(article.text, cancellation))
    found = blocks(article.text, article.boilerplate, cancellation, language=article.language or ENGLISH, rows=rows)
    for section in _sections(found):
        units = [
            unit
            for before, block in zip([None, *section], section, strict=False)
            for unit in _units(article, block, before, tokenize, cancellation)
        ]
        passages += [
            _passage(article, span, rows)
            for span in _pack(units, _uncut(units, _heading_units(units, section)), cancellation)
        ]
    return passages


def _outside(boilerplate: Sequence[Span], rows: Sequence[Row]) -> list[Row]:
    """Return the rows of tables that contain no boilerplate; the others are split like other text."""
    noise = sorted(boilerplate, key=lambda span: span.start)
    starts = [span.start for span in noise]
    before = [bisect_left(starts, row.span.end) for row in rows]  # number of spans that start before its end
    return [row for row, n in zip(rows, before, strict=True) if not n or noise[n - 1].end <= row.span.start]


def _passage(article: Article, span: Span, rows: Sequence[Row]) -> Passage:
    found = rows_within(article.text, rows, span.start, span.end) if rows else ()
    return Passage(article.id, span.start, span.end, article.text[span.start : span.end], found)


def _sections(all_blocks: list[Block]) -> Iterator[list[Block]]:
    """Group blocks that may share a passage.

    A heading or boilerplate begins a new section; consecutive headings stay together.
    """
    section: list[Block] = []
    for block in all_blocks:
        if section and (block.is_after_boilerplate or (block.is_heading and not section[-1].is_heading)):
            yield section
            section = []
        section.append(block)
    if section:
        yield section


def _units(
    article: Article, block: Block, before: Block | None, tokenize: Tokenize, cancellation: Cancellation
) -> Iterator[_Unit]:
    text, language = article.text, article.language or ENGLISH
    if block.row is not None:
        cancellation.check()
        follows_header = before is not None and before.row is not None and before.row.is_header
        yield from _row_units(text, block.row, tokenize, opens=not follows_header)
        return
    opens = not block.is_list_item  # a list stays with the line that introduces it
    for i, sentence in enumerate(sentences_within(text, block.span, language, cancellation)):
        cancellation.check()
        for j, piece in enumerate(_pieces(text, sentence, tokenize)):
            tokens = tokenize(text[piece.start : piece.end])
            yield _Unit(piece, _weight(len(tokens), len(piece)), opens_paragraph=opens and i == j == 0)


def _row_units(text: str, row: Row, tokenize: Tokenize, *, opens: bool) -> Iterator[_Unit]:
    """Yield a row with the weight that it has with the names of its columns; one that is too long, cell by cell."""
    words = text[row.span.start : row.span.end]
    alone = replace(row, span=Span(0, len(words)))
    named = with_column_names(Passage("", row.span.start, row.span.end, words, (alone,))).text
    whole = _weight(len(tokenize(named)), len(named))
    if whole <= LONGEST:
        yield _Unit(row.span, whole, opens_paragraph=opens)
        return
    cells = [Span(0, len(words))] if row.is_header else cells_of(words, row.columns.separator)
    for index, cell in enumerate(cells):
        for piece in _pieces(text, Span(row.span.start + cell.start, row.span.start + cell.end), tokenize):
            if len(piece):
                named = f"{row.columns.name(index)}: {text[piece.start : piece.end]} | "
                weight = _weight(len(tokenize(named)), len(named))
                yield _Unit(piece, min(weight, LONGEST), opens_paragraph=opens and index == 0)


def _weight(tokens: int, characters: int) -> int:
    return max(1, tokens, characters // _CHARACTERS_PER_TOKEN)


def _pieces(text: str, span: Span, tokenize: Tokenize) -> Iterator[Span]:
    """Yield the span itself or, if it is too long for a passage, its halves, split recursively between words."""
    span = span.stripped(text)
    words = text[span.start : span.end]
    tokens = tokenize(words)
    if _weight(len(tokens), len(words)) <= LONGEST:
        yield span
        return
    middle = span.start + _middle(words, [start for start, _ in tokens])
    yield from _pieces(text, Span(span.start, middle), tokenize)
    yield from _pieces(text, Span(middle, span.end), tokenize)


def _middle(words: str, token_starts: list[int]) -> int:
    """Return the cut nearest to the middle: the start of a word, else the start of a token, else any character."""
    inner = [start for start in token_starts if 0 < start < len(words)]
    begins_word = [start for start in inner if words[start - 1].isspace() or _CJK.match(words[start])]
    half = inner[len(inner) // 2] if inner else len(words) // 2
    return min(begins_word or inner or [half], key=lambda start: abs(start - half))


def _heading_units(units: list[_Unit], section: list[Block]) -> int:
    """Return the number of heading units at the start of a section."""
    headings = [block for block in section if block.is_heading]
    return sum(unit.span.end <= headings[-1].span.end for unit in units) if headings else 0


def _uncut(units: list[_Unit], headings: int) -> range:
    """Return the units that no cut may precede: those that keep a section's headings with the next text, if it fits."""
    last = min(headings, len(units) - 1)
    first, weight = last, units[last].weight
    while first and weight + units[first - 1].weight <= LONGEST:
        first -= 1
        weight += units[first].weight
    return range(first + 1, last + 1)


def _pack(units: list[_Unit], uncut: range, cancellation: Cancellation) -> list[Span]:
    """Split a sequence of units into passages with the lowest total cost (dynamic programming over the cuts).

    No cut precedes a unit in `uncut`; these units and the unit before them fit into one passage.
    """
    best = [0.0] + [float("inf")] * len(units)
    cut_before = [0] * (len(units) + 1)
    weights = [unit.weight for unit in units]
    extra = [_CUT_INSIDE_A_PARAGRAPH if at and not unit.opens_paragraph else 0.0 for at, unit in enumerate(units)]
    for at in uncut:
        extra[at] = float("inf")
    for last in cancellation.checked(range(1, len(units) + 1)):
        weight, least = 0, float("inf")
        for first in range(last - 1, -1, -1):
            weight += weights[first]
            if weight > LONGEST:
                break
            cost = best[first] + _COSTS[weight] + extra[first]
            if cost < least:
                least, cut_before[last] = cost, first
        best[last] = least
    spans: list[Span] = []
    last = len(units)
    while last:
        first = cut_before[last]
        spans.append(Span(units[first].span.start, units[last - 1].span.end))
        last = first
    return spans[::-1]
