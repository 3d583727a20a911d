"""A call to an LLM keeps its limits, and ends once nobody waits for it, whatever its server sends."""

from __future__ import annotations

import threading
import time
import zlib
from functools import partial
from itertools import count
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from pytest_httpserver import HTTPServer
from wires import PATHS, WIRES, Act, openai_wire, reply, serving

from index import CancelledWorkError
from rag import LLMError, stopping_llm_calls
from rag.llms import received_bytes, streaming
from rag.llms.loader import load_llm
from rag.llms.received_bytes import pause
from rag.llms.retry import LLMCall

PROVIDERS = sorted(PATHS)
ASKED = [HumanMessage("What is Sora?")]
COMMENT = b": PROCESSING\n\n"


def _head(provider: str, status: int = 200) -> bytes:
    return reply(provider, b"\n", status).removesuffix(b"\n")


NOTHING = {
    "a comment": {provider: _head(provider) + COMMENT for provider in ("openai", "anthropic")},
    "a line without end": {provider: _head(provider) + b'data: {"x": "' for provider in ("openai", "anthropic")}
    | {"ollama": _head("ollama") + b'{"x": "'},
    "a header without end": dict.fromkeys(PROVIDERS, b"HTTP/1.1 200 OK\r\nX: "),
    "a response before the response": dict.fromkeys(PROVIDERS, b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "half an error": {provider: _head(provider, 500) + b'{"error": "' for provider in PROVIDERS},
    "half an answer": {provider: reply(provider, WIRES[provider](["Sora "], None)) for provider in PROVIDERS},
}
"""What a server sends, at the end of which no chunk is complete."""

SENT = [
    pytest.param(provider, data, id=f"{provider}-{name}")
    for name, of in NOTHING.items()
    for provider, data in of.items()
]


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret-1234567890abcdef")


def calling(provider: str, url: str, *, total: float = 100.0, clock: Any = None) -> LLMCall:
    """A call through the real client of a provider."""
    llm = load_llm(f"{provider}:tiny", base_url=url + ("/v1" if provider == "openai" else ""), timeout=5)
    call = LLMCall(llm, f"{provider}:tiny", total)
    call.clock = clock or call.clock
    return call


def failing(call: LLMCall) -> LLMError:
    with pytest.raises(LLMError) as failed:
        call.complete(ASKED)
    return failed.value


def passing(seconds: int) -> Any:
    """A clock that advances by so many seconds on each reading."""
    return partial(next, count(0, seconds))


@pytest.mark.parametrize(("provider", "sent"), SENT)
def test_the_total_timeout_holds_whatever_the_server_sends(provider: str, sent: bytes) -> None:
    with serving([sent, threading.Event()]) as server:
        error = failing(calling(provider, server.url, clock=passing(60)))
    assert error.kind == "total timeout"


@pytest.mark.parametrize(("provider", "sent"), [each for each in SENT if "half an answer" not in str(each.id)])
def test_the_timeout_for_the_next_word_is_not_prolonged_by_what_is_no_word(provider: str, sent: bytes) -> None:
    with serving([sent, threading.Event()]) as server:
        error = failing(calling(provider, server.url, total=10_000, clock=passing(60)))
    assert error.kind == "timeout"
    assert "nothing but data without text for 5 s" in error.message


@pytest.mark.parametrize(("provider", "sent"), [each for each in SENT if "response" not in str(each.id)])
def test_a_server_cannot_send_any_number_of_bytes_that_are_no_answer(
    provider: str, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "MOST_BYTES", 80_000)  # more than the client reads at a time
    with serving([sent, b"x" * 200_000, threading.Event()]) as server:
        error = failing(calling(provider, server.url))
    assert (error.kind, "80,000 bytes" in error.message) == ("too long", True)


@pytest.mark.parametrize("text", ["", "Sora "])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_server_cannot_send_any_number_of_chunks_without_text(
    provider: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "MOST_BYTES", 80_000)
    empty = WIRES[provider]([text, *[""] * 1_500], None)
    with serving([reply(provider, empty), threading.Event()]) as server:
        error = failing(calling(provider, server.url))
    assert (error.kind, "80,000 bytes" in error.message) == ("too long", True)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_reply_has_a_limited_number_of_pieces(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "MOST_CHUNKS", 50)
    body = WIRES[provider]([f"{number} " for number in range(100)])
    with serving([reply(provider, body)]) as server:
        error = failing(calling(provider, server.url))
    assert (error.kind, "50 pieces" in error.message) == ("too long", True)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_some_empty_chunks_before_the_answer_do_no_harm(provider: str) -> None:
    with serving([reply(provider, WIRES[provider]([*[""] * 2_000, "Sora."]))]) as server:
        assert calling(provider, server.url).complete(ASKED) == "Sora."


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_answer_in_many_pieces_may_have_more_bytes(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "MOST_BYTES", 80_000)
    pieces = [f"{number} " for number in range(2_000)]
    body = WIRES[provider](pieces)
    assert len(body) > 160_000
    with serving([reply(provider, body)]) as server:
        assert calling(provider, server.url).complete(ASKED) == "".join(pieces)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", [200, 400])
def test_a_compressed_reply_is_not_unpacked(provider: str, status: int) -> None:
    body = zlib.compress(WIRES[provider](["Fine."]).encode())
    with serving([reply(provider, body, status, Content_Encoding="deflate")]) as server:
        error = failing(calling(provider, server.url))
    assert error.kind == "invalid response"
    assert "compressed" in error.message


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_compressed_reply_is_asked_for(provider: str, httpserver: HTTPServer) -> None:
    body = WIRES[provider](["Fine."])
    httpserver.expect_request(PATHS[provider]).respond_with_data(body, content_type="text/event-stream")
    assert calling(provider, httpserver.url_for("").rstrip("/")).complete(ASKED) == "Fine."
    assert httpserver.log[0][0].headers["Accept-Encoding"] == "identity"


def test_comments_before_the_answer_do_no_harm() -> None:
    body = (COMMENT * 3).decode() + openai_wire(["Fine ", "now."])
    with serving([reply("openai", body)]) as server:
        assert calling("openai", server.url).complete(ASKED) == "Fine now."


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_proxy_of_the_environment_is_used_and_its_bytes_are_checked(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    answered = [reply(provider, WIRES[provider](["Fine."]))]
    with serving(answered, [_head(provider), threading.Event()]) as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        assert calling(provider, "http://llm.example").complete(ASKED) == "Fine."
        assert failing(calling(provider, "http://llm.example", clock=passing(60))).kind == "total timeout"
        assert len(server.requests) == 2


class Stopping(threading.Event):
    """The user stops the answer when the server has come to this act; the server goes on at once."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__()
        self.stop = stop

    def wait(self, timeout: float | None = None) -> bool:
        self.stop.set()
        return True


class Silence(threading.Event):
    """The server waits for many checks before its next act."""

    def wait(self, timeout: float | None = None) -> bool:
        time.sleep(0.5)
        return True


@pytest.mark.parametrize(("provider", "sent"), SENT)
def test_a_call_ends_with_the_next_bytes_once_nobody_waits_for_it(provider: str, sent: bytes) -> None:
    stop = threading.Event()
    scene: list[Act] = [sent[:10], Stopping(stop), sent[10:], threading.Event()]
    with serving(scene) as server, stopping_llm_calls(stop), pytest.raises(CancelledWorkError):
        calling(provider, server.url).complete(ASKED)


def test_nothing_is_sent_to_a_server_once_nobody_waits_and_no_retry_is_waited_for() -> None:
    stop = threading.Event()
    stop.set()
    with serving([reply("openai", openai_wire(["Fine."]))]) as server, stopping_llm_calls(stop):
        pause(1_000_000)
        with pytest.raises(CancelledWorkError):
            calling("openai", server.url).complete(ASKED)
        assert server.requests == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_llm_may_be_silent_for_longer_than_the_interval_between_two_checks(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received_bytes, "_POLL", 0.05)
    sent = reply(provider, WIRES[provider](["Sora ", "writes."]))
    scene: list[Act] = [Silence(), sent[:-50], Silence(), sent[-50:]]
    with serving(scene) as server, stopping_llm_calls(threading.Event()):
        assert calling(provider, server.url).complete(ASKED) == "Sora writes."


def test_calls_of_other_threads_and_later_calls_go_on() -> None:
    stop = threading.Event()
    stop.set()
    answered: list[str] = []
    with serving([reply("openai", openai_wire(["Fine."]))]) as server:
        call = calling("openai", server.url)
        with stopping_llm_calls(stop):
            other = threading.Thread(target=lambda: answered.append(call.complete(ASKED)))
            other.start()
            other.join()
        answered.append(call.complete(ASKED))
    assert answered == ["Fine.", "Fine."]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", [302, 307])
def test_a_server_cannot_redirect_a_call_to_another_address(provider: str, status: int) -> None:
    """Only citechat may be able to reach that address, and the prompt is not meant for it."""
    with serving([reply(provider, "inside", 404)]) as inside:
        elsewhere = reply(provider, "", status, Location=f"{inside.url}/meta-data")
        with serving([elsewhere]) as server:
            error = failing(calling(provider, server.url))
        assert inside.requests == []
    assert "inside" not in error.message


@pytest.mark.parametrize(("timeout", "used"), [(60.0, 10.0), (None, 10.0), (3.0, 3.0)])
def test_a_connection_is_given_up_after_ten_seconds(timeout: float | None, used: float) -> None:
    """Nobody can stop it earlier, so a question that nobody waits for would keep its slot."""
    given: list[float | None] = []

    class Backend:
        def connect_tcp(self, host: str, timeout: float | None = None) -> Backend:
            given.append(timeout)
            return self

        def start_tls(self, context: object, timeout: float | None = None) -> Backend:
            given.append(timeout)
            return self

    stream = received_bytes._CheckedBackend(Backend()).connect_tcp("localhost", timeout=timeout)
    stream.start_tls(object(), timeout=timeout)
    assert given == [used, used]
