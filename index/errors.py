"""Errors a user can meet while indexing and searching.

CitechatError                 what happened, and what to do next
├── LoadError                 a file or folder cannot be read as an article
├── ChoiceError               a choice of articles that cannot be, such as of a day that is none
├── EncoderError              the embedding model is missing, damaged or unknown
├── StoreError                the index on disk cannot be opened or written
│   ├── EmptyIndexError       nothing has been indexed yet
│   ├── IndexMismatchError    the index was built with another model or another splitter
│   ├── TornIndexError        a change was cut short while vectors were written
│   └── IndexLockedError      another process is writing
└── (rag.errors)              settings, LLMs, questions, test sets
"""

from __future__ import annotations


class CitechatError(Exception):
    """A user's error: `message` says what happened with the value that caused it, `hint` what to do next.

    Anything that is not a `CitechatError` is a bug and keeps its traceback.
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
    """A choice of articles that cannot be."""


class EncoderError(CitechatError):
    """The embedding model is missing, damaged or unknown."""


class StoreError(CitechatError):
    """The index on disk cannot be opened or written."""


class EmptyIndexError(StoreError):
    """Nothing has been indexed yet."""


class IndexMismatchError(StoreError):
    """The index was built with another model or another splitter."""


class CorruptVectorsError(StoreError):
    """A change was cut short while Chroma wrote its files of vectors: the texts are whole, the vectors are not."""


class IndexLockedError(StoreError):
    """Another process is writing to the index."""
