"""Read the main article of a web page, without navigation, with trafilatura."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from ..errors import LoadError
from ..text.tables import BETWEEN_CELLS
from .base import Extract, TextLimit, cannot_read, silence
from .encoding import decode_page
from .metadata import iso_date, iso_language, one_line
from .packages.markup import blocks_of, joined
from .pages.dates import date_of, keep_times
from .pages.definitions import name_definitions
from .pages.shown import show
from .pages.tables import LONGEST_CELL, lines_of
from .pages.tags import require_few_attributes

_CHALLENGE = re.compile(
    r"just a moment|attention required|access denied|please verify you are|verify(?:ing)? you are human|are you a robot"
    r"|robot check|checking your browser|before you continue|security check|human verification|pardon our interruption"
    r"|one more step|captcha|cookie consent|we value your privacy",
    re.IGNORECASE,
)
_LONGEST_METADATA = 30_000  # characters; the library's patterns for authors take quadratic time
_LONGEST_CHALLENGE = 3_000  # characters with scripts; an article with such a title is longer
_MOST_ELEMENTS = 30_000  # of a page, for which the library takes quadratic time
_MOST_LINKED = 0.8  # maximum share of links in the text of a table
_ARRANGES = "boolean(.//h1 | .//h2 | .//h3 | .//form | .//article | .//section)"
_RULE = re.compile(r"\|[-|: ]*")
_LINE_BREAK = re.compile(r"(?<![ \t\r])[ \t\r]*\n\s*")  # a match never starts inside a run of blanks


def read_html(data: bytes, name: str) -> Extract:
    """Read the main text: one line for each paragraph, heading or list item, and blank lines between paragraphs."""
    return read_page(decode_page(data, name), name)


def read_page(page: str, name: str) -> Extract:
    """Read a page that is already decoded; see `read_html`. Of a page with too many elements, all text is read."""
    silence("trafilatura", "htmldate", "courlan", "justext", "dateparser", "tzlocal")
    from trafilatura import bare_extraction, load_html

    encoded = page.encode()
    require_few_attributes(encoded, name)
    tree = load_html(encoded) if page.strip() else None
    if tree is None:
        raise cannot_read(name, "it is not a web page", "Save the page again as HTML.")
    _require_article(tree, name)
    language = iso_language(_first(tree, "/html/@lang | /html/@*[local-name()='lang']"))
    if sum(1 for _ in tree.iter("*")) > _MOST_ELEMENTS:
        text = joined(blocks_of(encoded, name))
        return Extract(text, title=one_line(_first(tree, "//title/text()")), language=language)
    show(tree)
    _keep(tree)
    dated = keep_times(tree)
    _unwrap(tree)
    name_definitions(tree)
    _write_tables(tree, TextLimit(name, len(page)))
    document: Any = bare_extraction(
        tree,
        url=name if name.startswith(("http://", "https://")) else None,
        with_metadata=True,
        include_comments=False,
        include_tables=True,
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
        title=_title(tree, document),
        author=one_line(document.author or _first(tree, "//meta[@name='author']/@content")),
        published=iso_date(date_of(dated, document.url)),
        source=one_line(document.sitename or document.hostname),
        language=language,
    )


def _require_article(tree: Any, name: str) -> None:
    """Raise `LoadError` for a page that a server sends in place of an article, to check for robots or for consent."""
    title = " ".join(str(_first(tree, "//title/text()") or "").split())
    if _CHALLENGE.match(title) and len("".join(tree.itertext())) < _LONGEST_CHALLENGE:
        raise LoadError(
            f"Cannot index {name!r}: the page {title!r} is a check for robots or for consent, not an article.",
            "Open the article in a browser and save it there, or print it to PDF.",
        )


def _keep(tree: Any) -> None:
    """Write what the library loses so that it keeps it: text directly in `<details>`. Removes long metadata."""
    for script in tree.xpath("//script[contains(@type, 'json')]"):
        if len(script.text or "") > _LONGEST_METADATA:
            script.drop_tree()
    for summary in tree.iter("summary"):
        summary.tag = "p"
        if summary.tail and summary.tail.strip():
            paragraph = summary.makeelement("p")
            paragraph.text, summary.tail = summary.tail, None
            summary.addnext(paragraph)


def _write_tables(tree: Any, limit: TextLimit) -> None:
    """Replace each table with one of a single column, whose lines are rows with the names of their columns.

    A caption becomes a paragraph. Tables of links, and those that arrange a page, are left to the library. Raises
    `LoadError` if the tables exceed a limit.
    """
    for table in tree.xpath("//table[not(.//table)]"):
        text = " ".join(table.text_content().split())
        linked = sum(len(link.text_content()) for link in table.iter("a"))
        if not text or linked > _MOST_LINKED * len(text) or table.xpath(_ARRANGES):
            continue
        if any(len(cell.text_content()) > LONGEST_CELL for cell in table.iter("td", "th")):
            continue
        for caption in table.findall("caption"):
            paragraph = table.makeelement("p")
            paragraph.text = " ".join(caption.text_content().split())
            table.addprevious(paragraph)
        lines = lines_of(table, limit)
        for child in list(table):
            table.remove(child)
        for line in filter(None, lines):
            cell = table.makeelement("td")
            cell.text = line
            row = table.makeelement("tr")
            row.append(cell)
            table.append(row)


def _title(tree: Any, document: Any) -> str | None:
    """Return the title of the article: its first heading if the page's title is that of the site."""
    title, site = one_line(document.title), one_line(document.sitename)
    heading = _first(tree, "//h1")
    if heading is not None and (title is None or title == site):
        return one_line(heading.text_content()) or title
    return title


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

    List items and rows of tables stay together.
    """
    lines = [_row(line.strip()) for line in text.splitlines() if line.strip() and not _RULE.fullmatch(line.strip())]
    parts = lines[:1]
    for before, line in pairwise(lines):
        is_row = BETWEEN_CELLS in line and BETWEEN_CELLS in before
        parts += ["\n" if is_row or line[0] == before[0] == "-" else "\n\n", line]
    return "".join(parts)


def _row(line: str) -> str:
    """Return a line without the marks that the library writes around the cells of a table."""
    return line.strip("| ").replace("\\|", "|") or line if line[0] == "|" else line


def _first(tree: Any, path: str) -> Any:
    return next(iter(tree.xpath(path)), None)
