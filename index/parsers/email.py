"""Read email messages and mailboxes with the standard library."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart
from email.utils import parseaddr, parsedate_to_datetime
from functools import partial
from io import SEEK_END
from itertools import pairwise
from typing import IO

from ..errors import LoadError
from .base import Extract, Member, cannot_read
from .encoding import decode, decode_as
from .html import read_page
from .metadata import iso_date, iso_language, one_line

_BEGINS = b"From "
_LONGEST_PART = 65_536  # maximum number of bytes of a line that are read at once
_MOST_MULTIPARTS = 100  # the standard library takes a minute for a message of 1 MB that consists of such headers
_LARGEST_MESSAGE = 50_000_000  # maximum size of a message with its attachments, in bytes


def read_eml(data: bytes, name: str) -> Extract:
    """Read the plain text of a message, or its HTML if it has no plain text; attachments are ignored."""
    if data.lower().count(b"content-type: multipart/") > _MOST_MULTIPARTS:
        raise cannot_read(name, f"it has more than {_MOST_MULTIPARTS} nested parts", "Save its text as a file.")
    message = message_from_bytes(data, policy=policy.default)
    if not any(field in message for field in ("From", "Subject", "Date")):
        raise cannot_read(
            name, "it has no sender, subject or date", "Open the message in a mail program and save it as .eml again."
        )
    body = message.get_body(preferencelist=("plain", "html"))
    if body is None:
        raise LoadError(f"Cannot index {name!r}: the message has no text.", "Save its attachments and index them.")
    content = _content(body, name)
    text = read_page(content, name).text if body.get_content_subtype() == "html" else content
    shown, address = parseaddr(str(message["From"] or ""))
    sender = one_line(shown or address)
    return Extract(
        text,
        title=one_line(message["Subject"]),
        author=sender,
        published=_sent(message),
        source=sender,
        language=iso_language(message["Content-Language"]),
    )


def members_of_mbox(file: IO[bytes], name: str) -> Iterator[Member]:
    """Yield the messages in a mailbox, numbered from 1; each follows a line that begins with "From "."""
    starts = list(_starts(file))
    if not starts:
        raise cannot_read(name, "it contains no messages", "A mailbox begins with a 'From ' line.")
    for number, (start, end) in enumerate(pairwise([*starts, file.seek(0, SEEK_END)]), start=1):
        yield Member(str(number), ".eml", partial(_message, file, start, end, f"{name}!{number}"))


def _starts(file: IO[bytes]) -> Iterator[int]:
    """Yield the offset of each message; lines are read in parts, as a single line may be as long as the file."""
    at, is_new = 0, True
    while part := file.readline(_LONGEST_PART):
        if is_new and part.startswith(_BEGINS):
            yield at
        at += len(part)
        is_new = part.endswith(b"\n")


def _message(file: IO[bytes], start: int, end: int, name: str) -> bytes:
    if end - start > _LARGEST_MESSAGE:
        raise cannot_read(name, f"larger than {_LARGEST_MESSAGE // 1_000_000} MB", "Save it as a single file.")
    file.seek(start)
    return file.read(end - start).partition(b"\n")[2]


def _content(body: MIMEPart, name: str) -> str:
    data = body.get_payload(decode=True)
    assert isinstance(data, bytes)  # noqa: S101 - a part that is text is never a list of parts
    declared = body.get_content_charset()
    text = decode_as(data, declared) if declared else None
    return (decode(data, name) if text is None else text).replace("\r\n", "\n")


def _sent(message: EmailMessage) -> str | None:
    written = str(message["Date"] or "")
    try:
        return parsedate_to_datetime(written).isoformat()
    except ValueError:
        return iso_date(written)
