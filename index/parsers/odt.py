"""Read OpenDocument text, which is XML in a zip archive, with lxml."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from ..text.tables import MOST_COLUMNS, write_table
from .base import Extract, TextLimit, cannot_read
from .metadata import iso_date, iso_language, one_line
from .packages.zip_file import check_package

_NAMES = "urn:oasis:names:tc:opendocument:xmlns:"
_TEXT, _TABLE, _OFFICE = (f"{{{_NAMES}{part}:1.0}}" for part in ("text", "table", "office"))
_META, _DC = f"{{{_NAMES}meta:1.0}}", "{http://purl.org/dc/elements/1.1/}"
_PARAGRAPHS = (f"{_TEXT}p", f"{_TEXT}h")
_LEFT_OUT = {f"{_TEXT}tracked-changes", f"{_TEXT}note", f"{_OFFICE}annotation", f"{_TEXT}sequence-decls"}

_ROW_GROUPS = {f"{_TABLE}{group}" for group in ("table-header-rows", "table-rows", "table-row-group")}


def read_odt(data: bytes, name: str) -> Extract:
    """Read headings, paragraphs, lists and tables in document order, separated by blank lines.

    Footnotes, comments and tracked deletions are omitted.
    """
    if not data.startswith(b"PK"):
        raise cannot_read(name, "it is not an OpenDocument text", "Open it in a word processor and save it as .odt.")
    check_package(BytesIO(data), name)
    with ZipFile(BytesIO(data)) as package:
        names = package.namelist()
        if "content.xml" not in names:
            raise cannot_read(name, "this OpenDocument file has no content", "Save it again as .odt.")
        body = _parsed(package.read("content.xml")).find(f"{_OFFICE}body/{_OFFICE}text")
        meta = _parsed(package.read("meta.xml")) if "meta.xml" in names else None
    if body is None:
        raise cannot_read(name, "this OpenDocument file is not a text", "Save it as .odt.")

    def metadata(tag: str) -> str | None:
        return meta.findtext(f"{_OFFICE}meta/{tag}") if meta is not None else None

    return Extract(
        "\n\n".join(_blocks(body, TextLimit(name, len(data)))),
        title=one_line(metadata(f"{_DC}title")),
        author=one_line(metadata(f"{_META}initial-creator") or metadata(f"{_DC}creator")),
        published=iso_date(metadata(f"{_META}creation-date") or metadata(f"{_DC}date")),
        language=iso_language(metadata(f"{_DC}language")),
    )


def _parsed(data: bytes) -> Any:
    from lxml import etree

    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))


def _blocks(parent: Any, limit: TextLimit) -> Iterator[str]:
    for element in parent.iterchildren(tag="*"):
        if element.tag in _LEFT_OUT:
            continue
        if element.tag in _PARAGRAPHS:
            text = _inline(element)
        elif element.tag == f"{_TABLE}table":
            text = _table(element, limit)
        elif element.tag == f"{_TEXT}list":
            text = "\n".join(f"- {' '.join(' '.join(_blocks(item, limit)).split())}" for item in element)
        else:
            yield from _blocks(element, limit)
            continue
        if text.strip():
            yield text


def _table(table: Any, limit: TextLimit) -> str:
    """Return the rows of a table as lines; a cell that extends over several rows is repeated in each."""
    rows: list[list[str]] = []
    headers = 0
    extending: dict[int, tuple[int, str]] = {}  # by column: the number of further rows, and the text
    for row in _rows_of(table):
        cells: list[str] = []
        for cell in row.iterchildren(f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
            text = " ".join(" ".join(_blocks(cell, limit)).split()) if cell.tag == f"{_TABLE}table-cell" else ""
            left, above = extending.get(len(cells), (0, ""))
            if cell.tag != f"{_TABLE}table-cell" and left:
                text = above
                extending[len(cells)] = left - 1, above
            elif (more := _number(cell, "number-rows-spanned")) > 1:
                extending[len(cells)] = more - 1, text
            cells += [text] * _number(cell, "number-columns-repeated")
            del cells[MOST_COLUMNS:]
        headers += row.getparent().tag == f"{_TABLE}table-header-rows"
        limit.add_row(cells)
        rows.append(cells)
    return write_table(rows, headers or None)


def _number(cell: Any, attribute: str) -> int:
    written = cell.get(f"{_TABLE}{attribute}", "1")
    return max(1, min(int(written), MOST_COLUMNS)) if written.isdecimal() else 1


def _rows_of(table: Any) -> Iterator[Any]:
    """Yield the rows of a table, but not those of tables in its cells, which would be read again at each level."""
    for child in table.iterchildren(tag="*"):
        if child.tag == f"{_TABLE}table-row":
            yield child
        elif child.tag in _ROW_GROUPS:
            yield from _rows_of(child)


def _inline(element: Any) -> str:
    """Return the text of a paragraph, in which a run of white space counts as one space, as the format specifies."""
    parts = [_spaced(element.text)]
    for child in element.iterchildren():
        if child.tag == f"{_TEXT}s":
            parts.append(" " * min(int(child.get(f"{_TEXT}c", "1")), 100))
        elif child.tag in (f"{_TEXT}tab", f"{_TEXT}line-break"):
            parts.append("\t" if child.tag.endswith("tab") else "\n")
        elif isinstance(child.tag, str) and child.tag not in _LEFT_OUT:
            parts.append(_inline(child))
        parts.append(_spaced(child.tail))
    return "".join(parts)


def _spaced(text: str | None) -> str:
    return "".join(" " if c in "\r\n\t" else c for c in text or "")
