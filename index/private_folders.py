"""Private folders: only the account that runs citechat can read its data.

A folder is shared with a group only if it has the setgid bit (`chmod g+s`), which new folders inside it inherit. Every
function here is for POSIX systems; elsewhere, folders keep the permissions that the system gives them.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

logger = logging.getLogger(__name__)

_OWNER_ONLY, _OWNER_AND_GROUP = 0o700, 0o770
_GROUP_AND_OTHERS, _OTHERS = 0o077, 0o007


def create_private_folder(folder: Path) -> None:
    """Create a folder and its missing parents, readable only by their owner; existing folders do not change.

    In a folder that is shared with a group, the group can also use the new folders. Raises `OSError`.
    """
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(_OWNER_AND_GROUP if _is_shared(each.parent) else _OWNER_ONLY, exist_ok=True)
    if not missing and not folder.is_dir():
        raise NotADirectoryError(f"{str(folder)!r} is not a folder")


def make_private(folder: Path, patterns: Iterable[str] = ()) -> None:
    """Remove other users' access to a folder, and to the files and folders inside it whose names match `patterns`.

    A folder that is shared with a group remains so. Links are not followed. What was changed, and what the system does
    not permit to change, is logged; nothing is raised.
    """
    if os.name != "posix" or not folder.is_dir() or folder.stat().st_mode & stat.S_ISVTX:
        return  # a folder with the sticky bit, such as /tmp, belongs to everybody
    unwanted = _OTHERS if _is_shared(folder) else _GROUP_AND_OTHERS
    changed = [path for path in _existing(folder, patterns) if _remove_access(path, unwanted)]
    if changed:
        others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        logger.warning(
            "Other users of this machine could open %r%s: removed their access. To share %r with a group, run: "
            "chmod g+rwxs %r",
            str(changed[0]),
            others,
            str(folder),
            str(folder),
        )


def make_file_private(file: Path) -> None:
    """Remove the access of users who are neither the owner nor in the group of a file, if it exists."""
    if os.name == "posix" and file.is_file() and _remove_access(file, _OTHERS):
        logger.warning("Other users of this machine could open %r: removed their access.", str(file))


def _existing(folder: Path, patterns: Iterable[str]) -> Iterator[Path]:
    yield folder
    for pattern in patterns:
        yield from sorted(path for path in folder.glob(pattern) if not path.is_symlink())


def _remove_access(path: Path, unwanted: int) -> bool:
    """Remove these permission bits, and return whether there were any."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & unwanted:
        return False
    try:
        path.chmod(mode & ~unwanted)
    except OSError as error:
        logger.warning(
            "Other users of this machine can open %r, and its permissions cannot be changed: %s. Run as its owner: "
            "chmod go-rwx %r",
            str(path),
            error.strerror,
            str(path),
        )
        return False
    return True


def _is_shared(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_ISGID)
