"""Our parts in other people's chains: the search as a LangChain retriever, the assistant as a Runnable.

Tracing (LangSmith, OpenTelemetry) hangs on LangChain's callbacks, so it sees these as it sees any part of a chain.
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

Asked = str | Mapping[str, Any]
"""A question, or `{"question": …, "history": [Turn or {"role": …, "text": …}, …]}`."""


def as_retriever(index: Index, limit: int = 6) -> BaseRetriever:
    """The search as a LangChain retriever: `limit` documents, best first, each with where its text stands.

    The metadata are `article_id`, `title`, `source`, `published`, `score`, and `start` and `end`, in characters of the
    article.
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


def as_runnable(assistant: Assistant) -> Runnable[Asked, Answer]:
    """The assistant as a LangChain Runnable from a question to an `Answer`; `stream` yields ever fuller ones."""
    from langchain_core.runnables import Runnable

    class AssistantRunnable(Runnable[Asked, Answer]):
        def invoke(self, input: Asked, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:
            return self._call_with_config(lambda asked: assistant.ask(*_asked(asked)), input, config, run_type="chain")

        def stream(
            self,
            input: Asked,
            config: RunnableConfig | None = None,
            **kwargs: Any,
        ) -> Iterator[Answer]:
            def answers(questions: Iterator[Asked]) -> Iterator[Answer]:
                for asked in questions:
                    yield from assistant.stream(*_asked(asked))

            yield from self._transform_stream_with_config(iter([input]), answers, config, run_type="chain")

    return AssistantRunnable()


def _asked(asked: Asked) -> tuple[str, list[Turn]]:
    if isinstance(asked, str):
        return asked, []
    turns = [turn if isinstance(turn, Turn) else Turn(turn["role"], turn["text"]) for turn in asked.get("history", ())]
    return str(asked["question"]), turns
