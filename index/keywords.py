"""Keyword search (BM25) over the passages, in English with stemming and in Chinese by character pairs.

BM25 finds what vectors blur: names, numbers, rare words. The table is a cache, rebuilt from the store.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from .encode import FloatArray

_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # kana, Han, Hangul: written without spaces, or nearly so
_CJK_RUN = re.compile(f"[{_CJK}]+")
_TERM = re.compile(rf"[{_CJK}]+|[^\W{_CJK}]+(?:[.,]\d+)*(?:'[^\W{_CJK}]+)?")

# The English words that occur in nearly every passage and question and tell nothing about what is asked.
_STOP_WORDS = """a about after all also an and any are as at be been before between both but by can could did do does
during each for from had has have he her his how i if in into is it its many me more most much my no not of on or other
our over own said say says she should so some such than that the their them then there these they this those through to
under until up was we were what when where which while who whom whose why will with would you your"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


def terms(text: str) -> list[str]:
    """The words that carry meaning in `text`: English stems in lower case, numbers as written, Chinese in pairs.

    Chinese has no spaces between words; overlapping pairs of characters find words of two characters inside a run,
    where whole-run tokens find nothing.
    """
    found: list[str] = []
    for match in _TERM.finditer(text.replace("’", "'")):
        word = match[0]
        if _CJK_RUN.match(word):
            found += [word[i : i + 2] for i in range(len(word) - 1)] or [word]
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


class Keywords:
    """BM25 scores of questions over a fixed row of texts (Lucene's variant, k1=1.5, b=0.75, the library's defaults)."""

    def __init__(self, texts: Sequence[str]) -> None:
        import bm25s

        self._size = len(texts)
        rows = [terms(text) for text in texts]
        self._vocabulary: dict[str, int] = {}
        for row in rows:
            for term in row:
                self._vocabulary.setdefault(term, len(self._vocabulary))
        self._table: Any = None
        if self._vocabulary:
            ids = [[self._vocabulary[term] for term in row] for row in rows]
            self._table = bm25s.BM25()
            self._table.index((ids, self._vocabulary), show_progress=False)

    def scores(self, question: str) -> FloatArray:
        """A score for each text, shape `(len(texts),)`; all zero when no word of the question occurs in any."""
        known = [self._vocabulary[term] for term in dict.fromkeys(terms(question)) if term in self._vocabulary]
        if not known:
            return np.zeros(self._size, dtype=np.float32)
        return np.asarray(self._table.get_scores_from_ids(known), dtype=np.float32)
