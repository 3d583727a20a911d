"""One step works ahead while the next one is busy: reading while encoding, encoding while writing."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from queue import Full, Queue
from typing import TypeVar

Item = TypeVar("Item")

_LOOK_UP = 0.1  # seconds between looks at whether anybody still wants what is made


def ahead(items: Iterable[Item], most: int) -> Iterator[Item]:
    """The same items, made in a thread of their own, at most `most` of them waiting: memory stays bounded.

    An error is raised here, after the items made before it. When this iterator is closed, the thread ends.
    """
    waiting: Queue[tuple[Item | None, BaseException | None]] = Queue(most)
    unwanted = threading.Event()

    def hand_over(item: Item | None, error: BaseException | None) -> bool:
        while not unwanted.is_set():
            try:
                waiting.put((item, error), timeout=_LOOK_UP)
            except Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for item in items:
                if not hand_over(item, None):
                    return
        except BaseException as error:
            hand_over(None, error)
        else:
            hand_over(None, _Done())

    maker = threading.Thread(target=make, name="ahead", daemon=True)
    maker.start()
    try:
        while True:
            item, error = waiting.get()
            if isinstance(error, _Done):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        unwanted.set()
        maker.join()


class _Done(Exception):  # noqa: N818 - it ends the row of items and is never raised
    pass
