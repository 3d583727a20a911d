"""What goes between this process and the one that reads: lengths, JSON and bytes. Nothing in it can make code run."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import IO, Any

from .base import Extract

_LENGTH = 8  # bytes of a length
LARGEST = 512_000_000
"""Bytes of the largest part: a file of the largest format, or the text of one."""


class BrokenFrameError(Exception):
    """What came is not what the other side would send: it has ended, or is no longer itself."""


def write_part(pipe: IO[bytes], data: bytes) -> None:
    """Send bytes after their length."""
    pipe.write(len(data).to_bytes(_LENGTH))
    pipe.write(data)
    pipe.flush()


def read_part(pipe: IO[bytes]) -> bytes:
    """The next bytes. Raises `BrokenFrameError` where they are cut short, or more than anybody sends."""
    length = int.from_bytes(_exactly(pipe, _LENGTH))
    if length > LARGEST:
        raise BrokenFrameError(f"{length} bytes")
    return _exactly(pipe, length)


def write_message(pipe: IO[bytes], message: dict[str, Any]) -> None:
    """Send an object. Half characters pass, as names of files may have them."""
    write_part(pipe, json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def read_message(pipe: IO[bytes]) -> dict[str, Any]:
    """The next object. Raises `BrokenFrameError` where it is none."""
    try:
        message = json.loads(read_part(pipe).decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise BrokenFrameError(str(error)) from None
    if not isinstance(message, dict):
        raise BrokenFrameError("no object")
    return message


def written(found: Extract) -> dict[str, Any]:
    """An extract as JSON."""
    return asdict(found)


def understood(fields: object) -> Extract:
    """The extract in `fields`, with every type and bound looked at. Raises `BrokenFrameError` where one is wrong."""
    if not isinstance(fields, dict):
        raise BrokenFrameError("no extract")
    text, pages, has_front_matter = fields.get("text"), fields.get("pages"), fields.get("has_front_matter")
    facts = {name: fields.get(name) for name in ("title", "author", "published", "source", "language")}
    if not isinstance(text, str) or not isinstance(pages, list) or not isinstance(has_front_matter, bool):
        raise BrokenFrameError("an extract with fields of other types")
    if not all(type(page) is int and 0 <= page <= len(text) for page in pages) or pages != sorted(pages):
        raise BrokenFrameError("pages outside the text")
    if not all(fact is None or isinstance(fact, str) for fact in facts.values()):
        raise BrokenFrameError("facts that are no text")
    return Extract(text, pages=tuple(pages), has_front_matter=has_front_matter, **facts)


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise BrokenFrameError("ended")
    return data
