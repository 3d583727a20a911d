"""The files in which Chroma keeps vectors: whether they are whole, and what can go without them.

A kill may tear them while they are written, and to open torn ones may crash a process. The texts lie elsewhere.
"""

from __future__ import annotations

import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

FILES = ("header.bin", "data_level0.bin", "length.bin", "link_lists.bin", "index_metadata.pickle")
"""Of one collection, in a folder of their own, once it is large enough for Chroma to write them."""

_HEADER = 100  # bytes of version 1: a short number and twelve long ones
_PATIENCE = 5.0  # seconds for the database to be free
_FOLDERS = """select collections.name, segments.id from segments join collections
    on segments.collection = collections.id join max_seq_id on max_seq_id.segment_id = segments.id
    where segments.scope = 'VECTOR'"""  # of those collections whose vectors have been written to files


def folders(path: Path) -> list[tuple[str, Path]]:
    """The collections of the index in the folder `path` that have files of vectors, each with their folder; none where
    the database cannot tell now."""
    database = path / "chroma.sqlite3"
    if not database.is_file():
        return []
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE)) as connection:
        try:
            return [(str(name), path / str(segment)) for name, segment in connection.execute(_FOLDERS)]
        except sqlite3.OperationalError:
            return []  # locked, or tables of another Chroma
        except sqlite3.DatabaseError:
            return []  # damaged: whoever opens it says so


def damages(path: Path) -> Iterator[str]:
    """What is wrong with the files of vectors of the index in the folder `path`, in sentences."""
    for collection, folder in folders(path):
        lost = [name for name in FILES if not (folder / name).is_file()]
        if not folder.is_dir():
            yield f"the vectors of {collection!r} are gone: there is no folder {str(folder)!r}"
        elif lost and (folder / "index_metadata.pickle").is_file():
            yield f"the vectors of {collection!r} are damaged: {str(folder)!r} lacks {', '.join(lost)}"
        elif not lost:
            cut = _cut_off(folder)
            if cut:
                yield f"the vectors of {collection!r} are damaged: {str(folder / cut)!r} is cut off"


def forget_vectors(path: Path, collection: str) -> None:
    """Remove the files of vectors of a collection that nobody searches: Chroma wants a vector of every record, and goes
    on reading the records where these are gone. Nobody may have it open."""
    for name, folder in folders(path):
        if name == collection:
            shutil.rmtree(folder, ignore_errors=True)


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
