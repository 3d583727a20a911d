"""Combine scores from several rankings into one score. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..embedding.base import FloatArray


def standardise(scores: FloatArray) -> FloatArray:
    """Return the scores as standard deviations from their mean, so that scores with different units can be added."""
    return np.asarray((scores - scores.mean()) / (scores.std() + 1e-9), dtype=np.float32)


def fuse(dense: FloatArray, bm25: FloatArray, *, readable: bool) -> FloatArray:
    """Return the sum of each passage's standardised cosine and BM25 scores; each array has the shape `(passages,)`.

    A ranking without information is omitted: BM25 if no passage contains a question term, cosines if the model does not
    know the question's script.
    """
    if not bm25.any():
        return standardise(dense)
    if not readable:
        return standardise(bm25)
    return standardise(dense) + standardise(bm25)


def top(scores: FloatArray, count: int) -> list[int]:
    """Return the positions of the `count` highest scores above 0, best first, without sorting the others."""
    least = np.partition(scores, -count)[-count] if len(scores) > count else 0.0
    positions = np.flatnonzero((scores >= least) & (scores > 0))
    return [int(position) for position in positions[np.argsort(-scores[positions], kind="stable")][:count]]


def ranks(scores: FloatArray) -> npt.NDArray[np.int64]:
    """Return the rank of each score; the best score has rank 1."""
    positions = np.empty(len(scores), dtype=np.int64)
    positions[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return positions
