"""Parse untrusted files in another process with resource limits; a process that exceeds them is replaced.

A worker cannot read this process's memory or environment, but it has the same user's access to files and the network.

The worker is a plain subprocess connected by pipes, so threads, process pools and the chat server can each have their
own worker. A worker answers with data, never code, and each answer is validated. It ends when its parent ends, because
its input then ends.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from ..cancellation import Cancellation
from ..errors import LoadError
from ..process_memory import protect_memory
from .base import Extract, cannot_read
from .feeds.listing import Listing
from .packages.zip_file import Allowance
from .sandbox_protocol import BrokenFrameError, parse_extract, parse_listing, read_message, write_message, write_part

_MB = 1_000_000
_MOST_IDLE = 2  # maximum number of idle processes; more processes start if more threads read at once
_MOST_CRASHES = 3  # maximum number of crashes in one archive or mailbox before the rest is skipped
_MOST_DOCUMENTS = 1_000_000  # maximum number of documents in one archive or mailbox
_LAST_WORDS = 2.0  # maximum time for a process to end after its output has ended, in seconds
_INHERITED = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "VIRTUAL_ENV", "PYTHONHOME", "LD_LIBRARY_PATH"),
    *("DYLD_LIBRARY_PATH", "SYSTEMROOT", "WINDIR", "TEMP", "TMP", "TMPDIR", "USERPROFILE", "APPDATA"),
)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits for one document: CPU time and elapsed time in seconds, and memory in bytes.

    On systems without process limits, such as Windows, only elapsed time is limited.
    """

    processor: int = 120
    clock: float = 240.0
    memory: int = 2_000 * _MB


class Sandbox:
    """A pool of worker processes that parse documents, started at first use. Thread-safe and fork-safe."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []

    def document(self, data: bytes, suffix: str, name: str, cancellation: Cancellation | None = None) -> Extract:
        """Parse a document. Raises `LoadError` in the same cases as `extract`, and if a limit is exceeded.

        Raises `CancelledWorkError` if the work should end.
        """
        return self._asked({"suffix": suffix, "name": name}, data, name, _outcome, cancellation)

    def listing(self, data: bytes, address: str, cancellation: Cancellation | None = None) -> Listing:
        """Parse the feed or sitemap at an address. Raises `LoadError` and `CancelledWorkError` like `document`."""
        return self._asked({"address": address}, data, address, _listing, cancellation)

    def documents(
        self, path: str, allowance: Allowance | None = None, cancellation: Cancellation | None = None
    ) -> Iterator[tuple[str, Extract | LoadError]]:
        """Yield each document in an archive or mailbox, or its error, with a name that begins with the path.

        `allowance` limits the contents. Raises `CancelledWorkError` if the work should end.
        """
        allowance, cancellation = allowance or Allowance(), cancellation or Cancellation()
        limits = {"files": allowance.files, "bytes": allowance.bytes}
        done = crashes = 0
        while crashes < _MOST_CRASHES:
            with self._borrowed(path) as worker, cancellation.calling(worker.interrupt):
                reading = ""
                try:
                    worker.ask({"path": path, "start": done, **limits})
                    while not (reply := worker.answer()).get("done"):
                        reading = _name(reply, path)
                        if "extract" in reply or "message" in reply:
                            done += 1
                            yield reading, _outcome(reply)
                            reading = ""
                        if done > _MOST_DOCUMENTS:
                            _broken()
                except (BrokenFrameError, OSError):
                    cancellation.check()
                    failure = worker.failure(reading or path)
                else:
                    return
            yield reading or path, failure
            if not reading:  # the error is for the container, not for a document in it
                return
            done, crashes = done + 1, crashes + 1
        rest = f"Cannot read the rest of {path!r}: {crashes} of its files could not be parsed safely."
        yield path, LoadError(rest, "Unpack it and index the folder.")

    def _asked(
        self,
        request: dict[str, Any],
        data: bytes,
        name: str,
        parse: Callable[[dict[str, Any]], Result | LoadError],
        cancellation: Cancellation | None,
    ) -> Result:
        """Send a request with one answer, and return the answer or raise its error."""
        cancellation = cancellation or Cancellation()
        with self._borrowed(name) as worker, cancellation.calling(worker.interrupt):
            try:
                worker.ask(request, data)
                outcome = parse(worker.answer())
                worker.answer()  # the message that the worker has finished
            except (BrokenFrameError, OSError):
                cancellation.check()
                raise worker.failure(name) from None
        if isinstance(outcome, LoadError):
            raise outcome
        return outcome

    def close(self) -> None:
        """End the idle processes."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()

    def forget(self) -> None:
        """Drop the parent's worker processes after a fork, without ending them."""
        self._lock = threading.Lock()
        idle, self._idle = self._idle, []
        for worker in idle:
            worker.forget()

    @contextmanager
    def _borrowed(self, name: str) -> Iterator[_Worker]:
        """Lend a worker process to one thread; the worker is ended after any exception, such as an interrupt."""
        worker = self._take(name)
        try:
            yield worker
        except BaseException:
            worker.close()
            raise
        with self._lock:
            is_reused = worker.is_ready and len(self._idle) < _MOST_IDLE
            if is_reused:
                self._idle.append(worker)
        if not is_reused:
            worker.close()

    def _take(self, name: str) -> _Worker:
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                return _Worker(self._limits, name)
            if worker.is_ready:
                return worker
            worker.close()


class _Worker:
    """A worker process and its state."""

    def __init__(self, limits: Limits, name: str) -> None:
        self._limits = limits
        self._why = ""  # the reason why this process ended the worker, if it did
        self._is_worn = False
        limited = (str(limits.processor), str(limits.memory))
        command = [sys.executable, "-P", "-m", f"{__package__}.sandbox_worker", *limited]
        protect_memory()  # the worker belongs to the same user as this process
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # so that Ctrl-C reaches only this process, which ends the worker
            )
        except OSError as error:
            why = f"cannot start a process to parse it: {error.strerror}"
            raise cannot_read(name, why, "Close other programs and try again.") from None
        assert self._process.stdin and self._process.stdout  # noqa: S101, PT018 - for the type checker
        self._input, self._output = self._process.stdin, self._process.stdout

    @property
    def is_ready(self) -> bool:
        """Whether the worker can accept a request."""
        return not self._is_worn and self._process.poll() is None

    def ask(self, request: dict[str, Any], data: bytes | None = None) -> None:
        """Send a request. If sending fails, the error is reported when the answer is read."""
        with self._in_time(), suppress(BrokenPipeError):
            write_message(self._input, request)
            if data is not None:
                write_part(self._input, data)

    def answer(self) -> dict[str, Any]:
        """Receive the next answer, within the time limit."""
        with self._in_time():
            reply = read_message(self._output)
        self._is_worn = reply.get("worn") is not False  # only the last answer to a request contains "worn"
        if reply.get("memory"):
            self._why = f"it needs more than {self._limits.memory // _MB:,} MB of memory"
            raise BrokenFrameError("out of memory")
        return reply

    def failure(self, name: str) -> LoadError:
        """End the process and return an error that explains why it did not answer."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_WORDS)
        status = self._process.returncode
        self.close()
        if status is not None and status == -getattr(signal, "SIGXCPU", 0):
            self._why = self._why or f"it takes more than {self._limits.processor} seconds of CPU time"
        why = self._why or "it makes the parser crash"
        return cannot_read(name, why, "Open it in the program that created it, and save it again or as text.")

    def interrupt(self) -> None:
        """End the process from another thread; the thread that waits for its answer then gets an error."""
        self._is_worn = True
        self._process.kill()

    def close(self) -> None:
        """End the process now."""
        self._is_worn = True
        self._process.kill()
        self._process.wait()
        for pipe in (self._input, self._output):
            with suppress(OSError):  # unsent data is discarded
                pipe.close()

    def forget(self) -> None:
        """Close the pipes without ending the process."""
        self._process.returncode = 0
        self._input.close()
        self._output.close()

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        timer = threading.Timer(self._limits.clock, self._late)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _late(self) -> None:
        self._why = f"it takes more than {self._limits.clock:g} seconds"
        self._process.kill()


def _environment() -> dict[str, str]:
    """Return the variables that the worker needs to import this package; no keys or passwords."""
    root = str(Path(__file__).resolve().parents[2])
    return {
        **{name: os.environ[name] for name in _INHERITED if name in os.environ},
        "PYTHONPATH": os.pathsep.join([root, *(place for place in sys.path if place and place != root)]),
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def _name(reply: dict[str, Any], path: str) -> str:
    name = reply.get("name")
    if not isinstance(name, str) or not (name == path or name.startswith(f"{path}!")):
        _broken()
    return name


def _outcome(reply: dict[str, Any]) -> Extract | LoadError:
    return parse_extract(reply["extract"]) if "extract" in reply else _error(reply)


def _listing(reply: dict[str, Any]) -> Listing | LoadError:
    return parse_listing(reply["listing"]) if "listing" in reply else _error(reply)


def _error(reply: dict[str, Any]) -> LoadError:
    message, hint = reply.get("message"), reply.get("hint")
    if not isinstance(message, str) or not isinstance(hint, str):
        _broken()
    return LoadError(message, hint)


def _broken() -> NoReturn:
    raise BrokenFrameError("an invalid answer")


SANDBOX = Sandbox()
"""This process's worker pool, closed when the process exits."""

atexit.register(SANDBOX.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=SANDBOX.forget)
