"""Data classes of the index: articles, passages, hits and the manifest."""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range `[start, end)` of character offsets into an article's text."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a span requires 0 <= start <= end, got {self.start}..{self.end}")

    def __len__(self) -> int:
        return self.end - self.start

    def overlaps(self, other: Span) -> bool:
        """Return whether the two spans share a character."""
        return self.start < other.end and other.start < self.end

    def stripped(self, text: str) -> Span:
        """Return the span without the white space at its ends in `text`."""
        words = text[self.start : self.end]
        start = self.start + len(words) - len(words.lstrip())
        return Span(start, max(start, self.start + len(words.rstrip())))


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A place from which a text was read: the name shown to users, and the file or web address."""

    source: str
    path: str


_NOTION_ID = re.compile(r"(?<=[^\s/!])[ -][0-9a-f]{32}(?=(?:_all)?(?:\.\w{1,10})?$)")  # "Harbour dues 0123….md"


def public_name(path: str) -> str:
    """Return the name of a file that anyone may see: without its folders, and without the id of a page of Notion.

    A web address is returned unchanged.

    Folder names can be confidential, and an article's source is sent to hosted LLMs and to users.
    """
    if path.startswith(("http://", "https://")):
        return path
    name = path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path
    return _NOTION_ID.sub("", name)


def day_of(published: str | None) -> date | None:
    """Return the day in an article's date of publication; None if it is missing or not in ISO form."""
    try:
        return date.fromisoformat((published or "")[:10])
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, order=True)
class SkippedPage:
    """A page of a document whose text was not read: its number, from 1, and the reason."""

    number: int
    reason: str


def list_page_numbers(numbers: Iterable[int]) -> str:
    """Return page numbers in ascending order as text, such as "2–4, 7"."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in ranges)


def describe_skipped_pages(pages: Iterable[SkippedPage]) -> str:
    """Return the numbers of the pages with the reasons, such as "2–4: no text; 7: blank"."""
    numbers: dict[str, list[int]] = {}
    for page in pages:
        numbers.setdefault(page.reason, []).append(page.number)
    return "; ".join(f"{list_page_numbers(own)}: {reason}" for reason, own in numbers.items())


@dataclass(frozen=True, slots=True)
class Article:
    """A document as read from its source.

    `text` is never altered, so offsets into it stay valid: `boilerplate` marks text that is not part of the story
    (front matter, share counters, hashes). `id` is a hash of the text, so identical texts are one article. `source` is
    the name shown to users: an outlet, or the file name if no outlet is known. `path` is the file or web address from
    which the article was read; `copies` are the other places from which the same text was read. `published` is a date
    in ISO form, or the original text if it cannot be parsed; `language` is an ISO 639-1 code. `pages` are the offsets
    at which pages start in a paged format; `skipped_pages` are the pages among them that contribute no text, in order.
    `revision` is a hash of what the feed from which the article was read said about it; it changes if the feed
    announces a change.
    """

    id: str
    title: str
    source: str
    text: str
    published: str | None = None
    path: str = ""
    boilerplate: tuple[Span, ...] = ()
    author: str | None = None
    language: str | None = None
    pages: tuple[int, ...] = ()
    skipped_pages: tuple[SkippedPage, ...] = ()
    copies: tuple[Origin, ...] = ()
    revision: str | None = None

    @property
    def origins(self) -> tuple[Origin, ...]:
        """All places from which the text was read."""
        return (Origin(self.source, self.path), *self.copies)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table in a text: their names, none if they are in the rows or unknown, and their separator."""

    names: tuple[str, ...]
    separator: str

    def name(self, index: int) -> str:
        """Return the name of a column, or an empty text."""
        return self.names[index] if index < len(self.names) else ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table in a text. It is a sentence by itself.

    The rest of a row that is longer than a passage has `skipped` cells before it, and the first of them as `lead`.
    """

    span: Span
    columns: Columns
    is_header: bool = False
    skipped: int = 0
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A slice of an article, short enough to embed: `article.text[start:end] == text`, always.

    `rows` are the rows of tables in it, with offsets into `text`.
    """

    article_id: str
    start: int
    end: int
    text: str
    rows: tuple[Row, ...] = ()

    @property
    def id(self) -> str:
        """The article id and the offsets of the slice, which are the same in every run."""
        return f"{self.article_id}:{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a question, with the metadata that a citation shows.

    `score` orders the hits of one question, higher first; it is not a probability and is never shown as a percentage.
    `ranks` explains the score: it contains the passage's rank, from 1, in each ranking. The rankings "dense", "keyword"
    (BM25) and "fused" contain all candidates, and "late" contains those reranked by late interaction. `shared` are the
    question terms that occur in the passage. `also` are the other outlets that published the same or nearly the same
    text. `is_gone` is True if none of the article's files exists any more; see `paths.is_gone`.
    """

    passage: Passage
    title: str
    source: str
    published: str | None
    score: float
    ranks: dict[str, int] = field(default_factory=dict)
    shared: tuple[str, ...] = ()
    author: str | None = None
    language: str | None = None
    pages: tuple[int, ...] = ()
    also: tuple[str, ...] = ()
    is_gone: bool = False

    def page(self, offset: int) -> int | None:
        """Return the page number, from 1, of a character offset in the article; None if the article has no pages."""
        return max(1, bisect_right(self.pages, offset)) if self.pages else None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A record of the settings that built an index.

    It prevents mixing vectors from different models, which may have the same shape but are not comparable.
    """

    encoder: str
    dimension: int
    splitter: str
    format: str = "2"  # version of the records that the store writes

    @property
    def key(self) -> str:
        """A hash of all fields, used in the names of collections and caches."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]
