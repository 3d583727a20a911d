"""A conversation in the chat: what was asked, what was answered, and which place a citation points at. No I/O.

The conversation lives on the server. What a browser sends back is a question or the id of a citation, nothing else.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from index import ArticleFilter, CitechatError, Hit, Span
from rag import Answer, Turn

from .waiting import until_stopped

logger = logging.getLogger(__name__)

SHORTEST_PAUSE = 0.05
"""Seconds between two states that are sent to the browser; more often costs work and shows nothing."""

LONGEST_ECHO = 2000
"""Characters of a question that are shown back; a longer one is refused anyway."""

UNEXPECTED = ("Something went wrong here, and it is not your question.", "Ask again; the log of the server says more.")

_TARGET = re.compile(r"(cite|hit)-([0-9]{1,6})-([0-9]{1,6})", re.ASCII)


Rating = Literal["good", "bad"]


class Answering(Protocol):
    """What a conversation needs of an assistant."""

    def stream(
        self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None
    ) -> Iterator[Answer]:
        """Ever fuller answers, from all articles or some; the last one is done."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """A place in an article: the passage that was found, and in it the span that carries a sentence of the answer."""

    hit: Hit
    evidence: Span | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question with its answer so far, and the articles that it was asked of; `error` is a message and a hint,
    `stopped` that the reader stopped it, `rating` what the reader thinks of the answer."""

    question: str
    answer: Answer | None = None
    error: tuple[str, str] | None = None
    stopped: bool = False
    article_filter: ArticleFilter = field(default_factory=ArticleFilter)
    rating: Rating | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """The exchanges so far, oldest first. Turns are numbered from 1. `id` is under which it is kept, and `title` what
    the reader calls it; both are empty until then."""

    exchanges: tuple[Exchange, ...] = ()
    id: str = ""
    title: str = ""

    @property
    def history(self) -> tuple[Turn, ...]:
        """The exchanges that were answered, as the assistant takes them."""
        answered = [(e.question, e.answer) for e in self.exchanges if e.answer is not None and e.error is None]
        return tuple(
            turn
            for question, answer in answered
            for turn in (Turn(role="user", text=question), Turn(role="assistant", text=answer.text))
        )

    @property
    def without_last(self) -> Conversation:
        """The conversation as it was before the last question."""
        return self.before(len(self.exchanges))

    def before(self, turn: int) -> Conversation:
        """The conversation as it was before a turn, counted from 1."""
        return replace(self, exchanges=self.exchanges[: turn - 1]) if turn >= 1 else self

    def exchange(self, turn: object) -> Exchange | None:
        """The exchange of a turn, counted from 1; None for anything that is not one."""
        is_one = isinstance(turn, int) and 1 <= turn <= len(self.exchanges)
        return self.exchanges[turn - 1] if is_one and isinstance(turn, int) else None

    def with_rating(self, turn: int, rating: Rating) -> Conversation:
        """The conversation with what the reader thinks of one answer."""
        exchanges = list(self.exchanges)
        exchanges[turn - 1] = replace(exchanges[turn - 1], rating=rating)
        return replace(self, exchanges=tuple(exchanges))

    def with_last(self, exchange: Exchange) -> Conversation:
        """The conversation with its last exchange replaced."""
        return replace(self, exchanges=(*self.exchanges[:-1], exchange))

    @property
    def is_unfinished(self) -> bool:
        """Whether the last answer is still being written."""
        if not self.exchanges:
            return False
        last = self.exchanges[-1]
        return last.error is None and not last.stopped and (last.answer is None or not last.answer.done)

    @property
    def stopped(self) -> Conversation:
        """The conversation with an unfinished last answer marked as stopped; what was written is kept."""
        return self.with_last(replace(self.exchanges[-1], stopped=True)) if self.is_unfinished else self

    def place(self, target: object) -> Place | None:
        """The place that the id of a citation or of a hit names; None for anything that is not one of ours."""
        found = _TARGET.fullmatch(target) if isinstance(target, str) else None
        if found is None:
            return None
        kind, turn, number = found[1], int(found[2]), int(found[3])
        if not 1 <= turn <= len(self.exchanges):
            return None
        answer = self.exchanges[turn - 1].answer
        if answer is None:
            return None
        evidence = None
        if kind == "cite":
            citations = answer.citations
            if not 1 <= number <= len(citations):
                return None
            evidence = Span(citations[number - 1].start, citations[number - 1].end)
            number = citations[number - 1].number
        if not 1 <= number <= len(answer.hits):
            return None
        return Place(answer.hits[number - 1], evidence)


def converse(
    assistant: Answering,
    conversation: Conversation,
    question: str,
    choose: Callable[[], ArticleFilter] = ArticleFilter,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Conversation]:
    """Ask of the articles that are chosen, and yield the conversation as the answer grows; errors, those of choosing
    too, become part of it and are never raised.

    The first state has the question alone; states of an unfinished answer come at most every `SHORTEST_PAUSE`. It ends
    within a tenth of a second after `is_stopped`.
    """
    exchange = Exchange(question=question[:LONGEST_ECHO])
    growing = replace(conversation, exchanges=(*conversation.exchanges, exchange))
    yield growing
    shown_at = 0.0
    try:
        exchange = replace(exchange, article_filter=choose())
        answers = assistant.stream(question, conversation.history, exchange.article_filter)
        for answer in until_stopped(answers, is_stopped):
            exchange = replace(exchange, answer=answer)
            growing = growing.with_last(exchange)
            now = time.monotonic()
            if answer.done or now - shown_at >= SHORTEST_PAUSE:
                shown_at = now
                yield growing
    except CitechatError as error:
        yield growing.with_last(replace(exchange, error=(error.message, error.hint)))
    except Exception:
        logger.exception("an answer failed")
        yield growing.with_last(replace(exchange, error=UNEXPECTED))
