"""What on a news page is not the story: counters, hashes, video boxes, "Source link". Pure.

Noise is marked, never cut out, so that every offset holds in the text as it was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from .records import Span

# Each pattern describes a whole line that carries no statement by itself.
_COUNTER = re.compile(r"[\d.,]+\s*[kKmM]?(\s+(shares?|comments?|likes?|views?))?")
_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")
_HASH = re.compile(r"[0-9a-f]{6,}([\s_-][0-9a-f]{4,})*", re.IGNORECASE)
_LINK_LINE = re.compile(
    r"(source link|read more|advertisement|share this( article)?|(sign up|subscribe)\b.{0,60}newsletter.{0,40})[:.…]?",
    re.IGNORECASE,
)
_ENDS_A_STATEMENT = re.compile(r"[.!…。！][\"'”’)\]]*$")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)

_LONGEST_TAG = 60  # characters; a longer run of letters is not a tag but unknown, and stays
_LONGEST_VIDEO_TITLE = 120  # characters; a longer line beside a running time is a paragraph


def front_matter(text: str) -> tuple[str, Span | None]:
    """The YAML between a leading pair of `---` lines, and the span that it fills with them; `("", None)` if none."""
    match = _FRONT_MATTER.match(text)
    return (match[1], Span(0, match.end())) if match else ("", None)


def noise_spans(text: str, *, has_front_matter: bool = False) -> list[Span]:
    """The lines of `text` that are not the story, as sorted spans that do not overlap.

    A line is noise by what it is (a counter, a running time, a hash, "Source link"), or by where it stands: the short
    lines under a running time are the title of the video it belongs to, and a line that repeats the one before it, or a
    tag of joined words such as "chatgptbaidu" on a line of its own, says nothing.
    """
    start = 0
    spans: list[Span] = []
    if has_front_matter and (head := front_matter(text)[1]):
        spans.append(head)
        start = head.end
    lines = list(_lines(text, start))
    noisy = [_is_noise_by_itself(line) for _, line in lines]
    for i, (_, line) in enumerate(lines):
        if _TIME.fullmatch(line):
            title = lines[i + 1][1] if i + 1 < len(lines) else ""
            for j in range(i + 1, len(lines)):
                if lines[j][1] != title or not _may_be_a_video_title(title):
                    break
                noisy[j] = True
    for i, ((_, before), (_, line)) in enumerate(pairwise(lines), start=1):
        noisy[i] = noisy[i] or before == line
    spans += [Span(at, at + len(line)) for (at, line), noise in zip(lines, noisy, strict=True) if noise]
    return spans


def _lines(text: str, start: int) -> Iterator[tuple[int, str]]:
    """The lines with something on them, stripped, each with the offset of its first character."""
    for match in re.finditer(r"[^\r\n]+", text[start:]):
        line = match[0].strip()
        if line:
            yield start + match.start() + match[0].index(line), line


def _is_noise_by_itself(line: str) -> bool:
    if any(pattern.fullmatch(line) for pattern in (_COUNTER, _TIME, _LINK_LINE)):
        return True
    # A hash has digits; an English word made of a-f only ("facade") has none.
    if _HASH.fullmatch(line) and any(c.isdigit() for c in line):
        return True
    return _is_joined_tag(line)


def _is_joined_tag(line: str) -> bool:
    """Page tags run together: one lower-case ASCII word longer than a word on a line of its own is likely to be."""
    return 10 <= len(line) <= _LONGEST_TAG and line.isascii() and line.isalpha() and line.islower()


def _may_be_a_video_title(line: str) -> bool:
    return 0 < len(line) <= _LONGEST_VIDEO_TITLE and not _ENDS_A_STATEMENT.search(line)
