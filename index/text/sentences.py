"""Split text in any language into blocks and sentences. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..cancellation import Cancellation
from ..models import Row, Span
from .languages import language_of
from .lexicon import CJK
from .sentence_rules import ENGLISH, begins_with_ordinal, goes_on, has_rules
from .sentence_rules import sentence_ends as ends_by_rules
from .tables import rows_in

_LONGEST_HEADING = 120  # maximum length of a heading, in characters
_WINDOW = 5_000  # number of characters that are split at a time; see `_boundaries`
_FEWEST_CJK = 5  # one in so many characters of a Chinese or Japanese paragraph is CJK, if not more
_LONGEST_SENTENCE = 30_000  # maximum length in characters; finding the end of a longer text takes quadratic time

_LINE = re.compile(r"[^\r\n]+")
_BLANK_LINE = re.compile(r"(\r\n|\r|\n)[ \t]*(\r\n|\r|\n)")
_MARKDOWN_HEADING = re.compile(r"#{1,6}[ \t]+\S")
_LIST_ITEM = re.compile(r"([-*+•·]|\d{1,3}[.)、](?!\d))[ \t]*\S")
_CLOSING = "[\"'”’»」』)\\]）*_]*$"
_ENDS_A_SENTENCE = re.compile("[.!?…:。！？：]" + _CLOSING)
_ENDS_NO_HEADING = re.compile("[.!…:;,。！：；，、]" + _CLOSING + '|["”’»」』]$')
_CJK = re.compile(f"[{CJK}]")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a heading, a list item or a row of a table."""

    span: Span
    is_heading: bool
    is_list_item: bool
    is_after_boilerplate: bool  # if so, it cannot share a slice with the previous block
    row: Row | None = None


def sentences(text: str, language: str | None = None, rows: Sequence[Row] | None = None) -> list[Span]:
    """Return the sentences in `text`, without surrounding white space.

    Headings, list items, rows of tables and paragraphs end a sentence; the line breaks of hard-wrapped prose do not.
    `language` is the ISO 639-1 code of the text's language; if it is not given, it is detected, and English if that
    fails. `rows` are the rows of the text if they are known.
    """
    language = language or language_of(text) or ENGLISH
    return [
        span
        for block in blocks(text, language=language, rows=rows)
        for span in ([block.span] if block.row else sentences_within(text, block.span, language))
    ]


def blocks(
    text: str,
    boilerplate: Sequence[Span] = (),
    cancellation: Cancellation | None = None,
    *,
    language: str = ENGLISH,
    rows: Sequence[Row] | None = None,
) -> list[Block]:
    """Return the blocks of the text outside its boilerplate spans; `rows` are its rows if they are known."""
    cancellation = cancellation or Cancellation()
    stretches = _between(len(text), boilerplate)
    lines = list(cancellation.checked(line for stretch in stretches for line in _lines_within(text, stretch)))
    row_at = {row.span.start: row for row in (rows_in(text, cancellation) if rows is None else rows)}
    lines = _with_whole_headers(lines, row_at)
    row_of = [row_at.get(line.start) for line in lines]
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
        (row_of[i] is None and bool(_MARKDOWN_HEADING.match(line)))
        or (
            row_of[i] is None
            and is_detached[i]
            and is_detached[i + 1]
            and i + 1 < len(lines)
            and _looks_like_a_heading(line)
        )
        for i, line in enumerate(cancellation.checked(words))
    ]
    is_list_item = [
        row_of[i] is None
        and bool(_LIST_ITEM.match(line))
        and (is_detached[i] or not begins_with_ordinal(line, words[i - 1], language))
        for i, line in enumerate(cancellation.checked(words))
    ]
    firsts = [
        i
        for i in cancellation.checked(range(len(lines)))
        if is_detached[i]
        or is_heading[i]
        or is_heading[i - 1]
        or is_list_item[i]
        or row_of[i]
        or row_of[i - 1]
        or (_ENDS_A_SENTENCE.search(words[i - 1]) and not _goes_on(words[i - 1], words[i], language))
    ]
    return [
        Block(
            Span(lines[i].start, lines[j - 1].end), is_heading[i], is_list_item[i], is_after_boilerplate[i], row_of[i]
        )
        for i, j in zip(firsts, [*firsts, len(lines)][1:], strict=True)
    ]


def _with_whole_headers(lines: list[Span], row_at: Mapping[int, Row]) -> list[Span]:
    """Join the lines of a header row: the names of the columns, and the dashes below them."""
    joined: list[Span] = []
    for line in lines:
        if joined and line.start < joined[-1].end:
            continue
        row = row_at.get(line.start)
        joined.append(row.span if row else line)
    return joined


def begins_with_heading(text: str) -> bool:
    """Return whether the first block of a text is a heading."""
    return any(block.is_heading for block in blocks(text)[:1])


def sentences_within(
    text: str, span: Span, language: str | None, cancellation: Cancellation | None = None
) -> list[Span]:
    """Return the sentences in one block; see `sentence_ends` for the language."""
    block = text[span.start : span.end]
    ends = [*sentence_ends(block, language, cancellation), len(block)]
    found = [
        Span(span.start + start, span.start + end).stripped(text) for start, end in zip([0, *ends], ends, strict=False)
    ]
    return [sentence for sentence in found if len(sentence)]


def sentence_ends(text: str, language: str | None, cancellation: Cancellation | None = None) -> Iterator[int]:
    """Yield the offset after each sentence in a paragraph, at most `_LONGEST_SENTENCE` characters after the last one.

    `language` is an ISO 639-1 code, or None for a short text in an unknown European language. The library
    splits Chinese, Japanese and languages without rules of our own.
    """
    cancellation = cancellation or Cancellation()
    characters = len(_CJK.findall(text))
    if has_rules(language) and characters * _FEWEST_CJK < len(text):
        ends = ends_by_rules(text, language)
    else:
        ends = _ends_by_library(text, "zh" if characters else language or ENGLISH, cancellation)
    at = 0
    for end in cancellation.checked(ends):
        yield from range(at + _LONGEST_SENTENCE, end, _LONGEST_SENTENCE)
        yield end
        at = end
    yield from range(at + _LONGEST_SENTENCE, len(text), _LONGEST_SENTENCE)


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
        if line := Span(*match.span()).stripped(text):
            yield line


def _goes_on(line: str, following: str, language: str) -> bool:
    return (
        has_rules(language)
        and not _CJK.search(line[-1:] + following[:1])
        and goes_on(line, following[:_LONGEST_HEADING], language)
    )


def _looks_like_a_heading(line: str) -> bool:
    longest = _LONGEST_HEADING // 3 if _CJK.search(line) else _LONGEST_HEADING
    return len(line) <= longest and not _ENDS_NO_HEADING.search(line) and not _LIST_ITEM.match(line)


def _ends_by_library(text: str, language: str, cancellation: Cancellation) -> Iterator[int]:
    """Yield the offset after each sentence, split one window at a time, as the library takes quadratic time.

    The last sentence in a window may be truncated, so the next window begins with it. If a sentence is longer than the
    window, the window grows, up to `_LONGEST_SENTENCE`.
    """
    from sentencex import get_sentence_boundaries

    at, window = 0, _WINDOW
    while at < len(text):
        cancellation.check()
        found = [each["end_index"] for each in get_sentence_boundaries(language, text[at : at + window])]
        whole = found if at + window >= len(text) else found[:-1]
        if not whole and window < _LONGEST_SENTENCE:
            window = min(2 * window, _LONGEST_SENTENCE)
            continue
        whole = whole or [window]
        yield from (at + end for end in whole)
        at, window = at + whole[-1], _WINDOW
