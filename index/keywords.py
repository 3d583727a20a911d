"""Keyword search (BM25) over the passages, in English with stemming and in Chinese by character pairs.

BM25 finds what vectors blur: names, numbers, rare words. The table is a cache, rebuilt from the store.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from .encode import FloatArray

_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # kana, Han, Hangul: written without spaces, or nearly so
_CJK_RUN = re.compile(f"[{_CJK}]+")
_ACCENTED = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")
_TERM = re.compile(rf"[{_CJK}]+|[^\W{_CJK}]+(?:[.,]\d+)*(?:'[^\W{_CJK}]+)?")

# The English words that occur in nearly every passage and question and tell nothing about what is asked.
_STOP_WORDS = """a an the of in on at to for from by with and or but is are was were be been being am do does did has
have had having what which who whom whose when where why how that this these those it its as he she they him her his
their there i you we not no s t than then so such into about can could will would shall should may might must if any
some many much"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


def without_accents(text: str) -> str:
    """`text` with Latin letters bare: people ask for Beausejour where the article writes Beauséjour."""
    return _ACCENTED.sub(lambda match: unicodedata.normalize("NFD", match[0])[0], text)


def terms(text: str) -> list[str]:
    """The words that carry meaning in `text`: English stems in lower case, numbers as written, Chinese in characters.

    Accents on Latin letters make no difference.

    Chinese has no spaces between words: each character and each pair of neighbours counts, so that a word of two
    characters is found inside a run, where whole-run tokens find nothing.
    """
    found: list[str] = []
    for match in _TERM.finditer(without_accents(unicodedata.normalize("NFKC", text)).replace("’", "'")):
        word = match[0]
        if _CJK_RUN.match(word):
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


class Keywords:
    """BM25 over a fixed row of texts (Lucene's variant of Robertson and Zaragoza 2009, "The Probabilistic Relevance
    Framework: BM25 and Beyond").

    k1=1.2 and b=0.5, less than the usual 0.75: passages are cut to about one size, so their length says little.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        import bm25s

        rows = [terms(text) for text in texts]
        self._size = len(rows)
        self._documents = Counter(term for row in rows for term in set(row))
        self._number = {term: i for i, term in enumerate(self._documents)}
        self._table: Any = None
        if self._number:
            self._table = bm25s.BM25(k1=1.2, b=0.5)
            ids = [[self._number[term] for term in row] for row in rows]
            self._table.index((ids, self._number), show_progress=False)

    def scores(self, question: str) -> FloatArray:
        """A score for each text, shape `(len(texts),)`; all zero when no word of the question occurs in any."""
        known = [self._number[term] for term in dict.fromkeys(terms(question)) if term in self._number]
        if not known:
            return np.zeros(self._size, dtype=np.float32)
        return np.asarray(self._table.get_scores_from_ids(known), dtype=np.float32)

    def rarity(self, term: str) -> float:
        """The inverse document frequency of a term, 0 or more: how much it tells that a text holds it."""
        documents = self._documents.get(term, 0)
        return math.log(1 + (self._size - documents + 0.5) / (documents + 0.5))
