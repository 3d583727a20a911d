"""The stream of an LLM's reply: the text of the answer, and what a provider sends besides it.

Providers send the reasoning of a model, the reason why a reply ended and the number of tokens in fields of their own,
and name them differently. `Reply` reads these fields from LangChain's chunks.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .failures import KEY_NAMES, explain_failure, failure
from .received_bytes import check_stop, checking_bytes
from .secrets import SecretMask, mask_secrets

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

MOST_BYTES, BYTES_PER_CHARACTER = 10_000_000, 1_000
"""Maximum number of bytes of a reply without text or reasoning, and how many more it may have for each character of
them. A chunk has some hundred bytes; providers also send comments and empty chunks while a model thinks."""

MOST_CHUNKS = 100_000
"""Maximum number of chunks of a reply, with and without text: LangChain keeps all of them until the reply ends, and
then merges them without looking at any limit."""

STOP, LENGTH, CONTENT_FILTER = "stop", "length", "content_filter"

_MOST_TOKENS = 10**9  # maximum number of tokens that a server may report
_REASON_NAME = re.compile(r"[A-Za-z][A-Za-z_ ]{0,39}")  # a finish reason that is shown in an error message
_SURROGATE = re.compile("[\ud800-\udfff]")
_FINISH_KEYS = ("finish_reason", "stop_reason", "done_reason")
_FINISH_REASONS = {
    STOP: {"stop", "end_turn", "stop_sequence", "eos", "eos_token", "complete", "completed"},
    LENGTH: {"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"},
    CONTENT_FILTER: {
        "content_filter",
        "content_filtered",
        "guardrail_intervened",
        "refusal",
        "safety",
        "prohibited_content",
        "blocklist",
        "recitation",
        "spii",
    },
}
"""The names that providers give to the three reasons: OpenAI, Anthropic, Ollama, Google, Mistral, Cohere, Bedrock."""

_REASONING_KEYS = ("reasoning_content", "reasoning")
_REASONING_BLOCKS = {"reasoning": ("reasoning", "text", "summary"), "thinking": ("thinking",)}
"""The types of content blocks that contain reasoning, and the fields of such a block."""


@dataclass(slots=True)
class Reply:
    """What a stream has sent so far, apart from the text.

    Attributes:
        finish_reason: Why the reply ended: "stop", "length" (the limit of tokens) or "content_filter"; "" if the
            provider sent no reason, or one that means something else, such as an error.
        reasoning: The reasoning that the provider sent in a field of its own.
        has_text: Whether any text other than white space has arrived.
    """

    finish_reason: str = ""
    reasoning: str = ""
    has_text: bool = False
    _sent_reason: str = ""
    _usage: list[tuple[int, int]] = field(default_factory=list)

    @property
    def tokens(self) -> dict[str, int]:
        """The token counts that the provider reported, under `in` and `out`; empty if it reported none.

        If several chunks report input tokens, each count includes the earlier ones, and the largest is the total.
        """
        if not self._usage:
            return {}
        is_cumulative = sum(given > 0 for given, _ in self._usage) > 1
        total = max if is_cumulative else sum
        return {"in": total(given for given, _ in self._usage), "out": total(out for _, out in self._usage)}

    def read(self, chunk: BaseMessage) -> str:
        """Record what the chunk contains, and return its text, which may be empty."""
        metadata = chunk.response_metadata
        if sent := _sent_reason(metadata):
            self._sent_reason, self.finish_reason = sent, _finish_reason(sent)
        if usage := getattr(chunk, "usage_metadata", None):
            self._usage.append((_token_count(usage["input_tokens"]), _token_count(usage["output_tokens"])))
        self.reasoning += _without_surrogates(_reasoning(chunk))
        text = _without_surrogates(str(chunk.text))
        self.has_text = self.has_text or bool(text.strip())
        return text

    def problem(self, provider: str) -> tuple[str, str] | None:
        """Return why a finished reply cannot be used, as a kind of failure and a detail; None if it has text."""
        if self.has_text:
            return None
        is_name = _REASON_NAME.fullmatch(self._sent_reason)
        detail = f"it stopped because of {self._sent_reason!r}" if is_name else ""
        if self.finish_reason == CONTENT_FILTER:
            return "content filter", detail
        if not self._sent_reason and provider in KEY_NAMES:  # these providers always send a reason
            return "incomplete", "the stream ended without a reason"
        return "empty", detail


def stream_text(
    llm: BaseChatModel,
    messages: Sequence[BaseMessage],
    spec: str,
    reply: Reply | None = None,
    check: Callable[[], None] = lambda: None,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[str]:
    """Yield the LLM's reply piece by piece; `spec` names the LLM in errors.

    Everything else that the provider sends is recorded in `reply`. Known secrets are masked in the text and the
    reasoning: a server may send back the key that it received. `check` is called after each chunk, also for chunks
    without text, and whenever bytes arrive, and may raise `LLMError` to stop the model. Raises `LLMError` for any
    failure and for a reply without text, and `CancelledWorkError` if the calls of this thread should end
    (`stopping_llm_calls`). A stream that ends without a finish reason is not an error if it has text: the connection
    may have been lost, or the server sends no reasons.
    """
    reply = Reply() if reply is None else reply
    received, chunks, characters, waiting_since = 0, 0, 0, 0.0
    mask = SecretMask()

    def check_bytes(count: int, timeout: float | None) -> None:
        """Hold the limits while the client waits for a chunk: any byte would restart its own timeout."""
        nonlocal received
        received += count
        check_stop()
        check()
        if received > MOST_BYTES + BYTES_PER_CHARACTER * (characters + len(reply.reasoning)):
            raise failure("too long", spec, f"more than {MOST_BYTES:,} bytes that are not a part of an answer")
        if timeout is not None and clock() - waiting_since > timeout:
            raise failure("timeout", spec, f"nothing but data without text for {timeout:g} s")

    def read(chunk: BaseMessage) -> str:
        nonlocal chunks, characters
        text = reply.read(chunk)
        _drop_extras(chunk, text)
        chunks, characters = chunks + 1, characters + len(text)
        if chunks > MOST_CHUNKS:
            raise failure("too long", spec, f"more than {MOST_CHUNKS:,} pieces")
        return text

    stream = llm.stream(list(messages))
    try:
        while True:
            check_stop()
            waiting_since = clock()
            with checking_bytes(check_bytes):
                chunk = next(stream, None)
            if chunk is None:
                break
            if piece := mask.feed(read(chunk)):
                yield piece
            check()
        if piece := mask.close():
            yield piece
    except Exception as error:
        raise explain_failure(error, spec) from None
    finally:
        reply.reasoning = mask_secrets(reply.reasoning)
        if close := getattr(stream, "close", None):
            close()  # stop the model if the caller stops early
    if problem := reply.problem(spec.partition(":")[0].strip().lower()):
        kind, detail = problem
        raise failure(kind, spec, detail)


def _drop_extras(chunk: Any, text: str) -> None:
    """Reduce a chunk that was read to its text and its token counts.

    LangChain keeps all chunks and merges them when the reply ends; merging anything else, such as tool calls, may take
    quadratic time.
    """
    if chunk.type == "AIMessageChunk":  # other messages are not merged with each other
        chunk.content = text
        chunk.additional_kwargs, chunk.response_metadata = {}, {}
        chunk.tool_call_chunks, chunk.tool_calls, chunk.invalid_tool_calls = [], [], []


def _token_count(reported: Any) -> int:
    """Return a reported number of tokens, within the range that a number of tokens can have; 0 for anything else."""
    try:
        return min(max(int(reported), 0), _MOST_TOKENS)
    except (TypeError, ValueError, OverflowError):
        return 0


def _without_surrogates(text: str) -> str:
    """Return the text with lone surrogates replaced, which no encoder and no file accepts."""
    return _SURROGATE.sub("\ufffd", text)


def _sent_reason(metadata: dict[str, Any]) -> str:
    """Return the reason that a chunk's metadata contain, in the provider's words."""
    for key in _FINISH_KEYS:
        if value := metadata.get(key):
            return str(value)
    feedback = metadata.get("prompt_feedback")  # Google: the prompt was blocked, and there is no reply
    if isinstance(feedback, dict) and feedback.get("block_reason"):
        return "safety"
    details = metadata.get("incomplete_details")  # OpenAI's Responses API
    if isinstance(details, dict) and details.get("reason"):
        return str(details["reason"])
    return str(metadata["status"]) if metadata.get("status") == "completed" else ""


def _finish_reason(sent: str) -> str:
    name = sent.strip().lower().rpartition(".")[2]
    return next((reason for reason, names in _FINISH_REASONS.items() if name in names), "")


def _reasoning(chunk: BaseMessage) -> str:
    """Return the reasoning that a chunk contains, from its extra fields and its content blocks."""
    extra = next((chunk.additional_kwargs[key] for key in _REASONING_KEYS if chunk.additional_kwargs.get(key)), "")
    blocks = chunk.content if isinstance(chunk.content, list) else []
    found = [_joined(extra)]
    for block in blocks:
        if isinstance(block, dict):
            names = _REASONING_BLOCKS.get(str(block.get("type")), ())
            found.append(next((_joined(block[name]) for name in names if block.get(name)), ""))
    return "".join(found)


def _joined(value: object) -> str:
    """Return the text of a field: a string, a block with a text or a summary, or a list of blocks."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(_joined, value))
    if isinstance(value, dict):
        return _joined(value.get("text") or value.get("summary") or "")
    return ""
