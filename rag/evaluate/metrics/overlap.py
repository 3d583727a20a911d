"""Measure the overlap of citations and evidence in characters. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..reply import ArticleSpan

MergedSpans = Mapping[str, Sequence[tuple[int, int]]]
"""The characters that a set of spans covers: for each article, a sorted list of ranges that do not touch."""


def merge_spans(spans: Iterable[ArticleSpan]) -> MergedSpans:
    """Return the union of the spans: a character that several spans cover counts once."""
    ranges: dict[str, list[tuple[int, int]]] = {}
    for article_id, start, end in sorted(spans):
        merged = ranges.setdefault(article_id, [])
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif start < end:
            merged.append((start, end))
    return ranges


def size(ranges: MergedSpans) -> int:
    """Return the number of characters that the ranges cover."""
    return sum(end - start for each in ranges.values() for start, end in each)


def shared(one: MergedSpans, other: MergedSpans) -> int:
    """Return the number of characters that both sets of ranges cover."""
    return sum(
        max(0, min(end, last) - max(start, first))
        for article_id in one.keys() & other.keys()
        for start, end in one[article_id]
        for first, last in other[article_id]
    )


def overlaps_within(spans: Sequence[ArticleSpan], gold: Sequence[ArticleSpan], first: int | None = None) -> bool:
    """Return whether one of the first `first` spans (of all spans, if None) overlaps a gold span.

    For citations, `first=1` means "the first citation is right" and None "any citation is right".
    """
    return any(span.overlaps(right) for span in spans[:first] for right in gold)


def is_exact_quote(text: str, start: int, end: int, quote: str) -> bool:
    """Return whether `text[start:end] == quote`; an empty quote is never exact."""
    return 0 <= start < end <= len(text) and text[start:end] == quote


class CitationQuality(NamedTuple):
    """Precision, recall and F1 of the cited characters, compared with the characters in the evidence."""

    precision: float
    recall: float
    f1: float


def citation_quality(cited: Sequence[ArticleSpan], evidence: Sequence[Sequence[ArticleSpan]]) -> CitationQuality:
    """Return precision, recall and F1 of the cited characters; all are 0 if nothing is cited.

    `evidence` lists the spans for each piece of evidence. A citation of any one piece is right: precision is the share
    of cited characters that belong to any piece, and recall is the largest share of a piece that is cited. A sentence
    that is cited for two words of evidence is right but has a low precision: compare precision only between runs.
    """
    merged = merge_spans(cited)
    spans = [span for each in evidence for span in each]
    cited_size = size(merged)
    precision = shared(merged, merge_spans(spans)) / cited_size if cited_size else 0.0
    recall = max((shared(merged, merge_spans([span])) / (span.end - span.start) for span in spans), default=0.0)
    both = precision + recall
    return CitationQuality(precision, recall, 2 * precision * recall / both if both else 0.0)
