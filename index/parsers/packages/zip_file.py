"""Read zip files within limits: no value in an archive determines how much memory is used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from ...errors import LoadError
from ..base import Member, cannot_read, translate_errors

UNPACK = "Unpack it and index the folder."
"""The hint for an archive that cannot be read."""

_MOST_FILES = 10_000  # maximum number of files in an archive, including nested archives
_MOST_BYTES = 1_000_000_000  # maximum unpacked size of an archive, including nested archives, in bytes
_LARGEST_MEMBER = 200_000_000  # maximum size of a member, in bytes; the limits for single documents are lower
_HIGHEST_RATIO = 200  # maximum ratio of unpacked to packed size; it is about 3 for prose and about 20 for markup
_LONGEST_NAME = 500  # characters of the shown name of a member
_RATIO_MATTERS = 1_000_000  # minimum unpacked size, in bytes, for the ratio to matter; smaller members are harmless
_ENCRYPTED = 0x1


@dataclass(slots=True)
class Allowance:
    """The number of files and unpacked bytes that may still be read from an archive, including nested archives."""

    files: int = _MOST_FILES
    bytes: int = _MOST_BYTES
    most: tuple[int, int] = field(init=False)
    """The original limits, for error messages."""

    def __post_init__(self) -> None:
        self.most = self.files, self.bytes

    def counted(self, messages: Iterator[Member], name: str) -> Iterator[Member]:
        """Yield the messages in a mailbox. Raises `LoadError` if there are more than files may be read."""
        for message in messages:
            self.files -= 1
            if self.files < 0:
                raise cannot_read(name, f"it contains more than {self.most[0]:,} files", UNPACK)
            yield message

    def spend(self, members: list[ZipInfo], name: str) -> None:
        """Subtract the number and size of these members. Raises `LoadError` if they exceed the limit."""
        self.files -= len(members)
        self.bytes -= sum(member.file_size for member in members)
        if self.files < 0 or self.bytes < 0:
            files, size = self.most
            what = f"{files:,} files" if self.files < 0 else f"{size // 1_000_000:,} MB when unpacked"
            raise cannot_read(name, f"it contains more than {what}", UNPACK)


def check_package(file: IO[bytes], name: str) -> None:
    """Raise `LoadError` if an office document, which is a zip archive, unpacks to an excessive size."""
    with open_zip(file, name) as archive:
        members = archive.infolist()
        Allowance(bytes=2 * _LARGEST_MEMBER).spend(members, name)
        for member in members:
            _check(member, name)
    file.seek(0)


def open_zip(file: IO[bytes], name: str) -> ZipFile:
    """Open a zip archive. Raises `LoadError` if it is not one."""
    try:
        with translate_errors(name, "a zip archive"):
            return ZipFile(file)
    except LoadError as error:
        if isinstance(error.__cause__, BadZipFile):
            raise cannot_read(name, "it is damaged, or not a zip archive", "Download it again.") from None
        raise


def read_member(archive: ZipFile, member: ZipInfo, name: str) -> bytes:
    """Return the bytes of a member. Raises `LoadError` if it exceeds a limit or leads out of the archive."""
    written = member.filename
    if written.startswith(("/", "\\")) or ":" in written[:2] or ".." in written.replace("\\", "/").split("/"):
        raise LoadError(
            f"Cannot read {_cut(written)!r} in {name!r}: its path leads out of the archive.",
            "Do not trust an archive with such paths; check where it came from.",
        )
    _check(member, name)
    with translate_errors(f"{name}!{shown_name(written)}", "a member of a zip archive"):
        return archive.read(member)


def _check(member: ZipInfo, name: str) -> None:
    cannot = f"Cannot read {shown_name(member.filename)!r} in {name!r}"
    if member.flag_bits & _ENCRYPTED:
        raise LoadError(f"{cannot}: it needs a password.", UNPACK)
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):  # other methods unpack without a size limit
        raise LoadError(f"{cannot}: unsupported compression.", UNPACK)
    if member.file_size > _LARGEST_MEMBER:
        raise LoadError(f"{cannot}: larger than {_LARGEST_MEMBER // 1_000_000} MB.", "Split it into articles.")
    if member.file_size > max(_RATIO_MATTERS, _HIGHEST_RATIO * member.compress_size):
        raise LoadError(
            f"{cannot}: it expands to more than {_HIGHEST_RATIO} times its compressed size, which is unusual for text.",
            "If it really is text, unpack the archive and index the folder.",
        )


def shown_name(name: str) -> str:
    """Return the name without control characters or path parts that point outside the archive.

    Of a name that is too long, the beginning and the end are left.
    """
    plain = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name.replace("\\", "/"))
    shown = "/".join("…" if part == ".." else part for part in plain.split("/") if part)
    return _cut(shown)


def _cut(name: str) -> str:
    half = _LONGEST_NAME // 2
    return name if len(name) <= _LONGEST_NAME else f"{name[:half]}…{name[-half:]}"
