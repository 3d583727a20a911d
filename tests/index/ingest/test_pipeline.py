"""Articles are split and embedded before they are written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hashing import HashingEncoder

from index import Article, Encoding
from index.ingest.pipeline import PreparedArticle, prepare
from index.retrieval.features import in_context

RECURRING = ["The bell rang at noon. " * 2_000, "? " * 20_000, "Bell, Mon 5\n" * 2_000 + "The end is near."]


class CountingEncoder(HashingEncoder):
    """Notes the texts that it encodes."""

    def __init__(self, *, has_token_vectors: bool) -> None:
        super().__init__()
        self.has_token_vectors = has_token_vectors
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        self.encoded += texts
        return super().encode(texts)


@pytest.mark.parametrize("text", RECURRING)
@pytest.mark.parametrize("has_token_vectors", [True, False])
def test_a_text_that_recurs_is_embedded_once(text: str, has_token_vectors: bool) -> None:
    encoder = CountingEncoder(has_token_vectors=has_token_vectors)
    (prepared,) = prepare(encoder, [Article("a", "Bells", "a.txt", text)])
    assert isinstance(prepared, PreparedArticle)
    passages = prepared.passages
    assert len(passages) > 60
    assert len(encoder.encoded) < 20
    expected = [HashingEncoder().query(in_context("Bells", each.text)[0]) for each in passages]
    assert np.array_equal(prepared.vectors, np.stack([each.vector for each in expected]))
    if has_token_vectors:
        assert len(prepared.tokens) == len(passages)
        assert prepared.tokens[passages[-1].id].offsets[-1][1] == len(passages[-1].text)
