"""Check the files in which Chroma keeps vectors.

A kill may corrupt them while they are written, and opening corrupt ones may crash a process. The texts are elsewhere.
"""

from __future__ import annotations

import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

FILES = ("header.bin", "data_level0.bin", "length.bin", "link_lists.bin", "index_metadata.pickle")
"""The files of one collection, in a folder of their own, once it is large enough for Chroma to write them."""

_HEADER = 100  # bytes of version 1: a short number and twelve long ones
_TIMEOUT = 5.0  # seconds to wait for a locked database
_FOLDERS = """select collections.name, segments.id from segments join collections
    on segments.collection = collections.id join max_seq_id on max_seq_id.segment_id = segments.id
    where segments.scope = 'VECTOR'"""  # of those collections whose vectors have been written to files


def folders(path: Path) -> list[tuple[str, Path]]:
    """Return the collections of the index in `path` that have vector files, each with its folder.

    Empty if the database cannot be read now: opening the index reports why.
    """
    database = path / "chroma.sqlite3"
    if not database.is_file():
        return []
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=_TIMEOUT)) as connection:
        try:
            return [(str(name), path / str(segment)) for name, segment in connection.execute(_FOLDERS)]
        except sqlite3.DatabaseError:  # locked, damaged, or of another version of Chroma
            return []


def damages(path: Path) -> Iterator[str]:
    """Describe what is wrong with the vector files of the index in `path`, one sentence each."""
    for collection, folder in folders(path):
        missing = [name for name in FILES if not (folder / name).is_file()]
        if not folder.is_dir():
            yield f"The vectors of {collection!r} are missing: there is no folder {str(folder)!r}."
        elif missing and (folder / "index_metadata.pickle").is_file():
            yield f"The vectors of {collection!r} are damaged: {str(folder)!r} lacks {', '.join(missing)}."
        elif not missing and (truncated := _truncated(folder)):
            yield f"The vectors of {collection!r} are damaged: {str(folder / truncated)!r} is truncated."


def remove_vectors(path: Path, collection: str) -> None:
    """Remove the vector files of a collection that is never searched; no process may have it open.

    Chroma requires a vector of every record, and still reads the records after their vectors are removed.
    """
    for name, folder in folders(path):
        if name == collection:
            shutil.rmtree(folder, ignore_errors=True)


def _truncated(folder: Path) -> str | None:
    """Return the name of a file that is shorter than its header says, in the format of hnswlib: a fixed number of bytes
    for each vector, and lists of links, each after its length."""
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
    return None if pickled.endswith(b".") else "index_metadata.pickle"  # the last opcode of every pickle
