"""Answer questions from indexed articles, with or without an LLM; every sentence is cited and checked."""

from .answer import NOT_FOUND, NOT_FROM_ARTICLES, SHOWING, UNSURE, Answer, Citation, Sentence, Support, Turn
from .assistant import Assistant
from .errors import FullTestSetError, LLMError, QuestionError, SettingsError, TestSetError
from .evaluate import evaluate
from .evaluate.calibration import calibrate
from .factory import ask, build_assistant, go_offline, open_executor, open_index, open_reader, protect_home
from .grounding.reasons import REASONS, is_contradiction, parse_reason
from .hooks import Observer
from .langchain_adapters import as_retriever, as_runnable
from .llms.catalog import ModelCatalog
from .llms.loader import LLMPing, ping_llm
from .llms.received_bytes import stopping_llm_calls
from .llms.secrets import scrub
from .notes import NOTES, parse_note
from .questions.message import questions_beside_text
from .questions.starters import starter_questions
from .questions.suggestions import follow_up_questions
from .reading.reader import warm_up_reader
from .settings import FORMER_NAMES, AnswerOptions, Scope, Settings, load_settings

__all__ = [
    "FORMER_NAMES",
    "NOTES",
    "NOT_FOUND",
    "NOT_FROM_ARTICLES",
    "REASONS",
    "SHOWING",
    "UNSURE",
    "Answer",
    "AnswerOptions",
    "Assistant",
    "Citation",
    "FullTestSetError",
    "LLMError",
    "LLMPing",
    "ModelCatalog",
    "Observer",
    "QuestionError",
    "Scope",
    "Sentence",
    "Settings",
    "SettingsError",
    "Support",
    "TestSetError",
    "Turn",
    "as_retriever",
    "as_runnable",
    "ask",
    "build_assistant",
    "calibrate",
    "evaluate",
    "follow_up_questions",
    "go_offline",
    "is_contradiction",
    "load_settings",
    "open_executor",
    "open_index",
    "open_reader",
    "parse_note",
    "parse_reason",
    "ping_llm",
    "protect_home",
    "questions_beside_text",
    "scrub",
    "starter_questions",
    "stopping_llm_calls",
    "warm_up_reader",
]
