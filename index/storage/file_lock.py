"""Locks and change marks of an index in a folder.

One process writes at a time: two that write to Chroma at once lose vectors without an error. Two small files support
this. The mark holds a new random word after every change; other processes compare it before each question, which takes
some 20 microseconds. The other file exists while a process writes, and remains if that process is killed.

An index on a server has its mark in the metadata of its articles, and `server_lease` does the rest.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import IndexLockedError

MARK = "changed"
"""The name of the file, or on a server of the key in the manifest."""
_UNFINISHED = ".unfinished"


def read_mark(folder: Path) -> str:
    """Return a word that differs after every change of the index in `folder`; empty before the first."""
    try:
        return (folder / MARK).read_text(encoding="utf-8")
    except OSError:
        return ""


def new_mark() -> str:
    """Return a word that was never used before."""
    return uuid.uuid4().hex


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock the index in `folder` for writing; the system releases the lock when the process ends in any way.

    Raises `IndexLockedError` naming the process that holds the lock.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    owner = folder / ".lock-owner"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        holder = owner.read_text(encoding="utf-8") if owner.is_file() else "unknown"
        raise locked_by(f"pid {holder}", str(folder)) from None
    try:
        owner.write_text(str(os.getpid()), encoding="utf-8")
        yield
    finally:
        lock.release()


def locked_by(owner: object, where: str) -> IndexLockedError:
    """Return the error that another process is writing."""
    return IndexLockedError(
        f"Another process ({owner}) is writing to the index in {where!r}.",
        "Wait until it has finished, then run the command again.",
    )


@contextmanager
def change_folder(folder: Path) -> Iterator[bool]:
    """Lock the index in `folder` for one change; yields whether the change before it was interrupted.

    Raises `IndexLockedError` if another process holds the lock, `OSError` if the folder is not writable.
    """
    unfinished = folder / _UNFINISHED
    with lock_folder(folder):
        was_interrupted = unfinished.exists()
        unfinished.touch()
        try:
            yield was_interrupted
        except BaseException:
            _set_mark(folder)  # other processes see what was written so far
            raise
        if _set_mark(folder):
            unfinished.unlink(missing_ok=True)


def _set_mark(folder: Path) -> bool:
    """Replace the mark in one step. False if the disk is full: the next change repeats it."""
    temporary = folder / f"{MARK}.new"
    with suppress(OSError):
        temporary.write_text(new_mark(), encoding="utf-8")
        temporary.replace(folder / MARK)
        return True
    return False
