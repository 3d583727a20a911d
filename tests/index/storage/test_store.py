"""Articles and passages in Chroma, and what happens when they cannot be."""

from __future__ import annotations

import multiprocessing
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index import (
    Article,
    EmptyIndexError,
    IndexLockedError,
    IndexMismatchError,
    Manifest,
    Passage,
    SkippedPage,
    Span,
    StoreError,
)
from index.storage.store import Store

MANIFEST = Manifest(encoder="e", dimension=4, splitter="1")


def _article(name: str = "a", text: str = "One two. Three four.") -> Article:
    return Article(name, f"Title {name}", "source", text, "2024-02-24", f"/{name}.txt", (Span(0, 3),))


def _vectors(*rows: int) -> np.ndarray:
    return np.eye(4, dtype=np.float32)[list(rows)]


@pytest.fixture
def store(tmp_path: Path, place: str | None) -> Store:
    store = Store(tmp_path / "index", place, writable=True)
    store.create(MANIFEST)
    return store


def _put(store: Store, name: str, *rows: int) -> Article:
    article = _article(name)
    passages = [Passage(name, i, i + 3, article.text[i : i + 3]) for i, _ in enumerate(rows)]
    store.put([(article, passages, _vectors(*rows))])
    return article


def test_metadata_of_version_0_1_is_still_read(store: Store) -> None:
    article = _put(store, "a", 0)
    written = store._articles.get(include=["metadatas"])["metadatas"][0]
    store._articles.update(ids=["a"], metadatas=[{"noise": written["boilerplate"], "boilerplate": None}])
    store._articles.modify(metadata={**store._articles.metadata, "min_score": 0.4})
    assert store.articles() == [article]
    assert store.abstention_threshold() == 0.4
    store.set_abstention_threshold(0.5)
    assert store.abstention_threshold() == 0.5


def test_passages_are_all_listed_when_they_come_in_several_parts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.storage.contents._PASSAGES_LISTED", 2)
    for name in "abc":
        _put(store, name, 0, 1)
    listed = [(passage.article_id, passage.start) for _, passage in store.titled_passages()]
    assert listed == [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("c", 0), ("c", 1)]


def test_an_interrupted_index_has_no_passages(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "index", writable=True)) as store:
        assert list(store.titled_passages()) == []


def test_what_was_put_comes_back_the_same(store: Store) -> None:
    article = _put(store, "a", 0, 1)
    assert store.article("a") == article
    assert store.articles() == [article]
    first, second = Passage("a", 0, 3, "One"), Passage("a", 1, 4, "ne ")
    assert list(store.titled_passages()) == [("Title a", first), ("Title a", second)]
    assert store.passages([second.id, "gone:0-3"]) == [(article, second)]
    assert store.count() == (1, 2)
    assert Store(store.path, store.url).manifest() == MANIFEST


@pytest.mark.parametrize(
    "pages",
    [
        (),
        (SkippedPage(2, "blank"),),
        (SkippedPage(1, "blank"), SkippedPage(2, "no text"), SkippedPage(3, "blank"), SkippedPage(40, "no text")),
    ],
    ids=["none", "one", "several reasons"],
)
def test_skipped_pages_come_back_and_can_change(store: Store, pages: tuple[SkippedPage, ...]) -> None:
    article = replace(_article(), pages=tuple(range(9)), skipped_pages=pages)
    store.put([(article, [Passage("a", 0, 3, "One")], _vectors(0))])
    assert store.articles() == [article]
    assert [each.skipped_pages for each in store.article_metadata()] == [pages]
    store.update([replace(article, skipped_pages=())])
    assert [each.skipped_pages for each in store.article_metadata()] == [()]


def test_the_nearest_passage_comes_first_with_its_cosine(store: Store) -> None:
    _put(store, "a", 0, 1)
    (first, cosine), (_, other) = store.nearest(np.array([1, 0, 0, 0], dtype=np.float32), 5)
    assert first == "a:0-3"
    assert cosine == pytest.approx(1.0, abs=1e-5)
    assert other == pytest.approx(0.0, abs=1e-5)


def test_putting_the_same_article_twice_is_putting_it_once(store: Store) -> None:
    _put(store, "a", 0)
    _put(store, "a", 0)
    assert store.count() == (1, 1)


def test_passages_without_their_article_are_not_there(store: Store) -> None:
    _put(store, "a", 0)
    _put(store, "b", 1)
    store._articles.delete(ids=["a"])  # what a kill between the two writes would leave
    assert {p.article_id for _, p in store.titled_passages()} == {"b"}


def test_a_removed_article_leaves_nothing_behind(store: Store) -> None:
    _put(store, "a", 0)
    store.remove("a")
    assert store.count() == (0, 0)


def test_an_index_of_another_model_is_rejected_with_the_command_that_rebuilds_it(store: Store) -> None:
    with pytest.raises(IndexMismatchError, match="encoder 'e', now 'f'") as refused:
        store.require(Manifest(encoder="f", dimension=4, splitter="1"))
    assert "citechat rebuild" in refused.value.hint


def test_a_rebuild_switches_to_the_new_passages_at_once(store: Store) -> None:
    article = _put(store, "a", 0, 1)
    other = Manifest(encoder="f", dimension=4, splitter="1")
    store.switch(other, iter([[(article, [Passage("a", 0, 3, "One")], _vectors(2))]]))
    assert store.count() == (1, 1)
    assert Store(store.path, store.url).manifest() == other


def test_a_rebuild_that_is_cut_short_leaves_the_old_index_as_it_was(store: Store) -> None:
    article = _put(store, "a", 0, 1)

    def rows():
        yield [(article, [Passage("a", 0, 3, "One")], _vectors(2))]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.switch(Manifest(encoder="f", dimension=4, splitter="1"), rows())
    again = Store(store.path, store.url)
    assert again.manifest() == MANIFEST
    assert len(list(again.titled_passages())) == 2


def test_reading_where_nothing_was_indexed_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(EmptyIndexError, match="Nothing is indexed"):
        Store(tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_a_file_that_is_not_a_database_is_rejected_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "chroma.sqlite3").write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(StoreError, match=r"Cannot (open|read) the index") as refused:
        Store(tmp_path / "index").count()
    assert "index the articles again" in refused.value.hint


def _hold(
    path: Path,
    url: str | None,
    ready: multiprocessing.synchronize.Event,
    done: multiprocessing.synchronize.Event,
) -> None:
    with Store(path, url).writing():
        ready.set()
        done.wait(300)


def test_a_second_writing_process_gets_an_error_naming_the_first(store: Store) -> None:
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(store.path, store.url, ready, done))
    process.start()
    try:
        assert ready.wait(300)
        with pytest.raises(IndexLockedError, match=f"pid {process.pid}"), store.writing():
            pass
    finally:
        done.set()
        process.join(300)
    with store.writing():
        pass
