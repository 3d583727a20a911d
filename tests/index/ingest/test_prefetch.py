"""One step works ahead of the next: in order, bounded, and with its errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from index.ingest.executors import prefetch


def test_items_come_in_order() -> None:
    assert list(prefetch(range(100), 3)) == list(range(100))
    assert list(prefetch([None, None], 1)) == [None, None]
    assert list(prefetch([], 1)) == []


def test_the_next_items_are_made_while_one_is_used_but_not_more_than_fit() -> None:
    made: list[int] = []
    third = threading.Event()

    def items() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            if number == 3:
                third.set()
            yield number

    taken = prefetch(items(), 2)
    assert next(taken) == 0
    assert third.wait(300), "two wait, and one more is made"
    assert len(made) <= 4
    taken.close()
    assert len(made) <= 4


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("disk full")

    taken = prefetch(items(), 5)
    assert next(taken) == 1
    with pytest.raises(OSError, match="disk full"):
        next(taken)


def test_closing_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    taken = prefetch(prefetch(iter(int, 1), 2), 2)
    next(taken)
    taken.close()
    assert threading.active_count() == before
