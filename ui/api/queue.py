"""A queue for work from programs, such as questions: it limits concurrency and stops work for clients that disconnect.

Work runs in threads; everything else in this module runs in the event loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from rag import stopping_llm_calls

from ..security.errors import RequestError, retry_after

if TYPE_CHECKING:
    from anyio import CapacityLimiter
    from starlette.requests import Request

WORKERS = 4
"""Maximum number of questions answered concurrently."""

LONGEST_QUEUE = 32
"""Maximum number of waiting questions; further questions are rejected."""

KEEP_ALIVE_INTERVAL = 10.0
"""Time without a new state after which `None` is yielded as a keep-alive, in seconds."""

_HINT = "Try again in a moment."
_RETRY_AFTER = 5  # seconds that a rejected client should wait

State = TypeVar("State")


class RequestQueue:
    """A queue for work that runs in threads, to be used in one event loop."""

    def __init__(self, workers: int, longest_queue: int, what: str = "questions") -> None:
        """Run `workers` of them at a time; `what` names them in error messages."""
        self._what = what
        self._workers, self._capacity = workers, workers + longest_queue
        self._tasks: set[asyncio.Task[None]] = set()
        self._limiter: CapacityLimiter | None = None

    def waiting(self) -> int:
        """Return the number of waiting requests."""
        return max(0, len(self._tasks) - self._workers)

    def require_room(self) -> None:
        """Raise a 503 `RequestError` if the queue is full."""
        if len(self._tasks) >= self._capacity:
            raise RequestError(503, f"Too many {self._what} at once.", _HINT, retry_after(_RETRY_AFTER))

    async def last(
        self, request: Request | None, begin: Callable[[], Iterator[State]], stop: Callable[[], None] | None = None
    ) -> State | None:
        """Return the last state, or None if the client disconnected, which stops the work.

        `stop` is called when the work ends or should end, for work that takes long between two states. Without a
        request, the work always runs to its end. Raises `RequestError` if the queue is full, and any error
        that the work raises.
        """
        last: State | None = None
        async for state in self.states(request, begin, stop):
            last = state if state is not None else last
        return None if request is not None and await request.is_disconnected() else last

    async def states(
        self, request: Request | None, begin: Callable[[], Iterator[State]], stop: Callable[[], None] | None = None
    ) -> AsyncIterator[State | None]:
        """Yield successive states, and `None` after every `KEEP_ALIVE_INTERVAL` seconds without a new state.

        States that arrive faster than they are consumed are skipped, except for the last one. Ends when the client
        disconnects. Raises the same errors as `last`.
        """
        self.require_room()
        work = _Work(begin)
        task = asyncio.create_task(self._run(work))
        watch = asyncio.create_task(_cancel_on_disconnect(request, work)) if request is not None else None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(work.finish)
        seen: State | None = None
        try:
            while not work.is_cancelled.is_set():
                try:
                    async with asyncio.timeout(KEEP_ALIVE_INTERVAL):
                        await work.changed.wait()
                except TimeoutError:
                    yield None
                    continue
                work.changed.clear()
                is_done = task.done()  # read before the state: a finished task adds no state
                state = work.latest
                if state is not None and state is not seen and not work.is_cancelled.is_set():
                    seen = state
                    yield state
                if is_done and not work.is_cancelled.is_set():
                    task.result()  # raises the work's error
                    return
        finally:
            if watch is not None:
                watch.cancel()
            work.is_cancelled.set()
            if stop is not None:
                stop()
            if not work.is_started:
                task.cancel()  # frees its place in the queue immediately

    async def _run(self, work: _Work[State]) -> None:
        import anyio

        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._workers)
        await anyio.to_thread.run_sync(work.run, limiter=self._limiter)


class _Work(Generic[State]):
    """Work that runs in a thread, and its newest state for the event loop."""

    def __init__(self, begin: Callable[[], Iterator[State]]) -> None:
        self._begin = begin
        self._loop = asyncio.get_running_loop()
        self.changed = asyncio.Event()
        self.latest: State | None = None
        self.is_started = False
        self.is_cancelled = threading.Event()

    def run(self) -> None:
        """Run the work to its end or until it is cancelled, which also ends its LLM calls. Called in a thread."""
        self.is_started = True
        if self.is_cancelled.is_set():
            return
        with stopping_llm_calls(self.is_cancelled), closing(self._begin()) as states:  # type: ignore[type-var]
            for state in states:
                self.latest = state
                with suppress(RuntimeError):  # the server has stopped
                    self._loop.call_soon_threadsafe(self.changed.set)
                if self.is_cancelled.is_set():
                    break

    def finish(self, task: asyncio.Task[None]) -> None:
        """Wake up the consumer, and retrieve the task's error, so asyncio does not log it if no caller awaits it."""
        if not task.cancelled():
            task.exception()
        self.changed.set()


async def _cancel_on_disconnect(request: Request, work: _Work[State]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    work.is_cancelled.set()
    work.changed.set()
