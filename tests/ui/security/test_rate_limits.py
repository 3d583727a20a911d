"""How much each caller may ask: nobody can keep the others from being answered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from servers import run_elsewhere, serving_chat
from visitors import Parrot, cookie_of, log_in, visit

from rag import Settings, SettingsError
from ui.security.access import access_policy, open_accounts
from ui.security.clients import network_of
from ui.security.errors import RequestError
from ui.security.login import ATTEMPT, MOST_LOGINS, AccountLimits, Attempt, Login
from ui.security.rate_limits import CallerLimits, RateLimit
from ui.security.scopes import is_limited
from ui.security.users import User, Users

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

PASSWORD = "correct horse battery"


def ask(limits: CallerLimits, caller: str) -> int:
    """The status that a request gets; one that is sent away is told after how many seconds it may come again."""
    try:
        with limits.turn(caller):
            return 200
    except RequestError as denied:
        return denied.status if 1 <= int(denied.headers["retry-after"]) <= 60 else 0


def test_a_caller_who_asks_too_often_waits_and_others_do_not() -> None:
    limits = CallerLimits("3/minute", 10)
    assert [ask(limits, "key:a") for _ in range(5)] == [200, 200, 200, 429, 429]
    assert ask(limits, "key:b") == 200


def test_a_caller_has_so_many_requests_at_a_time() -> None:
    limits = CallerLimits("none", 2)
    with ExitStack() as running:
        running.enter_context(limits.turn("key:a"))
        running.enter_context(limits.turn("key:a"))
        assert ask(limits, "key:a") == 429
        assert ask(limits, "key:b") == 200
    assert ask(limits, "key:a") == 200
    assert not limits._running, "nothing is kept of who has been answered"


def test_what_waits_in_the_queue_of_the_page_counts_only_towards_the_rate() -> None:
    """The page sends more than one call at a time when it is loaded."""
    limits = CallerLimits("3/minute", 1)
    with limits.turn("ann"), limits.turn("ann", is_queued=True), limits.turn("ann", is_queued=True):
        pass
    with pytest.raises(RequestError), limits.turn("ann", is_queued=True):
        pass


def test_a_request_that_fails_gives_its_turn_back() -> None:
    limits = CallerLimits("none", 1)
    with pytest.raises(ZeroDivisionError), limits.turn("key:a"):
        raise ZeroDivisionError
    assert ask(limits, "key:a") == 200


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.security.rate_limits.MOST_NAMES", 50)
    rate = RateLimit("1/hour")
    for number in range(500):
        assert rate.hit(f"address:{number}")
        assert len(rate._counts.storage) <= 50


def _refused(limits: AccountLimits, name: str, address: str) -> bool:
    """Whether a wrong password gets no answer."""
    return _refused_with(limits, name, address, is_right=False)


def _refused_with(limits: AccountLimits, name: str, address: str, *, is_right: bool) -> bool:
    try:
        with limits.attempt(name, address) as end:
            end(is_right)
    except RequestError as denied:
        return denied.status == 429
    return False


def test_many_addresses_guess_at_an_account_together_and_its_user_still_gets_in() -> None:
    limits = AccountLimits()
    assert not _refused_with(limits, "ann", "192.0.2.200", is_right=True)
    strangers = [_refused(limits, "ann", f"192.0.2.{number}") for number in range(40)]
    assert strangers == [False] * 30 + [True] * 10
    assert not _refused(limits, "bob", "192.0.2.39"), "another account is not concerned"
    assert not _refused(limits, "ann", "192.0.2.200"), "where she logged in before"
    assert [_refused(limits, "ann", "192.0.2.200") for _ in range(15)].count(False) == 9, "but not without limit"


def test_right_passwords_have_a_higher_limit_for_each_address() -> None:
    limits = AccountLimits()
    for _ in range(30):
        assert not _refused_with(limits, "ann", "192.0.2.1", is_right=True)
    with pytest.raises(RequestError, match="Too many logins") as refused, limits.attempt("ann", "192.0.2.1"):
        pass
    assert refused.value.status == 429
    assert not _refused(limits, "ann", "192.0.2.2")
    assert not _refused(limits, "bob", "192.0.2.1")


@pytest.mark.parametrize(
    ("count", "address"), [(10, "192.0.2.1"), (30, "192.0.2.{number}")], ids=["one address", "several addresses"]
)
def test_attempts_count_before_their_outcome_is_known(count: int, address: str) -> None:
    limits, begun = AccountLimits(), list[Any]()

    def is_refused(number: int) -> bool:
        return _refused(limits, "ann", address.format(number=number))

    with ExitStack() as hashing:
        for number in range(count):
            begun.append(hashing.enter_context(limits.attempt("ann", address.format(number=number))))
        assert is_refused(200), "all others may still be wrong"
        for end in begun[:-1]:
            end(False)
    assert not is_refused(200), "the password of the last one was not checked"
    assert is_refused(201)


def test_right_passwords_take_nothing_from_the_limit_on_wrong_ones() -> None:
    limits = AccountLimits()
    for number in range(40):
        assert not _refused_with(limits, "ann", f"192.0.2.{number}", is_right=True)
        assert not _refused_with(limits, "bob", f"192.0.2.{number}", is_right=True)
    strangers = [_refused(limits, "ann", f"198.51.100.{number}") for number in range(40)]
    assert strangers == [False] * 30 + [True] * 10
    assert not any(_refused(limits, "ann", "192.0.2.1") for _ in range(10))


class SlowUsers:
    """Users of whom none exists; a password takes a moment, in which others begin."""

    def __init__(self) -> None:
        self.checked = 0

    def user_with(self, name: str, password: str) -> None:
        self.checked += 1
        time.sleep(0.01)


def test_concurrent_passwords_from_many_addresses_do_not_exceed_the_limit() -> None:
    users = SlowUsers()
    login: Any = Login(users)  # type: ignore[arg-type]

    async def guess(number: int) -> int:
        ATTEMPT.set(Attempt(f"192.0.2.{number}"))
        try:
            return 200 if await login.may_log_in("ann", f"guess {number}") else 400
        except RequestError as error:
            return error.status

    async def guess_all() -> list[int]:
        return await asyncio.gather(*map(guess, range(50)))

    assert Counter(run_elsewhere(guess_all())) == {400: 30, 429: 20}
    assert users.checked == 30


def test_concurrent_passwords_from_one_address_do_not_exceed_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, rate_limit="none")
    open_accounts(settings).users.add("ann", "correct horse battery")
    users = SlowUsers()
    monkeypatch.setattr(Users, "user_with", lambda _, name, password: users.user_with(name, password))
    with serving_chat(Parrot(), settings=settings) as chat, ThreadPoolExecutor(4) as threads:
        replies = threads.map(lambda number: log_in(chat.port, f"user{number}", "wrong"), range(40))
        assert [reply.status for reply in replies].count(400) == 20
    assert users.checked == 20


def test_a_user_has_so_many_logins_and_the_oldest_end_first() -> None:
    login = Login(None)  # type: ignore[arg-type]
    app = SimpleNamespace(tokens={})
    users = [User(name, "2026-01-01", f"#{name}") for name in ("ann", "bob")]
    for number in range(MOST_LOGINS + 5):
        for user in users:
            app.tokens[f"{user.name}{number}"] = user.name
            login._remember({"app": app}, [f"{user.name}{number}"] * 2, user)
    kept = {f"{user.name}{number}" for user in users for number in range(5, MOST_LOGINS + 5)}
    assert set(app.tokens) == set(login._users_by_token) == kept


def test_what_is_remembered_of_logins_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.security.login.MOST_NAMES", 50)
    limits = AccountLimits()
    for number in range(200):
        assert not _refused_with(limits, "x" * 10_000, f"192.0.2.{number}", is_right=True)
    assert len(limits._known) <= 50
    assert max(map(len, limits._known)) < 100


@pytest.mark.parametrize("rate", ["x", "120", "120/fortnight", "-1/minute", "many/minute"])
def test_a_rate_that_cannot_be_understood_is_told(tmp_path: Path, rate: str) -> None:
    with pytest.raises(SettingsError, match="rate_limit"):
        access_policy(Settings(home=tmp_path, rate_limit=rate))


def test_a_sender_of_many_addresses_is_one_sender() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("192.0.2.1") == network_of("::ffff:192.0.2.1") != network_of("192.0.2.2")
    assert network_of("") == network_of("no address") == ""


@pytest.mark.parametrize(
    ("method", "path", "counts"),
    [
        ("POST", "/v1/ask", True),
        ("GET", "/v1/articles", True),
        ("POST", "/mcp", True),
        ("GET", "/mcp", False),
        ("POST", "/gradio_api/queue/join", True),
        ("GET", "/gradio_api/queue/data", False),
        ("POST", "/gradio_api/upload", True),
        ("POST", "/gradio_api/call/ask", True),
        ("POST", "/gradio_api/cancel", True),
        ("POST", "/gradio_api/reset/", True),
        ("GET", "/gradio_api/heartbeat/x", False),
        ("GET", "/assets/index.js", False),
        ("GET", "/", False),
        ("GET", "/healthz", False),
        ("GET", "/metrics", False),
    ],
)
def test_what_asks_for_work_counts(method: str, path: str, counts: bool) -> None:
    assert is_limited(method, path) is counts


def test_a_served_key_is_told_when_to_come_again(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, rate_limit="2/minute")
    keys = open_accounts(settings).keys
    one, other = keys.create("one")[1], keys.create("other")[1]
    with serving_chat(Parrot(), settings=settings) as chat:
        replies = [visit(chat.port, "/v1/articles", Authorization=f"Bearer {one}") for _ in range(3)]
        assert [reply.status for reply in replies] == [200, 200, 429]
        assert 1 <= int(replies[-1].headers["retry-after"]) <= 60
        assert "Try again in" in replies[-1].json["error"]["hint"]
        assert visit(chat.port, "/v1/articles", Authorization=f"Bearer {other}").status == 200
        assert visit(chat.port, "/config").status == 200, "the page on this machine is nobody's"


def test_a_served_key_is_answered_so_many_at_a_time(tmp_path: Path) -> None:
    begun, go = threading.Semaphore(0), threading.Event()

    class Slow(Parrot):
        def stream(self, question: str, *given: Any, **named: Any) -> Any:
            begun.release()
            go.wait(300)
            yield from super().stream(question, *given, **named)

    settings = Settings(home=tmp_path, concurrency=2)
    _, secret = open_accounts(settings).keys.create("bot")
    with serving_chat(Slow(), settings=settings) as chat:

        def call() -> int:
            return visit(chat.port, "/v1/ask", body={"question": "When?"}, Authorization=f"Bearer {secret}").status

        statuses: list[int] = []
        threads = [threading.Thread(target=lambda: statuses.append(call())) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            assert begun.acquire(timeout=300)
            assert begun.acquire(timeout=300)
            assert call() == 429
        finally:
            go.set()
            for thread in threads:
                thread.join()
        assert statuses == [200, 200]
        assert call() == 200


def test_the_page_counts_too(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, rate_limit="2/minute")
    open_accounts(settings).users.add("ann", PASSWORD)
    with serving_chat(Parrot(), settings=settings) as chat:
        cookie = cookie_of(log_in(chat.port, "ann", PASSWORD))
        joined = {"data": [None] * 10, "fn_index": 0, "session_hash": "abc", "trigger_id": None}
        replies = [visit(chat.port, "/gradio_api/queue/join", body=joined, Cookie=cookie).status for _ in range(3)]
        assert 429 not in replies[:2]
        assert replies[2] == 429
        assert visit(chat.port, "/", Cookie=cookie).status == 200


def test_who_is_not_asked_for_a_name_on_this_machine_is_not_counted(tmp_path: Path) -> None:
    with serving_chat(Parrot(), settings=Settings(home=tmp_path, rate_limit="1/hour", concurrency=1)) as chat:
        assert [visit(chat.port, "/v1/articles").status for _ in range(3)] == [200] * 3
    opened = Settings(home=tmp_path, rate_limit="2/hour")
    with serving_chat(Parrot(), settings=opened, open_to_all=True) as chat:
        assert [visit(chat.port, "/v1/articles").status for _ in range(3)] == [200, 200, 429]
