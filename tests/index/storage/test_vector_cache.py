"""In a small index every passage is compared, from one file that can be lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from index import Index
from index.storage.file_lock import change_folder, is_being_written
from index.storage.store import Store
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


def test_vectors_that_another_process_is_writing_are_read_once_it_has_finished(
    alike: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chroma would apply changes to its files in order to read them."""
    for cached in alike.path.glob("vectors-*"):
        cached.unlink()
    again = Index(alike.path, alike.encoder, alike.url)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "is_being_written", lambda _: True)
        patch.setattr(Store, "vectors", lambda *_: pytest.fail("read from Chroma"))
        assert again.search("Did ship 77 cross?")[0].passage.text.startswith("Who crossed the river? Ship 77"), "BM25"
        assert again.searcher._vectors is not None
        assert not again.searcher._vectors.any()
        assert not list(alike.path.glob("vectors-*")), "what is not whole is not cached"
    assert again.searcher._vectors is not None
    assert again.searcher._vectors.any(axis=1).all()
    assert list(alike.path.glob("vectors-*"))


def _asked(folder: Path) -> str:
    script = (
        "from pathlib import Path; from index.storage.file_lock import *\n"
        f"print(is_being_written(Path({str(folder)!r})))"
    )
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()


def test_another_process_sees_that_an_index_is_being_written(tmp_path: Path) -> None:
    assert _asked(tmp_path) == "False", "never written"
    with change_folder(tmp_path):
        assert _asked(tmp_path) == "True"
        assert not is_being_written(tmp_path), "by this process itself"
    assert _asked(tmp_path) == "False"


def test_a_process_that_was_killed_no_longer_writes(tmp_path: Path) -> None:
    script = (
        f"import os; from pathlib import Path; from index.storage.file_lock import *\n"
        f"with change_folder(Path({str(tmp_path)!r})): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert (tmp_path / ".unfinished").exists()
    assert not is_being_written(tmp_path)
