"""Test sets are written whole, or not at all."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ...errors import TestSetError
from .cases import Case
from .loader import LONGEST_LINE, TABLES


def write_cases(path: str | Path, cases: Sequence[Case]) -> None:
    """Write a test set as JSONL, or as CSV where the name ends in `.csv`; `read_cases` gives the same cases back.

    What was in the file is replaced at once, or stays where anything fails. Raises `TestSetError` for no case at all,
    for an id used twice, for a case longer than can be read, and for a file that cannot be written.
    """
    path = Path(path)
    twice = [name for name, times in Counter(case.id for case in cases).items() if times > 1]
    if twice or not cases:
        reason = f"the id {twice[0]!r} is used twice" if twice else "there is no case to write"
        raise TestSetError(f"{str(path)!r} would be no test set: {reason}", "Give every case an id of its own.")
    for case in cases:
        if len(as_line(case).encode()) > LONGEST_LINE:
            raise TestSetError(
                f"the case {case.id!r} has more than {LONGEST_LINE} bytes", "Give a shorter evidence or history."
            )
    try:
        _replace(path, as_bytes(cases, path.suffix))
    except OSError as error:
        raise TestSetError(
            f"the test set {str(path)!r} cannot be written: {error.strerror or type(error).__name__}",
            "Check the path, and that its folder can be written to.",
        ) from None


def as_bytes(cases: Sequence[Case], suffix: str) -> bytes:
    """The content of a file with such an ending."""
    if suffix.lower() not in TABLES:
        return "".join(f"{as_line(case)}\n" for case in cases).encode()
    from .tables import as_csv

    table = as_csv(cases, "\t" if suffix.lower() == ".tsv" else ",")
    return table.encode("utf-8-sig")  # without a mark, Excel reads another encoding


def as_line(case: Case) -> str:
    """A case as one line of JSON, without what is left at its default."""
    return case.model_dump_json(exclude_defaults=True)


def _replace(path: Path, data: bytes) -> None:
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            beside.chmod(path.stat().st_mode)
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise
