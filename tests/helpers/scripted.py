"""An assistant that does with every question what a test tells it to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from index import Article, ArticleFilter
from rag import Answer, AnswerOptions, Turn

ARTICLE = Article("a1", "The port", "The Daily", "The harbour reopened on Monday.", "2024-02-24", language="en")


class Scripted:
    """Does with every question what it is told to; the rest it does not know."""

    model = "scripted"
    options = AnswerOptions()

    def __init__(self, answers: Any) -> None:
        self.answers = answers
        self.heard: list[tuple[str, Sequence[Turn], ArticleFilter | None]] = []

    def ask(self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None) -> Answer:
        return list(self.stream(question, history, article_filter))[-1]

    def stream(
        self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None
    ) -> Iterator[Answer]:
        self.heard.append((question, history, article_filter))
        yield from self.answers(question)

    def article_metadata(self) -> tuple[Article, ...]:
        return (ARTICLE,)

    articles = article_metadata

    def article(self, article_id: str) -> Article | None:
        return ARTICLE if article_id == ARTICLE.id else None

    def warm_up(self) -> None:
        """There is nothing to load."""
