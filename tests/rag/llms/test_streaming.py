"""What providers send besides the text: why a reply ended, reasoning, and token counts, through the real clients."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage
from wires import PATHS, WIRES, ollama_wire, openai_wire, refusal, reply, serving

from rag import LLMError
from rag.llms.loader import load_llm
from rag.llms.retry import LLMCall
from rag.llms.streaming import Reply

PROVIDERS = sorted(PATHS)
TEXT = "Sora is a tool. [1]"
THOUGHT = "The first passage says it."


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret-1234567890abcdef")


def answer(provider: str, body: str, status: int = 200) -> tuple[str, LLMCall]:
    """The text that the real client of a provider makes of a body, and the call that received it."""
    with serving([reply(provider, body, status)]) as server:
        llm = load_llm(f"{provider}:tiny", base_url=server.url + ("/v1" if provider == "openai" else ""), timeout=5)
        call = LLMCall(llm, f"{provider}:tiny", 100, sleep=lambda _: None)
        return call.complete([HumanMessage("What is Sora?")]), call


def refused(provider: str, body: str, status: int = 200) -> LLMError:
    with pytest.raises(LLMError) as failed:
        answer(provider, body, status)
    return failed.value


def events(*chunks: dict[str, Any], usage: list[dict[str, int]] | None = None) -> str:
    """OpenAI's events with these deltas, and these token counts beside them."""
    body = ""
    for number, delta in enumerate(chunks):
        finish = "stop" if number == len(chunks) - 1 else None
        event: dict[str, Any] = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "tiny"}
        event["choices"] = [{"index": 0, "delta": delta, "finish_reason": finish}]
        if usage:
            event["usage"] = usage[number]
        body += f"data: {json.dumps(event)}\n\n"
    return body + "data: [DONE]\n\n"


# --- why a reply ended


@pytest.mark.parametrize(
    ("provider", "sent", "reason"),
    [
        ("openai", "stop", "stop"),
        ("openai", "length", "length"),
        ("openai", "content_filter", "content_filter"),
        ("openai", "abort", ""),
        ("anthropic", "end_turn", "stop"),
        ("anthropic", "max_tokens", "length"),
        ("anthropic", "model_context_window_exceeded", "length"),
        ("anthropic", "refusal", "content_filter"),
        ("ollama", "stop", "stop"),
        ("ollama", "length", "length"),
    ],
)
def test_the_finish_reason_has_the_same_name_for_every_provider(provider: str, sent: str, reason: str) -> None:
    text, call = answer(provider, WIRES[provider]([TEXT], sent))
    assert (text, call.finish_reason) == (TEXT, reason)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"finish_reason": "STOP"}, "stop"),
        ({"finish_reason": "FinishReason.MAX_TOKENS"}, "length"),
        ({"finish_reason": "SAFETY"}, "content_filter"),
        ({"finish_reason": "RECITATION"}, "content_filter"),
        ({"prompt_feedback": {"block_reason": 4}}, "content_filter"),
        ({"status": "completed"}, "stop"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"finish_reason": "error"}, ""),
        ({}, ""),
    ],
    ids=str,
)
def test_other_clients_report_the_finish_reason_in_their_own_fields(metadata: dict[str, Any], reason: str) -> None:
    received = Reply()
    received.read(AIMessageChunk(TEXT, response_metadata=metadata))
    assert received.finish_reason == reason


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_stream_that_ends_without_a_reason_is_a_reply_without_a_reason(provider: str) -> None:
    text, call = answer(provider, WIRES[provider]([TEXT, " And half a"], None))
    assert text == f"{TEXT} And half a"
    assert call.finish_reason == ""


def test_a_server_that_ends_the_stream_without_a_reason_is_understood() -> None:
    text, call = answer("openai", openai_wire([TEXT], None) + "data: [DONE]\n\n")
    assert (text, call.finish_reason) == (TEXT, "")


# --- content filters


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        (
            "openai",
            "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. "
            "Please modify your prompt and retry. At a temperature of 0, a context length of 100.",
        ),
        ("openai", "Invalid prompt: your prompt was flagged as potentially violating our usage policy."),
        ("anthropic", "Output blocked by content filtering policy"),
        ("ollama", "Response was blocked due to SAFETY"),
    ],
)
def test_a_request_that_a_content_filter_blocks_has_its_own_hint(provider: str, message: str) -> None:
    error = refused(provider, refusal(provider, message), 400)
    assert error.kind == "content filter"
    assert "Rephrase the question" in error.hint
    assert not error.retryable


def test_the_code_of_a_content_filter_is_enough() -> None:
    body = {"error": {"message": "Blocked.", "code": "content_filter", "innererror": {"code": "x"}}}
    assert refused("openai", json.dumps(body), 400).kind == "content filter"


@pytest.mark.parametrize(("provider", "sent"), [("openai", "content_filter"), ("anthropic", "refusal")])
def test_a_reply_of_which_a_content_filter_leaves_nothing_is_not_called_empty(provider: str, sent: str) -> None:
    error = refused(provider, WIRES[provider]([""], sent))
    assert error.kind == "content filter"


# --- reasoning


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_the_reasoning_of_an_openai_compatible_server_is_kept_apart(name: str) -> None:
    deltas = [{"role": "assistant", name: THOUGHT[:9]}, {name: THOUGHT[9:], "content": None}, {"content": TEXT}, {}]
    text, call = answer("openai", events(*deltas))
    assert (text, call.reasoning) == (TEXT, THOUGHT)


def test_the_thinking_blocks_of_anthropic_are_kept_apart() -> None:
    start = {"id": "1", "type": "message", "role": "assistant", "model": "tiny", "content": [], "stop_reason": None}
    sent: list[dict[str, Any]] = [
        {"type": "message_start", "message": start | {"usage": {"input_tokens": 9, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": THOUGHT}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": TEXT}},
        {"type": "content_block_stop", "index": 1},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"input_tokens": 9, "output_tokens": 5},
        },
        {"type": "message_stop"},
    ]
    text, call = answer("anthropic", "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in sent))
    assert (text, call.reasoning, call.finish_reason) == (TEXT, THOUGHT, "stop")
    assert call.tokens == {"in": 9, "out": 5}


@pytest.mark.parametrize(
    "fields",
    [
        {"additional_kwargs": {"reasoning_content": THOUGHT}},
        {"additional_kwargs": {"reasoning": {"summary": [{"type": "summary_text", "text": THOUGHT}]}}},
        {"content": [{"type": "reasoning", "reasoning": THOUGHT, "index": 0}]},
        {"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": THOUGHT}]}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}]},
    ],
    ids=["Ollama, DeepSeek", "Responses API", "Google", "Responses API as blocks", "Mistral"],
)
def test_reasoning_is_no_part_of_the_text_wherever_a_client_puts_it(fields: dict[str, Any]) -> None:
    received = Reply()
    assert received.read(AIMessageChunk(**{"content": "", **fields})) == ""
    assert received.read(AIMessageChunk(TEXT)) == TEXT
    assert received.reasoning == THOUGHT


def test_a_model_that_only_thinks_has_not_answered() -> None:
    error = refused("openai", events({"reasoning_content": THOUGHT}, {}))
    assert error.kind == "empty"
    assert "CITECHAT_LLM_MAX_TOKENS" in error.hint


# --- token counts


def test_the_tokens_of_a_reply_are_counted_once() -> None:
    _, call = answer("ollama", ollama_wire([TEXT, " And more."]))
    assert call.tokens == {"in": 9, "out": 5}


def test_counts_on_every_chunk_are_totals_so_far_and_not_added_up() -> None:
    usage = [{"prompt_tokens": 100, "completion_tokens": out, "total_tokens": 100 + out} for out in (1, 2, 3, 3)]
    _, call = answer(
        "openai", events({"content": "Sora "}, {"content": "is "}, {"content": "a tool."}, {}, usage=usage)
    )
    assert call.tokens == {"in": 100, "out": 3}


def test_counts_that_come_in_parts_are_added_up() -> None:
    received = Reply()
    for given, out in ((9, 0), (0, 2), (0, 3)):
        usage = {"input_tokens": given, "output_tokens": out, "total_tokens": given + out}
        received.read(AIMessageChunk(TEXT, usage_metadata=usage))  # type: ignore[arg-type]
    assert received.tokens == {"in": 9, "out": 5}


def test_impossible_counts_are_brought_into_range() -> None:
    received = Reply()
    usage = {"input_tokens": -5, "output_tokens": 10**400, "total_tokens": 0}
    received.read(AIMessageChunk.model_construct(content=TEXT, usage_metadata=usage, response_metadata={}))
    assert received.tokens["in"] == 0
    assert float(received.tokens["out"]) == 1e9


@pytest.mark.parametrize("reported", [float("inf"), float("nan"), "x", [1]])
def test_what_is_no_count_does_not_discard_the_reply(reported: Any) -> None:
    received = Reply()
    usage = {"input_tokens": reported, "output_tokens": 5, "total_tokens": 0}
    received.read(AIMessageChunk.model_construct(content=TEXT, usage_metadata=usage, response_metadata={}))
    assert received.tokens == {"in": 0, "out": 5}


def test_a_long_finish_reason_is_cut_off_in_the_message() -> None:
    received = Reply()
    received.read(AIMessageChunk("", response_metadata={"finish_reason": "<b>x" * 100_000}))
    problem = received.problem("openai")
    assert problem is not None
    assert len(problem[1]) < 200


def test_a_server_that_counts_nothing_gives_no_counts() -> None:
    _, call = answer("openai", openai_wire([TEXT]))
    assert call.tokens == {}


# --- errors


REPORTED = "Bad request at /home/me/server.py\n\x1b[31m of http://10.0.0.5/ <img src=x>"


@pytest.mark.parametrize("status", [400, 401, 404, 500])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_users_see_the_status_and_the_log_has_what_the_server_reported(
    provider: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    error = refused(provider, refusal(provider, REPORTED), status)
    assert f"(HTTP status {status})" in error.message
    for secret in ("/home", "10.0.0.5", "<img", "\x1b"):
        assert secret not in f"{error.message} {error.hint}"
    assert "Bad request at /home/me/server.py" in error.reported
    assert error.reported.isprintable()
    assert len(error.reported) <= 241
    assert [record.getMessage() for record in caplog.records if record.name == "rag.llms.failures"] == [
        f"{error.message}: {error.reported}"
    ]


@pytest.mark.parametrize("reason", ["/home/me/server.py", "<b>no</b>", "http://10.0.0.5/", "x" * 500])
def test_a_finish_reason_that_is_not_a_name_is_not_shown(reason: str) -> None:
    error = refused("openai", openai_wire([""], reason))
    assert error.kind == "empty"
    assert error.message.endswith("gave an empty reply")
