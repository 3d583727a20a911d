"""The evidence that each hit for a question finds, at three levels. Pure.

The evidence for a question is a list of pieces, each with the spans that contain it (two articles may contain the same
text; a piece that no article contains has no span and is never found).

- *passage*: a hit finds a piece if it overlaps the piece.
- *article*: a hit finds a piece if it comes from the article that contains the piece. Pieces in the same article
  count as one.
- *evidence*: a hit finds the characters in a piece that no earlier hit contained. The piece is found when all its
  characters are found.

A hit that finds nothing new, such as another passage from the same article, has no gain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ..reply import ArticleSpan
from . import ranking
from .overlap import merge_spans, shared, size

Level = Literal["passage", "article", "evidence"]


@dataclass(frozen=True, slots=True)
class HitGains:
    """The new part of each piece that each hit finds: `gains[hit][piece]` out of `sizes[piece]`.

    At the evidence level, the unit is a character; at the other levels, every piece has size 1.
    """

    gains: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...]

    @property
    def completed(self) -> list[int]:
        """The number of pieces that each hit completes."""
        found = [0] * len(self.sizes)
        counts = []
        for gains in self.gains:
            before = sum(had == size for had, size in zip(found, self.sizes, strict=True))
            found = [had + new for had, new in zip(found, gains, strict=True)]
            counts.append(sum(had == size for had, size in zip(found, self.sizes, strict=True)) - before)
        return counts


def hit_gains(
    level: Level, hits: Sequence[ArticleSpan], gold: Sequence[str], evidence: Sequence[Sequence[ArticleSpan]]
) -> HitGains:
    """Return the gains of the hits; `gold` contains the texts of the pieces, and `evidence` the spans for each."""
    if level == "evidence":
        return _gains(hits, evidence, [len(text) for text in gold], _covered)
    if level == "article":
        hits, evidence = _articles(hits), list(dict.fromkeys(tuple(sorted(set(_articles(each)))) for each in evidence))
    return _gains(hits, evidence, [1] * len(evidence), _overlapped)


def hit_at(found: HitGains, first: int) -> float:
    """Return 1 if the first hits complete at least one piece, else 0."""
    return ranking.hit(found.completed, first)


def recall_at(found: HitGains, first: int) -> float:
    """Return the share of pieces that the first `first` hits find; at the evidence level, of the pieces' characters."""
    return ranking.recall([sum(gains) for gains in found.gains], sum(found.sizes), first)


def reciprocal_rank(found: HitGains) -> float:
    """Return 1 / rank of the hit that completes the first piece."""
    return ranking.reciprocal_rank(found.completed)


def ndcg_at(found: HitGains, first: int) -> float:
    """Return nDCG with each piece as a document of grade 1; at the evidence level, with its share of characters found.

    A hit that finds several pieces counts as several consecutive items, one for each piece. The ideal is therefore one
    piece per rank, regardless of passage size, and the value never exceeds 1.
    """
    gains: list[float] = []
    for new in found.gains:
        gains += [gain / size for gain, size in zip(new, found.sizes, strict=True) if gain] or [0.0]
    return ranking.ndcg(gains, [1.0] * len(found.sizes), first)


def context_precision_at(
    level: Level, hits: Sequence[ArticleSpan], evidence: Sequence[Sequence[ArticleSpan]], first: int
) -> float:
    """Return the share of the retrieved text that is relevant.

    Passage and article level: `ranking.context_precision` of the hits that overlap evidence, or come from its article.
    Evidence level: the share of characters in the first hits that belong to evidence (Smith & Troynikov 2024).
    """
    spans = [span for each in evidence for span in each]
    if level == "evidence":
        found = merge_spans(hits[:first])
        return shared(found, merge_spans(spans)) / size(found) if size(found) else 0.0
    if level == "article":
        hits, spans = _articles(hits), _articles(spans)
    return ranking.context_precision([_overlapped([hit], spans) for hit in hits], first)


def _articles(spans: Sequence[ArticleSpan]) -> list[ArticleSpan]:
    """Return spans that overlap if and only if the given spans are in the same article."""
    return [ArticleSpan(span.article_id, 0, 1) for span in spans]


def _gains(
    hits: Sequence[ArticleSpan],
    pieces: Sequence[Sequence[ArticleSpan]],
    sizes: Sequence[int],
    amount: Callable[[Sequence[ArticleSpan], Sequence[ArticleSpan]], int],
) -> HitGains:
    had = [0] * len(pieces)
    gains = []
    for rank in range(1, len(hits) + 1):
        have = [amount(hits[:rank], piece) for piece in pieces]
        gains.append(tuple(now - before for now, before in zip(have, had, strict=True)))
        had = have
    return HitGains(tuple(gains), tuple(sizes))


def _covered(hits: Sequence[ArticleSpan], spans: Sequence[ArticleSpan]) -> int:
    found = merge_spans(hits)
    return max((shared(found, merge_spans([span])) for span in spans), default=0)


def _overlapped(hits: Sequence[ArticleSpan], spans: Sequence[ArticleSpan]) -> int:
    return int(any(hit.overlaps(span) for hit in hits for span in spans))
