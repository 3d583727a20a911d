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
    from langchain_core.runnables import Runnable, RunnableConfig

Question = str | Mapping[str, Any]
"""A question, or `{"question": …, "history": [Turn or {"role": …, "text": …}, …]}`."""


def as_retriever(index: Index, limit: int = 6) -> BaseRetriever:
    """Return the index as a LangChain retriever that finds `limit` documents, best first.

    Their metadata are `article_id`, `title`, `source`, `published`, `score`, and the offsets `start` and `end` in the
    article's text.
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
    """Return the assistant as a LangChain Runnable from a question to an `Answer`; `stream` yields partial answers."""
    from langchain_core.runnables import Runnable

    class AssistantRunnable(Runnable[Question, Answer]):
        def invoke(self, input: Question, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:
            return self._call_with_config(
                lambda question: assistant.ask(*_arguments(question)), input, config, run_type="chain"
            )

        def stream(
            self,
            input: Question,
            config: RunnableConfig | None = None,
            **kwargs: Any,
        ) -> Iterator[Answer]:
            def answers(questions: Iterator[Question]) -> Iterator[Answer]:
                for question in questions:
                    yield from assistant.stream(*_arguments(question))

            yield from self._transform_stream_with_config(iter([input]), answers, config, run_type="chain")

    return AssistantRunnable()


def _arguments(question: Question) -> tuple[str, list[Turn]]:
    if isinstance(question, str):
        return question, []
    history = question.get("history", ())
    turns = [turn if isinstance(turn, Turn) else Turn(turn["role"], turn["text"]) for turn in history]
    return str(question["question"]), turns
