"""Read all text of XHTML or HTML: a chapter of a book, or an entry of a feed. Nothing is navigation here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.entities import html5
from itertools import islice
from typing import Any

from ...text.runs import LOWERED, RAISED

_LEFT_OUT = {"head", "script", "style", "template", "svg", "audio", "video", "object", "iframe", "noscript"}
_BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt"),
    *("figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li"),
    *("main", "nav", "ol", "p", "pre", "section", "summary", "table", "ul"),
}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,31});")
_OF_XML = {b"amp", b"lt", b"gt", b"quot", b"apos"}
_SHIFTED = {"sup": RAISED, "sub": LOWERED}
_DIGITS = re.compile("[0-9+\u2212-]{1,20}")
_MOST_INSIDE = 10  # elements in a raised or lowered number, or in the mark of a note, with itself
_TYPE = "{http://www.idpf.org/2007/ops}type"
_BREAK = "\u2028"  # a line break that remains when white space is collapsed


@dataclass(slots=True)
class Block:
    """A paragraph, heading, list item or table; `ids` are those of the elements that begin with it or in it.

    `linked` counts the characters of `text` that are inside links.
    """

    text: str
    tag: str
    ids: tuple[str, ...] = ()
    linked: int = 0

    @property
    def is_heading(self) -> bool:
        """Whether the block is a heading."""
        return self.tag in _HEADINGS


def blocks_of(data: bytes) -> list[Block]:
    """Return the blocks of a document in reading order. Raises an error of lxml if it is neither XML nor HTML."""
    tree = parse_markup(data)
    walker = _Walker()
    try:
        walker.walk(tree)
        walker.flush("p")
    except RecursionError:  # no program writes markup that is nested so deeply
        return [Block(" ".join("".join(tree.itertext()).split()), "p")]
    return walker.blocks


def joined(blocks: list[Block]) -> str:
    """Return the text of blocks, separated by blank lines; the items of a list stay together."""
    parts: list[str] = []
    for at, block in enumerate(blocks):
        if at:
            parts.append("\n" if block.tag == blocks[at - 1].tag == "li" else "\n\n")
        parts.append(block.text)
    return "".join(parts)


def text_of(markup: str) -> str:
    """Return the text of a fragment of HTML."""
    return joined(blocks_of(f"<html><body>{markup}</body></html>".encode())) if markup.strip() else ""


def parse_xml(data: bytes) -> Any:
    """Parse XML without reading other files and without resolving entities."""
    from lxml import etree

    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))


def parse_markup(data: bytes) -> Any:
    """Parse XHTML, or HTML if it is not well-formed."""
    from lxml import etree

    try:
        return parse_xml(_ENTITY.sub(_numbered, data))
    except etree.XMLSyntaxError:
        is_utf_8 = _is_utf_8(data)
        return etree.fromstring(data, etree.HTMLParser(no_network=True, encoding="utf-8" if is_utf_8 else None))


def name_of(element: Any) -> str:
    """Return the name of an element without its namespace; empty for a comment."""
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def types_of(element: Any) -> set[str]:
    """Return what an element of a book says that it is, such as "toc" or "footnote"."""
    written = f"{element.get(_TYPE) or element.get('epub:type') or ''} {element.get('role') or ''}"
    return {part.removeprefix("doc-") for part in written.lower().split()}


def _numbered(match: re.Match[bytes]) -> bytes:
    """Replace an entity of HTML, which XML does not know."""
    character = None if match[1] in _OF_XML else html5.get(match[1].decode() + ";")
    return match[0] if character is None else "".join(f"&#{ord(each)};" for each in character).encode()


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@dataclass(slots=True)
class _Walker:
    """Collects the blocks of a document."""

    blocks: list[Block] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)
    _ids: list[str] = field(default_factory=list)
    _linked: int = 0
    _links: int = 0  # how many links the walker is in
    _items: int = 0  # how many list items it is in
    _is_item_begun: bool = False

    def walk(self, element: Any) -> None:
        name = name_of(element)
        if name and name not in _LEFT_OUT:
            if anchor := element.get("id") or (element.get("name") if name == "a" else None):
                self._ids.append(anchor)
            if name in _BLOCKS:
                self._block(element, name)
            else:
                self._inline(element, name)
        if element.tail and name not in _BLOCKS:
            self._add(element.tail)

    def _block(self, element: Any, name: str) -> None:
        self.flush("p")
        if name == "table":
            self._table(element)
        elif name == "pre":
            self._parts.append("".join(element.itertext()).replace("\n", _BREAK))
            self.flush("pre")
        elif name == "li":
            self._items += 1
            self._is_item_begun = True
            self._children(element)
            self.flush("p")
            self._items -= 1
        else:
            self._children(element)
            self.flush(name)
        if element.tail and element.tail.strip():
            self._add(element.tail)

    def _inline(self, element: Any, name: str) -> None:
        if name == "br":
            self._parts.append(_BREAK)
            return
        is_note = name == "a" and "noteref" in types_of(element)
        content = _short_text(element) if is_note or name in _SHIFTED else ""
        if name in _SHIFTED and _DIGITS.fullmatch(content):
            self._ids += _ids_in(element)
            self._add(content.translate(_SHIFTED[name]))
        elif is_note and content.isalnum() and not _has(element, "sup"):
            self._add(f"[{content}]")
        else:
            is_link = name == "a" and element.get("href") is not None
            self._links += is_link
            self._children(element)
            self._links -= is_link

    def _children(self, element: Any) -> None:
        if element.text:
            self._add(element.text)
        for child in element.iterchildren():
            self.walk(child)

    def _table(self, table: Any) -> None:
        """Add the rows of a table as one block; a table in a cell is part of the cell."""
        rows: list[str] = []
        self._ids += [
            each.get("id") for each in table.iterdescendants() if isinstance(each.tag, str) and each.get("id")
        ]
        for child in _parts(table, {"caption"}):
            rows.append(_flat(child))
        for row in _parts(table, {"tr"}):
            cells = [_flat(cell) for cell in _parts(row, {"td", "th"})]
            if any(cells):
                rows.append(" | ".join(cells))
        self._parts.append(_BREAK.join(row for row in rows if row))
        self.flush("table")

    def _add(self, text: str) -> None:
        self._parts.append(" ".join(f"|{text}|".split())[1:-1] if text.strip() else " ")
        if self._links:
            self._linked += len(text.strip())

    def flush(self, tag: str) -> None:
        """End a block. Ids without a text belong to the next block."""
        lines = (
            " ".join(line.split()) if tag != "pre" else line.rstrip() for line in "".join(self._parts).split(_BREAK)
        )
        text = "\n".join(lines).strip("\n" if tag == "pre" else None)
        self._parts.clear()
        if not text.strip():
            return
        if self._items and tag not in ("pre", "table", *_HEADINGS):
            tag = "li"
            text = f"- {text}" if self._is_item_begun else text
            self._is_item_begun = False
        self.blocks.append(Block(text, tag, tuple(self._ids), self._linked))
        self._ids.clear()
        self._linked = 0


def _short_text(element: Any) -> str:
    """Return the text of an element without outer white space; an empty text if many elements are in it.

    Elements of one kind may contain each other at many levels, and the text of each is that of all levels below it.
    """
    few = len(list(islice(element.iter(), _MOST_INSIDE + 1))) <= _MOST_INSIDE
    return "".join(element.itertext()).strip() if few else ""


def _ids_in(element: Any) -> list[str]:
    return [each.get("id") for each in element.iterdescendants("*") if each.get("id")]


def _parts(element: Any, names: set[str]) -> list[Any]:
    """Return the rows of a table, or the cells of a row, but not those of tables in its cells."""
    found: list[Any] = []
    for child in element.iterchildren():
        if name_of(child) in names:
            found.append(child)
        elif name_of(child) in ("thead", "tbody", "tfoot"):
            found += _parts(child, names)
    return found


def _flat(element: Any) -> str:
    walker = _Walker()
    walker._children(element)
    walker.flush("p")
    return " ".join(" ".join(block.text.split()) for block in walker.blocks)


def _has(element: Any, name: str) -> bool:
    return any(name_of(each) == name for each in element.iterdescendants())
