"""A conversation in the chat: what was asked, what was answered, and which place a citation points at. No I/O.

The conversation lives on the server. What a browser sends back is a question or the id of a citation, nothing else.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from index import CitechatError, Only, Span
from rag import Answer, Turn

logger = logging.getLogger(__name__)

SHORTEST_PAUSE = 0.05
"""Seconds between two states that are sent to the browser; more often costs work and shows nothing."""

LONGEST_ECHO = 2000
"""Characters of a question that are shown back; a longer one is refused anyway."""

UNEXPECTED = ("Something went wrong here, and it is not your question.", "Ask again; the log of the server says more.")

_TARGET = re.compile(r"(cite|hit)-([0-9]{1,6})-([0-9]{1,6})", re.ASCII)


class Answering(Protocol):
    """What a conversation needs of an assistant."""

    def stream(self, question: str, history: Sequence[Turn] = (), only: Only | None = None) -> Iterator[Answer]:
        """Ever fuller answers, from all articles or some; the last one is done."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """A place in an article: the passage, and in it the span that carries a sentence of the answer."""

    article_id: str
    passage: Span
    evidence: Span | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question with its answer so far, and the articles that it was asked of; `error` is a message and a hint,
    `stopped` that the reader stopped it."""

    question: str
    answer: Answer | None = None
    error: tuple[str, str] | None = None
    stopped: bool = False
    only: Only = field(default_factory=Only)


@dataclass(frozen=True, slots=True)
class Conversation:
    """The exchanges so far, oldest first. Turns are numbered from 1."""

    exchanges: tuple[Exchange, ...] = ()

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
        return Conversation(self.exchanges[:-1])

    def with_last(self, exchange: Exchange) -> Conversation:
        """The conversation with its last exchange replaced."""
        return Conversation((*self.exchanges[:-1], exchange))

    @property
    def stopped(self) -> Conversation:
        """The conversation with an unfinished last answer marked as stopped; what was written is kept."""
        if not self.exchanges:
            return self
        last = self.exchanges[-1]
        unfinished = last.error is None and (last.answer is None or not last.answer.done)
        return self.with_last(replace(last, stopped=True)) if unfinished else self

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
        passage = answer.hits[number - 1].passage
        return Place(passage.article_id, Span(passage.start, passage.end), evidence)


def converse(
    assistant: Answering, conversation: Conversation, question: str, choose: Callable[[], Only] = Only
) -> Iterator[Conversation]:
    """Ask of the articles that are chosen, and yield the conversation as the answer grows; errors, those of choosing
    too, become part of it and are never raised.

    The first state has the question alone; states of an unfinished answer come at most every `SHORTEST_PAUSE`.
    """
    exchange = Exchange(question=question[:LONGEST_ECHO])
    growing = Conversation((*conversation.exchanges, exchange))
    yield growing
    shown_at = 0.0
    try:
        exchange = replace(exchange, only=choose())
        for answer in assistant.stream(question, conversation.history, exchange.only):
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
