"""Read books in the EPUB format, chapter by chapter, with lxml."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import unquote, urldefrag
from zipfile import ZipFile, ZipInfo

from ...errors import LoadError
from ..base import Extract, Member, TextLimit, cannot_read, translate_errors
from ..metadata import iso_date, iso_language, one_line
from ..pages.tags import name_of, types_of
from .markup import Block, blocks_of, joined, parse_markup, parse_xml
from .zip_file import Allowance, open_zip, read_member, shown_name

_DC = "{http://purl.org/dc/elements/1.1/}"
_ROLE = "{http://www.idpf.org/2007/opf}role"
_EVENT = "{http://www.idpf.org/2007/opf}event"
_PAGES = {"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document"}
_NOT_TEXT = {"toc", "cover", "titlepage", "title-page", "landmarks", "page-list", "loi", "lot"}
_LISTED = 0.7  # minimum share of a page's characters in links for it to be a table of contents
_FEWEST_LINKED = 3  # lines of a table of contents
_LONGEST_PART = 100  # characters of the title of a book or chapter
_UNKNOWN_DATE = "0101-01-01"  # Calibre's


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of the table of contents; `depth` is 1 for the first level, and `anchor` is an id in the file."""

    title: str
    file: str
    anchor: str
    depth: int


@dataclass(slots=True)
class _Chapter:
    """A part of a book that is one article; `place` is its file in the book, with an anchor if it begins inside."""

    place: str
    title: str | None = None
    blocks: list[Block] = field(default_factory=list)

    @property
    def has_text(self) -> bool:
        """Whether the chapter has more than headings."""
        return any(not block.is_heading for block in self.blocks)


@dataclass(frozen=True, slots=True)
class _Book:
    """The files of a book in reading order, its metadata, and the entries that begin chapters, by file and anchor.

    `has_contents` is false for a book without a table of contents.
    """

    files: list[str]
    missing: list[str]
    beginnings: dict[str, dict[str, _Entry]]
    about: Extract
    has_contents: bool


def members_of_epub(file: IO[bytes], name: str, allowance: Allowance) -> Iterator[Member]:
    """Yield the chapters of a book in reading order, each with the metadata of the book.

    A chapter begins where the table of contents says; a book without one has a chapter for each of its files that has a
    heading. Its title is that of the book and its own. Covers, title pages and tables of contents are omitted. A file
    that is missing or cannot be read is yielded as well; its `read` function raises the `LoadError`.
    """
    with open_zip(file, name) as package:
        with translate_errors(name, "an EPUB book"):
            files = _Files(package, name, {info.filename: info for info in package.infolist()})
            book = _opened(files, allowance)
        for missing in book.missing:
            yield _failed(missing, cannot_read(f"{name}!{missing}", "the book does not contain it", "Get it again."))
        chapters: list[_Chapter] = []
        limit = TextLimit(name, sum(files.infos[each].file_size for each in book.files))
        for each in book.files:
            try:
                with translate_errors(f"{name}!{each}", "a chapter of a book"):
                    _add_file(chapters, each, files.read(each), book, limit)
            except LoadError as error:
                yield _failed(each, error)
    found = list(_with_text(chapters))
    if not found:
        raise cannot_read(name, "it has no text", "A book of pictures needs OCR: convert it to PDF first.")
    for chapter in found:
        yield Member(shown_name(chapter.place), "", _no_bytes, _extract(chapter, book.about))


@dataclass(frozen=True, slots=True)
class _Files:
    """The files in the archive of a book, by their names."""

    package: ZipFile
    name: str
    infos: dict[str, ZipInfo]

    def __contains__(self, path: object) -> bool:
        return path in self.infos

    def read(self, path: str) -> bytes:
        return read_member(self.package, self.infos[path], self.name)


def _opened(files: _Files, allowance: Allowance) -> _Book:
    """Read the package document of a book and its table of contents."""
    name = files.name
    if "META-INF/container.xml" not in files:
        raise cannot_read(name, "it is not an EPUB book", "Get it again, or convert it with Calibre.")
    container = parse_xml(files.read("META-INF/container.xml"))
    root = next((path for each in _all(container, "rootfile") if (path := each.get("full-path")) in files), None)
    if root is None:
        raise cannot_read(name, "it has no list of its files", "Convert it with Calibre.")
    document = parse_xml(files.read(root))
    items = {each.get("id"): each for each in _all(document, "item")}
    left_out = {_place(root, each.get("href"))[0] for each in _all(document, "reference") if _is_left_out(each)}
    left_out |= {_place(root, each.get("href"))[0] for each in items.values() if "nav" in _words(each, "properties")}
    found: list[str] = []
    for id_ in dict.fromkeys(each.get("idref") or "" for each in _all(document, "itemref")):
        item = items.get(id_)
        place = _place(root, item.get("href"))[0] if item is not None else id_
        if (item is None or item.get("media-type") in _PAGES) and place not in left_out:
            found.append(place)
    pages = [place for place in dict.fromkeys(found) if place in files]
    allowance.spend([files.infos[each] for each in pages], name)
    if "META-INF/encryption.xml" in files:
        encryption = parse_xml(files.read("META-INF/encryption.xml"))
        if {unquote(each.get("URI") or "") for each in _all(encryption, "CipherReference")}.intersection(pages):
            raise cannot_read(name, "its text is encrypted (DRM)", "Get an edition without copy protection.")
    missing = [place for place in dict.fromkeys(found) if place not in files]
    entries = _contents(files, document, root, allowance)
    deepest = max((entry.depth for entry in entries if not entry.anchor), default=1)
    beginnings: dict[str, dict[str, _Entry]] = {}
    for entry in entries:
        if entry.depth <= deepest:
            beginnings.setdefault(entry.file, {}).setdefault(entry.anchor, entry)
    return _Book(pages, missing, beginnings, _about(document), bool(entries))


def _contents(files: _Files, document: Any, root: str, allowance: Allowance) -> list[_Entry]:
    """Return the entries of the table of contents of EPUB 3, or of EPUB 2. Each file counts in the allowance."""
    items = [(each, _place(root, each.get("href"))[0]) for each in _all(document, "item")]
    for path in dict.fromkeys(path for item, path in items if "nav" in _words(item, "properties") and path in files):
        allowance.spend([files.infos[path]], files.name)
        page = parse_markup(files.read(path), path)
        navs = list(_outermost(page, lambda each: "toc" in types_of(each))) or list(_outermost(page))[:1]
        if entries := [entry for nav in navs for entry in _of_lists(nav, path, 1)]:
            return entries
    for item, path in items:
        if item.get("media-type") == "application/x-dtbncx+xml" and path in files:
            allowance.spend([files.infos[path]], files.name)
            points = _all(parse_xml(files.read(path)), "navMap")
            return [entry for each in points for entry in _of_points(each, path, 1)]
    return []


def _outermost(element: Any, is_wanted: Callable[[Any], bool] = lambda _: True) -> Iterator[Any]:
    """Yield the wanted `nav` elements that are not in another one, whose links would be read at each level."""
    if name_of(element) == "nav" and is_wanted(element):
        yield element
    else:
        for child in element.iterchildren():
            yield from _outermost(child, is_wanted)


def _of_lists(parent: Any, path: str, depth: int) -> Iterator[_Entry]:
    for child in parent.iterchildren():
        if name_of(child) == "a" and child.get("href"):
            yield _Entry(" ".join("".join(child.itertext()).split()), *_place(path, child.get("href")), depth)
        elif name_of(child):
            yield from _of_lists(child, path, depth + (name_of(child) == "ol" and name_of(parent) == "li"))


def _of_points(parent: Any, path: str, depth: int) -> Iterator[_Entry]:
    for point in (each for each in parent.iterchildren() if name_of(each) == "navpoint"):
        label = next((each for each in point.iterchildren() if name_of(each) == "navlabel"), None)
        content = next((each for each in point.iterchildren() if name_of(each) == "content"), None)
        if label is not None and content is not None:
            title = " ".join("".join(label.itertext()).split())
            yield _Entry(title, *_place(path, content.get("src")), depth)
        yield from _of_points(point, path, depth + 1)


def _add_file(chapters: list[_Chapter], file: str, data: bytes, book: _Book, limit: TextLimit) -> None:
    """Add the blocks of a file to the last chapter, and begin new ones where the table of contents says."""
    page = parse_markup(data, file)
    bodies = _all(page, "body")
    kinds = {kind for body in bodies for each in (body, *body[:1]) for kind in types_of(each)}
    blocks = blocks_of(data, file, limit)
    if kinds & _NOT_TEXT or _is_contents(blocks):
        return
    begun = book.beginnings.get(file, {})
    if not book.has_contents and (heading := next((block.text for block in blocks if block.is_heading), None)):
        begun = {"": _Entry(" ".join(heading.split()), file, "", 1)}
    if not chapters or "" in begun:
        chapters.append(_Chapter(file, begun[""].title if "" in begun else None))
    for block in blocks:
        entry = next((begun[id_] for id_ in block.ids if id_ in begun), None)
        if entry is not None and (chapters[-1].title != entry.title or chapters[-1].has_text):
            chapters.append(_Chapter(f"{file}#{entry.anchor}", entry.title))
        chapters[-1].blocks.append(block)


def _is_contents(blocks: list[Block]) -> bool:
    """Return whether a page is a list of links."""
    size, linked = sum(len(block.text) for block in blocks), sum(block.linked for block in blocks)
    return sum(block.linked > 0 for block in blocks) >= _FEWEST_LINKED and linked > _LISTED * size


def _with_text(chapters: list[_Chapter]) -> Iterator[_Chapter]:
    """Yield the chapters that have a text; the headings of a part are placed above its first chapter."""
    above: list[Block] = []
    for chapter in chapters:
        if chapter.has_text:
            chapter.blocks = above + chapter.blocks
            above = []
            yield chapter
        else:
            above += chapter.blocks


def _extract(chapter: _Chapter, about: Extract) -> Extract:
    own = chapter.title or next((block.text for block in chapter.blocks if block.is_heading), None)
    own, book = one_line(own, _LONGEST_PART), one_line(about.title, _LONGEST_PART)
    title = f"{book}: {own}" if book and own and not own.startswith(book) else own or book
    return Extract(
        joined(chapter.blocks),
        title=title,
        author=about.author,
        published=about.published,
        source=about.source,
        language=about.language,
    )


def _about(document: Any) -> Extract:
    """Return the metadata of a book as an extract without text; its source is the publisher."""
    authors = [each for each in document.iter(f"{_DC}creator") if each.get(_ROLE) in (None, "aut")]
    dates = sorted(document.iter(f"{_DC}date"), key=lambda each: each.get(_EVENT) != "publication")
    written = next((each.text for each in dates if each.text and not each.text.startswith(_UNKNOWN_DATE)), None)

    def first(tag: str) -> str | None:
        return next((each.text for each in document.iter(f"{_DC}{tag}") if each.text and each.text.strip()), None)

    return Extract(
        "",
        title=one_line(first("title")),
        author=one_line([each.text.strip() for each in authors if each.text and each.text.strip()] or None),
        published=iso_date(written),
        source=one_line(first("publisher")),
        language=iso_language(first("language")),
    )


def _all(tree: Any, name: str) -> list[Any]:
    """Return the elements with this name, in any namespace."""
    return [each for each in tree.iter() if name_of(each) == name.lower()]


def _is_left_out(reference: Any) -> bool:
    return bool(_words(reference, "type") & _NOT_TEXT)


def _words(element: Any, attribute: str) -> set[str]:
    return set((element.get(attribute) or "").lower().split())


def _place(beside: str, href: str | None) -> tuple[str, str]:
    """Return the name in the archive of a file that another one refers to, and the anchor in it."""
    path, anchor = urldefrag(href or "")
    folder = posixpath.dirname(beside)
    return posixpath.normpath(posixpath.join(folder, unquote(path))) if path else beside, unquote(anchor)


def _failed(place: str, error: LoadError) -> Member:
    def read() -> bytes:
        raise error

    return Member(shown_name(place), ".epub", read)


def _no_bytes() -> bytes:
    return b""
