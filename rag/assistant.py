"""The assistant: a question comes in, ever fuller answers come out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from types import EllipsisType
from typing import TYPE_CHECKING

from index import Article, ArticleFilter, Index, Span

from .answer import Answer, Sentence, Turn
from .errors import LLMError, QuestionError
from .generation.extractive import Quote, choose, rank_sentences
from .generation.generate import not_found, rewrite, write
from .hooks import Observer, observed
from .llms.retry import LLMCall
from .prompts import ANSWER_SYSTEM, check_instructions
from .questions.classify import short_answer
from .questions.contextualize import stand_alone
from .reading.abstention import DEFAULT_ABSTENTION_THRESHOLD, confidence

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

EXTRACTIVE = "extractive"


class Assistant:
    """Answers questions about the articles of one index, by quoting, or through an LLM whose sentences are checked."""

    def __init__(
        self,
        index: Index,
        llm: BaseChatModel | None = None,
        *,
        model: str = EXTRACTIVE,
        top_k: int = 6,
        abstention_threshold: float | None = None,
        max_question_chars: int = 2000,
        strict: bool = False,
        fallback: bool = True,
        patience: float = 180.0,
        prompt_tokens: int = 7492,
        instructions: str = ANSWER_SYSTEM,
        observer: Observer | None = None,
    ) -> None:
        """`model` names the LLM in answers and errors. `strict` leaves out sentences that no passage supports;
        `fallback` quotes where the LLM fails, instead of raising. The LLM may take `patience` seconds in all, and its
        prompt may have `prompt_tokens` and begins with `instructions`, which are checked. The `observer` is told of
        every question.
        """
        self.index = index
        self.llm = llm
        self.model = model
        self.top_k = top_k
        self._given_threshold = abstention_threshold
        self.max_question_chars = max_question_chars
        self.strict = strict
        self.fallback = fallback
        self.patience = patience
        self.prompt_tokens = prompt_tokens
        self.instructions = check_instructions(instructions)
        self.observer = observer

    def ask(self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None) -> Answer:
        """The finished answer: the last value of `stream`."""
        answer = Answer(question)
        for answer in self.stream(question, history, article_filter):  # noqa: B007 - the last one is wanted
            pass
        return answer

    def stream(
        self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None
    ) -> Iterator[Answer]:
        """Ever fuller answers from the articles that `article_filter` allows: the first already has its sources in
        `hits`, the last has `done=True`.

        Raises `QuestionError` for a question that is empty or too long, `StoreError` when there is no index to search,
        `LLMError` when the language model fails and `fallback` is off.
        """
        answers = self._stream(question, history, article_filter)
        return observed(answers, self.observer) if self.observer else answers

    def _stream(self, question: str, history: Sequence[Turn], article_filter: ArticleFilter | None) -> Iterator[Answer]:
        question = self._accept(question)
        began = time.perf_counter()
        asking = LLMCall(self.llm, self.model, self.patience) if self.llm is not None else None
        query = rewrite(question, history, asking) if asking else stand_alone(question, history)
        found = self.index.find(query, self.top_k, article_filter)
        searched = time.perf_counter()
        answer = Answer(
            question, model=self.model, search_query=query, hits=tuple(found.hits), timings={"search": searched - began}
        )
        yield answer

        ranked = rank_sentences(found)
        answer = replace(answer, confidence=round(confidence(found, ranked[0]), 6) if ranked else 0.0)
        if not ranked or answer.confidence < self.abstention_threshold:
            answer = not_found(answer)
            if article_filter and not found.hits:
                answer = replace(answer, notes=("No article is among those that were chosen.",))
        elif asking is None:
            answer = _quote(answer, choose(ranked, found))
        else:
            try:
                for written in write(
                    answer,
                    found,
                    asking,
                    history,
                    self.index.encoder,
                    prompt_tokens=self.prompt_tokens,
                    instructions=self.instructions,
                    strict=self.strict,
                ):
                    answer = written
                    yield answer
            except LLMError as error:
                if not self.fallback:
                    raise
                # The model failed before it wrote anything: what the articles say can be quoted all the same.
                note = f"{_capital(error.message)}. Quoted from the articles instead. {error.hint}"
                answer = replace(_quote(answer, choose(ranked, found)), model=EXTRACTIVE, notes=(note,))
        now = time.perf_counter()
        yield replace(answer, done=True, timings={**answer.timings, "answer": now - searched, "total": now - began})

    def with_changes(
        self,
        *,
        llm: BaseChatModel | EllipsisType | None = ...,
        model: str | None = None,
        top_k: int | None = None,
        strict: bool | None = None,
        fallback: bool | None = None,
        observer: Observer | None = None,
    ) -> Assistant:
        """Another assistant over the same index; what is not given stays as it is.

        `llm=None` quotes from the articles, so there `...` is what stands for not given. Give an LLM its name in
        `model`, as when the assistant was made.
        """
        other = copy(self)
        if llm is not ...:
            other.llm = llm
            if llm is None:
                other.model = EXTRACTIVE
        other.model = other.model if model is None else model
        other.top_k = self.top_k if top_k is None else top_k
        other.strict = self.strict if strict is None else strict
        other.fallback = self.fallback if fallback is None else fallback
        other.observer = self.observer if observer is None else observer
        return other

    @property
    def abstention_threshold(self) -> float:
        """The trust below which the articles are said not to say: given, else calibrated on this index, else fitted."""
        if self._given_threshold is not None:
            return self._given_threshold
        calibrated = self.index.abstention_threshold()
        return DEFAULT_ABSTENTION_THRESHOLD if calibrated is None else calibrated

    def articles(self) -> tuple[Article, ...]:
        """Every article that can be asked about, in the order of titles."""
        return self.index.articles()

    def article_metadata(self) -> tuple[Article, ...]:
        """Every article that can be asked about, without its text."""
        return self.index.article_metadata()

    def article(self, article_id: str) -> Article | None:
        """One article, or None when it is not in the index."""
        return self.index.article(article_id)

    def warm_up(self) -> None:
        """Load the model and open the index now, so that the first question does not wait for them."""
        if self.index.exists():
            self.index.find("warm up", 1)
        else:
            self.index.encoder.query("warm up")

    def _accept(self, question: str) -> str:
        question = question.strip()
        if not any(character.isalnum() for character in question):
            raise QuestionError("the question is empty", "Type a question about the articles.")
        if len(question) > self.max_question_chars:
            raise QuestionError(
                f"the question has {len(question)} characters, more than {self.max_question_chars}",
                "Ask a shorter question, or raise CITECHAT_MAX_QUESTION_CHARS.",
            )
        return question.encode("utf-8", "replace").decode().replace("\x00", " ")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _quote(answer: Answer, quotes: Sequence[Quote]) -> Answer:
    """The quotes as an answer: each sentence verbatim, with the number of its passage."""
    text = ""
    sentences = []
    for quote in quotes:
        start = len(text) + (1 if text else 0)
        marked = f"{quote.text} [{quote.number}]"
        text = f"{text} {marked}" if text else marked
        short = short_answer(answer.search_query, quote.text)
        focus = Span(start + short.start, start + short.end) if short else None
        end = start + len(marked)
        sentences.append(Sentence(start, end, quote.text, (quote.number,), (quote.span,), "quoted", focus))
    return replace(answer, text=text, sentences=tuple(sentences))
