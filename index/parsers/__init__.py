"""The formats that are read: one small reader each. A library is imported when its format is met, never before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ..errors import LoadError
from .base import Extract, printable, refusing
from .container import CONTAINERS
from .docx import read_docx
from .email import read_eml
from .html import read_html
from .odt import read_odt
from .pdf import read_pdf
from .rtf import read_rtf
from .text import read_markdown, read_text

__all__ = ["CONTAINERS", "FORMATS", "Extract", "Format", "extract", "require_size"]

_MB = 1_000_000
_LARGEST_CONTAINER = 4_000 * _MB  # it is read part by part; all of a mailbox is looked through to begin with


@dataclass(frozen=True, slots=True)
class Format:
    """How a kind of file is read. `largest` is in bytes: far beyond any article, small enough to be read whole."""

    kind: str
    read: Callable[[bytes, str], Extract]
    largest: int = 50 * _MB
    is_text: bool = False  # the file's characters are the article's, as they are


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
    """What is in a document of the format that its suffix names.

    Raises `LoadError` when the format is unknown, or the document too large, damaged or without text.
    """
    form = FORMATS.get(suffix)
    if form is None:
        raise LoadError(
            f"{name!r} has a format that is not read: {suffix or 'no extension'}",
            f"Formats: {', '.join(sorted([*FORMATS, *CONTAINERS]))}.",
        )
    if not data.strip():
        raise LoadError(f"{name!r} is empty", "Nothing was indexed from it.")
    require_size(len(data), suffix, name)
    with refusing(name, form.kind):
        found = form.read(data, name)
    if not found.text.strip():
        raise LoadError(f"{name!r} is empty", "Nothing was indexed from it.")
    return found if form.is_text else replace(found, text=printable(found.text))


def require_size(size: int, suffix: str, name: str) -> None:
    """Raise `LoadError` where a document is larger than is read of its format."""
    largest = _LARGEST_CONTAINER if suffix in CONTAINERS else FORMATS[suffix].largest if suffix in FORMATS else size
    if size > largest:
        raise LoadError(f"{name!r} is larger than {largest // _MB:,} MB", "Split it into articles, one file each.")
