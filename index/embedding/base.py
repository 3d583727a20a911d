"""The encoder interface: text in, vectors out."""

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

    `vector` embeds the whole text: shape `(dimension,)`, of unit length. `tokens` are the contextual vectors of its
    tokens without special tokens: unit rows of shape `(tokens, dimension)`. `offsets` are the character offsets of
    each token.
    """

    vector: FloatArray
    tokens: FloatArray
    offsets: tuple[tuple[int, int], ...]


class Encoder(Protocol):
    """Encodes passages and questions as vectors of one space, compared by dot product."""

    @property
    def fingerprint(self) -> str:
        """The identity of the model and its weights; an index built with another fingerprint cannot be searched."""
        ...

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        ...

    @property
    def has_token_vectors(self) -> bool:
        """Whether `encode` returns a vector for each token at no more cost than `passages`, so that caching pays."""
        ...

    def tokenize(self, text: str) -> list[tuple[int, int]]:
        """Return the character offsets of the tokens of `text`, without special tokens and never truncated."""
        ...

    def passages(self, texts: Sequence[str]) -> FloatArray:
        """Return the vectors of passages, to be stored: shape `(len(texts), dimension)`."""
        ...

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """Encode passages with their token vectors: one encoding for each text, in order."""
        ...

    def query(self, text: str) -> Encoding:
        """Encode a question."""
        ...


def unit(vectors: FloatArray) -> FloatArray:
    """Scale each row (the last axis) to length 1; a row of zeros stays as it is."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
