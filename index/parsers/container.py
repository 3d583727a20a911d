"""Files that hold several articles: what is in them, one document after another, however deep it lies."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO

from ..errors import LoadError
from .archive import Allowance, members_of_zip
from .base import Member
from .email import members_of_mbox

CONTAINERS = (".zip", ".mbox")
"""Files that hold several articles."""

_ARCHIVES_IN_ARCHIVES = 1
_UNPACK = "Unpack them, and index the folder."


def documents(path: Path) -> Iterator[Member]:
    """The documents in the file at `path`, those inside its archives and mailboxes among them, in a fixed order.

    `Member.name` begins with the path. An archive or mailbox that cannot be opened is one of them: to read it raises
    the `LoadError` that says why. Nothing is written to disk.
    """
    with path.open("rb") as file:
        yield from _inside(file, path.suffix.lower(), str(path), Allowance(), 0)


def _inside(file: IO[bytes], suffix: str, name: str, allowance: Allowance, depth: int) -> Iterator[Member]:
    try:
        for member in members_of_zip(file, name, allowance) if suffix == ".zip" else members_of_mbox(file, name):
            inner = f"{name}!{member.name}"
            if member.suffix not in CONTAINERS:
                yield Member(inner, member.suffix, member.read)
            elif member.suffix == ".zip" and depth >= _ARCHIVES_IN_ARCHIVES:
                yield _refused(inner, suffix, LoadError(f"{inner!r} is an archive too deep inside archives", _UNPACK))
            else:
                try:
                    data = member.read()
                except LoadError as error:
                    yield _refused(inner, member.suffix, error)
                else:
                    yield from _inside(BytesIO(data), member.suffix, inner, allowance, depth + 1)
    except LoadError as error:
        yield _refused(name, suffix, error)


def _refused(name: str, suffix: str, error: LoadError) -> Member:
    def read() -> bytes:
        raise error

    return Member(name, suffix, read)
