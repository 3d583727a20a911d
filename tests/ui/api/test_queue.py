"""A call to an LLM ends once the client of the API has disconnected, or the answer on the page was stopped."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from servers import run_elsewhere
from wires import reply, serving

from index import CancelledWorkError
from rag.llms.loader import load_llm
from rag.llms.received_bytes import stopping_llm_calls
from rag.llms.retry import LLMCall
from ui.api.queue import RequestQueue
from ui.conversation import until_stopped

COMMENT = b": PROCESSING\n\n"


class Endings:
    """Work that asks a real client, and how it ended."""

    def __init__(self, url: str, timeout: float = 5) -> None:
        llm = load_llm("openai:tiny", base_url=f"{url}/v1", timeout=timeout)
        self.call = LLMCall(llm, "openai:tiny", 100)
        self.asked = threading.Event()
        self.ended: SimpleQueue[BaseException] = SimpleQueue()

    def states(self) -> Iterator[str]:
        self.asked.set()
        try:
            yield self.call.complete([HumanMessage("What is Sora?")])
        except BaseException as error:
            self.ended.put(error)
            raise


@pytest.fixture
def unanswered(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Endings, threading.Event]]:
    """Work whose server sends a comment, and another one once the event is set, and nothing else."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    goes_on = threading.Event()
    with serving([reply("openai", COMMENT), goes_on, COMMENT, threading.Event()]) as server:
        yield Endings(server.url), goes_on


def test_a_call_ends_after_the_client_of_the_api_has_disconnected(
    unanswered: tuple[Endings, threading.Event],
) -> None:
    work, goes_on = unanswered

    class Leaving:
        """A request whose client disconnects as soon as the question is asked."""

        async def receive(self) -> dict[str, str]:
            await asyncio.to_thread(work.asked.wait)
            return {"type": "http.disconnect"}

        async def is_disconnected(self) -> bool:
            return True

    async def ask() -> Any:
        queue = RequestQueue(1, 0)
        answer = await queue.last(Leaving(), work.states)  # type: ignore[arg-type]
        goes_on.set()
        error = await asyncio.to_thread(work.ended.get, timeout=300)
        return answer, error

    answer, error = run_elsewhere(ask())
    assert answer is None
    assert isinstance(error, CancelledWorkError), "its place is free for the next question"


def test_a_call_ends_although_the_llm_says_nothing_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving([threading.Event()]) as server:
        work = Endings(server.url, timeout=600)
        stop = threading.Event()

        def run() -> None:
            with stopping_llm_calls(stop), suppress(CancelledWorkError):
                list(work.states())

        thread = threading.Thread(target=run)
        thread.start()
        assert work.asked.wait(300)
        stop.set()
        assert isinstance(work.ended.get(timeout=300), CancelledWorkError), "long before the timeout of the LLM"
        thread.join(300)


def test_a_call_ends_after_the_answer_on_the_page_was_stopped(unanswered: tuple[Endings, threading.Event]) -> None:
    work, goes_on = unanswered
    assert list(until_stopped(work.states(), work.asked.is_set)) == []
    goes_on.set()
    assert isinstance(work.ended.get(timeout=300), CancelledWorkError)
