"""The chat's library: users add articles to the index and remove them.

Each uploaded file is copied to the upload folder, under a hash of its bytes, because an article's path must remain
valid after the web framework deletes its temporary files. No data from the browser determines the location. Each
upload yields its results as they change; an error becomes a result and is never raised.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Literal

from index import (
    Article,
    CitechatError,
    Index,
    IndexLockedError,
    LoadError,
    PartlyRead,
    SyncReport,
    UploadBudget,
    create_private_folder,
    has_words,
    is_gone,
    is_visible,
    list_page_numbers,
    public_name,
)

from ..html import one_line, outlet

logger = logging.getLogger(__name__)

MOST_FILES = 200
"""Maximum number of files in one upload."""

LARGEST_FILE = 20_000_000
"""Maximum file size, in bytes."""

LONGEST_TEXT = 2_000_000
"""Maximum length of typed or pasted text, in characters."""

REMOVAL_TIMEOUT = 10.0
"""Maximum time that a removal waits for a file that is being indexed, in seconds."""

LONGEST_ADDRESS = 2000
"""Maximum length of a web address, in characters."""

TOO_MANY = (f"More than {MOST_FILES} files in one upload.", "Add this file in the next upload.")
TOO_LARGE = (f"The file is larger than {LARGEST_FILE // 1_000_000} MB.", "Split it into articles, one file each.")
INCOMPLETE = ("The upload is incomplete.", "Upload the file again.")
NO_TEXT = ("The text is empty.", "Paste the text of an article.")
NO_WORDS = ("The text contains no letters or digits.", "Paste the text of an article.")
TOO_LONG = (f"The text is longer than {LONGEST_TEXT:,} characters.", "Split it into articles and add them one by one.")
NOT_AN_ADDRESS = ("This is not a web address.", "Enter an address that begins with http:// or https://.")
LINKS_ARE_OFF = (
    "Adding web addresses is turned off.",
    "Save the page in a browser and add the file, or start the chat with CITECHAT_ALLOW_WEB_LINKS=1.",
)
NO_ARTICLE = ("The file contains no article.", "Add the articles themselves, one file each.")
NOT_SAVED = ("The server could not save the file.", "Its disk may be full. The server log has the details.")
UNEXPECTED = ("Something went wrong on the server.", "Try again. The server log has the details.")
BEING_CHANGED = ("Articles are being added or removed.", "Try again in a moment.")
STOPPED = ("The upload was stopped.", "Articles that were added remain. Upload the rest again.")
KNOWN_TEXT = "The library already contains this text."

State = Literal["waiting", "reading", "added", "changed", "unchanged", "failed"]

_LONGEST_NAME = 100  # maximum length of a file name, in characters
_LONGEST_NAME_IN_BYTES = 200  # file systems allow 255
_LONGEST_SUFFIX = 12
_LONGEST_TITLE = 200
_LONGEST_SHOWN = 120
_REASONS = 3  # maximum number of reasons shown for unreadable files in an archive
_HASH = 16  # hexadecimal digits in a folder name
_DEVICES = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:\.|$)", re.IGNORECASE)
# Characters that Windows forbids in names, and the separator between an archive and its member in an article's path.
_NOT_IN_NAMES = re.compile(r'[<>:"|?*!]')


@dataclass(frozen=True, slots=True)
class UploadResult:
    """The state of an upload and its number of `articles`; `detail` and `hint` describe a problem and how to fix it.

    `skipped_pages` are the numbers of the pages from which no text could be read, such as "2–4, 7".
    """

    name: str
    state: State = "waiting"
    detail: str = ""
    hint: str = ""
    articles: int = 0
    skipped_pages: str = ""


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """An article in the page's list; `outlets` contains every outlet that published its text.

    `is_gone` is True if its file no longer exists; the library keeps the files of uploads.
    `skipped_pages` is the number of pages from which no text could be read.
    """

    id: str
    title: str
    outlets: tuple[str, ...]
    published: str | None
    author: str | None
    passages: int
    is_gone: bool = False
    skipped_pages: int = 0


Uploads = Iterator[tuple[UploadResult, ...]]
_Add = Callable[[UploadBudget], SyncReport]


class Library:
    """A library that adds articles to an index and removes them, for one user of this process at a time.

    Use one library per index: its lock prevents two users from writing at the same time.
    """

    def __init__(self, index: Index, folder: Path, *, allow_web_links: bool = False) -> None:
        """Store uploads in `folder`; with `allow_web_links`, also accept public web addresses."""
        self._index = index
        self._folder = folder.resolve()
        self.allow_web_links = allow_web_links
        self._lock = threading.Lock()
        self._removal = threading.Lock()
        inside = rf"{re.escape(str(self._folder))}[/\\]([0-9a-f]{{{_HASH}}})[/\\]"
        self._copy = re.compile(rf"{inside}((?!\.)[^/\\!]+)(?:!.*)?", re.DOTALL)
        self._inside = re.compile(
            rf"{inside}|{re.escape(repr(str(self._folder))[1:-1])}[/\\]+[0-9a-f]{{{_HASH}}}[/\\]+"
        )

    def add_files(self, files: Sequence[Path], budget: UploadBudget | None = None) -> Uploads:
        """Add the articles in files, which may be temporary and have untrusted names.

        The budget applies to all files together. When it is used up or its work is cancelled, articles that were added
        remain, and the other results say so.
        """
        names = [safe_name(str(file)) for file in files]
        adds = [self._file_adder(*each) for each in zip(files, names, strict=True)]
        return self._each(names, adds[:MOST_FILES] + [_refusal(TOO_MANY)] * (len(files) - MOST_FILES), budget)

    def add_text(self, title: str, text: str, budget: UploadBudget | None = None) -> Uploads:
        """Add typed or pasted text. The title becomes its first line; without a title, its first line is the title.

        A title without a visible character counts as missing.
        """
        title = " ".join(title.split())[:_LONGEST_TITLE]
        title = title if is_visible(title) else ""
        shown = one_line(title or text[:LONGEST_TEXT].strip().partition("\n")[0], _LONGEST_SHOWN)
        if not text.strip():
            return self._each([shown], [_refusal(NO_TEXT)], budget)
        if len(text) > LONGEST_TEXT:
            return self._each([shown], [_refusal(TOO_LONG)], budget)
        if not has_words(text):
            return self._each([shown], [_refusal(NO_WORDS)], budget)
        data = (f"{title}\n\n{text}" if title else text).encode("utf-8", "replace")
        name = safe_name(re.sub(r"[/\\]", "-", shown) + ".txt")
        name = name if name.endswith(".txt") else "article.txt"  # no character in the title is allowed in a name
        return self._each([shown], [lambda budget: self._add_data(data, name, budget)], budget)

    def add_link(self, address: str, budget: UploadBudget | None = None) -> Uploads:
        """Add the page at a public web address."""
        address = address.strip()
        scheme, colon, rest = address.partition("://")
        shown = one_line(address[:LONGEST_ADDRESS], _LONGEST_SHOWN)
        if not self.allow_web_links:
            return self._each([shown], [_refusal(LINKS_ARE_OFF)], budget)
        if scheme.lower() not in ("http", "https") or not rest or len(address) > LONGEST_ADDRESS:
            return self._each([shown], [_refusal(NOT_AN_ADDRESS)], budget)
        whole = scheme.lower() + colon + rest
        return self._each([shown], [lambda left: self._index.sync([whole], public_only=True, budget=left)], budget)

    def remove(self, ids: Iterable[object]) -> tuple[tuple[Article, int], ...]:
        """Remove articles by their full ids, and the library's copies of their files; skip unknown ids.

        Returns the removed articles without their texts, each with its number of passages. Raises `CitechatError` if
        the index cannot be changed, or is being changed by others.
        """
        wanted = {each for each in ids if isinstance(each, str)}
        if wanted.isdisjoint(article.id for article, _ in self._index.listing()):
            return ()
        with self._turn_to_remove():
            chosen = [article.id for article, _ in self._index.listing() if article.id in wanted]
            if not chosen:
                return ()
            removed = self._index.remove(*chosen)
            copies = {copy for article, _ in removed for copy in self._copies(article)}
            # Do not delete an archive while other articles come from it.
            for copy in copies - {copy for article, _ in self._index.listing() for copy in self._copies(article)}:
                self._delete(copy)
        return removed

    def listing(self) -> tuple[LibraryEntry, ...]:
        """Return the indexed articles, ordered by title."""
        return tuple(
            LibraryEntry(
                id=article.id,
                title=article.title,
                outlets=tuple(dict.fromkeys(outlet(origin.source) for origin in article.origins)),
                published=article.published,
                author=article.author,
                passages=passages,
                is_gone=not self._copies(article) and all(is_gone(origin.path) for origin in article.origins),
                skipped_pages=len(article.skipped_pages),
            )
            for article, passages in self._index.listing()
        )

    @contextmanager
    def _turn_to_remove(self) -> Iterator[None]:
        """Hold the lock. Raises `IndexLockedError` if an upload holds it for long, or if another removal waits for it.

        At most one removal waits, because its thread is then not available for other requests.
        """
        if not self._removal.acquire(blocking=False):
            raise IndexLockedError(*BEING_CHANGED)
        try:
            if not self._lock.acquire(timeout=REMOVAL_TIMEOUT):
                raise IndexLockedError(*BEING_CHANGED)
            try:
                yield
            finally:
                self._lock.release()
        finally:
            self._removal.release()

    def _each(self, names: Sequence[str], adds: Sequence[_Add], budget: UploadBudget | None) -> Uploads:
        """Process uploads one after another, and yield all results whenever one changes."""
        budget = budget or UploadBudget()
        results = [UploadResult(name) for name in names]
        yield tuple(results)
        for at, add in enumerate(adds):
            # The caller may stop iterating, so the lock is never held across a yield.
            with self._lock:
                pass
            results[at] = replace(results[at], state="reading")
            yield tuple(results)
            with self._lock:
                results[at] = self._add(results[at].name, add, budget)
            yield tuple(results)

    def _add(self, name: str, add: _Add, budget: UploadBudget) -> UploadResult:
        """Return the result of one upload, whether it succeeds or fails."""
        try:
            budget.cancellation.check()
            before, _ = self._index.count()
            return self._result(name, add(budget), before)
        except CitechatError as error:
            return UploadResult(name, "failed", self._without_folder(error.message), error.hint)
        except OSError:
            logger.exception("cannot save an upload")
            return UploadResult(name, "failed", *NOT_SAVED)
        except Exception:
            logger.exception("cannot index an upload")
            return UploadResult(name, "failed", *UNEXPECTED)

    def _result(self, name: str, report: SyncReport, before: int) -> UploadResult:
        """Return the result for a report; `before` is the number of articles in the index before the upload."""
        skipped = "; ".join(self._without_folder(each.reason) for each in report.skipped[:_REASONS])
        articles = report.added + report.changed + report.unchanged
        if not articles:
            return UploadResult(name, "failed", *((skipped,) if skipped else NO_ARTICLE))
        pages = _skipped_pages(report.partly_read, is_alone=articles == 1)
        if report.added and report.articles > before:
            return UploadResult(name, "added", skipped, articles=articles, skipped_pages=pages)
        if report.changed:
            return UploadResult(name, "changed", skipped, articles=articles, skipped_pages=pages)
        return UploadResult(name, "unchanged", skipped or KNOWN_TEXT, articles=articles, skipped_pages=pages)

    def _file_adder(self, file: Path, name: str) -> _Add:
        return lambda budget: self._add_file(file, name, budget)

    def _add_file(self, file: Path, name: str, budget: UploadBudget) -> SyncReport:
        if not file.is_file():
            raise LoadError(*INCOMPLETE)
        with file.open("rb") as opened:
            data = opened.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise LoadError(*TOO_LARGE)
        return self._add_data(data, name, budget)

    def _add_data(self, data: bytes, name: str, budget: UploadBudget) -> SyncReport:
        """Store and index a file's data. Delete a new copy that does not contain any article."""
        copy, is_new = self._store(data, name)
        is_used = False
        try:
            report = self._index.sync([copy], budget=budget)
            is_used = report.added + report.changed + report.unchanged > 0
        finally:
            if is_new and not is_used:
                self._delete(copy)
        return report

    def _store(self, data: bytes, name: str) -> tuple[Path, bool]:
        """Store a file, and return its path and whether it is new.

        If the same bytes are already stored under another name, return the path of that file.
        """
        place = self._folder / hashlib.sha256(data).hexdigest()[:_HASH]
        create_private_folder(place)
        suffix = PurePath(name).suffix.lower()
        for known in sorted(place.iterdir()):
            if known.suffix.lower() == suffix and not known.name.startswith("."):
                return known, False
        copy, part = place / name, place / ".part"
        part.write_bytes(data)
        part.replace(copy)
        return copy, True

    def _copies(self, article: Article) -> set[Path]:
        """Return the paths of an article's source files inside the upload folder."""
        found = (self._copy.fullmatch(origin.path) for origin in article.origins)
        return {self._folder / match[1] / match[2] for match in found if match}

    def _delete(self, copy: Path) -> None:
        try:
            copy.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("cannot delete a file of a removed article: %s", error.strerror)
        with suppress(OSError):  # the folder contains another file
            copy.parent.rmdir()

    def _without_folder(self, message: str) -> str:
        """Return an index message without the upload folder's path, which users should not see."""
        return self._inside.sub("", message)


def _skipped_pages(partly_read: Sequence[PartlyRead], *, is_alone: bool) -> str:
    """Return the numbers of the skipped pages; unless the document is alone in its file, with its name before them."""
    shown = []
    for each in partly_read[:_REASONS]:
        pages = list_page_numbers(page.number for page in each.skipped_pages)
        shown.append(pages if is_alone else f"{public_name(each.path)}: {pages}")
    return "; ".join(shown)


def safe_name(name: str) -> str:
    """Return a file name that is safe on every system: the last part of a path, printable, not hidden, with a limited
    length and its suffix."""
    last = re.split(r"[/\\]", name)[-1]
    plain = _NOT_IN_NAMES.sub("_", "".join(character for character in last if character.isprintable()))
    plain = plain.lstrip(". ").rstrip(". ")
    stem, suffix = os.path.splitext(plain)  # noqa: PTH122 - a name, not a path
    if len(suffix) > _LONGEST_SUFFIX:
        stem, suffix = plain, ""
    room = _LONGEST_NAME_IN_BYTES - len(suffix.encode())
    cut = stem[: _LONGEST_NAME - len(suffix)].encode()[:room].decode(errors="ignore")
    readable = cut.rstrip(". ") or "article"
    return f"{'_' if _DEVICES.match(readable + suffix) else ''}{readable}{suffix}"


def _refusal(why: tuple[str, str]) -> _Add:
    """Return an upload function that fails with this message and hint."""

    def refuse(_: UploadBudget) -> SyncReport:
        raise LoadError(*why)

    return refuse
