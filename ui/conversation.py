"""A chat conversation: its questions, its answers, and the passages that its citations refer to.

The conversation is kept on the server. A browser sends only a question or the id of a citation.
"""

from __future__ import annotations

import contextvars
import logging
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import Literal, Protocol, TypeVar

from index import ArticleFilter, CitechatError, Hit, RequestFilter, Span
from rag import Answer, Turn, stopping_llm_calls

from .html import public_error

logger = logging.getLogger(__name__)

Item = TypeVar("Item")

SHORTEST_PAUSE = 0.05
"""Minimum interval between updates sent to the browser, in seconds; a shorter interval has no visible effect."""

LONGEST_ECHO = 2000
"""Maximum length of the question shown in the chat, in characters; of longer messages, only the question is shown."""

UNEXPECTED = ("Something went wrong on the server.", "Try again. The server log has the details.")

MOST_EXCHANGES, MOST_CHARACTERS = 200, 4_000_000
"""Maximum size of a conversation: the number of questions, and of characters in the answers and their passages."""

_POLL_SECONDS = 0.1  # interval between checks for a stopped answer
_TARGET = re.compile(r"(cite|hit)-([0-9]{1,6})-([0-9]{1,6})", re.ASCII)

Rating = Literal["good", "bad"]


class Answering(Protocol):
    """The assistant interface that a conversation uses."""

    def stream(
        self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None
    ) -> Iterator[Answer]:
        """Yield successive states of the answer from all or selected articles; the last state is complete."""
        ...


@dataclass(frozen=True, slots=True)
class CitedPassage:
    """A retrieved passage, and the span of it that supports an answer sentence, or None for an uncited hit."""

    hit: Hit
    evidence: Span | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question, its answer so far, and the filter for the articles to search.

    `error` contains a message and a hint; `stopped` is True if the user stopped the answer; `rating` is the
    user's rating of the answer.
    """

    question: str
    answer: Answer | None = None
    error: tuple[str, str] | None = None
    stopped: bool = False
    article_filter: RequestFilter = field(default_factory=RequestFilter)
    rating: Rating | None = None

    @property
    def finished_answer(self) -> Answer | None:
        """The answer if it is complete, else None."""
        return self.answer if self.answer is not None and self.answer.done and self.error is None else None

    @property
    def size(self) -> int:
        """The approximate size in characters."""
        if self.answer is None:
            return len(self.question)
        passages = sum(len(hit.passage.text) for hit in self.answer.hits)
        return len(self.question) + len(self.answer.text) + len(self.answer.reasoning) + passages


@dataclass(frozen=True, slots=True)
class Conversation:
    """The exchanges so far, oldest first. Turns count from 1. `id` and `title` are empty until the first save."""

    exchanges: tuple[Exchange, ...] = ()
    id: str = ""
    title: str = ""

    @property
    def history(self) -> tuple[Turn, ...]:
        """The answered exchanges as the history to pass to an assistant."""
        answered = [(e.question, e.answer) for e in self.exchanges if e.answer is not None and e.error is None]
        return tuple(
            turn
            for question, answer in answered
            for turn in (Turn(role="user", text=question), Turn(role="assistant", text=answer.text))
        )

    @property
    def without_last(self) -> Conversation:
        """The conversation before the last question."""
        return self.before(len(self.exchanges))

    def before(self, turn: int) -> Conversation:
        """Return the conversation before a turn, counted from 1."""
        return replace(self, exchanges=self.exchanges[: turn - 1]) if turn >= 1 else self

    def exchange(self, turn: object) -> Exchange | None:
        """Return the exchange for a turn, counted from 1; None for any other value."""
        is_one = isinstance(turn, int) and 1 <= turn <= len(self.exchanges)
        return self.exchanges[turn - 1] if is_one and isinstance(turn, int) else None

    def with_rating(self, turn: int, rating: Rating) -> Conversation:
        """Return the conversation with a rating for one answer."""
        exchanges = list(self.exchanges)
        exchanges[turn - 1] = replace(exchanges[turn - 1], rating=rating)
        return replace(self, exchanges=tuple(exchanges))

    def with_last(self, exchange: Exchange) -> Conversation:
        """Return the conversation with its last exchange replaced."""
        return replace(self, exchanges=(*self.exchanges[:-1], exchange))

    @property
    def is_full(self) -> bool:
        """Whether the conversation is too long for another question: each open page and each save has all of it."""
        count = len(self.exchanges)
        return count >= MOST_EXCHANGES or sum(exchange.size for exchange in self.exchanges) >= MOST_CHARACTERS

    @property
    def is_unfinished(self) -> bool:
        """Whether the last answer is still being written."""
        if not self.exchanges:
            return False
        last = self.exchanges[-1]
        return last.error is None and not last.stopped and (last.answer is None or not last.answer.done)

    @property
    def stopped(self) -> Conversation:
        """The conversation, with its last answer marked as stopped if it is unfinished; the text is kept."""
        return self.with_last(replace(self.exchanges[-1], stopped=True)) if self.is_unfinished else self

    def cited_passage(self, target: object) -> CitedPassage | None:
        """Return the passage for a citation id or hit id; None for any other value."""
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
        return CitedPassage(answer.hits[number - 1], evidence)


def converse(
    choose_assistant: Callable[[], Answering],
    conversation: Conversation,
    question: str,
    choose_articles: Callable[[], RequestFilter] = RequestFilter,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Conversation]:
    """Ask a question, and yield the conversation as the answer grows.

    The first state contains only the question. While the answer is unfinished, at most one state is yielded every
    `SHORTEST_PAUSE` seconds; iteration ends within 0.1 seconds after `is_stopped` returns True. An error, including one
    raised while the assistant or the articles are chosen, becomes part of the conversation.
    """
    exchange = Exchange(question=question[:LONGEST_ECHO])
    growing = replace(conversation, exchanges=(*conversation.exchanges, exchange))
    yield growing
    shown_at = 0.0
    try:
        exchange = replace(exchange, article_filter=choose_articles())
        answers = choose_assistant().stream(question, conversation.history, exchange.article_filter)
        for answer in until_stopped(answers, is_stopped):
            exchange = replace(exchange, answer=answer)
            if len(question) > LONGEST_ECHO:  # it contains a text that was not read
                exchange = replace(exchange, question=answer.question[:LONGEST_ECHO])
            growing = growing.with_last(exchange)
            now = time.monotonic()
            if answer.done or now - shown_at >= SHORTEST_PAUSE:
                shown_at = now
                yield growing
    except CitechatError as error:
        yield growing.with_last(replace(exchange, error=public_error(error)))
    except Exception:
        logger.exception("an answer failed")
        yield growing.with_last(replace(exchange, error=UNEXPECTED))


def until_stopped(items: Iterator[Item], is_stopped: Callable[[], bool]) -> Generator[Item]:
    """Yield the items; return within 0.1 seconds after `is_stopped` returns True, even while waiting for an item.

    A separate thread produces the items. After a stop, the thread ends once it has its current item, or when the server
    of the model sends anything or times out.
    """
    produced: SimpleQueue[tuple[Item | None, BaseException | None, bool]] = SimpleQueue()
    unwanted = threading.Event()

    def produce() -> None:
        try:
            with stopping_llm_calls(unwanted):
                for item in items:
                    if unwanted.is_set():
                        break
                    produced.put((item, None, False))
        except BaseException as error:
            produced.put((None, error, True))
        else:
            produced.put((None, None, True))
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()

    context = contextvars.copy_context()  # so that traces of the answer belong to the question's trace
    threading.Thread(target=context.run, args=(produce,), name="answer", daemon=True).start()
    try:
        while not is_stopped():
            try:
                item, error, is_last = produced.get(timeout=_POLL_SECONDS)
            except Empty:
                continue
            if error is not None:
                raise error
            if is_last:
                return
            yield item  # type: ignore[misc]
    finally:
        unwanted.set()
