"""A hook for metrics: an observer is notified of every question and its answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Protocol

from .answer import Answer


class Observer(Protocol):
    """An observer of questions. Its methods are called in the thread that answers, and must not raise."""

    def began(self) -> None:
        """Handle the beginning of a question."""

    def ended(self, answer: Answer | None, error: Exception | None) -> None:
        """Handle the end of a question: its last answer, which is not `done` if the caller stopped, or its error."""


def observed(answers: Iterator[Answer], observer: Observer) -> Iterator[Answer]:
    """Yield the same answers and notify the observer."""
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
