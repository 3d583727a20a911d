"""Temporary failures are retried, long prompts shortened, rejected options left out, endless replies stopped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import Field
from wires import anthropic_wire, openai_wire, refusal, reply, serving

from rag import LLMError
from rag.llms.failures import failure
from rag.llms.loader import load_llm
from rag.llms.retry import LLMCall, repeats


class Actor(BaseChatModel):
    """A chat model that plays one scene per call: a failure, or the pieces of a reply; a piece may be a whole chunk."""

    scenes: list[Any]
    asked: list[str] = Field(default_factory=list)
    temperature: float | None = 0.0

    @property
    def _llm_type(self) -> str:
        return "actor"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        self.asked.append(str(messages[0].content))
        scene = self.scenes.pop(0)
        for piece in scene:
            if isinstance(piece, Exception):
                raise piece
            usage = {"input_tokens": 10, "output_tokens": 1, "total_tokens": 11}
            whole = isinstance(piece, AIMessageChunk)
            chunk = piece if whole else AIMessageChunk(piece, usage_metadata=usage)  # type: ignore[arg-type]
            yield ChatGenerationChunk(message=chunk)


class Clock:
    """A clock that advances when `sleep` is called, and by a tick on each reading."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.tick = tick

    def __call__(self) -> float:
        self.now += self.tick
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def _ask(scenes: list[list[Any]], *, seconds: float = 100, tick: float = 0.0) -> tuple[LLMCall, Actor, Clock]:
    actor, clock = Actor(scenes=scenes), Clock(tick)
    return LLMCall(actor, "actor:x", seconds, sleep=clock.sleep, clock=clock), actor, clock


def _prompt(passages: int) -> list[BaseMessage]:
    return [HumanMessage(f"{passages} passages")]


def _reply(call: LLMCall, passages: int = 6) -> str:
    return "".join(call.stream(_prompt, passages))


def test_a_rate_limit_is_waited_for_longer_each_time() -> None:
    busy = failure("rate limit", "actor:x")
    call, actor, clock = _ask([[busy], [busy], ["Fine", " now."]])
    assert _reply(call) == "Fine now."
    assert clock.slept == [1, 2]
    assert actor.asked == ["6 passages"] * 3
    assert call.tokens == {"in": 10, "out": 1}


def test_the_tokens_of_all_calls_are_added_up() -> None:
    call, _, _ = _ask([["One", " answer."], ["Another."]])
    assert (_reply(call), _reply(call)) == ("One answer.", "Another.")
    assert call.tokens == {"in": 20, "out": 2}


def test_a_whole_reply_comes_with_the_same_retries() -> None:
    call, actor, clock = _ask([[failure("rate limit", "actor:x")], ['{"support": ', '"partly"}']])
    assert call.complete([HumanMessage("Grade it.")]) == '{"support": "partly"}'
    assert actor.asked == ["Grade it."] * 2
    assert clock.slept == [1]


def test_reasoning_and_finish_reason_are_those_of_the_last_reply() -> None:
    thought = AIMessageChunk("", additional_kwargs={"reasoning_content": "Let me see."})
    cut = AIMessageChunk("", response_metadata={"finish_reason": "length"})
    call, _, _ = _ask([[thought, "An answer that is", cut], ["Another."]])
    assert _reply(call) == "An answer that is"
    assert (call.reasoning, call.finish_reason) == ("Let me see.", "length")
    assert _reply(call) == "Another."
    assert (call.reasoning, call.finish_reason) == ("", "")


def test_what_came_before_a_failure_is_kept() -> None:
    thought = AIMessageChunk("", additional_kwargs={"reasoning_content": "Let me see."})
    call, _, _ = _ask([[thought, "It is ", failure("incomplete", "actor:x")]])
    with pytest.raises(LLMError):
        _reply(call)
    assert (call.reasoning, call.tokens) == ("Let me see.", {"in": 10, "out": 1})


def test_a_temperature_that_the_model_rejects_is_left_out_from_then_on() -> None:
    rejected = failure("temperature", "actor:x")
    call, actor, clock = _ask([[rejected], ["Fine."], ["Still fine."]])
    assert (_reply(call), actor.temperature) == ("Fine.", None)
    assert _reply(LLMCall(actor, "actor:x", 100)) == "Still fine."
    assert (len(actor.asked), clock.slept) == (3, [])


def test_a_model_that_goes_on_rejecting_the_temperature_is_asked_twice() -> None:
    call, actor, _ = _ask([[failure("temperature", "actor:x")]] * 5)
    with pytest.raises(LLMError, match="does not support this temperature"):
        _reply(call)
    assert len(actor.asked) == 2


@pytest.mark.parametrize(
    ("message", "option"),
    [
        ("Unsupported value: 'temperature' does not support 0 with this model.", "temperature"),
        ("`temperature` is deprecated for this model.", "temperature"),
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            "max_tokens",
        ),
    ],
)
def test_an_option_that_an_openai_compatible_server_rejects_is_not_sent_again(message: str, option: str) -> None:
    fine = [reply("openai", openai_wire(["Fine."]))]
    with serving([reply("openai", refusal("openai", message), 400)], fine) as server:
        call = LLMCall(load_llm("openai:tiny", base_url=f"{server.url}/v1"), "openai:tiny", 100)
        assert [_reply(call), _reply(call)] == ["Fine.", "Fine."]
    first, *later = server.requests
    assert (first["temperature"], first["max_tokens"]) == (0.0, 700)
    assert len(later) == 2
    for sent in later:
        assert option not in sent
        assert sent.get("max_tokens", sent.get("max_completion_tokens")) == 700, "the limit is kept"


def test_anthropic_is_asked_again_without_a_temperature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret-1234567890abcdef")
    rejected = refusal("anthropic", "`temperature` is deprecated for this model.")
    fine = [reply("anthropic", anthropic_wire(["Fine."]))]
    with serving([reply("anthropic", rejected, 400)], fine) as server:
        call = LLMCall(load_llm("anthropic:tiny", base_url=server.url), "anthropic:tiny", 100)
        assert _reply(call) == "Fine."
    assert ["temperature" in sent for sent in server.requests] == [True, False]


def test_retries_end_with_the_total_timeout() -> None:
    busy = failure("rate limit", "actor:x")
    call, actor, clock = _ask([[busy]] * 9, seconds=2.5)
    with pytest.raises(LLMError, match="too many requests"):
        _reply(call)
    assert clock.slept == [1]
    assert len(actor.asked) == 2


def test_a_busy_server_is_not_asked_for_ever() -> None:
    call, actor, _ = _ask([[failure("server", "actor:x")]] * 9, seconds=10_000)
    with pytest.raises(LLMError, match="server error"):
        _reply(call)
    assert len(actor.asked) == 4


@pytest.mark.parametrize("kind", ["authentication", "unknown model", "connection", "timeout", "empty", "quota"])
def test_a_failure_that_a_retry_does_not_fix_is_raised_at_once(kind: str) -> None:
    call, actor, clock = _ask([[failure(kind, "actor:x")]] * 3)
    with pytest.raises(LLMError) as failed:
        _reply(call)
    assert failed.value.kind == kind
    assert (len(actor.asked), clock.slept) == (1, [])


def test_a_prompt_that_is_too_long_is_halved_once() -> None:
    long = failure("context length", "actor:x")
    call, actor, clock = _ask([[long], ["Short enough."]])
    assert _reply(call) == "Short enough."
    assert actor.asked == ["6 passages", "3 passages"]
    assert clock.slept == []
    call, actor, _ = _ask([[long], [long], ["never"]])
    with pytest.raises(LLMError, match="is too long"):
        _reply(call)
    assert actor.asked == ["6 passages", "3 passages"]


def test_after_the_first_word_nothing_is_tried_again() -> None:
    call, actor, _ = _ask([["It is ", failure("server", "actor:x")], ["never"]])
    pieces = call.stream(_prompt, 6)
    assert next(pieces) == "It is "
    with pytest.raises(LLMError):
        next(pieces)
    assert len(actor.asked) == 1


def test_a_model_that_takes_too_long_in_all_is_stopped() -> None:
    call, _, _ = _ask([[f"word{number} " for number in range(1000)]], seconds=20, tick=1)
    written: list[str] = []
    with pytest.raises(LLMError, match=r"took too long.*more than 20 s") as failed:
        written += call.stream(_prompt, 6)
    assert failed.value.retryable
    assert "CITECHAT_LLM_TOTAL_TIMEOUT" in failed.value.hint


def test_a_model_that_thinks_for_too_long_is_stopped_before_its_first_word() -> None:
    thoughts = [AIMessageChunk("", additional_kwargs={"reasoning_content": f"{n} "}) for n in range(1000)]
    call, _, _ = _ask([[*thoughts, "never"]], seconds=20, tick=1)
    with pytest.raises(LLMError, match="took too long"):
        _reply(call)
    assert 5 < len(call.reasoning.split()) < 30


def test_a_model_that_has_lost_its_way_is_stopped() -> None:
    call, actor, _ = _ask([["The ship sank. ", *["It was a ship. "] * 1000]])
    pieces = call.stream(_prompt, 6)
    written: list[str] = []
    with pytest.raises(LLMError, match="repeated itself"):
        written += pieces
    assert 1 < len(written) < 20
    assert len(actor.asked) == 1


@pytest.mark.parametrize("unit", ["the ", "\n", "No. ", "I do not know what to say about that. ", "是", "[1]"])
def test_a_loop_is_seen_whatever_its_length(unit: str) -> None:
    assert repeats("An answer begins well. " + unit * (1 + 200 // len(unit)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "He said no, no, no, no and no.",
        "| a | b |\n|---|---|\n" + "".join(f"| {n} | {n * 7} |\n" for n in range(40)),
        "Title\n" + "-" * 80,
        "".join(f"{n}. The company number {n} was founded in {1900 + n}.\n" for n in range(30)),
    ],
)
def test_what_is_merely_regular_is_no_loop(text: str) -> None:
    assert not repeats(text)


@given(st.text(max_size=300))
def test_looking_for_a_loop_never_fails(text: str) -> None:
    assert repeats(text) in (True, False)


def _streamed(chunks: list[Any], clock: Clock | None = None, timeout: float = 60.0) -> list[str]:
    call = LLMCall(Actor(scenes=[chunks]), "actor:x", timeout, clock=clock or Clock())
    return list(call.stream(lambda _: [HumanMessage("Who?")], 1))


def test_a_large_chunk_is_passed_on_in_small_pieces() -> None:
    text = " ".join(f"Sentence {number} is another one." for number in range(500))
    pieces = _streamed([text])
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 500


def test_the_time_limit_also_holds_within_a_chunk() -> None:
    text = " ".join(f"Sentence {number} is another one." for number in range(1000))
    with pytest.raises(LLMError, match="took too long"):
        _streamed([text], Clock(tick=1.0), timeout=20)


def test_a_reply_without_end_is_stopped() -> None:
    text = " ".join(f"Sentence {number} is another one." for number in range(2000))
    with pytest.raises(LLMError, match="wrote too much"):
        _streamed([text])


def test_reasoning_without_end_is_stopped() -> None:
    sent = {"reasoning_content": "I wonder. " * 20_000}
    with pytest.raises(LLMError, match="wrote too much"):
        _streamed([AIMessageChunk("", additional_kwargs=sent) for _ in range(5)])


def test_lone_surrogates_in_a_reply_are_replaced() -> None:
    assert "".join(_streamed(["Founded in 1990 \ud800 [1]."])) == "Founded in 1990 \ufffd [1]."
