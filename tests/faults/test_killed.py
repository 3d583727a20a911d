"""A process that is killed while it writes leaves an index that indexing again completes.

Processes are killed before the first and the last write of every kind, and at a few random moments. The nightly run
tries more moments.
"""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hashing import HashingEncoder
from processes import (
    DEADLINE,
    content,
    die_before_write,
    name_writes,
    rebuild,
    rebuild_and_die_at_the_switch,
    running,
    said_by,
    sync,
    sync_by_letters,
    write_articles,
)
from servers import running_chroma

from index import Index, IndexMismatchError
from index.storage.health import check

pytestmark = pytest.mark.slow

ARTICLES = range(12)
SEED = 20260101
MANY_MOMENTS = pytest.param(50, marks=[pytest.mark.nightly, pytest.mark.timeout(3600)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The articles that are to be indexed."""
    return write_articles(tmp_path_factory.mktemp("new") / "articles", ARTICLES, 2)


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What an index holds that nobody has disturbed."""
    path = tmp_path_factory.mktemp("whole") / "index"
    found = said_by(content, path, folder)
    assert len(found["texts"]) == len(ARTICLES)
    assert list(path.glob("*/index_metadata.pickle")), "vectors are written to files"
    assert not found["orphans"] + found["unequal"] + found["wrong"] + found["unfound"] + found["unreached"]
    return dict(found)


@pytest.fixture(scope="module")
def before(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index in which half of the articles have another text, and were read from the same files."""
    path = tmp_path_factory.mktemp("old") / "index"
    texts = {file: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    write_articles(folder, ARTICLES[::2], 1)
    said_by(content, path, folder)
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def complete(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of all articles as they are now."""
    path = tmp_path_factory.mktemp("complete") / "index"
    said_by(content, path, folder)
    return path


def _writes(path: Path, work: Callable[..., None], *arguments: Any) -> dict[str, int]:
    """By their names, the first and the last write of every kind that a process makes, as numbers to kill it before."""
    with running(name_writes, path, work, *arguments) as (_, ours):
        *_, names = _said(ours)
    assert len(names) > 5
    numbered = list(enumerate(names))
    first = {number: f"first {name}" for name, number in {name: number for number, name in reversed(numbered)}.items()}
    last = {number: f"last {name}" for name, number in {name: number for number, name in numbered}.items()}
    return {name: number for number, name in sorted((last | first).items())}


def _said(connection: Any) -> Iterator[Any]:
    """All that a process says until it ends."""
    while connection.poll(DEADLINE):
        try:
            yield connection.recv()
        except EOFError:
            return
    raise AssertionError("the process does not end")


def _is_killed_before(number: int, path: Path, work: Callable[..., None], *arguments: Any) -> None:
    with running(die_before_write, path, number, work, *arguments) as (process, _):
        process.join(DEADLINE)
        assert process.exitcode == -signal.SIGKILL


def _duration(work: Callable[..., None], *arguments: Any) -> float:
    """Seconds from the beginning of a process's work to its end."""
    with running(work, *arguments) as (_, ours):
        assert ours.recv() == "begin"
        began = time.perf_counter()
        assert ours.poll(DEADLINE)
        return time.perf_counter() - began


def _is_killed_after(moment: float, work: Callable[..., None], *arguments: Any) -> None:
    """Kill a process so many seconds after it has begun, or let it end before."""
    with running(work, *arguments) as (process, ours):
        assert ours.recv() == "begin"
        process.join(moment)
        process.kill()
        process.join(DEADLINE)


@pytest.mark.parametrize("has_old", [False, True], ids=["from nothing", "from an older state"])
def test_indexing_that_is_killed_before_any_kind_of_write_is_completed_by_indexing_again(
    has_old: bool, folder: Path, before: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    """Nothing is missing, doubled, left over or not found."""

    def start(name: str) -> Path:
        path = tmp_path / name
        return shutil.copytree(before, path) if has_old else path

    for name, number in _writes(start("counted"), sync, folder).items():
        path = start("index")
        _is_killed_before(number, path, sync, folder)
        assert said_by(content, path, folder) == whole, f"killed before the {name}"
        shutil.rmtree(path)


@pytest.mark.parametrize("kills", [5, MANY_MOMENTS])
def test_indexing_that_is_killed_at_any_moment_is_completed_by_indexing_again(
    kills: int, folder: Path, before: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    """From nothing and from an older state, in turn."""
    moments = random.Random(SEED)
    longest = _duration(sync, tmp_path / "timed", folder)
    for number in range(kills):
        path, has_old = tmp_path / "index", bool(number % 2)
        if has_old:
            shutil.copytree(before, path)
        moment = moments.uniform(0, longest)
        _is_killed_after(moment, sync, path, folder)
        assert said_by(content, path, folder) == whole, f"killed after {moment:.3f} s, old state: {has_old}"
        shutil.rmtree(path)


@pytest.mark.parametrize("kills", [5, MANY_MOMENTS])
def test_indexing_to_a_server_that_is_killed_is_completed_too(
    kills: int, folder: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    """The server goes on: what it was sent stays, and is completed or cleared up."""
    moments = random.Random(SEED)
    (tmp_path / "server").mkdir()
    with running_chroma(tmp_path / "server") as (url, _):
        longest = _duration(sync, tmp_path / "timed", folder, f"{url}/timed")
        for number in range(kills):
            moment = moments.uniform(0, longest)
            place = (tmp_path / f"index-{number}", folder, f"{url}/test-{number}")
            _is_killed_after(moment, sync, *place)
            assert said_by(content, *place) == whole, f"killed after {moment:.3f} s"


def _is_whole_after_another_rebuild(path: Path, whole: dict[str, Any]) -> None:
    with running(rebuild, path, "another") as (_, ours):
        assert (ours.recv(), ours.recv()) == ("begin", "end")
    assert said_by(content, path) == whole


def test_a_rebuild_that_is_killed_before_any_kind_of_write_leaves_the_old_index_or_the_new_one(
    complete: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    """Either answers as before; a rebuild then leaves nothing of the interrupted one."""
    answered_by = []
    for number in _writes(shutil.copytree(complete, tmp_path / "counted"), rebuild, "another").values():
        path = shutil.copytree(complete, tmp_path / "index")
        _is_killed_before(number, path, rebuild, "another")
        answered_by.append(_who_answers(path))
        _is_whole_after_another_rebuild(path, whole)
        shutil.rmtree(path)
    assert answered_by == sorted(answered_by, reverse=True), "there is one switch"
    assert set(answered_by) == {"hashing", "another"}


@pytest.mark.parametrize("kills", [5, MANY_MOMENTS])
def test_a_rebuild_that_is_killed_at_any_moment_leaves_the_old_index_or_the_new_one(
    kills: int, complete: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    moments = random.Random(SEED)
    longest = _duration(rebuild, shutil.copytree(complete, tmp_path / "timed"), "another")
    for number in range(kills):
        path = shutil.copytree(complete, tmp_path / "index")
        # The switch comes at the end: half of the moments are there.
        moment = longest * moments.uniform(0.7 * (number % 2), 1.0)
        _is_killed_after(moment, rebuild, path, "another")
        assert _who_answers(path) in ("hashing", "another"), f"killed after {moment:.3f} s"
        _is_whole_after_another_rebuild(path, whole)
        shutil.rmtree(path)


@pytest.mark.parametrize("again", ["rebuild", "index"])
def test_a_rebuild_that_is_killed_at_its_switch_answers_and_is_completed_by_the_next_change(
    again: str, folder: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    """The new passages answer; the records still say how many the old ones were."""
    path = tmp_path / "index"
    assert said_by(sync_by_letters, path, folder)["passages"] > len(whole["passages"])
    with running(rebuild_and_die_at_the_switch, path) as (process, _):
        process.join(DEADLINE)
        assert process.exitcode == -signal.SIGKILL
    assert _who_answers(path) == "hashing"
    (problem,) = check(path)
    count = len(ARTICLES)
    assert f"{count} of {count} articles have passage counts that differ from their records" in problem.message
    assert "`citechat rebuild`" in problem.hint
    if again == "rebuild":
        with running(rebuild, path, "hashing") as (_, ours):
            assert (ours.recv(), ours.recv()) == ("begin", "end")
    else:
        said_by(content, path, folder)
    assert check(path) == []
    assert said_by(content, path) == whole


def _who_answers(path: Path) -> str:
    """The encoder that an index is built by, which must find its passages."""
    for encoder in (HashingEncoder(), HashingEncoder("another")):
        try:
            hits = Index(path, encoder).search("What does item 7x2x3 tell of?")
        except IndexMismatchError:
            continue
        assert "7x2x3" in " ".join(hit.passage.text for hit in hits)
        return encoder.fingerprint
    raise AssertionError("no encoder fits")
