"""Split text in any language into blocks and sentences. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..cancellation import Cancellation
from ..models import Span
from .lexicon import CJK

_LONGEST_HEADING = 120  # maximum length of a heading, in characters
_WINDOW = 5_000  # number of characters that are split at a time; see `_boundaries`
_LONGEST_SENTENCE = 30_000  # maximum length in characters; finding the end of a longer text takes quadratic time

_LINE = re.compile(r"[^\r\n]+")
_BLANK_LINE = re.compile(r"(\r\n|\r|\n)[ \t]*(\r\n|\r|\n)")
_MARKDOWN_HEADING = re.compile(r"#{1,6}[ \t]+\S")
_LIST_ITEM = re.compile(r"([-*+•·]|\d{1,3}[.)、])[ \t]*\S")
_CLOSING = "[\"'”’»」』)\\]）*_]*$"
_ENDS_A_SENTENCE = re.compile("[.!?…:。！？：]" + _CLOSING)
_ENDS_NO_HEADING = re.compile("[.!…:;,。！：；，、]" + _CLOSING + '|["”’»」』]$')
_CJK = re.compile(f"[{CJK}]")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a heading or a list item."""

    span: Span
    is_heading: bool
    is_list_item: bool
    is_after_boilerplate: bool  # if so, it cannot share a slice with the previous block


def sentences(text: str) -> list[Span]:
    """Return the sentences in `text`, without surrounding white space.

    Headings, list items and paragraphs end a sentence; the line breaks of hard-wrapped prose do not.
    """
    return [span for block in blocks(text) for span in sentences_within(text, block.span)]


def blocks(text: str, boilerplate: Sequence[Span] = (), cancellation: Cancellation | None = None) -> list[Block]:
    """Return the blocks of the text outside its boilerplate spans."""
    cancellation = cancellation or Cancellation()
    stretches = _between(len(text), boilerplate)
    lines = list(cancellation.checked(line for stretch in stretches for line in _lines_within(text, stretch)))
    words = [text[line.start : line.end] for line in cancellation.checked(lines)]
    edges = sorted(span.start for span in boilerplate)
    is_after_boilerplate = [
        i > 0 and bisect_left(edges, lines[i - 1].end) < bisect_right(edges, lines[i].start)
        for i in cancellation.checked(range(len(lines)))
    ]
    is_detached = [
        i == 0 or is_after_boilerplate[i] or bool(_BLANK_LINE.search(text, lines[i - 1].end, lines[i].start))
        for i in cancellation.checked(range(len(lines)))
    ] + [True]
    is_heading = [
        bool(_MARKDOWN_HEADING.match(line))
        or (is_detached[i] and is_detached[i + 1] and i + 1 < len(lines) and _looks_like_a_heading(line))
        for i, line in enumerate(cancellation.checked(words))
    ]
    is_list_item = [bool(_LIST_ITEM.match(line)) for line in cancellation.checked(words)]
    firsts = [
        i
        for i in cancellation.checked(range(len(lines)))
        if is_detached[i]
        or is_heading[i]
        or is_heading[i - 1]
        or is_list_item[i]
        or _ENDS_A_SENTENCE.search(words[i - 1])
    ]
    return [
        Block(Span(lines[i].start, lines[j - 1].end), is_heading[i], is_list_item[i], is_after_boilerplate[i])
        for i, j in zip(firsts, [*firsts, len(lines)][1:], strict=True)
    ]


def begins_with_heading(text: str) -> bool:
    """Return whether the first block of a text is a heading."""
    return any(block.is_heading for block in blocks(text)[:1])


def sentences_within(text: str, span: Span, cancellation: Cancellation | None = None) -> list[Span]:
    """Return the sentences in one block."""
    found = [
        stripped(text, Span(span.start + sentence.start, span.start + sentence.end))
        for sentence in _boundaries(text[span.start : span.end], cancellation or Cancellation())
    ]
    return [sentence for sentence in found if len(sentence)]


def stripped(text: str, span: Span) -> Span:
    """Return the span without leading and trailing white space."""
    words = text[span.start : span.end]
    start = span.start + len(words) - len(words.lstrip())
    return Span(start, max(start, span.start + len(words.rstrip())))


def _between(length: int, boilerplate: Sequence[Span]) -> Iterator[Span]:
    """Yield the ranges outside the boilerplate spans in a text of this length."""
    at = 0
    for span in sorted(boilerplate):
        if at < span.start:
            yield Span(at, span.start)
        at = max(at, span.end)
    if at < length:
        yield Span(at, length)


def _lines_within(text: str, stretch: Span) -> Iterator[Span]:
    for match in _LINE.finditer(text, stretch.start, stretch.end):
        if line := stripped(text, Span(match.start(), match.end())):
            yield line


def _looks_like_a_heading(line: str) -> bool:
    longest = _LONGEST_HEADING // 3 if _CJK.search(line) else _LONGEST_HEADING
    return len(line) <= longest and not _ENDS_NO_HEADING.search(line) and not _LIST_ITEM.match(line)


def _boundaries(words: str, cancellation: Cancellation) -> Iterator[Span]:
    """Yield the sentences in a paragraph, split one window at a time, as the library takes quadratic time.

    The last sentence in a window may be truncated, so the next window begins with it. If a sentence is longer than the
    window, the window grows, up to `_LONGEST_SENTENCE`.
    """
    from sentencex import get_sentence_boundaries

    language = "zh" if _CJK.search(words) else "en"
    at, window = 0, _WINDOW
    while at < len(words):
        cancellation.check()
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
