"""Read OpenDocument text, which is XML in a zip archive, with lxml."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from ..text.runs import LEFT_OUT, join_runs, lowered, raised
from ..text.tables import MOST_COLUMNS, write_table
from .base import Extract, TextLimit, cannot_read
from .metadata import iso_date, iso_language, one_line
from .packages.zip_file import check_package

_NAMES = "urn:oasis:names:tc:opendocument:xmlns:"
_TEXT, _TABLE, _OFFICE, _STYLE = (f"{{{_NAMES}{part}:1.0}}" for part in ("text", "table", "office", "style"))
_META, _DC = f"{{{_NAMES}meta:1.0}}", "{http://purl.org/dc/elements/1.1/}"
_PARAGRAPHS = (f"{_TEXT}p", f"{_TEXT}h")
_DROPPED = {f"{_TEXT}tracked-changes", f"{_TEXT}note", f"{_OFFICE}annotation", f"{_TEXT}sequence-decls"}
_LINES = ("line-through-style", "line-through-type")
_RAISED, _LOWERED = ("super", "sub")
_MOST_STYLES = 20  # in a chain of styles that are based on each other

_Format = dict[str, bool | str]
"""Properties of a text: "is struck", "is hidden" and "position"."""
_ROW_GROUPS = {f"{_TABLE}{group}" for group in ("table-header-rows", "table-rows", "table-row-group")}


def read_odt(data: bytes, name: str) -> Extract:
    """Read headings, paragraphs, lists and tables in document order, separated by blank lines.

    Footnotes, comments, tracked deletions, and struck and hidden text are omitted.
    """
    if not data.startswith(b"PK"):
        raise cannot_read(name, "it is not an OpenDocument text", "Open it in a word processor and save it as .odt.")
    check_package(BytesIO(data), name)
    with ZipFile(BytesIO(data)) as package:
        names = package.namelist()
        if "content.xml" not in names:
            raise cannot_read(name, "this OpenDocument file has no content", "Save it again as .odt.")
        content = _parsed(package.read("content.xml"))
        styles = _parsed(package.read("styles.xml")) if "styles.xml" in names else None
        body = content.find(f"{_OFFICE}body/{_OFFICE}text")
        meta = _parsed(package.read("meta.xml")) if "meta.xml" in names else None
    if body is None:
        raise cannot_read(name, "this OpenDocument file is not a text", "Save it as .odt.")

    def metadata(tag: str) -> str | None:
        return meta.findtext(f"{_OFFICE}meta/{tag}") if meta is not None else None

    return Extract(
        "\n\n".join(_Reader([styles, content], TextLimit(name, len(data))).blocks(body)),
        title=one_line(metadata(f"{_DC}title")),
        author=one_line(metadata(f"{_META}initial-creator") or metadata(f"{_DC}creator")),
        published=iso_date(metadata(f"{_META}creation-date") or metadata(f"{_DC}date")),
        language=iso_language(metadata(f"{_DC}language")),
    )


def _parsed(data: bytes) -> Any:
    from lxml import etree

    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))


class _Reader:
    """Reads the blocks of a document in the formats of its styles."""

    def __init__(self, documents: Sequence[Any], limit: TextLimit) -> None:
        self._limit = limit
        self._styles = {
            (style.get(f"{_STYLE}family"), style.get(f"{_STYLE}name")): style
            for document in documents
            if document is not None
            for style in document.iter(f"{_STYLE}style")
        }
        self._formats: dict[tuple[str, str | None], _Format] = {}

    def blocks(self, parent: Any) -> Iterator[str]:
        """Yield the paragraphs, lists and tables in an element."""
        for element in parent.iterchildren(tag="*"):
            if element.tag in _DROPPED or _is_hidden(element):
                continue
            if element.tag in _PARAGRAPHS:
                text = self._paragraph(element)
            elif element.tag == f"{_TABLE}table":
                text = self._table(element)
            elif element.tag == f"{_TEXT}list":
                text = "\n".join(f"- {' '.join(' '.join(self.blocks(item)).split())}" for item in element)
            else:
                yield from self.blocks(element)
                continue
            if text.strip():
                yield text

    def _table(self, table: Any) -> str:
        """Return the rows of a table as lines; a cell that extends over several rows is repeated in each."""
        rows: list[list[str]] = []
        headers = 0
        extending: dict[int, tuple[int, str]] = {}  # by column: the number of further rows, and the text
        for row in _rows_of(table):
            cells: list[str] = []
            for cell in row.iterchildren(f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
                text = " ".join(" ".join(self.blocks(cell)).split()) if cell.tag == f"{_TABLE}table-cell" else ""
                left, above = extending.get(len(cells), (0, ""))
                if cell.tag != f"{_TABLE}table-cell" and left:
                    text = above
                    extending[len(cells)] = left - 1, above
                elif (more := _number(cell, "number-rows-spanned")) > 1:
                    extending[len(cells)] = more - 1, text
                cells += [text] * _number(cell, "number-columns-repeated")
                del cells[MOST_COLUMNS:]
            self._limit.add_row(cells)
            if row.get(f"{_TABLE}visibility", "visible") == "visible":
                headers += row.getparent().tag == f"{_TABLE}table-header-rows"
                rows.append(cells)
        return write_table(rows, headers or None)

    def _paragraph(self, element: Any) -> str:
        marks = element.iterchildren(f"{_TEXT}hidden-paragraph")
        form = self._format("paragraph", element.get(f"{_TEXT}style-name"))
        is_hidden = any(mark.get(f"{_TEXT}is-hidden") == "true" for mark in marks)
        return "" if is_hidden else join_runs(self._inline(element, form))

    def _inline(self, element: Any, form: _Format) -> Iterator[str]:
        """Yield the text of a paragraph, in which a run of white space counts as one space, as the format specifies."""
        if form.get("is hidden") or form.get("is struck"):
            yield LEFT_OUT
            return
        shift = {_RAISED: raised, _LOWERED: lowered}.get(str(form.get("position")), str)
        yield shift(_spaced(element.text)) if element.text else ""
        for child in element.iterchildren():
            if child.tag == f"{_TEXT}s":
                yield " " * min(int(child.get(f"{_TEXT}c", "1")), 100)
            elif child.tag in (f"{_TEXT}tab", f"{_TEXT}line-break"):
                yield "\t" if child.tag.endswith("tab") else "\n"
            elif child.tag == f"{_TEXT}ruby-text":
                above = "".join(self._inline(child, form))
                yield f"({above})" if above.strip(LEFT_OUT).strip() else ""
            elif isinstance(child.tag, str) and _is_hidden(child):
                yield LEFT_OUT
            elif isinstance(child.tag, str) and child.tag not in _DROPPED:
                family = "paragraph" if child.tag in _PARAGRAPHS else "text"
                yield from self._inline(child, {**form, **self._format(family, child.get(f"{_TEXT}style-name"))})
            yield shift(_spaced(child.tail)) if child.tail else ""

    def _format(self, family: str, name: str | None) -> _Format:
        """Return the format of a style, with those of the styles that it is based on."""
        if name is None:
            return {}
        if (family, name) not in self._formats:
            chain: list[_Format] = []
            of: str | None = name
            while (family, of) in self._styles and len(chain) < _MOST_STYLES:
                style = self._styles[family, of]
                chain.insert(0, _format_of(style.find(f"{_STYLE}text-properties")))
                of = style.get(f"{_STYLE}parent-style-name")
            self._formats[family, name] = {key: value for each in chain for key, value in each.items()}
        return self._formats[family, name]


def _format_of(properties: Any) -> _Format:
    """Return what the properties of a style say of showing a text."""
    if properties is None:
        return {}
    found: _Format = {}
    lines = [properties.get(f"{_STYLE}text-{name}") for name in _LINES]
    if any(lines):
        found["is struck"] = any(line not in (None, "none") for line in lines)
    if display := properties.get(f"{_TEXT}display"):
        found["is hidden"] = display == "none"
    if position := properties.get(f"{_STYLE}text-position"):
        height = position.split()[0] if position.split() else ""
        is_raised, is_lowered = height == _RAISED, height == _LOWERED or height[:1] == "-"
        is_raised = is_raised or (height[-1:] == "%" and height.strip("0.%") != "" and not is_lowered)
        found["position"] = _RAISED if is_raised else _LOWERED if is_lowered else ""
    return found


def _is_hidden(element: Any) -> bool:
    """Return whether a section, field or list is not shown. A condition was true or false when the file was saved."""
    display, is_hidden = str(element.get(f"{_TEXT}display")), str(element.get(f"{_TEXT}is-hidden"))
    if element.tag == f"{_TEXT}hidden-text":
        return is_hidden != "false"
    return display == "none" or (display == "condition" and is_hidden == "true")


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


def _spaced(text: str | None) -> str:
    return "".join(" " if c in "\r\n\t" else c for c in text or "")
