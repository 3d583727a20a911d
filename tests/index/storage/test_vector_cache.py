"""In a small index every passage is compared, from one file that can be lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index import Index
from index.storage.vector_cache import load_vectors


@pytest.fixture
def alike(index: Index, tmp_path: Path) -> Index:
    """Near-identical texts, of which a graph of neighbours reaches some only."""
    for number in range(131):
        (tmp_path / f"{number}.txt").write_text(f"Who crossed the river? Ship {number} did, said its captain.\n")
    index.sync([tmp_path])
    return index


def test_each_of_many_that_are_alike_is_the_nearest_to_itself(alike: Index) -> None:
    searcher = alike.searcher
    ids = searcher._bm25.ids
    vectors = load_vectors(searcher.store, [ids])
    assert vectors is not None
    assert vectors.shape == (131, alike.encoder.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    for id_, vector in zip(ids, vectors, strict=True):
        article, passage = searcher.store.passages([id_.decode()])[0]
        assert np.allclose(vector, alike.encoder.query(f"{article.title}. {passage.text}").vector, atol=1e-4)


def test_a_question_finds_the_hundred_nearest_of_them(alike: Index) -> None:
    searcher = alike.searcher
    vector = alike.encoder.query("Who crossed the river? Ship 77 did.").vector
    found = searcher._nearest(vector, None, None)
    cosines = np.asarray(load_vectors(searcher.store, [searcher._bm25.ids])) @ vector
    assert len(found) == 100
    assert min(found.values()) == pytest.approx(np.sort(cosines)[-100], abs=1e-6)


def test_where_the_index_is_large_chroma_finds_them(alike: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [hit.passage.id for hit in alike.search("Did ship 77 cross?")]
    monkeypatch.setattr("index.storage.vector_cache.MOST_COMPARED", 10)
    again = Index(alike.path, alike.encoder, alike.url)
    assert again.searcher._vectors is None
    assert again.search("Did ship 77 cross?")[0].passage.id == before[0]


def test_the_file_can_be_lost_or_damaged(alike: Index) -> None:
    before = alike.search("Did ship 77 cross?")
    (kept,) = alike.path.glob("vectors-*.npy")
    whole = kept.read_bytes()
    for damage in (kept.unlink, lambda: kept.write_bytes(b""), lambda: kept.write_bytes(whole[:500])):
        damage()
        assert Index(alike.path, alike.encoder, alike.url).search("Did ship 77 cross?") == before
        assert kept.stat().st_size > 500


def test_an_old_file_is_removed(alike: Index, tmp_path: Path) -> None:
    alike.search("Did ship 77 cross?")
    (tmp_path / "new.txt").write_text("The owl sat in the barn.\n")
    alike.sync([tmp_path])
    alike.search("Where did the owl sit?")
    for number in range(40):
        (tmp_path / f"more-{number}.txt").write_text(f"The owl sat in barn {number}.\n")
    alike.sync([tmp_path])
    assert len(list(alike.path.glob("vectors-*"))) == len(list(alike.path.glob("keywords-*"))) <= 3
    assert list(alike.path.glob(".vectors-*")) == []
