"""Answer from the passages: each sentence cited and checked, with an LLM or without."""

from .answer import Answer, Citation, Sentence, Turn
from .errors import LLMError, QuestionError, SettingsError, TestSetError
from .settings import Settings, load_settings

__all__ = [
    "Answer",
    "Citation",
    "LLMError",
    "QuestionError",
    "Sentence",
    "Settings",
    "SettingsError",
    "TestSetError",
    "Turn",
    "load_settings",
]
