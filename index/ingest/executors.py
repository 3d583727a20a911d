"""Run indexing work in this process or in several processes."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

from ..embedding.base import Encoder

_PREFETCHED = 2  # maximum number of results per worker that wait for the next step
_END: Any = object()

Item = TypeVar("Item")
Result = TypeVar("Result")
Work = Callable[[Encoder, Item], Result]


def prefetch(items: Iterable[Item], most: int) -> Iterator[Item]:
    """Yield the items, which a thread produces in advance; at most `most` items wait, so memory use is bounded.

    An error is raised after the items that precede it. Closing this iterator ends the thread.
    """
    iterator = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as pool:
        waiting = deque(pool.submit(next, iterator, _END) for _ in range(most + 1))
        try:
            while (item := waiting.popleft().result()) is not _END:
                waiting.append(pool.submit(next, iterator, _END))
                yield item
        finally:
            pool.shutdown(cancel_futures=True)


class Executor(Protocol):
    """An executor that applies a function to many items."""

    def map(self, work: Work[Item, Result], items: Iterable[Item], lost: Callable[[Item], Result]) -> Iterator[Result]:
        """Yield the result for each item, in order; some results are computed in advance.

        `lost` returns the result for an item whose worker was killed twice.
        """
        ...


class SerialExecutor:
    """An executor that runs the work in a thread in this process, in parallel with the next step."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def map(self, work: Work[Item, Result], items: Iterable[Item], lost: Callable[[Item], Result]) -> Iterator[Result]:
        """Yield the results. `lost` is not used, since there are no worker processes."""
        del lost
        return prefetch((work(self._encoder, item) for item in items), _PREFETCHED)


class ProcessExecutor:
    """An executor that runs the work in several local processes, each with its own model. Use it in a `with` statement.

    The workers end when this process ends for any reason. A killed worker is replaced, and its work is repeated once.
    """

    def __init__(self, count: int, encoder: Callable[[], Encoder]) -> None:
        """Use `count` processes. Each process calls `encoder` once; `encoder` must be picklable."""
        self._count = count
        self._encoder = encoder
        self._pool: ProcessPoolExecutor | None = None
        self._is_closed = False
        self._starting = threading.Lock()

    def __enter__(self) -> ProcessExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        import multiprocessing

        with self._starting:
            pool, self._pool, self._is_closed = self._pool, None, True
        if pool is None:
            return
        pool.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            if child.name.startswith("SpawnProcess"):
                child.terminate()  # its result is no longer needed

    def map(self, work: Work[Item, Result], items: Iterable[Item], lost: Callable[[Item], Result]) -> Iterator[Result]:
        """Yield the results in order; an item is taken only when there is room for it, so memory use is bounded."""
        return prefetch(self._mapped(work, items, lost), 1)

    def _mapped(
        self, work: Work[Item, Result], items: Iterable[Item], lost: Callable[[Item], Result]
    ) -> Iterator[Result]:
        waiting: deque[tuple[Item, Future[Result]]] = deque()
        for item in items:
            waiting.append((item, self._submit(work, item)))
            if len(waiting) > _PREFETCHED * self._count:
                yield self._result(work, *waiting.popleft(), lost)
        while waiting:
            yield self._result(work, *waiting.popleft(), lost)

    def _result(
        self, work: Work[Item, Result], item: Item, future: Future[Result], lost: Callable[[Item], Result]
    ) -> Result:
        """Return the result for an item.

        When a worker dies, all submitted items are lost; they are resubmitted one by one, to identify the item that
        kills its worker.
        """
        try:
            return future.result()
        except BrokenProcessPool:
            pass
        try:
            return self._submit(work, item).result()
        except BrokenProcessPool:
            return lost(item)

    def _submit(self, work: Work[Item, Result], item: Item) -> Future[Result]:
        import multiprocessing

        while True:
            with self._starting:
                if self._is_closed:  # a thread that is still working must not restart the workers
                    raise CancelledError
                if self._pool is None:
                    # A fork would copy locks held by threads, but not the threads.
                    context = multiprocessing.get_context("spawn")
                    self._pool = ProcessPoolExecutor(self._count, context, _start, (self._encoder,))
                pool = self._pool
            try:
                return pool.submit(_work, work, item)
            except BrokenProcessPool:
                with self._starting:
                    if self._pool is pool:
                        self._pool = None
                pool.shutdown(wait=False, cancel_futures=True)


_encoders: list[Encoder] = []  # empty in the main process; a worker process stores its encoder here


def _start(encoder: Callable[[], Encoder]) -> None:
    """Initialize a worker: ignore Ctrl-C, which the parent handles, and end when the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _encoders.append(encoder())


def _end_with_parent() -> None:
    import multiprocessing
    from multiprocessing.connection import wait

    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _work(work: Work[Any, Result], item: Any) -> Result:
    return work(_encoders[0], item)
