"""Files, folders and web addresses become articles."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import urlsplit

from ..errors import LoadError
from ..models import Article
from ..parsers import CONTAINERS, FORMATS, extract, require_size
from ..parsers.base import Extract, printable
from ..parsers.encoding import decode
from ..parsers.metadata import first_line
from ..parsers.sandbox import SANDBOX
from ..text.boilerplate import boilerplate_spans, byline, dateline, front_matter
from .fetch import fetch
from .paths import absolute, is_address

__all__ = ["Skipped", "Source", "article_id", "decode", "is_container", "load", "load_file", "read", "sources"]

Source = Path | str
"""A file, or a web address."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A path that did not become an article, and why."""

    path: str
    reason: str


def load(paths: Sequence[Path | str], *, public_only: bool = False) -> Iterator[Article | Skipped]:
    """The articles at `paths` (files, folders searched deeply, web addresses), each folder in sorted order.

    One bad file never stops the rest: it comes as `Skipped` with its reason, as do files of other formats. A path that
    does not exist raises `LoadError` before anything is read. Nothing is fetched but the addresses that are given,
    with `public_only` none of them that not everybody on the internet can reach.
    """
    for source in sources(paths):
        yield from read(source, public_only=public_only)


def sources(paths: Sequence[Path | str]) -> Iterator[Source | Skipped]:
    """What there is to read at `paths`, one file after another, as `load` reads it; its errors are those of `load`."""
    for path in paths:
        if not is_address(path) and not Path(path).exists():
            raise LoadError(
                f"there is no file or folder {str(path)!r}",
                f"Check the path; relative paths start at {str(Path.cwd())!r}.",
            )
    for path in paths:
        if is_address(path):
            yield str(path)
        elif Path(path).is_dir():
            yield from _in_folder(Path(path))
        else:
            yield Path(path)


def read(source: Source | Skipped, *, public_only: bool = False) -> Iterator[Article | Skipped]:
    """The articles in one file, or at one address."""
    if isinstance(source, Skipped):
        yield source
    elif isinstance(source, str):
        yield _attempt_address(source, public_only)
    else:
        yield from _load_path(source)


def is_container(source: Source | Skipped) -> bool:
    """Whether many articles may be in it."""
    return isinstance(source, Path) and source.suffix.lower() in CONTAINERS


def load_file(path: Path) -> Article:
    """Read a file that is one article.

    Raises `LoadError` when the format is unknown, the file cannot be read, or there is no text in it.
    """
    suffix = path.suffix.lower()
    data = b""  # one of another format is refused by its name
    with _opened(path) as file:
        if suffix in FORMATS:
            require_size(os.fstat(file.fileno()).st_size, suffix, str(path))
            try:
                data = file.read(FORMATS[suffix].largest + 1)  # it may be growing
            except OSError as error:
                raise _unreadable(path, error) from None
    return _article(_extract(data, suffix, str(path)), absolute(path))


def article_id(text: str) -> str:
    """The identity of a text: the same text from two places is one article."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _in_folder(folder: Path) -> Iterator[Path | Skipped]:
    """What is under a folder, hidden files aside; folders that links lead to are not entered, so there is no loop."""
    if not os.access(folder, os.R_OK | os.X_OK):
        raise LoadError(
            f"no permission to read the folder {str(folder)!r}", "Change its permissions, or choose another."
        )
    closed: list[OSError] = []
    files: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found = (Path(parent, name) for name in names if not name.startswith("."))
        files += [path for path in found if path.is_file()]
    yield from sorted(files)
    for error in closed:
        yield Skipped(str(error.filename), f"{error.filename!r} cannot be read: {error.strerror}")


def _load_path(path: Path) -> Iterator[Article | Skipped]:
    if not _is_text(str(path)):
        shown = printable(str(path))
        yield Skipped(shown, f"{shown!r} has a name that is not text in UTF-8; rename it")
        return
    try:
        if path.suffix.lower() in CONTAINERS:
            with _opened(path) as file:  # the operating system's word on it comes before the library's
                require_size(os.fstat(file.fileno()).st_size, path.suffix.lower(), str(path))
            yield from _load_members(absolute(path))
        else:
            yield load_file(path)
    except LoadError as error:
        yield Skipped(str(path), error.message)


def _load_members(path: str) -> Iterator[Article | Skipped]:
    for name, found in SANDBOX.documents(path):
        if isinstance(found, LoadError):
            yield Skipped(name, found.message)
        else:
            yield _article(found, name)


def _attempt_address(address: str, public_only: bool) -> Article | Skipped:
    try:
        fetched = fetch(address, public_only=public_only)
        return _article(_extract(fetched.data, fetched.suffix, address), address)
    except LoadError as error:
        return Skipped(address, error.message)


def _extract(data: bytes, suffix: str, name: str) -> Extract:
    """What is in a document. Text is read here, and every other format in a process of its own: its library is large,
    partly in C, and meets bytes that anybody may have made up."""
    form = FORMATS.get(suffix)
    if form is None or form.is_text or not data:
        return extract(data, suffix, name)
    return SANDBOX.document(data, suffix, name)


def _article(found: Extract, path: str) -> Article:
    """The article in a document that was read from `path`."""
    host = urlsplit(path).hostname if is_address(path) else None
    head = front_matter(found.text)[1] if found.has_front_matter else None
    story = found.text[head.end if head else 0 :]
    return Article(
        id=article_id(found.text),
        title=found.title or first_line(found.text) or PurePosixPath(path).stem,
        source=found.source or host or path,
        text=found.text,
        published=found.published or dateline(story),
        path=path,
        boilerplate=tuple(boilerplate_spans(found.text, has_front_matter=found.has_front_matter)),
        author=found.author or byline(story),
        language=found.language,
        pages=found.pages,
    )


def _is_text(name: str) -> bool:
    """False for a name whose bytes are not UTF-8: Python keeps them, but nothing can store or print them."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """A file to be read. Raises `LoadError` where it is none, or may not be: to read a pipe or a device may never end,
    and even to open one may wait for ever."""
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise _no_file(path) if error.errno in (errno.ENXIO, errno.EISDIR) else _unreadable(path, error) from None
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise _no_file(path)
        yield file


def _no_file(path: Path) -> LoadError:
    return LoadError(f"{str(path)!r} is no file that can be read whole", "Copy what it gives into a file.")


def _unreadable(path: Path, error: OSError) -> LoadError:
    return LoadError(f"{str(path)!r} cannot be read: {error.strerror}", "Check its permissions.")
