"""Locks and change marks for an index in a folder.

Only one process may write at a time: concurrent writes to Chroma lose vectors without an error. Two small files
accompany the lock. The mark contains a new random string after every change; other processes compare it before each
question, which takes about 20 microseconds. The other file exists while a process writes, and remains if that process
is killed.

An index on a server stores its mark in the metadata of its articles collection; `server_lease` handles locking.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import IndexLockedError

MARK = "changed"
"""The name of the mark's file or, on a server, of its key in the manifest."""
_UNFINISHED = ".unfinished"


def read_mark(folder: Path) -> str:
    """Return the change mark of the index in `folder`, which every change replaces; empty before the first change."""
    try:
        return (folder / MARK).read_text(encoding="utf-8")
    except OSError:
        return ""


def new_mark() -> str:
    """Return a unique string."""
    return uuid.uuid4().hex


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock the index in `folder` for writing; the system releases the lock when the process ends for any reason.

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


def is_being_written(folder: Path) -> bool:
    """Return whether another process is writing to the index in `folder`; one that was killed does not count.

    Always False on Windows, where the lock cannot be examined without taking it.
    """
    if not (folder / _UNFINISHED).exists():
        return False
    try:
        import fcntl

        if (folder / ".lock-owner").read_text(encoding="utf-8") == str(os.getpid()):
            return False
        with (folder / ".lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # released when the file is closed
    except BlockingIOError:
        return True
    except (ImportError, OSError):
        return False
    return False


def locked_by(owner: object, where: str) -> IndexLockedError:
    """Return an error for an index that another process is writing to."""
    return IndexLockedError(
        f"Another process ({owner}) is writing to the index in {where!r}.",
        "Wait until it has finished, then run the command again.",
    )


@contextmanager
def change_folder(folder: Path) -> Iterator[bool]:
    """Lock the index in `folder` for one change; yield whether the previous change was interrupted.

    Raises `IndexLockedError` if another process holds the lock, and `OSError` if the folder is not writable.
    """
    unfinished = folder / _UNFINISHED
    with lock_folder(folder):
        was_interrupted = unfinished.exists()
        unfinished.touch()
        try:
            yield was_interrupted
        except BaseException:
            _set_mark(folder)  # so that other processes see what was written so far
            raise
        if _set_mark(folder):
            unfinished.unlink(missing_ok=True)


def _set_mark(folder: Path) -> bool:
    """Replace the mark atomically. Return False if the disk is full; the next change tries again."""
    temporary = folder / f"{MARK}.new"
    with suppress(OSError):
        temporary.write_text(new_mark(), encoding="utf-8")
        temporary.replace(folder / MARK)
        return True
    return False
