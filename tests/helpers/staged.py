"""A language model that writes what it was told to: for pages and answers that have to be the same every time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

FAILS = "FAILS"
"""A reply that is none: the model raises."""


class StagedLLM(BaseChatModel):
    """Writes the reply whose word stands in the question, a few characters at a time, `pause` seconds apart."""

    replies: Mapping[str, str]
    pause: float = 0.0
    error: str = "boom"

    @property
    def _llm_type(self) -> str:
        return "staged"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(self._reply(messages)))])

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        reply = self._reply(messages)
        for at in range(0, len(reply), 8):
            yield ChatGenerationChunk(message=AIMessageChunk(reply[at : at + 8]))
            time.sleep(self.pause)

    def _reply(self, messages: list[BaseMessage]) -> str:
        asked = str(messages[-1].content).rpartition("<question>")[2].lower()
        reply = next((reply for word, reply in self.replies.items() if word in asked), "")
        if reply == FAILS:
            raise RuntimeError(self.error)
        return reply
