"""A buffer that collects characters and markers into finished sentences. Pure.

The text is split by the rules of its language after markers and code are removed; a line break always ends a sentence,
and a row of a table is one sentence. Only the unfinished sentence is split again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from index import likely_language, sentence_ends

from .plain_sentence import MARK, WORD_MARK, without_marks

_BULLET = re.compile(
    r"\s*(?:(?:[-*+•‣◦–—>]|#{1,6}|(?:\*\*)?(?:\d{1,3}[.)]|\(\d{1,3}\)))\s+|（\d{1,3}）\s*|\d{1,3}、\s*)+"
)
_OPENERS = "“‘«「『（([{《"
_CLOSERS = "”’»」』）)]}》"
_EITHER = "\"'*_"
_PAIRS = {"«": "»", "「": "」", "『": "』", "（": "）", "(": ")"}
_OPEN_GUILLEMET = re.compile(r"(?<![^\s(])»(?=\S)[^«»]*$")  # as in German: »so«
_NEXT_WORD = re.compile(r"[A-Za-z0-9\xc0-\u024f]\W|[^\W\x00-\u024f]")
_MAX_SENTENCE = 2000
"""Maximum sentence length, in characters; longer sentences are cut, so that a text without full stops is parsed
quickly."""
_LONGEST_READ = 1000  # number of characters that determine the language
_MAX_QUOTE = 600
"""Maximum distance, in characters, at which an open quotation mark or bracket still joins sentences."""


@dataclass(frozen=True, slots=True)
class ParsedSentence:
    """A finished sentence: `parser.text[start:end]`, with markers and closing quotes, without surrounding white space.

    `text` is the sentence without markers, words that belong to them ("according to [1]") and list bullet, with
    normalized white space; the cells of a table's row are separated by commas. `numbers` are the numbers of the
    passages that it cites, in order and without duplicates.
    """

    start: int
    end: int
    text: str
    numbers: tuple[int, ...]


class _Mark(NamedTuple):
    """A marker: `at` is the number of unfinished characters before it; `start` and `end` are offsets in the text."""

    at: int
    start: int
    end: int
    number: int


class SentenceBuffer:
    """A buffer with the `text` so far, with markers as `[n]`, its `finished` sentences, and the unfinished one."""

    def __init__(self) -> None:
        self.text = ""
        self.finished: list[ParsedSentence] = []
        self._plain = ""  # the unfinished text, without markers
        self._probe = ""  # the same text with code masked, so that a dot in code does not end a sentence
        self._offsets: list[int] = []  # the offset in `text` of each character in `_plain`
        self._marks: list[_Mark] = []
        self._read = 0  # number of characters of `text` from which the language was determined
        self._detected: str | None = None
        self._line_start = True
        self._line_over = False
        self._marks_first = False  # whether the line began with a marker: then others also precede their sentence

    def mark(self, number: int, *, is_word: bool = False) -> None:
        """Add a marker that cites passage `number`; `is_word` is True if it is a word of the sentence ("[1] says")."""
        start = len(self.text)
        if is_word:
            if self._line_over:
                self._end_line()
            self._append(WORD_MARK, "Xyz")
        elif self._line_start and not self._line_over:
            bullet = _BULLET.match(self._plain)
            if not self._plain[bullet.end() if bullet else 0 :].strip():
                self._marks_first = True
        self.text += f"[{number}]"
        self._marks.append(_Mark(len(self._plain) - is_word, start, len(self.text), number))

    def add(self, character: str, code: bool) -> None:
        """Add a character to the text; `code` is True if it is inside code."""
        if self._line_over and not character.isspace():
            self._end_line()
        if character.isalnum() and self._follows_a_marked_word():
            self._append(" ", " ")  # "rose.[1]Then": only the marker separated the words
        self._append(character, "x" if code else "\ufffd" if "\ud800" <= character <= "\udfff" else character)
        self.text += character
        if character == "\n" and not code:
            self._line_over = bool(self._probe.strip())
            self._line_start = self._line_start or not self._line_over
        elif not (character.isascii() and character.isalnum()) and not self._plain[-2:].isspace():
            self._end_sentence()
        if len(self._plain) >= _MAX_SENTENCE:
            self.close()

    def close(self) -> None:
        """Finish everything; markers on a line without a word stay in `_marks`."""
        start = self._body()
        for cut in [*(() if self._is_row() else self._cuts(start)), len(self._plain)]:
            if self._finish(start, cut):
                start = cut
        self._forget(len(self._plain))

    def _append(self, plain: str, probe: str) -> None:
        self._plain += plain
        self._probe += probe
        self._offsets += [len(self.text)] * len(plain)

    def _follows_a_marked_word(self) -> bool:
        marked = bool(self._marks) and self._marks[-1].at == len(self._plain) > 0
        return marked and self._plain[-1].isascii() and not self._plain[-1].isspace()

    def _end_line(self) -> None:
        """Finish everything before a new line that has content; markers at the beginning of the line belong to it."""
        newline = self._plain.rfind("\n")
        opening = [mark for mark in self._marks if mark.at > newline]
        self._marks = [mark for mark in self._marks if mark.at <= newline]
        self.close()
        self._marks += [mark._replace(at=0) for mark in opening]
        self._line_start, self._marks_first = True, bool(opening)

    def _end_sentence(self) -> None:
        """Finish a sentence once the next one has a complete word: "Inc. T" may become "Inc. Tuesday" or "Inc. The"."""
        start = self._body()
        if self._is_row():
            return
        for cut in self._cuts(start):
            has_begun = _NEXT_WORD.search(self._probe, cut)
            if has_begun and not _is_inside_quote(self._probe[start:cut]) and self._finish(start, cut):
                self._forget(cut)
                return

    def _body(self) -> int:
        """Return the offset at which the sentence begins after its list bullet."""
        bullet = _BULLET.match(self._probe) if self._line_start else None
        return bullet.end() if bullet and self._probe[bullet.end() :].strip() else 0

    def _is_row(self) -> bool:
        return self._line_start and self._plain.lstrip().startswith("|")

    def _cuts(self, start: int) -> Iterator[int]:
        """Yield the ends of sentences in `_plain`, without the white space after them."""
        body = self._probe[start:]
        for mark in self._marks:
            at = mark.at - start
            if at > 0 and body[at - 1 : at + 1] == "  " and body[at + 1 : at + 2].islower():
                body = f"{body[:at]}X{body[at + 1 :]}"  # "it rose. [2] says": the marker begins a sentence
        for end in sentence_ends(body, self._language()):
            yield start + _tidy_cut(body, end)

    def _language(self) -> str | None:
        """Return the language of the text so far, which is determined again when there is clearly more of it."""
        if self._read < _LONGEST_READ and len(self.text) >= 1.2 * self._read:
            self._read, self._detected = len(self.text), likely_language(self.text[:_LONGEST_READ])
        return self._detected

    def _finish(self, start: int, cut: int) -> bool:
        """Add `_plain[start:cut]` and the markers up to the next word as a sentence; return False if it has no word."""
        content = self._plain[start:cut]
        if not any(map(str.isalnum, content)):
            return False
        first = start + len(content) - len(content.lstrip())
        last = start + len(content.rstrip())
        rest = self._plain[cut:].lstrip()
        upto = cut - 1 if self._marks_first and rest else len(self._plain) - len(rest)
        mine = [mark for mark in self._marks if mark.at <= upto]
        self._marks = self._marks[len(mine) :]
        text = without_marks(_marked(self._plain, first, last, {mark.at for mark in mine}))
        self.finished.append(
            ParsedSentence(
                start=min([self._offsets[first], *(mark.start for mark in mine)]),
                end=max([self._offsets[last - 1] + 1, *(mark.end for mark in mine)]),
                text=text if any(map(str.isalnum, text)) else " ".join(content.split()),  # "[1] and [1]"
                numbers=tuple(dict.fromkeys(mark.number for mark in mine)),
            )
        )
        return True

    def _forget(self, cut: int) -> None:
        """Remove finished text from the unfinished text."""
        self._plain, self._probe, self._offsets = self._plain[cut:], self._probe[cut:], self._offsets[cut:]
        self._marks = [mark._replace(at=mark.at - cut) for mark in self._marks]
        self._line_start = self._line_over = False


def _tidy_cut(text: str, cut: int) -> int:
    """Move the splitter's cut so that quotation marks and brackets stay with the sentence that they open or close."""
    end = len(text[:cut].rstrip())
    if end == cut:
        closed = end
        while closed < len(text) and text[closed] in _CLOSERS + _EITHER:
            closed += 1
        while closed > end and text[closed - 1] in _EITHER and text[closed : closed + 1].strip():
            closed -= 1  # a straight quote or an asterisk before the next word opens it
        if closed > end:
            return closed
    while end and (text[end - 1] in _OPENERS or (text[end - 1] in _EITHER and text[end - 2 : end - 1].isspace())):
        end = len(text[: end - 1].rstrip())
    return end


def _is_inside_quote(text: str) -> bool:
    """Return whether `text` ends inside a quotation or bracket that was opened recently."""
    recent = text[-_MAX_QUOTE:]
    low, high, closing = map(recent.count, "„“”")
    if low > high + closing or high - low > closing or _OPEN_GUILLEMET.search(recent):
        return True
    return recent.count('"') % 2 == 1 or any(recent.count(a) > recent.count(b) for a, b in _PAIRS.items())


def _marked(plain: str, start: int, end: int, marks: set[int]) -> str:
    """Return `plain[start:end]` with `MARK` at each marker, also at those before and after it."""
    inside = "".join((MARK if at in marks else "") + plain[at].replace(MARK, " ") for at in range(start, end))
    before, after = any(at < start for at in marks), any(at >= end for at in marks)
    return MARK * before + inside + MARK * after
