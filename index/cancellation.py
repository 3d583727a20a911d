"""A request to end work early, from any thread: a time limit, or a user who no longer waits for the result."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from .errors import CancelledWorkError

_ITEMS = 4_096  # items between two checks in a loop

Item = TypeVar("Item")


class Cancellation:
    """A flag that work checks between its steps, with callbacks that interrupt a step. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._why: tuple[str, str] | None = None

    @property
    def is_requested(self) -> bool:
        """Whether the work should end."""
        return self._why is not None

    def request(self, message: str, hint: str) -> None:
        """End the work. The first request counts; its message says why, and its hint what the user can do."""
        with self._lock:
            if self._why is None:
                self._why = message, hint
                for callback in self._callbacks:
                    callback()

    def check(self) -> None:
        """Raise `CancelledWorkError` if the work should end."""
        if self._why is not None:
            raise CancelledWorkError(*self._why)

    def checked(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items, and check every few thousand items whether the work should end."""
        for number, item in enumerate(items):
            if number % _ITEMS == 0:
                self.check()
            yield item

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback` on a request during this step. It must return at once, and not use this object."""
        with self._lock:
            self._callbacks.append(callback)
            if self._why is not None:
                callback()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)
