"""Find passages: read articles, split and embed them, store them in Chroma, and search them.

Other packages import only from here. Large libraries are imported by the functions that need them.
"""

from .embedding.base import Encoder, Encoding, FloatArray, unit
from .embedding.langchain import LangChainEncoder
from .embedding.loader import bundled_folder, load_encoder
from .embedding.onnx import cpu_count
from .errors import (
    CancelledWorkError,
    CitechatError,
    EmptyIndexError,
    EncoderError,
    FilterError,
    IndexLockedError,
    IndexMismatchError,
    LoadError,
    StoreError,
)
from .filters import MOST_ARTICLE_IDS, MOST_SOURCES, ArticleFilter, RequestFilter
from .index import Index
from .ingest.executors import ProcessExecutor
from .ingest.limited import UploadBudget
from .ingest.loader import Skipped
from .ingest.ray_executor import LOCAL, RayExecutor
from .ingest.sync import PartlyRead, SyncReport
from .models import (
    Article,
    Hit,
    Manifest,
    Origin,
    Passage,
    SkippedPage,
    Span,
    day_of,
    describe_skipped_pages,
    list_page_numbers,
    public_name,
)
from .parsers import has_words, is_visible
from .paths import is_gone, is_unreachable
from .private_folders import create_private_folder, make_file_private, make_private
from .retrieval.bm25 import terms, with_plain_forms, without_accents
from .retrieval.features import PassageFeatures
from .retrieval.late_interaction import Question, is_readable
from .retrieval.retriever import ScoredPassage, SearchResult
from .storage.token_cache import TokenVectors
from .text import lexicon
from .text.languages import likely_language
from .text.sentences import begins_with_heading, sentence_ends, sentences
from .text.tables import BETWEEN_CELLS, with_column_names

__all__ = [
    "BETWEEN_CELLS",
    "LOCAL",
    "MOST_ARTICLE_IDS",
    "MOST_SOURCES",
    "Article",
    "ArticleFilter",
    "CancelledWorkError",
    "CitechatError",
    "EmptyIndexError",
    "Encoder",
    "EncoderError",
    "Encoding",
    "FilterError",
    "FloatArray",
    "Hit",
    "Index",
    "IndexLockedError",
    "IndexMismatchError",
    "LangChainEncoder",
    "LoadError",
    "Manifest",
    "Origin",
    "PartlyRead",
    "Passage",
    "PassageFeatures",
    "ProcessExecutor",
    "Question",
    "RayExecutor",
    "RequestFilter",
    "ScoredPassage",
    "SearchResult",
    "Skipped",
    "SkippedPage",
    "Span",
    "StoreError",
    "SyncReport",
    "TokenVectors",
    "UploadBudget",
    "begins_with_heading",
    "bundled_folder",
    "cpu_count",
    "create_private_folder",
    "day_of",
    "describe_skipped_pages",
    "has_words",
    "is_gone",
    "is_readable",
    "is_unreachable",
    "is_visible",
    "lexicon",
    "likely_language",
    "list_page_numbers",
    "load_encoder",
    "make_file_private",
    "make_private",
    "public_name",
    "sentence_ends",
    "sentences",
    "terms",
    "unit",
    "with_column_names",
    "with_plain_forms",
    "without_accents",
]
