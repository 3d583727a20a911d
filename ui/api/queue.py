"""Who is answered now, who waits for it, and who has gone away. All but the work itself happens in the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from .errors import Refused

if TYPE_CHECKING:
    from anyio import CapacityLimiter
    from starlette.requests import Request

AT_ONCE = 4
"""Questions that are answered at a time."""

MOST_WAITING = 32
"""Questions that may wait for their turn; a further one is sent away."""

ALIVE_EVERY = 10.0
"""Seconds without a new state, after which `None` says that the work goes on."""

_ASK_AGAIN_AFTER = 5  # seconds that one who was sent away should wait

State = TypeVar("State")


class RequestQueue:
    """Places for work that is done in threads; those of one kind of work, in one event loop."""

    def __init__(self, at_once: int, most_waiting: int) -> None:
        """So many are served at a time, and so many may wait."""
        self._at_once, self._most = at_once, at_once + most_waiting
        self._inside: set[asyncio.Task[None]] = set()
        self._limiter: CapacityLimiter | None = None

    def waiting(self) -> int:
        """How many wait for their turn."""
        return max(0, len(self._inside) - self._at_once)

    def require_room(self) -> None:
        """Raise `Refused` with 503 where as many wait as may."""
        if len(self._inside) >= self._most:
            raise Refused(
                503, "too many questions are being asked at once", "Ask again in a moment.", wait=_ASK_AGAIN_AFTER
            )

    async def last(self, request: Request | None, begin: Callable[[], Iterator[State]]) -> State | None:
        """The last state of some work, or None where the client of the request hung up before: the work is then
        stopped, or not begun; without one, nobody looks for that. Raises `Refused` where too many wait, and what the
        work raises."""
        state: State | None = None
        async for each in self.states(request, begin):
            state = each if each is not None else state
        return None if request is not None and await request.is_disconnected() else state

    async def states(
        self, request: Request | None, begin: Callable[[], Iterator[State]]
    ) -> AsyncIterator[State | None]:
        """Ever newer states of some work, `None` after `ALIVE_EVERY` seconds without one; those that come faster than
        they are taken are passed over, but for the last. Ends when the client hangs up; raises as `last` does."""
        self.require_room()
        work = _Work(begin)
        task = asyncio.create_task(self._in_turn(work))
        watch = asyncio.create_task(_watch(request, work)) if request is not None else None
        self._inside.add(task)
        task.add_done_callback(self._inside.discard)
        try:
            async for state in work.states():
                yield state
        finally:
            if watch is not None:
                watch.cancel()
            work.gone.set()
            if not work.begun:
                task.cancel()  # nobody waits behind one who has gone

    async def _in_turn(self, work: _Work[State]) -> None:
        import anyio

        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._at_once)
        await anyio.to_thread.run_sync(work.do, limiter=self._limiter)


class _Work(Generic[State]):
    """What is done in a thread, and what the event loop has seen of it."""

    def __init__(self, begin: Callable[[], Iterator[State]]) -> None:
        self._begin = begin
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._latest: State | None = None
        self._seen: State | None = None
        self._failed: Exception | None = None
        self._is_done = False
        self.begun = False
        self.gone = threading.Event()

    def do(self) -> None:
        """All of the work, or as far as somebody waits for it. Runs in a thread."""
        self.begun = True
        try:
            if not self.gone.is_set():
                with closing(self._begin()) as states:  # type: ignore[type-var]
                    for state in states:
                        self._latest = state
                        self.wake()
                        if self.gone.is_set():
                            break
        except Exception as error:  # told where it is waited for
            self._failed = error
        self._is_done = True
        self.wake()

    def wake(self) -> None:
        """There is something new to see; may be called by any thread."""
        with suppress(RuntimeError):  # the server has stopped
            self._loop.call_soon_threadsafe(self._news.set)

    async def states(self) -> AsyncIterator[State | None]:
        while not self.gone.is_set():
            try:
                async with asyncio.timeout(ALIVE_EVERY):
                    await self._news.wait()
            except TimeoutError:
                yield None
                continue
            self._news.clear()
            is_done = self._is_done  # before the state is read: none comes after it
            state = self._latest
            if state is not None and state is not self._seen and not self.gone.is_set():
                self._seen = state
                yield state
            if is_done:
                if self._failed is not None:
                    raise self._failed
                return


async def _watch(request: Request, work: _Work[State]) -> None:
    """Notice when the client hangs up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    work.gone.set()
    work.wake()
