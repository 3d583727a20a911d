"""One writer at a time: two processes that write to Chroma at once lose vectors without an error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import IndexLockedError


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the index in `folder` for writing; the system lets go of it when the process ends, however it ends.

    Raises `IndexLockedError` naming the process that holds it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    owner = folder / ".lock-owner"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        holder = owner.read_text(encoding="utf-8") if owner.is_file() else "unknown"
        raise IndexLockedError(
            f"another process (pid {holder}) is writing to the index in {str(folder)!r}",
            "Wait until it is done, then run the command again.",
        ) from None
    try:
        owner.write_text(str(os.getpid()), encoding="utf-8")
        yield
    finally:
        lock.release()
