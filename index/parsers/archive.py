"""Read zip archives and mailboxes one member at a time, within limits.

No member is written to disk, and no value in an archive determines how much memory is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO
from zipfile import ZipInfo

from ..errors import LoadError
from .base import Member, cannot_read
from .email import members_of_mbox
from .packages.epub import members_of_epub
from .packages.zip_file import UNPACK, Allowance, open_zip, read_member, shown_name

CONTAINERS = (".zip", ".mbox", ".epub")
"""File suffixes of formats that can contain several articles."""

_ARCHIVES_IN_ARCHIVES = 1  # maximum nesting depth of archives


def documents(path: Path, allowance: Allowance | None = None) -> Iterator[Member]:
    """Yield the documents in an archive or mailbox, including those in nested archives and mailboxes, in a fixed order.

    `Member.name` begins with the path. `allowance` limits the contents. An archive or mailbox that cannot be opened is
    yielded as well; its `read` function raises the `LoadError`.
    """
    with path.open("rb") as file:
        yield from _inside(file, path.suffix.lower(), str(path), allowance or Allowance(), 0)


def _inside(file: IO[bytes], suffix: str, name: str, allowance: Allowance, depth: int) -> Iterator[Member]:
    try:
        if suffix == ".zip":
            members = members_of_zip(file, name, allowance)
        elif suffix == ".epub":
            members = members_of_epub(file, name, allowance)
        else:
            members = allowance.counted(members_of_mbox(file, name), name)
        for member in members:
            inner = f"{name}!{member.name}"
            if member.suffix not in CONTAINERS:
                yield replace(member, name=inner)
            elif member.suffix == ".zip" and depth >= _ARCHIVES_IN_ARCHIVES:
                yield _unreadable(inner, suffix, cannot_read(inner, "archives are nested too deeply", UNPACK))
            else:
                try:
                    data = member.read()
                except LoadError as error:
                    yield _unreadable(inner, member.suffix, error)
                else:
                    yield from _inside(BytesIO(data), member.suffix, inner, allowance, depth + 1)
    except LoadError as error:
        yield _unreadable(name, suffix, error)


def _unreadable(name: str, suffix: str, error: LoadError) -> Member:
    def read() -> bytes:
        raise error

    return Member(name, suffix, read)


def members_of_zip(file: IO[bytes], name: str, allowance: Allowance) -> Iterator[Member]:
    """Yield the files in an archive, sorted by name, except hidden files.

    Raises `LoadError` if the file is not an archive, or is too large. The check uses the sizes that the archive
    declares; no member is unpacked beyond its declared size.
    """
    with open_zip(file, name) as archive:
        members = sorted((each for each in archive.infolist() if _is_wanted(each)), key=lambda each: each.filename)
        allowance.spend(members, name)
        for member in members:
            shown = shown_name(member.filename)
            yield Member(
                shown,
                PurePosixPath(shown).suffix.lower(),
                lambda member=member: read_member(archive, member, name),  # type: ignore[misc]
            )


def _is_wanted(member: ZipInfo) -> bool:
    parts = member.filename.split("/")
    hidden = any(part.startswith(".") and part.strip(".") for part in parts) or parts[0] == "__MACOSX"
    return not member.filename.endswith("/") and member.filename != "" and not hidden
