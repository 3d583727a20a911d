"""What servers send beside the text is dropped as it arrives: LangChain keeps it, and merges it when the reply ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, LLMResult
from wires import ANTHROPIC_START, reply, serving

from rag.llms.loader import load_llm
from rag.llms.retry import LLMCall
from rag.llms.streaming import stream_text

PIECES = [f"word{number} " for number in range(30)]
UNFINISHED = '{"a" ' + "x" * 300


class _Kept(BaseCallbackHandler):
    """What LangChain has kept of a reply when it ends."""

    generations: list[Any]

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        """Keep the merged reply, as a tracer does."""
        self.generations = list(response.generations[0])


def _openai(fields: Callable[[int], dict[str, Any]], choice: Callable[[int], dict[str, Any]] = lambda _: {}) -> str:
    body = ""
    for number, piece in enumerate([*PIECES, ""]):
        delta = {"role": "assistant", "content": piece, **fields(number)}
        choices = [{"index": 0, "delta": delta, "finish_reason": None, **choice(number)}]
        event = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "tiny", "choices": choices}
        body += f"data: {json.dumps(event)}\n\n"
    return body + "data: [DONE]\n\n"


def _call(number: int) -> dict[str, Any]:
    return {"index": number, "id": f"c{number}", "type": "function", "function": {"name": "f", "arguments": UNFINISHED}}


def _anthropic() -> str:
    events: list[dict[str, Any]] = [ANTHROPIC_START]
    for number, piece in enumerate(PIECES):
        tool = {"type": "tool_use", "id": f"c{number}", "name": "f", "input": {}}
        given = {"type": "input_json_delta", "partial_json": UNFINISHED}
        text = {"type": "text_delta", "text": piece}
        events += [
            {"type": "content_block_start", "index": number, "content_block": tool},
            {"type": "content_block_delta", "index": number, "delta": given},
            {"type": "content_block_delta", "index": 99, "delta": text},
        ]
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    events += [{"type": "message_delta", "delta": end, "usage": {"output_tokens": 5}}, {"type": "message_stop"}]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


def _ollama() -> str:
    lines = []
    for number, piece in enumerate(PIECES):
        calls = [{"function": {"name": "f", "index": number, "arguments": {"a": "b"}}}]
        message = {"role": "assistant", "content": piece, "tool_calls": calls}
        chances = [{"token": "a", "logprob": -1.0}]
        lines.append({"model": "tiny", "message": message, "done": False, "logprobs": chances})
    lines.append(
        {"model": "tiny", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    )
    return "".join(f"{json.dumps(line)}\n" for line in lines)


BODIES = {
    "openai, tool calls": _openai(lambda number: {"tool_calls": [_call(number)]}),
    "openai, many tool calls at once": _openai(lambda _: {"tool_calls": [_call(index) for index in range(20)]}),
    "openai, function calls": _openai(lambda _: {"function_call": {"name": "f", "arguments": UNFINISHED}}),
    "openai, token probabilities": _openai(lambda _: {}, lambda number: {"logprobs": {"content": [{"index": number}]}}),
    "openai, finish reasons": _openai(lambda _: {}, lambda _: {"finish_reason": "stop"}),
    "openai, reasoning": _openai(lambda _: {"reasoning_content": "thought"}),
    "anthropic, tool calls": _anthropic(),
    "ollama, tool calls and token probabilities": _ollama(),
}


@pytest.mark.parametrize("sent", BODIES)
def test_of_a_reply_only_the_text_is_kept_until_it_ends(sent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret-1234567890abcdef")
    completed: list[str] = []
    monkeypatch.setattr("langchain_core.messages.ai.parse_partial_json", completed.append)
    provider, kept = sent.partition(",")[0], _Kept()
    with serving([reply(provider, BODIES[sent])]) as server:
        llm = load_llm(f"{provider}:tiny", base_url=server.url + ("/v1" if provider == "openai" else ""), timeout=60)
        llm.callbacks = [kept]
        call = LLMCall(llm, f"{provider}:tiny", 100)
        assert call.complete([HumanMessage("Hello")]) == "".join(PIECES)
    assert completed == [], "no unfinished JSON is completed"
    (generation,) = kept.generations
    assert generation.text == "".join(PIECES)
    assert not generation.generation_info
    message = generation.message
    assert (message.tool_call_chunks, message.tool_calls, message.invalid_tool_calls) == ([], [], [])
    assert (message.additional_kwargs, message.response_metadata) == ({}, {})


class _Repeating(FakeListChatModel):
    """A model that sends some fields with each of `count` pieces."""

    responses: list[str] = []  # noqa: RUF012
    count: int
    fields: Callable[[int], dict[str, Any]]

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        for number in range(self.count):
            yield ChatGenerationChunk(message=AIMessageChunk(**{"content": "x", **self.fields(number)}))


def _tool(number: int) -> dict[str, Any]:
    call = {"name": "f", "args": "{}", "id": f"c{number}", "index": number, "type": "tool_call_chunk"}
    return {"tool_call_chunks": [call]}


@pytest.mark.parametrize(
    "fields",
    [
        _tool,
        lambda number: {"content": [{"type": "text", "text": "x", "index": number}]},
        lambda number: {"response_metadata": {"logprobs": {"content": [{"index": number}]}}},
        lambda number: {"additional_kwargs": {"audio": [{"index": number}]}},
    ],
    ids=["tool calls", "content blocks", "token probabilities", "other fields"],
)
def test_the_work_for_a_reply_grows_with_its_pieces_and_no_faster(fields: Callable[[int], dict[str, Any]]) -> None:
    def work(count: int) -> float:
        spent = []
        for _ in range(3):
            llm = _Repeating(count=count, fields=fields)
            began = time.thread_time()
            assert len("".join(stream_text(llm, [HumanMessage("Hello")], "fake:x"))) == count
            spent.append(time.thread_time() - began)
        return min(spent)

    assert work(5_000) < 3 * work(2_500)
