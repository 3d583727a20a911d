"""Parsers for the supported formats; each imports its library when it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..errors import LoadError
from .archive import CONTAINERS
from .base import Extract, cannot_read, printable, translate_errors
from .docx import read_docx
from .email import read_eml
from .html import read_html
from .odt import read_odt
from .pdf import read_pdf
from .rtf import read_rtf
from .text import read_markdown, read_text

__all__ = ["CONTAINERS", "FORMATS", "Extract", "Format", "extract", "require_size"]

_MB = 1_000_000
_LARGEST_CONTAINER = 4_000 * _MB  # read member by member, after a scan of the whole mailbox


@dataclass(frozen=True, slots=True)
class Format:
    """A file format and its parser. `largest` is in bytes: far beyond any article, but small enough to read whole."""

    kind: str
    read: Callable[[bytes, str], Extract]
    largest: int = 50 * _MB
    is_text: bool = False  # the text of the file is the article, unchanged


FORMATS: dict[str, Format] = {
    ".txt": Format("text", read_text, is_text=True),
    ".md": Format("Markdown", read_markdown, is_text=True),
    ".markdown": Format("Markdown", read_markdown, is_text=True),
    ".html": Format("a web page", read_html, largest=10 * _MB),
    ".htm": Format("a web page", read_html, largest=10 * _MB),
    ".pdf": Format("PDF", read_pdf, largest=200 * _MB),
    ".docx": Format("a Word document", read_docx, largest=200 * _MB),
    ".odt": Format("an OpenDocument text", read_odt, largest=200 * _MB),
    ".rtf": Format("rich text", read_rtf, largest=20 * _MB),
    ".eml": Format("a message", read_eml),
}


def extract(data: bytes, suffix: str, name: str) -> Extract:
    """Parse a document of the format that its suffix names.

    Raises `LoadError` if the format is unknown, or the document is too large, damaged or without text.
    """
    form = FORMATS.get(suffix)
    if form is None:
        hint = f"Supported formats: {', '.join(sorted([*FORMATS, *CONTAINERS]))}."
        raise cannot_read(name, f"unsupported format {suffix or 'without a file extension'}", hint)
    if not data.strip():
        raise LoadError(f"Cannot index {name!r}: it is empty.", "Nothing was indexed from it.")
    require_size(len(data), suffix, name)
    with translate_errors(name, form.kind):
        found = form.read(data, name)
    if not found.text.strip():
        raise LoadError(f"Cannot index {name!r}: it is empty.", "Nothing was indexed from it.")
    return found if form.is_text else replace(found, text=printable(found.text))


def require_size(size: int, suffix: str, name: str) -> None:
    """Raise `LoadError` if a document is too large for its format."""
    largest = _LARGEST_CONTAINER if suffix in CONTAINERS else FORMATS[suffix].largest if suffix in FORMATS else size
    if size > largest:
        raise cannot_read(name, f"larger than {largest // _MB:,} MB", "Split it into articles, one file each.")
