"""No user and no address can take up the queue and the threads that all calls of the page share."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from scripted import Scripted
from servers import serving_chat
from visitors import Reply, cookie_of, log_in, visit

from rag import Answer, Settings
from ui.chat import page
from ui.chat.handlers import library as library_handlers
from ui.chat.library import Library
from ui.chat.services import Services
from ui.security.access import open_accounts
from ui.security.errors import RequestError
from ui.security.rate_limits import (
    ADDITIONS,
    ADDRESS_SHARE,
    ANSWERS,
    EVALUATIONS,
    MOST_WAITING_ANSWERS,
    QUEUE_SIZE,
    USER_SHARE,
    PageCallLimits,
    call_of,
)

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

PASSWORD = "correct horse battery"
ANN, BOB, OFFICE = "user:ann", "user:bob", "address:192.0.2.1"


class Framework:
    """The framework's queue, with the calls that have arrived, that wait, and that run."""

    def __init__(self) -> None:
        self.limits = PageCallLimits()
        self.waiting: list[Any] = []
        self.active_jobs: list[list[Any] | None] = [None]
        self.event_queue_per_concurrency_id = {"all": SimpleNamespace(queue=self.waiting)}

    def arrive(self, caller: str, queue: str = "other") -> Any:
        """Admit a call that is not in the queue yet, and return its request's scope."""
        scope = {"state": {"limited_as": caller}}
        self.limits.admit(scope, call_of(scope, queue, "s"), self.limits.calls(self))
        return scope

    def wait(self, caller: str, queue: str = "other") -> Any:
        """Admit a call and put it into the queue; return the event."""
        scope = self.arrive(caller, queue)
        event = SimpleNamespace(request=SimpleNamespace(scope=scope), session_hash="s", concurrency_id=queue)
        self.waiting.append(event)
        self.limits.release(scope)
        return event

    def run(self, caller: str, queue: str = "other") -> Any:
        """Admit a call and run it; return the event."""
        event = self.wait(caller, queue)
        self.waiting.remove(event)
        self.active_jobs.append([event])
        return event

    def is_admitted(self, caller: str, queue: str = "other") -> bool:
        try:
            self.limits.release(self.arrive(caller, queue))
        except RequestError:
            return False
        return True


@pytest.fixture
def framework() -> Framework:
    return Framework()


@pytest.mark.parametrize(("caller", "share"), [(ANN, USER_SHARE), (OFFICE, ADDRESS_SHARE)])
def test_calls_that_wait_leave_room_in_the_queue_for_others(framework: Framework, caller: str, share: Any) -> None:
    for _ in range(share.waiting):
        framework.wait(caller)
    assert not framework.is_admitted(caller)
    assert framework.is_admitted(BOB)
    assert len(framework.waiting) <= QUEUE_SIZE // 2


@pytest.mark.parametrize(("caller", "share"), [(ANN, USER_SHARE), (OFFICE, ADDRESS_SHARE)])
def test_calls_that_run_leave_threads_for_others(framework: Framework, caller: str, share: Any) -> None:
    first = [framework.run(caller) for _ in range(share.running)]
    assert not framework.is_admitted(caller)
    assert framework.is_admitted(BOB)
    framework.active_jobs.remove([first[0]])
    assert framework.is_admitted(caller), "one has ended"


def test_a_user_has_no_more_than_three_questions_whether_they_wait_or_are_answered(framework: Framework) -> None:
    for add in (framework.run, framework.run, framework.wait):
        add(ANN, ANSWERS)
    assert not framework.is_admitted(ANN, ANSWERS)
    assert framework.is_admitted(ANN), "the page still opens"
    assert framework.is_admitted(BOB, ANSWERS)
    assert framework.is_admitted(OFFICE, ANSWERS)


def test_an_address_that_users_share_may_have_more_questions_than_a_user(framework: Framework) -> None:
    for _ in range(ADDRESS_SHARE.answers):
        framework.wait(OFFICE, ANSWERS)
    assert not framework.is_admitted(OFFICE, ANSWERS)
    assert USER_SHARE.answers < ADDRESS_SHARE.answers <= MOST_WAITING_ANSWERS // 2


@pytest.mark.parametrize(("caller", "share"), [(ANN, USER_SHARE), (OFFICE, ADDRESS_SHARE)])
def test_few_additions_of_one_caller_come_before_those_of_others(framework: Framework, caller: str, share: Any) -> None:
    framework.run(caller, ADDITIONS)
    added = [framework.wait(caller, ADDITIONS) for _ in range(share.additions - 1)]
    assert not framework.is_admitted(caller, ADDITIONS)
    assert framework.is_admitted(caller, ANSWERS)
    assert framework.is_admitted(caller)
    assert framework.is_admitted(BOB, ADDITIONS)
    framework.waiting.remove(added[0])
    assert framework.is_admitted(caller, ADDITIONS), "one has ended"
    assert 3 <= share.additions <= 8, "a page has three ways to add articles"


@pytest.mark.parametrize(("caller", "share"), [(ANN, USER_SHARE), (OFFICE, ADDRESS_SHARE)])
def test_few_evaluations_of_one_caller_come_before_those_of_others(
    framework: Framework, caller: str, share: Any
) -> None:
    for _ in range(share.evaluations):
        framework.wait(caller, EVALUATIONS)
    assert not framework.is_admitted(caller, EVALUATIONS)
    assert framework.is_admitted(caller, ANSWERS)
    assert framework.is_admitted(BOB, EVALUATIONS)


def test_calls_that_arrive_at_the_same_moment_count_before_they_are_in_the_queue(framework: Framework) -> None:
    scopes = [framework.arrive(ANN, ANSWERS) for _ in range(USER_SHARE.answers)]
    assert not framework.is_admitted(ANN, ANSWERS)
    framework.limits.release(scopes[0])
    assert framework.is_admitted(ANN, ANSWERS)


def test_a_call_that_is_in_the_queue_before_its_request_is_answered_counts_once(framework: Framework) -> None:
    scope = framework.arrive(ANN)
    framework.waiting.append(
        SimpleNamespace(request=SimpleNamespace(scope=scope), session_hash="s", concurrency_id="other")
    )
    assert len(framework.limits.calls(framework)) == 1


def test_questions_leave_room_in_the_queue_for_pages_that_are_opened(framework: Framework) -> None:
    for number in range(MOST_WAITING_ANSWERS):
        framework.wait(f"user:{number}", ANSWERS)
    with pytest.raises(RequestError) as refused:
        framework.arrive(ANN, ANSWERS)
    assert refused.value.status == 503
    assert framework.is_admitted(ANN)
    assert MOST_WAITING_ANSWERS < QUEUE_SIZE


def test_a_caller_without_limits_may_use_the_whole_queue(framework: Framework) -> None:
    for _ in range(QUEUE_SIZE):
        framework.wait("")
    assert framework.is_admitted("")


class Slow(Scripted):
    """An assistant that finishes its answers only when the test sets `over`."""

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.begun, self.over = threading.Semaphore(0), threading.Event()

    def answer(self, question: str) -> Iterator[Answer]:
        self.begun.release()
        self.over.wait()
        yield Answer(question, "It reopened on Monday.", done=True)


def questions(chat: Any) -> list[Any]:
    """The functions of the page that answer questions: of the question box, and of each button."""
    return [function for function in chat.app.fns.values() if function.concurrency_id == ANSWERS]


def ask(port: int, function: Any, session: str, **headers: str) -> Reply:
    _, *others = (getattr(each, "value", None) for each in function.inputs)
    settings = [value if isinstance(value, bool | int | float) else None for value in others]
    body = {"data": ["When?", *settings], "fn_index": function._id, "session_hash": session}
    return visit(port, "/gradio_api/queue/join", body=body, **headers)


def test_a_user_who_asks_in_all_ways_at_once_leaves_the_next_turn_to_another(tmp_path: Any) -> None:
    settings, assistant = Settings(home=tmp_path, rate_limit="none"), Slow()
    for name in ("ann", "bob"):
        open_accounts(settings).users.add(name, PASSWORD)
    with serving_chat(assistant, settings=settings) as chat:
        ann, bob = (cookie_of(log_in(chat.port, name, PASSWORD)) for name in ("ann", "bob"))
        box, *buttons = questions(chat)
        assert len(buttons) == 7
        assert {function.concurrency_limit for function in (box, *buttons)} == {4}
        try:
            replies = [
                ask(chat.port, function, f"s{number}", Cookie=ann).status
                for number, function in enumerate((*buttons[:-1], box))
            ]
            assert replies == [200] * 3 + [429] * 4
            for _ in range(3):
                assistant.begun.acquire()
            assert ask(chat.port, box, "s9", Cookie=ann).status == 429, "also while they are being answered"
            assert ask(chat.port, box, "s1", Cookie=bob).status == 200
            assert assistant.begun.acquire(timeout=60), "a place is left to bob"
        finally:
            assistant.over.set()


class SlowIndex:
    """An index that adds an article only when the test lets it, or ends when it is cancelled."""

    def __init__(self) -> None:
        self.go, self.added = threading.Semaphore(0), list[str]()
        self.begun, self.cancelled = queue.Queue[str](), queue.Queue[str]()

    def count(self) -> tuple[int, int]:
        return len(self.added), 0

    def listing(self) -> list[Any]:
        return []

    def sync(self, files: list[Any], *, budget: Any, **_: Any) -> Any:
        self.begun.put(files[0].read_text())
        with budget.cancellation.calling(self.go.release):
            self.go.acquire()
        if budget.cancellation.is_requested:
            self.cancelled.put(files[0].read_text())
            budget.cancellation.check()
        self.added.append(files[0].read_text())
        counts = {"added": 1, "changed": 0, "unchanged": 0, "articles": len(self.added)}
        return SimpleNamespace(**counts, skipped=[], partly_read=[])


def add(port: int, function: Any, session: str, cookie: str, text: str) -> int:
    given = [text if getattr(each, "lines", 1) > 1 else None for each in function.inputs]
    body = {"data": given, "fn_index": function._id, "session_hash": session}
    return visit(port, "/gradio_api/queue/join", body=body, Cookie=cookie).status


def test_a_user_who_adds_many_texts_leaves_the_next_turns_to_others(tmp_path: Any) -> None:
    settings, index = Settings(home=tmp_path / "home", rate_limit="none"), SlowIndex()
    for name in ("ann", "bob"):
        open_accounts(settings).users.add(name, PASSWORD)
    library = Library(index, tmp_path / "library")  # type: ignore[arg-type]
    with serving_chat(Slow(), Services(library=library), settings=settings) as chat:
        ann, bob = (cookie_of(log_in(chat.port, name, PASSWORD)) for name in ("ann", "bob"))
        functions = [each for each in chat.app.fns.values() if each.concurrency_id == ADDITIONS]
        kinds = [[component.get_block_name() for component in each.inputs] for each in functions]
        assert sorted(kinds) == [["file", "state"], ["textbox", "state"], ["textbox", "textbox", "state"]]
        text = functions[kinds.index(["textbox", "textbox", "state"])]
        try:
            statuses = [add(chat.port, text, f"a{number}", ann, f"Ann's text {number}.") for number in range(16)]
            assert statuses == [200] * USER_SHARE.additions + [429] * (16 - USER_SHARE.additions)
            assert add(chat.port, text, "b", bob, "Bob's text.") == 200
            for _ in range(USER_SHARE.additions + 1):
                index.begun.get()
                index.go.release()
        finally:
            index.go.release(100)
    assert "Bob's text." in index.added


def test_the_calls_of_a_user_who_is_removed_end_and_their_waiting_calls_do_nothing(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_handlers, "RECHECK", 0.05)
    settings, index, assistant = Settings(home=tmp_path / "home", rate_limit="none"), SlowIndex(), Slow()
    accounts = open_accounts(settings)
    for name in ("ann", "bob"):
        accounts.users.add(name, PASSWORD)
    library = Library(index, tmp_path / "library")  # type: ignore[arg-type]
    with serving_chat(assistant, Services(library=library), settings=settings) as chat:
        ann, bob = (cookie_of(log_in(chat.port, name, PASSWORD)) for name in ("ann", "bob"))
        (text,) = (
            each
            for each in chat.app.fns.values()
            if each.concurrency_id == ADDITIONS and len(each.inputs) == 3  # a title, a text and what is selected
        )
        try:
            for number in range(USER_SHARE.additions):
                assert add(chat.port, text, f"a{number}", ann, f"Ann's text {number}.") == 200
            assert index.begun.get().startswith("Ann's text")
            accounts.users.remove("ann")
            assert index.cancelled.get(timeout=60).startswith("Ann's text")
            assert add(chat.port, text, "b", bob, "Bob's text.") == 200
            while index.begun.get(timeout=60) != "Bob's text.":
                pass
            index.go.release()
        finally:
            index.go.release(100)
    assert index.added == ["Bob's text."]


def test_only_functions_that_never_wait_may_run_any_number_of_times_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """All others could occupy the threads that all users share."""
    bound: list[tuple[str, Any]] = []

    class Recording(page._Binder):
        def __call__(self, event: Any, handler: Any, *names: Any, **options: Any) -> Any:
            bound.append((handler.__name__, options.get("concurrency_limit", "the default")))
            return super().__call__(event, handler, *names, **options)

    monkeypatch.setattr(page, "_Binder", Recording)
    page.build_app(Slow(), Services(library=Library(SimpleNamespace(), tmp_path)))  # type: ignore[arg-type]
    limited = {name for name, limit in bound if limit is not None}
    unlimited = {name for name, limit in bound if limit is None}
    assert unlimited == {"<lambda>", "load", "stop", "open_citation"}
    assert {"ask", "ask_again", "choose", "give_reason", "masthead", "suggest_starters", "add_files"} <= limited


def test_without_logins_the_limits_apply_to_addresses(tmp_path: Any) -> None:
    assistant = Slow()
    with serving_chat(assistant, settings=Settings(home=tmp_path, rate_limit="none"), open_to_all=True) as chat:
        (box, *_) = questions(chat)
        try:
            replies = [ask(chat.port, box, f"s{number}").status for number in range(ADDRESS_SHARE.answers + 1)]
            assert replies == [200] * ADDRESS_SHARE.answers + [429]
        finally:
            assistant.over.set()
