"""The interface of encoders, which turn text into vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Encoding:
    """The result of one forward pass over a text.

    `vector` represents the whole text: it has the shape `(dimension,)` and unit length. `tokens` are the contextual
    vectors of the tokens, excluding special tokens, as rows of unit length: shape `(tokens, dimension)`. `offsets` are
    the start and end of each token, in characters.
    """

    vector: FloatArray
    tokens: FloatArray
    offsets: tuple[tuple[int, int], ...]


class Encoder(Protocol):
    """An encoder that turns passages and questions into vectors in one space, to be compared by dot product."""

    @property
    def fingerprint(self) -> str:
        """An identifier for the model and its weights; an index that another model built cannot be searched."""
        ...

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        ...

    @property
    def has_token_vectors(self) -> bool:
        """Whether `encode` returns token vectors at no more than the cost of `passages`, so they are worth caching."""
        ...

    def tokenize(self, text: str) -> list[tuple[int, int]]:
        """Return the character offsets of the tokens in `text`, without special tokens or truncation."""
        ...

    def passages(self, texts: Sequence[str]) -> FloatArray:
        """Return the passage vectors that the index stores: shape `(len(texts), dimension)`."""
        ...

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Return an encoding with token vectors for each passage, in order."""
        ...

    def query(self, text: str) -> Encoding:
        """Return the encoding of a question."""
        ...


def unit(vectors: FloatArray) -> FloatArray:
    """Scale each row (the last axis) to length 1; rows of zeros are unchanged."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
