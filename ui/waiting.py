"""Nobody waits for what nobody wants any more."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Generator, Iterator
from queue import Empty, SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")

_LOOK_UP = 0.1  # seconds between looks at whether they are still wanted


def until_stopped(items: Iterator[Item], is_stopped: Callable[[], bool]) -> Generator[Item]:
    """The same items until `is_stopped`, which is noticed within a tenth of a second, whatever the next item waits for.

    They are made in a thread of their own. It ends with the item that it is at: a model that is being read from is
    left as soon as it says another word, or its time is over.
    """
    made: SimpleQueue[tuple[Item | None, BaseException | None, bool]] = SimpleQueue()
    unwanted = threading.Event()

    def make() -> None:
        try:
            for item in items:
                if unwanted.is_set():
                    break
                made.put((item, None, False))
        except BaseException as error:
            made.put((None, error, True))
        else:
            made.put((None, None, True))
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()

    context = contextvars.copy_context()  # traces of the answer stay with their question
    threading.Thread(target=context.run, args=(make,), name="answer", daemon=True).start()
    try:
        while not is_stopped():
            try:
                item, error, is_last = made.get(timeout=_LOOK_UP)
            except Empty:
                continue
            if error is not None:
                raise error
            if is_last:
                return
            yield item  # type: ignore[misc]
    finally:
        unwanted.set()
