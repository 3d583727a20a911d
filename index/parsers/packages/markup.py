"""Read all text of XHTML or HTML: a chapter of a book, or an entry of a feed. Nothing is navigation here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from html.entities import html5
from typing import Any

from ...errors import LoadError
from ..base import TextLimit
from ..pages.shown import show
from ..pages.tables import lines_of
from ..pages.tags import BLOCKS, name_of, require_few_attributes, short_text, types_of

_LEFT_OUT = {"head", "script", "style", "template", "svg", "audio", "video", "object", "iframe", "noscript"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,31});")
_OF_XML = {b"amp", b"lt", b"gt", b"quot", b"apos"}
_MOST_INSIDE = 10  # elements in the mark of a note, with itself
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


def blocks_of(data: bytes, name: str, limit: TextLimit | None = None) -> list[Block]:
    """Return the blocks of a document in reading order; its tables count for the limit.

    Raises `LoadError` if a limit is exceeded, and an error of lxml if the document is neither XML nor HTML.
    """
    tree = parse_markup(data, name)
    show(tree)
    walker = _Walker(limit or TextLimit(name, len(data)))
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
    """Return the text of a fragment of HTML; empty if it exceeds a limit."""
    try:
        return joined(blocks_of(f"<html><body>{markup}</body></html>".encode(), "")) if markup.strip() else ""
    except LoadError:
        return ""


def parse_xml(data: bytes) -> Any:
    """Parse XML without reading other files and without resolving entities."""
    from lxml import etree

    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))


def parse_markup(data: bytes, name: str) -> Any:
    """Parse XHTML, or HTML if it is not well-formed. Raises `LoadError` if one of its tags has too many attributes."""
    from lxml import etree

    try:
        return parse_xml(_ENTITY.sub(_numbered, data))
    except etree.XMLSyntaxError:
        encoding = "utf-8" if _is_utf_8(data) else None
        require_few_attributes(data, name, encoding)
        return etree.fromstring(data, etree.HTMLParser(no_network=True, encoding=encoding))


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

    limit: TextLimit
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
            if name in BLOCKS:
                self._block(element, name)
            else:
                self._inline(element, name)
        if element.tail and name not in BLOCKS:
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
        content = short_text(element, _MOST_INSIDE) if is_note else ""
        if content and all(each.isalpha() or each.isdecimal() for each in content) and not _has(element, "sup"):
            self._add(f"[{content}]")  # a raised digit is a mark by itself
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
        for child in table.iterchildren():
            if name_of(child) == "caption":
                rows += [_flat(child, self.limit), ""]
        rows += lines_of(table, self.limit, partial(_flat, limit=self.limit))
        self._parts.append(_BREAK.join(rows))
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


def _flat(element: Any, limit: TextLimit) -> str:
    walker = _Walker(limit)
    walker._children(element)
    walker.flush("p")
    return " ".join(" ".join(block.text.split()) for block in walker.blocks)


def _has(element: Any, name: str) -> bool:
    return any(name_of(each) == name for each in element.iterdescendants())
