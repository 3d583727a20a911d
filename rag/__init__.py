"""Answer from the passages: each sentence cited and checked, with an LLM or without."""

from .adapters import as_retriever, as_runnable
from .answer import NOT_FOUND, Answer, Citation, Sentence, Support, Turn
from .assistant import Assistant
from .build import ask, build_assistant, open_index, open_workers
from .calibrate import calibrate
from .errors import LLMError, QuestionError, SettingsError, TestSetError
from .evaluate import evaluate
from .follow_ups import follow_up_questions
from .observe import Observer
from .offers import Offers
from .settings import Settings, load_settings
from .starters import starter_questions
from .trial import Trial, try_llm

__all__ = [
    "NOT_FOUND",
    "Answer",
    "Assistant",
    "Citation",
    "LLMError",
    "Observer",
    "Offers",
    "QuestionError",
    "Sentence",
    "Settings",
    "SettingsError",
    "Support",
    "TestSetError",
    "Trial",
    "Turn",
    "as_retriever",
    "as_runnable",
    "ask",
    "build_assistant",
    "calibrate",
    "evaluate",
    "follow_up_questions",
    "load_settings",
    "open_index",
    "open_workers",
    "starter_questions",
    "try_llm",
]
