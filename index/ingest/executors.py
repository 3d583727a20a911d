"""Who does the work of indexing: this process, or several beside it."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

from ..embedding.base import Encoder
from .prefetch import ahead

_AHEAD = 2  # results that wait between two steps, for each worker

Item = TypeVar("Item")
Result = TypeVar("Result")
Work = Callable[[Encoder, Item], Result]


class Mapping(Protocol):
    """Who does the same work with many items."""

    def map(self, work: Work[Item, Result], items: Iterable[Item], lost: Callable[[Item], Result]) -> Iterator[Result]:
        """What comes of each item, in order, some of them ahead of time. `lost` says it of an item whose worker was
        killed twice."""
        ...


class SerialExecutor:
    """This process: one step is at work in a thread while the next one is."""

    def __init__(self, encoder: Encoder) -> None:
        """The model that is used."""
        self._encoder = encoder

    def map(self, work: Work[Item, Result], items: Iterable[Item], lost: Callable[[Item], Result]) -> Iterator[Result]:
        """Nothing is lost here but with the process."""
        del lost
        return ahead((work(self._encoder, item) for item in items), _AHEAD)


class ProcessExecutor:
    """Several processes of this machine, each with a model of its own; to be used in a `with` statement.

    They end with this one, however it ends. One that is killed is replaced, and its work done again, once.
    """

    def __init__(self, count: int, encoder: Callable[[], Encoder]) -> None:
        """So many processes; each calls `encoder` once, which has to be picklable."""
        self._count = count
        self._encoder = encoder
        self._pool: ProcessPoolExecutor | None = None
        self._is_over = False
        self._starting = threading.Lock()

    def __enter__(self) -> ProcessExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def map(self, work: Work[Item, Result], items: Iterable[Item], lost: Callable[[Item], Result]) -> Iterator[Result]:
        """Items are taken when there is room for them: memory stays bounded."""
        return ahead(self._mapped(work, items, lost), 1)

    def _mapped(
        self, work: Work[Item, Result], items: Iterable[Item], lost: Callable[[Item], Result]
    ) -> Iterator[Result]:
        waiting: deque[tuple[Item, Future[Result]]] = deque()
        for item in items:
            waiting.append((item, self._submit(work, item)))
            if len(waiting) > _AHEAD * self._count:
                yield self._result(work, *waiting.popleft(), lost)
        while waiting:
            yield self._result(work, *waiting.popleft(), lost)

    def _result(
        self, work: Work[Item, Result], item: Item, future: Future[Result], lost: Callable[[Item], Result]
    ) -> Result:
        """What came of an item. When a process dies, all that was given to any of them is lost; it is given again, one
        by one, so that an item which kills its process is found."""
        try:
            return future.result()
        except BrokenProcessPool:
            pass
        try:
            return self._submit(work, item).result()
        except BrokenProcessPool:
            return lost(item)

    def _submit(self, work: Work[Item, Result], item: Item) -> Future[Result]:
        while True:
            with self._starting:
                if self._is_over:  # whoever is still at it, in a thread of its own, starts none again
                    raise CancelledError
                pool = self._pool = self._pool or self._started()
            try:
                return pool.submit(_work, work, item)
            except BrokenProcessPool:
                with self._starting:
                    if self._pool is pool:
                        self._pool = None
                pool.shutdown(wait=False, cancel_futures=True)

    def _started(self) -> ProcessPoolExecutor:
        import multiprocessing

        # A fork would copy the locks of threads that are not there in the copy.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._count, context, initializer=_start, initargs=(self._encoder,))

    def _stop(self) -> None:
        import multiprocessing

        with self._starting:
            pool, self._pool, self._is_over = self._pool, None, True
        if pool is None:
            return
        pool.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            if child.name.startswith("SpawnProcess"):
                child.terminate()  # what it is at would not be used any more


_encoders: list[Encoder] = []  # of a worker, which has one


def _start(encoder: Callable[[], Encoder]) -> None:
    """What a worker begins with. Ctrl-C is for the process that started it, and a worker without that one ends."""
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
