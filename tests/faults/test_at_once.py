"""Several processes use one index at once: one writes, the others read, or are told to wait."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hashing import HashingEncoder
from processes import (
    DEADLINE,
    article,
    content,
    rebuild_again_and_again,
    running,
    said_by,
    search_then_sync,
    sync,
    sync_and_wait,
    sync_to_and_fro,
    write_articles,
)
from servers import running_chroma

from index import Index
from rag import AnswerOptions, Assistant

QUESTIONS = 120


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Chroma server."""
    with running_chroma(tmp_path_factory.mktemp("chroma-server")) as (url, _):
        yield url


@pytest.fixture(params=["folder", pytest.param("server", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest) -> str | None:
    """Where Chroma is: in a folder (None), or at the address of a new database. The lock lies in a folder in both."""
    if request.param == "folder":
        return None
    return f"{request.getfixturevalue('server')}/test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def opened(tmp_path: Path, place: str | None) -> Iterator[Index]:
    """The index as this process sees it, while others write to it."""
    with closing(Index(tmp_path / "index", HashingEncoder(), place)) as index:
        yield index


def _damage(found: dict[str, list[str]]) -> list[str]:
    return found["orphans"] + found["unequal"] + found["wrong"] + found["unfound"] + found["unreached"]


def _found(index: Index, name: str) -> str:
    return " ".join(hit.passage.text for hit in index.search(f"What does item {name} tell of?"))


def test_of_two_processes_that_index_at_once_one_is_told_which_the_other_is(tmp_path: Path, place: str | None) -> None:
    folder, path = write_articles(tmp_path / "articles", range(8), 1), tmp_path / "index"
    with running(sync_and_wait, path, folder, place) as (_, first):
        assert first.poll(DEADLINE)
        writing = first.recv()
        with running(sync, path, folder, place) as (_, second):
            assert second.recv() == "begin"
            assert second.poll(DEADLINE)
            refused = second.recv()
        first.send("go on")
        assert first.poll(DEADLINE)
        assert first.recv()["articles"] == 8
    assert f"Another process (pid {writing}" in refused
    assert "Wait until it has finished" in refused
    found = said_by(content, path, folder, place)
    assert len(found["texts"]) == 8
    assert not _damage(found)


def test_two_processes_that_start_at_the_same_time_leave_a_whole_index(tmp_path: Path, place: str | None) -> None:
    folder, path = write_articles(tmp_path / "articles", range(8), 1), tmp_path / "index"
    with running(sync, path, folder, place) as (_, first), running(sync, path, folder, place) as (_, second):
        assert (first.recv(), second.recv()) == ("begin", "begin")
        assert first.poll(DEADLINE)
        assert second.poll(DEADLINE)
        said = [first.recv(), second.recv()]
    assert any(isinstance(each, dict) for each in said)
    assert all("is writing" in each for each in said if isinstance(each, str)), said
    found = said_by(content, path, folder, place)
    assert len(found["texts"]) == 8
    assert not _damage(found)


@pytest.mark.slow
def test_what_a_process_has_opened_before_another_one_wrote_does_not_spoil_what_it_writes(tmp_path: Path) -> None:
    """Chroma keeps vectors in memory, and would write them over those of the other process."""
    # In a folder alone: on a server there is one Chroma, which keeps the vectors of all.
    path = tmp_path / "index"
    folders = [write_articles(tmp_path / f"part-{i}", range(40 * i, 40 * i + 40), 1) for i in range(3)]
    said_by(content, path, folders[0])
    with running(search_then_sync, path, folders[2]) as (_, ours):
        assert ours.recv() == "searched"
        said_by(content, path, folders[1])
        ours.send("go on")
        assert ours.poll(DEADLINE)
        assert ours.recv()["articles"] == 120
    assert not _damage(said_by(content, path))


@pytest.mark.slow
def test_questions_are_answered_while_another_process_indexes(tmp_path: Path, place: str | None, opened: Index) -> None:
    """No error; every citation is a slice of an article of before or of after."""
    path, numbers = tmp_path / "index", range(20)
    old, new = write_articles(tmp_path / "old", numbers, 1), write_articles(tmp_path / "new", numbers, 2)
    articles = write_articles(tmp_path / "articles", numbers, 1)
    said_by(content, path, articles, place)
    texts = {each.text: each.id for each in opened.articles()}
    texts |= {article(number, 2): "" for number in numbers}
    assistant = Assistant(opened, options=AnswerOptions(abstention_threshold=-10.0))
    cited = 0
    with running(sync_to_and_fro, path, new, old, place) as (_, ours):
        deadline = time.monotonic() + DEADLINE
        for asked in range(QUESTIONS):
            assert time.monotonic() < deadline
            answer = assistant.ask(f"What does item {asked % 20}x{1 + asked % 2}x{asked % 50} tell of?")
            for citation in answer.citations:
                cited += 1
                assert any(text[citation.start : citation.end] == citation.quote for text in texts)
        ours.send("enough")
        assert ours.poll(DEADLINE)
        assert ours.recv() >= 1, "the other process has indexed meanwhile"
    assert cited >= QUESTIONS / 2
    assert not _damage(said_by(content, path, None, place))


@pytest.mark.slow
def test_questions_are_answered_while_another_process_rebuilds(
    tmp_path: Path, place: str | None, opened: Index
) -> None:
    """The passages that are being read from go away at each switch."""
    folder, path = write_articles(tmp_path / "articles", range(5), 1), tmp_path / "index"
    said_by(content, path, folder, place)
    with running(rebuild_again_and_again, path, place) as (_, ours):
        for asked in range(QUESTIONS):
            hits = opened.search(f"What does item {asked % 5}x1x{asked % 100} tell of?")
            assert hits
            assert all(hit.passage.text in article(int(hit.title.split()[1].strip(",")), 1) for hit in hits)
        ours.send("enough")
        assert ours.poll(DEADLINE)
        assert ours.recv() >= 1
    assert not _damage(said_by(content, path, None, place))


def test_an_open_search_finds_what_another_process_has_indexed_meanwhile(
    tmp_path: Path, place: str | None, opened: Index
) -> None:
    folder, path = write_articles(tmp_path / "articles", range(5), 1), tmp_path / "index"
    said_by(content, path, folder, place)
    assert "3x1x9" in _found(opened, "3x1x9")
    write_articles(folder, range(3, 6), 2)
    said_by(content, path, folder, place)
    if place is not None:
        _until(lambda: "3x2x9" in _found(opened, "3x2x9"))  # a server is not asked at each question
    for name in ("3x2x9", "5x2x9"):
        assert name in _found(opened, name)
    assert "3x1x9" not in _found(opened, "3x1x9")


def test_a_search_is_opened_anew_only_when_the_index_has_changed(
    tmp_path: Path, place: str | None, opened: Index
) -> None:
    folder, path = write_articles(tmp_path / "articles", range(2), 1), tmp_path / "index"
    said_by(content, path, folder, place)
    searcher = opened.searcher
    assert opened.searcher is searcher
    said_by(content, path, folder, place)
    if place is not None:
        _until(lambda: opened.searcher is not searcher)
    assert opened.searcher is not searcher


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
