"""What the hits of one question bring of its evidence, hit by hit, at three levels. Pure.

The evidence of a question is a list of pieces, each with the places where it stands (one text may be in two articles;
a piece that no article has stands nowhere, and is never found).

- *passage*: a hit brings a piece when it overlaps it.
- *article*: a hit brings the article that a piece stands in. Pieces in the same article are one.
- *evidence*: a hit brings the characters of a piece that no hit before it had. The piece is found when all are there.

A hit that brings nothing new (another passage of the same article, say) neither adds nor is right again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from . import ranking
from .overlap import ArticleSpan, shared, size, spread

Level = Literal["passage", "article", "evidence"]
Piece = TypeVar("Piece")


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What each hit newly brings of each piece, `brought[hit][piece]` of `sizes[piece]`.

    In characters at the level of evidence; elsewhere a piece has the size 1.
    """

    brought: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...]

    @property
    def completed(self) -> list[int]:
        """For each hit, how many pieces are there in full since it came."""
        so_far = [0] * len(self.sizes)
        counts = []
        for news in self.brought:
            before = sum(had == size for had, size in zip(so_far, self.sizes, strict=True))
            so_far = [had + new for had, new in zip(so_far, news, strict=True)]
            counts.append(sum(had == size for had, size in zip(so_far, self.sizes, strict=True)) - before)
        return counts


def arrivals(
    level: Level, hits: Sequence[ArticleSpan], gold: Sequence[str], evidence: Sequence[Sequence[ArticleSpan]]
) -> Arrivals:
    """What the hits bring; `gold` are the texts of the pieces, `evidence` the places of each."""
    if level == "evidence":
        return _arrivals(hits, list(evidence), [len(text) for text in gold], _covered)
    if level == "passage":
        return _arrivals(hits, list(evidence), [1] * len(gold), _overlapped)
    articles = list(dict.fromkeys(frozenset(place.article_id for place in places) for places in evidence))
    return _arrivals(hits, [sorted(each) for each in articles], [1] * len(articles), _of_article)


def hit_at(found: Arrivals, first: int) -> float:
    """1 when the first hits bring one piece in full: any one is right."""
    return ranking.hit(found.completed, first)


def recall_at(found: Arrivals, first: int) -> float:
    """Share of all pieces that the first hits bring; at the level of evidence, of all their characters."""
    return ranking.recall([sum(news) for news in found.brought], sum(found.sizes), first)


def reciprocal_rank(found: Arrivals) -> float:
    """1 / rank of the hit with which the first piece is there in full."""
    return ranking.reciprocal_rank(found.completed)


def ndcg_at(found: Arrivals, first: int) -> float:
    """nDCG with each piece as a document, of grade 1; at the level of evidence, of the share of its characters.

    A hit that brings several pieces at once counts as one item for each of them, one after the other: so the ideal is
    one piece a rank, whatever the size of the passages, and never more than 1 can be reached.
    """
    gains: list[float] = []
    for news in found.brought:
        gains += [new / size for new, size in zip(news, found.sizes, strict=True) if new] or [0.0]
    return ranking.ndcg(gains, [1.0] * len(found.sizes), first)


def context_precision_at(
    level: Level, hits: Sequence[ArticleSpan], evidence: Sequence[Sequence[ArticleSpan]], first: int
) -> float:
    """How much of what was found is to the point.

    Passage and article: `ranking.context_precision` of the hits that overlap evidence, or are of its article. Evidence:
    the share of the characters of the first hits that belong to evidence (Smith & Troynikov 2024).
    """
    places = [place for each in evidence for place in each]
    if level == "evidence":
        found = spread(hits[:first])
        return shared(found, spread(places)) / size(found) if size(found) else 0.0
    if level == "passage":
        right = [any(place.overlaps(other) for other in places) for place in hits]
    else:
        articles = {place.article_id for place in places}
        right = [place.article_id in articles for place in hits]
    return ranking.context_precision(right, first)


def _arrivals(
    hits: Sequence[ArticleSpan],
    pieces: Sequence[Piece],
    sizes: Sequence[int],
    amount: Callable[[Sequence[ArticleSpan], Piece], int],
) -> Arrivals:
    had = [0] * len(pieces)
    brought = []
    for rank in range(1, len(hits) + 1):
        have = [amount(hits[:rank], piece) for piece in pieces]
        brought.append(tuple(now - before for now, before in zip(have, had, strict=True)))
        had = have
    return Arrivals(tuple(brought), tuple(sizes))


def _covered(hits: Sequence[ArticleSpan], places: Sequence[ArticleSpan]) -> int:
    found = spread(hits)
    return max((shared(found, spread([place])) for place in places), default=0)


def _overlapped(hits: Sequence[ArticleSpan], places: Sequence[ArticleSpan]) -> int:
    return int(any(hit.overlaps(place) for hit in hits for place in places))


def _of_article(hits: Sequence[ArticleSpan], articles: Sequence[str]) -> int:
    return int(any(hit.article_id in articles for hit in hits))
