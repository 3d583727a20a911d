"""Checkpoints that let an interrupted run continue where it stopped: each result is saved immediately."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from ..errors import TestSetError
from .report import result_from_json, result_to_json
from .result import CaseResult
from .testset.cases import Case
from .testset.writer import replace_file


def run_fingerprint(cases: Sequence[Case], settings: Mapping[str, str], versions: Mapping[str, str]) -> str:
    """Return a hash of the questions and of everything else that can change an answer.

    Runs with the same fingerprint may use each other's results.
    """
    parts = [dict(sorted(settings.items())), dict(sorted(versions.items())), [case.model_dump_json() for case in cases]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Checkpoint:
    """The results of an unfinished run, one per line, in a file next to its report; a `with` block closes the file.

    If the last line is incomplete, its question is asked again. Raises `TestSetError` if the file cannot be written.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        """Continue the run in `path` if it has the same fingerprint; otherwise, begin a new run."""
        self.path = path
        self.results: dict[str, CaseResult] = {}
        """The saved results, by case id."""
        text = ""
        with suppress(OSError):
            text = path.read_bytes().decode("utf-8", "replace")
        first, *lines = text.split("\n")
        if first == fingerprint:
            for line in lines[:-1]:  # the last line is empty or incomplete
                with suppress(TestSetError):
                    result = result_from_json(line)
                    self.results[result.id] = result
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = path.open("w", encoding="utf-8", newline="\n")
            self._write(fingerprint, *map(result_to_json, self.results.values()))
        except OSError as error:
            raise _unwritten(path, error) from None

    def add(self, result: CaseResult) -> None:
        """Save a result; a result that is already saved is not saved again."""
        if result.id in self.results:
            return
        self.results[result.id] = result
        try:
            self._write(result_to_json(result))
        except OSError as error:
            raise _unwritten(self.path, error) from None

    def finish(self) -> None:
        """Remove the file. Call this method when the report is complete."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _write(self, *lines: str) -> None:
        self._file.writelines(f"{line}\n" for line in lines)
        self._file.flush()


def write_atomically(path: Path, text: str) -> None:
    """Write a file completely or not at all, so an incomplete file is never read. Raises `TestSetError` on failure."""
    try:
        replace_file(path, text.encode())
    except OSError as error:
        raise _unwritten(path, error) from None


def _unwritten(path: Path, error: OSError) -> TestSetError:
    reason = error.strerror or type(error).__name__
    return TestSetError(f"Cannot write {str(path)!r}: {reason}.", "Give another path with --out.")
