"""Read Word documents with python-docx."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from ..text.tables import MOST_COLUMNS, write_table
from .base import Extract, TextLimit, cannot_read
from .metadata import iso_date, iso_language, one_line
from .packages.zip_file import check_package

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_WHITE = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
_WRAPPERS = {f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins", f"{_W}moveTo", f"{_W}customXml"}
_LEFT_OUT = {f"{_W}del", f"{_W}moveFrom", f"{_W}pict", f"{_W}drawing", f"{_W}pPr", f"{_W}rPr"}


def read_docx(data: bytes, name: str) -> Extract:
    """Read headings, paragraphs and tables in document order, separated by blank lines.

    Tracked insertions are included; tracked deletions, headers, footers, footnotes, comments and text boxes are not.
    """
    from docx import Document

    if not data.startswith(b"PK"):
        raise cannot_read(name, "it is not a .docx document", "Open it in Word and save it as .docx.")
    check_package(BytesIO(data), name)
    document = Document(BytesIO(data))
    metadata = document.core_properties
    is_from_template = (
        metadata.author == "python-docx"
    )  # which leaves its own author and date of 2013 in the properties
    return Extract(
        "\n\n".join(_blocks(document.element.body, TextLimit(name, len(data)))),
        title=one_line(metadata.title),
        author=None if is_from_template else one_line(metadata.author),
        published=None if is_from_template else iso_date(metadata.created),
        language=iso_language(metadata.language),
    )


def _blocks(parent: Any, limit: TextLimit) -> Iterator[str]:
    for element in parent.iterchildren():
        if element.tag == f"{_W}p":
            text = _inline(element)
        elif element.tag == f"{_W}tbl":
            text = _table(element, limit)
        elif element.tag in _WRAPPERS:
            yield from _blocks(element, limit)
            continue
        else:
            continue
        if text.strip():
            yield text


def _table(table: Any, limit: TextLimit) -> str:
    """Return the rows of a table as lines; merged cells are repeated in each row, and count once in a row."""
    rows: list[list[str]] = []
    headers = 0
    for row in _parts(table, f"{_W}tr"):
        cells: list[str] = []
        is_header = row.find(f"{_W}trPr/{_W}tblHeader") is not None
        for cell in _parts(row, f"{_W}tc"):
            text = " ".join(" ".join(_blocks(cell, limit)).split())
            merged, span = cell.find(f"{_W}tcPr/{_W}vMerge"), cell.find(f"{_W}tcPr/{_W}gridSpan")
            if merged is not None and merged.get(f"{_W}val") != "restart" and rows and len(cells) < len(rows[-1]):
                text = rows[-1][len(cells)]
            cells += [text, *[text if is_header else ""] * (_number(span) - 1)]
            if len(cells) >= MOST_COLUMNS:
                break
        headers += is_header and headers == len(rows)
        limit.add_row(cells)
        rows.append(cells)
    return write_table(rows, headers or None)


def _number(span: Any) -> int:
    """Return the number of columns of a cell."""
    written = span.get(f"{_W}val", "") if span is not None else ""
    return min(int(written), MOST_COLUMNS) if written.isdecimal() and int(written) else 1


def _parts(element: Any, tag: str) -> Iterator[Any]:
    """Yield the rows of a table, or the cells of a row, but not those of tables in its cells."""
    for child in element.iterchildren():
        if child.tag == tag:
            yield child
        elif child.tag in _WRAPPERS:
            yield from _parts(child, tag)


def _inline(element: Any) -> str:
    """Return the text of a paragraph, including links, fields and tracked insertions."""
    parts: list[str] = []
    for child in element.iterchildren():
        if child.tag == f"{_W}t":
            parts.append(child.text or "")
        elif child.tag in _WHITE:
            parts.append(_WHITE[child.tag])
        elif isinstance(child.tag, str) and child.tag not in _LEFT_OUT and "AlternateContent" not in child.tag:
            parts.append(_inline(child))
    return "".join(parts)
