"""What is still wanted comes in order; what is not is let go at once, whatever it waits for."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator

import pytest
from scripted import Scripted

from rag import Answer
from rag.questions.message import read_message
from ui.conversation import Conversation, converse, until_stopped

DEADLINE = 300.0  # seconds for what must happen at all


class Slow:
    """Says one word, waits until it may go on, says another; remembers what became of it."""

    def __init__(self) -> None:
        self.may_go_on, self.closed = threading.Event(), threading.Event()
        self.thread: threading.Thread | None = None
        self.went_on = False

    def words(self) -> Iterator[str]:
        self.thread = threading.current_thread()
        try:
            yield "one"
            self.may_go_on.wait(DEADLINE)
            yield "two"
            self.went_on = True
            yield "three"
        finally:
            self.closed.set()


def test_all_items_come_in_their_order_and_the_thread_ends() -> None:
    threads: list[threading.Thread] = []

    def numbers() -> Iterator[int]:
        threads.append(threading.current_thread())
        yield from range(1000)

    assert list(until_stopped(numbers(), lambda: False)) == list(range(1000))
    threads[0].join(DEADLINE)
    assert not threads[0].is_alive()
    assert list(until_stopped(iter(()), lambda: False)) == []
    assert list(until_stopped(iter([None, None]), lambda: False)) == [None, None], "nothing is an item, too"


def test_an_error_is_raised_after_the_items_before_it() -> None:
    def fails() -> Iterator[int]:
        yield 1
        raise LookupError("no second one")

    got: list[int] = []
    with pytest.raises(LookupError, match="no second one"):
        got.extend(until_stopped(fails(), lambda: False))
    assert got == [1]


def test_a_stop_is_noticed_while_the_next_item_is_waited_for() -> None:
    slow, stopped = Slow(), threading.Event()
    words = until_stopped(slow.words(), stopped.is_set)
    assert next(words) == "one"
    timer = threading.Timer(0.2, stopped.set)
    timer.start()
    assert list(words) == []
    timer.join()
    assert not slow.closed.is_set(), "what is being waited for cannot be broken off"
    slow.may_go_on.set()
    assert slow.closed.wait(DEADLINE), "but it is closed as soon as it says another word"
    assert slow.thread is not None
    slow.thread.join(DEADLINE)
    assert not slow.thread.is_alive()
    assert not slow.went_on


def test_what_was_stopped_before_it_began_gives_nothing() -> None:
    assert list(until_stopped(iter([1, 2, 3]), lambda: True)) == []


def test_a_consumer_who_leaves_ends_the_work_too() -> None:
    slow = Slow()
    words = until_stopped(slow.words(), lambda: False)
    assert next(words) == "one"
    words.close()
    slow.may_go_on.set()
    assert slow.closed.wait(DEADLINE)
    assert not slow.went_on


def test_context_variables_of_the_caller_are_seen_by_the_work_and_changes_stay_there() -> None:
    question = contextvars.ContextVar("question", default="none")
    question.set("mine")

    def seen() -> Iterator[str]:
        yield question.get()
        question.set("changed")
        yield question.get()

    assert list(until_stopped(seen(), lambda: False)) == ["mine", "changed"]
    assert question.get() == "mine"


@pytest.mark.parametrize("question", ["Who pays?", "What did the mayor say?", "港口什么时候重新开放？"])
def test_a_pasted_text_is_not_a_part_of_the_question_that_is_shown_and_asked_again(question: str) -> None:
    message = f"{'The storm came. ' * 200}\n\n{question}"
    scripted = Scripted(lambda asked: [Answer(read_message(asked, 2000)[0], "The city.", done=True)])
    *_, last = converse(lambda: scripted, Conversation(), message)
    assert scripted.heard[0][0] == message
    assert last.exchanges[-1].question == question


def test_a_short_question_is_shown_as_it_was_typed() -> None:
    scripted = Scripted(lambda asked: [Answer(asked.strip(), "The city.", done=True)])
    *_, last = converse(lambda: scripted, Conversation(), " Who pays?")
    assert last.exchanges[-1].question == " Who pays?"
