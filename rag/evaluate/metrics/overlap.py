"""Places in articles, and how many characters they share. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from index import Span


class ArticleSpan(NamedTuple):
    """The characters `[start, end)` of one article."""

    article_id: str
    start: int
    end: int

    @property
    def span(self) -> Span:
        """The offsets alone."""
        return Span(self.start, self.end)

    def overlaps(self, other: ArticleSpan) -> bool:
        """True when both share at least one character of the same article."""
        return self.article_id == other.article_id and self.start < other.end and other.start < self.end


Spread = Mapping[str, Sequence[tuple[int, int]]]
"""The characters that places take up together: by article, ranges in order that do not touch."""


def spread(places: Iterable[ArticleSpan]) -> Spread:
    """The union of the places: a character that several of them hold is there once."""
    ranges: dict[str, list[tuple[int, int]]] = {}
    for article_id, start, end in sorted(places):
        known = ranges.setdefault(article_id, [])
        if known and start <= known[-1][1]:
            known[-1] = (known[-1][0], max(known[-1][1], end))
        elif start < end:
            known.append((start, end))
    return ranges


def size(ranges: Spread) -> int:
    """How many characters are in it."""
    return sum(end - start for each in ranges.values() for start, end in each)


def shared(one: Spread, other: Spread) -> int:
    """How many characters are in both."""
    return sum(
        max(0, min(end, last) - max(start, first))
        for article_id in one.keys() & other.keys()
        for start, end in one[article_id]
        for first, last in other[article_id]
    )


def overlaps_within(places: Sequence[ArticleSpan], gold: Sequence[ArticleSpan], first: int | None = None) -> bool:
    """True when one of the `first` places (all when None) overlaps a gold place.

    Of citations, `first=1` is "the first citation is right", None "any citation is".
    """
    return any(place.overlaps(right) for place in places[:first] for right in gold)


def is_exact_quote(text: str, start: int, end: int, quote: str) -> bool:
    """True when `text[start:end] == quote` and there is something to quote."""
    return 0 <= start < end <= len(text) and text[start:end] == quote


class CitationQuality(NamedTuple):
    """How well the cited characters are those of the evidence."""

    precision: float
    recall: float
    f1: float


def citation_quality(cited: Sequence[ArticleSpan], evidence: Sequence[Sequence[ArticleSpan]]) -> CitationQuality:
    """Precision, recall and F1 of the cited characters; all 0 when nothing is cited.

    `evidence` gives, for each piece of evidence, the places where it stands. Any one piece is right: precision is the
    share of the cited characters that belong to any of them, recall the share of the characters of the one that is
    cited best. A sentence cited for evidence of two words is right and has a low precision: compare it between runs.
    """
    said = spread(cited)
    places = [place for each in evidence for place in each]
    cited_size = size(said)
    precision = shared(said, spread(places)) / cited_size if cited_size else 0.0
    recall = max((shared(said, spread([place])) / (place.end - place.start) for place in places), default=0.0)
    both = precision + recall
    return CitationQuality(precision, recall, 2 * precision * recall / both if both else 0.0)
