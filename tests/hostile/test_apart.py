"""Foreign files are read in a process of its own: what goes wrong there is told of one file, and of no other."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from index import Article, CancelledWorkError, LoadError, Skipped
from index.cancellation import Cancellation
from index.ingest.loader import load
from index.parsers import sandbox as apart
from index.parsers import sandbox_protocol as frames
from index.parsers.base import Extract
from index.parsers.sandbox import Limits, Sandbox

PAGE = b"<html><body><article><p>The ferry sails at nine.</p></article></body></html>"
SLOW = b"<html><body><article><p>The ferry sails at nine.</p>" + b"<h2>a</h2>" * 29_000

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of processes are not Windows'")


@pytest.fixture
def readers() -> Iterator[Sandbox]:
    readers = Sandbox(Limits(clock=60))
    yield readers
    readers.close()


def _with(**limits: Any) -> Sandbox:
    return Sandbox(Limits(**{"clock": 60, **limits}))


def _process(readers: Sandbox) -> subprocess.Popen[bytes]:
    """The process that waits for the next file."""
    (child,) = readers._idle
    return child._process


def _refusal(readers: Sandbox, data: bytes, suffix: str = ".html") -> str:
    with pytest.raises(LoadError) as caught:
        readers.document(data, suffix, f"a{suffix}")
    return caught.value.message


def _zip(path: Path, **members: bytes) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("_", "."), data)
    return str(path)


def test_one_process_reads_file_after_file(readers: Sandbox) -> None:
    assert readers.document(PAGE, ".html", "a.html").text == "The ferry sails at nine."
    first = _process(readers).pid
    assert "it has no sender" in _refusal(readers, b"no message", ".eml")
    assert _process(readers).pid == first


def test_a_process_is_not_worn_by_the_memory_of_the_one_that_started_it() -> None:
    large = b"x" * 300_000_000  # more than half of what the reader may have
    readers = _with(memory=500_000_000)
    assert readers.document(PAGE, ".html", "a.html").text == "The ferry sails at nine."
    first = _process(readers).pid
    assert readers.document(PAGE, ".html", "b.html").text == "The ferry sails at nine."
    assert _process(readers).pid == first
    assert len(large) == 300_000_000
    readers.close()


def test_no_process_is_started_for_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process is started"))
    (tmp_path / "a.txt").write_text("The ferry sails.")
    (tmp_path / "a.md").write_text("# The ferry sails.")
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    (tmp_path / "a.html").write_bytes(b"")
    assert [type(item) for item in load([tmp_path])] == [Skipped, Article, Skipped, Article]


def test_a_file_that_takes_too_much_of_the_processor_is_refused_and_the_next_is_read() -> None:
    readers = _with(processor=1)
    assert "takes more than 1 seconds of CPU time" in _refusal(readers, SLOW)
    assert readers.document(PAGE, ".html", "a.html").text
    readers.close()


def test_a_file_that_takes_too_long_is_refused_and_the_next_is_read(readers: Sandbox) -> None:
    readers.document(PAGE, ".html", "a.html")
    readers._idle[0]._limits = Limits(clock=1.0)  # only now: a busy machine may take longer to start it
    os.kill(_process(readers).pid, signal.SIGSTOP)
    assert "takes more than 1 seconds" in _refusal(readers, PAGE)
    assert readers.document(PAGE, ".html", "a.html").text


def test_a_file_that_needs_too_much_memory_is_refused_and_the_next_is_read() -> None:
    readers = _with(memory=320_000_000)
    assert "needs more than 320 MB of memory" in _refusal(readers, b"%PDF-1.7" + bytes(190_000_000), ".pdf")
    assert readers.document(PAGE, ".html", "a.html").text
    readers.close()


def test_a_process_that_has_needed_much_is_replaced() -> None:
    readers = _with(memory=100_000_000_000)
    readers.document(PAGE, ".html", "a.html")
    assert len(readers._idle) == 1
    readers.close()
    readers = _with(memory=600_000_000)
    assert "larger than 10 MB" in _refusal(readers, bytes(310_000_000).replace(b"\0", b"x"))
    assert readers._idle == []


def test_a_file_that_makes_its_reader_crash_is_refused_and_the_next_is_read(readers: Sandbox) -> None:
    readers.document(PAGE, ".html", "a.html")
    process = _process(readers)
    os.kill(process.pid, signal.SIGSTOP)
    crash = threading.Timer(0.3, process.send_signal, [signal.SIGKILL])
    crash.start()
    assert "makes the parser crash" in _refusal(readers, PAGE)
    crash.join()
    assert readers.document(PAGE, ".html", "a.html").text


def test_a_process_that_ended_while_it_waited_is_replaced_unseen(readers: Sandbox) -> None:
    readers.document(PAGE, ".html", "a.html")
    process = _process(readers)
    process.kill()
    process.wait()
    assert readers.document(PAGE, ".html", "a.html").text


def test_of_an_archive_only_the_file_that_is_too_much_is_lost(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", a_html=PAGE, b_html=SLOW, c_html=PAGE, d_txt=b"The hen laid an egg.")
    readers = _with(processor=1)
    found = dict(readers.documents(path))
    assert [name.removeprefix(f"{path}!") for name in found] == ["a.html", "b.html", "c.html", "d.txt"]
    assert "of CPU time" in str(found.pop(f"{path}!b.html"))
    assert all(isinstance(each, Extract) for each in found.values())
    readers.close()


def test_an_archive_full_of_such_files_is_left(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", **{f"{name}_html": SLOW for name in "abcde"})
    readers = _with(processor=1)
    *refused, (name, rest) = readers.documents(path)
    assert (len(refused), name) == (3, path)
    assert "the rest of" in str(rest)


def test_who_stops_reading_an_archive_ends_its_process(readers: Sandbox, tmp_path: Path) -> None:
    found = readers.documents(_zip(tmp_path / "a.zip", a_html=PAGE, b_html=SLOW))
    next(found)
    found.close()
    assert readers._idle == []


def test_several_threads_read_at_a_time_and_two_processes_wait_for_more(readers: Sandbox) -> None:
    gate = threading.Barrier(4)

    def read(_: int) -> str:
        gate.wait()
        return readers.document(PAGE, ".html", "a.html").text

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(read, range(4))) == {"The ferry sails at nine."}
    assert 1 <= len(readers._idle) <= 2


def _asked(tmp_path: Path, code: str) -> str:
    """What a program prints that reads a page."""
    (tmp_path / "a.html").write_bytes(PAGE)
    start = (
        "import os, signal, sys, time; from pathlib import Path; from index.ingest.loader import SANDBOX, load\n"
        f"path = Path({str(tmp_path / 'a.html')!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", start + code], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stderr == ""
    return done.stdout.strip()


_ALIVE = """
def alive(pid):
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2:3] if Path("/proc").is_dir() else True
    except (ProcessLookupError, FileNotFoundError):
        return False
"""


@pytest.mark.parametrize("end", ["sys.exit()", "os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_the_process_ends_with_whoever_started_it(tmp_path: Path, end: str) -> None:
    pid = int(_asked(tmp_path, f"list(load([path])); print(SANDBOX._idle[0]._process.pid, flush=True)\n{end}"))
    wait = f"{_ALIVE}\nfor _ in range(100):\n    if not alive({pid}): break\n    time.sleep(0.1)\nprint(alive({pid}))"
    assert _asked(tmp_path, wait) == "False"


def test_it_ends_too_where_it_is_busy_when_its_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "slow.html").write_bytes(SLOW)
    code = (
        "import threading\nlist(load([path])); pid = SANDBOX._idle[0]._process.pid; print(pid, flush=True)\n"
        "threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGKILL]).start()\n"
        "list(load([path.with_name('slow.html')]))"
    )
    pid = int(_asked(tmp_path, code))
    wait = f"{_ALIVE}\nfor _ in range(100):\n    if not alive({pid}): break\n    time.sleep(0.1)\nprint(alive({pid}))"
    assert _asked(tmp_path, wait) == "False"


def test_an_interrupt_ends_the_reading_without_a_word_of_the_process(tmp_path: Path) -> None:
    (tmp_path / "slow.html").write_bytes(SLOW)
    code = (
        "import threading\nlist(load([path])); process = SANDBOX._idle[0]._process\n"
        "threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()\n"
        "try: list(load([path.with_name('slow.html')]))\n"
        "except KeyboardInterrupt: print('interrupted', process.poll() is not None, SANDBOX._idle)"
    )
    assert _asked(tmp_path, code) == "interrupted True []"


def test_a_process_that_was_forked_reads_by_one_of_its_own(tmp_path: Path) -> None:
    code = (
        "list(load([path])); parents = SANDBOX._idle[0]._process.pid\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    ok = SANDBOX._idle == [] and len(list(load([path]))) == 1 and SANDBOX._idle[0]._process.pid != parents\n"
        "    sys.exit(0 if ok else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), SANDBOX._idle[0].is_ready)"
    )
    assert _asked(tmp_path, code) == "0 True"


def test_a_daemon_of_a_pool_of_processes_reads_too(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(PAGE)
    script = tmp_path / "pool.py"
    script.write_text(
        "import multiprocessing\nfrom index.ingest.loader import load\n"
        "def read(path): return [item.title for item in load([path])]\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        f"        print(pool.apply(read, [{str(tmp_path / 'a.html')!r}]))\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300, check=False)
    assert (done.stdout.strip(), done.stderr) == ("['The ferry sails at nine.']", "")


def test_the_process_knows_no_key_and_may_write_and_start_nothing(
    readers: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    readers.document(PAGE, ".html", "a.html")
    process = _process(readers)
    if not Path("/proc").is_dir():
        pytest.skip("only Linux tells of another process")
    with suppress(PermissionError):  # only root may look at it
        assert b"secret" not in Path(f"/proc/{process.pid}/environ").read_bytes()
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    told = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()[1:]}
    assert told["Max file size"] == told["Max core file size"] == told["Max processes"] == "0"
    assert told["Max address space"] == str(Limits().memory)
    assert told["Max open files"] == "64"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /proc and prctl")
@pytest.mark.parametrize("file", ["environ", "mem", "maps"])
@pytest.mark.parametrize("whose", ["os.getpid()", "SANDBOX._idle[0]._process.pid"])
def test_what_runs_as_the_same_user_cannot_look_into_the_parent_or_a_worker(
    tmp_path: Path, file: str, whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the right of root to look into every process."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    code = (
        "import ctypes, subprocess\n"
        "if 'again' not in sys.argv:\n"
        "    for right in range(41): ctypes.CDLL(None).prctl(24, right, 0, 0, 0)  # PR_CAPBSET_DROP\n"
        "    os.execv(sys.executable, [*sys.orig_argv, 'again'])\n"
        "def look(pid):\n"
        f'    code = f\'print(len(open("/proc/{{pid}}/{file}", "rb").read(10)))\'\n'
        "    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)\n"
        "    return done.stdout.strip() or done.stderr.strip().splitlines()[-1].partition(':')[0]\n"
        "before = look(os.getpid())\n"
        f"list(load([path])); print(before, look({whose}), os.listdir('/proc/self/fd') != [])"
    )
    before, after, is_ours = _asked(tmp_path, code).split()
    assert before == ("OSError" if file == "mem" else "10"), "it may otherwise (at address 0, there is no memory)"
    assert after == "PermissionError"
    assert is_ours == "True", "the process itself is not concerned"


def _framed(message: object) -> bytes:
    data = json.dumps(message).encode()
    return len(data).to_bytes(8) + data


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\x00",
        b"\xff" * 8,
        (5).to_bytes(8) + b"{}",
        (4).to_bytes(8) + b"\x80\x04N.",
        _framed([1]),
        (100_000).to_bytes(8) + b"[" * 100_000,
    ],
    ids=["nothing", "cut", "endless", "short", "pickle", "not an object", "deep"],
)
def test_an_answer_that_is_none_is_told_apart(sent: bytes) -> None:
    with pytest.raises(frames.BrokenFrameError):
        frames.read_message(io.BytesIO(sent))


GOOD = json.loads(json.dumps(asdict(Extract("The ferry.", title="Ferry", pages=(0, 4)))))


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": None},
        {"text": ["x"]},
        {"title": 1},
        {"source": {}},
        {"pages": [-1]},
        {"pages": [11]},
        {"pages": [4, 0]},
        {"pages": [True]},
        {"pages": "0"},
        {"has_front_matter": 1},
    ],
)
def test_a_forged_extract_is_refused(wrong: dict[str, object]) -> None:
    assert frames.parse_extract(GOOD) == Extract("The ferry.", title="Ferry", pages=(0, 4))
    with pytest.raises(frames.BrokenFrameError):
        frames.parse_extract({**GOOD, **wrong})


@pytest.mark.parametrize("name", [None, "/etc/passwd", "/a.zipx", "", 3])
def test_a_document_cannot_claim_to_lie_in_another_file(name: object) -> None:
    assert apart._name({"name": "/a.zip!b"}, "/a.zip") == "/a.zip!b"
    with pytest.raises(frames.BrokenFrameError):
        apart._name({"name": name}, "/a.zip")


def test_where_no_process_can_be_started_the_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    assert "cannot start a process to parse it: No such file" in _refusal(Sandbox(), PAGE)


def test_a_file_is_left_at_once_when_the_work_should_end(readers: Sandbox, tmp_path: Path) -> None:
    readers.document(PAGE, ".html", "a.html")
    process = _process(readers)
    os.kill(process.pid, signal.SIGSTOP)  # it will never answer
    cancellation = Cancellation()
    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(readers.document, SLOW, ".html", "b.html", cancellation)
        while not cancellation._callbacks:
            pass
        cancellation.request("Stopped.", "Again.")
        with pytest.raises(CancelledWorkError, match=r"Stopped\."):
            reading.result()
    assert process.poll() is not None
    assert readers._idle == []
    with pytest.raises(CancelledWorkError):
        list(readers.documents(_zip(tmp_path / "a.zip", a_html=PAGE), None, cancellation))
