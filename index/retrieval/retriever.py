"""The passages for a question: dense and keyword rankings, fused, then looked at closely."""

from __future__ import annotations

import logging
import shutil
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np

from ..embedding.base import Encoder, FloatArray
from ..filters import ArticleFilter
from ..models import Article, Hit
from ..storage.store import Store
from ..storage.token_cache import TokenCache, TokenVectors
from ..storage.vector_cache import vectors_of
from .bm25 import BM25Index
from .deduplicate import diverse
from .features import PassageFeatures, encode_in_context
from .late_interaction import Question, max_similarity, read_question

logger = logging.getLogger(__name__)

_CANDIDATES = 100  # passages asked of each leg
_FEW = 2000  # passages of chosen articles, of which all are compared: Chroma's graph may not reach a lonely one
_LOOKED_AT = 10  # passages that late interaction re-scores; 20 and 50 give the same right document first
_FUSED_WEIGHT = 0.6  # what the fused score still counts for beside late interaction; the figures are flat from 0 to 1
_KEPT = 2000  # passages that are kept in memory as they were read: about 130 MB with 384 dimensions


@dataclass(frozen=True, slots=True)
class ScoredPassage:
    """A passage found for a question, with what was computed to score it.

    `similarities` are the cosines of the question's tokens with those of the passage, shape `(question tokens, passage
    tokens)`.
    """

    hit: Hit
    features: PassageFeatures
    similarities: FloatArray


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The passages found for a question, best first, and the BM25 index, which knows how rare each term is."""

    question: Question
    passages: list[ScoredPassage]
    bm25: BM25Index

    @property
    def hits(self) -> list[Hit]:
        """The hits, best first."""
        return [passage.hit for passage in self.passages]


def standardise(scores: FloatArray) -> FloatArray:
    """Scores in standard deviations from their mean, so that scores of different units can be added."""
    return np.asarray((scores - scores.mean()) / (scores.std() + 1e-9), dtype=np.float32)


def fuse(dense: FloatArray, keyword: FloatArray, *, readable: bool) -> FloatArray:
    """One score for each passage from its cosine and its BM25 score, shape `(passages,)` each.

    Standardised and added. A leg that has nothing to say has no say: keywords when no word of the question occurs
    anywhere, and cosines when the question's script is not one that the model knows.
    """
    if not keyword.any():
        return standardise(dense)
    if not readable:
        return standardise(keyword)
    return standardise(dense) + standardise(keyword)


def top(scores: FloatArray, count: int) -> list[int]:
    """Where the `count` highest scores above 0 are; of equal ones the first. Sorts no more than it must."""
    least = np.partition(scores, -count)[-count] if len(scores) > count else 0.0
    places = np.flatnonzero((scores >= least) & (scores > 0))
    return [int(place) for place in places[np.argsort(-scores[places], kind="stable")][:count]]


class Retriever:
    """Search over one store. What it needs of the passages is read when a question first looks at them, and kept."""

    def __init__(self, store: Store, encoder: Encoder, tokens: TokenCache) -> None:
        self.store = store
        self.encoder = encoder
        self.tokens = tokens
        self.is_outdated = False
        """Whether the index is known to have changed since: then what was read before is cited only if it is there."""
        self._readings: OrderedDict[str, PassageFeatures] = OrderedDict()
        self._lock = threading.Lock()
        _multiply_in_one_thread()

    def find(self, question: str, limit: int = 6, article_filter: ArticleFilter | None = None) -> SearchResult:
        """The `limit` best passages for `question`, best first, of the articles that `article_filter` allows."""
        read = read_question(question, self.encoder.query(question), self._keywords)
        allowed = (
            None if not article_filter else [article.id for article in self._metadata if article_filter.allows(article)]
        )
        if not len(self._keywords.ids) or allowed == []:
            return SearchResult(read, [], self._keywords)
        ids, dense, keyword = self._candidates(read, allowed)
        if not ids:
            return SearchResult(read, [], self._keywords)
        fused = fuse(dense, keyword, readable=read.readable)
        best = np.argsort(-fused, kind="stable")[: max(_LOOKED_AT, limit)]
        readings = self._read([ids[i] for i in best])
        best = best[np.array([reading is not None for reading in readings], dtype=bool)]
        looked = [reading for reading in readings if reading is not None]
        if not looked:  # another process has just replaced them all
            return SearchResult(read, [], self._keywords)
        similar = [reading.tokens.cosines(read.tokens) for reading in looked]
        late = np.array([max_similarity(read, each) for each in similar], dtype=np.float32)
        # Where the model cannot read the question, what it sees in a passage says nothing.
        score = standardise(late) + _FUSED_WEIGHT * standardise(fused[best]) if read.readable else fused[best]
        ranks = {"dense": _ranks(dense)[best], "keyword": _ranks(keyword)[best], "fused": _ranks(fused)[best]}
        ranks["late"] = _ranks(late)
        shown = diverse([reading.wording for reading in looked], score.tolist(), limit)
        passages = []
        for i, copies in shown:
            own = {name: int(rank[i]) for name, rank in ranks.items()}
            hit = _hit(looked[i], [looked[copy] for copy in copies], float(score[i]), own, read)
            passages.append(ScoredPassage(hit, looked[i], similar[i]))
        return SearchResult(read, passages, self._keywords)

    def make_ready(self) -> None:
        """Make what every question reads, or read it as it was kept."""
        _ = self._vectors, self._metadata

    def _candidates(
        self, question: Question, allowed: Sequence[str] | None
    ) -> tuple[list[str], FloatArray, FloatArray]:
        """The passages that either leg puts among its best, of the articles that are `allowed` where not all are: their
        ids, cosines and BM25 scores.

        A passage that only the keywords found gets the cosine of the last that the dense leg found: it is not nearer.
        """
        ids = self._keywords.ids
        mask = None if allowed is None else self._keywords.of_articles(allowed)
        cosines = self._nearest(question.vector, mask, allowed)
        keyword = self._keywords.scores(question.text)
        if mask is not None:
            keyword *= mask
        chosen = sorted({*cosines, *top(keyword, _CANDIDATES)})
        last = min(cosines.values(), default=0.0)
        dense = np.array([cosines.get(place, last) for place in chosen], dtype=np.float32)
        return [ids[place].decode() for place in chosen], dense, keyword[chosen]

    def _nearest(self, vector: FloatArray, mask: FloatArray | None, allowed: Sequence[str] | None) -> dict[int, float]:
        """The places of the nearest passages with their cosines: of few passages all are compared, of many Chroma
        finds them."""
        ids = self._keywords.ids
        places = np.arange(len(ids)) if mask is None else np.flatnonzero(mask)
        if self._vectors is not None:
            vectors = self._vectors if mask is None else self._vectors[places]
        elif len(places) <= _FEW:
            vectors = self.store.matrix([ids[place].decode() for place in places], len(vector))
        else:
            nearest = self.store.nearest(vector, _CANDIDATES, allowed)
            near = np.array([id_ for id_, _ in nearest], dtype=np.bytes_)
            found = np.minimum(np.searchsorted(ids, near), len(ids) - 1)
            known = ids[found] == near  # what another process is just writing, or has removed, is not
            return {int(place): nearest[i][1] for i, place in enumerate(found) if known[i]}
        cosines = vectors @ vector
        best = np.argpartition(-cosines, _CANDIDATES)[:_CANDIDATES] if len(places) > _CANDIDATES else slice(None)
        return dict(zip(places[best].tolist(), cosines[best].tolist(), strict=True))

    def _read(self, ids: Sequence[str]) -> list[PassageFeatures | None]:
        """The passages, read closely, in order; None for one that is gone."""
        with self._lock:
            missing = [id_ for id_ in ids if id_ not in self._readings]
            if missing:
                self._readings |= self._read_anew(missing)
            found = [self._readings.get(id_) for id_ in ids]
            for id_, reading in zip(ids, found, strict=True):
                if reading is not None:
                    self._readings.move_to_end(id_)
            while len(self._readings) > _KEPT:
                self._readings.popitem(last=False)
        if self.is_outdated:
            there = self.store.are_there({reading.passage.article_id for reading in found if reading is not None})
            found = [reading if reading and reading.passage.article_id in there else None for reading in found]
        return found

    def _read_anew(self, ids: Sequence[str]) -> dict[str, PassageFeatures]:
        """Readings of those passages that are still there; tokens that are not kept yet are encoded."""
        passages = self.store.passages(ids)
        tokens = self.tokens.get([passage.id for _, passage in passages])
        missing = [(article, passage) for article, passage in passages if passage.id not in tokens]
        if missing:
            encodings = encode_in_context(self.encoder, [(article.title, passage.text) for article, passage in missing])
            new = {passage.id: TokenVectors.of(each) for (_, passage), each in zip(missing, encodings, strict=True)}
            self.tokens.put(new)
            tokens |= new
        return {
            passage.id: PassageFeatures(passage, replace(article, text=""), tokens[passage.id])
            for article, passage in passages
        }

    @cached_property
    def _vectors(self) -> FloatArray | None:
        return vectors_of(self.store, self._keywords.ids)

    @cached_property
    def _metadata(self) -> list[Article]:
        """Every article, without its text."""
        return self.store.article_metadata()

    @cached_property
    def _keywords(self) -> BM25Index:
        return keywords_of(self.store)


@cache
def _multiply_in_one_thread() -> None:
    """Have each product of matrices made by the thread that asks for it, in this whole process.

    They are small here. The library that makes them (BLAS) would divide each among all processors, whose threads then
    wait for the next one without sleeping, and take the processors from the questions beside it.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")


def build_search_caches(store: Store) -> None:
    """Make what questions read beside Chroma, so that the first one does not wait for it."""
    vectors_of(store, keywords_of(store).ids)


def keywords_of(store: Store) -> BM25Index:
    """The keyword table of a store, as it was kept; made and kept where there is none of what is indexed now."""
    stamp = store.stamp()
    folder = store.path / f"keywords-{stamp}"
    try:
        return BM25Index.load(folder)
    except (OSError, ValueError):
        pass  # nobody has asked since something was indexed
    made = BM25Index.of((passage.id, f"{title} . {passage.text}") for title, passage in store.titled_passages())
    if store.stamp() != stamp:
        return made  # of no one state: somebody is writing
    for old in store.path.glob("keywords-*"):
        shutil.rmtree(old, ignore_errors=True)
    try:
        made.save(folder)
    except OSError as error:
        logger.warning("the keyword table cannot be kept in %r, so it is made anew each time: %s", str(folder), error)
    return made


def _hit(
    reading: PassageFeatures, copies: Sequence[PassageFeatures], score: float, ranks: dict[str, int], question: Question
) -> Hit:
    shared = tuple(term for term in question.terms if term in reading.terms)
    article = reading.article
    outlets = [origin.source for each in (reading, *copies) for origin in each.article.origins]
    return Hit(
        passage=reading.passage,
        title=article.title,
        source=article.source,
        published=article.published,
        score=round(score, 6),
        ranks=ranks,
        shared=shared,
        author=article.author,
        language=article.language,
        pages=article.pages,
        also=tuple(outlet for outlet in dict.fromkeys(outlets) if outlet != article.source),
    )


def _ranks(scores: FloatArray) -> np.typing.NDArray[np.int64]:
    """Ranks from 1, best first."""
    ranks = np.empty(len(scores), dtype=np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks
