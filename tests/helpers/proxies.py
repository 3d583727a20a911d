"""The proxy that the project configures, really run on this machine in front of chats."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from servers import free_port

CADDYFILE = Path(__file__).resolve().parents[2] / "deploy" / "Caddyfile"
_DEADLINE = 300  # seconds for it to start


def caddy() -> str:
    """The program; a test is skipped, plainly, where it is not installed, and fails where it is required."""
    program = shutil.which("caddy")
    if program is None:
        message = "caddy is not installed, so the proxy's configuration is not tried"
        if os.environ.get("CITECHAT_REQUIRE_PROXY"):
            pytest.fail(message)
        pytest.skip(message)
    return program


@contextmanager
def proxying(folder: Path, copies: list[str], **settings: str) -> Iterator[str]:
    """The address of a proxy in front of copies (`host:port`); `settings` are further environment variables."""
    program = caddy()
    address, health = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    # Only where it listens is another: what stands in the file is for a container, which has all ports to itself.
    text = CADDYFILE.read_text(encoding="utf-8").replace("http://127.0.0.1:8181 {", f"{health} {{")
    text = text.replace("{$SITE} {", "{$SITE} {\n\tbind 127.0.0.1")
    (folder / "Caddyfile").write_text(text, encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    ours = {"SITE": address, "COPIES": " ".join(copies), **settings}
    command = [program, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment | ours, stdout=log, stderr=log)
        try:
            _wait_for(health, process, folder / "proxy.log")
            yield address
        finally:
            process.terminate()
            process.wait(300)


def until_ready(copy: str) -> None:
    """Wait until a copy of the chat at an address can answer questions: a proxy takes none that cannot."""
    deadline = time.monotonic() + _DEADLINE
    while True:
        try:
            with urllib.request.urlopen(f"{copy}readyz", timeout=300):
                return
        except urllib.error.HTTPError as error:
            if error.code != 503 or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _DEADLINE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.05)
    raise TimeoutError(f"the proxy did not start: {log.read_text(encoding='utf-8')[-2000:]}")
