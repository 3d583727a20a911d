"""A process that is killed while it writes leaves an index that is completed by indexing again."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hashing import HashingEncoder
from processes import (
    DEADLINE,
    content,
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

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ARTICLES = range(40)
KILLS, KILLS_OF_A_REBUILD, KILLS_ON_A_SERVER = 50, 16, 8
SEED = 20260101


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The articles that are to be indexed."""
    return write_articles(tmp_path_factory.mktemp("new") / "articles", ARTICLES, 2)


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What an index holds that nobody has disturbed."""
    found = said_by(content, tmp_path_factory.mktemp("whole") / "index", folder)
    assert len(found["texts"]) == len(ARTICLES)
    assert len(found["passages"]) > 1000, "fewer are not written to files of vectors"
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


def _duration(work: Callable[..., None], *arguments: Any) -> float:
    """Seconds from the beginning of a process's work to its end."""
    with running(work, *arguments) as (_, ours):
        assert ours.recv() == "begin"
        began = time.perf_counter()
        assert ours.poll(DEADLINE)
        return time.perf_counter() - began


def _is_killed(moment: float, work: Callable[..., None], *arguments: Any) -> bool:
    """Kill a process so many seconds after it has begun; False when it was done before."""
    with running(work, *arguments) as (process, ours):
        assert ours.recv() == "begin"
        process.join(moment)
        was_alive = process.is_alive() and not ours.poll()
        process.kill()
        process.join(DEADLINE)
        return was_alive


def test_indexing_that_is_killed_at_any_moment_is_completed_by_indexing_again(
    folder: Path, before: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    """From nothing and from an older state, in turn: nothing is missing, doubled, left over or not found."""
    moments = random.Random(SEED)
    longest = {False: _duration(sync, tmp_path / "timed", folder)}
    longest[True] = _duration(sync, shutil.copytree(before, tmp_path / "timed-again"), folder)
    killed = 0
    for number in range(2 * KILLS):
        path, has_old = tmp_path / f"index-{number}", bool(number % 2)
        if has_old:
            shutil.copytree(before, path)
        moment = moments.uniform(0, longest[has_old])
        if _is_killed(moment, sync, path, folder):
            killed += 1
        else:
            longest[has_old] = moment  # the machine has less to do than when it was timed
        assert said_by(content, path, folder) == whole, f"killed after {moment:.3f} s, old state: {has_old}"
        shutil.rmtree(path)
        if killed == KILLS:
            break
    assert killed == KILLS


def test_indexing_to_a_server_that_is_killed_is_completed_too(
    folder: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    """The server goes on: what it was sent stays, and is completed or cleared up."""
    moments = random.Random(SEED)
    (tmp_path / "server").mkdir()
    with running_chroma(tmp_path / "server") as (url, _):
        longest = _duration(sync, tmp_path / "timed", folder, f"{url}/timed")
        for number in range(KILLS_ON_A_SERVER):
            moment = moments.uniform(0, longest)
            place = (tmp_path / f"index-{number}", folder, f"{url}/test-{number}")
            _is_killed(moment, sync, *place)
            assert said_by(content, *place) == whole, f"killed after {moment:.3f} s"


def test_a_rebuild_that_is_killed_at_any_moment_leaves_the_old_index_or_the_new_one(
    folder: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    """Either answers as before; a rebuild then leaves nothing of the one that was cut short."""
    moments = random.Random(SEED)
    said_by(content, tmp_path / "whole", folder)
    longest = _duration(rebuild, shutil.copytree(tmp_path / "whole", tmp_path / "timed"), "another")
    answered_by = []
    for number in range(KILLS_OF_A_REBUILD):
        path = shutil.copytree(tmp_path / "whole", tmp_path / f"index-{number}")
        # The switch comes at the end: half of the moments are there.
        moment = longest * moments.uniform(0.7 * (number % 2), 1.0)
        _is_killed(moment, rebuild, path, "another")
        answered_by.append(_who_answers(path))
        with running(rebuild, path, "another") as (_, ours):
            assert (ours.recv(), ours.recv()) == ("begin", "end")
        assert said_by(content, path) == whole, f"killed after {moment:.3f} s"
        shutil.rmtree(path)
    assert "hashing" in answered_by


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
    assert "40 of 40 articles have other passages than their records say" in problem.message
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
