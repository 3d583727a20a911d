"""BM25 search over passages, with stemming for English and character pairs for Chinese.

BM25 finds names, numbers and rare words, which vectors represent poorly. The index is a cache, built from the
store.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..embedding.base import FloatArray
from ..storage.serialization import article_id_of
from ..text.lexicon import CJK, STOP_WORDS
from .segments import Part, Segment

_CJK_RUN = re.compile(f"[{CJK}]+")
_ACCENTED = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")
_TERM = re.compile(rf"[{CJK}]+|[^\W{CJK}]+(?:[.,]\d+)*(?:'[^\W{CJK}]+)?")

_LONGEST_PIECE = 1000  # characters that are normalized at a time; more than 30 marks on a letter are not a language
_PIECE = re.compile(rf"\s{{1,{_LONGEST_PIECE}}}|\S{{1,{_LONGEST_PIECE}}}")  # marks never combine with white space

_K1, _B = 1.2, 0.5


def with_plain_forms(text: str) -> str:
    """Return the text in Unicode's normal form NFKC: ligatures, wide letters and so on become ordinary characters.

    `unicodedata.normalize` takes quadratic time for a run of combining marks and blocks all threads meanwhile, so a
    long text is normalized piece by piece.
    """
    if len(text) <= _LONGEST_PIECE:
        return unicodedata.normalize("NFKC", text)
    return "".join(unicodedata.normalize("NFKC", piece) for piece in _PIECE.findall(text))


def without_accents(text: str) -> str:
    """Remove accents from Latin letters: users may type "Beausejour" for "Beauséjour"."""
    return _ACCENTED.sub(lambda match: unicodedata.normalize("NFD", match[0])[0], text)


def terms(text: str) -> list[str]:
    """Return the terms in `text`, without stop words.

    Terms are English stems in lower case without accents, numbers as written, and Chinese characters and character
    pairs.

    Chinese has no spaces between words: each character and each pair of adjacent characters is a term, so a
    two-character word is found inside a longer run.
    """
    if not text.isascii():  # skip the slow normalization for most passages
        text = without_accents(with_plain_forms(text)).replace("’", "'")
    found: list[str] = []
    for word in _TERM.findall(text):
        if not word.isascii() and _CJK_RUN.match(word):
            found += [*word, *(word[i : i + 2] for i in range(len(word) - 1))]
        elif (lowered := word.lower()) not in STOP_WORDS:
            found.append(_stem(lowered))
    return [term for term in found if term]


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word))


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    from Stemmer import Stemmer

    return Stemmer("english")


class BM25Index:
    """A BM25 index over passages with ids, in one or several segments.

    It implements Lucene's variant of BM25 (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25
    and Beyond"). The parameters are k1=1.2 and b=0.5. The usual b is 0.75, but passages have similar lengths, so length
    matters less. The frequencies of terms are those in all segments, without the passages of removed articles, so the
    scores do not depend on how the index is divided.
    """

    def __init__(self, segments: Sequence[Segment], articles: Iterable[str] | None = None) -> None:
        """Create an index of segments, from which only the `articles` with these ids are used; None uses all.

        An article in several segments is used once.
        """
        left = None if articles is None else {article.encode() for article in articles}
        parts = []
        for segment in segments:
            part = Part.of(segment, segment.articles.tolist() if left is None else left)
            parts.append(part)
            if left is not None:
                left.difference_update(part.articles)
        self.segments = tuple(segments)
        self.parts = tuple(parts)
        self.ids = _joined([segment.ids for segment in segments], np.bytes_)
        self._offsets = np.cumsum([0, *(len(segment.ids) for segment in segments)]).tolist()
        lengths = _joined([segment.lengths for segment in segments], np.int32)
        is_masked = any(part.mask is not None for part in parts)
        self._mask = np.concatenate([part.is_kept for part in parts]) if is_masked else None
        self._count = len(self.ids) if self._mask is None else int(self._mask.sum())
        total = lengths.sum() if self._mask is None else lengths[self._mask].sum()
        mean = max(1.0, float(total) / max(1, self._count))
        self._norms = (_K1 * (1 - _B + _B * lengths / mean)).astype(np.float32)

    @classmethod
    def of(cls, texts: Iterable[tuple[str, str]]) -> BM25Index:
        """Build an index from `(id, text)` pairs with unique ids, in any order."""
        rows = {id_: terms(text) for id_, text in texts}
        return cls([Segment.of(rows.items(), {article_id_of(id_) for id_ in rows})])

    def __len__(self) -> int:
        """Return the number of passages, without those of removed articles."""
        return self._count

    def scores(self, question: str) -> FloatArray:
        """Return the score of each text, in the order of `ids`; all zeros if no text contains a question term."""
        scores = np.zeros(len(self.ids), dtype=np.float32)
        for term in dict.fromkeys(terms(question)):
            rarity = self.rarity(term)
            for passages, counts in self._postings(term):
                scores[passages] += rarity * counts / (counts + self._norms[passages])
        if self._mask is not None:
            scores *= self._mask
        return scores

    def of_articles(self, articles: Iterable[str] | None = None) -> FloatArray:
        """Return 1 for each passage from these articles and 0 for all others, in the order of `ids`; None means all."""
        mask = np.zeros(len(self.ids), dtype=np.float32)
        if articles is None:
            mask[:] = 1
        for article in articles or ():
            for offset, segment in zip(self._offsets, self.segments, strict=False):
                own = segment.positions(article)
                mask[offset + own.start : offset + own.stop] = 1
        return mask if self._mask is None else mask * self._mask

    def positions(self, ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the position of each passage id in `ids`, or -1 for an unknown one."""
        wanted = np.array(ids, dtype=np.bytes_)
        positions = np.full(len(wanted), -1, dtype=np.int64)
        for offset, segment in zip(self._offsets, self.segments, strict=False):
            if len(segment.ids):
                found = np.minimum(np.searchsorted(segment.ids, wanted), len(segment.ids) - 1)
                is_found = segment.ids[found] == wanted
                if self._mask is not None:
                    is_found &= self._mask[offset + found]
                positions[is_found] = offset + found[is_found]
        return positions

    def passages_of(self, article: str) -> list[str]:
        """Return the ids of an article's passages; none for a removed or unknown article."""
        found: list[str] = []
        for offset, segment in zip(self._offsets, self.segments, strict=False):
            own = segment.positions(article)
            if own.start < own.stop and (self._mask is None or self._mask[offset + own.start]):
                found += [id_.decode() for id_ in segment.ids[own].tolist()]
        return found

    def contains(self, term: str) -> bool:
        """Return whether a term occurs in any of the texts."""
        return self._frequency(term) > 0

    def terms_like(self, letter: str, shortest: int, longest: int) -> list[str]:
        """Return the terms that begin with a letter and whose length is in this range."""
        found = dict.fromkeys(
            term for segment in self.segments for term in segment.terms_from(letter) if shortest <= len(term) <= longest
        )
        return [term for term in found if self._mask is None or self.contains(term)]

    def first_text(self, term: str) -> str | None:
        """Return the id of a text with a term, or None."""
        for passages, _ in self._postings(term):
            kept = passages if self._mask is None else passages[self._mask[passages]]
            if len(kept):
                return str(self.ids[int(kept.min())].decode())
        return None

    def rarity(self, term: str) -> float:
        """Return the inverse document frequency of a term, which is 0 or more."""
        frequency = self._frequency(term)
        return math.log(1 + (self._count - frequency + 0.5) / (frequency + 0.5))

    def _frequency(self, term: str) -> int:
        """Return the number of passages with a term, without those of removed articles."""
        found = self._postings(term)
        if self._mask is None:
            return sum(len(passages) for passages, _ in found)
        return sum(int(self._mask[passages].sum()) for passages, _ in found)

    def _postings(self, term: str) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]]:
        """Yield, for each segment with a term, the positions of its passages in `ids` and the term's counts there."""
        for offset, segment in zip(self._offsets, self.segments, strict=False):
            own = segment.postings(term)
            if own.start < own.stop:
                yield segment.passages[own] + np.int64(offset), segment.counts[own]


def _joined(arrays: Sequence[npt.NDArray[Any]], kind: type) -> npt.NDArray[Any]:
    """Return the arrays as one; a single array is not copied, so it may stay on disk."""
    if not arrays:
        return np.zeros(0, dtype=kind)
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
