"""Where articles are read from: files, web addresses, and members of archives (`archive.zip!inner.html`)."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

_INSIDE = "!"  # between an archive and its member


def is_address(path: Path | str) -> bool:
    """True for a web address; everything else is a path of this disk."""
    return str(path).startswith(("http://", "https://"))


def absolute(path: Path | str) -> str:
    """The path as articles name it: whole for what is on this disk, an address as it is."""
    return str(path) if is_address(path) else str(Path(path).resolve())


def containers(path: str) -> list[str]:
    """The archives that a member would be inside, outermost first; none for a path without the mark."""
    return [path[:at] for at, character in enumerate(path) if character == _INSIDE]


def file_of(path: str) -> str:
    """The file on this disk, or the address, that an article with this path was read from."""
    if _INSIDE not in path or is_address(path) or _is_file(path):  # a file's own name may hold the mark
        return path
    return next((archive for archive in containers(path) if _is_file(archive)), path)


def is_under(path: str, place: str) -> bool:
    """True when `path` is `place` itself, lies in this folder, or is a member of this archive."""
    return path == place or path.startswith((place.rstrip(os.sep) + os.sep, place + _INSIDE))


def count_files(paths: Sequence[Path | str]) -> int:
    """How many files there are to read, hidden ones not among them; an address counts as one."""
    return sum(_count_under(str(path)) if not is_address(path) and Path(path).is_dir() else 1 for path in paths)


def present(given: Sequence[Path | str], indexed: Iterable[str]) -> list[Path | str]:
    """Those of `given` that are to be read: without what is no longer there and was indexed when it was."""
    known = list(indexed)

    def is_there(path: Path | str) -> bool:
        place = absolute(path)
        return is_address(path) or _is_there(place) or not any(is_under(each, place) for each in known)

    return [path for path in given if is_there(path)]


def gone(
    indexed: Iterable[str], given: Sequence[Path | str], read: Collection[str], skipped: Collection[str]
) -> set[str]:
    """Those of the indexed paths, under what was given, that are no longer there.

    `read` are the paths of the articles of this run, `skipped` those that could not be read: whatever these are, or
    hold, may still be there. A member is gone with its archive, or when that was opened and no longer has it.
    """
    places = [absolute(path) for path in given]
    opened = {archive for path in (*read, *skipped) for archive in containers(path)}

    def is_gone(path: str) -> bool:
        if path in read or path in skipped or _is_file(path) or not any(is_under(path, place) for place in places):
            return False
        archives = containers(path)
        if any(archive in skipped for archive in archives):
            return False
        is_in_archive = is_address(path) or any(_is_file(archive) for archive in archives)
        return not is_in_archive or any(archive in opened for archive in archives)

    return {path for path in indexed if is_gone(path)}


def _is_there(path: str) -> bool:
    return _mode(path) != 0


def _is_file(path: str) -> bool:
    mode = _mode(path)
    return mode != 0 and not stat.S_ISDIR(mode)


def _mode(path: str) -> int:
    """What the system says is there, 0 where nothing is; what may not be looked at is taken for a file."""
    try:
        return os.stat(path).st_mode  # noqa: PTH116 - `Path` takes some of the errors for "not there"
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except (OSError, ValueError):
        return stat.S_IFREG


def _count_under(folder: str) -> int:
    count = 0
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        count += sum(not name.startswith(".") for name in files)
    return count
