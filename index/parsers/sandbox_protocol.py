"""The protocol between this process and a sandboxed parser: lengths, JSON and bytes. Messages cannot execute code."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import IO, Any

from ..models import SkippedPage, Span
from .base import Extract
from .feeds.listing import Entry, Listing

_LONGEST_REASON = 200  # maximum length of the reason why a page was skipped, in characters
_LENGTH = 8  # size of a length field, in bytes
LARGEST = 512_000_000
"""Maximum size of a message part, in bytes; enough for a file in the format with the highest limit, or its text."""


class BrokenFrameError(Exception):
    """An error for a peer that has ended, or that sent an invalid message and may be compromised."""


def write_part(pipe: IO[bytes], data: bytes) -> None:
    """Send the length of the data, then the data."""
    pipe.write(len(data).to_bytes(_LENGTH))
    pipe.write(data)
    pipe.flush()


def read_part(pipe: IO[bytes]) -> bytes:
    """Receive the next part. Raises `BrokenFrameError` if it is truncated or too long."""
    length = int.from_bytes(_exactly(pipe, _LENGTH))
    if length > LARGEST:
        raise BrokenFrameError(f"{length} bytes")
    return _exactly(pipe, length)


def write_message(pipe: IO[bytes], message: dict[str, Any]) -> None:
    """Send a JSON object. Lone surrogates are allowed, as file names may contain them."""
    write_part(pipe, json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def read_message(pipe: IO[bytes]) -> dict[str, Any]:
    """Receive the next JSON object. Raises `BrokenFrameError` if it is invalid."""
    try:
        message = json.loads(read_part(pipe).decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise BrokenFrameError(str(error)) from None
    if not isinstance(message, dict):
        raise BrokenFrameError("not an object")
    return message


def parse_extract(fields: object) -> Extract:
    """Validate the types and bounds of the fields and return an extract. Raises `BrokenFrameError`."""
    if not isinstance(fields, dict):
        raise BrokenFrameError("not an extract")
    text, pages = fields.get("text"), fields.get("pages")
    has_front_matter, is_message = fields.get("has_front_matter"), fields.get("is_message")
    metadata = {name: fields.get(name) for name in ("title", "author", "published", "source", "language")}
    if not isinstance(text, str) or not isinstance(pages, list):
        raise BrokenFrameError("an extract with fields of wrong types")
    if not isinstance(has_front_matter, bool) or not isinstance(is_message, bool):
        raise BrokenFrameError("flags of wrong types")
    if not all(type(page) is int and 0 <= page <= len(text) for page in pages) or pages != sorted(pages):
        raise BrokenFrameError("pages outside the text")
    if not all(value is None or isinstance(value, str) for value in metadata.values()):
        raise BrokenFrameError("metadata that is not text")
    return Extract(
        text,
        pages=tuple(pages),
        skipped_pages=_skipped_pages(fields.get("skipped_pages"), len(pages)),
        boilerplate=_spans(fields.get("boilerplate"), len(text)),
        has_front_matter=has_front_matter,
        is_message=is_message,
        **metadata,
    )


def _skipped_pages(items: object, pages: int) -> tuple[SkippedPage, ...]:
    """Return the skipped pages in a document with this number of pages."""
    rows = [_two(item, "number", "reason") for item in _list(items)]
    if not all(type(number) is int and 1 <= number <= pages and isinstance(reason, str) for number, reason in rows):
        raise BrokenFrameError("invalid skipped pages")
    found = [SkippedPage(number, reason[:_LONGEST_REASON]) for number, reason in rows]
    if any(page.number >= following.number for page, following in pairwise(found)):
        raise BrokenFrameError("skipped pages that are not in order")
    return tuple(found)


def _spans(items: object, length: int) -> tuple[Span, ...]:
    """Return the spans of a text of this length."""
    last = 0
    spans = []
    for start, end in (_two(item, "start", "end") for item in _list(items)):
        if type(start) is not int or type(end) is not int or not last <= start <= end <= length:
            raise BrokenFrameError("invalid spans")
        spans.append(Span(start, end))
        last = end
    return tuple(spans)


def _list(items: object) -> list[object]:
    if not isinstance(items, list):
        raise BrokenFrameError("not a list")
    return items


def _two(item: object, first: str, second: str) -> tuple[Any, Any]:
    if not isinstance(item, dict):
        raise BrokenFrameError("not an object")
    return item.get(first), item.get(second)


def parse_listing(fields: object) -> Listing:
    """Validate the types of the fields and return a feed or sitemap. Raises `BrokenFrameError`."""
    if not isinstance(fields, dict):
        raise BrokenFrameError("not a listing")
    title, left_out = fields.get("title"), fields.get("left_out")
    entries, sitemaps = fields.get("entries"), fields.get("sitemaps")
    if not isinstance(entries, list) or not isinstance(sitemaps, list) or not isinstance(left_out, int):
        raise BrokenFrameError("a listing with fields of wrong types")
    if not (title is None or isinstance(title, str)) or not all(isinstance(each, str) for each in sitemaps):
        raise BrokenFrameError("a listing with fields of wrong types")
    return Listing(title, tuple(_parse_entry(each) for each in entries), tuple(sitemaps), left_out)


def _parse_entry(fields: object) -> Entry:
    if not isinstance(fields, dict):
        raise BrokenFrameError("not an entry")
    place, has_link, revision = fields.get("place"), fields.get("has_link"), fields.get("revision")
    if not isinstance(place, str) or not isinstance(has_link, bool) or not isinstance(revision, str):
        raise BrokenFrameError("an entry with fields of wrong types")
    return Entry(place, has_link, revision, parse_extract(fields.get("found")))


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise BrokenFrameError("ended")
    return data
