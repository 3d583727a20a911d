"""Read the main article of a web page, without navigation, with trafilatura."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from ..errors import LoadError
from .base import Extract, cannot_read, silence
from .encoding import decode_page
from .metadata import iso_date, iso_language, one_line

_LINE_BREAK = re.compile(r"(?<![ \t\r])[ \t\r]*\n\s*")  # a match never starts inside a run of blanks


def read_html(data: bytes, name: str) -> Extract:
    """Read the main text: one line for each paragraph, heading or list item, and blank lines between paragraphs."""
    return read_page(decode_page(data, name), name)


def read_page(page: str, name: str) -> Extract:
    """Read a page that is already decoded; see `read_html`."""
    silence("trafilatura", "htmldate", "courlan", "justext", "dateparser", "tzlocal")
    from trafilatura import bare_extraction, load_html

    tree = load_html(page.encode()) if page.strip() else None
    if tree is None:
        raise cannot_read(name, "it is not a web page", "Save the page again as HTML.")
    _unwrap(tree)
    language = iso_language(_first(tree, "/html/@lang | /html/@*[local-name()='lang']"))
    document: Any = bare_extraction(
        tree,
        url=name if name.startswith(("http://", "https://")) else None,
        with_metadata=True,
        include_comments=False,
        include_tables=True,
        # A date in the text may not be the publication date; a wrong date is worse than no date.
        date_extraction_params={"extensive_search": False, "original_date": True},
    )
    text = (document.text if document else "") or ""
    if not text.strip():
        raise LoadError(
            f"Cannot index {name!r}: the page has no text besides navigation and scripts.",
            "If a browser shows its text, save the page there, or print it to PDF.",
        )
    return Extract(
        _separated(text),
        title=one_line(document.title),
        author=one_line(document.author or _first(tree, "//meta[@name='author']/@content")),
        published=iso_date(document.date),
        source=one_line(document.sitename or document.hostname),
        language=language,
    )


def _unwrap(tree: Any) -> None:
    """Replace line breaks in the source with spaces, as browsers do, except in preformatted text."""
    for element in tree.xpath("//*[not(ancestor-or-self::pre)]"):
        if element.text and "\n" in element.text:
            element.text = _LINE_BREAK.sub(" ", element.text)
    for element in tree.xpath("//*[not(ancestor::pre)]"):
        if element.tail and "\n" in element.tail:
            element.tail = _LINE_BREAK.sub(" ", element.tail)


def _separated(text: str) -> str:
    """Separate blocks with blank lines: the library separates them with one line break, which is ambiguous in prose.

    List items and table rows stay together.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    parts = lines[:1]
    for before, line in pairwise(lines):
        parts += ["\n" if line[0] in "-|" and before[0] == line[0] else "\n\n", line]
    return "".join(parts)


def _first(tree: Any, path: str) -> str | None:
    return next(iter(tree.xpath(path)), None)
