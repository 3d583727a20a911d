"""Several processes, or Ray, read and embed; the index equals that of a single process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hashing import HashingEncoder
from servers import running_chroma

from index import CitechatError, Encoder, Index, ProcessExecutor, RayExecutor
from index.ingest.executors import SerialExecutor
from index.storage.store import Store

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty short articles, one twice, a page, an archive of three, and a file that is none."""
    home = tmp_path / "articles"
    home.mkdir()
    for number in range(40):
        text = (
            f"Story {number}\n\nThe harbour of town {number} reopened on Monday. Ship {number} waited for three days."
        )
        (home / f"{number:02}.txt").write_text(text, encoding="utf-8")
    (home / "again.txt").write_text((home / "07.txt").read_text(encoding="utf-8"), encoding="utf-8")
    page = "<html><body><article><h1>The ferry</h1><p>The ferry sails every hour, they say.</p></article></body></html>"
    (home / "page.html").write_text(page, encoding="utf-8")
    with zipfile.ZipFile(home / "more.zip", "w") as archive:
        for number in range(3):
            archive.writestr(f"{number}.txt", f"Archived {number}\n\nThe tower of town {number} fell in the storm.")
    (home / "broken.pdf").write_bytes(b"%PDF-1.4 nothing else")
    return home


def workers_of(kind: str) -> AbstractContextManager[Any]:
    """Who works, by name."""
    if kind == "ray":
        return RayExecutor("local", 2, HashingEncoder)
    return ProcessExecutor(2, HashingEncoder) if kind == "processes" else nullcontext()


def contents(index: Index) -> dict[str, Any]:
    """All that a search depends on, and where each article was read from."""
    store = Store(index.path, index.url)
    ids = sorted(passage.id for _, passage in store.titled_passages())
    found = {
        "articles": [(a.id, a.title, a.text, [(o.source, o.path) for o in a.origins]) for a in store.articles()],
        "passages": ids,
        "vectors": np.round(store.vectors(ids, index.encoder.dimension), 5).tolist(),
    }
    store.close()
    return found


@pytest.mark.parametrize("kind", ["processes", pytest.param("ray", marks=pytest.mark.nightly)])
def test_the_index_is_the_same_for_every_executor(folder: Path, tmp_path: Path, kind: str) -> None:
    alone, index = (Index(tmp_path / name, HashingEncoder()) for name in ("alone", "together"))
    expected = alone.sync([folder])
    with workers_of(kind) as workers:
        report = index.sync([folder], workers=workers)
        again = index.sync([folder], workers=workers)
    assert contents(index) == contents(alone)
    assert [each.path for each in report.skipped] == [str(folder / "broken.pdf")]
    assert report.skipped == expected.skipped
    assert (report.added, report.unchanged) == (expected.added, expected.unchanged) == (45, 0)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 45)
    assert report.articles == expected.articles == 44


def test_a_chroma_server_is_filled_by_several_processes(folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "chroma"
    data.mkdir()
    alone = Index(tmp_path / "alone", HashingEncoder())
    alone.sync([folder])
    with running_chroma(data) as (url, _), ProcessExecutor(2, HashingEncoder) as workers:
        index = Index(tmp_path / "caches", HashingEncoder(), url)
        index.sync([folder], workers=workers)
        assert contents(index) == contents(alone)
        index.close()


class _Counting(HashingEncoder):
    """Writes down how many texts it was given, in a file: it is copied into other processes."""

    def __init__(self, log: Path) -> None:
        super().__init__()
        self.log = log

    def passages(self, texts: Any) -> Any:
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{len(texts)}\n")
        return super().passages(texts)

    def encode(self, texts: Any) -> Any:
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{len(texts)}\n")
        return super().encode(texts)

    def given(self) -> int:
        """How many there were."""
        return sum(map(int, self.log.read_text(encoding="utf-8").split())) if self.log.exists() else 0


class _Recipe:
    """Makes the same encoder in any process."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __call__(self) -> Encoder:
        return _Counting(self.log)


def test_what_is_known_is_not_embedded_again_and_what_is_there_twice_only_once(tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    for number in range(10):
        (folder / f"{number}.txt").write_text(f"Story {number % 5}\n\nTown {number % 5} reopened its harbour.")
    recipe = _Recipe(tmp_path / "log")
    index = Index(tmp_path / "index", recipe())
    with ProcessExecutor(2, recipe) as workers:
        index.sync([folder], workers=workers)
        once = _Counting(recipe.log).given()
        index.sync([folder], workers=workers)
    assert once == 5
    assert _Counting(recipe.log).given() == once


def _double(_: Encoder, item: int) -> int:
    return item * 2


def _pid(_: Encoder, item: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def _dies_on_seven(_: Encoder, item: int) -> int:
    if item == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


@pytest.mark.parametrize("count", [1, 3])
def test_results_come_in_order_however_many_work(count: int) -> None:
    with ProcessExecutor(count, HashingEncoder) as workers:
        assert list(workers.map(_double, range(50), _lost)) == [item * 2 for item in range(50)]
    assert list(SerialExecutor(HashingEncoder()).map(_double, range(50), _lost)) == [item * 2 for item in range(50)]


def _lost(_: int) -> int:
    return -1


def test_an_item_that_kills_its_worker_is_reported_and_no_other_is_lost() -> None:
    with ProcessExecutor(2, HashingEncoder) as workers:
        assert list(workers.map(_dies_on_seven, range(20), _lost)) == [i if i != 7 else -1 for i in range(20)]


def test_workers_that_were_stopped_are_not_started_again() -> None:
    with ProcessExecutor(2, HashingEncoder) as workers:
        results = workers.map(_pid, range(100), _lost)
        next(results)
    with pytest.raises(CancelledError):
        list(results)
    deadline = time.monotonic() + 300
    while running := [pid for pid in _children(os.getpid()) if "spawn_main" in _command(pid)]:
        assert time.monotonic() < deadline, running
        time.sleep(0.05)


def _waits(_: Encoder, gate: Path | None) -> None:
    while gate is not None and not gate.exists():
        time.sleep(0.05)


def test_items_are_taken_no_faster_than_they_are_worked_on(tmp_path: Path) -> None:
    taken: list[int] = []

    def items() -> Iterator[Path | None]:
        for number in range(200):
            taken.append(number)
            yield tmp_path / "gate" if number else None

    with ProcessExecutor(2, HashingEncoder) as workers:
        results = workers.map(_waits, items(), lambda _: None)
        next(results)
        time.sleep(0.5)
        assert len(taken) < 30
        (tmp_path / "gate").touch()
        results.close()  # type: ignore[attr-defined]


def test_a_worker_that_is_killed_from_outside_loses_nothing(folder: Path, tmp_path: Path) -> None:
    alone, index = (Index(tmp_path / name, HashingEncoder()) for name in ("alone", "together"))
    alone.sync([folder])
    killed: list[int] = []

    with ProcessExecutor(2, HashingEncoder) as workers:
        victim = next(iter(workers.map(_pid, [0], _lost)))

        def kill_once(*_: object) -> None:
            if not killed:
                os.kill(victim, signal.SIGKILL)
                killed.append(victim)

        index.sync([folder], kill_once, workers=workers)
    assert killed
    assert contents(index) == contents(alone)


@pytest.mark.slow
@pytest.mark.parametrize("how", [pytest.param(signal.SIGINT, marks=pytest.mark.nightly), signal.SIGKILL])
def test_no_worker_outlives_the_command(home: Path, tmp_path: Path, how: signal.Signals) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(3000):
        (many / f"{number}.txt").write_text(f"Story {number}\n\n" + f"Town {number} reopened its harbour. " * 30)
    command = [sys.executable, "-m", "ui.cli", "index", str(many), "--workers", "2"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    children: set[int] = set()
    deadline = time.monotonic() + 300
    while len(children) < 2 and time.monotonic() < deadline:
        children = {pid for pid in _children(process.pid) if "spawn_main" in _command(pid)}
        time.sleep(0.1)
    while not list((home / "index").glob("tokens-*")) and time.monotonic() < deadline:
        time.sleep(0.1)  # until they are at work
    process.send_signal(how)
    code = process.wait(300)
    assert code == (130 if how == signal.SIGINT else -signal.SIGKILL)
    while any(_command(pid) for pid in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(children) == 2
    assert not any(_command(pid) for pid in children)
    process.communicate()


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in task.read_text().split()]
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " ").strip()
    except OSError:
        return ""


@pytest.mark.nightly
def test_an_unreachable_cluster_is_reported_in_time() -> None:
    with pytest.raises(CitechatError, match=r"Cannot use Ray at '127.0.0.1:1'") as refused:
        RayExecutor("127.0.0.1:1", 1, HashingEncoder)
    assert "ray start" in refused.value.hint


def test_without_ray_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(CitechatError, match="Cannot load the package 'ray'") as refused:
        RayExecutor("local", 1, HashingEncoder)
    assert ".[ray]" in refused.value.hint
