"""The vectors of a small index in one file, read by memory map: compared one by one they miss nothing.

Chroma searches a graph of neighbours (HNSW, Malkov and Yashunin 2018, https://arxiv.org/abs/1603.09320). It is made for
many vectors, and may not reach those of near-identical texts: of 131 passages, 130 of them alike, it gave 65 when asked
for 100. Up to ten thousand, comparing all takes no longer.
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

MOST_COMPARED = 10_000  # passages of a small index: 15 MB with 384 dimensions


def vectors_of(store: Store, ids: npt.NDArray[np.bytes_]) -> FloatArray | None:
    """The vectors of the passages `ids`, shape `(passages, dimension)`, as they were kept; read from Chroma and kept
    where they are not. None for an index that is not small."""
    manifest = store.manifest()
    if manifest is None or not 0 < len(ids) <= MOST_COMPARED:
        return None
    name = hashlib.sha256(manifest.key.encode() + ids.tobytes()).hexdigest()[:16]
    path = store.path / f"vectors-{name}.npy"
    with suppress(OSError, ValueError, EOFError):
        kept: FloatArray = np.load(path, mmap_mode="r", allow_pickle=False)
        if kept.shape == (len(ids), manifest.dimension):
            return kept
    made = store.matrix([id_.decode() for id_ in ids], manifest.dimension)
    if not made.any(axis=1).all():
        return made  # somebody has just removed some of them, and may write them again
    for old in store.path.glob("vectors-*"):
        with suppress(OSError):
            old.unlink()
    try:
        with NamedTemporaryFile(dir=store.path, prefix=".vectors-", suffix=".npy", delete=False) as beside:
            np.save(beside, made, allow_pickle=False)
        Path(beside.name).replace(path)
    except OSError as error:
        logger.warning("the vectors cannot be kept in %r, so they are read anew each time: %s", str(path), error)
    return made
