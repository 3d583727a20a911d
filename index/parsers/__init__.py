"""Parsers for the supported formats. Each parser imports its library when called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..errors import LoadError
from .archive import CONTAINERS
from .base import Extract, TextLimit, cannot_read, printable, translate_errors
from .docx import read_docx
from .email import read_eml
from .html import read_html
from .metadata import has_words, is_visible
from .odt import read_odt
from .packages.pptx import read_pptx
from .pdf import NO_TEXT, OCR_HINT, read_pdf
from .rtf import read_rtf
from .spreadsheet import read_csv, read_xlsx
from .text import read_markdown, read_text

__all__ = [
    "CONTAINERS",
    "FORMATS",
    "NO_TEXT",
    "OCR_HINT",
    "Extract",
    "Format",
    "checked",
    "extract",
    "has_words",
    "is_visible",
    "printed",
    "require_size",
]

_MB = 1_000_000
_LARGEST_CONTAINER = 4_000 * _MB  # bytes; members are read one at a time, after a scan of the whole mailbox


@dataclass(frozen=True, slots=True)
class Format:
    """A file format and its parser.

    `largest` is the maximum file size in bytes: far larger than any article, but small enough to read the file into
    memory.
    """

    kind: str
    read: Callable[[bytes, str], Extract]
    largest: int = 50 * _MB
    is_text: bool = False  # the article is the unchanged text of the file


FORMATS: dict[str, Format] = {
    ".txt": Format("text", read_text, is_text=True),
    ".md": Format("Markdown", read_markdown, is_text=True),
    ".markdown": Format("Markdown", read_markdown, is_text=True),
    ".html": Format("a web page", read_html, largest=10 * _MB),
    ".htm": Format("a web page", read_html, largest=10 * _MB),
    ".pdf": Format("PDF", read_pdf, largest=200 * _MB),
    ".docx": Format("a Word document", read_docx, largest=200 * _MB),
    ".pptx": Format("a presentation", read_pptx, largest=200 * _MB),
    ".odt": Format("an OpenDocument text", read_odt, largest=200 * _MB),
    ".rtf": Format("rich text", read_rtf, largest=20 * _MB),
    ".csv": Format("a table", read_csv),
    ".tsv": Format("a table", read_csv),
    ".xlsx": Format("an Excel workbook", read_xlsx),
    ".eml": Format("a message", read_eml),
}


def extract(data: bytes, suffix: str, name: str) -> Extract:
    """Parse a document in the format given by its suffix.

    Raises `LoadError` if the format is unknown, or if the document is too large, is damaged or has no text.
    """
    form = FORMATS.get(suffix)
    if form is None:
        hint = f"Supported formats: {', '.join(sorted([*FORMATS, *CONTAINERS]))}."
        raise cannot_read(name, f"unsupported format {suffix}" if suffix else "it has no file extension", hint)
    if not data.strip():
        raise LoadError(f"Cannot index {name!r}: it is empty.", "Nothing was indexed from it.")
    require_size(len(data), suffix, name)
    with translate_errors(name, form.kind):
        found = form.read(data, name)
    if form.is_text:
        return checked(found, name)
    TextLimit(name, len(data)).require(len(found.text))
    return printed(checked(found, name))


def checked(found: Extract, name: str) -> Extract:
    """Return a parsed document. Raises `LoadError` if it has no text."""
    if not found.text.strip():
        raise LoadError(f"Cannot index {name!r}: it is empty.", "Nothing was indexed from it.")
    if not has_words(found.text):
        raise LoadError(f"Cannot index {name!r}: it contains no letters or digits.", "Nothing was indexed from it.")
    return found


def printed(found: Extract) -> Extract:
    """Return a parsed document without control characters."""
    return replace(found, text=printable(found.text))


def require_size(size: int, suffix: str, name: str) -> None:
    """Raise `LoadError` if a document is too large for its format."""
    largest = _LARGEST_CONTAINER if suffix in CONTAINERS else FORMATS[suffix].largest if suffix in FORMATS else size
    if size > largest:
        raise cannot_read(name, f"larger than {largest // _MB:,} MB", "Split it into articles, one file each.")
