"""Find the passages: articles are read, cut, embedded into Chroma, and searched.

This is the package's front door; nothing heavy is imported until a function that needs it is called.
"""

from .errors import (
    CitechatError,
    EmptyIndexError,
    EncoderError,
    IndexLockedError,
    IndexMismatchError,
    LoadError,
    StoreError,
)
from .records import Article, Hit, Passage, Span

__all__ = [
    "Article",
    "CitechatError",
    "EmptyIndexError",
    "EncoderError",
    "Hit",
    "IndexLockedError",
    "IndexMismatchError",
    "LoadError",
    "Passage",
    "Span",
    "StoreError",
]
