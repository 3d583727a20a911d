"""Read email messages and mailboxes with the standard library."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage, MIMEPart
from email.policy import EmailPolicy
from email.utils import parseaddr, parsedate_to_datetime
from functools import partial
from io import SEEK_END
from itertools import pairwise
from typing import IO, Any

from ..errors import LoadError
from .base import Extract, Member, TextLimit, cannot_read
from .encoding import decode, decode_as
from .metadata import iso_date, iso_language, one_line
from .pages.definitions import name_definitions
from .pages.shown import show
from .pages.tables import LONGEST_CELL, has_columns, lines_of
from .pages.tags import require_few_attributes

# A line such as: From ann@example.org Tue Mar  4 09:12:00 2025
_BEGINS = re.compile(rb"From \S.{0,200}\b\d{1,2}:\d\d(?::\d\d)?\b.{0,40}\b\d{4}\b")
_ESCAPED = re.compile(rb"^>(>*From )", re.MULTILINE)
_SHOWN_FIELDS = ("From", "Date", "Subject")  # of attached messages
_READ_FIELDS = {
    *("from", "date", "subject", "content-type", "content-transfer-encoding", "content-disposition"),
    "content-language",
}
_CONTAINS = re.compile(r"multipart/|message/", re.IGNORECASE)  # the types of parts that contain others
_WORD = re.compile(r"\w+")
_MOST_WORDS = 0.5  # minimum share of the words of the HTML that the plain text has
_QUOTES = "//blockquote | //*[contains(@class, 'gmail_quote')]"
_OUTER = "ancestor::blockquote or ancestor::*[contains(@class, 'gmail_quote')]"
_MOST_CELLS = 5_000  # in tables, for which the library takes quadratic time
_BLANK_LINES = re.compile(r"\n{3,}")
_LONGEST_PART = 65_536  # maximum number of bytes of a line that are read at once
_MOST_MULTIPARTS = 100  # the standard library compares each line with the boundaries of all parts around it
_MOST_PARTS = 1_000  # maximum number of parts of a message, with those that contain others
_LONGEST_HEADER = 5_000  # characters; the standard library takes quadratic time for a header
_LONGEST_HEADERS = 100_000  # characters in the headers of a message that are parsed before others are cut
_SHORTEST_HEADER = 100  # characters that are left of each further header: the kind of a part, without its name
_MOST_HEADERS = 300_000  # characters in all headers of a message that are parsed
_COMPARED = 100_000  # characters of an alternative whose words are compared
_LARGEST_MESSAGE = 50_000_000  # maximum size of a message with its attachments, in bytes


@dataclass(slots=True)
class _Limits:
    """The parts and headers of a message that have been parsed so far."""

    name: str
    parts: int = 0
    multiparts: int = 0
    characters: int = 0

    def add_part(self) -> None:
        """Count a part. Raises `LoadError` if there are too many."""
        self.parts += 1
        if self.parts > _MOST_PARTS:
            raise self._too_large(f"more than {_MOST_PARTS:,} parts")

    def add_header(self, value: str, *, is_multipart: bool) -> str:
        """Count a header, and return what is read of it: it is cut if it is too long, or if all before it are.

        Raises `LoadError` for too many headers, or parts that contain others, and if one of these has a long header:
        the end of the header says where its parts begin.
        """
        most = _LONGEST_HEADER if self.characters <= _LONGEST_HEADERS else _SHORTEST_HEADER
        if is_multipart and len(value) > most:
            raise self._too_large(f"a part that contains others, with a header of more than {most:,} characters")
        if len(value) > most:
            value = [*value[:most].rsplit(maxsplit=1), ""][0]
        self.characters += len(value)
        self.multiparts += is_multipart
        if self.characters > _MOST_HEADERS:
            raise self._too_large(f"headers of more than {_MOST_HEADERS:,} characters together")
        if self.multiparts > _MOST_MULTIPARTS:
            raise self._too_large(f"more than {_MOST_MULTIPARTS} nested parts")
        return value

    def _too_large(self, what: str) -> LoadError:
        return cannot_read(self.name, f"it has {what}", "Save its text as a file.")


class _LimitedPolicy(EmailPolicy):
    """A policy that counts parts and headers, and parses a header once; the library parses it each time it is used."""

    limits = _Limits("")

    def message_factory(self, policy: EmailPolicy) -> EmailMessage:  # type: ignore[override]
        self.limits.add_part()
        return EmailMessage(policy)

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        if name.lower() not in _READ_FIELDS:
            return name, value
        is_multipart = name.lower() == "content-type" and bool(_CONTAINS.search(value))
        value = self.limits.add_header(value, is_multipart=is_multipart)
        return name, self.header_fetch_parse(name, value)


def read_eml(data: bytes, name: str) -> Extract:
    """Read what a mail program shows of a message: its text parts and attached messages; other attachments are ignored.

    Of alternatives, the HTML is read only if the plain text does not have most of its words. Quoted text of earlier
    messages has `> ` before each line.
    """
    message = message_from_bytes(data, policy=_LimitedPolicy(limits=_Limits(name)))  # type: ignore[call-overload]
    if not any(field in message for field in ("From", "Subject", "Date")):
        raise cannot_read(
            name, "it has no sender, subject or date", "Open the message in a mail program and save it as .eml again."
        )
    text = _joined(_shown(message, name))
    if not text.strip():
        raise LoadError(f"Cannot index {name!r}: the message has no text.", "Save its attachments and index them.")
    shown, address = parseaddr(str(message["From"] or ""))
    sender = one_line(shown or address)
    return Extract(
        text,
        title=one_line(message["Subject"]),
        author=sender,
        published=_sent(message),
        source=sender,
        language=iso_language(message["Content-Language"]),
        is_message=True,
    )


def _shown(part: MIMEPart, name: str) -> Iterator[str]:
    """Yield the texts of a part, in order."""
    kind = part.get_content_type()
    if kind == "message/rfc822":
        for attached in part.iter_parts():
            yield "\n".join(f"{field}: {attached[field]}" for field in _SHOWN_FIELDS if attached[field])
            yield from _shown(attached, name)
    elif kind == "multipart/alternative":
        yield _best([(each.get_content_type(), _joined(_shown(each, name))) for each in part.iter_parts()])
    elif part.is_multipart():
        for each in part.iter_parts():
            yield from _shown(each, name)
    elif part.get_content_disposition() == "attachment":
        return
    elif kind == "text/html":
        yield html_text(_content(part, name), name)
    elif kind == "text/plain":
        yield _content(part, name)


def _best(alternatives: list[tuple[str, str]]) -> str:
    """Return the plain text if it has most words of the HTML, else the last alternative with text, which is richest."""
    texts = [text for _, text in alternatives if text.strip()]
    plain = next((text for kind, text in alternatives if kind == "text/plain" and text.strip()), None)
    if plain is None or not texts:
        return texts[-1] if texts else ""
    words, of_plain = (set(_WORD.findall(text[:_COMPARED].lower())) for text in (texts[-1], plain))
    return plain if len(words & of_plain) >= _MOST_WORDS * len(words) else texts[-1]


def html_text(page: str, name: str) -> str:
    """Return the visible text of the HTML of a message, with `> ` before each line that it quotes.

    Raises `LoadError` if it exceeds a limit.
    """
    from inscriptis import Inscriptis
    from inscriptis.css_profiles import CSS_PROFILES
    from inscriptis.model.config import ParserConfig
    from lxml.html import document_fromstring

    if not page.strip():
        return ""
    config = ParserConfig(css=CSS_PROFILES["strict"])
    require_few_attributes(page.encode(), name)
    tree = document_fromstring(page.encode(), parser=_html_parser())
    show(tree)
    name_definitions(tree)
    for element in list(tree.iter("dl", "dt", "dd")):
        element.tag = "div"  # the library joins terms with what is said of them
    _write_tables(tree, TextLimit(name, len(page)))
    if len(tree.xpath("//td | //th | //tr")) > _MOST_CELLS:
        return "\n".join(text.strip() for text in tree.itertext() if text.strip())
    for quote in [each for each in tree.xpath(_QUOTES) if not each.xpath(_OUTER)]:
        quoted = Inscriptis(quote, config).get_text().strip().splitlines()
        for child in list(quote):
            quote.remove(child)
        quote.tag, quote.text = "pre", "\n".join(f"> {line.strip()}" for line in quoted)
    lines = [line.strip() for line in Inscriptis(tree, config).get_text().splitlines()]
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def _write_tables(tree: Any, limit: TextLimit) -> None:
    """Replace tables with their rows as lines; those that arrange the message are left to the library."""
    for table in tree.xpath("//table[not(.//table)]"):
        is_short = all(len(cell.text_content()) <= LONGEST_CELL for cell in table.iter("td", "th"))
        if is_short and has_columns(table):
            lines = lines_of(table, limit)
            for caption in table.findall("caption"):
                lines = [" ".join(caption.text_content().split()), "", *lines]
            table.clear(keep_tail=True)
            table.tag, table.text = "pre", "\n".join(["", *lines, "", ""])


def _html_parser() -> Any:
    from lxml.html import HTMLParser

    return HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)


def _joined(texts: Iterable[str]) -> str:
    found = [text for text in texts if text.strip()]
    return found[0] if len(found) == 1 else "\n\n".join(text.strip("\n") for text in found)


def members_of_mbox(file: IO[bytes], name: str) -> Iterator[Member]:
    """Yield the messages in a mailbox, numbered from 1; each follows a line with "From ", a sender and a time.

    Such a line is the first one, or follows a blank line: a message may have a line that begins with "From ".
    """
    starts = list(_starts(file))
    if not starts:
        raise cannot_read(name, "it contains no messages", "A mailbox begins with a 'From ' line.")
    for number, (start, end) in enumerate(pairwise([*starts, file.seek(0, SEEK_END)]), start=1):
        yield Member(str(number), ".eml", partial(_message, file, start, end, f"{name}!{number}"))


def _starts(file: IO[bytes]) -> Iterator[int]:
    """Yield the offset of each message; lines are read in parts, as a single line may be as long as the file."""
    at, is_new, is_after_blank = 0, True, True
    while part := file.readline(_LONGEST_PART):
        if is_new and is_after_blank and _BEGINS.match(part):
            yield at
        at += len(part)
        is_after_blank = is_new and not part.strip()
        is_new = part.endswith(b"\n")


def _message(file: IO[bytes], start: int, end: int, name: str) -> bytes:
    if end - start > _LARGEST_MESSAGE:
        raise cannot_read(name, f"larger than {_LARGEST_MESSAGE // 1_000_000} MB", "Save it as a single file.")
    file.seek(start)
    return _ESCAPED.sub(rb"\1", file.read(end - start).partition(b"\n")[2])


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
