"""Web pages: the article on the page, without its navigation, by trafilatura."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from ..errors import LoadError
from .base import Extract, hush
from .encoding import decode_page
from .metadata import iso_date, iso_language, one_line

_LINE_BREAK = re.compile(r"(?<![ \t\r])[ \t\r]*\n\s*")  # no run of blanks is begun in its middle


def read_html(data: bytes, name: str) -> Extract:
    """The main text of a page, a paragraph, heading or list item to a line, with a blank line between paragraphs."""
    return read_page(decode_page(data, name), name)


def read_page(page: str, name: str) -> Extract:
    """As `read_html`, of a page that is text already."""
    hush("trafilatura", "htmldate", "courlan", "justext", "dateparser", "tzlocal")
    from trafilatura import bare_extraction, load_html

    tree = load_html(page.encode()) if page.strip() else None
    if tree is None:
        raise LoadError(f"{name!r} holds no web page", "Save the page again, as HTML.")
    _unwrap(tree)
    language = iso_language(_first(tree, "/html/@lang | /html/@*[local-name()='lang']"))
    document: Any = bare_extraction(
        tree,
        url=name if name.startswith(("http://", "https://")) else None,
        with_metadata=True,
        include_comments=False,
        include_tables=True,
        # A date that stands in the text alone may be that of anything; a wrong one is worse than none.
        date_extraction_params={"extensive_search": False, "original_date": True},
    )
    text = (document.text if document else "") or ""
    if not text.strip():
        raise LoadError(
            f"{name!r} has no article in it: no text beside navigation and scripts",
            "If a browser shows its text, save the page from there, or print it to PDF.",
        )
    return Extract(
        _parted(text),
        title=one_line(document.title),
        author=one_line(document.author or _first(tree, "//meta[@name='author']/@content")),
        published=iso_date(document.date),
        source=one_line(document.sitename or document.hostname),
        language=language,
    )


def _unwrap(tree: Any) -> None:
    """Put a space for each line break in the page's source, as browsers do; what is set as it was typed keeps them."""
    for element in tree.xpath("//*[not(ancestor-or-self::pre)]"):
        if element.text and "\n" in element.text:
            element.text = _LINE_BREAK.sub(" ", element.text)
    for element in tree.xpath("//*[not(ancestor::pre)]"):
        if element.tail and "\n" in element.tail:
            element.tail = _LINE_BREAK.sub(" ", element.tail)


def _parted(text: str) -> str:
    """Blocks parted by blank lines: the library puts one line break between them, which in prose means nothing.

    The items of a list, and the rows of a table, stay together.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    parts = lines[:1]
    for before, line in pairwise(lines):
        parts += ["\n" if line[0] in "-|" and before[0] == line[0] else "\n\n", line]
    return "".join(parts)


def _first(tree: Any, path: str) -> str | None:
    return next(iter(tree.xpath(path)), None)
