"""Questions to start with, kept until other articles are indexed."""

from __future__ import annotations

import logging
import threading

from rag import Assistant, starter_questions

logger = logging.getLogger(__name__)

STARTERS = 4
"""How many."""


class Starters:
    """Questions to start with, made when the first reader comes, and anew when other articles are indexed."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._lock = threading.Lock()
        self._made_for: tuple[str, ...] = ()
        self._questions: list[str] = []

    @property
    def ready(self) -> bool:
        """Whether there are any."""
        return bool(self._questions)

    def questions(self) -> list[str]:
        """The questions; none where making them fails, for a page without them is still a page."""
        with self._lock:
            try:
                ids = tuple(sorted(article.id for article in self._assistant.article_metadata()))
                if ids != self._made_for:
                    self._questions = starter_questions(self._assistant, STARTERS)
                    self._made_for = ids
            except Exception as error:
                logger.warning("no questions to start with: %r", error)
            return list(self._questions)
