"""Run several copies of the chat on one Chroma server, as processes that can be killed and restarted."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import subprocess
import sysconfig
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from readers_page import CITECHAT, PATIENCE, environment_of

REPOSITORY = Path(__file__).resolve().parent.parent
LIMITS = {"rate_limit": "1000000/minute", "concurrency": "1000"}
"""Settings for the copies; the default limits would reject the questions, which all come from one address."""

_CHROMA = Path(sysconfig.get_path("scripts")) / "chroma"


class Server:
    """A process that listens on a port, which it keeps when it is killed and restarted."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str] | None, log: Path, port: int) -> None:
        self.name, self.port, self.address = name, port, f"http://127.0.0.1:{port}"
        self._command, self._environment, self._log = command, environment, log
        self._process: subprocess.Popen[bytes] | None = None
        self.peaks: list[float] = []
        """Peak memory of each process that was started, including its children, in megabytes."""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process without waiting; `wait` waits until it responds."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)

    def kill(self) -> None:
        """Kill the process with SIGKILL, as if its machine failed."""
        assert self._process is not None
        self.note_memory()
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Stop the process with SIGTERM, as an orchestrator does, or with SIGKILL if it still runs after 20 seconds."""
        if self._process is None or self._process.poll() is not None:
            return
        self.note_memory()
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait(self, path: str) -> None:
        """Wait until `path` returns 200. Raises `RuntimeError` if the process ends or does not respond in time."""
        deadline = time.monotonic() + PATIENCE
        while not is_well(self.address + path):
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise RuntimeError(f"{self.name} did not start: {said}")
            time.sleep(0.1)

    def note_memory(self) -> None:
        """Add the peak memory of the process and its children to `peaks`."""
        self.peaks.append(memory_of(self.pid))


class Cluster:
    """A Chroma server, and copies of the chat, each with its own home."""

    def __init__(self, folder: Path, copies: int, ports: list[int], settings: dict[str, str] | None = None) -> None:
        self._folder = folder
        address = f"http://127.0.0.1:{ports[0]}"
        data = folder / "chroma"
        data.mkdir()
        run = [str(_CHROMA), "run", "--path", str(data), "--host", "127.0.0.1", "--port", str(ports[0])]
        self.chroma = Server("Chroma", run, None, folder / "chroma.log", ports[0])
        ours = {"chroma_url": address, **LIMITS, **(settings or {})}
        self.homes = [folder / f"home-{number}" for number in range(copies)]
        self.environments = [environment_of(home, REPOSITORY, **ours) for home in self.homes]
        self.copies = [
            Server(
                f"copy {number + 1}",
                [*CITECHAT, "chat", "--no-browser", "--port", str(port)],
                environment,
                folder / f"copy-{number + 1}.log",
                port,
            )
            for number, (port, environment) in enumerate(zip(ports[1:], self.environments, strict=True))
        ]

    def __enter__(self) -> Cluster:
        self.chroma.start()
        self.chroma.wait("/api/v2/heartbeat")
        return self

    def __exit__(self, *_: object) -> None:
        for server in (*self.copies, self.chroma):
            server.stop()

    def index(self, *paths: Path) -> None:
        """Index files from the first home, and copy its exported model to the others, as in a built image."""
        command = [*CITECHAT, "index", *map(str, paths)]
        subprocess.run(command, check=True, env=self.environments[0], capture_output=True)
        for home in self.homes[1:]:
            shutil.copytree(self.homes[0] / "models", home / "models")

    def start(self, health: str) -> None:
        """Start all copies, and wait until the path `health` returns 200 on each of them."""
        for copy in self.copies:
            copy.start()
        for copy in self.copies:
            copy.wait(health)


class Watch:
    """A watch that checks the health of each server ten times per second, in a thread per server."""

    def __init__(self, servers: list[Server], path: str) -> None:
        self.seen: list[tuple[float, str, bool]] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._look, args=(server, path)) for server in servers]

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _look(self, server: Server, path: str) -> None:
        while not self._over.wait(0.1):
            well = is_well(server.address + path)
            self.seen.append((time.time(), server.name, well))

    def green_again(self, name: str, since: float) -> float:
        """Return the seconds from `since` until the server became healthy and stayed so, or nan if it did not."""
        seen = [(when, well) for when, who, well in self.seen if who == name and when >= since]
        bad = [when for when, well in seen if not well]
        good = [when for when, well in seen if well and (not bad or when > bad[-1])]
        return good[0] - since if good else float("nan")


def is_well(address: str) -> bool:
    """Return whether a request to the address returns 200 within two seconds."""
    try:
        with urllib.request.urlopen(address, timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, http.client.HTTPException):  # also where it is killed while it answers
        return False


def ask(address: str, question: str) -> dict[str, Any]:
    """Ask one question, and return the answer's JSON object."""
    body = json.dumps({"question": question}).encode()
    request = urllib.request.Request(f"{address}/v1/ask", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        return dict(json.load(response))


def memory_of(process: int, *, now: bool = False) -> float:
    """Return the memory of a process and its children, in megabytes: in use if `now`, else the sum of their peaks.

    Memory in use that processes share is counted once. Peaks include shared memory several times, and the processes may
    have reached them at different times.
    """
    name, file = ("Pss:", "smaps_rollup") if now else ("VmHWM:", "status")
    return float(np.nansum([_megabytes(each, name, file) for each in (process, *_children(process))]))


def _children(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task")
    found = [int(each) for children in tasks.glob("*/children") for each in _told(children).split()]
    return found + [deeper for child in found for deeper in _children(child)]


def _megabytes(process: int, name: str, file: str) -> float:
    lines = _told(Path(f"/proc/{process}/{file}")).splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), float("nan"))


def _told(file: Path) -> str:
    """Return the content of a file about a process in /proc, or an empty string if the process has ended."""
    try:
        return file.read_text(encoding="ascii")
    except OSError:
        return ""
