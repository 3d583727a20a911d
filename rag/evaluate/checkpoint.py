"""A run that is cut short goes on where it was: each row is written down as soon as it is there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from ..errors import TestSetError
from .report import result_from_json, result_to_json
from .result import CaseResult
from .testset.cases import Case


def run_fingerprint(cases: Sequence[Case], settings: Mapping[str, str], versions: Mapping[str, str]) -> str:
    """What two runs share that may take each other's rows: the questions, and all that can change an answer."""
    told = [dict(sorted(settings.items())), dict(sorted(versions.items())), [case.model_dump_json() for case in cases]]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


class Checkpoint:
    """The rows of a run in a file of lines, beside where its report will be; a `with` block closes it.

    A line that was cut off by a kill is asked again. Raises `TestSetError` where the file cannot be written.
    """

    def __init__(self, path: Path, stamp: str) -> None:
        """Continue the run in `path` if its stamp is the same; else begin a new one."""
        self.path = path
        self.results: dict[str, CaseResult] = {}
        """The rows that are there already, by the id of their case."""
        lines = _lines(path)
        if lines[:1] == [stamp]:
            for line in lines[1:]:
                with suppress(TestSetError):
                    result = result_from_json(line)
                    self.results[result.id] = result
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[str] = path.open("w", encoding="utf-8", newline="\n")
            self._write(stamp, *map(result_to_json, self.results.values()))
        except OSError as error:
            raise _unwritten(path, error) from None

    def add(self, result: CaseResult) -> None:
        """Write a row down, once."""
        if result.id in self.results:
            return
        self.results[result.id] = result
        try:
            self._write(result_to_json(result))
        except OSError as error:
            raise _unwritten(self.path, error) from None

    def finish(self) -> None:
        """Remove the file: the report is there now."""
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
    """Write a file at once or not at all: who reads it never sees half of it. Raises `TestSetError`."""
    beside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise _unwritten(path, error) from None


def _lines(path: Path) -> list[str]:
    """The lines of a journal that are whole; none where there is no journal."""
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return []
    return text.split("\n")[:-1]


def _unwritten(path: Path, error: OSError) -> TestSetError:
    reason = error.strerror or type(error).__name__
    return TestSetError(f"{str(path)!r} cannot be written: {reason}", "Give another path with --out.")
