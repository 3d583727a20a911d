"""Measure the cost of sharing an index on a Chroma server, and how soon a copy sees another copy's changes.

    python bench/noticing.py [--passages 1000,10000] [--questions 500] [--changes 7]

The benchmark runs a Chroma server and two copies, each with its own home: one writes, and the other answers questions
without a pause. The passages are short and the encoder hashes words, so that only the index is measured; with a real
model, a question takes longer, and the check is a smaller part of the time.

The check for changes runs as often as in production, at most once a second, and at each question for comparison.
"""

from __future__ import annotations

import argparse
import random
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from zlib import crc32

import numpy as np
from copies import Cluster
from speed_report import Figure, as_markdown

from index import Encoding, Index, unit
from index import live_index as current

_WORDS = [
    f"{a}{b}{c}" for a in ("ba", "de", "ki", "lo", "mu") for b in ("ra", "se", "ti") for c in ("n", "l", "m", "s")
]
_DIMENSION = 256
_SEED = 20260101
_DEADLINE = 60.0  # seconds


class HashingEncoder:
    """An encoder that hashes words: it does not load a model, and computes almost nothing."""

    dimension, fingerprint, has_token_vectors = _DIMENSION, "hashing", True

    def tokenize(self, text: str) -> list[tuple[int, int]]:
        """Return the offsets of the words."""
        spans, at = [], 0
        for word in text.split():
            at = text.index(word, at)
            spans.append((at, at + len(word)))
            at += len(word)
        return spans

    def query(self, text: str) -> Encoding:
        """Return a vector for each word, and their normalized sum."""
        spans = self.tokenize(text)
        rows = np.full((max(1, len(spans)), _DIMENSION), 1e-6, dtype=np.float32)
        for row, (start, end) in zip(rows, spans, strict=False):
            row[crc32(text[start:end].lower().encode()) % _DIMENSION] += 1
        vector = rows.sum(axis=0)
        return Encoding(vector / np.linalg.norm(vector), unit(rows[: len(spans)]), tuple(spans))

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Return the encoding of each text."""
        return [self.query(text) for text in texts]

    def passages(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vector of each text."""
        return np.stack([self.query(text).vector for text in texts])


def main(sizes: list[int], questions: int, changes: int) -> list[Figure]:
    """Return the figures for each index size, in passages."""
    figures: list[Figure] = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as name, Cluster(Path(name), 0, [_free_port()]) as cluster:
            figures += _measured(Path(name), cluster.chroma.address, size, questions, changes)
    return figures


def _measured(folder: Path, url: str, size: int, questions: int, changes: int) -> Iterator[Figure]:
    chance = random.Random(_SEED)
    articles = folder / "articles"
    articles.mkdir()
    for number in range(size):
        words = " ".join(chance.choices(_WORDS, k=60))
        (articles / f"{number:05}.txt").write_text(f"Report {number} describes {words}.\n", encoding="utf-8")
    encoder = HashingEncoder()
    with (
        closing(Index(folder / "one", encoder, url)) as writer,  # type: ignore[arg-type]
        closing(Index(folder / "two", encoder, url)) as reader,  # type: ignore[arg-type]
    ):
        writer.sync([articles])
        asked = [" ".join(chance.choices(_WORDS, k=4)) for _ in range(questions)]
        for question in asked:
            reader.search(question)
        store = reader.searcher.store
        look = _median(store.newest_mark, 300)
        never, seldom, always = _by_check(reader, asked)
        kind = f"{size:,} passages"
        yield Figure(f"{kind}: one look at the mark, median", 1000 * look, "ms")
        yield Figure(f"{kind}: a question without any check", 1000 * never, "ms")
        yield Figure(f"{kind}: with the check as it is, ratio to none", seldom / never)
        yield Figure(f"{kind}: with a check at each question, ratio to none", always / never)
        seen = [_seen_after(folder, writer, reader, number) for number in range(changes)]
        waits = sorted(wait for wait, _ in seen)
        yield Figure(f"{kind}: until a change is seen, median", waits[len(waits) // 2], "s")
        yield Figure(f"{kind}: until a change is seen, longest", waits[-1], "s")
        yield Figure(f"{kind}: the longest question meanwhile", max(longest for _, longest in seen), "s")


def _by_check(reader: Index, asked: list[str]) -> list[float]:
    """Return the mean seconds per question with no check, with the usual checks and with a check each time.

    Each is the best of three rounds.
    """
    often, trusted = current._INTERVAL, current._TRUSTED
    settings = {"never": (1e9, 1e9), "seldom": (often, trusted), "always": (0.0, trusted)}
    taken: dict[str, list[float]] = {name: [] for name in settings}
    for _ in range(3):
        for name, (current._INTERVAL, current._TRUSTED) in settings.items():
            began = time.perf_counter()
            for question in asked:
                reader.search(question)
            taken[name].append((time.perf_counter() - began) / len(asked))
    current._INTERVAL, current._TRUSTED = often, trusted
    return [min(each) for each in taken.values()]


def _seen_after(folder: Path, writer: Index, reader: Index, number: int) -> tuple[float, float]:
    """Return the seconds from a change to the first search of the other copy that finds it, and the longest search.

    The other copy searches without a pause.
    """
    word = f"zyx{number}wvu"
    file = folder / f"new-{number}.txt"
    others = " ".join(random.Random(number).sample(_WORDS, 12))  # of passages that are nearly alike one is shown
    sentence = f"The {word} has come with {others}."
    file.write_text(f"{sentence}\n", encoding="utf-8")
    ended: list[float] = []
    thread = threading.Thread(target=lambda: (writer.sync([file]), ended.append(time.perf_counter())))
    longest, is_seen, deadline = 0.0, False, time.perf_counter() + _DEADLINE
    thread.start()
    while not (ended and is_seen):
        began = time.perf_counter()
        if began > deadline:
            raise TimeoutError(f"the change {number} was not seen")
        is_seen = any(word in hit.passage.text for hit in reader.search(sentence))
        longest = max(longest, time.perf_counter() - began)
    thread.join()
    return time.perf_counter() - ended[0], longest


def _median(work: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return sorted(taken)[times // 2]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", default="1000,10000", help="sizes of the index, with commas between")
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--changes", type=int, default=7)
    given = parser.parse_args()
    sizes = [int(size) for size in given.passages.split(",")]
    sys.stdout.write(as_markdown(main(sizes, given.questions, given.changes)) + "\n")
