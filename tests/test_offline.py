"""Nothing leaves this machine: with the network cut off everything works, and no host is ever looked up."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
BRIEFING = REPOSITORY / "samples" / "briefing.md"

# Runs the command line and prints, after its output, every host it looked up or connected to. An audit hook sees what
# any Python code does with sockets, whichever library it is in; addresses of this machine do not count.
WATCHED = """
import sys
seen = []
def hook(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        seen.append(str(arguments[0]))
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        seen.append(str(arguments[1][0]))
sys.addaudithook(hook)
from ui.cli import main
code = main(sys.argv[1:])
print([host for host in seen if host not in ("127.0.0.1", "localhost", "::1", "None")], file=sys.stderr)
sys.exit(code)
"""


def _environment(home: Path) -> dict[str, str]:
    # Whatever the developer set to keep libraries offline must not be what makes this pass.
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_", "GRADIO_"))
    }
    return {**kept, "CITECHAT_HOME": str(home)}


def _watched(home: Path, *arguments: str | Path) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env=_environment(home),
    )
    return done.stdout, done.stderr.strip().splitlines()[-1]


@pytest.mark.slow
def test_indexing_and_asking_look_up_no_host(tmp_path: Path) -> None:
    assert _watched(tmp_path, "index", BRIEFING)[1] == "[]"
    answer, hosts = _watched(tmp_path, "ask", "What is Boximator?", "--json")
    assert json.loads(answer)["found"]
    assert hosts == "[]"


def _can_cut_the_network() -> bool:
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-rn", "true"], check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(
    not _can_cut_the_network(), reason="this system lets nobody make a network of their own (unshare -rn)"
)
def test_with_no_network_at_all_indexing_and_asking_work(tmp_path: Path, models: Path) -> None:
    (tmp_path / "models").symlink_to(models)

    def run(*arguments: str | Path) -> str:
        return subprocess.run(
            ["unshare", "-rn", sys.executable, "-m", "ui.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
            env=_environment(tmp_path),
            cwd=REPOSITORY,
        ).stdout

    assert json.loads(run("index", BRIEFING, "--json"))["added"] == 1
    assert json.loads(run("ask", "What is Boximator?", "--json"))["found"]
