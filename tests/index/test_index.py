"""Indexing and searching, through the package's front door."""

from __future__ import annotations

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


def test_texts_that_change_places_are_both_kept(index: Index, folder: Path) -> None:
    index.sync([folder])
    (folder / "fox.txt").write_text(OWL)
    (folder / "owl.txt").write_text(FOX)
    assert index.sync([folder]).articles == 2
    assert {article.text for article in index.articles()} == {FOX, OWL}


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
    other = Index(index.path, type(index.encoder)("another"))  # type: ignore[call-arg]
    with pytest.raises(IndexMismatchError):
        other.search("fox")
    with pytest.raises(IndexMismatchError):
        other.sync([folder])
    other.rebuild()
    assert other.search("fox")[0].passage.text == FOX.strip()
    with pytest.raises(IndexMismatchError):
        Index(index.path, index.encoder).search("fox")
