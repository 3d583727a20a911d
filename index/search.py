"""The passages for a question: dense and keyword rankings, fused, then looked at closely."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .encode import Encoder, Encoding, FloatArray
from .keywords import Keywords, terms
from .late import Question, max_similarity, read_question
from .records import Article, Hit, Passage
from .store import Store

_CANDIDATES = 100  # passages asked of each leg
_LOOKED_AT = 10  # passages that late interaction re-scores; 20 and 50 give the same right document first
_FUSED_WEIGHT = 0.6  # what the fused score still counts for beside late interaction; the figures are flat from 0 to 1
_CACHED = 1000  # passages whose token vectors are kept: about 100 MB with 384 dimensions
_LONGEST_CONTEXT = 100  # characters of a title put in front of its passages: the model reads 256 tokens in all


@dataclass(frozen=True, slots=True)
class Findings:
    """The hits for a question, best first, and what was seen when they were looked at: an encoding for each hit, with
    offsets into its passage (those of its title are negative), and the keyword table that knows which words are rare.
    """

    question: Question
    hits: list[Hit]
    encodings: list[Encoding]
    keywords: Keywords


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


def diverse(hits: Sequence[Hit], limit: int) -> list[int]:
    """Which `limit` hits to show, best first: of identical passages the best, and of one article at most half, as long
    as other articles have anything to show. One article that repeats itself must not crowd out the rest.
    """
    kept: list[int] = []
    texts: set[str] = set()
    for i in sorted(range(len(hits)), key=lambda i: -hits[i].score):
        text = " ".join(hits[i].passage.text.split())
        if text not in texts:
            texts.add(text)
            kept.append(i)
    most = max(1, limit // 2)
    counts: Counter[str] = Counter()
    early: list[int] = []
    for i in kept:
        article = hits[i].passage.article_id
        counts[article] += 1
        if counts[article] <= most:
            early.append(i)
    chosen = [*early, *(i for i in kept if i not in early)][:limit]
    return sorted(chosen, key=lambda i: -hits[i].score)


def in_context(title: str, text: str) -> tuple[str, int]:
    """What the model is given of a passage, and how many characters of it are the title in front: with the title, "he"
    and "the company" carry what the article is about.
    """
    title = title[:_LONGEST_CONTEXT].strip()
    return (f"{title}. {text}", len(title) + 2) if title else (text, 0)


class Searcher:
    """Search over one store. The keyword table is built at first use, from the store."""

    def __init__(self, store: Store, encoder: Encoder) -> None:
        self.store = store
        self.encoder = encoder
        self._looked_at: OrderedDict[str, Encoding] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, question: str, limit: int = 6) -> Findings:
        """The `limit` best passages for `question`, best first; none when nothing is indexed."""
        read = read_question(question, self.encoder.query(question), self._keywords)
        if not self._passages:
            return Findings(read, [], [], self._keywords)
        places, dense, keyword = self._candidates(read)
        fused = fuse(dense, keyword, readable=read.readable)
        best = np.argsort(-fused, kind="stable")[: max(_LOOKED_AT, limit)]
        encodings = self._encode([self._passages[places[i]] for i in best])
        late = np.array([max_similarity(read, encoding) for encoding in encodings], dtype=np.float32)
        # Where the model cannot read the question, what it sees in a passage says nothing.
        score = standardise(late) + _FUSED_WEIGHT * standardise(fused[best]) if read.readable else fused[best]
        ranks = {"dense": _ranks(dense)[best], "keyword": _ranks(keyword)[best], "fused": _ranks(fused)[best]}
        ranks["late"] = _ranks(late)
        hits = [
            self._hit(places[place], float(score[i]), {leg: int(rank[i]) for leg, rank in ranks.items()}, read)
            for i, place in enumerate(best)
        ]
        order = diverse(hits, limit)
        return Findings(read, [hits[i] for i in order], [encodings[i] for i in order], self._keywords)

    def _candidates(self, question: Question) -> tuple[list[int], FloatArray, FloatArray]:
        """The passages that either leg puts among its best, with their cosines and BM25 scores.

        A passage that only the keywords found gets the cosine of the last that the dense leg found: it is not nearer.
        """
        nearest = self.store.nearest(question.vector, _CANDIDATES)
        cosines = {self._places[id_]: cosine for id_, cosine in nearest if id_ in self._places}
        keyword = self._keywords.scores(question.text)
        best = [int(i) for i in np.argsort(-keyword, kind="stable")[:_CANDIDATES] if keyword[i] > 0]
        places = sorted({*cosines, *best})
        last = min(cosines.values(), default=0.0)
        dense = np.array([cosines.get(place, last) for place in places], dtype=np.float32)
        return places, dense, keyword[places]

    def _encode(self, passages: Sequence[Passage]) -> list[Encoding]:
        """The passages' encodings with token vectors, in context, from the cache where they are."""
        with self._lock:
            missing = [passage for passage in passages if passage.id not in self._looked_at]
            if missing:
                given = [in_context(self.articles[p.article_id].title, p.text) for p in missing]
                encodings = self.encoder.encode([text for text, _ in given])
                for passage, (_, shift), encoding in zip(missing, given, encodings, strict=True):
                    self._looked_at[passage.id] = _shifted(encoding, shift)
            for passage in passages:
                self._looked_at.move_to_end(passage.id)
            found = [self._looked_at[passage.id] for passage in passages]
            while len(self._looked_at) > _CACHED:
                self._looked_at.popitem(last=False)
        return found

    def _hit(self, place: int, score: float, ranks: dict[str, int], question: Question) -> Hit:
        passage = self._passages[place]
        article = self.articles[passage.article_id]
        held = set(terms(passage.text))
        shared = tuple(term for term in question.terms if term in held)
        return Hit(passage, article.title, article.source, article.published, round(score, 6), ranks, shared)

    @cached_property
    def articles(self) -> dict[str, Article]:
        """Every article by its id."""
        return {article.id: article for article in self.store.articles()}

    @cached_property
    def _passages(self) -> list[Passage]:
        return self.store.passages()

    @cached_property
    def _places(self) -> dict[str, int]:
        return {passage.id: place for place, passage in enumerate(self._passages)}

    @cached_property
    def _keywords(self) -> Keywords:
        return Keywords([f"{self.articles[p.article_id].title} . {p.text}" for p in self._passages])


def _ranks(scores: FloatArray) -> np.typing.NDArray[np.int64]:
    """Ranks from 1, best first."""
    ranks = np.empty(len(scores), dtype=np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks


def _shifted(encoding: Encoding, by: int) -> Encoding:
    # Half precision halves the cache and moves no cosine by more than 0.001.
    offsets = tuple((start - by, end - by) for start, end in encoding.offsets)
    return Encoding(encoding.vector, encoding.tokens.astype(np.float16), offsets)
