"""Books in the EPUB format, written part by part, so that each part can be wrong."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
METADATA = (
    "<dc:title>The Tides of Harrow</dc:title><dc:creator>Ann Lee</dc:creator><dc:publisher>Quay Press</dc:publisher>"
    "<dc:date>2019-05-04</dc:date><dc:language>en-GB</dc:language>"
)


def chapter(body: str, *, kind: str = "") -> str:
    """A file of a book."""
    kind = f' epub:type="{kind}"' if kind else ""
    return (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops"><head><title>x</title></head><body{kind}>{body}</body></html>'
    )


def nav(entries: str) -> str:
    """A table of contents of EPUB 3, from the items of its list."""
    return chapter(f'<nav epub:type="toc"><h1>Contents</h1><ol>{entries}</ol></nav>')


def ncx(points: Sequence[tuple[str, str]]) -> str:
    """A table of contents of EPUB 2, from titles and places."""
    listed = "".join(
        f'<navPoint><navLabel><text>{title}</text></navLabel><content src="{place}"/></navPoint>'
        for title, place in points
    )
    return f'<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>{listed}</navMap></ncx>'


def write_book(
    path: Path,
    files: Mapping[str, str],
    *,
    contents: tuple[str, str] | None = None,
    metadata: str = METADATA,
    spine: Sequence[str] | None = None,
    guide: str = "",
    others: Mapping[str, str] | None = None,
) -> Path:
    """Write a book with these files; `contents` are the name and text of its table of contents."""
    listed = [*files, *([contents[0]] if contents else [])]
    items = ""
    for name in listed:
        kind = "application/x-dtbncx+xml" if name.endswith(".ncx") else "application/xhtml+xml"
        role = ' properties="nav"' if contents and name == contents[0] and not name.endswith(".ncx") else ""
        items += f'<item id="{name}" href="{name}" media-type="{kind}"{role}/>'
    order = "".join(f'<itemref idref="{name}"/>' for name in (files if spine is None else spine))
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/" version="3.0">'
        f"<metadata>{metadata}</metadata><manifest>{items}</manifest><spine>{order}</spine><guide>{guide}</guide>"
        "</package>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", _CONTAINER)
        archive.writestr("OEBPS/book.opf", package)
        for name, text in {**files, **(dict([contents]) if contents else {})}.items():
            archive.writestr(f"OEBPS/{name}", text)
        for name, text in (others or {}).items():
            archive.writestr(name, text)
    return path
