"""Temporary failures are retried, a long prompt is shortened, an endless reply is stopped; no test sleeps."""

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

from rag import LLMError
from rag.llms.failures import failure
from rag.llms.retry import LLMCall, repeats


class Actor(BaseChatModel):
    """A chat model that plays one scene per call: a failure, or the pieces of a reply."""

    scenes: list[Any]
    asked: list[str] = Field(default_factory=list)

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
            yield ChatGenerationChunk(message=AIMessageChunk(piece, usage_metadata=usage))  # type: ignore[arg-type]


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
    assert call.tokens == {"in": 20, "out": 2}


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
