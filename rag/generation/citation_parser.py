"""`[n]` markers in a stream of tokens: which finished sentence cites which passages. Pure.

The text is read one character at a time, so that the cuts between tokens cannot change anything. Here markers are told
from text; `drafts` gathers both into sentences.
"""

from __future__ import annotations

import re

from .sentence_buffer import STOPS, ParsedSentence, SentenceBuffer

__all__ = ["CitationParser", "ParsedSentence"]

_OPEN, _CLOSE = r"[\[【［]", r"[\]】］]"
_SPACE = r"[ \t\u00a0\u202f]?"
_DASH = r"[-\u2010-\u2015~]"
_JOIN = rf"{_SPACE}(?:[,，、;；]|{_DASH}){_SPACE}"
# At most three digits: "[2023]" is a year, and no search returns a thousand passages.
_MARKER = re.compile(rf"{_OPEN}{_SPACE}((?:\d{{1,3}}{_JOIN})*\d{{1,3}}){_SPACE}{_CLOSE}")
_MARKER_BEGUN = re.compile(rf"{_OPEN}{_SPACE}(?:\d{{1,3}}{_JOIN})*(?:\d{{1,3}}{_SPACE})?")
_NUMBER_OR_RANGE = re.compile(rf"(\d+)(?:{_SPACE}{_DASH}{_SPACE}(\d+))?")
_LONGEST_MARKER = 60
_LONGEST_CODE = 200


class CitationParser:
    """Reads an answer piece by piece; what it says depends on the text alone, never on how it was cut into pieces.

    `sources` is the number of passages that the model was given. Markers outside `1..sources` are removed; `dropped`
    counts them (a range such as `[2-99]` once). A sentence is finished, and its draft final, when the next one has
    begun or the answer is closed.
    """

    def __init__(self, sources: int) -> None:
        self.dropped = 0
        self._sources = sources
        self._drafts = SentenceBuffer()
        self._held = ""  # text that may yet turn out to be a marker or code
        self._blanks: list[str] = []  # white space, kept back until it is known not to stand before a removed marker
        self._removed_after: int | None = None  # how many blanks stood before the marker that was just removed
        self._line_start = True
        self._fence = 0  # backticks that opened the code block we are in; 0: none
        self._closed = False

    @property
    def text(self) -> str:
        """The answer so far, its markers as `[n]`, without a marker that is still unfinished at the end."""
        return self._drafts.text

    @property
    def drafts(self) -> list[ParsedSentence]:
        """The finished sentences so far, in order; those that are here never change."""
        return self._drafts.finished

    def feed(self, piece: str) -> None:
        """Takes the next piece of the answer; a `ValueError` after `close()`."""
        if self._closed:
            raise ValueError(f"the answer is closed and cannot take {piece[:40]!r}; use a new CitationParser")
        for character in piece:
            self._held += character
            self._read(final=False)

    def close(self) -> None:
        """Ends the answer: what was held back is text, and the last sentence is finished."""
        if not self._closed:
            self._closed = True
            self._read(final=True)
            self._let_blanks_go()
            self._drafts.close()

    def _read(self, *, final: bool) -> None:
        while self._held:
            taken = self._take(self._held, final)
            if not taken:
                return
            self._held = self._held[taken:]

    def _take(self, held: str, final: bool) -> int:
        """Handles the front of `held` and returns how many characters that was; 0: more text is needed to know."""
        if held[0] == "`":
            return self._take_fence(held, final) or self._take_code(held, final)
        if not self._fence:
            if match := _MARKER.match(held):
                self._cite(match[1])
                return match.end()
            if not final and len(held) < _LONGEST_MARKER and _MARKER_BEGUN.fullmatch(held):
                return 0
        self._write(held[0], code=self._fence > 0)
        return 1

    def _take_fence(self, held: str, final: bool) -> int:
        """Backticks that open, close or stand in a code block; 0: they do not, or more text is needed to know."""
        ticks = _ticks(held)
        if ticks == len(held) and not final and ticks < _LONGEST_CODE:
            return 0
        at_line_start = self._line_start
        if self._fence:
            self._write(held[:ticks], code=True)
            self._fence = 0 if at_line_start and ticks >= self._fence else self._fence
        elif ticks >= 3 and at_line_start:
            self._write(held[:ticks], code=True)
            self._fence = ticks
        else:
            return 0
        return ticks

    def _take_code(self, held: str, final: bool) -> int:
        """Code within a line: as many backticks as opened it close it; if nothing does, they are text."""
        ticks = _ticks(held)
        end = re.search(rf"(?<!`)`{{{ticks}}}(?!`)", held[ticks:].partition("\n")[0])
        if end and (final or ticks + end.end() < len(held)):
            self._write(held[: ticks + end.end()], code=True)
            return ticks + end.end()
        if not final and "\n" not in held and len(held) < _LONGEST_CODE:
            return 0
        self._write(held[:ticks])
        return ticks

    def _cite(self, written: str) -> None:
        """`written` is what stands between the brackets: numbers and ranges."""
        numbers: dict[int, None] = {}
        for first, last in _NUMBER_OR_RANGE.findall(written):
            low, high = sorted((int(first), int(last or first)))
            valid = range(max(low, 1), min(high, self._sources) + 1)
            numbers.update(dict.fromkeys(valid))
            self.dropped += len(valid) < high - low + 1
        if numbers:
            self._let_blanks_go()
            self._line_start = False
            for number in numbers:
                self._drafts.mark(number)
        elif self._removed_after is None:
            self._removed_after = len(self._blanks)

    def _write(self, characters: str, *, code: bool = False) -> None:
        for character in characters:
            if character.isspace() and not code:
                self._write_blank(character)
            else:
                if self._removed_after is not None and character in STOPS:
                    self._blanks.clear()  # "word [99]." is "word." without its marker
                self._let_blanks_go()
                self._drafts.add(character, code)
            self._line_start = character == "\n" or (self._line_start and character == " ")

    def _write_blank(self, character: str) -> None:
        """Of the blanks on both sides of a removed marker, one is enough; at the start of the text, none."""
        before = self._removed_after
        doubled = before is not None and (before == len(self._blanks) > 0 or not self._drafts.length)
        if not (doubled and character == " "):
            self._blanks.append(character)

    def _let_blanks_go(self) -> None:
        for blank in self._blanks:
            self._drafts.add(blank, code=False)
        self._blanks.clear()
        self._removed_after = None


def _ticks(held: str) -> int:
    return len(held) - len(held.lstrip("`"))
