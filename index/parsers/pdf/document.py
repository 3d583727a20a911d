"""Read a PDF document: join the lines of its pages into one text with page offsets, and find its metadata."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from itertools import groupby, pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING

from ...errors import LoadError
from ...models import SkippedPage, Span
from ..base import Extract, cannot_read, silence
from ..metadata import first_line, iso_date, iso_language
from .columns import Line, in_reading_order
from .content import PageReader
from .hyphens import SOFT_HYPHEN, HyphenRules
from .running_heads import RunningHeads, find_running_heads
from .titles import largest_lines, metadata_author, metadata_title

if TYPE_CHECKING:
    from pypdf import PdfReader

OCR_HINT = "Run text recognition first, for example: ocrmypdf in.pdf out.pdf"
"""The hint for a document without any text."""
_MOST_PAGES = 5_000
_MOST_CHARACTERS = 50_000_000
_WIDE_GAP = 1.3  # multiple of the usual line distance; a larger distance marks a new paragraph
_LEAST_DROP, _MOST_DROP = 0.8, 3.0  # range of line distances within a paragraph, in font sizes
_SIZE_CHANGE = 0.15  # relative change in font size that marks a heading or a caption
_FEWEST_SPACED_LETTERS = 4  # minimum number of single letters in a line that is spaced out
_LIGATURES = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}  # U+FB00 to U+FB06
)
_WIDE_SPACE = re.compile(r"\s{2,}")
_SENTENCE_END = re.compile(r"[.!?:;…。！？：；][\"'”’»)\]]*\n\Z")


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
    pages, skipped = _read_pages(reader, PageReader(name, len(data)), name)
    if not any(pages):
        reasons = [f"{len(list(group))} page(s): {reason}" for reason, group in _by_reason(skipped)]
        raise LoadError(
            f"Cannot index {name!r}: its {len(pages)} page(s) contain no text ({'; '.join(reasons) or 'no pages'}).",
            OCR_HINT,
        )
    metadata, root = reader.metadata, reader.trailer.get("/Root")
    language = iso_language(root.get_object().get("/Lang")) if root else None
    heads = find_running_heads(pages)
    text, offsets, boilerplate = _join(pages, heads, language)
    return Extract(
        text,
        title=(metadata_title(metadata.title, PurePath(name).stem) if metadata else None)
        or _title(pages, heads, text, boilerplate),
        author=metadata_author(metadata.author) if metadata else None,
        published=_created(reader),
        language=language,
        pages=tuple(offsets),
        skipped_pages=tuple(skipped),
        boilerplate=tuple(boilerplate),
    )


def _read_pages(reader: PdfReader, page_reader: PageReader, name: str) -> tuple[list[list[Line]], list[SkippedPage]]:
    """Return the lines of each page, none for a skipped page; and the skipped pages."""
    pages: list[list[Line]] = []
    skipped: list[SkippedPage] = []
    length = 0
    for page in reader.pages:
        if len(pages) >= _MOST_PAGES or length > _MOST_CHARACTERS:
            most = f"more than {_MOST_PAGES:,} pages or {_MOST_CHARACTERS // 1_000_000} million characters"
            raise cannot_read(name, most, "Split it into several files.")
        found = page_reader.read(page, len(pages) + 1)
        if isinstance(found, SkippedPage):
            skipped.append(found)
            pages.append([])
        else:
            pages.append([replace(line, text=_plain(line.text)) for line in in_reading_order(found)])
            length += sum(len(line.text) for line in pages[-1])
    return pages, skipped


def _by_reason(skipped: Sequence[SkippedPage]) -> groupby[str, SkippedPage]:
    return groupby(sorted(skipped, key=lambda page: page.reason), key=lambda page: page.reason)


def _plain(line: str) -> str:
    """Replace ligatures with their letters, remove soft hyphens inside a line, and join letters that are spaced out."""
    line = line.translate(_LIGATURES)
    if SOFT_HYPHEN in line:
        line = line[:-2].replace(SOFT_HYPHEN, "") + line[-2:]
    words = _WIDE_SPACE.split(line.strip())
    letters = [letter for word in words for letter in word.split(" ")]
    if len(words) > 1 and len(letters) >= _FEWEST_SPACED_LETTERS and all(len(letter) == 1 for letter in letters):
        return " ".join(word.replace(" ", "") for word in words) + "\n"
    return line


class _Text:
    """The text of a document while its lines are joined."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0
        self.boilerplate: list[Span] = []

    def add(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)

    def remove(self, characters: int) -> None:
        """Remove characters from the end of the last part."""
        self.parts[-1] = self.parts[-1][: len(self.parts[-1]) - characters]
        self.length -= characters

    def mark(self, heads: list[str]) -> None:
        """Add the running heads as a paragraph of boilerplate, and remove them from the list."""
        if not heads:
            return
        self.add("\n" if self.parts else "")
        start = self.length
        for head in heads:
            self.add(head)
        self.boilerplate.append(Span(start, self.length - 1))
        heads.clear()


def _join(
    pages: Sequence[Sequence[Line]], heads: Sequence[RunningHeads], language: str | None
) -> tuple[str, list[int], list[Span]]:
    """Join the lines, and return the text with its page offsets and its boilerplate.

    A blank line is added where the gap is larger than usual or the font size changes. A page break alone does not add a
    blank line, since a sentence may continue on the next page: running heads between its parts follow the paragraph.
    """
    bodies = [
        [line for i, line in enumerate(lines) if i not in own.all] for lines, own in zip(pages, heads, strict=True)
    ]
    rules = HyphenRules((line.text for lines in bodies for line in lines), language)
    usual = _usual_drop([pair for lines in bodies for pair in pairwise(lines)])
    text = _Text()
    offsets: list[int] = []
    waiting: list[str] = []
    before: Line | None = None
    for lines, body, own in zip(pages, bodies, heads, strict=True):
        waiting += [lines[i].text for i in sorted(own.heads)]
        if not body:
            offsets.append(text.length)
        for i, line in enumerate(body):
            ends = before is None or bool(_SENTENCE_END.search(before.text))
            if waiting and ((i == 0 and ends) or (before is not None and _is_paragraph_break(before, line, usual))):
                text.mark(waiting)
                text.add("\n")
            elif before is not None and _is_paragraph_break(before, line, usual, ends=ends and i > 0):
                text.add("\n")
            elif before is not None and (removed := rules.removed(before.text, line.text)):
                text.remove(removed)
            if i == 0:
                offsets.append(text.length if offsets else 0)
            text.add(line.text)
            before = line
        waiting += [lines[i].text for i in sorted(own.feet)]
    text.mark(waiting)
    return "".join(text.parts), offsets, text.boilerplate


def _usual_drop(pairs: list[tuple[Line, Line]]) -> float:
    """Estimate the usual distance between two lines in a paragraph, in font sizes."""
    drops = sorted((before.height - line.height) / line.size for before, line in pairs if line.size > 0)
    within = [drop for drop in drops if _LEAST_DROP <= drop <= _MOST_DROP]
    return within[(len(within) - 1) // 4] if within else _MOST_DROP


def _is_paragraph_break(before: Line, line: Line, usual: float, *, ends: bool = False) -> bool:
    """Return whether a paragraph ends between the lines; `ends` says that a sentence ends there, on the same page."""
    if before.is_row or line.is_row:
        return before.is_row != line.is_row
    is_other_size = abs(line.size - before.size) > _SIZE_CHANGE * before.size
    is_other_column = ends and before.is_placed and line.is_placed and line.height > before.height + 2 * line.size
    return is_other_size or is_other_column or before.height - line.height > _WIDE_GAP * usual * line.size


def _title(
    pages: Sequence[Sequence[Line]], heads: Sequence[RunningHeads], text: str, boilerplate: Sequence[Span]
) -> str | None:
    """Return the largest first lines of the first page with text, else the first line that is not a running head."""
    at = next(i for i, lines in enumerate(pages) if lines)
    largest = largest_lines([line for i, line in enumerate(pages[at]) if i not in heads[at].all]) if at == 0 else None
    opens_with_heads = bool(boilerplate) and not text[: boilerplate[0].start].strip()
    return largest or (first_line(text[boilerplate[0].end :]) if opens_with_heads else None)


def _created(reader: PdfReader) -> str | None:
    try:
        return iso_date(reader.metadata.creation_date) if reader.metadata else None
    except ValueError:  # an invalid date
        return None
