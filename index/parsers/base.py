"""What a reader takes from a document, and the words that its refusals share."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..errors import LoadError

_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_MORE_THAN_ANY_LEVEL = logging.CRITICAL + 1


@dataclass(frozen=True, slots=True)
class Extract:
    """A document as its reader understood it: the text, which is final, and what the document says of itself.

    `pages` are the offsets into `text` at which pages begin. `published` is a date in ISO form where it can be told.
    """

    text: str
    title: str | None = None
    author: str | None = None
    published: str | None = None
    source: str | None = None
    language: str | None = None
    pages: tuple[int, ...] = ()
    has_front_matter: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """A document inside another file. `name` is for showing only; `read` gives its bytes, or raises `LoadError`."""

    name: str
    suffix: str
    read: Callable[[], bytes]


def printable(text: str) -> str:
    """The same text with what no font shows, and no encoding writes, replaced one for one, so that offsets hold."""
    return _NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)


@contextmanager
def refusing(name: str, kind: str) -> Iterator[None]:
    """Whatever a library makes of a damaged or hostile file, it comes as a `LoadError` that says which file it was.

    Libraries for file formats raise nearly anything at bytes that nobody foresaw; none of it may stop other files.
    """
    try:
        yield
    except (LoadError, MemoryError):
        raise
    except Exception as error:
        reason = printable(" ".join(str(error).split()))[:200] or type(error).__name__
        raise LoadError(
            f"{name!r} cannot be read as {kind}: {reason}",
            "Open it in the program that made it, and save it again; it may be damaged.",
        ) from error


def hush(*names: str) -> None:
    """Keep libraries from writing to the terminal; a level that somebody has set for them holds."""
    for name in names:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(_MORE_THAN_ANY_LEVEL)
