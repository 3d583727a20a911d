"""The process that opens an index to see whether it is whole; see `health`. It may crash or hang: that tells, too.

Writes lines of JSON: a problem, or what to advise should nothing more be heard of it.
"""

from __future__ import annotations

import json
import math
import sqlite3
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from .encode import FloatArray
from .errors import CitechatError
from .health import Problem, anew
from .rows import article_id_of
from .store import Store

_SAMPLED = 20  # passages that must be found by their own vectors
_LOOKED_AT_CLOSELY = 500  # when one of those is not
_MISSED = 0.01  # share of passages that Chroma's approximate search may miss in a whole index; 0.001 was seen
_PATIENCE = 5.0  # seconds for looking at the pages of the database; of a large one it looks at some
_SAME = 1e-3  # cosine; that of a vector with itself differs from 1 by rounding
_FILES = ("header.bin", "data_level0.bin", "length.bin", "link_lists.bin", "index_metadata.pickle")
_HEADER = 100  # bytes of version 1: a short number and twelve long ones
_REBUILD = "The texts are whole: build the index anew with `citechat rebuild` (it needs no files)."
_VECTOR_FOLDERS = """select collections.name, segments.id from segments join collections
    on segments.collection = collections.id join max_seq_id on max_seq_id.segment_id = segments.id
    where segments.scope = 'VECTOR'"""  # of those collections whose vectors have been written to files


class _Opened(Store):
    """A store that also gives what nobody but its doctor asks for."""

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


def main(path: Path) -> None:
    """Say what is wrong with the index in `path`, as far as one can get."""
    for look in (_database, _vector_files, _content):
        problems = list(look(path))
        for problem in problems:
            _say(message=problem.message, hint=problem.hint)
        if problems:
            return  # what comes next may crash


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
    """The files of vectors that Chroma has written are there and none is cut off."""
    database = (path / "chroma.sqlite3").as_uri()
    with closing(sqlite3.connect(f"{database}?mode=ro", uri=True, timeout=_PATIENCE)) as connection:
        try:
            folders = connection.execute(_VECTOR_FOLDERS).fetchall()
        except sqlite3.OperationalError:
            return  # locked, or tables of another Chroma, which will be opened next
    for collection, segment in folders:
        hint = _REBUILD if collection.startswith("passages-") else anew(path)
        folder = path / segment
        lost = [name for name in _FILES if not (folder / name).is_file()]
        if not folder.is_dir():
            yield Problem(f"the vectors of {collection!r} are gone: there is no folder {str(folder)!r}", hint)
        elif lost and (folder / "index_metadata.pickle").is_file():
            yield Problem(f"the vectors of {collection!r} are damaged: {str(folder)!r} lacks {', '.join(lost)}", hint)
        elif not lost:
            cut = _cut_off(folder)
            if cut:
                yield Problem(f"the vectors of {collection!r} are damaged: {str(folder / cut)!r} is cut off", hint)


def _cut_off(folder: Path) -> str | None:
    """The file of a folder of vectors that is shorter than its header says, as hnswlib lays them out: a fixed number
    of bytes for each vector, and links, each list with its length before it."""
    header = (folder / "header.bin").read_bytes()
    if len(header) < _HEADER:
        return "header.bin"
    version, _, _, count, size = struct.unpack_from("<iQQQQ", header)
    if version != 1:
        return None
    for name, least in (("data_level0.bin", count * size), ("length.bin", count * 4), ("link_lists.bin", count * 4)):
        if (folder / name).stat().st_size < least:
            return name
    links, at = (folder / "link_lists.bin").read_bytes(), 0
    for _ in range(count):
        if at + 4 > len(links):
            return "link_lists.bin"
        at += 4 + int(struct.unpack_from("<I", links, at)[0])
    if at > len(links):
        return "link_lists.bin"
    pickled = (folder / "index_metadata.pickle").read_bytes()
    return None if pickled.endswith(b".") else "index_metadata.pickle"  # the last word of every pickle


def _content(path: Path) -> Iterator[Problem]:
    """The manifest makes sense, each article has the passages that its record says, and these are found."""
    _say(hint_if_lost=anew(path))
    try:
        store = _Opened(path)
        promised = {article.id: count for article, count in store.listing()}
    except CitechatError as error:
        yield Problem(error.message, anew(path))
        return
    _say(hint_if_lost=_REBUILD)
    try:
        damaged = list(_manifest(store))
        yield from damaged
        if not damaged:
            yield from _passages(store, promised)
    except CitechatError as error:
        yield Problem(error.message, _REBUILD)


def _manifest(store: _Opened) -> Iterator[Problem]:
    manifest = store.manifest()
    if manifest is None:
        return
    for name in ("encoder", "splitter", "format"):
        value = getattr(manifest, name)
        if not (isinstance(value, str) and value):
            yield Problem(f"the manifest of the index in {str(store.path)!r} is damaged: {name} is {value!r}", _REBUILD)
    if not (isinstance(manifest.dimension, int) and manifest.dimension > 0):
        what = f"dimension is {manifest.dimension!r}"
        yield Problem(f"the manifest of the index in {str(store.path)!r} is damaged: {what}", _REBUILD)
    try:
        score = store.min_score()
    except ValueError as error:
        score = math.nan if str(error) else None
    if score is not None and not math.isfinite(score):
        hint = "Fit it anew with `citechat calibrate TESTSET`, or build the index anew with `citechat rebuild`."
        yield Problem(f"the threshold kept with the index in {str(store.path)!r} is no number", hint)


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
        return
    sample = _spread(ids, _SAMPLED)
    lost = _unfound(store, sample)
    if lost and len(ids) > len(sample):  # whether it is one that Chroma's graph does not reach, or one of many
        sample = _spread(ids, _LOOKED_AT_CLOSELY)
        lost = _unfound(store, sample)
    if len(lost) > _MISSED * len(sample):
        yield Problem(
            f"{len(lost)} of {len(sample)} passages are not found by their own vectors, such as {lost[0]!r}", _REBUILD
        )


def _spread(ids: Sequence[str], count: int) -> list[str]:
    """About so many ids, from the first to the last of them."""
    return sorted(ids)[:: max(1, math.ceil(len(ids) / count))]


def _unfound(store: _Opened, ids: Sequence[str]) -> list[str]:
    return [id_ for id_, vector in store.vectors_of(ids).items() if not _is_found(store, id_, vector)]


def _is_found(store: _Opened, id_: str, vector: FloatArray) -> bool:
    """Whether a passage is the nearest to its own vector, or one is that has the same vector."""
    nearest = store.nearest(vector, 5)
    return bool(nearest) and (nearest[0][0] == id_ or nearest[0][1] > 1 - _SAME)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
