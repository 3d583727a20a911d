"""Temporary files of uploads: one private folder per process, with limits on its total size and on each owner's share.

Each upload gets its own subfolder, which is deleted once the upload has been used, has failed or has been abandoned.
Gradio reads the location of its temporary files from an environment variable, so all chats in a process share one
folder. It is deleted when the last chat closes. If the process is killed, its folder is deleted the next time a chat
starts.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from index import CitechatError, create_private_folder

if TYPE_CHECKING:
    from filelock import BaseFileLock

logger = logging.getLogger(__name__)

FOLDER = "uploads"
"""The name of the folder in `CITECHAT_HOME`."""

LARGEST_TOTAL = 1_000_000_000
"""Maximum size of all temporary files of a process, in bytes."""

LARGEST_SHARE = 250_000_000
"""Maximum size of the temporary files of one owner, in bytes."""

ABANDONED_AFTER = 600.0
"""Time after which an upload that nobody has used is deleted, in seconds; the page uses an upload immediately."""

LEAST_SIZE = 100_000
"""Size that an upload counts at least, in bytes; this limits the number of uploads."""

_BLOCK = 4096  # bytes that a file occupies at least
_STRAY_AFTER = 60.0  # seconds; the framework leaves empty files in its folder
_VARIABLE = "GRADIO_TEMP_DIR"
_IN_USE = ".in-use"
_UPLOAD = re.compile(r"upload-[0-9a-f]{32}")


class UploadsFullError(CitechatError):
    """Error for an upload that exceeds the maximum size of all temporary files, or of those of its owner."""


class Upload:
    """An owner's upload in its own `folder`."""

    def __init__(self, uploads: UploadFolder, owner: str, folder: Path) -> None:
        self._uploads, self._owner, self.folder = uploads, owner, folder

    def grow(self, size: int, files: int = 0) -> None:
        """Count bytes that arrived, and files that were stored. Raises `UploadsFullError` if there is no room."""
        self._uploads.count(self._owner, self.folder, size + files * _BLOCK)

    def keep(self) -> None:
        """Keep the files until they are used (`using`), at most for `ABANDONED_AFTER` seconds."""
        (self.folder / _IN_USE).unlink()


class UploadFolder:
    """The folder of all uploads in a process. Thread-safe."""

    def __init__(self, home: Path | None) -> None:
        """Create a folder in `home`, or in the system's folder for temporary files if `home` is not writable."""
        self._lock = threading.Lock()
        self._sizes: dict[tuple[str, Path], int] = {}
        self._totals: Counter[str] = Counter()  # by owner
        self._file_lock: BaseFileLock | None = None
        try:
            self.path = Path(tempfile.mkdtemp(prefix="citechat-uploads-")) if home is None else self._create(home)
        except OSError as error:
            logger.warning("Cannot create a folder for uploads in %r: %s", str(home), error.strerror)
            self.path = Path(tempfile.mkdtemp(prefix="citechat-uploads-"))
        self.path = self.path.resolve()

    @contextmanager
    def upload(self, owner: str) -> Iterator[Upload]:
        """Begin an owner's upload, and delete its folder at the end unless it is kept. Raises `UploadsFullError`."""
        upload = Upload(self, owner, self.path / f"upload-{secrets.token_hex(16)}")
        upload.grow(LEAST_SIZE)
        mark = upload.folder / _IN_USE
        try:
            upload.folder.mkdir(0o700)
            mark.touch()
            yield upload
        except BaseException:
            _delete(upload.folder)
            raise
        if mark.exists():
            _delete(upload.folder)

    def count(self, owner: str, folder: Path, size: int) -> None:
        """Count bytes of an owner's upload. Raises `UploadsFullError` if there is no room for them."""
        with self._lock:
            if not self._has_room(owner, size):
                self._sizes = {(name, each): size for (name, each), size in self._sizes.items() if each.exists()}
                self._totals = Counter()
                for (name, _), counted in self._sizes.items():
                    self._totals[name] += counted
            if self._totals[owner] + size > LARGEST_SHARE:
                raise _full("Your uploads", LARGEST_SHARE)
            if not self._has_room(owner, size):
                raise _full("The uploads of all users", LARGEST_TOTAL)
            self._sizes[owner, folder] = self._sizes.get((owner, folder), 0) + size
            self._totals[owner] += size

    def _has_room(self, owner: str, size: int) -> bool:
        return self._totals[owner] + size <= LARGEST_SHARE and self._totals.total() + size <= LARGEST_TOTAL

    def sweep(self) -> None:
        """Delete abandoned uploads, and files that the framework left."""
        now = time.time()
        with suppress(OSError):
            for path in list(self.path.iterdir()):
                with suppress(OSError):
                    is_upload = _UPLOAD.fullmatch(path.name) is not None
                    age = now - path.lstat().st_mtime
                    if is_upload and age > ABANDONED_AFTER and not (path / _IN_USE).exists():
                        _delete(path)
                    elif not is_upload and age > _STRAY_AFTER and path.is_file():
                        path.unlink()

    def contains(self, file: str) -> bool:
        """Return whether a path names a file of an upload, without `..` or null characters."""
        path = Path(file)
        return upload_of(path, self.path) is not None and ".." not in path.parts and "\0" not in file

    def close(self) -> None:
        """Delete the folder."""
        _delete(self.path)
        if self._file_lock is not None:
            self._file_lock.release()
            Path(self._file_lock.lock_file).unlink(missing_ok=True)

    def _create(self, home: Path) -> Path:
        """Delete the folders of processes that no longer run, and create one for this process. Raises `OSError`."""
        from filelock import FileLock, Timeout

        parent = home.resolve() / FOLDER
        create_private_folder(parent)
        with FileLock(parent / ".lock", mode=0o600):
            for left in [each for each in parent.iterdir() if each.is_dir() and not each.is_symlink()]:
                lock = FileLock(f"{left}.lock", mode=0o600)
                with suppress(Timeout), lock.acquire(timeout=0):
                    _delete(left)
                    Path(lock.lock_file).unlink(missing_ok=True)
            path = parent / secrets.token_hex(8)
            # Another thread may release it.
            self._file_lock = FileLock(f"{path}.lock", mode=0o600, thread_local=False)
            self._file_lock.acquire(timeout=0)
            path.mkdir(0o700)
        return path


class _Process:
    """The folder of this process, while at least one chat uses it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.folder: UploadFolder | None = None
        self.users = 0
        self.variable: str | None = None


_process = _Process()


@contextmanager
def open_uploads(home: Path | None = None) -> Iterator[UploadFolder]:
    """Open the folder of this process, which is in the first chat's `home`; delete it when nobody uses it any more."""
    process = _process
    with process.lock:
        if process.folder is None:
            process.folder = UploadFolder(home)
            process.variable = os.environ.get(_VARIABLE)
            os.environ[_VARIABLE] = str(process.folder.path)
        process.users += 1
        folder = process.folder
    try:
        yield folder
    finally:
        with process.lock:
            process.users -= 1
            if not process.users:
                process.folder = None
                del os.environ[_VARIABLE]
                if process.variable is not None:
                    os.environ[_VARIABLE] = process.variable
                folder.close()


@contextmanager
def using(files: Iterable[str | Path]) -> Iterator[None]:
    """Keep the uploads that contain these files while they are used, then delete them; other files stay."""
    folder = _process.folder
    found = {upload_of(Path(file), folder.path) for file in files} - {None} if folder else set()
    uploads = [each for each in found if each is not None]
    for upload in uploads:
        with suppress(OSError):
            (upload / _IN_USE).touch()
    try:
        yield
    finally:
        for upload in uploads:
            _delete(upload)


def upload_of(file: Path, folder: Path) -> Path | None:
    """Return the folder of the upload in `folder` that contains a file, or None."""
    for parent in file.parents:
        if parent.parent == folder:
            return parent if _UPLOAD.fullmatch(parent.name) else None
    return None


def _full(whose: str, largest: int) -> UploadsFullError:
    return UploadsFullError(
        f"{whose} together are larger than {largest // 1_000_000:,} MB.",
        "Try again in a few minutes, or upload less at a time.",
    )


def _delete(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
