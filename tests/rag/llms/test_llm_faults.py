"""What goes wrong on the wire, as the real clients meet it: each server here plays a fault byte for byte."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from langchain_core.messages import HumanMessage
from wires import PATHS, WIRES, Act, Reset, WireServer, openai_wire, refusal, reply, serving, whole

from rag import Assistant, LLMError, load_settings, open_index
from rag.llms.loader import load_llm
from rag.llms.retry import LLMCall
from rag.llms.streaming import stream_text

PROVIDERS = sorted(PATHS)
ASKED = [HumanMessage("What is Sora?")]
QUESTION = "What is the name of ByteDance's video tool?"
TRUE = "ByteDance’s video generation tool is Boximator [6]."
BROKEN = "An answer that is cut: café"


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret-1234567890abcdef")


def asking(server: WireServer, provider: str, *, timeout: float = 5.0) -> tuple[LLMCall, list[float]]:
    """The real client of a provider, called with retries, and how long it has slept: it only records that."""
    slept: list[float] = []
    suffix = "/v1" if provider == "openai" else ""
    llm = load_llm(f"{provider}:tiny", base_url=server.url + suffix, timeout=timeout)
    return LLMCall(llm, f"{provider}:tiny", 100, sleep=slept.append), slept


def said(asked: LLMCall, passages: int = 4, until: Callable[[str], None] = lambda _: None) -> str:
    text = ""
    for piece in asked.stream(lambda count: [HumanMessage("passage " * count)], passages):
        text += piece
        until(text)
    return text


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_reply_that_is_not_streamed_is_read_too(provider: str) -> None:
    with serving([reply(provider, whole(provider, "Sora is a tool. [1]"))]) as server:
        asked, _ = asking(server, provider)
        message = asked.llm.invoke(ASKED)
    assert message.text == "Sora is a tool. [1]"
    assert message.usage_metadata is not None
    assert (message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"]) == (9, 5)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_passes_is_tried_again_once_and_not_by_the_client_behind_our_back(provider: str, status: int) -> None:
    busy, fine = reply(provider, refusal(provider, "busy"), status), reply(provider, WIRES[provider](["Fine", " now."]))
    with serving([busy], [busy], [fine]) as server:
        asked, slept = asking(server, provider)
        assert said(asked) == "Fine now."
    assert slept == [1, 2]
    assert len(server.requests) == 3


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_server_that_says_how_long_to_wait_is_waited_for_that_long(provider: str) -> None:
    busy = reply(provider, refusal(provider, "busy"), 429, Retry_After="7")
    with serving([busy], [reply(provider, WIRES[provider](["Fine."]))]) as server:
        asked, slept = asking(server, provider)
        assert said(asked) == "Fine."
    assert slept == [7]


@pytest.mark.parametrize("delay", ["1e999", "1e300", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_server_cannot_ask_for_more_than_a_day(delay: str) -> None:
    busy = reply("openai", refusal("openai", "busy"), 429, Retry_After=delay)
    with serving([busy]) as server:
        asked, _ = asking(server, "openai")
        with pytest.raises(LLMError) as failed:
            said(asked)
    assert failed.value.wait == 86_400


def test_a_wait_beyond_the_total_timeout_does_not_begin() -> None:
    busy = reply("openai", refusal("openai", "busy"), 429, Retry_After="3600")
    with serving([busy]) as server:
        asked, slept = asking(server, "openai")
        with pytest.raises(LLMError, match="too many requests") as failed:
            said(asked)
    assert slept == []
    assert "3600 s" in failed.value.hint


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_prompt_that_the_server_finds_too_long_is_sent_again_with_half_of_it(provider: str) -> None:
    long = reply(provider, refusal(provider, "the prompt exceeds the context length of 4096 tokens"), 400)
    with serving([long], [reply(provider, WIRES[provider](["Short enough."]))]) as server:
        asked, slept = asking(server, provider)
        assert said(asked, passages=4) == "Short enough."
    assert slept == []
    assert [str(request).count("passage") for request in server.requests] == [4, 2]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_character_that_comes_in_two_halves_is_one_character(provider: str) -> None:
    body = WIRES[provider](["Le café ", "是好的。"]).encode()
    first, second = body.index("é".encode()) + 1, body.index("是".encode()) + 2
    arrived = threading.Event()
    head = reply(provider, b"data: " if provider != "ollama" else b"\n").partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    with serving([head + body[:first], body[first:second], arrived, body[second:]]) as server:
        asked, _ = asking(server, provider)
        assert said(asked, until=lambda _: arrived.set()) == "Le café 是好的。"


def _fails(provider: str, *acts: Act, timeout: float = 5.0, heard: threading.Event | None = None) -> LLMError:
    with serving(acts) as server:
        asked, slept = asking(server, provider, timeout=timeout)
        with pytest.raises(LLMError) as failed:
            said(asked, until=lambda _: heard.set() if heard else None)
    assert slept == []
    assert repr(f"{provider}:tiny") in failed.value.message
    assert "\n" not in failed.value.message
    return failed.value


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_connection_that_is_reset_in_the_middle_was_cut(provider: str) -> None:
    heard = threading.Event()  # or the reset would overtake the words
    begun = reply(provider, WIRES[provider](["Half an answer "], None))
    error = _fails(provider, begun, heard, Reset(), heard=heard)
    assert error.kind == "incomplete"
    assert error.retryable


@pytest.mark.parametrize("provider", PROVIDERS)
def test_half_a_character_at_the_end_is_a_cut_answer(provider: str) -> None:
    body = WIRES[provider](["Le caf", "é"], None).encode()
    error = _fails(provider, reply(provider, body[: body.index("é".encode()) + 1]))
    assert error.kind == "incomplete"
    assert error.retryable


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_garbled_line_in_the_middle_is_said_to_be_one(provider: str) -> None:
    line = "{not json\n" if provider == "ollama" else "event: content_block_delta\ndata: {not json\n\n"
    error = _fails(provider, reply(provider, WIRES[provider](["Sora is "], None) + line))
    assert error.kind == "invalid response"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_server_that_takes_the_question_and_says_nothing_is_given_up(provider: str) -> None:
    silence = threading.Event()
    error = _fails(provider, silence, timeout=0.2)
    assert error.kind == "timeout"
    assert "CITECHAT_LLM_TIMEOUT" in error.hint
    assert error.retryable


@pytest.mark.parametrize("provider", PROVIDERS)
def test_silence_in_the_middle_is_given_up_too(provider: str) -> None:
    silence = threading.Event()
    error = _fails(provider, reply(provider, WIRES[provider](["Sora is "], None)), silence, timeout=0.2)
    assert error.kind == "timeout"


def test_what_was_said_before_the_line_went_dead_is_kept_and_checked(samples_home) -> None:
    heard = threading.Event()
    scene = [reply("openai", openai_wire([f"{TRUE} ", "And half a"], None)), heard, Reset()]
    with serving(scene) as server:
        asked, _ = asking(server, "openai")
        assistant = Assistant(open_index(load_settings(home=samples_home)), asked.llm, model="openai:tiny")
        for state in assistant.stream(QUESTION):
            answer = state
            if "half" in state.text:
                heard.set()
    assert answer.done
    assert answer.found
    assert answer.text.startswith(TRUE)
    assert answer.sentences[0].support in ("quoted", "supported")
    assert "not complete" in answer.notes[0]
    assert "broke off" in answer.notes[0]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_reader_who_goes_away_hangs_up(provider: str) -> None:
    silence = threading.Event()
    with serving([reply(provider, WIRES[provider](["Sora is "], None)), silence]) as server:
        pieces = stream_text(asking(server, provider)[0].llm, ASKED, f"{provider}:tiny")
        assert next(pieces) == "Sora is "
        pieces.close()  # returns at once, although the server has more to say
