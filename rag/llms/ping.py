"""Does the LLM of the settings answer, and how fast? Asked for one word."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..errors import LLMError
from ..settings import Settings
from .loader import open_llm, stream_text

_ONE_WORD = "Reply with the word yes and nothing else."


@dataclass(frozen=True, slots=True)
class LLMPing:
    """What came of it: seconds to the first word and in all, or what is wrong and what to do."""

    spec: str
    answers: bool
    first_word: float | None = None
    total: float | None = None
    message: str = ""
    hint: str = ""

    def __str__(self) -> str:
        if self.answers:
            return f"The LLM {self.spec!r} answers: first word after {self.first_word} s, all after {self.total} s"
        return f"{self.message[:1].upper()}{self.message[1:]}\n  {self.hint}"


def ping_llm(settings: Settings) -> LLMPing:
    """Ask the LLM of the settings for a word; it costs a few tokens. Failures are told, not raised."""
    from langchain_core.messages import HumanMessage

    first_word = None
    try:
        llm = open_llm(settings)
        if llm is None:
            return LLMPing(settings.llm, answers=True, first_word=0.0, total=0.0)
        began = time.perf_counter()
        for _ in stream_text(llm, [HumanMessage(_ONE_WORD)], settings.llm):
            first_word = first_word or round(time.perf_counter() - began, 3)
    except LLMError as error:
        return LLMPing(settings.llm, answers=False, first_word=first_word, message=error.message, hint=error.hint)
    return LLMPing(settings.llm, answers=True, first_word=first_word, total=round(time.perf_counter() - began, 3))
