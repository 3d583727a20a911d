"""Errors that indexing and searching report to a user.

CitechatError                 what happened, and what to do next
├── LoadError                 a file or folder cannot be read as an article
├── FilterError               an article filter is invalid
├── EncoderError              the embedding model is missing, damaged or unknown
├── StoreError                the index cannot be opened, read or written
│   ├── EmptyIndexError       nothing has been indexed yet
│   ├── IndexMismatchError    the index was built with another model or another splitter
│   ├── CorruptVectorsError   a change was interrupted while vectors were written
│   └── IndexLockedError      another process is writing
└── (rag.errors)              settings, LLMs, questions, test sets
"""

from __future__ import annotations


class CitechatError(Exception):
    """The base of all errors shown to a user: `message` says what happened, with the value that caused it, and `hint`
    what to do next.

    Any other exception is a bug and keeps its traceback.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class LoadError(CitechatError):
    """A file or folder cannot be read as an article."""


class FilterError(CitechatError):
    """An article filter is invalid, such as a date that does not exist."""


class EncoderError(CitechatError):
    """The embedding model is missing, damaged or unknown."""


class StoreError(CitechatError):
    """The index cannot be opened, read or written."""


class EmptyIndexError(StoreError):
    """Nothing has been indexed yet."""


class IndexMismatchError(StoreError):
    """The index was built with another model or another splitter."""


class CorruptVectorsError(StoreError):
    """A change was interrupted while Chroma wrote its vector files: the texts are intact, the vectors are not."""


class IndexLockedError(StoreError):
    """Another process is writing to the index."""
