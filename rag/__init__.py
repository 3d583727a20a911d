"""Answer from the passages: each sentence cited and checked, with an LLM or without."""

from .answer import NOT_FOUND, Answer, Citation, Sentence, Support, Turn
from .assistant import Assistant
from .build import ask, build_assistant, open_index
from .errors import LLMError, QuestionError, SettingsError, TestSetError
from .settings import Settings, load_settings

__all__ = [
    "NOT_FOUND",
    "Answer",
    "Assistant",
    "Citation",
    "LLMError",
    "QuestionError",
    "Sentence",
    "Settings",
    "SettingsError",
    "Support",
    "TestSetError",
    "Turn",
    "ask",
    "build_assistant",
    "load_settings",
    "open_index",
]
