"""The client for OpenAI and OpenAI-compatible servers. Importing this module loads langchain-openai."""

from __future__ import annotations

from typing import Any

from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI

_REASONING_KEYS = ("reasoning_content", "reasoning")


class CompatibleChatOpenAI(ChatOpenAI):
    """LangChain's client, which also keeps the reasoning that compatible servers send in a field of their own.

    vLLM, SGLang, llama-server, LM Studio, DeepSeek and OpenRouter send it as `reasoning_content` or `reasoning`, beside
    the content. LangChain's client drops these fields.
    """

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        generation = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        choices = chunk.get("choices")
        if generation is not None and choices:
            delta = choices[0].get("delta") or {}
            sent = next((delta[key] for key in _REASONING_KEYS if delta.get(key)), None)
            if isinstance(sent, str):
                generation.message.additional_kwargs["reasoning_content"] = sent
        return generation
