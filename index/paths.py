"""Handle article paths (files, web addresses, archive members `archive.zip!inner.html`); check whether files exist."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_INSIDE = "!"  # separator between an archive and its member


def is_address(path: Path | str) -> bool:
    """Return whether this is a web address; anything else is a local path."""
    return str(path).startswith(("http://", "https://"))


def is_same_server(one: str, other: str) -> bool:
    """Return whether two addresses have the same host and port, which may be the default ports of http and https."""
    try:
        return _server(one) == _server(other)
    except ValueError:  # an invalid port
        return False


def _server(address: str) -> tuple[str | None, int | None]:
    parts = urlsplit(address)
    return parts.hostname, None if parts.port == _DEFAULT_PORTS.get(parts.scheme) else parts.port


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


def exists(path: str) -> bool:
    """Return whether a file may still exist: a web address and a member of an existing archive always count as such."""
    return is_address(path) or _is_file(path) or any(_is_file(archive) for archive in containers(path))


def is_gone(path: str) -> bool:
    """Return whether a file no longer exists, although its folder does and contains something else.

    If the folder is missing or empty, its disk may not be mounted, or the articles may have been indexed on another
    machine: nothing is known about the file.
    """
    return not exists(path) and _has_entries(_folder_of(path))


def is_unreachable(path: str) -> bool:
    """Return whether a file cannot be found because its folder is missing or empty."""
    return not exists(path) and not _has_entries(_folder_of(path))


def unprunable(given: Sequence[Path | str], indexed: Iterable[str]) -> str | None:
    """Return the first folder that is missing or empty although files under the given paths were indexed from it.

    All of them would be removed by accident if the folder is on a disk that is not mounted.
    """
    known = list(indexed)
    for path in given:
        place = absolute(path)
        below = [each for each in known if not is_address(each) and is_under(each, place)]
        is_folder = not any(each == place or each.startswith(place + _INSIDE) for each in below)
        root = place if is_folder else str(Path(place).parent)
        if below and not _has_entries(root) and not (is_folder and _is_file(place)):
            return root
    return None


def present(given: Sequence[Path | str], indexed: Iterable[str]) -> list[Path | str]:
    """Return the paths in `given`, except those that were indexed before and no longer exist."""
    known = list(indexed)

    def is_present(path: Path | str) -> bool:
        place = absolute(path)
        return is_address(path) or _mode(place) != 0 or not any(is_under(each, place) for each in known)

    return [path for path in given if is_present(path)]


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


def _folder_of(path: str) -> str:
    """Return the folder of a file, or of the outermost archive that contains a member."""
    return str(Path(next(iter(containers(path)), path)).parent)


def _has_entries(folder: str) -> bool:
    """Return whether a folder exists and is not empty; a folder that cannot be read counts as such."""
    try:
        with os.scandir(folder) as entries:
            return any(entries)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True


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
