"""BM25 search over passages, with stemming for English and character pairs for Chinese.

BM25 finds names, numbers and rare words, which vectors represent poorly. The BM25 index is a cache, built from the
store.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..embedding.base import FloatArray
from ..text.lexicon import CJK, STOP_WORDS

_CJK_RUN = re.compile(f"[{CJK}]+")
_ACCENTED = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")
_TERM = re.compile(rf"[{CJK}]+|[^\W{CJK}]+(?:[.,]\d+)*(?:'[^\W{CJK}]+)?")

_LONGEST_PIECE = 1000  # characters that are normalized at a time; more than 30 marks on a letter are not a language
_PIECE = re.compile(rf"\s{{1,{_LONGEST_PIECE}}}|\S{{1,{_LONGEST_PIECE}}}")  # marks never combine with white space

_TERMS = "terms.json"


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


class Table(NamedTuple):
    """A sparse matrix of BM25 scores with a column for each term.

    Column `i` has the values `scores[starts[i]:starts[i + 1]]`, for the texts in the same slice of `texts`.
    """

    scores: FloatArray
    texts: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]


class BM25Index:
    """A BM25 index over texts with ids.

    It implements Lucene's variant of BM25 (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25
    and Beyond"). The parameters are k1=1.2 and b=0.5. The usual b is 0.75, but passages have similar lengths, so length
    matters less.
    """

    def __init__(self, ids: npt.NDArray[np.bytes_], columns: dict[str, int], table: Table) -> None:
        """Create an index from its parts; callers use `of` or `load` instead.

        `ids` are sorted; `columns` maps each term to its column in the table.
        """
        self.ids = ids
        self._columns = columns
        self._table = table

    @classmethod
    def of(cls, texts: Iterable[tuple[str, str]]) -> BM25Index:
        """Build an index from `(id, text)` pairs with unique ids, in any order."""
        import bm25s

        columns: dict[str, int] = {}
        rows = {id_: [columns.setdefault(term, len(columns)) for term in terms(text)] for id_, text in texts}
        ids = sorted(rows)
        table = Table(np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(1, np.int64))
        if columns:
            made = bm25s.BM25(k1=1.2, b=0.5)
            made.index(([rows[id_] for id_ in ids], columns), create_empty_token=False, show_progress=False)
            table = Table(made.scores["data"], made.scores["indices"], made.scores["indptr"])
        return cls(np.array(ids, dtype=np.bytes_), columns, table)

    def save(self, folder: Path) -> None:
        """Save the index as `folder`, atomically. Raises `OSError`."""
        with TemporaryDirectory(dir=folder.parent, prefix=".keywords-") as temporary:
            written = Path(temporary) / folder.name
            written.mkdir()
            arrays: dict[str, Any] = {"ids": self.ids, **self._table._asdict()}
            for name, array in arrays.items():
                np.save(written / f"{name}.npy", array, allow_pickle=False)
            (written / _TERMS).write_text(json.dumps(list(self._columns)), encoding="utf-8")
            written.rename(folder)

    @classmethod
    def load(cls, folder: Path) -> BM25Index:
        """Load a saved index with memory-mapped arrays. Raises `OSError` or `ValueError` if missing or damaged."""
        try:
            ids = np.load(folder / "ids.npy", allow_pickle=False)
            # The arrays stay on disk: a question reads only the columns for its own terms.
            table = Table(
                *(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in Table._fields)
            )
            columns = {term: column for column, term in enumerate(json.loads((folder / _TERMS).read_bytes()))}
        except EOFError as error:
            raise ValueError(f"a file in {str(folder)!r} is truncated") from error
        if len(table.starts) != len(columns) + 1 or table.starts[-1] != len(table.scores):
            raise ValueError(f"the files in {str(folder)!r} do not match")
        return cls(ids, columns, table)

    def scores(self, question: str) -> FloatArray:
        """Return the score of each text, in the order of `ids`; all zeros if no text contains a question term."""
        scores = np.zeros(len(self.ids), dtype=np.float32)
        for term in dict.fromkeys(terms(question)):
            begin, end = self._column(term)
            scores[self._table.texts[begin:end]] += self._table.scores[begin:end]
        return scores

    def of_articles(self, articles: Iterable[str]) -> FloatArray:
        """Return 1 for each passage from these articles and 0 for all others, in the order of `ids`."""
        mask = np.zeros(len(self.ids), dtype=np.float32)
        for article in articles:
            # Ids are `article:start-end`, and ";" is the character after ":".
            first, last = np.searchsorted(self.ids, [f"{article}:".encode(), f"{article};".encode()])
            mask[first:last] = 1
        return mask

    def contains(self, term: str) -> bool:
        """Return whether a term occurs in any of the texts."""
        return term in self._columns

    def terms_like(self, letter: str, shortest: int, longest: int) -> list[str]:
        """Return the terms that begin with a letter and whose length is in this range."""
        return [term for term in self._columns if shortest <= len(term) <= longest and term[0] == letter]

    def first_text(self, term: str) -> str | None:
        """Return the id of the first text with a term, or None."""
        begin, end = self._column(term)
        return self.ids[int(self._table.texts[begin:end].min())].decode() if end > begin else None

    def rarity(self, term: str) -> float:
        """Return the inverse document frequency of a term, which is 0 or more."""
        begin, end = self._column(term)
        return math.log(1 + (len(self.ids) - (end - begin) + 0.5) / (end - begin + 0.5))

    def _column(self, term: str) -> tuple[int, int]:
        """Return the start and end of a term's column; they are equal for an unknown term."""
        column = self._columns.get(term)
        if column is None:
            return 0, 0
        return int(self._table.starts[column]), int(self._table.starts[column + 1])
