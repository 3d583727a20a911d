"""Read articles from files, folders and web addresses."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import urlsplit

from ..cancellation import Cancellation
from ..errors import CitechatError, LoadError
from ..models import Article, public_name
from ..parsers import CONTAINERS, FORMATS, extract, has_words, require_size
from ..parsers.base import Extract, cannot_read, printable
from ..parsers.feeds.listing import Entry, Listing
from ..parsers.metadata import first_line
from ..parsers.packages.zip_file import Allowance
from ..parsers.sandbox import SANDBOX
from ..paths import absolute, is_address, is_same_server
from ..text.boilerplate import boilerplate_spans, byline, dateline, front_matter
from ..text.languages import language_of
from .feeds import MOST_NEW, entries_of
from .fetch import FEED, fetch
from .ocr import OFF, read_scanned

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """A web address, and the revisions of the feed entries that are already indexed, by their addresses."""

    url: str
    revisions: Mapping[str, str]

    def __str__(self) -> str:
        return self.url


Source = Path | str | Address
"""The path of a file, or a web address."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A path that was not read, with the reason."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Unchanged(Skipped):
    """An entry of a feed that was not read, because the feed says nothing new about it since it was indexed."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Whether to fetch only addresses that are public on the internet, and the OCR setting, see `read_scanned`."""

    public_only: bool = False
    ocr: str = OFF


def _spend_nothing(_: str) -> None:
    """Accept every text."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Limits on reading: on the contents of archives, a means to end the work, and a function that accepts each text.

    `spend` is called before a text is examined; it raises `CancelledWorkError` if the text exceeds what is allowed.
    """

    archive: Allowance | None = None
    cancellation: Cancellation = field(default_factory=Cancellation)
    spend: Callable[[str], None] = _spend_nothing


def load(paths: Sequence[Path | str], options: ReadOptions | None = None) -> Iterator[Article | Skipped]:
    """Yield the articles at `paths`: files, web addresses, and folders, which are searched recursively in sorted order.

    A file that cannot be read or has an unsupported format is yielded as `Skipped`, and the rest are still read. Only
    the given web addresses are fetched, not the links in them. Raises `LoadError` for a path that does not exist,
    before anything is read.
    """
    for source in sources(paths):
        yield from read(source, options)


def sources(paths: Sequence[Path | str]) -> Iterator[Source | Skipped]:
    """Yield the files and addresses at `paths`, in the same order and with the same errors as `load`."""
    for path in paths:
        if not is_address(path) and not Path(path).exists():
            hint = f"Check the path. Relative paths start at {str(Path.cwd())!r}."
            raise LoadError(f"There is no file or folder {str(path)!r}.", hint)
    for path in paths:
        if is_address(path):
            yield str(path)
        elif Path(path).is_dir():
            yield from _in_folder(Path(path))
        else:
            yield Path(path)


def read(
    source: Source | Skipped,
    options: ReadOptions | None = None,
    limits: ReadLimits | None = None,
) -> Iterator[Article | Skipped]:
    """Yield the articles in a file or at an address; an entry of a feed that is already indexed gives `Unchanged`.

    A file for which an unexpected error occurs is skipped; the log has the details. Raises `CancelledWorkError` if the
    work should end, also while a file is being parsed.
    """
    options, limits = options or ReadOptions(), limits or ReadLimits()
    limits.cancellation.check()
    if isinstance(source, Skipped):
        yield source
    elif isinstance(source, str | Address):
        yield from _load_address(source, options, limits)
    else:
        yield from _load_path(source, options, limits)


def is_container(source: Source | Skipped) -> bool:
    """Return whether the source may contain many articles."""
    return isinstance(source, Path) and source.suffix.lower() in CONTAINERS


@contextmanager
def translate_unexpected(path: str) -> Iterator[None]:
    """Turn any error that is not expected into a `LoadError` that names the file, and log it.

    An error for one file may not stop the others from being read.
    """
    try:
        yield
    except (CitechatError, MemoryError):
        raise
    except Exception as error:
        logger.exception("cannot read %r", printable(path))
        raise cannot_read(path, "an unexpected error occurred", "The log has the details.") from error


def load_file(path: Path, options: ReadOptions | None = None, limits: ReadLimits | None = None) -> Article:
    """Read a file that contains one article.

    Raises `LoadError` if the format is unknown, the file cannot be read, or the file has no text.
    """
    options, limits = options or ReadOptions(), limits or ReadLimits()
    suffix = path.suffix.lower()
    data = b""  # unsupported formats are rejected by name, without reading the file
    with _opened(path) as file:
        if suffix in FORMATS:
            require_size(os.fstat(file.fileno()).st_size, suffix, str(path))
            try:
                data = file.read(FORMATS[suffix].largest + 1)  # the file may be growing
            except OSError as error:
                raise _unreadable(path, error) from None
    with translate_unexpected(str(path)):
        return _article(_parse(data, suffix, str(path), options, limits), absolute(path), limits)


def article_id(text: str) -> str:
    """Return the article id for a text, which is its hash: the same text from two paths is one article."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _in_folder(folder: Path) -> Iterator[Path | Skipped]:
    """Yield the files under a folder, except hidden files, then the subfolders and links that cannot be read.

    Linked folders and files are read once, whatever the number of links. Raises `LoadError` if the folder itself
    cannot be read.
    """
    if not os.access(folder, os.R_OK | os.X_OK):
        raise LoadError(
            f"Cannot read the folder {str(folder)!r}: permission denied.", "Change its permissions, or choose another."
        )
    closed: list[OSError] = []
    files: list[Path] = []
    broken: list[Path] = []
    seen = {absolute(folder)}

    def is_new(path: Path) -> bool:
        place = absolute(path)
        is_first = place not in seen
        seen.add(place)
        return is_first

    for parent, folders, names in os.walk(folder, onerror=closed.append, followlinks=True):
        folders[:] = [name for name in sorted(folders) if not name.startswith(".") and is_new(Path(parent, name))]
        found = [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
        files += [path for path in found if path.is_file() and is_new(path)]
        broken += [path for path in found if path.is_symlink() and not path.exists()]
    yield from sorted(files)
    for error in closed:
        yield Skipped(str(error.filename), f"Cannot read {error.filename!r}: {error.strerror}.")
    for path in broken:
        yield Skipped(str(path), f"Cannot read {str(path)!r}: it is a link to a file that does not exist.")


def _load_path(path: Path, options: ReadOptions, limits: ReadLimits) -> Iterator[Article | Skipped]:
    try:
        str(path).encode()
    except UnicodeEncodeError:  # Python can represent a file name that is not UTF-8, but cannot store or print it
        shown = printable(str(path))
        yield Skipped(shown, f"Cannot read {shown!r}: its name is not valid UTF-8. Rename it.")
        return
    try:
        if path.suffix.lower() in CONTAINERS:
            with _opened(path) as file:  # operating system errors take precedence over library errors
                require_size(os.fstat(file.fileno()).st_size, path.suffix.lower(), str(path))
            for name, found in SANDBOX.documents(absolute(path), limits.archive, limits.cancellation):
                yield (
                    Skipped(name, found.message) if isinstance(found, LoadError) else _load_member(name, found, limits)
                )
        else:
            yield load_file(path, options, limits)
    except LoadError as error:
        yield Skipped(str(path), error.message)


def _load_member(name: str, found: Extract, limits: ReadLimits) -> Article | Skipped:
    try:
        with translate_unexpected(name):
            return _article(found, name, limits)
    except LoadError as error:
        return Skipped(name, error.message)


def _load_address(source: str | Address, options: ReadOptions, limits: ReadLimits) -> Iterator[Article | Skipped]:
    address = str(source)
    try:
        fetched = fetch(address, public_only=options.public_only)
        if fetched.suffix != FEED:
            with translate_unexpected(address):
                found = _parse(fetched.data, fetched.suffix, address, options, limits)
                yield _article(found, address, limits)
            return
    except LoadError as error:
        yield Skipped(address, error.message)
        return
    revisions = source.revisions if isinstance(source, Address) else {}
    yield from _load_entries(address, fetched.data, revisions, options, limits)


def _load_entries(
    address: str, data: bytes, revisions: Mapping[str, str], options: ReadOptions, limits: ReadLimits
) -> Iterator[Article | Skipped]:
    """Yield the articles of a feed: at most `MOST_NEW` that are new or changed."""
    new = 0
    listed = entries_of(address, data, public_only=options.public_only, cancellation=limits.cancellation)
    for place, found in listed:
        limits.cancellation.check()
        if isinstance(found, LoadError):
            yield Skipped(place, found.message)
        elif revisions.get(place) == found[1].revision:
            yield Unchanged(place, "The feed says nothing new about it.")
        elif (new := new + 1) <= MOST_NEW:
            yield _load_entry(place, address, *found, options=options, limits=limits)
    if new > MOST_NEW:
        rest = f"Cannot read all of {address!r} at once: {new - MOST_NEW:,} new or changed entries are left."
        yield Skipped(address, f"{rest} Run the same command again to read the next {MOST_NEW}.")


def _load_entry(
    place: str, feed: str, listing: Listing, entry: Entry, *, options: ReadOptions, limits: ReadLimits
) -> Article | Skipped:
    """Read an entry from the feed if it contains the text, or else from its page.

    What a feed says about a page on another server is not taken for that page: it could replace somebody else's
    article. Only what such a page does not say itself is taken from the feed.
    """
    is_own = is_same_server(place, feed)
    said = replace(entry.found, source=listing.title)
    try:
        if is_own and has_words(said.text):
            found = said
        elif entry.has_link:
            fetched = fetch(place, public_only=True, trusted=None if options.public_only else feed)
            if fetched.suffix == FEED:
                raise cannot_read(place, "it is a feed, not an article", "Index its address itself.")
            found = _parse(fetched.data, fetched.suffix, place, options, limits)
            found = _with_metadata(found, place, said, is_own=is_own)
        else:
            raise cannot_read(place, "the entry has neither a text nor a link", "Tell the feed's operator.")
        with translate_unexpected(place):
            return replace(_article(found, place, limits), revision=entry.revision)
    except LoadError as error:
        return Skipped(place, error.message)


def _with_metadata(found: Extract, place: str, said: Extract, *, is_own: bool) -> Extract:
    """Return a page with the metadata that its feed has; that of the page comes first if it is on another server."""
    first, second = (said, found) if is_own else (found, said)
    is_host = not found.source or found.source in urlsplit(place).netloc
    return replace(
        found,
        title=first.title or second.title,
        author=first.author or second.author,
        published=first.published or second.published,
        source=(said.source if is_host and is_own else None) or found.source,
        language=found.language or said.language,
    )


def _parse(data: bytes, suffix: str, name: str, options: ReadOptions, limits: ReadLimits) -> Extract:
    """Parse a document: plain text in this process, other formats in the sandbox.

    The libraries for other formats are large, partly written in C, and parse bytes that an attacker may have crafted.
    """
    form = FORMATS.get(suffix)
    if form is None or form.is_text or not data:
        return extract(data, suffix, name)

    def parse(data: bytes) -> Extract:
        return SANDBOX.document(data, suffix, name, limits.cancellation)

    return read_scanned(data, parse, options.ocr, limits.cancellation) if suffix == ".pdf" else parse(data)


def _article(found: Extract, path: str, limits: ReadLimits) -> Article:
    """Create an article from a document that was read from `path`."""
    limits.spend(found.text)
    cancellation = limits.cancellation
    host = urlsplit(path).hostname if is_address(path) else None
    head = front_matter(found.text)[1] if found.has_front_matter else None
    story = found.text[head.end if head else 0 :]
    return Article(
        id=article_id(found.text),
        title=found.title or first_line(found.text) or PurePosixPath(public_name(path)).stem,
        source=found.source or host or public_name(path),
        text=found.text,
        published=found.published or dateline(story, cancellation),
        path=path,
        boilerplate=tuple(
            boilerplate_spans(
                found.text,
                has_front_matter=found.has_front_matter,
                is_message=found.is_message,
                known=found.boilerplate,
                cancellation=cancellation,
            )
        ),
        author=found.author or byline(story),
        language=language_of(story, found.language),
        pages=found.pages,
        skipped_pages=found.skipped_pages,
    )


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a regular file. Raises `LoadError` for a pipe or device, since opening or reading one may block."""
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise _not_a_file(path) if error.errno in (errno.ENXIO, errno.EISDIR) else _unreadable(path, error) from None
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise _not_a_file(path)
        yield file


def _not_a_file(path: Path) -> LoadError:
    return cannot_read(str(path), "it is not a regular file", "Copy its content into a file.")


def _unreadable(path: Path, error: OSError) -> LoadError:
    return cannot_read(str(path), str(error.strerror), "Check its permissions.")
