"""Files, folders and web addresses become articles."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from .clean import byline, dateline, front_matter, noise_spans
from .errors import LoadError
from .formats import CONTAINERS, FORMATS, extract, require_size
from .formats.archive import Allowance, members_of_zip
from .formats.encoding import decode
from .formats.extract import Member, printable
from .formats.mail import members_of_mbox
from .formats.metadata import first_line
from .formats.web import fetch
from .places import absolute, is_address
from .records import Article

__all__ = ["Skipped", "article_id", "decode", "load", "load_file"]

_ARCHIVES_IN_ARCHIVES = 1


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
    for path in paths:
        if not is_address(path) and not Path(path).exists():
            raise LoadError(
                f"there is no file or folder {str(path)!r}",
                f"Check the path; relative paths start at {str(Path.cwd())!r}.",
            )
    for path in paths:
        if is_address(path):
            yield _attempt_address(str(path), public_only)
        elif Path(path).is_dir():
            yield from _load_folder(Path(path))
        else:
            yield from _load_path(Path(path))


def load_file(path: Path) -> Article:
    """Read a file that is one article.

    Raises `LoadError` when the format is unknown, the file cannot be read, or there is no text in it.
    """
    suffix = path.suffix.lower()
    size = _size(path)
    if suffix in FORMATS:
        require_size(size, suffix, str(path))
        try:
            data = path.read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from None
    else:
        data = b""  # it is refused by its name
    return _article(data, suffix, str(path), absolute(path))


def article_id(text: str) -> str:
    """The identity of a text: the same text from two places is one article."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _load_folder(folder: Path) -> Iterator[Article | Skipped]:
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
    for path in sorted(files):
        yield from _load_path(path)
    for error in closed:
        yield Skipped(str(error.filename), f"{error.filename!r} cannot be read: {error.strerror}")


def _load_path(path: Path) -> Iterator[Article | Skipped]:
    if not _is_text(str(path)):
        shown = printable(str(path))
        yield Skipped(shown, f"{shown!r} has a name that is not text in UTF-8; rename it")
        return
    try:
        if path.suffix.lower() not in CONTAINERS:
            yield load_file(path)
            return
        _size(path)
        with path.open("rb"):
            pass  # the operating system's word on it comes before the library's
        yield from _load_members(path, absolute(path), Allowance(), depth=0)
    except LoadError as error:
        yield Skipped(str(path), error.message)
    except OSError as error:
        yield Skipped(str(path), _unreadable(path, error).message)


def _load_members(path: Path, name: str, allowance: Allowance, depth: int) -> Iterator[Article | Skipped]:
    is_zip = Path(name).suffix.lower() == ".zip"
    for member in members_of_zip(path, name, allowance) if is_zip else members_of_mbox(path, name):
        inner = f"{name}!{member.name}"
        try:
            if member.suffix in CONTAINERS:
                yield from _load_inner(member, inner, allowance, depth + 1)
            else:
                data = member.read() if member.suffix in FORMATS else b""  # others are refused by their name
                yield _article(data, member.suffix, inner, inner)
        except LoadError as error:
            yield Skipped(inner, error.message)


def _load_inner(member: Member, name: str, allowance: Allowance, depth: int) -> Iterator[Article | Skipped]:
    """What is in an archive or mailbox that is itself in an archive; it is laid down where its reader can seek."""
    if member.suffix == ".zip" and depth > _ARCHIVES_IN_ARCHIVES:
        raise LoadError(f"{name!r} is an archive too deep inside archives", "Unpack them, and index the folder.")
    with TemporaryDirectory(prefix="citechat-") as folder:
        path = Path(folder, f"inner{member.suffix}")
        path.write_bytes(member.read())
        yield from _load_members(path, name, allowance, depth)


def _attempt_address(address: str, public_only: bool) -> Article | Skipped:
    try:
        fetched = fetch(address, public_only=public_only)
        return _article(fetched.data, fetched.suffix, address, address)
    except LoadError as error:
        return Skipped(address, error.message)


def _article(data: bytes, suffix: str, name: str, path: str) -> Article:
    """The article in a document; `name` is what errors call it, `path` the place it was read from."""
    found = extract(data, suffix, name)
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
        noise=tuple(noise_spans(found.text, has_front_matter=found.has_front_matter)),
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


def _size(path: Path) -> int:
    try:
        state = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from None
    if not stat.S_ISREG(state.st_mode):  # to read a pipe or a device may never end
        raise LoadError(f"{str(path)!r} is no file that can be read whole", "Copy what it gives into a file.")
    return state.st_size


def _unreadable(path: Path, error: OSError) -> LoadError:
    return LoadError(f"{str(path)!r} cannot be read: {error.strerror}", "Check its permissions.")
