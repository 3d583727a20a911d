"""A process that opens an index for `health.check`. It may crash or hang, which the parent reports.

It reads a server URL, or nothing, from standard input, and writes lines of JSON: problems, and hints to show if it
dies.
"""

from __future__ import annotations

import json
import math
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from ..embedding.base import FloatArray
from ..errors import CitechatError, EmptyIndexError
from .chroma_client import REBUILD_HINT, SERVER_HINT, is_unreachable
from .health import Problem, reindex_hint
from .serialization import article_id_of
from .store import Store
from .vector_cache import MOST_COMPARED
from .vector_files import damages

_SAMPLED = 20  # number of passages that are searched by their own vectors
_SAMPLED_AGAIN = 500  # sample size if one of those passages is not found
_MISSED = 0.01  # maximum share of passages that approximate search may miss in an intact index; 0.001 was measured
_TIMEOUT = 5.0  # time limit for checking the database pages, in seconds; a large database is checked only in part
_SAME = 1e-3  # maximum difference from 1 of the cosine of a vector with itself, due to rounding
_REBUILD = f"The texts are intact. {REBUILD_HINT}"
_REBUILD_ON_SERVER = f"{SERVER_HINT} If the server is running, rebuild the index with `citechat rebuild`."


class _ProbedStore(Store):
    """A store with access to all stored vectors."""

    def stored_vectors(self, ids: Sequence[str]) -> dict[str, FloatArray]:
        """Return the stored vectors of passages; missing vectors are omitted."""
        if not ids:
            return {}
        with self._errors("read"):
            got = self._passages.get(ids=list(ids), include=["embeddings"])
        return {id_: np.asarray(row, np.float32) for id_, row in zip(got["ids"], got["embeddings"], strict=True)}


def main(path: Path, url: str | None = None) -> None:
    """Print problems with the index in `path` or on the server at `url`; stop after the first check that finds any."""
    for checked in _checks(path, url):
        problems = list(checked)
        for problem in problems:
            _print(message=" ".join(problem.message.split()), hint=problem.hint)
        if problems:
            return  # the next check may crash


def _checks(path: Path, url: str | None) -> Iterator[Iterator[Problem]]:
    if url is None:  # a server's files are on another machine
        yield _check_database(path)
        yield (Problem(damage, _REBUILD) for damage in damages(path))
    yield _check_content(path, url)


def _print(**line: str) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - the parent reads it


def _check_database(path: Path) -> Iterator[Problem]:
    """Run SQLite's own check of the database pages."""
    database = path / "chroma.sqlite3"
    until = time.monotonic() + _TIMEOUT
    # A killed process leaves a journal, and only a writable connection can roll it back.
    mode = "rw" if (path / "chroma.sqlite3-journal").exists() else "ro"
    with closing(sqlite3.connect(f"{database.as_uri()}?mode={mode}", uri=True, timeout=_TIMEOUT)) as connection:
        connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
        try:
            found = connection.execute("pragma quick_check(1)").fetchone()[0]
        except sqlite3.OperationalError as error:  # temporary: interrupted, or locked by a writer
            found = "ok" if str(error) in ("interrupted", "database is locked") else str(error)
        except sqlite3.DatabaseError as error:
            found = str(error)
    if found != "ok":
        message = f"The database {str(database)!r} is damaged: {' '.join(found.split())}"
        yield Problem(message, reindex_hint(path))


def _check_content(path: Path, url: str | None = None) -> Iterator[Problem]:
    """Check that the manifest is valid, that passage counts match the records, and that search finds the passages."""
    _print(hint_if_lost=_REBUILD if url is None else SERVER_HINT)
    try:
        store = _ProbedStore(path, url)
    except EmptyIndexError:
        return
    except CitechatError as error:
        yield Problem(error.message, reindex_hint(path) if url is None else error.hint)
        return
    try:
        expected = {article.id: count for article, count in store.listing()}
    except CitechatError as error:
        is_network = url is not None and is_unreachable(error)
        yield Problem(error.message, SERVER_HINT if is_network else reindex_hint(path, url))
        return
    _print(hint_if_lost=_REBUILD if url is None else _REBUILD_ON_SERVER)
    try:
        damaged = list(_check_manifest(store))
        yield from damaged
        if not damaged:
            yield from _check_passages(store, expected)
    except CitechatError as error:
        is_network = url is not None and is_unreachable(error)
        yield Problem(error.message, _REBUILD_ON_SERVER if is_network else _REBUILD)


def _check_manifest(store: _ProbedStore) -> Iterator[Problem]:
    manifest = store.manifest()
    if manifest is None:
        return
    for name in ("encoder", "splitter", "format", "dimension"):
        value = getattr(manifest, name)
        is_valid = isinstance(value, int) and value > 0 if name == "dimension" else isinstance(value, str) and value
        if not is_valid:
            yield Problem(f"The manifest of the index in {store.where!r} is damaged: {name} is {value!r}.", _REBUILD)
    thresholds: dict[str, Callable[[], float | None]] = {
        "abstention threshold": store.abstention_threshold,
        "threshold of unsure quotes": lambda: store.unsure_threshold("probability"),
        "threshold of unsure similarities": lambda: store.unsure_threshold("similarity"),
    }
    for name, read in thresholds.items():
        try:
            threshold = read()
        except ValueError:
            threshold = math.nan
        if threshold is not None and not math.isfinite(threshold):
            hint = "Calibrate it again with `citechat calibrate TESTSET`, or rebuild the index with `citechat rebuild`."
            yield Problem(f"The {name} of the index in {store.where!r} is not a number.", hint)


def _check_passages(store: _ProbedStore, expected: dict[str, int]) -> Iterator[Problem]:
    ids = [id_ for id_ in store.passage_ids() if article_id_of(id_) in expected]
    counts = Counter(article_id_of(id_) for id_ in ids)
    differing = {id_: count for id_, count in expected.items() if counts[id_] != count}
    if differing:  # if another process is writing, the counts agree when read again
        now = {article.id: count for article, count in store.listing()}
        counts = Counter(article_id_of(id_) for id_ in store.passage_ids())
        differing = {id_: now[id_] for id_ in differing if id_ in now and counts[id_] != now[id_]}
    if differing:
        first, count = min(differing.items())
        yield Problem(
            f"{len(differing)} of {len(expected)} articles have passage counts that differ from their records: "
            f"{first!r}, for example, has {counts[first]} instead of {count}.",
            _REBUILD,
        )
    else:
        yield from _check_vectors(store, ids)


def _check_vectors(store: _ProbedStore, ids: Sequence[str]) -> Iterator[Problem]:
    sample = _spread(ids, _SAMPLED_AGAIN)
    vectors = store.stored_vectors(sample)  # raises an error if Chroma has lost a vector
    lost = [id_ for id_ in _spread(sample, _SAMPLED) if id_ in vectors and not _is_found(store, id_, vectors[id_])]
    if len(ids) <= MOST_COMPARED:
        # In an index of this size, search compares all vectors and does not use Chroma's graph, which may not reach all
        # of them. The graph was searched above only because that reveals a crash.
        lost = [id_ for id_, vector in vectors.items() if not abs(float(vector @ vector) - 1) < _SAME]
    elif lost:  # either the graph does not reach this passage, or many are lost
        lost = [id_ for id_, vector in vectors.items() if not _is_found(store, id_, vector)]
    if len(lost) > _MISSED * len(vectors):
        message = f"{len(lost)} of {len(vectors)} passages are not found by their own vectors, such as {lost[0]!r}."
        yield Problem(message, _REBUILD)


def _spread(ids: Sequence[str], count: int) -> list[str]:
    """Choose about `count` ids, evenly spaced from first to last."""
    return sorted(ids)[:: max(1, math.ceil(len(ids) / count))]


def _is_found(store: _ProbedStore, id_: str, vector: FloatArray) -> bool:
    """Return whether the first result of a search by a passage's vector is the passage, or one with the same vector."""
    nearest = store.nearest(vector, 5)
    return bool(nearest) and (nearest[0][0] == id_ or nearest[0][1] > 1 - _SAME)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.stdin.read() or None)
