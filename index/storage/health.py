"""Check an index for damage, and suggest how to repair it.

A damaged index can crash or permanently block the program that opens it, and no `except` clause can catch that. The
index is therefore opened in another process, which may crash, and which is stopped after a timeout. A server can block
a process as well.
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

from .chroma_client import SERVER_HINT, redact_url
from .file_lock import read_mark

TIME_LIMIT = 20.0
"""Default time limit for a check, in seconds."""
_LEAST_FREE = 50  # minimum free disk space in megabytes; a batch of passages with token vectors takes about ten
_HEADER = b"SQLite format 3\x00"


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem with an index: `message` describes it and gives the value that reveals it; `hint` says what to do."""

    message: str
    hint: str


def check(path: Path, seconds: float | None = None, url: str | None = None) -> list[Problem]:
    """Return the problems with the index in the folder `path`, or on the server at `url` with its caches in `path`.

    The list is empty if nothing has been indexed. The check takes a second or two, and at most `seconds` (default:
    `TIME_LIMIT`).
    """
    seconds = TIME_LIMIT if seconds is None else seconds
    if url is not None:
        return _probe(path, seconds, url)
    database = path / "chroma.sqlite3"
    if not database.is_file():
        if not read_mark(path) and not _has_vectors(path):
            return []
        return [
            Problem(f"The database of the index in {str(path)!r} is missing: 'chroma.sqlite3'.", reindex_hint(path))
        ]
    for place in (path, database):
        if not os.access(place, os.R_OK | os.W_OK):
            hint = (
                "Change the permissions, or set CITECHAT_HOME to a folder that you own. "
                "Reading the index also requires write access."
            )
            return [Problem(f"Cannot read and write {str(place)!r}: permission denied.", hint)]
    if not database.stat().st_size and not read_mark(path):
        return []  # the first indexing was interrupted immediately
    return [*_low_disk(path), *(_damaged_header(database) or _probe(path, seconds))]


def reindex_hint(path: Path, url: str | None = None) -> str:
    """Return the hint for an index whose article texts are lost."""
    again = "and index the articles again with `citechat index`."
    if url is None:
        return f"Remove the folder {str(path)!r} {again}"
    return f"Set CITECHAT_CHROMA_URL to a database other than {redact_url(url)!r} {again}"


def _has_vectors(path: Path) -> bool:
    try:
        return any(path.glob("*/data_level0.bin"))
    except OSError:
        return False


def _low_disk(path: Path) -> list[Problem]:
    free = shutil.disk_usage(path).free / 1e6
    if free >= _LEAST_FREE:
        return []
    hint = f"Free at least {_LEAST_FREE} MB, or move the folder and set CITECHAT_HOME. No indexed article is lost."
    return [Problem(f"The disk of {str(path)!r} is full: only {free:.1f} MB are free.", hint)]


def _damaged_header(database: Path) -> list[Problem]:
    with database.open("rb") as file:
        header = file.read(len(_HEADER))
    if header == _HEADER:
        return []
    what = "is empty" if not header else f"is not an SQLite database: it begins with {header!r}"
    return [Problem(f"The file {str(database)!r} {what}.", reindex_hint(database.parent))]


def _probe(path: Path, seconds: float, url: str | None = None) -> list[Problem]:
    """Return the problems that `health_probe` finds, plus one if it crashes or times out."""
    # Run in this package's folder, so that the other process imports the same package.
    command = [sys.executable, "-m", f"{__package__}.health_probe", str(path.resolve())]
    process = subprocess.Popen(  # noqa: S603 - our own module
        command,
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )
    try:
        # All users of this machine can read a command line, and the URL may contain a password.
        out, errors = process.communicate(url or "", timeout=seconds)
        failure = _failure(process.returncode, errors)
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
        failure = f"hang: it had not finished after {seconds:g} seconds"
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{") and line.endswith("}")]
    problems = [Problem(line["message"], line["hint"]) for line in lines if "message" in line]
    if failure:
        otherwise = reindex_hint(path) if url is None else SERVER_HINT
        hint = next((line["hint_if_lost"] for line in reversed(lines) if "hint_if_lost" in line), otherwise)
        where = redact_url(url) if url else str(path)
        problems.append(Problem(f"The index in {where!r} makes the program that opens it {failure}.", hint))
    return problems


def _failure(code: int, errors: str) -> str:
    """Describe how a process ended; return an empty string for a normal exit."""
    if code < 0:
        return f"crash ({signal.Signals(-code).name})"
    return f"fail: {(errors.strip().splitlines() or [f'exit code {code}'])[-1]}" if code else ""
