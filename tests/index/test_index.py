"""Indexing and searching, through the package's front door."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from index import EmptyIndexError, Index, IndexMismatchError, LoadError

FOX = "The fox crossed the river at night.\n"
OWL = "The owl sat in the old barn and watched.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "fox.txt").write_text(FOX)
    (folder / "owl.txt").write_text(OWL)
    return folder


def test_a_question_finds_the_passage_that_answers_it(index: Index, folder: Path) -> None:
    index.sync([folder])
    best = index.search("Where did the owl sit?")[0]
    assert best.passage.text == OWL.strip()
    assert best.ranks == {"dense": 1, "keyword": 1, "fused": 1, "late": 1}
    assert best.title == OWL.strip()


def test_every_passage_is_a_slice_of_its_article(index: Index, folder: Path) -> None:
    index.sync([folder])
    for hit in index.search("fox owl river barn", limit=10):
        article = index.article(hit.passage.article_id)
        assert article is not None
        assert article.text[hit.passage.start : hit.passage.end] == hit.passage.text


def test_an_unchanged_article_is_not_embedded_again(index: Index, folder: Path) -> None:
    first = index.sync([folder])
    assert (first.added, first.unchanged, first.articles, first.passages) == (2, 0, 2, 2)
    index.encoder.embedded.clear()  # type: ignore[attr-defined]
    again = index.sync([folder])
    assert (again.added, again.unchanged) == (0, 2)
    assert index.encoder.embedded == []  # type: ignore[attr-defined]


def test_a_changed_article_replaces_the_old_one(index: Index, folder: Path) -> None:
    index.sync([folder])
    (folder / "fox.txt").write_text("The fox slept all day.\n")
    report = index.sync([folder])
    assert (report.changed, report.unchanged, report.articles, report.passages) == (1, 1, 2, 2)
    assert "river" not in " ".join(hit.passage.text for hit in index.search("fox river", limit=10))


def test_a_file_that_becomes_a_copy_of_another_leaves_nothing_of_its_old_text(index: Index, folder: Path) -> None:
    index.sync([folder])
    (folder / "owl.txt").write_text(FOX)
    report = index.sync([folder])
    assert (report.changed, report.unchanged, report.articles) == (1, 1, 1)
    assert [article.text for article in index.articles()] == [FOX]


def test_texts_that_change_places_are_both_kept_and_not_embedded_again(index: Index, folder: Path) -> None:
    index.sync([folder])
    index.encoder.embedded.clear()  # type: ignore[attr-defined]
    (folder / "fox.txt").write_text(OWL)
    (folder / "owl.txt").write_text(FOX)
    assert index.sync([folder]).articles == 2
    assert {article.text for article in index.articles()} == {FOX, OWL}
    assert {hit.passage.text for hit in index.search("fox owl")} == {FOX.strip(), OWL.strip()}


def test_a_text_that_moves_to_a_file_read_later_stays(index: Index, folder: Path) -> None:
    index.sync([folder])
    (folder / "fox.txt").write_text("The fox slept all day.\n")
    (folder / "zoo.txt").write_text(FOX)
    report = index.sync([folder])
    assert (report.changed, report.added, report.unchanged, report.articles) == (1, 1, 1, 3)
    assert index.search("Who crossed the river?")[0].passage.text == FOX.strip()


def test_an_indexed_passage_is_not_encoded_when_it_is_found(index: Index, folder: Path) -> None:
    """One forward pass at indexing gives both the vector and the token vectors, which are kept."""
    index.sync([folder])
    encoded = list(index.encoder.embedded)  # type: ignore[attr-defined]
    again = Index(index.path, index.encoder, index.url)
    again.search("fox owl")
    assert index.encoder.embedded == encoded  # type: ignore[attr-defined]
    assert len(encoded) == len(set(encoded)) == 2


@pytest.mark.parametrize("name", ["tokens-*", "keywords-*"])
def test_what_is_kept_beside_chroma_can_be_lost(name: str, index: Index, folder: Path) -> None:
    index.sync([folder])
    before = index.find("Where did the owl sit?").hits
    for path in index.path.glob(name):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert Index(index.path, index.encoder, index.url).find("Where did the owl sit?").hits == before
    assert list(index.path.glob(name)), "and is there again"


def test_what_another_process_indexed_is_found_when_the_index_is_opened_again(index: Index, folder: Path) -> None:
    index.sync([folder])
    (folder / "hen.txt").write_text("The hen laid an egg.\n")
    Index(index.path, index.encoder, index.url).sync([folder])
    assert (
        Index(index.path, index.encoder, index.url).search("What did the hen lay?")[0].passage.text
        == "The hen laid an egg."
    )
    assert len(list(index.path.glob("keywords-*"))) == 1, "an old table is removed"


def test_a_passage_that_another_process_has_just_removed_is_passed_over(index: Index, folder: Path) -> None:
    index.sync([folder])
    opened = Index(index.path, index.encoder, index.url)
    searcher = opened.searcher  # of a question that is being answered just now; the next one sees the change
    assert len(searcher.find("fox owl").hits) == 2
    (folder / "owl.txt").write_text("The owl flew off.\n")
    Index(index.path, index.encoder, index.url).sync([folder])
    searcher._features.clear()
    assert [hit.passage.text for hit in searcher.find("fox owl").hits] == [FOX.strip()]


def test_where_another_process_has_replaced_everything_nothing_is_found(index: Index, tmp_path: Path) -> None:
    (tmp_path / "fox.txt").write_text(FOX)
    index.sync([tmp_path / "fox.txt"])
    opened = Index(index.path, index.encoder, index.url)
    searcher = opened.searcher  # of a question that is being answered just now; the next one sees the change
    assert searcher._bm25 is not None
    (tmp_path / "fox.txt").write_text(OWL)
    Index(index.path, index.encoder, index.url).sync([tmp_path / "fox.txt"])
    assert searcher.find("Who crossed the river?").hits == []


def test_many_small_articles_are_all_counted_and_reported_in_order(index: Index, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    for number in range(150):
        (folder / f"{number:03}.txt").write_text(f"Report number {number} tells of ship {number}.\n")
    seen: list[tuple[str, int, int]] = []
    report = index.sync([folder], progress=lambda *told: seen.append(told))
    assert (report.added, report.articles, report.passages) == (150, 150, 150)
    assert [told[1:] for told in seen] == [(done, 150) for done in range(1, 151)]
    assert seen[7][0].startswith("Report number 7 ")


def test_a_sync_that_is_stopped_keeps_what_was_written_and_goes_on_from_there(index: Index, tmp_path: Path) -> None:
    for number in range(150):
        (tmp_path / f"{number:03}.txt").write_text(f"Report number {number} tells of ship {number}.\n")

    def stop(title: str, done: int, total: int) -> None:
        if done == 70:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.sync([tmp_path], progress=stop)
    again = Index(index.path, index.encoder, index.url)
    written, _ = again.count()
    assert 64 <= written < 150
    report = again.sync([tmp_path])
    assert (report.unchanged, report.added, report.articles) == (written, 150 - written, 150)


def test_articles_of_other_folders_are_left_alone(index: Index, folder: Path, tmp_path: Path) -> None:
    index.sync([folder])
    (tmp_path / "hen.txt").write_text("The hen laid an egg.\n")
    assert index.sync([tmp_path / "hen.txt"]).articles == 3


def test_a_bad_file_in_a_folder_is_reported_and_the_rest_is_indexed(index: Index, folder: Path) -> None:
    (folder / "bad.txt").write_bytes(b"\x00\x01")
    report = index.sync([folder])
    assert report.added == 2
    assert [Path(s.path).name for s in report.skipped] == ["bad.txt"]


def test_a_missing_path_loses_nothing_that_was_indexed(index: Index, folder: Path) -> None:
    index.sync([folder])
    with pytest.raises(LoadError):
        index.sync([folder / "missing.txt"])
    assert index.count() == (2, 2)


def test_searching_an_index_that_is_not_there_says_how_to_make_one(index: Index) -> None:
    with pytest.raises(EmptyIndexError) as refused:
        index.search("fox")
    assert "citechat index PATH" in refused.value.hint
    assert index.articles() == ()
    assert index.article("x") is None
    assert index.count() == (0, 0)


def test_an_index_of_another_model_is_refused_until_it_is_rebuilt(index: Index, folder: Path) -> None:
    index.sync([folder])
    other = Index(index.path, type(index.encoder)("another"), index.url)  # type: ignore[call-arg]
    with pytest.raises(IndexMismatchError):
        other.search("fox")
    with pytest.raises(IndexMismatchError):
        other.sync([folder])
    other.rebuild()
    assert other.search("fox")[0].passage.text == FOX.strip()
    with pytest.raises(IndexMismatchError):
        Index(index.path, index.encoder, index.url).search("fox")


def test_a_rebuild_detects_the_language_of_articles_from_older_versions(
    index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "Die Brücke ist seit dem 3. Mai gesperrt. Kinder bis zum 6. Lebensjahr fahren kostenlos mit der Fähre.\n"
    (folder / "bridge.txt").write_text(text)
    with monkeypatch.context() as older:
        older.setattr("index.ingest.loader.language_of", lambda *_: None)
        index.sync([folder])
    assert {article.language for article in index.articles()} == {None}
    index.rebuild()
    assert {article.text: article.language for article in index.articles()}[text] == "de"
    assert index.sync([folder]).unchanged == len(index.articles())
