"""Each damage of an index is said in a sentence with what to do about it, and what is said to mend it does."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hashing import HashingEncoder
from processes import (
    DEADLINE,
    content,
    rebuild,
    running,
    said_by,
    sync_as_nobody,
    sync_with_files_up_to,
    write_articles,
    write_short_articles,
)
from processes import sync as sync_in_a_process

from index import CitechatError, Index
from index.storage import health_probe as probe
from index.storage import vector_files
from index.storage.health import check

MANY = 300  # so many that Chroma writes vectors of the articles to files, too
REBUILD, AGAIN = "`citechat rebuild`", "index the articles again"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index that is large enough for Chroma to write its vectors to files."""
    folder = tmp_path_factory.mktemp("whole")
    said_by(content, folder / "index", write_articles(folder / "articles", range(12), 1))
    return folder / "index"


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "index")


@pytest.fixture(scope="module")
def whole_of_many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with so many articles that Chroma writes vectors of these to files, too, though nobody searches them."""
    folder = tmp_path_factory.mktemp("many")
    said_by(content, folder / "index", write_short_articles(folder / "articles", MANY))
    return folder / "index"


@pytest.fixture
def many(whole_of_many: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole_of_many, tmp_path / "index")


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of many articles that differ in a number."""
    folder = tmp_path_factory.mktemp("alike")
    said_by(content, folder / "index", write_short_articles(folder / "articles", 1100, alike=True))
    return folder / "index"


def _vectors(path: Path, collection: str = "passages-") -> Path:
    """The folder of the vectors of a collection whose name begins so."""
    return next(folder for name, folder in vector_files.folders(path) if name.startswith(collection))


def _cut(path: Path, share: float = 0.5) -> None:
    os.truncate(path, int(path.stat().st_size * share))


def _cut_vectors(name: str) -> Callable[[Path], None]:
    return lambda path: _cut(_vectors(path) / name)


def _edit(statement: str) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        with closing(sqlite3.connect(path / "chroma.sqlite3")) as connection, connection:
            assert connection.execute(statement).rowcount

    return edit


def _write_over(path: Path) -> None:
    with (path / "chroma.sqlite3").open("r+b") as file:
        file.write(b"no database")


def _lose_records(path: Path) -> None:
    """Remove some of one article's passages, behind the back of its record."""
    with closing(sqlite3.connect(path / "chroma.sqlite3")) as connection, connection:
        rows = connection.execute("select id from embeddings where embedding_id like '%:%' limit 5").fetchall()
        connection.executemany("delete from embeddings where id = ?", rows)


def _blank_vectors(path: Path) -> None:
    """Set a third of the vectors to zero and leave all else as it is, as hnswlib lays it out."""
    file = _vectors(path) / "data_level0.bin"
    count, size, _, at = struct.unpack_from("<20xQQQQ", (file.parent / "header.bin").read_bytes())
    data = bytearray(file.read_bytes())
    for number in range(count // 3):
        vector = slice(number * size + at, number * size + at + 4 * HashingEncoder.dimension)
        data[vector] = bytes(vector.stop - vector.start)
    file.write_bytes(data)


MANIFEST = "collection_metadata where key ="
DAMAGES = {
    "database cut": (lambda path: _cut(path / "chroma.sqlite3"), "malformed", AGAIN),
    "database empty": (lambda path: _cut(path / "chroma.sqlite3", 0), "is empty", AGAIN),
    "database gone": (lambda path: (path / "chroma.sqlite3").unlink(), "is missing", AGAIN),
    "database written over": (_write_over, "is not an SQLite database: it begins with b'no database", AGAIN),
    "vectors gone": (lambda path: shutil.rmtree(_vectors(path)), "are missing: there is no folder", REBUILD),
    **{
        name: (_cut_vectors(name), f"{name}' is truncated", REBUILD)
        for name in ("data_level0.bin", "header.bin", "length.bin", "link_lists.bin", "index_metadata.pickle")
    },
    "vectors blank": (_blank_vectors, "passages are not found by their own vectors", REBUILD),
    "passages gone": (_lose_records, "of 12 articles have passage counts that differ from their records", REBUILD),
    "manifest lacks": (_edit(f"delete from {MANIFEST} 'splitter'"), "'splitter' is missing", REBUILD),
    "manifest nonsense": (
        _edit(f"update {MANIFEST} 'dimension'".replace("where", "set int_value = -3 where")),
        "dimension is -3",
        REBUILD,
    ),
    "manifest elsewhere": (
        _edit(f"update {MANIFEST} 'passages'".replace("where", "set str_value = 'passages-x' where")),
        "[passages-x] does not exist",
        REBUILD,
    ),
}


def test_a_whole_index_has_no_problems(path: Path) -> None:
    assert check(path) == []


def test_where_nothing_was_indexed_there_are_no_problems(tmp_path: Path) -> None:
    assert check(tmp_path / "nowhere") == check(tmp_path) == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damage_is_said_with_what_to_do(damage: str, path: Path) -> None:
    damaging, message, hint = DAMAGES[damage]
    damaging(path)
    (problem,) = check(path)
    assert message in problem.message
    assert "\n" not in problem.message
    assert hint in problem.hint


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    # One of the records, one of the passages and one of the files; `make test-nightly` runs all.
    [
        name
        if name in ("manifest lacks", "passages gone", "data_level0.bin")
        else pytest.param(name, marks=pytest.mark.nightly)
        for name, (_, _, hint) in DAMAGES.items()
        if hint == REBUILD
    ],
)
def test_a_rebuild_mends_what_it_is_said_to_mend(damage: str, path: Path, whole: Path) -> None:
    DAMAGES[damage][0](path)
    with running(rebuild, path, "hashing") as (_, ours):
        assert ours.poll(DEADLINE)
        assert (ours.recv(), ours.recv()) == ("begin", "end")
    assert check(path) == []
    assert said_by(content, path) == said_by(content, shutil.copytree(whole, path.parent / "whole"))


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name.startswith(("database", "manifest"))])
def test_a_question_to_a_damaged_index_meets_an_error_of_ours(damage: str, path: Path) -> None:
    DAMAGES[damage][0](path)
    with pytest.raises(CitechatError) as met:
        Index(path, HashingEncoder()).search("What does item 3x1x9 tell of?")
    assert met.value.hint


def test_an_index_that_crashes_the_program_that_opens_it_is_reported(path: Path) -> None:
    file = _vectors(path) / "data_level0.bin"
    file.write_bytes(b"\xff" * file.stat().st_size)  # neighbours that are nowhere
    (problem,) = check(path)
    assert "makes the program that opens it crash (SIG" in problem.message
    assert REBUILD in problem.hint


@pytest.mark.parametrize(
    "name",
    ["", "header.bin", *(pytest.param(name, marks=pytest.mark.nightly) for name in vector_files.FILES[1:])],
)
def test_a_damage_to_the_vectors_of_articles_is_said_and_costs_no_text(name: str, many: Path) -> None:
    vectors = _vectors(many, "articles")
    if name:
        _cut(vectors / name)
    else:
        shutil.rmtree(vectors)
    (problem,) = check(many)
    assert "The vectors of 'articles' are " in problem.message
    assert name in problem.message
    assert REBUILD in problem.hint
    _rebuilt_is_whole(many)


def test_where_the_vectors_of_articles_crash_who_opens_them_a_rebuild_mends_it(many: Path) -> None:
    file = _vectors(many, "articles") / "data_level0.bin"
    file.write_bytes(b"\xff" * file.stat().st_size)
    (problem,) = check(many)
    assert "makes the program that opens it crash (SIG" in problem.message
    assert REBUILD in problem.hint
    _rebuilt_is_whole(many)


def _rebuilt_is_whole(path: Path) -> None:
    with running(rebuild, path, "hashing") as (_, ours):
        assert (ours.recv(), ours.recv()) == ("begin", "end")
    assert check(path) == []
    assert len(said_by(content, path)["texts"]) == MANY


@pytest.mark.parametrize(("what", "index"), [("passages-", "path"), ("articles", "many")])
def test_vectors_torn_by_a_kill_are_made_anew_by_indexing_again(
    what: str, index: str, request: pytest.FixtureRequest
) -> None:
    """Chroma was killed while it wrote its files: they are cut off, and the mark of an unfinished change stands."""
    torn = request.getfixturevalue(index)
    for name in ("data_level0.bin", "header.bin"):
        _cut(_vectors(torn, what) / name)
    (torn / ".unfinished").touch()
    more = write_articles(torn.parent / "more", range(900, 902), 1)
    found = said_by(content, torn, more)
    assert len(found["texts"]) == (MANY if what == "articles" else 12) + 2
    assert check(torn) == []


def test_articles_that_are_nearly_alike_are_no_damage(alike: Path) -> None:
    """Chroma's graph does not reach some of them, but questions to a small index compare all."""
    assert check(alike) == []


def test_passages_of_a_large_index_that_are_not_reached_are_said_to_be_so(
    alike: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "MOST_COMPARED", 1000)
    (problem,) = probe._check_content(alike)
    assert "passages are not found by their own vectors, such as" in problem.message
    assert REBUILD in problem.hint


def test_an_index_that_holds_who_opens_it_for_ever_is_said_to(path: Path) -> None:
    (problem,) = check(path, seconds=0.05)
    assert "makes the program that opens it hang: it had not finished after 0.05 seconds" in problem.message


def test_a_folder_that_may_not_be_written_to_is_said_to_be_one() -> None:
    home = Path(tempfile.mkdtemp(prefix="citechat-"))  # pytest's own folders are closed to others
    try:
        home.chmod(0o755)
        articles = write_articles(home / "articles", range(2), 1)
        said_by(content, home / "index", articles)
        (home / "index").chmod(0o555)
        said, problems = said_by(sync_as_nobody, home / "index", articles)
    finally:
        (home / "index").chmod(0o755)
        shutil.rmtree(home)
    assert "Cannot use the index" in said
    assert "Change the permissions of the folder" in said
    assert problems == [f"Cannot read and write {str(home / 'index')!r}: permission denied."]


def test_a_file_that_may_not_grow_ends_indexing_with_an_error_of_ours(tmp_path: Path) -> None:
    folder, path = write_articles(tmp_path / "articles", range(40), 1), tmp_path / "index"
    with running(sync_with_files_up_to, path, folder, 1_500_000) as (_, ours):
        assert ours.recv() == "begin"
        assert ours.poll(DEADLINE)
        said = ours.recv()
    assert "Cannot" in said
    assert len(said_by(content, path, folder)["texts"]) == 40, "it goes on where files may grow"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if os.getuid() != 0 or mount is None:
        pytest.skip("only root mounts a small disk")
    mounted = subprocess.run([mount, "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_ends_indexing_with_an_error_of_ours_and_is_named(small_disk: Path, tmp_path: Path) -> None:
    folder, path = write_articles(tmp_path / "articles", range(80), 1), small_disk / "index"
    with running(sync_in_a_process, path, folder) as (_, ours):
        assert ours.recv() == "begin"
        assert ours.poll(DEADLINE)
        said = ours.recv()
    assert "Cannot write the index" in said
    assert "full" in said
    message = check(path)[0].message
    assert f"The disk of {str(path)!r} is full" in message
