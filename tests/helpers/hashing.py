"""An encoder without a model, for tests that need many passages or many processes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from index import Encoding, unit

DIMENSION = 256


@lru_cache(maxsize=100_000)
def _place(word: str) -> int:
    return int(hashlib.md5(word.encode()).hexdigest(), 16) % DIMENSION


class HashingEncoder:
    """Hashes words into a vector: texts that share words are near, so a test can say which passage comes first."""

    dimension = DIMENSION
    has_token_vectors = True

    def __init__(self, name: str = "hashing") -> None:
        self.fingerprint = name

    def tokenize(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]

    def passages(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([each.vector for each in self.encode(texts)]) if texts else np.zeros((0, 256), np.float32)

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        return [self.query(text) for text in texts]

    def query(self, text: str) -> Encoding:
        offsets = self.tokenize(text)
        tokens = np.full((len(offsets), DIMENSION), 1e-6, dtype=np.float32)
        for row, (start, end) in zip(tokens, offsets, strict=True):
            row[_place(text[start:end].lower())] += 1
        vector = tokens.sum(axis=0) if offsets else np.ones(DIMENSION, dtype=np.float32)
        return Encoding(vector / np.linalg.norm(vector), unit(tokens), tuple(offsets))
