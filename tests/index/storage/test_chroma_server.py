"""An index on a Chroma server, where it differs from one in a folder."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hashing import HashingEncoder
from processes import write_short_articles
from servers import free_port, running_chroma

from index import EmptyIndexError, Index, Manifest, StoreError
from index.storage import vector_files
from index.storage.store import Store

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
    index.set_abstention_threshold(0.375)
    index.set_unsure_threshold("probability", 0.25)
    index.close()
    assert index.abstention_threshold() == 0.375
    assert index.unsure_threshold("probability") == 0.25
    assert index.unsure_threshold("similarity") is None


def test_where_nothing_was_indexed_nothing_is_there_and_nothing_is_made(index: Index, url: str) -> None:
    assert not index.exists()
    assert index.count() == (0, 0)
    assert index.articles() == ()
    with pytest.raises(EmptyIndexError, match=url):
        index.search("fox")


def test_a_server_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Cannot open the index") as refused:
        Store(tmp_path / "index", f"http://127.0.0.1:{free_port()}")
    assert "CITECHAT_CHROMA_URL" in refused.value.hint


def test_a_server_that_goes_away_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    with running_chroma(tmp_path / "server") as (url, process):
        store = Store(tmp_path / "index", url, writable=True)
        store.create(Manifest(encoder="e", dimension=4, splitter="1"))
        process.kill()
        process.wait(300)
        with pytest.raises(StoreError, match="Cannot read the index") as refused:
            store.articles()
        store.close()
    assert url in refused.value.message
    assert "CITECHAT_CHROMA_URL" in refused.value.hint


# What `citechat doctor` says of it


def _edit_manifest(**facts: Any) -> Callable[[Store], None]:
    """Change the manifest; a value of None is removed."""

    def edit(store: Store) -> None:
        edited = {**store._articles.metadata, **facts}
        store._articles.modify(metadata={name: value for name, value in edited.items() if value is not None})

    return edit


def _lose_passages(store: Store) -> None:
    store._passages.delete(ids=store._passages.get(limit=1, include=[])["ids"])


REBUILD = "The texts are intact. Rebuild the index with `citechat rebuild`; the original files are not needed."
DAMAGES = {
    "manifest lacks": (_edit_manifest(splitter=None), "'splitter' is missing"),
    "manifest nonsense": (_edit_manifest(dimension=-3), "dimension is -3"),
    "manifest elsewhere": (_edit_manifest(passages="passages-x"), "[passages-x] does not exist"),
    "passages gone": (_lose_passages, "1 of 2 articles have passage counts that differ from their records"),
}


def test_a_whole_index_there_has_no_problems(index: Index, folder: Path) -> None:
    index.sync([folder])
    assert index.problems() == []


def test_an_empty_server_has_no_problems_and_stays_empty(index: Index) -> None:
    assert index.problems() == []
    assert not index.exists()


@pytest.mark.parametrize(
    "damage",
    # Each needs two probes in processes of their own. The checks themselves are the same as for a folder.
    [name if name == "passages gone" else pytest.param(name, marks=pytest.mark.nightly) for name in DAMAGES],
)
def test_damage_on_a_server_is_reported_and_a_rebuild_repairs_it(
    damage: str, index: Index, url: str, folder: Path
) -> None:
    damaging, message = DAMAGES[damage]
    index.sync([folder])
    with closing(Store(index.path, url)) as store:
        damaging(store)
    (problem,) = index.problems()
    assert message in problem.message
    assert problem.hint == REBUILD
    index.rebuild()
    assert index.problems() == []
    assert index.count() == (2, 2)


def test_a_server_that_is_not_there_is_a_problem(tmp_path: Path, hashing_encoder: Any) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    (problem,) = Index(tmp_path / "index", hashing_encoder, url).problems()
    assert f"Cannot open the index in {url!r}" in problem.message
    assert problem.hint == "Check that the Chroma server is running, and check CITECHAT_CHROMA_URL."


def test_a_server_that_does_not_answer_is_a_problem_after_some_seconds(tmp_path: Path, hashing_encoder: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        (problem,) = Index(tmp_path / "index", hashing_encoder, url).problems(seconds=3)
    assert f"The index in {url!r} makes the program that opens it hang" in problem.message
    assert problem.hint == "Check that the Chroma server is running, and check CITECHAT_CHROMA_URL."


def test_a_complaint_of_several_lines_is_one_sentence(tmp_path: Path, chroma_server: str, hashing_encoder: Any) -> None:
    (problem,) = Index(tmp_path / "index", hashing_encoder, f"{chroma_server}/x").problems()
    assert "400 Bad Request" in problem.message
    assert "\n" not in problem.message


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a server that has written the vectors of an index to files; it is stopped."""
    home = tmp_path_factory.mktemp("written")
    articles = write_short_articles(home / "articles", 1100)
    (home / "server").mkdir()
    with running_chroma(home / "server") as (url, _), closing(Index(home / "index", HashingEncoder(), url)) as index:
        index.sync([articles])
    return home / "server"


def _vectors(server: Path, collection: str) -> Path:
    """The folder of the vectors of a collection whose name begins so."""
    return next(folder for name, folder in vector_files.folders(server) if name.startswith(collection))


@pytest.mark.nightly
@pytest.mark.slow
def test_a_server_that_has_lost_its_vectors_is_said_to_and_a_rebuild_makes_them_anew(
    written: Path, tmp_path: Path
) -> None:
    server = shutil.copytree(written, tmp_path / "server")
    shutil.rmtree(_vectors(server, "passages-"))
    with running_chroma(server) as (url, _), closing(Index(tmp_path / "index", HashingEncoder(), url)) as index:
        (problem,) = index.problems()
        assert "Cannot read the index" in problem.message
        assert problem.hint == REBUILD
        index.rebuild()
        assert index.problems() == []


@pytest.mark.slow
def test_a_server_that_crashes_on_its_vectors_is_reported_and_a_rebuild_repairs_it(
    written: Path, tmp_path: Path
) -> None:
    server = shutil.copytree(written, tmp_path / "server")
    file = _vectors(server, "passages-") / "data_level0.bin"
    file.write_bytes(b"\xff" * file.stat().st_size)  # neighbours that are nowhere
    with running_chroma(server) as (url, process), closing(Index(tmp_path / "index", HashingEncoder(), url)) as index:
        (problem,) = index.problems()
        assert process.wait(300)
        assert problem.hint == (
            "Check that the Chroma server is running, and check CITECHAT_CHROMA_URL. If the server is running, rebuild "
            "the index with `citechat rebuild`."
        )
    with running_chroma(server) as (url, _), closing(Index(tmp_path / "index", HashingEncoder(), url)) as index:
        index.rebuild()
        assert index.problems() == []


@pytest.mark.nightly
@pytest.mark.slow
def test_where_a_server_cannot_read_the_articles_another_database_is_advised(written: Path, tmp_path: Path) -> None:
    server = shutil.copytree(written, tmp_path / "server")
    file = _vectors(server, "articles") / "index_metadata.pickle"
    os.truncate(file, file.stat().st_size // 2)
    with running_chroma(server) as (url, _), closing(Index(tmp_path / "index", HashingEncoder(), url)) as index:
        (problem,) = index.problems()
        assert "Cannot read the index" in problem.message
        assert problem.hint == (
            f"Set CITECHAT_CHROMA_URL to a database other than {url!r} and index the articles again with "
            "`citechat index`."
        )
        with closing(Index(tmp_path / "index", HashingEncoder(), f"{url}/another")) as other:
            other.sync([write_short_articles(tmp_path / "articles", 3)])
            assert other.problems() == []
