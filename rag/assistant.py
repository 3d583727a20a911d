"""The assistant: a question comes in, ever fuller answers come out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from index import Article, Index, Span

from .abstain import DEFAULT_MIN_SCORE, trust
from .answer import NOT_FOUND, Answer, Sentence, Turn
from .cite import CitationParser, Draft
from .errors import QuestionError
from .extract import Quote, choose, rank_sentences
from .followup import stand_alone
from .kinds import short_answer
from .prompts import answer_messages
from .support import Checker

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

EXTRACTIVE = "extractive"
_BEST_FIRST = {"quoted": 0, "supported": 1, "weak": 2, "unsupported": 3}


class Assistant:
    """Answers questions about the articles of one index, by quoting, or through an LLM whose sentences are checked."""

    def __init__(
        self,
        index: Index,
        llm: BaseChatModel | None = None,
        *,
        model: str = EXTRACTIVE,
        top_k: int = 6,
        min_score: float | None = None,
        max_question_chars: int = 2000,
    ) -> None:
        self.index = index
        self.llm = llm
        self.model = model
        self.top_k = top_k
        self._given_min_score = min_score
        self.max_question_chars = max_question_chars

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """The finished answer: the last value of `stream`."""
        answer = Answer(question)
        for answer in self.stream(question, history):  # noqa: B007 - the last one is wanted
            pass
        return answer

    def stream(self, question: str, history: Sequence[Turn] = ()) -> Iterator[Answer]:
        """Ever fuller answers: the first already has its sources in `hits`, the last has `done=True`.

        Raises `QuestionError` for a question that is empty or too long, `StoreError` when there is no index to search,
        `LLMError` when the language model fails.
        """
        question = self._accept(question)
        began = time.perf_counter()
        query = stand_alone(question, history)
        found = self.index.find(query, self.top_k)
        searched = time.perf_counter()
        answer = Answer(
            question, model=self.model, search_query=query, hits=tuple(found.hits), timings={"search": searched - began}
        )
        yield answer

        ranked = rank_sentences(found)
        answer = replace(answer, trust=round(trust(found, ranked[0]), 6) if ranked else 0.0)
        if not ranked or answer.trust < self.min_score:
            answer = _not_found(answer)
        elif self.llm is None:
            answer = _quote(answer, choose(ranked, found))
        else:
            for written in self._write(answer, self.llm, history, Checker(found, self.index.encoder)):
                answer = written
                yield answer
        now = time.perf_counter()
        yield replace(answer, done=True, timings={**answer.timings, "answer": now - searched, "total": now - began})

    @property
    def min_score(self) -> float:
        """The trust below which the articles are said not to say: given, else calibrated on this index, else fitted."""
        if self._given_min_score is not None:
            return self._given_min_score
        calibrated = self.index.min_score()
        return DEFAULT_MIN_SCORE if calibrated is None else calibrated

    def articles(self) -> tuple[Article, ...]:
        """Every article that can be asked about, in the order of titles."""
        return self.index.articles()

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

    def _write(self, answer: Answer, llm: BaseChatModel, history: Sequence[Turn], checker: Checker) -> Iterator[Answer]:
        """The answer as the LLM writes it, each finished sentence checked against the passages it cites."""
        from .llms import stream_text

        parser = CitationParser(len(answer.hits))
        sentences: list[Sentence] = []
        for piece in stream_text(llm, answer_messages(answer.question, answer.hits, history), self.model):
            parser.feed(piece)
            sentences += [_checked(draft, checker) for draft in parser.drafts[len(sentences) :]]
            answer = replace(answer, text=parser.text, sentences=tuple(sentences))
            yield answer
        parser.close()
        sentences += [_checked(draft, checker) for draft in parser.drafts[len(sentences) :]]
        answer = replace(answer, text=parser.text, sentences=tuple(sentences))
        yield _not_found(answer) if answer.text.strip().startswith(NOT_FOUND) else answer


def _not_found(answer: Answer) -> Answer:
    return replace(answer, text=NOT_FOUND, found=False, sentences=())


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


def _checked(draft: Draft, checker: Checker) -> Sentence:
    verdicts = [checker.check(draft.text, number, beside=draft.numbers) for number in draft.numbers]
    return Sentence(
        start=draft.start,
        end=draft.end,
        text=draft.text,
        numbers=draft.numbers,
        evidence=tuple(verdict.span for verdict in verdicts),
        support=min((verdict.support for verdict in verdicts), key=_BEST_FIRST.__getitem__, default="unsupported"),
    )
