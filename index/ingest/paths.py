"""Handle article paths: files, web addresses, and archive members (`archive.zip!inner.html`)."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

_INSIDE = "!"  # separator between an archive and its member


def is_address(path: Path | str) -> bool:
    """Return whether this is a web address; anything else is a local path."""
    return str(path).startswith(("http://", "https://"))


def absolute(path: Path | str) -> str:
    """Return the path as articles store it: a local path is made absolute, and a web address is unchanged."""
    return str(path) if is_address(path) else os.path.realpath(path)  # `resolve` fails for a link to itself


def containers(path: str) -> list[str]:
    """Return the archives that may contain a member, outermost first; empty for a path without `!`."""
    return [path[:at] for at, character in enumerate(path) if character == _INSIDE]


def file_of(path: str) -> str:
    """Return the file or web address from which an article with this path was read."""
    if _INSIDE not in path or is_address(path) or _is_file(path):  # a file name may contain "!" as well
        return path
    return next((archive for archive in containers(path) if _is_file(archive)), path)


def is_under(path: str, place: str) -> bool:
    """Return whether `path` is `place` itself, is in the folder `place`, or is a member of the archive `place`."""
    return path == place or path.startswith((place.rstrip(os.sep) + os.sep, place + _INSIDE))


def present(given: Sequence[Path | str], indexed: Iterable[str]) -> list[Path | str]:
    """Return the paths in `given`, except those that were indexed before and no longer exist."""
    known = list(indexed)

    def exists(path: Path | str) -> bool:
        place = absolute(path)
        return is_address(path) or _mode(place) != 0 or not any(is_under(each, place) for each in known)

    return [path for path in given if exists(path)]


def gone(
    indexed: Iterable[str], given: Sequence[Path | str], read: Collection[str], skipped: Collection[str]
) -> set[str]:
    """Return the indexed paths that are under the given paths and no longer exist.

    `read` are the paths of the articles read in this run; `skipped` are the paths that could not be read, which may
    still exist, as may their members. A member no longer exists if its archive does not exist, or if the archive was
    opened and does not contain the member.
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


def _is_file(path: str) -> bool:
    mode = _mode(path)
    return mode != 0 and not stat.S_ISDIR(mode)


def _mode(path: str) -> int:
    """Return the file mode of a path, or 0 if the path does not exist; an inaccessible path counts as a file."""
    try:
        return os.stat(path).st_mode  # noqa: PTH116 - `Path` treats some errors as a missing file
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except (OSError, ValueError):
        return stat.S_IFREG
