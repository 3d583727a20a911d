"""Messages and mailboxes, by the standard library."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage, MIMEPart
from email.utils import parseaddr, parsedate_to_datetime
from pathlib import Path

from ..errors import LoadError
from .encoding import decode, decode_as
from .extract import Extract, Member, refusing
from .html import read_page
from .metadata import iso_date, iso_language, one_line


def read_eml(data: bytes, name: str) -> Extract:
    """The text of a message, or of its page where it has no text; what is attached to it is left alone."""
    message = message_from_bytes(data, policy=policy.default)
    if not any(field in message for field in ("From", "Subject", "Date")):
        raise LoadError(f"{name!r} is no message: it has no sender, subject or date", "Save it again, as .eml.")
    body = message.get_body(preferencelist=("plain", "html"))
    if body is None:
        raise LoadError(f"{name!r} is a message with no text", "Save what is attached to it, and index that.")
    content = _content(body, name)
    text = read_page(content, name).text if body.get_content_subtype() == "html" else content
    sender = _sender(message)
    return Extract(
        text,
        title=one_line(message["Subject"]),
        author=sender,
        published=_sent(message),
        source=sender,
        language=iso_language(message["Content-Language"]),
    )


def members_of_mbox(path: Path, name: str) -> Iterator[Member]:
    """The messages of a mailbox, named by their numbers from 1."""
    from mailbox import mbox

    with refusing(name, "a mailbox"):
        box = mbox(path, create=False)
        try:
            keys = box.keys()
            if not keys:
                raise LoadError(f"{name!r} holds no messages", "A mailbox begins with a line that begins with 'From '.")
            for number, key in enumerate(keys, start=1):
                yield Member(str(number), ".eml", lambda key=key: box.get_bytes(key))  # type: ignore[misc]
        finally:
            box.close()


def _content(body: MIMEPart, name: str) -> str:
    data = body.get_payload(decode=True)
    assert isinstance(data, bytes)  # noqa: S101 - a part that is text is never a list of parts
    declared = body.get_content_charset()
    text = decode_as(data, declared) if declared else None
    return (decode(data, name) if text is None else text).replace("\r\n", "\n")


def _sender(message: EmailMessage) -> str | None:
    shown, address = parseaddr(str(message["From"] or ""))
    return one_line(shown or address)


def _sent(message: EmailMessage) -> str | None:
    written = str(message["Date"] or "")
    try:
        return parsedate_to_datetime(written).isoformat()
    except ValueError:
        return iso_date(written)
