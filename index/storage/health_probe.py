"""The process that opens an index to see whether it is whole; see `health`. It may crash or hang: that tells, too.

It reads the address of a server, or nothing. Writes lines of JSON: a problem, or what to advise should nothing more be
heard of it.
"""

from __future__ import annotations

import json
import math
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from ..embedding.base import FloatArray
from ..errors import CitechatError, EmptyIndexError
from .health import CHECK_SERVER, Problem, anew
from .serialization import article_id_of
from .store import Store
from .vector_cache import MOST_COMPARED as _COMPARED
from .vector_files import damages

_SAMPLED = 20  # passages that are looked for by their own vectors
_LOOKED_AT_CLOSELY = 500  # when one of those is not
_MISSED = 0.01  # share of passages that Chroma's approximate search may miss in a whole index; 0.001 was seen
_PATIENCE = 5.0  # seconds for looking at the pages of the database; of a large one it looks at some
_SAME = 1e-3  # cosine; that of a vector with itself differs from 1 by rounding
_REBUILD = "The texts are whole: build the index anew with `citechat rebuild` (it needs no files)."
_REBUILD_ON_SERVER = f"{CHECK_SERVER} Where it runs, build the index anew with `citechat rebuild`."


class _Opened(Store):
    """A store that also gives what nobody but its doctor asks for."""

    @property
    def where(self) -> str:
        """The folder or the address of the index."""
        return self._where

    def passage_ids(self) -> list[str]:
        """The ids of all passages, with and without an article."""
        with self._refusals("read"):
            return list(self._passages.get(include=[])["ids"])

    def vectors_of(self, ids: Sequence[str]) -> dict[str, FloatArray]:
        """The vectors of passages, as they are stored."""
        if not ids:
            return {}
        with self._refusals("read"):
            got = self._passages.get(ids=list(ids), include=["embeddings"])
        return {id_: np.asarray(row, np.float32) for id_, row in zip(got["ids"], got["embeddings"], strict=True)}


def main(path: Path, url: str | None = None) -> None:
    """Say what is wrong with the index in `path`, or on the server at `url`, as far as one can get."""
    for look in _looks(path, url):
        problems = list(look)
        for problem in problems:
            _say(message=" ".join(problem.message.split()), hint=problem.hint)
        if problems:
            return  # what comes next may crash


def _looks(path: Path, url: str | None) -> Iterator[Iterator[Problem]]:
    if url is None:  # the files of a server are not ours to see
        yield _database(path)
        yield _vector_files(path)
    yield _content(path, url)


def _say(**line: str) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 - the parent reads it


def _database(path: Path) -> Iterator[Problem]:
    """SQLite's own check of its pages."""
    database = path / "chroma.sqlite3"
    until = time.monotonic() + _PATIENCE
    # A process that was killed leaves a journal, and only one that may write can go back to before it.
    mode = "rw" if (path / "chroma.sqlite3-journal").exists() else "ro"
    with closing(sqlite3.connect(f"{database.as_uri()}?mode={mode}", uri=True, timeout=_PATIENCE)) as connection:
        connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
        try:
            found = connection.execute("pragma quick_check(1)").fetchone()[0]
        except sqlite3.OperationalError as error:  # of the moment: interrupted, or locked by a writer
            found = "ok" if str(error) in ("interrupted", "database is locked") else str(error)
        except sqlite3.DatabaseError as error:
            found = str(error)
    if found != "ok":
        yield Problem(f"the database {str(database)!r} is damaged: {' '.join(found.split())}", anew(path))


def _vector_files(path: Path) -> Iterator[Problem]:
    return (Problem(damage, _REBUILD) for damage in damages(path))


def _content(path: Path, url: str | None = None) -> Iterator[Problem]:
    """The manifest makes sense, each article has the passages that its record says, and these are found."""
    _say(hint_if_lost=_REBUILD if url is None else CHECK_SERVER)
    try:
        store = _Opened(path, url)
    except EmptyIndexError:
        return
    except CitechatError as error:
        yield Problem(error.message, anew(path) if url is None else error.hint)
        return
    try:
        promised = {article.id: count for article, count in store.listing()}
    except CitechatError as error:
        yield Problem(error.message, CHECK_SERVER if _is_of_the_network(error, url) else anew(path, url))
        return
    _say(hint_if_lost=_REBUILD if url is None else _REBUILD_ON_SERVER)
    try:
        damaged = list(_manifest(store))
        yield from damaged
        if not damaged:
            yield from _passages(store, promised)
    except CitechatError as error:
        yield Problem(error.message, _REBUILD_ON_SERVER if _is_of_the_network(error, url) else _REBUILD)


def _is_of_the_network(error: CitechatError, url: str | None) -> bool:
    """Whether a server has not answered, rather than answered that something is wrong."""
    from httpx import HTTPError

    return url is not None and isinstance(error.__cause__, (OSError, HTTPError))


def _manifest(store: _Opened) -> Iterator[Problem]:
    manifest = store.manifest()
    if manifest is None:
        return
    for name in ("encoder", "splitter", "format"):
        value = getattr(manifest, name)
        if not (isinstance(value, str) and value):
            yield Problem(f"the manifest of the index in {store.where!r} is damaged: {name} is {value!r}", _REBUILD)
    if not (isinstance(manifest.dimension, int) and manifest.dimension > 0):
        what = f"dimension is {manifest.dimension!r}"
        yield Problem(f"the manifest of the index in {store.where!r} is damaged: {what}", _REBUILD)
    try:
        score = store.abstention_threshold()
    except ValueError as error:
        score = math.nan if str(error) else None
    if score is not None and not math.isfinite(score):
        hint = "Fit it anew with `citechat calibrate TESTSET`, or build the index anew with `citechat rebuild`."
        yield Problem(f"the threshold kept with the index in {store.where!r} is no number", hint)


def _passages(store: _Opened, promised: dict[str, int]) -> Iterator[Problem]:
    ids = [id_ for id_ in store.passage_ids() if article_id_of(id_) in promised]
    held = Counter(article_id_of(id_) for id_ in ids)
    differing = {id_: count for id_, count in promised.items() if held[id_] != count}
    if differing:  # or another process is writing: then they agree when looked at again
        now = {article.id: count for article, count in store.listing()}
        held = Counter(article_id_of(id_) for id_ in store.passage_ids())
        differing = {id_: now[id_] for id_ in differing if id_ in now and held[id_] != now[id_]}
    if differing:
        first, count = min(differing.items())
        yield Problem(
            f"{len(differing)} of {len(promised)} articles have other passages than their records say, such as "
            f"{first!r}: {held[first]} instead of {count}",
            _REBUILD,
        )
    else:
        yield from _vectors(store, ids)


def _vectors(store: _Opened, ids: Sequence[str]) -> Iterator[Problem]:
    sample = _spread(ids, _LOOKED_AT_CLOSELY)
    vectors = store.vectors_of(sample)  # refused where Chroma has lost one
    lost = [id_ for id_ in _spread(sample, _SAMPLED) if id_ in vectors and not _is_found(store, id_, vectors[id_])]
    if len(ids) <= _COMPARED:
        # Questions compare all vectors. Chroma's graph, which may not reach one of many that are nearly alike, was
        # searched nevertheless: it could have crashed.
        lost = [id_ for id_, vector in vectors.items() if not _is_unit(vector)]
    elif lost:  # whether it is one that the graph does not reach, or one of many
        lost = [id_ for id_, vector in vectors.items() if not _is_found(store, id_, vector)]
    if len(lost) > _MISSED * len(vectors):
        yield Problem(
            f"{len(lost)} of {len(vectors)} passages are not found by their own vectors, such as {lost[0]!r}", _REBUILD
        )


def _spread(ids: Sequence[str], count: int) -> list[str]:
    """About so many ids, from the first to the last of them."""
    return sorted(ids)[:: max(1, math.ceil(len(ids) / count))]


def _is_unit(vector: FloatArray) -> bool:
    """Whether a vector is as long as it was written, so that it is the nearest to itself."""
    return bool(abs(float(vector @ vector) - 1) < _SAME)


def _is_found(store: _Opened, id_: str, vector: FloatArray) -> bool:
    """Whether a passage is the nearest to its own vector, or one is that has the same vector."""
    nearest = store.nearest(vector, 5)
    return bool(nearest) and (nearest[0][0] == id_ or nearest[0][1] > 1 - _SAME)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.stdin.read() or None)
