"""Find the passages: articles are read, cut, embedded into Chroma, and searched.

This is the package's front door; nothing heavy is imported until a function that needs it is called.
"""

from .encode import Encoder, Encoding, LangChainEncoder, load_encoder, unit
from .errors import (
    CitechatError,
    EmptyIndexError,
    EncoderError,
    IndexLockedError,
    IndexMismatchError,
    LoadError,
    StoreError,
)
from .index import Index
from .keywords import terms, without_accents
from .late import Question, is_readable, similarities
from .load import Skipped
from .records import Article, Hit, Passage, Span
from .search import Findings
from .split import sentences
from .store import Manifest
from .sync import SyncReport

__all__ = [
    "Article",
    "CitechatError",
    "EmptyIndexError",
    "Encoder",
    "EncoderError",
    "Encoding",
    "Findings",
    "Hit",
    "Index",
    "IndexLockedError",
    "IndexMismatchError",
    "LangChainEncoder",
    "LoadError",
    "Manifest",
    "Passage",
    "Question",
    "Skipped",
    "Span",
    "StoreError",
    "SyncReport",
    "is_readable",
    "load_encoder",
    "sentences",
    "similarities",
    "terms",
    "unit",
    "without_accents",
]
