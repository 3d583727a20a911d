"""Token vectors come back as they were, near enough, and a cache that breaks costs time and nothing else."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import Encoding, TokenVectors, unit
from index.storage.token_cache import TokenCache


def _encoding(tokens: int = 5, seed: int = 0, dimension: int = 8) -> Encoding:
    rows = unit(np.random.default_rng(seed).normal(size=(tokens + 1, dimension)).astype(np.float32))
    return Encoding(rows[0], rows[1:], tuple((i * 3 - 6, i * 3 - 4) for i in range(tokens)))


def _tokens(seed: int = 0) -> TokenVectors:
    return TokenVectors.of(_encoding(seed=seed))


@pytest.fixture
def store(tmp_path: Path) -> TokenCache:
    return TokenCache(tmp_path / "tokens-a.sqlite")


def test_what_was_kept_comes_back_the_same(store: TokenCache) -> None:
    store.put({"a:0-9": _tokens(), "b:0-9": _tokens(1)})
    found = TokenCache(store.path).get(["b:0-9", "c:0-9", "a:0-9"])
    assert set(found) == {"a:0-9", "b:0-9"}
    assert found["a:0-9"].offsets == _encoding().offsets
    assert np.array_equal(found["a:0-9"].vectors(), _tokens().vectors())


@given(st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_one_byte_a_number_moves_no_cosine_by_more_than_two_thousandths(tokens: int, seed: int) -> None:
    exact, others = _encoding(tokens, seed, 384), _encoding(3, seed + 1, 384).tokens
    near = TokenVectors.of(exact)
    assert near.vectors().shape == exact.tokens.shape
    assert np.abs(near.cosines(others) - others @ exact.tokens.T).max(initial=0) < 0.002
    assert np.allclose(near.cosines(others), others @ near.vectors().T, atol=1e-5)
    assert np.array_equal(near.vectors(slice(1, 3)), near.vectors()[1:3])


def test_a_token_of_zeros_is_kept_and_a_text_without_tokens_is_not(store: TokenCache) -> None:
    vector = np.ones(4, np.float32)
    nothing = TokenVectors.of(Encoding(vector, np.zeros((0, 4), np.float32), ()))
    zeros = TokenVectors.of(Encoding(vector, np.zeros((1, 4), np.float32), ((0, 1),)))
    store.put({"nothing": nothing, "zeros": zeros})
    found = store.get(["nothing", "zeros"])
    assert set(found) == {"zeros"}
    assert np.array_equal(found["zeros"].vectors(), np.zeros((1, 4)))


def test_the_passages_of_a_removed_article_are_forgotten_and_no_others(store: TokenCache) -> None:
    store.put({id_: _tokens() for id_ in ("a:0-9", "a:10-19", "ab:0-9", "b:0-9")})
    store.remove("a")
    assert set(store.get(["a:0-9", "a:10-19", "ab:0-9", "b:0-9"])) == {"ab:0-9", "b:0-9"}


def test_looking_makes_no_file(store: TokenCache) -> None:
    assert store.get(["a:0-9"]) == {}
    store.remove("a")
    assert not store.path.exists()


def test_a_damaged_file_is_an_empty_one_and_is_filled_again(
    store: TokenCache, caplog: pytest.LogCaptureFixture
) -> None:
    store.path.write_bytes(b"this was a database once " * 400)
    with caplog.at_level(logging.WARNING):
        assert store.get(["a:0-9"]) == {}
    assert "not a database" in caplog.text
    store.put({"a:0-9": _tokens()})
    assert set(store.get(["a:0-9"])) == {"a:0-9"}


def test_half_a_row_is_none(store: TokenCache) -> None:
    store.put({"a:0-9": _tokens(), "b:0-9": _tokens()})
    with sqlite3.connect(store.path) as connection:
        connection.execute("update tokens set codes = x'0102' where passage = 'a:0-9'")  # of other software, say
    connection.close()
    assert set(store.get(["a:0-9", "b:0-9"])) == {"b:0-9"}


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = TokenCache(tmp_path / "missing" / "tokens-a.sqlite")
    with caplog.at_level(logging.WARNING):
        store.put({"a:0-9": _tokens()})
        store.put({"a:0-9": _tokens()})
    assert caplog.text.count("search is slower") == 1, "said once"
    assert store.get(["a:0-9"]) == {}


def test_files_of_other_models_are_removed_after_a_rebuild(tmp_path: Path) -> None:
    old, new = TokenCache.beside(tmp_path, "old"), TokenCache.beside(tmp_path, "new")
    for store in (old, new):
        store.put({"a:0-9": _tokens()})
    old.close()
    new.remove_others()
    assert not old.path.exists()
    assert set(new.get(["a:0-9"])) == {"a:0-9"}
