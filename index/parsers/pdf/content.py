"""Read the text of PDF pages with pypdf, with its positions, within limits on the work."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ...models import SkippedPage
from ...text.runs import lowered, raised
from ..base import cannot_read
from .fonts import FontWork

if TYPE_CHECKING:
    from pypdf import PageObject

_TIME_LIMIT = 120.0  # maximum CPU time for a document, in seconds; a page takes about 1/30 second
_SHORTEST_TIME_LIMIT = 30.0  # maximum CPU time for a very small document, in seconds
_BYTES_PER_SECOND = 20_000  # a larger document may take longer: one second for this many bytes
_MOST_WORK_ON_A_PAGE = 300_000  # drawing operators; pypdf reads about 90,000 per second, and a page has about 1,000
_WORK_BASE = 500_000  # drawing operators that a very small document may have
_WORK_PER_BYTE = 2  # drawing operators that a document may have in addition, for each byte of its file
_CHARACTERS_PER_OPERATOR = 10  # characters that take as long as an operator
_BYTES_PER_OPERATOR = 50  # bytes of a content stream that take at most as long as an operator
_MOST_PARSED = 1_000_000  # operators and operands that pypdf parses in a content stream
_MOST_FORMS = 2_000  # forms that pypdf reads for a page
_WORD_GAP = 1.0  # minimum distance between two segments of a line, in font sizes
_UNKNOWN_WIDTH = 500.0  # width of a character in a font without widths, in thousandths of the font size

_SMALLER = 0.85  # maximum size of the digits of an exponent or the mark of a note, in font sizes of the line
_RAISED, _LOWERED = (0.1, 0.8), (-0.5, -0.05)  # distance of their base line from that of the line, in the same unit

_DIGITS = re.compile("\\s*+[+\u2212-]?[0-9]{1,4}(?:,[0-9]{1,3})*+\\s*+")
_MOVES = frozenset((b"Td", b"TD", b"Tm", b"T*", b"'", b'"', b"Ts"))
_PAINTS = frozenset((b"Do", b"INLINE IMAGE", b"sh", b"f", b"F", b"f*", b"S", b"s", b"B", b"B*", b"b", b"b*"))

NO_TEXT = "no text, only images or drawings"
"""The reason for a page that may be a scan."""
_BLANK = "blank"
_TOO_MUCH_ON_PAGE = f"too complex, with more than {_MOST_WORK_ON_A_PAGE:,} drawing operators or as much other content"
_TOO_MUCH = "the pages before it are too complex for a file of this size"
_DAMAGED = "damaged"


class Segment(NamedTuple):
    """A piece of a line that has no wide gap in it.

    `text` is as pypdf returns it, with the white space at its ends. `left`, `right`, `height` (of the base line,
    upwards) and `size` (of the font) are in points. `is_placed` is False for rotated text, and for text without known
    positions.
    """

    text: str
    left: float
    right: float
    height: float
    size: float
    is_placed: bool


SourceLine = list[Segment]
"""A line as pypdf finds it, in the order in which it is drawn."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text that is drawn at one position."""

    text: str
    left: float
    right: float
    height: float
    size: float
    is_placed: bool


class _LimitError(Exception):
    """An error for a page on which too much is drawn."""


class PageReader:
    """Reads the pages of a document. A page that occurs repeatedly is read once."""

    def __init__(self, name: str, size: int) -> None:
        """Read a document called `name` whose file has `size` bytes."""
        self._name = name
        self._time_limit = min(_TIME_LIMIT, _SHORTEST_TIME_LIMIT + size / _BYTES_PER_SECOND)
        self._ends = time.process_time() + self._time_limit
        self._work_left = _WORK_BASE + _WORK_PER_BYTE * size
        self._widths = _Widths()
        self._fonts = FontWork()
        self._known: dict[tuple[int, int], list[SourceLine] | SkippedPage] = {}

    def read(self, page: PageObject, number: int) -> list[SourceLine] | SkippedPage:
        """Return the lines of a page, or why they cannot be read.

        Raises `LoadError` if the document takes too long.
        """
        self._require_time()
        reference = page.indirect_reference
        key = (reference.idnum, reference.generation) if reference is not None else None
        if key is None or key not in self._known:
            found = self._read(page, number)
            if key is None:
                return found
            self._known[key] = found
        known = self._known[key]
        return SkippedPage(number, known.reason) if isinstance(known, SkippedPage) else known

    def _read(self, page: PageObject, number: int) -> list[SourceLine] | SkippedPage:
        if self._work_left <= 0:
            return SkippedPage(number, _TOO_MUCH)
        drawing = _Drawing(self._widths, self._fonts, min(_MOST_WORK_ON_A_PAGE, self._work_left), self._ends)
        reason = ""
        try:
            text = drawing.read(page)
        except MemoryError:
            raise
        except Exception:  # pypdf raises many kinds of errors for damaged pages
            text, reason = "", _DAMAGED
        self._work_left -= drawing.work
        self._require_time()
        if drawing.is_over_limit:
            is_page = drawing.limit == _MOST_WORK_ON_A_PAGE
            return SkippedPage(number, _TOO_MUCH_ON_PAGE if is_page else _TOO_MUCH)
        if not text.strip():
            return SkippedPage(number, reason or (NO_TEXT if drawing.is_painted else _BLANK))
        return drawing.lines(text)

    def _require_time(self) -> None:
        if time.process_time() > self._ends:
            why = f"it takes more than {self._time_limit:.0f} seconds"
            raise cannot_read(self._name, why, "Split it, or print it to PDF again.")


class _Drawing:
    """The text that pypdf draws for one page, and the work that this takes, in drawing operators."""

    def __init__(self, widths: _Widths, fonts: FontWork, limit: int, ends: float) -> None:
        self.work = 0
        self.limit = limit
        self.is_painted = False
        self._ends = ends
        self._widths = widths
        self._fonts = fonts
        self._of_forms: dict[str, int] = {}  # the work for the fonts of forms, by name
        self._pieces: list[_Piece] = []
        self._forms = 0  # number of forms inside which the current text is
        self._last = (0.0, 0.0)
        self._rises = [0.0]  # by which text is raised, in each graphics state that is not restored

    @property
    def is_over_limit(self) -> bool:
        """Whether too much is drawn."""
        return self.work > self.limit

    def read(self, page: PageObject) -> str:
        """Return the text of the page. Raises `_LimitError`, and any error of pypdf."""
        from pypdf import apply_configuration
        from pypdf.errors import LimitReachedError

        limits: Any = {
            "stream_parsing_work_maximum_count": _MOST_PARSED,
            "xform_maximum_invocations_per_extraction": _MOST_FORMS,
        }
        with apply_configuration(**limits):
            try:
                self._spend(self._fonts.of(page))
                self._of_forms, forms = self._fonts.of_forms(page)
                self._spend(forms)
                self._prepare(page)
                return page.extract_text(
                    visitor_operand_before=self._before, visitor_operand_after=self._after, visitor_text=self._see
                )
            except LimitReachedError:
                self.work = self.limit + 1
                raise _LimitError from None

    def lines(self, text: str) -> list[SourceLine]:
        """Return the lines, each with its segments.

        If the pieces differ from the whole text in more than white space, return the text without positions.
        """
        lines = list(_lines(self._pieces))
        found = "".join(piece.text for piece in self._pieces)
        if "".join(found.split()) == "".join(text.split()):
            return lines
        return [[Segment(line, 0.0, 0.0, 0.0, 0.0, is_placed=False)] for line in text.splitlines() if line.strip()]

    def _prepare(self, page: PageObject) -> None:
        """Make pypdf report text at each change of position, by an end of the text object before it.

        Otherwise, pypdf reports a line at once, with the position of its start only. The text is the same.
        """
        from pypdf.generic import ContentStream, NameObject

        contents = page.get("/Contents")
        contents = contents.get_object() if contents is not None else None
        if contents is None:
            return
        stream = ContentStream(contents, page.pdf, "bytes")
        self._spend(len(stream.get_data()) // _BYTES_PER_OPERATOR)
        operations: list[tuple[Any, bytes]] = []
        for operands, operator in stream.operations:
            if operator in _MOVES:
                operations.append(([], b"ET"))
            operations.append((operands, operator))
        stream.operations = operations
        page[NameObject("/Contents")] = stream

    def _spend(self, work: int) -> None:
        self.work += work
        if self.is_over_limit or (self.work % 1_000 < work and time.process_time() > self._ends):
            raise _LimitError

    def _before(self, operator: bytes, operands: Any, _outer: Any, _inner: Any) -> None:
        work = 1
        for operand in operands if isinstance(operands, list) else ():
            if isinstance(operand, list | dict):
                work += len(operand)
                if operator == b"TJ" and isinstance(operand, list):
                    work += sum(len(each) for each in operand if isinstance(each, str | bytes)) // (
                        _CHARACTERS_PER_OPERATOR
                    )
            elif isinstance(operand, str | bytes):
                work += len(operand) // _CHARACTERS_PER_OPERATOR
        if operator == b"Ts" and operands and isinstance(operands[0], int | float):
            self._rises[-1] = float(operands[0])
        elif operator == b"q":
            self._rises.append(self._rises[-1])
        elif operator == b"Q" and len(self._rises) > 1:
            self._rises.pop()
        if operator in _PAINTS:
            self.is_painted = True
            if operator == b"Do":
                self._forms += 1
                work += self._of_forms.get(str(operands[0]), 0) if operands else 0
                if time.process_time() > self._ends:
                    raise _LimitError
        self._spend(work)

    def _after(self, operator: bytes, _operands: Any, _outer: Any, _inner: Any) -> None:
        if operator == b"Do":
            self._forms -= 1

    def _see(self, text: str, outer: list[float], inner: list[float], font: Any, size: float) -> None:
        if not text:
            return
        across = inner[0] * outer[0] + inner[1] * outer[2]
        slope = inner[0] * outer[1] + inner[1] * outer[3]
        skew = inner[2] * outer[0] + inner[3] * outer[2]
        up = inner[2] * outer[1] + inner[3] * outer[3]
        left = inner[4] * outer[0] + inner[5] * outer[2] + outer[4]
        height = inner[4] * outer[1] + inner[5] * outer[3] + outer[5]
        # In a form, pypdf does not know where the form is placed.
        is_upright = across > 0 and up > 0 and abs(slope) < 0.01 * across and self._forms == 0
        if is_upright and self._pieces and (left, height) == self._last:
            left = self._pieces[-1].right  # pypdf repeats the position after a change of the font
        else:
            self._last = (left, height)
        size_in_points = abs(size) * math.hypot(skew, up)
        width = self._widths.of(text.strip(), font) / 1000 * abs(size) * across
        height += self._rises[-1] * up
        self._pieces.append(_Piece(text, left, left + width, height, size_in_points, is_upright))


class _Widths:
    """The widths of characters in the fonts of a document, in thousandths of the font size."""

    def __init__(self) -> None:
        self._fonts: dict[int, tuple[Any, dict[str, float], float]] = {}  # with the font, so that its id stays taken

    def of(self, text: str, font: Any) -> float:
        """Return the width of the text in a font, given by its dictionary or None."""
        if id(font) not in self._fonts:
            self._fonts[id(font)] = (font, *self._read(font))
        _, widths, default = self._fonts[id(font)]
        return sum(widths.get(character, default) for character in text)

    @staticmethod
    def _read(font: Any) -> tuple[dict[str, float], float]:
        from pypdf.generic._font import Font

        try:
            known = Font.from_font_resource(font)
            default = float(known.character_widths.get("default", _UNKNOWN_WIDTH)) or _UNKNOWN_WIDTH
            widths = {
                known.character_map.get(raw, raw): float(width)
                for raw, width in known.character_widths.items()
                if isinstance(width, int | float)
            }
        except MemoryError:
            raise
        except Exception:  # a damaged font
            return {}, _UNKNOWN_WIDTH
        widths.setdefault(" ", float(known.space_width) or _UNKNOWN_WIDTH)
        return widths, default


def _lines(pieces: list[_Piece]) -> Iterator[SourceLine]:
    """Yield the lines: a line ends with a line break, and a segment before a wide gap."""
    line: SourceLine = []
    run: list[_Piece] = []

    def end_segment() -> None:
        if any(piece.text.strip() for piece in run):
            longest = max(run, key=lambda piece: len(piece.text.strip()))  # a bullet may have another size
            text = "".join(_shown(piece, longest) for piece in run)
            left = next(piece.left for piece in run if piece.text.strip())
            right = max(piece.right for piece in run)
            is_placed = all(piece.is_placed for piece in run if piece.text.strip())
            line.append(Segment(text, left, right, longest.height, longest.size, is_placed))
        run.clear()

    for piece in pieces:
        for part in piece.text.splitlines(keepends=True):
            words = part.rstrip("\r\n")
            if words.strip() and run and _is_apart(run[-1], piece):
                end_segment()
            if words:
                run.append(_Piece(words, piece.left, piece.right, piece.height, piece.size, piece.is_placed))
            if len(words) < len(part):
                end_segment()
                if line:
                    yield line
                line = []
    end_segment()
    if line:
        yield line


def _shown(piece: _Piece, longest: _Piece) -> str:
    """Return the text of a piece, with raised or lowered digits if it is smaller and higher or lower than its line."""
    is_shifted = piece.is_placed and longest.is_placed and piece.size <= _SMALLER * longest.size
    if not is_shifted or not _DIGITS.fullmatch(piece.text):
        return piece.text
    distance = (piece.height - longest.height) / longest.size
    if _RAISED[0] <= distance <= _RAISED[1]:
        return raised(piece.text)
    return lowered(piece.text) if _LOWERED[0] <= distance <= _LOWERED[1] else piece.text


def _is_apart(before: _Piece, piece: _Piece) -> bool:
    size = max(before.size, piece.size)
    distance = piece.left - before.right
    return before.is_placed and piece.is_placed and not -4 * size < distance < _WORD_GAP * size
