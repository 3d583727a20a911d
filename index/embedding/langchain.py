"""Use any LangChain embedding class as an encoder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..text.lexicon import CJK
from ..text.sentences import sentences
from .base import Encoding, FloatArray, unit

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

_WORD = re.compile(rf"[{CJK}]|[^\W_]+|[^\w\s]|_")


class LangChainEncoder:
    """An encoder that calls a LangChain `Embeddings` object.

    These objects do not return token vectors; sentence vectors are used instead, so search still compares parts of a
    passage. Lengths are counted in words, or in characters for Chinese.
    """

    has_token_vectors = False

    def __init__(self, embeddings: Embeddings, fingerprint: str) -> None:
        self._embeddings = embeddings
        self.fingerprint = f"langchain:{fingerprint}"

    @cached_property
    def dimension(self) -> int:
        return len(self.query("dimension").vector)

    def tokenize(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in _WORD.finditer(text)]

    def passages(self, texts: Sequence[str]) -> FloatArray:
        return unit(np.asarray(self._embeddings.embed_documents(list(texts)), dtype=np.float32))

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        spans = [sentences(text) for text in texts]
        pieces = [text[span.start : span.end] for text, row in zip(texts, spans, strict=True) for span in row]
        vectors = self.passages([*texts, *pieces])
        of_pieces = iter(vectors[len(texts) :])
        return [
            Encoding(
                vector,
                np.asarray([next(of_pieces) for _ in row], dtype=np.float32).reshape(len(row), len(vector)),
                tuple((span.start, span.end) for span in row),
            )
            for vector, row in zip(vectors, spans, strict=False)
        ]

    def query(self, text: str) -> Encoding:
        vector = unit(np.asarray(self._embeddings.embed_query(text), dtype=np.float32))
        return Encoding(vector, vector[None, :], ((0, len(text)),))
