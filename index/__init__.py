"""Find the passages: articles are read, cut, embedded into Chroma, and searched.

This is the package's front door; nothing heavy is imported until a function that needs it is called.
"""

from .embedding.base import Encoder, Encoding, FloatArray, LangChainEncoder, load_encoder, unit
from .embedding.onnx import processors
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
from .filters import Only
from .index import Index
from .ingest.executors import Processes
from .ingest.loader import Skipped
from .ingest.ray_executor import LOCAL, OnRay
from .ingest.sync import SyncReport
from .manifest import Manifest
from .models import Article, Hit, Origin, Passage, Span
from .retrieval.bm25 import terms, without_accents
from .retrieval.features import Reading
from .retrieval.late_interaction import Question, is_readable
from .retrieval.retriever import Findings
from .storage.token_cache import Tokens
from .text.chunker import sentences

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
