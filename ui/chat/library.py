"""The library of the chat: readers add articles to the index and remove them.

A file that a reader sends is kept in a folder of the program's own, under a hash of its bytes, since an article's path
has to outlive the web framework's temporary files. Nothing that a browser sends decides where that is. What is told of
a file are rows, ever newer ones, for a page that shows them; errors become rows and are never raised.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath
from typing import Literal

from index import Article, CitechatError, Index, LoadError, SyncReport

from ..html import one_line, outlet

logger = logging.getLogger(__name__)

MOST_FILES = 200
"""Files that are added at once."""

LARGEST_FILE = 20_000_000
"""Bytes of a file."""

LONGEST_TEXT = 2_000_000
"""Characters of a text that is typed or pasted."""

LONGEST_ADDRESS = 2000
"""Characters of a web address."""

TOO_MANY = (f"more than {MOST_FILES} files were sent at once", "Add this one again, with the next ones.")
TOO_LARGE = (f"the file is larger than {LARGEST_FILE // 1_000_000} MB", "Split it into articles, one file each.")
NOT_ARRIVED = ("the file has not arrived", "Choose it again.")
NO_TEXT = ("there is no text", "Paste the text of an article.")
TOO_LONG = (f"the text is longer than {LONGEST_TEXT:,} characters", "Split it into articles, and add them one by one.")
NO_ADDRESS = ("this is no web address", "An address begins with http:// or https://.")
LINKS_ARE_OFF = (
    "adding web addresses is switched off here",
    "Save the page in a browser and add the file; or start the chat with CITECHAT_LINKS=1.",
)
NOTHING_IN_IT = ("there is no article in it", "Add the articles themselves, one file each.")
NOT_KEPT = ("it cannot be kept on this server", "Its disk may be full; the log of the server says more.")
UNEXPECTED = ("something went wrong here, and it is not your file", "Try again; the log of the server says more.")
KNOWN_TEXT = "the same text is in the library already"

State = Literal["waiting", "reading", "added", "changed", "unchanged", "failed"]

_LONGEST_NAME = 100  # characters of a file's name
_LONGEST_NAME_IN_BYTES = 200  # file systems take 255
_LONGEST_SUFFIX = 12
_LONGEST_TITLE = 200
_LONGEST_SHOWN = 120
_REASONS = 3  # that are told of what could not be read in an archive
_HASH = 16  # hexadecimal digits of a folder's name
_DEVICES = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:\.|$)", re.IGNORECASE)
# What Windows takes in no name, and the mark between an archive and its members in an article's path.
_NOT_IN_NAMES = re.compile(r'[<>:"|?*!]')


@dataclass(frozen=True, slots=True)
class Row:
    """How far one thing is that a reader adds. `detail` and `hint` say what is wrong with it and what to do, `articles`
    how many were in it."""

    name: str
    state: State = "waiting"
    detail: str = ""
    hint: str = ""
    articles: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """An article in the list on the page; `outlets` are all that carry its text."""

    id: str
    title: str
    outlets: tuple[str, ...]
    published: str | None
    author: str | None
    passages: int


Rows = Iterator[tuple[Row, ...]]
_Add = Callable[[], SyncReport]


class Library:
    """Adds to an index and removes from it, one reader of this process after another.

    Use one for each index: what keeps its readers from writing at the same time is its own.
    """

    def __init__(self, index: Index, folder: Path, *, allow_web_links: bool = False) -> None:
        """What readers send is kept in `folder`; with `allow_web_links` they may name pages of the public web, too."""
        self._index = index
        self._folder = folder.resolve()
        self.allow_web_links = allow_web_links
        self._turn = threading.Lock()
        inside = rf"{re.escape(str(self._folder))}[/\\]([0-9a-f]{{{_HASH}}})[/\\]"
        self._copy = re.compile(rf"{inside}((?!\.)[^/\\!]+)(?:!.*)?", re.DOTALL)
        self._inside = re.compile(
            rf"{inside}|{re.escape(repr(str(self._folder))[1:-1])}[/\\]+[0-9a-f]{{{_HASH}}}[/\\]+"
        )

    def add_files(self, files: Sequence[Path]) -> Rows:
        """Add the articles in files, which may lie where they will not stay, under names that strangers chose."""
        names = [safe_name(str(file)) for file in files]
        adds: list[_Add] = [partial(self._add_file, *each) for each in zip(files, names, strict=True)]
        return self._each(names, adds[:MOST_FILES] + [_refusal(TOO_MANY)] * (len(files) - MOST_FILES))

    def add_text(self, title: str, text: str) -> Rows:
        """Add a text that was typed or pasted; its title becomes its first line, or is that where there is none."""
        title = " ".join(title.split())[:_LONGEST_TITLE]
        shown = one_line(title or text[:LONGEST_TEXT].strip().partition("\n")[0], _LONGEST_SHOWN)
        if not text.strip():
            return self._each([shown], [_refusal(NO_TEXT)])
        if len(text) > LONGEST_TEXT:
            return self._each([shown], [_refusal(TOO_LONG)])
        data = (f"{title}\n\n{text}" if title else text).encode("utf-8", "replace")
        name = safe_name(re.sub(r"[/\\]", "-", shown) + ".txt")
        name = name if name.endswith(".txt") else "article.txt"  # nothing of the title can be in a name
        return self._each([shown], [lambda: self._add_data(data, name)])

    def add_link(self, address: str) -> Rows:
        """Add the page at a web address that anybody on the internet can reach."""
        address = address.strip()
        scheme, colon, rest = address.partition("://")
        shown = one_line(address[:LONGEST_ADDRESS], _LONGEST_SHOWN)
        if not self.allow_web_links:
            return self._each([shown], [_refusal(LINKS_ARE_OFF)])
        if scheme.lower() not in ("http", "https") or not rest or len(address) > LONGEST_ADDRESS:
            return self._each([shown], [_refusal(NO_ADDRESS)])
        whole = scheme.lower() + colon + rest
        return self._each([shown], [lambda: self._index.sync([whole], public_only=True)])

    def remove(self, ids: Iterable[object]) -> tuple[tuple[Article, int], ...]:
        """Remove articles by their whole ids, and our copies of their files; ids of no article are passed over.

        Returns what was removed, without the texts, each with its number of passages. Raises `CitechatError` where the
        index cannot be changed.
        """
        wanted = {each for each in ids if isinstance(each, str)}
        with self._turn:
            chosen = [article.id for article, _ in self._index.listing() if article.id in wanted]
            if not chosen:
                return ()
            removed = self._index.remove(*chosen)
            copies = {copy for article, _ in removed for copy in self._copies(article)}
            # An archive that other articles came from stays with them.
            for copy in copies - {copy for article, _ in self._index.listing() for copy in self._copies(article)}:
                self._delete(copy)
        return removed

    def listing(self) -> tuple[Listed, ...]:
        """The articles of the index, in the order of titles."""
        return tuple(
            Listed(
                id=article.id,
                title=article.title,
                outlets=tuple(dict.fromkeys(outlet(origin.source) for origin in article.origins)),
                published=article.published,
                author=article.author,
                passages=passages,
            )
            for article, passages in self._index.listing()
        )

    def _each(self, names: Sequence[str], adds: Sequence[_Add]) -> Rows:
        """Do one after another, and yield the rows whenever one of them has changed."""
        rows = [Row(name) for name in names]
        yield tuple(rows)
        for at, add in enumerate(adds):
            # Whoever takes these rows may stop taking them, so the turn is never kept from one to the next.
            with self._turn:
                pass
            rows[at] = replace(rows[at], state="reading")
            yield tuple(rows)
            with self._turn:
                rows[at] = self._done(rows[at].name, add)
            yield tuple(rows)

    def _done(self, name: str, add: _Add) -> Row:
        """The row of what was added, or could not be."""
        try:
            before, _ = self._index.count()
            return self._row(name, add(), before)
        except CitechatError as error:
            return Row(name, "failed", self._told(error.message), error.hint)
        except OSError:
            logger.exception("what a reader added could not be kept")
            return Row(name, "failed", *NOT_KEPT)
        except Exception:
            logger.exception("what a reader added could not be indexed")
            return Row(name, "failed", *UNEXPECTED)

    def _row(self, name: str, report: SyncReport, before: int) -> Row:
        """What a report comes to, where there were so many articles before."""
        skipped = "; ".join(self._told(each.reason) for each in report.skipped[:_REASONS])
        articles = report.added + report.changed + report.unchanged
        if not articles:
            return Row(name, "failed", *((skipped,) if skipped else NOTHING_IN_IT))
        if report.added and report.articles > before:
            return Row(name, "added", skipped, articles=articles)
        if report.changed:
            return Row(name, "changed", skipped, articles=articles)
        return Row(name, "unchanged", skipped or KNOWN_TEXT, articles=articles)

    def _add_file(self, file: Path, name: str) -> SyncReport:
        if not file.is_file():
            raise LoadError(*NOT_ARRIVED)
        with file.open("rb") as opened:
            data = opened.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise LoadError(*TOO_LARGE)
        return self._add_data(data, name)

    def _add_data(self, data: bytes, name: str) -> SyncReport:
        """Index our copy of a file; where no article came of it, the copy goes unless it was there before."""
        copy, is_new = self._keep(data, name)
        is_used = False
        try:
            report = self._index.sync([copy])
            is_used = report.added + report.changed + report.unchanged > 0
        finally:
            if is_new and not is_used:
                self._delete(copy)
        return report

    def _keep(self, data: bytes, name: str) -> tuple[Path, bool]:
        """Our copy of a file, and whether it was made now: the same bytes under another name are the same file."""
        place = self._folder / hashlib.sha256(data).hexdigest()[:_HASH]
        place.mkdir(parents=True, exist_ok=True)
        suffix = PurePath(name).suffix.lower()
        for known in sorted(place.iterdir()):
            if known.suffix.lower() == suffix and not known.name.startswith("."):
                return known, False
        copy, part = place / name, place / ".part"
        part.write_bytes(data)
        part.replace(copy)
        return copy, True

    def _copies(self, article: Article) -> set[Path]:
        """The files of ours that an article was read from; only ever paths inside the folder."""
        found = (self._copy.fullmatch(origin.path) for origin in article.origins)
        return {self._folder / match[1] / match[2] for match in found if match}

    def _delete(self, copy: Path) -> None:
        try:
            copy.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("a file of a removed article could not be deleted: %s", error.strerror)
        with suppress(OSError):  # it holds another file
            copy.parent.rmdir()

    def _told(self, message: str) -> str:
        """What the index says, without the folder, which is nothing to a reader."""
        return self._inside.sub("", message)


def safe_name(name: str) -> str:
    """A file's name that does no harm on any system: the last part of a path, printable, not hidden, of bounded length,
    its suffix kept. Pure."""
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
    """What is refused before anything is read, as if it had been tried."""

    def refuse() -> SyncReport:
        raise LoadError(*why)

    return refuse
