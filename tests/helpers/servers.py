"""Servers for tests, on this machine: a real Chroma, and what the chat's own leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ui.chat.services import Services
    from ui.server import ServedChat

_DEADLINE = 300  # seconds for the server to start


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running_chroma(folder: Path, port: int | None = None) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server that keeps its data in `folder`: its address, at `port` or at a free one, and its process."""
    port = port or free_port()
    command = [str(Path(sysconfig.get_path("scripts")) / "chroma"), "run", "--path", str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--host", "127.0.0.1", "--port", str(port)], stdout=log, stderr=log)
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.kill()  # a polite request makes it wait for its clients
            process.wait(300)


def pause(process: subprocess.Popen[bytes]) -> None:
    """Stop a process, and wait until all of its threads have stopped. `SIGCONT` continues it."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _DEADLINE
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise TimeoutError("the Chroma server did not start")


class _Recorded(asyncio.SelectorEventLoop):
    """An event loop that `close_the_loop` can find, and that the garbage collector does not find before it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        _LOOPS.add(self)


_LOOPS: set[_Recorded] = set()
asyncio.DefaultEventLoopPolicy._loop_factory = _Recorded  # type: ignore[attr-defined]


def close_the_loop() -> None:
    """Close the event loops that the web framework leaves open in threads that built a page."""
    with suppress(RuntimeError):
        asyncio.get_event_loop_policy().get_event_loop().close()
    asyncio.set_event_loop(None)
    for left in list(_LOOPS):
        if not left.is_running() and not left.is_closed():
            with suppress(ValueError):  # the server's own thread is closing it
                left.close()
        if left.is_closed():
            _LOOPS.discard(left)


def run_elsewhere(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine, run in a thread: an open browser keeps an event loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@contextmanager
def serving_chat(assistant: Any, services: Services | None = None, **options: Any) -> Iterator[ServedChat]:
    """The chat around an assistant, and its API, really served; `options` are those of `ui.web.start`."""
    from ui.server import start_chat

    chat = start_chat(assistant, port=0, services=services, **options)
    try:
        yield chat
    finally:
        chat.close()
        close_the_loop()
