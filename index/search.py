"""The passages for a question: dense and keyword rankings, fused."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from .encode import Encoder
from .keywords import Keywords
from .records import Article, Hit, Passage
from .store import Store

_CANDIDATES = 50  # passages asked of each leg; beyond that neither leg adds a right one on our development sets
_RANK_OFFSET = 60  # reciprocal rank fusion, Cormack et al. 2009 (https://doi.org/10.1145/1571941.1572114)


def fuse(rankings: Sequence[Sequence[str]]) -> dict[str, float]:
    """Reciprocal rank fusion: ids with their scores, best first; 1.0 is what the first of every ranking gets.

    Ranks are compared, not scores, because cosines and BM25 scores have no common unit. An empty ranking has no say.
    """
    rankings = [ranking for ranking in rankings if ranking]
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, id_ in enumerate(ranking, start=1):
            scores[id_] = scores.get(id_, 0.0) + (_RANK_OFFSET + 1) / (_RANK_OFFSET + rank) / len(rankings)
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))


class Searcher:
    """Search over one store. The keyword table is built at first use, from the store."""

    def __init__(self, store: Store, encoder: Encoder) -> None:
        self.store = store
        self.encoder = encoder

    def search(self, question: str, limit: int = 6) -> list[Hit]:
        """The `limit` best passages for `question`, best first; empty when nothing is indexed."""
        if not self._passages:
            return []
        dense = self._dense(question)
        keyword = self._keyword(question)
        ranks: dict[str, dict[str, int]] = {}
        for leg, ranking in (("dense", dense), ("keyword", keyword)):
            for rank, id_ in enumerate(ranking, start=1):
                ranks.setdefault(id_, {})[leg] = rank
        return [self._hit(id_, score, ranks[id_]) for id_, score in list(fuse([dense, keyword]).items())[:limit]]

    def _dense(self, question: str) -> list[str]:
        nearest = self.store.nearest(self.encoder.query(question), _CANDIDATES)
        return [id_ for id_, _ in nearest if id_ in self._passages]

    def _keyword(self, question: str) -> list[str]:
        scores = self._keywords.scores(question)
        ids = list(self._passages)
        best = scores.argsort(kind="stable")[::-1][:_CANDIDATES]
        return [ids[i] for i in best if scores[i] > 0]

    def _hit(self, id_: str, score: float, ranks: dict[str, int]) -> Hit:
        passage = self._passages[id_]
        article = self.articles[passage.article_id]
        return Hit(passage, article.title, article.source, article.published, round(score, 6), ranks)

    @cached_property
    def articles(self) -> dict[str, Article]:
        """Every article by its id."""
        return {article.id: article for article in self.store.articles()}

    @cached_property
    def _passages(self) -> dict[str, Passage]:
        return {passage.id: passage for passage in self.store.passages()}

    @cached_property
    def _keywords(self) -> Keywords:
        return Keywords([passage.text for passage in self._passages.values()])

    def refresh(self) -> None:
        """Forget what was read from the store, after it has changed."""
        for name in ("articles", "_passages", "_keywords"):
            self.__dict__.pop(name, None)
