"""A hook for metrics: an observer that is notified of every question and its answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Protocol

from .answer import Answer


class Observer(Protocol):
    """An observer of questions. Its methods are called in the thread that answers, and must not raise exceptions."""

    def began(self) -> None:
        """Handle the start of a question."""

    def ended(self, answer: Answer | None, error: Exception | None) -> None:
        """Handle the end of a question, with its last answer (not `done` if the caller stopped early) or its error."""


def observed(answers: Iterator[Answer], observer: Observer) -> Iterator[Answer]:
    """Yield the answers unchanged and notify the observer."""
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
