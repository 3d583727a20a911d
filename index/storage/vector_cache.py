"""Cache the vectors of a small index in one memory-mapped file, so that search can compare all of them.

Chroma searches a graph of neighbours (HNSW, Malkov and Yashunin 2018, https://arxiv.org/abs/1603.09320). The graph is
designed for many vectors, and may not reach those of near-identical texts: with 131 passages, of which 130 were alike,
it returned 65 for a limit of 100. For up to ten thousand vectors, comparing all of them takes no longer.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
import numpy.typing as npt

from ..embedding.base import FloatArray
from .store import Store

logger = logging.getLogger(__name__)

MOST_COMPARED = 10_000  # maximum number of passages in a small index: 15 MB with 384 dimensions


def load_vectors(store: Store, groups: Sequence[npt.NDArray[np.bytes_]]) -> FloatArray | None:
    """Return the vectors of the passages in `groups` from the cache; None for a large index.

    The shape is `(passages, dimension)`. Each group of ids has its own file, so that a new group costs only what it
    contains. Missing vectors are read from Chroma and cached. Those of removed passages are all zeros, and those that
    another process is writing.
    """
    manifest = store.manifest()
    if manifest is None or not 0 < sum(map(len, groups)) <= MOST_COMPARED:
        return None
    paths = [_path(store, manifest.key, ids) for ids in groups]
    found = [_load(store, path, ids, manifest.dimension) for path, ids in zip(paths, groups, strict=True)]
    return found[0] if len(found) == 1 else np.concatenate(found)


def remove_old_vectors(store: Store, groups: Sequence[npt.NDArray[np.bytes_]]) -> None:
    """Remove the files of other groups than these."""
    manifest = store.manifest()
    current = {_path(store, manifest.key, ids) for ids in groups} if manifest else set()
    for old in store.path.glob("vectors-*"):
        if old not in current:
            with suppress(OSError):
                old.unlink()


def _path(store: Store, key: str, ids: npt.NDArray[np.bytes_]) -> Path:
    return store.path / f"vectors-{hashlib.sha256(key.encode() + ids.tobytes()).hexdigest()[:16]}.npy"


def _load(store: Store, path: Path, ids: npt.NDArray[np.bytes_], dimension: int) -> FloatArray:
    with suppress(OSError, ValueError, EOFError):
        cached: FloatArray = np.load(path, mmap_mode="r", allow_pickle=False)
        if cached.shape == (len(ids), dimension):
            return cached
    if store.is_being_written():
        # To read vectors, Chroma applies changes to its files, and so would damage those that the other process writes.
        return np.zeros((len(ids), dimension), dtype=np.float32)
    vectors = store.vectors([id_.decode() for id_ in ids], dimension)
    if not vectors.any(axis=1).all():
        return vectors  # another process has just removed some vectors, and may write them again
    try:
        with NamedTemporaryFile(dir=store.path, prefix=".vectors-", suffix=".npy", delete=False) as temporary:
            np.save(temporary, vectors, allow_pickle=False)
        Path(temporary.name).replace(path)
    except OSError as error:
        logger.warning("Cannot cache the vectors in %r, so every start reads them again: %s", str(path), error)
    return vectors
