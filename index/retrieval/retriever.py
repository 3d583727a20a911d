"""Find the passages for a question: dense and BM25 rankings, fused, then reranked by late interaction."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np

from ..embedding.base import Encoder, FloatArray
from ..filters import ArticleFilter
from ..models import Article, Hit, day_of
from ..paths import is_gone
from ..storage.serialization import start_of
from ..storage.store import Store
from ..storage.token_cache import TokenCache, TokenVectors
from ..storage.vector_cache import load_vectors, remove_old_vectors
from .bm25 import BM25Index
from .deduplicate import diverse
from .features import PassageFeatures, encode_in_context
from .fusion import fuse, ranks, standardise, top
from .late_interaction import Question, max_similarity, read_question
from .segment_cache import load_bm25, merge_segments
from .spelling import misspelt, surface_form

_CANDIDATES = 100  # maximum number of passages from each ranking
_FEW = 2000  # maximum number of filtered passages to compare one by one, since Chroma's graph may miss isolated ones
_RERANKED = 10  # passages reranked, or `limit` if higher; with 20 and 50, the right document is first equally often
_FUSED_WEIGHT = 0.6  # weight of the fused score, added to the late-interaction score; 0 to 1 give similar results
_CACHED = 2000  # maximum number of passages with features in memory: about 130 MB with 384 dimensions


@dataclass(frozen=True, slots=True)
class ScoredPassage:
    """A passage found for a question, with the values computed to score it.

    `similarities` are the cosines between question tokens and passage tokens, shape `(question tokens, passage
    tokens)`.
    """

    hit: Hit
    features: PassageFeatures
    similarities: FloatArray


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The passages found for a question, best first, and the BM25 index, which gives the rarity of each term.

    `searched` is the number of passages among which they were found.
    """

    question: Question
    passages: list[ScoredPassage]
    bm25: BM25Index
    searched: int = 0

    @property
    def hits(self) -> list[Hit]:
        """The hits, best first."""
        return [passage.hit for passage in self.passages]


class Retriever:
    """A retriever for one store. Passage features are computed at first use and cached in memory."""

    def __init__(self, store: Store, encoder: Encoder, tokens: TokenCache) -> None:
        self.store = store
        self.encoder = encoder
        self.tokens = tokens
        self.is_outdated = False
        """Whether the index is known to have changed: if so, cached passages are cited only if they still exist."""
        self._features: OrderedDict[str, PassageFeatures] = OrderedDict()
        self._lock = threading.Lock()
        self._compared: FloatArray | None = None
        self._are_loaded = self._are_partial = False
        _limit_blas_threads()

    def find(self, question: str, limit: int = 6, article_filter: ArticleFilter | None = None) -> SearchResult:
        """Return the `limit` best passages, best first, from the articles that `article_filter` allows."""
        read = read_question(question, self.encoder.query(question), self._bm25)
        allowed = self._allowed(article_filter)
        nothing = SearchResult(read, [], self._bm25)
        if not len(self._bm25) or allowed == []:
            return nothing
        ids, dense, bm25 = self._candidates(read, allowed)
        if not ids:
            return nothing
        fused = fuse(dense, bm25, readable=read.readable)
        best = np.argsort(-fused, kind="stable")[: max(_RERANKED, limit)]
        features = self._load_features([ids[i] for i in best])
        best = best[np.array([each is not None for each in features], dtype=bool)]
        existing = [each for each in features if each is not None]
        if not existing:  # another process has just replaced all passages
            return nothing
        similarities = [each.tokens.cosines(read.tokens) for each in existing]
        late = np.array([max_similarity(read, each) for each in similarities], dtype=np.float32)
        # If the model does not know the question's script, the similarities are meaningless.
        score = standardise(late) + _FUSED_WEIGHT * standardise(fused[best]) if read.readable else fused[best]
        rankings = {"dense": ranks(dense)[best], "keyword": ranks(bm25)[best], "fused": ranks(fused)[best]}
        rankings["late"] = ranks(late)
        passages = []
        for i, copies in diverse([each.wording for each in existing], score.tolist(), limit):
            own_ranks = {name: int(rank[i]) for name, rank in rankings.items()}
            shown, *others = _preferred_first([i, *copies], existing)
            hit = _hit(existing[shown], [existing[copy] for copy in others], float(score[i]), own_ranks, read)
            passages.append(ScoredPassage(hit, existing[shown], similarities[shown]))
        return SearchResult(read, passages, self._bm25, self._count(allowed))

    def corrected(self, question: str) -> dict[str, str]:
        """Return the word of an article for each word of a question that is misspelt; see `spelling`."""
        found = {}
        for word, term in misspelt(question, self._bm25).items():
            passage = self._bm25.first_text(term)
            (features,) = self._load_features([passage]) if passage else (None,)
            if features is not None and (form := surface_form(term, features.named.text)):
                found[word] = form
        return found

    def count_passages(self, article_filter: ArticleFilter | None = None) -> int:
        """Return the number of passages in the articles that `article_filter` allows."""
        return self._count(self._allowed(article_filter))

    def outline(
        self, article_filter: ArticleFilter | None = None, articles: Sequence[str] | None = None
    ) -> dict[str, list[str]]:
        """Return the ids of all passages in reading order, by article id.

        The articles are those in `articles`, or those that `article_filter` allows, sorted by title.
        """
        if articles is None:
            articles = [each.id for each in self._metadata if not article_filter or article_filter.allows(each)]
        return {article: sorted(self._bm25.passages_of(article), key=start_of) for article in articles}

    def read(self, found: SearchResult, ids: Sequence[str]) -> SearchResult:
        """Return the passages with these ids, in this order, for the question of a search; omit those that are gone.

        Passages that the search found keep their hits; the others have the score of the last one.
        """
        known = {each.hit.passage.id: each for each in found.passages}
        others = [id_ for id_ in ids if id_ not in known]
        last = min((hit.score for hit in found.hits), default=0.0)
        for id_, features in zip(others, self._load_features(others), strict=True):
            if features is not None:
                hit = _hit(features, [], last, {}, found.question)
                known[id_] = ScoredPassage(hit, features, features.tokens.cosines(found.question.tokens))
        return replace(found, passages=[known[id_] for id_ in ids if id_ in known])

    def _allowed(self, article_filter: ArticleFilter | None) -> list[str] | None:
        """Return the ids of the articles that the filter allows, or None if it allows every article."""
        if not article_filter:
            return None
        allowed = [article.id for article in self._metadata if article_filter.allows(article)]
        return None if len(allowed) == len(self._metadata) > 0 else allowed

    def _count(self, allowed: Sequence[str] | None) -> int:
        return len(self._bm25) if allowed is None else int(self._bm25.of_articles(allowed).sum())

    def make_searchable(self) -> None:
        """Load or build the data that every question needs."""
        _ = self._vectors

    def make_ready(self) -> None:
        """Load or build the data that every question needs, and the records of all articles, which filters need."""
        self.make_searchable()
        _ = self._metadata

    def _candidates(
        self, question: Question, allowed: Sequence[str] | None
    ) -> tuple[list[str], FloatArray, FloatArray]:
        """Return the ids, cosines and BM25 scores of the best passages in either ranking, from the `allowed` articles.

        A passage that only BM25 found gets the cosine of the last passage in the dense ranking, which is an upper
        bound.
        """
        ids = self._bm25.ids
        mask = None if allowed is None else self._bm25.of_articles(allowed)
        cosines = self._nearest(question.vector, mask, allowed)
        bm25 = self._bm25.scores(question.text)
        if mask is not None:
            bm25 *= mask
        chosen = sorted({*cosines, *top(bm25, _CANDIDATES)}, key=lambda position: ids[position])  # decides ties
        last = min(cosines.values(), default=0.0)
        dense = np.array([cosines.get(position, last) for position in chosen], dtype=np.float32)
        return [ids[position].decode() for position in chosen], dense, bm25[chosen]

    def _nearest(self, vector: FloatArray, mask: FloatArray | None, allowed: Sequence[str] | None) -> dict[int, float]:
        """Return the nearest passages' cosines by position: compare all passages if they are few, else ask Chroma."""
        ids = self._bm25.ids
        if self._vectors is None and (len(self._bm25) if mask is None else np.count_nonzero(mask)) > _FEW:
            nearest = self.store.nearest(vector, _CANDIDATES, allowed)
            found = self._bm25.positions([id_ for id_, _ in nearest])
            # -1 is a passage that another process is writing or removing.
            return {int(found[i]): cosine for i, (_, cosine) in enumerate(nearest) if found[i] >= 0}
        positions = np.flatnonzero(self._bm25.of_articles() if mask is None else mask)
        if self._vectors is not None:
            vectors = self._vectors if len(positions) == len(ids) else self._vectors[positions]
        else:
            vectors = self.store.vectors([ids[position].decode() for position in positions], len(vector))
        cosines = vectors @ vector
        best = np.argpartition(-cosines, _CANDIDATES)[:_CANDIDATES] if len(positions) > _CANDIDATES else slice(None)
        return dict(zip(positions[best].tolist(), cosines[best].tolist(), strict=True))

    def _load_features(self, ids: Sequence[str]) -> list[PassageFeatures | None]:
        """Return the features of passages, in order; None for a passage that no longer exists."""
        with self._lock:
            missing = [id_ for id_ in ids if id_ not in self._features]
            if missing:
                self._features |= self._compute_features(missing)
            found = [self._features.get(id_) for id_ in ids]
            for id_, features in zip(ids, found, strict=True):
                if features is not None:
                    self._features.move_to_end(id_)
            while len(self._features) > _CACHED:
                self._features.popitem(last=False)
        if self.is_outdated:
            existing = self.store.existing({each.article.id for each in found if each is not None})
            found = [each if each and each.article.id in existing else None for each in found]
        return found

    def _compute_features(self, ids: Sequence[str]) -> dict[str, PassageFeatures]:
        """Compute the features of the passages that still exist, encoding those without cached token vectors."""
        passages = self.store.passages(ids)
        tokens = self.tokens.get([passage.id for _, passage in passages])
        missing = [(article, passage) for article, passage in passages if passage.id not in tokens]
        if missing:
            encodings = encode_in_context(self.encoder, [(article.title, passage) for article, passage in missing])
            new = {passage.id: TokenVectors.of(each) for (_, passage), each in zip(missing, encodings, strict=True)}
            self.tokens.put(new)
            tokens |= new
        return {
            passage.id: PassageFeatures(passage, replace(article, text=""), tokens[passage.id])
            for article, passage in passages
        }

    @property
    def _vectors(self) -> FloatArray | None:
        """The vectors of all passages; None for a large index. Loaded again after another process has written."""
        if not self._are_loaded or (self._are_partial and not self.store.is_being_written()):
            before = self.store.is_being_written()
            self._compared = load_vectors(self.store, [segment.ids for segment in self._bm25.segments])
            self._are_loaded, self._are_partial = True, before or self.store.is_being_written()
        return self._compared

    @cached_property
    def _metadata(self) -> list[Article]:
        return self.store.article_metadata()

    @cached_property
    def _bm25(self) -> BM25Index:
        return load_bm25(self.store)


@cache
def _limit_blas_threads() -> None:
    """Limit BLAS to the calling thread for matrix products, in the whole process.

    The matrices here are small. BLAS would divide each product among threads on all CPUs, which then busy-wait for the
    next product and slow down concurrent questions.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")


def build_search_caches(store: Store) -> None:
    """Add what has changed to the search caches beside Chroma, so that the first question does not wait for it."""
    load_vectors(store, [segment.ids for segment in load_bm25(store).segments])


def merge_search_caches(store: Store) -> None:
    """Merge small parts of the search caches, and remove old ones."""
    groups = [segment.ids for segment in merge_segments(store)]
    load_vectors(store, groups)
    remove_old_vectors(store, groups)


def _preferred_first(copies: Sequence[int], features: Sequence[PassageFeatures]) -> list[int]:
    """Return the positions of copies of a passage with the one to show first: one whose file exists, and the newest.

    Copies that leave out a number or name of the first one are not moved before it.
    """
    best = features[copies[0]].wording
    whole = [copy for copy in copies if copy == copies[0] or best.is_copy_of(features[copy].wording)]

    def precedence(copy: int) -> tuple[bool, int]:
        article = features[copy].article
        day = day_of(article.published)
        return _is_gone(article), -day.toordinal() if day else 0

    shown = min(whole, key=precedence)
    return [shown, *(copy for copy in copies if copy != shown)]


def _is_gone(article: Article) -> bool:
    return all(is_gone(origin.path) for origin in article.origins)


def _hit(
    features: PassageFeatures,
    copies: Sequence[PassageFeatures],
    score: float,
    own_ranks: dict[str, int],
    question: Question,
) -> Hit:
    article = features.article
    outlets = [origin.source for each in (features, *copies) for origin in each.article.origins]
    return Hit(
        passage=features.passage,
        title=article.title,
        source=article.source,
        published=article.published,
        score=round(score, 6),
        ranks=own_ranks,
        shared=tuple(term for term in question.terms if term in features.terms),
        author=article.author,
        language=article.language,
        pages=article.pages,
        also=tuple(outlet for outlet in dict.fromkeys(outlets) if outlet != article.source),
        is_gone=_is_gone(article),
    )
