"""Find what note-taking programs write for themselves in Markdown, such as comments and embedded files. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..models import Span

_COMMENT = "%%"
_FENCES = ("```", "~~~")
_EMBED = re.compile(r"!\[\[[^\[\]]{1,300}\]\]")
_LINK = re.compile(r"\[\[[^\[\]\r\n]{1,300}\]\](?!\()")  # but not [[1]](https://…)
_CALLOUT = re.compile(r"[ \t]{0,20}(?:>[ \t]{0,4}){1,20}\[![\w -]{1,40}(?:\|[^\]]{0,40})?\][+-]?")
_BLOCK_ID = re.compile(r"(?<=\s)\^[A-Za-z0-9-]{4,60}$")
_TAG = re.compile(r"#[\w/-]{0,100}[^\W\d][\w/-]{0,100}")
_LONGEST_LINE = 2_000  # characters; a longer line is a paragraph, in which only comments are looked for
_LINE = re.compile(r"[^\r\n]+")


def note_spans(text: str, start: int = 0) -> Iterator[Span]:
    """Yield what Obsidian does not show in a note, or shows only as a mark, in order.

    These are comments between `%%` that are whole lines or begin or end one, and lines that only embed a file or list
    tags, the kind of a callout, and the id of a block. Code is left alone. A comment inside a sentence counts as text,
    so that the sentence stays whole.
    """
    opened: int | None = None  # where a comment of several lines begins
    fence = ""
    for match in _LINE.finditer(text, start):
        line, at = match[0], match.start()
        if opened is not None:
            end = line.find(_COMMENT)
            if end >= 0:
                yield Span(opened, at + end + len(_COMMENT))
                opened = None
            continue
        mark = line.lstrip()[:3]
        if fence or mark in _FENCES:
            fence = mark if not fence else "" if mark == fence else fence
            continue
        if line.strip().startswith(_COMMENT) and line.count(_COMMENT) == 1:
            if text.find(_COMMENT, match.end()) >= 0:
                opened = at + line.index(_COMMENT)
            continue
        yield from (Span(at + span.start, at + span.end) for span in _in_line(line))


def is_note(text: str) -> bool:
    """Return whether a text links to other notes, as in Obsidian, in which the name of the file is the title."""
    return _LINK.search(text) is not None


def shown(text: str) -> str:
    """Return the text without what `note_spans` yields."""
    parts: list[str] = []
    end = 0
    for span in note_spans(text):
        parts.append(text[end : span.start])
        end = span.end
    return "".join([*parts, text[end:]])


def _in_line(line: str) -> Iterator[Span]:
    words = line.strip()
    whole = Span(line.index(words), line.index(words) + len(words)) if words else Span(0, 0)
    if len(line) <= _LONGEST_LINE and (_EMBED.fullmatch(words) or all(_TAG.fullmatch(tag) for tag in words.split())):
        if words:
            yield whole
        return
    if callout := _CALLOUT.match(line[:_LONGEST_LINE]):
        yield Span(callout.start(), callout.end())
    yield from _comments(line)
    if len(line) <= _LONGEST_LINE and (id_ := _BLOCK_ID.search(line.rstrip())):
        yield Span(id_.start(), id_.end())


def _comments(line: str) -> Iterator[Span]:
    """Yield the comments that begin or end a line. "5%% then 3%%" has none."""
    at = line.find(_COMMENT)
    while at >= 0:
        end = line.find(_COMMENT, at + len(_COMMENT))
        if end < 0:
            return
        end += len(_COMMENT)
        is_opened = at == 0 or line[at - 1].isspace()
        if is_opened and (not line[:at].strip() or not line[end:].strip()):
            yield Span(at, end)
        at = line.find(_COMMENT, end)
