"""Errors that indexing and searching report to a user.

CitechatError                 what happened, and what to do next
├── LoadError                 a file or folder cannot be read as an article
├── FilterError               an article filter is invalid
├── EncoderError              the embedding model is missing, damaged or unknown
├── CancelledWorkError        work was ended by a limit or by the user
├── StoreError                the index cannot be opened, read or written
│   ├── EmptyIndexError       nothing has been indexed yet
│   ├── IndexMismatchError    the index was built with another model or another splitter
│   ├── CorruptVectorsError   a change was interrupted while vectors were written
│   └── IndexLockedError      another process is writing
└── (rag.errors)              settings, LLMs, questions, test sets
"""

from __future__ import annotations


class CitechatError(Exception):
    """The base class of all errors shown to users.

    `message` says what happened and names the value that caused it; `hint` says what to do next.

    Any other exception is a bug and is shown with its traceback.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class LoadError(CitechatError):
    """An error for a file or folder that cannot be read as an article."""


class FilterError(CitechatError):
    """An error for an invalid article filter, such as a date that does not exist."""


class EncoderError(CitechatError):
    """An error for an embedding model that is missing, damaged or unknown."""


class CancelledWorkError(CitechatError):
    """An error for work that was ended by a limit or by the user before it was complete."""


class StoreError(CitechatError):
    """An error for an index that cannot be opened, read or written."""


class EmptyIndexError(StoreError):
    """An error for an index that has no articles yet."""


class IndexMismatchError(StoreError):
    """An error for an index that was built with another model or splitter."""


class CorruptVectorsError(StoreError):
    """An error for vectors damaged by an interruption while Chroma wrote them; the texts are intact."""


class IndexLockedError(StoreError):
    """An error for an index that another process is writing to."""
