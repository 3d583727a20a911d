"""The nouns of the index: what is stored, cut, and found."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range `[start, end)` of character offsets into an article's text."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a span needs 0 <= start <= end, got {self.start}..{self.end}")

    def __len__(self) -> int:
        return self.end - self.start

    def overlaps(self, other: Span) -> bool:
        """True when the two share at least one character."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A place that a text was read from: what a reader is shown of it, and where that was."""

    source: str
    path: str


@dataclass(frozen=True, slots=True)
class Article:
    """One document as read from its source.

    `text` is never altered, so that offsets into it stay valid: `boilerplate` marks what is not part of the story
    (front matter, share counters, hashes). `id` is a hash of the text, so the same text is the same article. `source`
    is the name shown to users: an outlet, or the path if no outlet is known. `path` is the file or web address that it
    was read from; `copies` are the other places that the same text was read from. `published` is a date in ISO form,
    or as written if it cannot be parsed; `language` is an ISO 639-1 code. `pages` are the offsets of the page starts
    in a paged format.
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
    copies: tuple[Origin, ...] = ()

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Everywhere that the text was read."""
        return (Origin(self.source, self.path), *self.copies)


@dataclass(frozen=True, slots=True)
class Passage:
    """A slice of an article, short enough to embed: `article.text[start:end] == text`, always."""

    article_id: str
    start: int
    end: int
    text: str

    @property
    def id(self) -> str:
        """Stable across runs, so that writing the same passage twice is writing it once."""
        return f"{self.article_id}:{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a question, with what a citation needs to say about its article.

    `score` orders the hits of one question, higher first; it is not a probability and is never shown as a percentage.
    `ranks` explains it: the rank (from 1) that each leg of the search gave the passage, "dense", "keyword" and "fused"
    among all candidates, "late" among those that were looked at closely. `shared` are the question's keywords in it.
    `also` are the other outlets that carry the same words.
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

    def page(self, offset: int) -> int | None:
        """The page, from 1, that a character of the article stands on; None where it has no pages."""
        return max(1, bisect_right(self.pages, offset)) if self.pages else None
