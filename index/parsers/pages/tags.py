"""Parse HTML whose tags have few attributes, and replace elements of its tree."""

from __future__ import annotations

from itertools import islice
from typing import Any

from ..base import cannot_read

BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt"),
    *("figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li"),
    *("main", "nav", "ol", "p", "pre", "section", "summary", "table", "ul"),
}
"""The names of elements that begin a line by themselves."""

_TYPE = "{http://www.idpf.org/2007/ops}type"
_PARTS_OF_TABLES = {"td", "th", "tr", "thead", "tbody", "tfoot", "caption", "col", "colgroup"}
_MOST_ATTRIBUTES = 1_000  # of a tag; the parser takes quadratic time for them
_MOST_NEAR = 20  # elements that are searched for the character beside one


class _AttributeCounter:
    """A target of the parser, which builds no tree, and so takes linear time."""

    is_exceeded = False

    def start(self, _: str, attributes: Any) -> None:
        self.is_exceeded = self.is_exceeded or len(attributes) > _MOST_ATTRIBUTES

    def close(self) -> bool:
        return self.is_exceeded


def require_few_attributes(page: bytes, name: str, encoding: str | None = "utf-8") -> None:
    """Raise `LoadError` if a tag of a page has too many attributes; without an encoding, the parser looks for one."""
    from lxml import etree

    # The same parser decides what a tag is, so that no page can hide its attributes in quotes or comments.
    if etree.fromstring(page, etree.HTMLParser(target=_AttributeCounter(), encoding=encoding, no_network=True)):
        raise cannot_read(
            name, f"one of its tags has more than {_MOST_ATTRIBUTES:,} attributes", "Save its text as a file."
        )


def name_of(element: Any) -> str:
    """Return the name of an element without its namespace; empty for a comment."""
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def types_of(element: Any) -> set[str]:
    """Return what an element of a book says that it is, such as "toc" or "footnote"."""
    written = f"{element.get(_TYPE) or element.get('epub:type') or ''} {element.get('role') or ''}"
    return {part.removeprefix("doc-") for part in written.lower().split()}


def words_of(element: Any, attribute: str = "class") -> set[str]:
    """Return the words of an attribute in lower case."""
    return set((element.get(attribute) or "").lower().split())


def short_text(element: Any, most: int) -> str:
    """Return the text of an element without outer white space; an empty text if more than `most` elements are in it.

    Elements of one kind may contain each other at many levels, and the text of each is that of all levels below it.
    """
    few = len(list(islice(element.iter(), most + 1))) <= most
    return "".join(element.itertext()).strip() if few else ""


def write(element: Any, text: str) -> None:
    """Replace what is in an element with text, a space being added between digits inside and outside.

    The element loses its attributes, except its id. It is not removed: to join the texts around each of many removed
    elements takes quadratic time.
    """
    id_, name = element.get("id"), name_of(element)
    before, after = character_before(element), _character_after(element)
    element.clear(keep_tail=True)
    element.tag = "div" if name in BLOCKS - _PARTS_OF_TABLES else "span"
    if id_:
        element.set("id", id_)
    if name not in BLOCKS | _PARTS_OF_TABLES:
        if not text:
            text = " " if before.isdigit() and after.isdigit() else ""
        elif before.isdigit() and text[0].isdigit():
            text = f" {text}"
        if text.strip() and text[-1].isdigit() and after.isdigit():
            text = f"{text} "
    element.text = text or None


def character_before(element: Any) -> str:
    """Return the character in front of an element in its line; empty if it is not near in the tree."""
    for _ in range(_MOST_NEAR):
        before, parent = element.getprevious(), element.getparent()
        if before is None and (parent is None or parent.text or name_of(parent) in BLOCKS | _PARTS_OF_TABLES):
            return ((parent.text if parent is not None else None) or "")[-1:]
        character = ((before.tail or "")[-1:] or _last(before)) if before is not None else ""
        if character:
            return character
        element = parent if before is None else before
    return ""


def _character_after(element: Any) -> str:
    for _ in range(_MOST_NEAR):
        if element.tail:
            return str(element.tail)[:1]
        after, parent = element.getnext(), element.getparent()
        if after is None and (parent is None or name_of(parent) in BLOCKS | _PARTS_OF_TABLES):
            return ""
        if after is not None and (character := first_character(after)):
            return character
        element = parent if after is None else after
    return ""


def _last(element: Any) -> str:
    for _ in range(_MOST_NEAR):
        if not name_of(element):
            return ""
        child = next(element.iterchildren(reversed=True), None)
        if child is None:
            return (element.text or "")[-1:]
        if child.tail:
            return str(child.tail)[-1:]
        element = child
    return ""


def first_character(element: Any) -> str:
    """Return the first character in an element; empty if it is not near in the tree."""
    for _ in range(_MOST_NEAR):
        if not name_of(element):
            return ""
        child = next(element.iterchildren(), None)
        if element.text or child is None:
            return (element.text or "")[:1]
        element = child
    return ""
