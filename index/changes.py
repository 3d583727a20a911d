"""Whoever has the index open notices when another process has changed it, and a change that was cut short is known.

Two small files in the index's folder. The mark holds a new word after every change; a reader compares it before each
question, which takes some 20 microseconds. The other file is there while somebody writes, and stays when he is killed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .lock import hold

_MARK = "changed"
_UNFINISHED = ".unfinished"


def mark_of(folder: Path) -> str:
    """A word that is another one after every change of the index in `folder`; empty before the first."""
    try:
        return (folder / _MARK).read_text(encoding="utf-8")
    except OSError:
        return ""


@contextmanager
def changing(folder: Path) -> Iterator[bool]:
    """Hold the index in `folder` for writing; gives whether the change before this one was cut short.

    Raises `IndexLockedError` where another process holds it, `OSError` where the folder cannot be written to.
    """
    unfinished = folder / _UNFINISHED
    with hold(folder):
        was_cut_short = unfinished.exists()
        unfinished.touch()
        try:
            yield was_cut_short
        except BaseException:
            _set_mark(folder)  # what was written until now is there to be read
            raise
        if _set_mark(folder):
            unfinished.unlink(missing_ok=True)


def _set_mark(folder: Path) -> bool:
    """Put another word into the mark, in one step. False where the disk is full: the next change makes up for it."""
    beside = folder / f"{_MARK}.new"
    with suppress(OSError):
        beside.write_text(uuid.uuid4().hex, encoding="utf-8")
        beside.replace(folder / _MARK)
        return True
    return False
