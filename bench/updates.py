"""Measure what a change costs in a large index: the time to add one article to the search caches, in processor time.

    python bench/updates.py [--passages 10000,100000]

The passages consist of random words, and their vectors are random, so that only the index is measured: Chroma's writes,
the BM25 index, and the ids and records that a copy reads again. 100,000 passages take about three minutes.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from speed_report import Figure, as_markdown

from index import Article, FloatArray, Manifest, Passage
from index.retrieval.segment_cache import load_bm25, merge_segments
from index.storage.store import Row, Store

_DIMENSION = 384
_PASSAGES = 10  # in an article
_WORDS = 90  # in a passage
_ARTICLES_A_WRITE = 100
_QUESTIONS = 50
_VOCABULARY = [f"{a}{b}" for a in ("bar", "del", "kim", "lon", "mus", "sat") for b in ("e", "ing", "ed", "er", "os")]
_NAMES = [f"name{number}" for number in range(60_000)]


class Filler:
    """A source of articles of random words, the same for each seed."""

    def __init__(self, seed: int) -> None:
        self._chosen = random.Random(seed)
        self._noise = np.random.default_rng(seed)
        self._number = 0

    def article(self) -> Row:
        """Return an article with its passages and their vectors."""
        id_ = f"{self._number:016x}"
        self._number += 1
        texts = [" ".join(self.words(_WORDS)) for _ in range(_PASSAGES)]
        passages, at = [], 0
        for text in texts:
            passages.append(Passage(id_, at, at + len(text), text))
            at += len(text) + 2
        article = Article(id_, f"Report {id_}", "filler", "\n\n".join(texts), path=f"/{id_}.txt")
        return article, passages, self._vectors()

    def words(self, count: int) -> list[str]:
        """Return random words, of which two in three are rare."""
        return [self._chosen.choice(self._chosen.choice((_VOCABULARY, _NAMES, _NAMES))) for _ in range(count)]

    def _vectors(self) -> FloatArray:
        vectors = self._noise.standard_normal((_PASSAGES, _DIMENSION), dtype=np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def main(sizes: list[int]) -> list[Figure]:
    """Return the figures for each index size, in passages."""
    figures: list[Figure] = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder, closing(Store(Path(folder) / "index", writable=True)) as store:
            figures += _measured(store, size)
    return figures


def _measured(store: Store, size: int) -> Iterator[Figure]:
    filler, kind = Filler(0), f"{size:,} passages"
    store.create(Manifest(encoder="filler", dimension=_DIMENSION, splitter="filler"))
    with store.writing():
        for at in range(0, size, _PASSAGES * _ARTICLES_A_WRITE):
            left = min(_ARTICLES_A_WRITE, (size - at) // _PASSAGES)
            store.put([filler.article() for _ in range(left)])
    whole = _seconds(lambda: load_bm25(store))
    yield Figure(f"{kind}: building the BM25 index", whole, "s")
    new = filler.article()
    with store.writing():
        yield Figure(f"{kind}: one article, written to Chroma", _seconds(lambda: store.put([new])), "s")
    added = _seconds(lambda: load_bm25(store))
    yield Figure(f"{kind}: one article, added to the BM25 index and opened", added, "s")
    yield Figure(f"{kind}: the same, ratio to building it", added / whole, mark=0.01)
    yield Figure(f"{kind}: the ids of all articles", _seconds(store.article_ids), "s")
    yield Figure(f"{kind}: the records of all articles", _seconds(store.article_metadata), "s")
    with store.writing():
        store.remove(new[0].id)
    yield Figure(f"{kind}: one article, removed", _seconds(lambda: load_bm25(store)), "s")
    yield Figure(f"{kind}: merging the segments", _seconds(lambda: merge_segments(store)), "s")
    bm25 = load_bm25(store)
    questions = [" ".join(filler.words(6)) for _ in range(_QUESTIONS)]
    scores = _seconds(lambda: [bm25.scores(question) for question in questions])
    yield Figure(f"{kind}: the BM25 scores for a question", 1000 * scores / _QUESTIONS, "ms")


def _seconds(work: Callable[[], object]) -> float:
    """Return the processor time that a function takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--passages", default="10000,100000", help="sizes of the index, with commas between")
    given = parser.parse_args()
    sizes = [int(size) for size in given.passages.split(",")]
    sys.stdout.write(as_markdown(main(sizes)) + "\n")
