"""LangChain adapters: the index as a retriever, the assistant as a Runnable.

Tracing (LangSmith, OpenTelemetry) uses LangChain's callbacks and therefore covers these adapters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from index import Index

from .answer import Answer, Turn
from .assistant import Assistant

if TYPE_CHECKING:
    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import Runnable

Question = str | Mapping[str, Any]
"""A question, or `{"question": …, "history": [Turn or {"role": …, "text": …}, …]}`."""


def as_retriever(index: Index, limit: int = 6) -> BaseRetriever:
    """Return the index as a LangChain retriever that finds up to `limit` documents, best first.

    The metadata of each document contains `article_id`, `title`, `source`, `published`, `score`, and the offsets
    `start` and `end` in the article's text.
    """
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever

    class ArticleRetriever(BaseRetriever):
        def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
            return [
                Document(
                    id=hit.passage.id,
                    page_content=hit.passage.text,
                    metadata={
                        "article_id": hit.passage.article_id,
                        "title": hit.title,
                        "source": hit.source,
                        "published": hit.published,
                        "start": hit.passage.start,
                        "end": hit.passage.end,
                        "score": hit.score,
                    },
                )
                for hit in index.search(query, limit)
            ]

    return ArticleRetriever()


def as_runnable(assistant: Assistant) -> Runnable[Question, Answer]:
    """Return the assistant as a LangChain Runnable that maps questions to `Answer`s; `stream` yields partial
    answers."""
    from langchain_core.runnables import RunnableLambda

    def answers(question: Question) -> Iterator[Answer]:
        yield from assistant.stream(*_arguments(question))

    return RunnableLambda(answers, name="AssistantRunnable")


def _arguments(question: Question) -> tuple[str, list[Turn]]:
    if isinstance(question, str):
        return question, []
    history = question.get("history", ())
    turns = [turn if isinstance(turn, Turn) else Turn(turn["role"], turn["text"]) for turn in history]
    return str(question["question"]), turns
