"""An LLM plug-in for citechat: one function that returns a LangChain chat model.

This "model" answers with the first sentence of the first passage in its prompt. Replace it with your own client.
"""

from __future__ import annotations

import re
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult


class FirstSentence(BaseChatModel):
    """A chat model that quotes the beginning of the first passage."""

    name_of_model: str

    @property
    def _llm_type(self) -> str:
        return "first-sentence"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        passage = re.search(r"^\[(\d+)\] (.*?)</document>", str(messages[-1].content), re.DOTALL | re.MULTILINE)
        reply = "The articles do not say."
        if passage is not None:
            sentence = re.split(r"(?<=[.!?])\s", passage[2].strip(), maxsplit=1)[0]
            reply = f"{sentence} [{passage[1]}]"
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=reply))])


def load(model: str, **options: Any) -> BaseChatModel:
    """Return the model for `first-sentence:MODEL`; `options` are base_url, temperature, timeout and max_tokens."""
    return FirstSentence(name_of_model=model)
