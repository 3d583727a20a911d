"""A parser for citation markers in a token stream; it returns finished sentences and the passages they cite. Pure.

The text is parsed one character at a time, so token boundaries cannot change the result. `markers` recognises the
markers, this module separates them from text and code, and `sentence_buffer` collects both into sentences.
"""

from __future__ import annotations

import re

from .markers import CONTEXT, Marker, find_link, find_marker
from .plain_sentence import STOPS
from .sentence_buffer import ParsedSentence, SentenceBuffer

__all__ = ["CitationParser", "ParsedSentence"]

_TICKS = re.compile("`+")
_MAX_CODE = 200


class CitationParser:
    """A parser for an answer that arrives in pieces; the result does not depend on how the answer is split.

    `sources` is the number of passages in the prompt. Markers in brackets outside `1..sources` are removed; `dropped`
    counts them (a range such as `[2-99]` once). In other forms, such as "(99)", they are text. A sentence is finished
    when the next one has begun or `close` is called.
    """

    def __init__(self, sources: int) -> None:
        self.dropped = 0
        self._sources = sources
        self._buffer = SentenceBuffer()
        self._held = ""  # text that may still become a marker or code
        self._before = "\n"  # the text before `_held`, at most `CONTEXT` characters
        self._follows_marker = False
        self._blanks: list[str] = []  # white space, held back because a removed marker may follow
        self._removed_after: int | None = None  # number of blanks before the marker that was just removed
        self._line_start = True
        self._fence = 0  # number of backticks that opened the current code block; 0: not in one
        self._closed = False

    @property
    def text(self) -> str:
        """The answer so far, with markers as `[n]`, without an incomplete marker at the end."""
        return self._buffer.text

    @property
    def sentences(self) -> list[ParsedSentence]:
        """The sentences finished so far, in order; they no longer change."""
        return self._buffer.finished

    def feed(self, piece: str) -> None:
        """Parse the next piece of the answer. Raises `ValueError` if `close()` was called before."""
        if self._closed:
            raise ValueError(f"cannot parse {piece[:40]!r}: the parser is closed; use a new CitationParser")
        for character in piece:
            self._held += character
            self._read(final=False)

    def close(self) -> None:
        """End the answer: add the text that was held back, and finish the last sentence."""
        if not self._closed:
            self._closed = True
            self._read(final=True)
            self._release_blanks()
            self._buffer.close()

    def _read(self, *, final: bool) -> None:
        while self._held:
            taken = self._take(self._held, final)
            if not taken:
                return
            self._before = (self._before + self._held[:taken])[-CONTEXT:]
            self._held = self._held[taken:]

    def _take(self, held: str, final: bool) -> int:
        """Parse the beginning of `held` and return the number of characters consumed; 0 if more text is needed."""
        if held[0] == "`":
            return self._take_fence(held, final) or self._take_code(held, final)
        if not self._fence:
            taken = self._take_marker(held, final)
            if taken is not None:
                return taken
        self._write(held[0], code=self._fence > 0)
        return 1

    def _take_marker(self, held: str, final: bool) -> int | None:
        """Parse a marker or the link after it; return None if `held` begins with neither, 0 if more text is needed."""
        if self._follows_marker:
            link = find_link(held, final=final)
            if link is None:
                return 0
            self._follows_marker = False
            if link:
                return link
        marker = find_marker(self._before, held, self._sources, final=final)
        if marker == "unfinished":
            return 0
        if marker is None:
            return None
        self._cite(marker)
        return marker.length

    def _take_fence(self, held: str, final: bool) -> int:
        """Parse backticks that open, close or are inside a code block; return 0 for others, or if more text is
        needed."""
        ticks = _ticks(held)
        if ticks == len(held) and not final and ticks < _MAX_CODE:
            return 0
        opens_or_closes = self._line_start and ticks >= max(3, self._fence)
        if not (opens_or_closes or self._fence):
            return 0
        self._write(held[:ticks], code=True)
        if opens_or_closes:
            self._fence = 0 if self._fence else ticks
        return ticks

    def _take_code(self, held: str, final: bool) -> int:
        """Parse inline code, between two equally long runs of backticks; backticks without a closing run are text."""
        ticks = _ticks(held)
        line = held[ticks:].partition("\n")[0]
        end = next((run for run in _TICKS.finditer(line) if len(run[0]) == ticks), None)
        if end and (final or ticks + end.end() < len(held)):
            self._write(held[: ticks + end.end()], code=True)
            return ticks + end.end()
        if not final and "\n" not in held and len(held) < _MAX_CODE:
            return 0
        self._write(held[:ticks])
        return ticks

    def _cite(self, marker: Marker) -> None:
        self._follows_marker = True
        self.dropped += marker.dropped
        if marker.numbers:
            self._release_blanks()
            self._line_start = False
            for number in marker.numbers:
                self._buffer.mark(number, is_word=marker.is_word)
        elif self._removed_after is None:
            self._removed_after = len(self._blanks)

    def _write(self, characters: str, *, code: bool = False) -> None:
        for character in characters:
            if character.isspace() and not code:
                self._write_blank(character)
            else:
                if self._removed_after is not None and character in STOPS:
                    self._blanks.clear()  # "word [99]." is "word." without its marker
                self._release_blanks()
                self._buffer.add(character, code)
            self._line_start = character == "\n" or (self._line_start and character == " ")

    def _write_blank(self, character: str) -> None:
        """Hold back a blank; drop it after a removed marker that had a blank before it or that began the text."""
        before = self._removed_after
        doubled = before is not None and (before == len(self._blanks) > 0 or not self._buffer.text)
        if not (doubled and character == " "):
            self._blanks.append(character)

    def _release_blanks(self) -> None:
        for blank in self._blanks:
            self._buffer.add(blank, code=False)
        self._blanks.clear()
        self._removed_after = None


def _ticks(held: str) -> int:
    return len(held) - len(held.lstrip("`"))
