"""Combine the scores of several rankings into one. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..embedding.base import FloatArray


def standardise(scores: FloatArray) -> FloatArray:
    """Return the scores in standard deviations from their mean, so that scores of different units can be added."""
    return np.asarray((scores - scores.mean()) / (scores.std() + 1e-9), dtype=np.float32)


def fuse(dense: FloatArray, bm25: FloatArray, *, readable: bool) -> FloatArray:
    """Return one score for each passage: the sum of its standardised cosine and BM25 score, shape `(passages,)` each.

    A ranking that carries no information is left out: BM25 if no term of the question occurs anywhere, cosines if the
    model does not know the script of the question.
    """
    if not bm25.any():
        return standardise(dense)
    if not readable:
        return standardise(bm25)
    return standardise(dense) + standardise(bm25)


def top(scores: FloatArray, count: int) -> list[int]:
    """Return the positions of the `count` highest scores above 0, in order, without sorting the others."""
    least = np.partition(scores, -count)[-count] if len(scores) > count else 0.0
    positions = np.flatnonzero((scores >= least) & (scores > 0))
    return [int(position) for position in positions[np.argsort(-scores[positions], kind="stable")][:count]]


def ranks(scores: FloatArray) -> npt.NDArray[np.int64]:
    """Return the rank of each score, from 1, best first."""
    positions = np.empty(len(scores), dtype=np.int64)
    positions[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return positions
