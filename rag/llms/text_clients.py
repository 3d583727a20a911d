"""The clients of OpenAI, Anthropic and Ollama, reduced to what citechat reads: text, reasoning, counts and the reason
why a reply ended.

LangChain keeps all chunks of a reply and merges them when it ends, which takes quadratic time for tool calls, token
probabilities and other fields that a server may repeat in any number. It also completes the unfinished JSON of tool
calls, which takes quadratic time for a single one. These clients drop tool calls before that, and put the other fields
where `stream_text` can drop them. The packages of the providers are imported only when a client is created.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.outputs import ChatGenerationChunk

_REASONING_KEYS = ("reasoning_content", "reasoning")
_TOOL_KEYS = ("tool_calls", "function_call")


def open_text_client(provider: str, model: str, options: dict[str, Any]) -> BaseChatModel:
    """Return the client of a provider, "openai", "anthropic" or "ollama", for a model."""
    opened: BaseChatModel = _CLIENTS[provider]()(model=model, **options)
    return opened


def _with_one_metadata(chunks: Iterator[ChatGenerationChunk]) -> Iterator[ChatGenerationChunk]:
    """Yield the chunks with all metadata in the message, from which `stream_text` removes it."""
    for chunk in chunks:
        chunk.message.response_metadata = {**(chunk.generation_info or {}), **chunk.message.response_metadata}
        chunk.generation_info = None
        yield chunk


@cache
def _openai() -> Any:
    from langchain_openai import ChatOpenAI

    class CompatibleChatOpenAI(ChatOpenAI):
        """LangChain's client, without tool calls, and with the reasoning that compatible servers send.

        vLLM, SGLang, llama-server, LM Studio, DeepSeek and OpenRouter send it as `reasoning_content` or `reasoning`,
        beside the content. LangChain's client drops these fields.
        """

        def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
            return _with_one_metadata(super()._stream(*args, **kwargs))

        def _convert_chunk_to_generation_chunk(
            self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
        ) -> ChatGenerationChunk | None:
            choices = chunk.get("choices")
            delta = (choices[0].get("delta") if choices else None) or {}
            for key in _TOOL_KEYS:
                delta.pop(key, None)
            generation = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
            sent = next((delta[key] for key in _REASONING_KEYS if delta.get(key)), None)
            if generation is not None and isinstance(sent, str):
                generation.message.additional_kwargs["reasoning_content"] = sent
            return generation

    return CompatibleChatOpenAI


@cache
def _anthropic() -> Any:
    from langchain_anthropic import ChatAnthropic

    class TextChatAnthropic(ChatAnthropic):
        """LangChain's client, without tool calls."""

        def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
            return _with_one_metadata(super()._stream(*args, **kwargs))

        def _make_message_chunk_from_anthropic_event(self, event: Any, **options: Any) -> Any:
            if _is_tool_call(event):
                return None, options.get("block_start_event")
            return super()._make_message_chunk_from_anthropic_event(event, **options)

    return TextChatAnthropic


def _is_tool_call(event: Any) -> bool:
    """Return whether an event of Anthropic's stream begins or continues a block of a tool."""
    if event.type == "content_block_start":
        return "tool" in str(getattr(event.content_block, "type", ""))
    return event.type == "content_block_delta" and getattr(event.delta, "type", "") == "input_json_delta"


@cache
def _ollama() -> Any:
    from langchain_ollama import ChatOllama

    class TextChatOllama(ChatOllama):
        """LangChain's client with all metadata of a chunk in its message."""

        def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
            return _with_one_metadata(super()._stream(*args, **kwargs))

    return TextChatOllama


_CLIENTS = {"openai": _openai, "anthropic": _anthropic, "ollama": _ollama}
