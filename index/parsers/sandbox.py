"""Foreign files are read in another process, which has limits and is replaced after a file that goes beyond them.

It is a plain subprocess that is asked over pipes, so that threads, pools of processes and a served chat can each have
theirs; what it answers is data, and is checked. It ends with its parent: its input does.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from ..errors import LoadError
from .base import Extract
from .sandbox_protocol import BrokenFrameError, read_message, understood, write_message, write_part

_MB = 1_000_000
_MOST_IDLE = 2  # processes that wait for the next file; more come where more threads read at a time
_MOST_CRASHES = 3  # of files in one archive or mailbox, before the rest of it is left
_MOST_DOCUMENTS = 1_000_000  # in one
_LAST_WORDS = 2.0  # seconds for a process whose answers have ended to end too
_INHERITED = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "VIRTUAL_ENV", "PYTHONHOME", "LD_LIBRARY_PATH"),
    *("DYLD_LIBRARY_PATH", "SYSTEMROOT", "WINDIR", "TEMP", "TMP", "TMPDIR", "USERPROFILE", "APPDATA"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one document may take: seconds of the processor, seconds by the clock, bytes of memory.

    Where the system limits no processes, as Windows, the clock alone holds.
    """

    processor: int = 120
    clock: float = 240.0
    memory: int = 2_000 * _MB


class Sandbox:
    """Processes that read documents, started when the first one comes. Safe to use from several threads, and in a
    process that was forked from one that has some."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._idle: list[_Child] = []

    def document(self, data: bytes, suffix: str, name: str) -> Extract:
        """What is in a document. Raises `LoadError` as `extract` does, and where a limit is exceeded."""
        with self._borrowed(name) as child:
            try:
                child.ask({"suffix": suffix, "name": name}, data)
                outcome = _outcome(child.answer())
                child.finish()
            except (BrokenFrameError, OSError):
                raise child.failure(name) from None
        if isinstance(outcome, LoadError):
            raise outcome
        return outcome

    def documents(self, path: str) -> Iterator[tuple[str, Extract | LoadError]]:
        """Each document in an archive or mailbox, by a name that begins with the path, or why it cannot be read."""
        done = crashes = 0
        while crashes < _MOST_CRASHES:
            with self._borrowed(path) as child:
                reading = ""
                try:
                    child.ask({"path": path, "start": done})
                    while not (reply := child.answer()).get("done"):
                        reading = _name(reply, path)
                        if "extract" in reply or "message" in reply:
                            done += 1
                            yield reading, _outcome(reply)
                            reading = ""
                        if done > _MOST_DOCUMENTS:
                            _broken()
                    child.finish(reply)
                except (BrokenFrameError, OSError):
                    failure = child.failure(reading or path)
                else:
                    return
            yield reading or path, failure
            if not reading:  # it is not a document that was being read, but the file itself
                return
            done, crashes = done + 1, crashes + 1
        rest = f"the rest of {path!r} is not read: {crashes} of its files could not be read safely"
        yield path, LoadError(rest, "Unpack it, and index the folder.")

    def close(self) -> None:
        """End the processes that wait."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.close()

    def forget(self) -> None:
        """Leave the processes to the one that this one was forked from."""
        self._lock = threading.Lock()
        idle, self._idle = self._idle, []
        for child in idle:
            child.forget()

    @contextmanager
    def _borrowed(self, name: str) -> Iterator[_Child]:
        """A process for one reader alone; it is of no more use after anything unforeseen, such as an interrupt."""
        child = self._take(name)
        try:
            yield child
        except BaseException:
            child.close()
            raise
        with self._lock:
            keep = child.is_ready and len(self._idle) < _MOST_IDLE
            if keep:
                self._idle.append(child)
        if not keep:
            child.close()

    def _take(self, name: str) -> _Child:
        while True:
            with self._lock:
                child = self._idle.pop() if self._idle else None
            if child is None:
                return _Child(self._limits, name)
            if child.is_ready:
                return child
            child.close()


class _Child:
    """One process, and what is known of it."""

    def __init__(self, limits: Limits, name: str) -> None:
        self._limits = limits
        self._is_late = self._is_full = self._is_worn = False
        command = [
            sys.executable,
            "-P",
            "-m",
            f"{__package__}.sandbox_worker",
            str(limits.processor),
            str(limits.memory),
        ]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # an interrupt from the keyboard is for us, and we end it
            )
        except OSError as error:
            raise LoadError(
                f"{name!r} cannot be read: no process to read it in can be started: {error.strerror}",
                "Close other programs, and try again.",
            ) from None

    @property
    def is_ready(self) -> bool:
        """True for one that can be asked."""
        return not self._is_worn and self._process.poll() is None

    def ask(self, request: dict[str, Any], data: bytes | None = None) -> None:
        """Send it. Where it goes nowhere, the answer says why."""
        with self._in_time(), suppress(BrokenPipeError):
            write_message(self._pipe(self._process.stdin), request)
            if data is not None:
                write_part(self._pipe(self._process.stdin), data)

    def answer(self) -> dict[str, Any]:
        """The next of its answers, if it comes in time."""
        with self._in_time():
            reply = read_message(self._pipe(self._process.stdout))
        if reply.get("memory"):
            self._is_full = True
            raise BrokenFrameError("out of memory")
        return reply

    def finish(self, reply: dict[str, Any] | None = None) -> None:
        """Take its last answer to a request."""
        last = self.answer() if reply is None else reply
        self._is_worn = last.get("worn") is not False

    def failure(self, name: str) -> LoadError:
        """End it; why it did not answer."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_WORDS)
        status = self._process.returncode
        self.close()
        if self._is_late:
            why = f"it takes more than {self._limits.clock:g} seconds"
        elif self._is_full:
            why = f"it needs more than {self._limits.memory // _MB:,} MB of memory"
        elif status is not None and status == -getattr(signal, "SIGXCPU", 0):
            why = f"it takes more than {self._limits.processor} seconds of the processor's time"
        else:
            why = "it makes its reader crash"
        return LoadError(
            f"{name!r} cannot be read: {why}", "Open it in the program that made it, and save it again, or as text."
        )

    def close(self) -> None:
        """End it now."""
        self._is_worn = True
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was not sent goes nowhere
                self._pipe(pipe).close()

    def forget(self) -> None:
        """Let go of it without ending it."""
        self._process.returncode = 0
        for pipe in (self._process.stdin, self._process.stdout):
            self._pipe(pipe).close()

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None  # noqa: S101 - it was started with both
        return pipe

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
        self._is_late = True
        self._process.kill()


def _environment() -> dict[str, str]:
    """What the process needs to import what this one does; no key and no password among it."""
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
    if "extract" in reply:
        return understood(reply["extract"])
    message, hint = reply.get("message"), reply.get("hint")
    if not isinstance(message, str) or not isinstance(hint, str):
        _broken()
    return LoadError(message, hint)


def _broken() -> NoReturn:
    raise BrokenFrameError("what no reader answers")


SANDBOX = Sandbox()
"""The processes of this one; they end with it."""

atexit.register(SANDBOX.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=SANDBOX.forget)
