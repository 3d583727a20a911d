"""Find the passages: articles are read, cut, embedded into Chroma, and searched.

This is the package's front door; nothing heavy is imported until a function that needs it is called.
"""

from .encode import Encoder, Encoding, FloatArray, LangChainEncoder, load_encoder, unit
from .errors import (
    ChoiceError,
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
from .late import Question, is_readable
from .load import Skipped
from .manifest import Manifest
from .on_ray import LOCAL, OnRay
from .only import Only
from .onnx import processors
from .reading import Reading
from .records import Article, Hit, Origin, Passage, Span
from .search import Findings
from .split import sentences
from .sync import SyncReport
from .tokens import Tokens
from .workers import Processes

__all__ = [
    "LOCAL",
    "Article",
    "ChoiceError",
    "CitechatError",
    "EmptyIndexError",
    "Encoder",
    "EncoderError",
    "Encoding",
    "Findings",
    "FloatArray",
    "Hit",
    "Index",
    "IndexLockedError",
    "IndexMismatchError",
    "LangChainEncoder",
    "LoadError",
    "Manifest",
    "OnRay",
    "Only",
    "Origin",
    "Passage",
    "Processes",
    "Question",
    "Reading",
    "Skipped",
    "Span",
    "StoreError",
    "SyncReport",
    "Tokens",
    "is_readable",
    "load_encoder",
    "processors",
    "sentences",
    "terms",
    "unit",
    "without_accents",
]
