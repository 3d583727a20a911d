"""Keyword search (BM25) over the passages, in English with stemming and in Chinese by character pairs.

BM25 finds what vectors blur: names, numbers, rare words. The table is a cache, made from the store.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

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
_IDS = "ids.npy"


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
    """BM25 over texts that have ids (Lucene's variant of Robertson and Zaragoza 2009, "The Probabilistic Relevance
    Framework: BM25 and Beyond").

    k1=1.2 and b=0.5, less than the usual 0.75: passages are cut to about one size, so their length says little.
    """

    def __init__(self, ids: npt.NDArray[np.bytes_], table: Any | None) -> None:
        """Made by `of` or `load`: `ids` in order, and a table of bm25s, None where no text has any word."""
        self.ids = ids
        self._table = table
        self._number: dict[str, int] = {} if table is None else table.vocab_dict

    @classmethod
    def of(cls, texts: Iterable[tuple[str, str]]) -> Keywords:
        """The table of `(id, text)` pairs, whatever their order. No two may have one id."""
        import bm25s

        number: dict[str, int] = {}
        rows = {id_: [number.setdefault(term, len(number)) for term in terms(text)] for id_, text in texts}
        ids = sorted(rows)
        table = None
        if number:
            table = bm25s.BM25(k1=1.2, b=0.5)
            table.index(([rows[id_] for id_ in ids], number), show_progress=False)
        return cls(np.array(ids, dtype=np.bytes_), table)

    def save(self, folder: Path) -> None:
        """Keep the table in `folder`, which appears whole or not at all. Raises `OSError`."""
        with TemporaryDirectory(dir=folder.parent, prefix=".keywords-") as beside:
            written = Path(beside) / folder.name
            written.mkdir()
            if self._table is not None:
                self._table.save(written, show_progress=False)
            np.save(written / _IDS, self.ids, allow_pickle=False)
            written.rename(folder)

    @classmethod
    def load(cls, folder: Path) -> Keywords:
        """The table kept in `folder`, read as far as questions need. Raises `OSError` or `ValueError` without one."""
        import bm25s

        try:
            ids = np.load(folder / _IDS, allow_pickle=False)
            has_words = (folder / "params.index.json").is_file()
            table = bm25s.BM25.load(folder, mmap=True, show_progress=False) if has_words else None
        except EOFError as error:
            raise ValueError(f"a file in {str(folder)!r} ends too early") from error
        if table is not None and table.scores["num_docs"] != len(ids):
            raise ValueError(f"the files in {str(folder)!r} do not belong together")
        return cls(ids, table)

    def scores(self, question: str) -> FloatArray:
        """A score for each text, in the order of `ids`; all zero when no word of the question occurs in any."""
        known = [self._number[term] for term in dict.fromkeys(terms(question)) if term in self._number]
        if not known or self._table is None:
            return np.zeros(len(self.ids), dtype=np.float32)
        return np.asarray(self._table.get_scores_from_ids(known), dtype=np.float32)

    def rarity(self, term: str) -> float:
        """The inverse document frequency of a term, 0 or more: how much it tells that a text holds it."""
        documents = 0
        if self._table is not None and term in self._number:
            column = self._number[term]
            begin, end = self._table.scores["indptr"][column : column + 2]
            documents = int(end - begin)
        return math.log(1 + (len(self.ids) - documents + 0.5) / (documents + 0.5))
