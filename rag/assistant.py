"""The assistant, which takes a question and streams the answer."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from index import Article, ArticleFilter, Index

from .answer import Answer, Turn
from .errors import LLMError, QuestionError, SettingsError
from .generation.extractive import quote
from .generation.generate import not_found, rewrite, write
from .hooks import Observer, observed
from .llms.catalog import ModelCatalog, abbreviated
from .llms.retry import LLMCall
from .questions.contextualize import contextualize
from .reading.abstention import DEFAULT_ABSTENTION_THRESHOLD, confidence
from .reading.evidence import rank_sentences
from .settings import EXTRACTIVE, MOST_PASSAGES, AnswerOptions

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


@dataclass(eq=False)
class Assistant:
    """An assistant that answers questions about the articles in one index.

    Without an `llm` it quotes the articles; with one it checks every sentence that the LLM writes. `model` names the
    LLM in answers and errors. The `observer` is notified of every question. Use `dataclasses.replace`, `with_options`,
    `with_choices` or `without_llm` to create another assistant for the same index.
    """

    index: Index
    llm: BaseChatModel | None = None
    _: KW_ONLY
    model: str = EXTRACTIVE
    options: AnswerOptions = field(default_factory=AnswerOptions)
    observer: Observer | None = None

    def ask(self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None) -> Answer:
        """Return the finished answer: the last value of `stream`."""
        return deque(self.stream(question, history, article_filter), maxlen=1).pop()

    def stream(
        self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None
    ) -> Iterator[Answer]:
        """Yield the answer as it grows, from the articles that match `article_filter`.

        The first value already has its sources in `hits`; the last value has `done=True`. Raises `QuestionError` if the
        question is empty or too long, `StoreError` if there is no index to search, and `LLMError` if the LLM fails and
        `options.fallback` is off.
        """
        answers = self._stream(question, history, article_filter)
        return observed(answers, self.observer) if self.observer else answers

    def _stream(self, question: str, history: Sequence[Turn], article_filter: ArticleFilter | None) -> Iterator[Answer]:
        question = self._validated(question)
        options = self.options
        started = time.perf_counter()
        call = LLMCall(self.llm, self.model, options.llm_total_timeout) if self.llm is not None else None
        query = rewrite(question, history, call) if call else contextualize(question, history)
        found = self.index.find(query, options.top_k, article_filter)
        searched = time.perf_counter()
        timings = {"search": searched - started}
        answer = Answer(question, model=self.model, search_query=query, hits=tuple(found.hits), timings=timings)
        yield answer

        ranked = rank_sentences(found)
        answer = replace(answer, confidence=round(confidence(found, ranked[0]), 6) if ranked else 0.0)
        if not ranked or answer.confidence < self.abstention_threshold:
            answer = not_found(answer)
            if article_filter and not found.hits:
                answer = replace(answer, notes=("No article is among those that were chosen.",))
        elif call is None:
            answer = quote(answer, ranked, found)
        else:
            try:
                for partial in write(answer, found, call, history, self.index.encoder, options=options):
                    answer = partial
                    yield answer
            except LLMError as error:
                if not options.fallback:
                    raise
                note = f"{_capitalized(error.message)}. Quoted from the articles instead. {error.hint}"
                answer = replace(quote(answer, ranked, found), model=EXTRACTIVE, notes=(note,))
        ended = time.perf_counter()
        timings = {**answer.timings, "answer": ended - searched, "total": ended - started}
        yield replace(answer, done=True, timings=timings)

    def with_options(self, **changes: Any) -> Assistant:
        """Return a copy of this assistant with some of its `AnswerOptions` changed."""
        return replace(self, options=replace(self.options, **changes))

    def without_llm(self) -> Assistant:
        """Return a copy of this assistant that quotes the articles."""
        return replace(self, llm=None, model=EXTRACTIVE)

    def with_choices(
        self, catalog: ModelCatalog, model: str | None = None, top_k: int | None = None, strict: bool | None = None
    ) -> Assistant:
        """Return an assistant with a user's choices, or this assistant if they change nothing; `None` means no choice.

        The values are untrusted and are validated. Raises `SettingsError` for a value that is not offered, and
        `LLMError` if the model cannot be loaded.
        """
        if model is not None and not isinstance(model, str):
            raise SettingsError(f"the model {abbreviated(model)} is not a name", "Choose one of those offered.")
        if top_k is not None and (type(top_k) is not int or not 1 <= top_k <= MOST_PASSAGES):
            raise SettingsError(
                f"the number of passages cannot be {abbreviated(top_k)}",
                f"Choose a whole number from 1 to {MOST_PASSAGES}.",
            )
        if strict is not None and type(strict) is not bool:
            raise SettingsError(f"strict cannot be {abbreviated(strict)}", "Choose true or false.")
        options = replace(
            self.options,
            top_k=self.options.top_k if top_k is None else top_k,
            strict=self.options.strict if strict is None else strict,
        )
        if model is not None and model != self.model:
            return replace(self, llm=catalog.llm(model), model=model, options=options)
        return self if options == self.options else replace(self, options=options)

    @property
    def abstention_threshold(self) -> float:
        """The confidence below which the assistant abstains: the configured value, else the calibrated value, else the
        default."""
        if self.options.abstention_threshold is not None:
            return self.options.abstention_threshold
        calibrated = self.index.abstention_threshold()
        return DEFAULT_ABSTENTION_THRESHOLD if calibrated is None else calibrated

    def articles(self) -> tuple[Article, ...]:
        """Return every indexed article, sorted by title."""
        return self.index.articles()

    def article_metadata(self) -> tuple[Article, ...]:
        """Return every indexed article without its text, sorted by title."""
        return self.index.article_metadata()

    def article(self, article_id: str) -> Article | None:
        """Return one article, or None if it is not in the index."""
        return self.index.article(article_id)

    def warm_up(self) -> None:
        """Load the model and open the index now, so that the first question does not have to wait for them."""
        if self.index.exists():
            self.index.find("warm up", 1)
        else:
            self.index.encoder.query("warm up")

    def _validated(self, question: str) -> str:
        question = question.strip()
        limit = self.options.max_question_chars
        if not any(character.isalnum() for character in question):
            raise QuestionError("the question is empty", "Type a question about the articles.")
        if len(question) > limit:
            raise QuestionError(
                f"the question has {len(question)} characters, more than {limit}",
                "Ask a shorter question, or raise CITECHAT_MAX_QUESTION_CHARS.",
            )
        return question.encode("utf-8", "replace").decode().replace("\x00", " ")


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]
