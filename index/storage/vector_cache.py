"""Cache the vectors of a small index in one memory-mapped file, so that search can compare all of them.

Chroma searches a graph of neighbours (HNSW, Malkov and Yashunin 2018, https://arxiv.org/abs/1603.09320). The graph is
designed for many vectors, and may not reach those of near-identical texts: with 131 passages, of which 130 were alike,
it returned 65 for a limit of 100. For up to ten thousand vectors, comparing all of them takes no longer.
"""

from __future__ import annotations

import hashlib
import logging
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
import numpy.typing as npt

from ..embedding.base import FloatArray
from .store import Store

logger = logging.getLogger(__name__)

MOST_COMPARED = 10_000  # maximum number of passages in a small index: 15 MB with 384 dimensions


def load_vectors(store: Store, ids: npt.NDArray[np.bytes_]) -> FloatArray | None:
    """Return the vectors of the passages `ids` from the cache: shape `(passages, dimension)`; None for a large index.

    Missing vectors are read from Chroma and cached.
    """
    manifest = store.manifest()
    if manifest is None or not 0 < len(ids) <= MOST_COMPARED:
        return None
    name = hashlib.sha256(manifest.key.encode() + ids.tobytes()).hexdigest()[:16]
    path = store.path / f"vectors-{name}.npy"
    with suppress(OSError, ValueError, EOFError):
        cached: FloatArray = np.load(path, mmap_mode="r", allow_pickle=False)
        if cached.shape == (len(ids), manifest.dimension):
            return cached
    vectors = store.vectors([id_.decode() for id_ in ids], manifest.dimension)
    if not vectors.any(axis=1).all():
        return vectors  # another process has just removed some vectors, and may write them again
    for old in store.path.glob("vectors-*"):
        with suppress(OSError):
            old.unlink()
    try:
        with NamedTemporaryFile(dir=store.path, prefix=".vectors-", suffix=".npy", delete=False) as temporary:
            np.save(temporary, vectors, allow_pickle=False)
        Path(temporary.name).replace(path)
    except OSError as error:
        logger.warning("Cannot cache the vectors in %r, so every start reads them again: %s", str(path), error)
    return vectors
