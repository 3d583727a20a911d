"""An article is cut into passages at sentence boundaries. Pure.

A passage is a slice of the text, so its offsets are right by construction; nobody searches for its text afterwards.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..models import Article, Passage, Span
from .lexicon import CJK

SPLITTER_VERSION = "2"
"""Changes whenever the same article would be cut or embedded otherwise; the index remembers which version cut it."""

Tokenize = Callable[[str], list[tuple[int, int]]]
"""Text → the character offsets of its tokens, as the embedding model counts them."""

SHORTEST, TARGET, LONGEST = 60, 120, 180
"""Tokens of a passage. all-MiniLM-L6-v2 was trained on 128 tokens and cuts at 256: around 120 a vector still stands for
one thing, and 180 leaves room for a title in front. Only the end of a section may be shorter than the shortest."""

_CUT_INSIDE_A_PARAGRAPH = 1.0  # in the unit of `_cost`: as bad as being 60 tokens off the target
_CHARACTERS_PER_TOKEN = 12  # more than this on average is not text (hashes, base64): weigh it by its length instead
_LONGEST_HEADING = 120  # characters
_WINDOW = 5_000  # characters; see `_boundaries`
_LONGEST_SENTENCE = 30_000  # characters; what goes on for longer is none, and to look for its end takes ever longer

_LINE = re.compile(r"[^\r\n]+")
_BLANK_LINE = re.compile(r"(\r\n|\r|\n)[ \t]*(\r\n|\r|\n)")
_MARKDOWN_HEADING = re.compile(r"#{1,6}[ \t]+\S")
_LIST_ITEM = re.compile(r"([-*+•·]|\d{1,3}[.)、])[ \t]*\S")
_CLOSING = "[\"'”’»」』)\\]）*_]*$"
_ENDS_A_SENTENCE = re.compile("[.!?…:。！？：]" + _CLOSING)
_ENDS_NO_HEADING = re.compile("[.!…:;,。！：；，、]" + _CLOSING + '|["”’»」』]$')
_CJK = re.compile(f"[{CJK}]")


@dataclass(frozen=True, slots=True)
class _Block:
    """A paragraph, a heading or a list item."""

    span: Span
    is_heading: bool
    is_list_item: bool
    after_noise: bool  # it cannot share a slice with the block before


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is never cut: a sentence, or a piece of one that is too long."""

    span: Span
    weight: int  # in tokens
    opens_paragraph: bool


def split(article: Article, tokenize: Tokenize) -> list[Passage]:
    """The passages of `article`, in order: slices between sentence boundaries, of at most `LONGEST` tokens.

    Every character outside noise and white space is in exactly one passage. A heading opens a passage: it stands with
    what follows it, where both fit, and is never glued to what stands before. Only a sentence that is longer by itself
    is cut inside.
    """
    passages = []
    for section in _sections(_blocks(article.text, article.boilerplate)):
        units = [unit for block in section for unit in _units(article.text, block, tokenize)]
        passages += [
            Passage(article.id, span.start, span.end, article.text[span.start : span.end])
            for span in _pack(units, uncut=_uncut(units, _heading_units(units, section)))
        ]
    return passages


def sentences(text: str) -> list[Span]:
    """The sentences of `text` without the white space around them, in any language.

    Headings, list items and paragraphs end a sentence; the line breaks of hard-wrapped prose do not.
    """
    return [span for block in _blocks(text, ()) for span in _sentences_of(text, block.span)]


def _blocks(text: str, boilerplate: tuple[Span, ...]) -> list[_Block]:
    lines = [line for stretch in _story(len(text), boilerplate) for line in _lines_of(text, stretch)]
    words = [text[line.start : line.end] for line in lines]
    edges = sorted(span.start for span in boilerplate)
    after_noise = [
        i > 0 and bisect_left(edges, lines[i - 1].end) < bisect_right(edges, lines[i].start) for i in range(len(lines))
    ]
    apart = [
        i == 0 or after_noise[i] or bool(_BLANK_LINE.search(text, lines[i - 1].end, lines[i].start))
        for i in range(len(lines))
    ] + [True]
    heading = [
        bool(_MARKDOWN_HEADING.match(line))
        or (apart[i] and apart[i + 1] and i + 1 < len(lines) and _looks_like_a_heading(line))
        for i, line in enumerate(words)
    ]
    begins = [
        apart[i]
        or heading[i]
        or heading[i - 1]
        or bool(_LIST_ITEM.match(words[i]))
        or bool(_ENDS_A_SENTENCE.search(words[i - 1]))
        for i in range(len(lines))
    ]
    firsts = [i for i, first in enumerate(begins) if first]
    return [
        _Block(Span(lines[i].start, lines[j - 1].end), heading[i], bool(_LIST_ITEM.match(words[i])), after_noise[i])
        for i, j in zip(firsts, [*firsts, len(lines)][1:], strict=True)
    ]


def _story(length: int, boilerplate: tuple[Span, ...]) -> Iterator[Span]:
    """The stretches between the noise."""
    at = 0
    for span in sorted(boilerplate):
        if at < span.start:
            yield Span(at, span.start)
        at = max(at, span.end)
    if at < length:
        yield Span(at, length)


def _lines_of(text: str, stretch: Span) -> Iterator[Span]:
    for match in _LINE.finditer(text, stretch.start, stretch.end):
        if line := _strip(text, Span(match.start(), match.end())):
            yield line


def _strip(text: str, span: Span) -> Span:
    words = text[span.start : span.end]
    start = span.start + len(words) - len(words.lstrip())
    return Span(start, max(start, span.start + len(words.rstrip())))


def _looks_like_a_heading(line: str) -> bool:
    longest = _LONGEST_HEADING // 3 if _CJK.search(line) else _LONGEST_HEADING
    return len(line) <= longest and not _ENDS_NO_HEADING.search(line) and not _LIST_ITEM.match(line)


def _sections(blocks: list[_Block]) -> Iterator[list[_Block]]:
    """Blocks that may share a passage: a heading, or noise, begins a new section; headings in a row stay together."""
    section: list[_Block] = []
    for block in blocks:
        if section and (block.after_noise or (block.is_heading and not section[-1].is_heading)):
            yield section
            section = []
        section.append(block)
    if section:
        yield section


def _sentences_of(text: str, span: Span) -> list[Span]:
    found = [
        _strip(text, Span(span.start + sentence.start, span.start + sentence.end))
        for sentence in _boundaries(text[span.start : span.end])
    ]
    return [sentence for sentence in found if len(sentence)]


def _boundaries(words: str) -> Iterator[Span]:
    """The sentences of a paragraph, found a window at a time: the library's time grows with the square of the length.

    A window ends anywhere, so its last sentence is looked at again at the beginning of the next one; where a sentence
    is longer than the window, the window grows, up to the longest sentence that there may be.
    """
    from sentencex import get_sentence_boundaries

    language = "zh" if _CJK.search(words) else "en"
    at, window = 0, _WINDOW
    while at < len(words):
        found = get_sentence_boundaries(language, words[at : at + window])
        whole = found if at + window >= len(words) else found[:-1]
        if not whole and window < _LONGEST_SENTENCE:
            window = min(2 * window, _LONGEST_SENTENCE)
            continue
        if not whole:
            yield Span(at, at + window)
            at, window = at + window, _WINDOW
            continue
        yield from (Span(at + each["start_index"], at + each["end_index"]) for each in whole)
        at, window = at + whole[-1]["end_index"], _WINDOW


def _units(text: str, block: _Block, tokenize: Tokenize) -> Iterator[_Unit]:
    opens = not block.is_list_item  # a list belongs with the line that introduces it
    for i, sentence in enumerate(_sentences_of(text, block.span)):
        for j, piece in enumerate(_pieces(text, sentence, tokenize)):
            tokens = tokenize(text[piece.start : piece.end])
            yield _Unit(piece, _weight(len(tokens), len(piece)), opens_paragraph=opens and i == j == 0)


def _weight(tokens: int, characters: int) -> int:
    return max(1, tokens, characters // _CHARACTERS_PER_TOKEN)


def _pieces(text: str, span: Span, tokenize: Tokenize) -> Iterator[Span]:
    """The span itself, or, when it is too long for a passage, its halves, cut between words, and so on."""
    span = _strip(text, span)
    words = text[span.start : span.end]
    tokens = tokenize(words)
    if _weight(len(tokens), len(words)) <= LONGEST:
        yield span
        return
    middle = span.start + _middle(words, [start for start, _ in tokens])
    yield from _pieces(text, Span(span.start, middle), tokenize)
    yield from _pieces(text, Span(middle, span.end), tokenize)


def _middle(words: str, token_starts: list[int]) -> int:
    """Where to cut in two: at the beginning of a word, else of a token, else anywhere, as near the middle as may be."""
    inner = [start for start in token_starts if 0 < start < len(words)]
    begins_word = [start for start in inner if words[start - 1].isspace() or _CJK.match(words[start])]
    half = inner[len(inner) // 2] if inner else len(words) // 2
    return min(begins_word or inner or [half], key=lambda start: abs(start - half))


def _heading_units(units: list[_Unit], section: list[_Block]) -> int:
    """How many units at the beginning of a section are its headings."""
    headings = [block for block in section if block.is_heading]
    return sum(unit.span.end <= headings[-1].span.end for unit in units) if headings else 0


def _uncut(units: list[_Unit], headings: int) -> range:
    """Where no cut may fall: between a section's headings and what follows them, as far back as all of it fits."""
    last = min(headings, len(units) - 1)
    first, weight = last, units[last].weight
    while first and weight + units[first - 1].weight <= LONGEST:
        first -= 1
        weight += units[first].weight
    return range(first + 1, last + 1)


def _pack(units: list[_Unit], *, uncut: range) -> list[Span]:
    """Cut a row of units into passages so that the sum of their costs is least (dynamic programming over the cuts).

    No cut falls in front of the units in `uncut`, which together fit into one passage with the unit before them.
    """
    best = [0.0] + [float("inf")] * len(units)
    cut_before = [0] * (len(units) + 1)
    for last in range(1, len(units) + 1):
        weight = 0
        for first in range(last - 1, -1, -1):
            weight += units[first].weight
            if weight > LONGEST:
                break
            if first in uncut:
                continue
            inside = first > 0 and not units[first].opens_paragraph
            cost = best[first] + _cost(weight) + (_CUT_INSIDE_A_PARAGRAPH if inside else 0.0)
            if cost < best[last]:
                best[last], cut_before[last] = cost, first
    spans: list[Span] = []
    last = len(units)
    while last:
        first = cut_before[last]
        spans.append(Span(units[first].span.start, units[last - 1].span.end))
        last = first
    return spans[::-1]


def _cost(weight: int) -> float:
    return ((weight - TARGET) / SHORTEST) ** 2
