"""Articles are split and embedded before they are written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hashing import HashingEncoder

from index import Article, Encoding
from index.ingest import pipeline
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


def test_the_token_vectors_of_many_short_rows_are_kept_for_the_first_passages_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A megabyte of short rows has many times the tokens of prose."""
    rows = "".join(f"{number} a b\n" for number in range(3_000))
    whole = prepare(CountingEncoder(has_token_vectors=True), [Article("a", "Rows", "a.txt", rows)])[0]
    monkeypatch.setattr(pipeline, "_MOST_TOKENS", 1_000)
    some = prepare(CountingEncoder(has_token_vectors=True), [Article("a", "Rows", "a.txt", rows)])[0]
    assert isinstance(whole, PreparedArticle)
    assert isinstance(some, PreparedArticle)
    assert np.array_equal(whole.vectors, some.vectors)
    assert list(some.tokens) == list(whole.tokens)[: len(some.tokens)]
    assert 500 < sum(len(each.offsets) for each in some.tokens.values()) <= 1_000
