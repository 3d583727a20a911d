"""Whoever counts questions is told of each of them, and changes none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Protocol

from .answer import Answer


class Observer(Protocol):
    """Is told when a question begins and how it ended; called in the thread that answers, and must not raise."""

    def began(self) -> None:
        """A question is being answered."""
        ...

    def ended(self, answer: Answer | None, error: Exception | None) -> None:
        """It is not any more: its last state, which is not `done` where nobody wanted the rest, or what was raised."""
        ...


def observed(answers: Iterator[Answer], observer: Observer) -> Iterator[Answer]:
    """The same answers, of which the observer is told."""
    answer: Answer | None = None
    error: Exception | None = None
    observer.began()
    try:
        with closing(answers):  # type: ignore[type-var]
            for answer in answers:
                yield answer
    except Exception as raised:
        error = raised
        raise
    finally:
        observer.ended(answer, error)
