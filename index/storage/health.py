"""Is the index whole? What is wrong with it is said in a sentence, with what to do about it.

A damaged index can crash the program that opens it, or hold it for ever, and no `except` catches that. So it is opened
in a process of its own, which may die of it, and has so many seconds. A server can hold it, too.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .address import shown
from .changes import mark_of

TIME_LIMIT = 20.0
"""Seconds that the check of an index may take by default."""
_LEAST_FREE = 50  # megabytes; a batch of passages with its token vectors takes some ten
_HEADER = b"SQLite format 3\x00"
CHECK_SERVER = "Check that the Chroma server runs, and CITECHAT_CHROMA_URL."


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, in a sentence with the value that shows it, and what to do about it."""

    message: str
    hint: str


def check(path: Path, seconds: float | None = None, url: str | None = None) -> list[Problem]:
    """What is wrong with the index in the folder `path`, or with the one on the server at `url`, whose caches lie in
    `path`; nothing where nothing was indexed. Takes a second or two, and `seconds` at most."""
    seconds = TIME_LIMIT if seconds is None else seconds
    if url is not None:
        return _seen_by_another_process(path, seconds, url)
    database = path / "chroma.sqlite3"
    if not database.is_file():
        return [_lost(path)] if mark_of(path) or _has_vectors(path) else []
    refused = _refused(path)
    if refused:
        return refused
    if not database.stat().st_size and not mark_of(path):
        return []  # of an indexing that was cut short at once
    return [*_low_disk(path), *(_damaged_header(database) or _seen_by_another_process(path, seconds))]


def anew(path: Path, url: str | None = None) -> str:
    """What to do where the articles' texts are lost."""
    again = "and index the articles again with `citechat index`."
    if url is None:
        return f"Remove the folder {str(path)!r} {again}"
    return f"Name another database than {shown(url)!r} in CITECHAT_CHROMA_URL {again}"


def _lost(path: Path) -> Problem:
    return Problem(f"the index in {str(path)!r} has lost its database, 'chroma.sqlite3'", anew(path))


def _has_vectors(path: Path) -> bool:
    try:
        return any(path.glob("*/data_level0.bin"))
    except OSError:
        return False


def _refused(path: Path) -> list[Problem]:
    for place in (path, path / "chroma.sqlite3"):
        if not os.access(place, os.R_OK | os.W_OK):
            return [
                Problem(
                    f"no permission to read and write {str(place)!r}",
                    "Change its permissions, or set CITECHAT_HOME to a folder of yours; reading writes, too.",
                )
            ]
    return []


def _low_disk(path: Path) -> list[Problem]:
    free = shutil.disk_usage(path).free / 1e6
    if free >= _LEAST_FREE:
        return []
    hint = f"Make room, at least {_LEAST_FREE} MB, or move the folder and set CITECHAT_HOME. Nothing indexed is lost."
    return [Problem(f"the disk of {str(path)!r} is full: {free:.1f} MB are free", hint)]


def _damaged_header(database: Path) -> list[Problem]:
    with database.open("rb") as file:
        header = file.read(len(_HEADER))
    if header == _HEADER:
        return []
    what = "is empty" if not header else f"is no SQLite database: it begins with {header!r}"
    return [Problem(f"the file {str(database)!r} {what}", anew(database.parent))]


def _seen_by_another_process(path: Path, seconds: float, url: str | None = None) -> list[Problem]:
    """What `index.probe` finds, and a problem more when it does not come to its end."""
    # In the folder that this package lies in, so that the other process finds the same one.
    command = [sys.executable, "-m", f"{__package__}.health_probe", str(path.resolve())]
    process = subprocess.Popen(  # noqa: S603 - this program itself
        command,
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )
    try:
        # All users of this machine can read a command line, and the address may hold a password.
        out, complaint = process.communicate(url or "", timeout=seconds)
        end = _end(process.returncode, complaint)
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
        end = f"hang: it was not done after {seconds:g} seconds"
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{") and line.endswith("}")]
    problems = [Problem(line["message"], line["hint"]) for line in lines if "message" in line]
    if end:
        otherwise = anew(path) if url is None else CHECK_SERVER
        hint = next((line["hint_if_lost"] for line in reversed(lines) if "hint_if_lost" in line), otherwise)
        problems.append(
            Problem(f"the index in {(shown(url) if url else str(path))!r} makes the program that opens it {end}", hint)
        )
    return problems


def _end(code: int, complaint: str) -> str:
    """How a process ended; nothing for a good end."""
    if code == 0:
        return ""
    if code < 0:
        return f"crash ({signal.Signals(-code).name})"
    return f"fail: {(complaint.strip().splitlines() or [f'exit code {code}'])[-1]}"
