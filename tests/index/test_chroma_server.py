"""What is peculiar to an index on a Chroma server; what holds of both is tested in `test_index` and the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from servers import free_port, running_chroma

from index import EmptyIndexError, Index, Manifest, StoreError
from index.store import Store

FOX = "The fox crossed the river at night.\n"
OWL = "The owl sat in the old barn and watched.\n"


@pytest.fixture
def index(url: str, tmp_path: Path, hashing_encoder: Any) -> Iterator[Index]:
    with closing(Index(tmp_path / "index", hashing_encoder, url)) as index:
        yield index


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "fox.txt").write_text(FOX)
    (folder / "owl.txt").write_text(OWL)
    return folder


def test_what_is_indexed_there_is_found_from_another_machine(
    index: Index, url: str, folder: Path, tmp_path: Path
) -> None:
    index.sync([folder])
    with closing(Index(tmp_path / "other-home", index.encoder, url)) as elsewhere:
        assert elsewhere.count() == (2, 2)
        assert [hit.passage.text for hit in elsewhere.search("Where did the owl sit?", 1)] == [OWL.strip()]
        assert {article.text for article in elsewhere.articles()} == {FOX, OWL}
    assert not list(index.path.glob("*.sqlite3")), "only caches and the lock lie in the folder"


def test_changed_articles_are_replaced_and_unchanged_ones_not_embedded_again(index: Index, folder: Path) -> None:
    index.sync([folder])
    index.encoder.embedded.clear()  # type: ignore[attr-defined]
    (folder / "fox.txt").write_text("The fox slept all day.\n")
    report = index.sync([folder])
    assert (report.changed, report.unchanged, report.articles, report.passages) == (1, 1, 2, 2)
    assert len(index.encoder.embedded) == 1  # type: ignore[attr-defined]
    assert "river" not in " ".join(hit.passage.text for hit in index.search("fox river", limit=10))


def test_a_calibrated_threshold_is_kept_there(index: Index, url: str, folder: Path) -> None:
    index.sync([folder])
    index.set_min_score(0.375)
    index.close()
    assert index.min_score() == 0.375


def test_where_nothing_was_indexed_nothing_is_there_and_nothing_is_made(index: Index, url: str) -> None:
    assert not index.exists()
    assert index.count() == (0, 0)
    assert index.articles() == ()
    with pytest.raises(EmptyIndexError, match=url):
        index.search("fox")


def test_a_server_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="could not be opened") as refused:
        Store(tmp_path / "index", f"http://127.0.0.1:{free_port()}")
    assert "CITECHAT_CHROMA_URL" in refused.value.hint


def test_a_server_that_goes_away_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    with running_chroma(tmp_path / "server") as (url, process):
        store = Store(tmp_path / "index", url, writable=True)
        store.create(Manifest(encoder="e", dimension=4, splitter="1"))
        process.kill()
        process.wait(30)
        with pytest.raises(StoreError, match="could not be read") as refused:
            store.articles()
        store.close()
    assert url in refused.value.message
    assert "CITECHAT_CHROMA_URL" in refused.value.hint
