"""Read PDF documents with pypdf: the text and its page offsets."""

from __future__ import annotations

import re
import time
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..errors import LoadError
from .base import Extract, cannot_read, silence
from .metadata import iso_date, iso_language, one_line

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

_MOST_PAGES = 5_000
_MOST_CHARACTERS = 50_000_000
_TIME_LIMIT = 120.0  # maximum time for a document, in seconds; a page takes about 1/30 second
_WIDE_GAP = 1.3  # multiple of the usual line distance; a larger distance marks a new paragraph
_LEAST_DROP, _MOST_DROP = 0.8, 3.0  # range of line distances within a paragraph, in font sizes
_SIZE_CHANGE = 0.15  # relative change in font size that marks a heading or a caption
_PROGRAM = re.compile(
    r"^(Microsoft (Word|PowerPoint) - .*|untitled\W*\d*|.*\.(docx?|pptx?|indd|tex|pdf|rtf|odt|qxp)|\W*)$", re.I
)

_CHINESE = re.compile("[\u3000-\u30ff\u3400-\u9fff\uff01-\uff5e]")
_WORD = re.compile(r"[^\W\d_]+")
_HYPHENATED = re.compile(r"\b([^\W\d_]+)-\n\Z")

Line = tuple[str, float, float]
"""A line on a page: its text with the line break, its vertical position, and its font size."""


def read_pdf(data: bytes, name: str) -> Extract:
    """Read the text line by line, with a blank line after each paragraph; columns are read one after another.

    Raises `LoadError` if the document is encrypted, contains no text, is too long, or takes too long to read.
    """
    silence("pypdf")
    from pypdf import PdfReader

    reader = PdfReader(BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        hint = "Save it without a password, for example: qpdf --decrypt --password=… in.pdf out.pdf"
        raise cannot_read(name, "the file is encrypted", hint)
    text, pages = _text_of(reader, name)
    if not text.strip():
        raise LoadError(
            f"Cannot index {name!r}: its {len(pages)} page(s) contain no text, only images, or are damaged.",
            "Run text recognition first, for example: ocrmypdf in.pdf out.pdf",
        )
    metadata, root = reader.metadata, reader.trailer.get("/Root")
    return Extract(
        text,
        title=_title(metadata.title) if metadata else None,
        author=one_line(metadata.author) if metadata else None,
        published=_created(reader),
        language=iso_language(root.get_object().get("/Lang")) if root else None,
        pages=tuple(pages),
    )


def _text_of(reader: PdfReader, name: str) -> tuple[str, list[int]]:
    pages: list[list[Line]] = []
    length = 0
    ends = time.monotonic() + _TIME_LIMIT
    for page in reader.pages:
        if len(pages) >= _MOST_PAGES or length > _MOST_CHARACTERS:
            most = f"more than {_MOST_PAGES:,} pages or {_MOST_CHARACTERS // 1_000_000} million characters"
            raise cannot_read(name, most, "Split it into several files.")
        if time.monotonic() > ends:
            why = f"it takes more than {_TIME_LIMIT:g} seconds"
            raise cannot_read(name, why, "Split it, or print it to PDF again.")
        pages.append(_lines_of(page))
        length += sum(len(line[0]) for line in pages[-1])
    return _joined(pages)


def _lines_of(page: PageObject) -> list[Line]:
    pieces: list[Line] = []

    def see(text: str, outer: list[float], inner: list[float], _font: Any, size: float) -> None:
        if text:
            height = inner[4] * outer[1] + inner[5] * outer[3] + outer[5]
            pieces.append((text, height, abs(size * inner[3] * outer[3])))

    text = page.extract_text(visitor_text=see)
    lines = _lines(pieces)
    # If the pieces differ from the full text in more than white space, use the text without positions.
    is_whole = "".join(line[0] for line in lines).split() == text.split()
    return lines if is_whole else _lines([(text, 0.0, 0.0)])


def _lines(pieces: list[Line]) -> list[Line]:
    lines: list[Line] = []
    words, height, size, longest = "", 0.0, 0.0, 0
    for text, *place in pieces:
        for part in text.splitlines(keepends=True):
            if len(part.strip()) > longest:  # bullets and note numbers may have another font size
                (height, size), longest = place, len(part.strip())
            words += part
            if part.endswith(("\n", "\r")):
                lines.append((words, height, size))
                words, longest = "", 0
    lines.append((words, height, size))
    return [(words.rstrip() + "\n", height, size) for words, height, size in lines if words.strip()]


def _joined(pages: list[list[Line]]) -> tuple[str, list[int]]:
    """Join the lines, and return the text with its page offsets.

    A blank line is added where the gap is larger than usual or the font size changes. A page break alone does not add a
    blank line, since a sentence may continue on the next page.
    """
    known = {word for lines in pages for line in lines for word in _WORD.findall(line[0])}
    usual = _usual_drop([pair for lines in pages for pair in pairwise(lines)])
    parts: list[str] = []
    offsets: list[int] = []
    length = 0
    before: Line | None = None
    for lines in pages:
        for i, line in enumerate(lines):
            if before is not None and _is_paragraph_break(before, line, usual):
                parts.append("\n")
                length += 1
            elif before is not None and (goes := _break(before[0], line[0], known)):
                parts[-1] = parts[-1][:-goes]
                length -= goes
            if i == 0:
                offsets.append(length)
            parts.append(line[0])
            length += len(line[0])
            before = line
        if not lines:
            offsets.append(length)
    return "".join(parts), offsets


def _break(before: str, line: str, known: set[str]) -> int:
    """Return the number of characters to remove at the end of a line.

    In Chinese, which has no white space inside a sentence, only the line break is removed. Otherwise, the hyphen and
    the line break are removed if the word occurs without the hyphen elsewhere in the document.
    """
    if _CHINESE.match(before[-2:]) and _CHINESE.match(line):
        return 1
    head, tail = _HYPHENATED.search(before), _WORD.match(line)
    return 2 if head and tail and head[1] + tail[0] in known else 0


def _usual_drop(pairs: list[tuple[Line, Line]]) -> float:
    """Estimate the usual distance between two lines in a paragraph, in font sizes."""
    drops = sorted((before[1] - line[1]) / line[2] for before, line in pairs if line[2] > 0)
    within = [drop for drop in drops if _LEAST_DROP <= drop <= _MOST_DROP]
    return within[(len(within) - 1) // 4] if within else _MOST_DROP


def _is_paragraph_break(before: Line, line: Line, usual: float) -> bool:
    is_other_size = abs(line[2] - before[2]) > _SIZE_CHANGE * before[2]
    return is_other_size or before[1] - line[1] > _WIDE_GAP * usual * line[2]


def _title(written: str | None) -> str | None:
    """Return the document title, unless it is the name of the file from which the document was created."""
    title = one_line(written)
    return None if title is None or _PROGRAM.match(title) else title


def _created(reader: PdfReader) -> str | None:
    try:
        return iso_date(reader.metadata.creation_date) if reader.metadata else None
    except ValueError:  # an invalid date
        return None
