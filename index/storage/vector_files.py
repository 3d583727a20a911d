"""Check the files in which Chroma stores vectors.

Killing a process while it writes these files may corrupt them, and opening corrupt files may crash a process. The texts
are stored elsewhere.
"""

from __future__ import annotations

import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

FILES = ("header.bin", "data_level0.bin", "length.bin", "link_lists.bin", "index_metadata.pickle")
"""The vector files in a collection's own folder. Chroma writes them once the collection is large enough."""

_HEADER = 100  # size of a version 1 header in bytes: one short integer and twelve long integers
_TIMEOUT = 5.0  # maximum time to wait for a locked database, in seconds
_FOLDERS = """select collections.name, segments.id from segments join collections
    on segments.collection = collections.id join max_seq_id on max_seq_id.segment_id = segments.id
    where segments.scope = 'VECTOR'"""  # only collections with vector files


def folders(path: Path) -> list[tuple[str, Path]]:
    """Return the names of the collections with vector files in the index in `path`, each with its folder.

    The list is empty if the database cannot be read; opening the index then raises the error.
    """
    database = path / "chroma.sqlite3"
    if not database.is_file():
        return []
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=_TIMEOUT)) as connection:
        try:
            return [(str(name), path / str(segment)) for name, segment in connection.execute(_FOLDERS)]
        except sqlite3.DatabaseError:  # locked, damaged, or written by another Chroma version
            return []


def damages(path: Path, besides: str = "") -> Iterator[str]:
    """Yield a sentence about each collection with damaged vector files in the index in `path`, except `besides`."""
    for collection, folder in folders(path):
        if collection == besides:
            continue
        missing = [name for name in FILES if not (folder / name).is_file()]
        if not folder.is_dir():
            yield f"The vectors of {collection!r} are missing: there is no folder {str(folder)!r}."
        elif missing and (folder / "index_metadata.pickle").is_file():
            yield f"The vectors of {collection!r} are damaged: {str(folder)!r} lacks {', '.join(missing)}."
        elif not missing and (truncated := _truncated(folder)):
            yield f"The vectors of {collection!r} are damaged: {str(folder / truncated)!r} is truncated."


def remove_vectors(path: Path, collection: str) -> None:
    """Remove the vector files of a collection that is never searched. No process may have the collection open.

    Chroma requires a vector for every record, but still reads records whose vectors have been removed.
    """
    for name, folder in folders(path):
        if name == collection:
            shutil.rmtree(folder, ignore_errors=True)


def _truncated(folder: Path) -> str | None:
    """Return the name of a vector file that is shorter than the header implies, or None.

    In the hnswlib format, each vector takes a fixed number of bytes, and the length of each list of links is stored
    before the list.
    """
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
    return None if pickled.endswith(b".") else "index_metadata.pickle"  # the final opcode in every pickle
