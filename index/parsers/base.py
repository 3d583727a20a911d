"""Parser results, and error handling that parsers share."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ..errors import LoadError
from ..models import SkippedPage, Span

_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_MOST_CHARACTERS = 20_000_000  # of the text of a document
_EXPANDS = 200_000, 100  # characters of a text, or times the size of its file, if that is more
_MOST_CELLS = 1_000_000  # in the tables of a document
_MORE_THAN_ANY_LEVEL = logging.CRITICAL + 1


@dataclass(frozen=True, slots=True)
class Extract:
    """A parsed document: its final text and metadata.

    `pages` are the offsets into `text` at which pages begin; `skipped_pages` are the pages without text, with reasons.
    `boilerplate` are the spans that the format itself shows to be boilerplate, in order, without overlaps. `published`
    is a date in ISO form, if it can be parsed. A message may quote earlier messages, with `>` before each line.
    """

    text: str
    title: str | None = None
    author: str | None = None
    published: str | None = None
    source: str | None = None
    language: str | None = None
    pages: tuple[int, ...] = ()
    skipped_pages: tuple[SkippedPage, ...] = ()
    boilerplate: tuple[Span, ...] = ()
    has_front_matter: bool = False
    is_message: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """A document inside another file; `name` is for display, and `read` returns its bytes or raises `LoadError`.

    `parsed` is set if the file was parsed as a whole, such as a book, whose chapters are its members.
    """

    name: str
    suffix: str
    read: Callable[[], bytes]
    parsed: Extract | None = None


def cannot_read(name: str, why: str, hint: str) -> LoadError:
    """Return an error for a file or address that cannot be read: `why` states the reason, without a full stop."""
    return LoadError(f"Cannot read {name!r}: {why}.", hint)


class TextLimit:
    """A limit on the text of a document and the cells of its tables: a small file can repeat one part many times."""

    def __init__(self, name: str, size: int) -> None:
        """Limit a document called `name` whose file has `size` bytes."""
        self._name = name
        self._most = min(_MOST_CHARACTERS, max(_EXPANDS[0], _EXPANDS[1] * size))
        self._cells = self._characters = 0

    def require(self, characters: int) -> None:
        """Raise `LoadError` if a text has too many characters."""
        if characters > self._most:
            raise self._too_large(f"its text has more than {self._most:,} characters")

    def add_row(self, row: Sequence[str]) -> None:
        """Count a row of a table, with empty and repeated cells. Raises `LoadError` if all rows exceed a limit."""
        self._cells += len(row)
        self._characters += sum(map(len, row))
        self.require(self._characters)
        if self._cells > _MOST_CELLS:
            raise self._too_large(f"its tables have more than {_MOST_CELLS:,} cells")

    def _too_large(self, why: str) -> LoadError:
        hint = "It may repeat one part many times. Open it in the program that created it and save its text."
        return cannot_read(self._name, why, hint)


def printable(text: str) -> str:
    """Replace each control character and lone surrogate with one character, so that offsets stay valid."""
    return _NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", text)


@contextmanager
def translate_errors(name: str, kind: str) -> Iterator[None]:
    """Turn any library exception into a `LoadError` that names the file.

    Libraries for file formats raise many kinds of exceptions for unexpected bytes; none of these may stop other files
    from being read.
    """
    try:
        yield
    except (LoadError, MemoryError):
        raise
    except Exception as error:
        reason = printable(" ".join(str(error).split()))[:200] or type(error).__name__
        raise LoadError(
            f"Cannot read {name!r} as {kind}: {reason}",
            "It may be damaged. Open it in the program that created it and save it again.",
        ) from error


def silence(*names: str) -> None:
    """Silence these library loggers, except those with an explicit level."""
    for name in names:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(_MORE_THAN_ANY_LEVEL)
