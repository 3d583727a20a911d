"""Zip archives, with bounds: nothing is unpacked to a path, and nothing in them decides how much memory is used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from ..errors import LoadError
from .base import Member, refusing

_MOST_FILES = 10_000
_MOST_BYTES = 1_000_000_000  # unpacked, of an archive with those inside it
_LARGEST_MEMBER = 200_000_000  # bytes; a document's own limit is lower
_HIGHEST_RATIO = 200  # prose shrinks to a third, a page of markup to a twentieth
_RATIO_MATTERS = 1_000_000  # bytes; less is no danger however well it is packed
_ENCRYPTED = 0x1


@dataclass(slots=True)
class Allowance:
    """How many files and bytes an archive, with those inside it, may still bring."""

    files: int = _MOST_FILES
    bytes: int = _MOST_BYTES

    def spend(self, members: list[ZipInfo], name: str) -> None:
        """Count these members; raises `LoadError` where that is more than is left."""
        self.files -= len(members)
        self.bytes -= sum(member.file_size for member in members)
        if self.files < 0 or self.bytes < 0:
            what = f"{_MOST_FILES:,} files" if self.files < 0 else f"{_MOST_BYTES // 1_000_000:,} MB when unpacked"
            raise LoadError(f"{name!r} holds more than {what}", "Unpack it, and index the folder.")


def members_of_zip(file: IO[bytes], name: str, allowance: Allowance) -> Iterator[Member]:
    """The files of an archive in the order of their names, hidden ones not among them.

    Raises `LoadError` when it is no archive, or a larger one than is allowed. Sizes are those that the archive states:
    not a byte more is unpacked of any member.
    """
    with _opened(file, name) as archive:
        members = sorted((each for each in archive.infolist() if _is_wanted(each)), key=lambda each: each.filename)
        allowance.spend(members, name)
        for member in members:
            shown = _shown(member.filename)
            yield Member(
                shown,
                PurePosixPath(shown).suffix.lower(),
                lambda member=member: _read(archive, member, name),  # type: ignore[misc]
            )


def check_package(file: IO[bytes], name: str) -> None:
    """Refuse an office document, which is a zip archive, that unpacks to more than any document needs."""
    with _opened(file, name) as archive:
        members = archive.infolist()
        Allowance(bytes=2 * _LARGEST_MEMBER).spend(members, name)
        for member in members:
            _check(member, name)
    file.seek(0)


def _opened(file: IO[bytes], name: str) -> ZipFile:
    try:
        with refusing(name, "a zip archive"):
            return ZipFile(file)
    except LoadError as error:
        if isinstance(error.__cause__, BadZipFile):
            raise LoadError(f"{name!r} is damaged, or no zip archive", "Make or download it again.") from None
        raise


def _read(archive: ZipFile, member: ZipInfo, name: str) -> bytes:
    written = member.filename
    if written.startswith(("/", "\\")) or ":" in written[:2] or ".." in written.replace("\\", "/").split("/"):
        raise LoadError(
            f"{name!r} has a member with a path that leads out of it: {written!r}",
            "Archives that are made with such paths are not to be trusted; ask where it came from.",
        )
    _check(member, name)
    with refusing(f"{name}!{_shown(written)}", "a member of a zip archive"):
        return archive.read(member)


def _check(member: ZipInfo, name: str) -> None:
    what = f"{member.filename!r} in {name!r}"
    if member.flag_bits & _ENCRYPTED:
        raise LoadError(f"{what} needs a password", "Unpack it, and index the folder.")
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):  # the others unpack with no bound
        raise LoadError(f"{what} is packed in a way that is not read", "Unpack it, and index the folder.")
    if member.file_size > _LARGEST_MEMBER:
        raise LoadError(f"{what} is larger than {_LARGEST_MEMBER // 1_000_000} MB", "Split it into articles.")
    if member.file_size > max(_RATIO_MATTERS, _HIGHEST_RATIO * member.compress_size):
        raise LoadError(
            f"{what} unpacks to more than {_HIGHEST_RATIO} times its size, which is no text",
            "If it is one all the same, unpack it, and index the folder.",
        )


def _is_wanted(member: ZipInfo) -> bool:
    parts = member.filename.split("/")
    hidden = any(part.startswith(".") and part.strip(".") for part in parts) or parts[0] == "__MACOSX"
    return not member.filename.endswith("/") and member.filename != "" and not hidden


def _shown(name: str) -> str:
    """The name with nothing in it that a terminal obeys, or that reads as a way out of the archive."""
    plain = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name.replace("\\", "/"))
    return "/".join("…" if part == ".." else part for part in plain.split("/") if part)
