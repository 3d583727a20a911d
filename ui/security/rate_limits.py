"""Limits on requests per caller, on the page's calls, and on failed login attempts. Each server counts in memory.

All calls of the page's functions share one queue and a few dozen threads of the page's framework, and a single answer
or upload may take minutes, so the number of each caller's calls that wait or run at a time is limited, too.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from rag import SettingsError

from .errors import RequestError, retry_after, too_many_requests

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import FixedWindowRateLimiter
    from starlette.types import Scope

CONCURRENT_LOGINS = 4
"""Maximum number of concurrent login attempts per address."""

MOST_NAMES = 100_000
"""Maximum number of names with counts; exceeding it resets all counts, which limits memory use."""

FAILED_ATTEMPTS = "20/minute"
"""Maximum rate of wrong keys or passwords per address. For keys, it only limits load: they have 256 random bits."""

ACCOUNT_ATTEMPTS_PER_ADDRESS = "10/10 minute"
"""Maximum rate of wrong passwords per user name and address."""

ACCOUNT_ATTEMPTS = "30/10 minute"
"""Maximum rate of wrong passwords per user name from all addresses at which this user has not logged in before."""

RIGHT_PASSWORDS = "30/minute"
"""Maximum rate of logins with the right password per user name and address; each one takes a hash and a token."""

HEARTBEATS = "60/minute"
"""Maximum rate per caller or address at which pages connect; a page does so once and then stays connected."""

ANONYMOUS_REQUESTS = "120/minute"
"""Maximum rate per address of requests that need a key or a login and have neither; further ones get 429, not 401."""

QUEUE_SIZE = 64
"""Maximum number of calls that wait in the page's queue."""

MOST_WAITING_ANSWERS = 32
"""Maximum number of questions that wait for their answers; the rest of the queue is for pages that are opened."""

ANSWERS = "answers"
"""The name of the queue (Gradio's `concurrency_id`) of all functions that answer questions."""

ADDITIONS = "additions"
"""The name of the queue of all functions that add articles to the index, one file at a time."""

EVALUATIONS = "evaluation"
"""The name of the queue of all functions that run a test set, one at a time."""

_RETRY_AFTER = 5  # seconds that a rejected client should wait


class RateLimit:
    """A rate limit per name, such as '120/minute'. Counts expire at the end of their time window."""

    def __init__(self, rate: str) -> None:
        """Parse the rate. Raises `ValueError` if it is invalid."""
        from limits import parse
        from limits.storage import MemoryStorage
        from limits.strategies import FixedWindowRateLimiter

        self._item: RateLimitItem = parse(rate)
        self._counts = MemoryStorage()
        self._limiter: FixedWindowRateLimiter = FixedWindowRateLimiter(self._counts)

    def hit(self, name: str) -> bool:
        """Count a hit for a name; return False if its limit had already been reached."""
        if len(self._counts.storage) >= MOST_NAMES:
            self._counts.reset()
        return self._limiter.hit(self._item, name)

    def check(self, name: str, message: str) -> None:
        """Raise a 429 `RequestError` if the limit is reached, without counting."""
        if not self._limiter.test(self._item, name):
            raise self.error(name, message)

    def reserve(self, name: str, message: str) -> Reservation:
        """Count a hit whose outcome decides later whether it counts. Raises a 429 `RequestError` at the limit.

        If the hit was counted after its outcome, concurrent ones could exceed the limit.
        """
        self.check(name, message)
        self.hit(name)
        return Reservation(partial(self._counts.decr, self._item.key_for(name)))

    def error(self, name: str, message: str) -> RequestError:
        """Return a 429 error with the time until the next allowed hit."""
        seconds = self._limiter.get_window_stats(self._item, name).reset_time - time.time()
        return too_many_requests(message, max(1, math.ceil(seconds)))


class Reservation:
    """A hit that is taken back at the end of its context, or by `release`, unless `keep` was called before."""

    def __init__(self, take_back: Callable[[], object]) -> None:
        self._take_back: Callable[[], object] | None = take_back

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def keep(self) -> None:
        """Let the hit count."""
        self._take_back = None

    def release(self) -> None:
        """Take the hit back, unless it counts or was taken back before."""
        if self._take_back is not None:
            self._take_back()
        self._take_back = None


class CallerLimits:
    """The limits per caller: a rate such as '120/minute' or 'none', and a maximum number of concurrent requests.

    Raises `SettingsError` if the rate is invalid.
    """

    def __init__(self, rate: str, concurrency: int) -> None:
        try:
            self._rate = None if rate in ("", "none") else RateLimit(rate)
        except ValueError:
            raise SettingsError(
                f"Invalid value for the setting 'rate_limit': {rate!r}.",
                "Write a number and a unit of time, such as 120/minute, 5/second or 1000/hour; or none.",
            ) from None
        self._concurrency = concurrency
        self._running: Counter[str] = Counter()

    @contextmanager
    def turn(self, caller: str, *, is_queued: bool = False) -> Iterator[None]:
        """Count a caller's request while it runs. Raises `RequestError` if a limit is reached.

        For requests that are queued elsewhere (`is_queued`), only the rate is limited.
        """
        running = self._running[caller]
        if running >= self._concurrency and not is_queued:
            raise too_many_requests(f"Too many requests at a time: {running} of yours are still running.", 1)
        if self._rate is not None and not self._rate.hit(caller):
            raise self._rate.error(caller, "Too many requests.")
        if is_queued:
            yield
            return
        self._running[caller] += 1
        try:
            yield
        finally:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]


class Share(NamedTuple):
    """The maximum numbers of calls at a time: that wait, that run, and questions, additions and evaluations that do
    either.

    `unfetched` is the maximum number of calls whose results were not fetched; an open page fetches them at once.
    """

    waiting: int
    running: int
    answers: int
    additions: int
    evaluations: int
    unfetched: int


USER_SHARE = Share(waiting=16, running=16, answers=3, additions=3, evaluations=1, unfetched=20)
"""The share of a logged-in user. A page makes five calls when it is opened, and can add files, a text and a link. Four
questions are answered at a time, so one place is left to others."""

ADDRESS_SHARE = Share(waiting=QUEUE_SIZE // 2, running=20, answers=16, additions=6, evaluations=2, unfetched=60)
"""The share of an address or network without logins, which many users may have in common; 40 calls run at a time."""


class Call(NamedTuple):
    """A call of a function: the name under which its caller is limited ("" without limits), and the function's queue.

    `session` is the open page.
    """

    caller: str
    queue: str
    session: str
    is_running: bool = False


class PageCallLimits:
    """The limits on calls. A call counts from its admission until it ends.

    `AccessControl` stores the name under which a caller is limited in the request, which the framework keeps with the
    call.
    """

    def __init__(self) -> None:
        # Calls that were admitted and may not be in the framework's queue yet, by the identity of the request's state.
        self._arriving: dict[int, Call] = {}

    def admit(self, scope: Scope, call: Call, calls: list[Call]) -> None:
        """Count a call until `release`. Raises `RequestError` if there are too many; `calls` are those that count."""
        waiting = [each for each in calls if not each.is_running]
        if call.queue == ANSWERS and len(_in_queue(ANSWERS, waiting)) >= MOST_WAITING_ANSWERS:
            raise RequestError(503, "Too many questions at once.", "Try again in a moment.", retry_after(_RETRY_AFTER))
        if call.caller:
            _check_share(call, [each for each in calls if each.caller == call.caller])
        self._arriving[id(scope["state"])] = call

    def release(self, scope: Scope) -> None:
        """Stop counting a request whose call is in the framework's queue, has ended, or was rejected."""
        self._arriving.pop(id(scope["state"]), None)

    def calls(self, queue: Any) -> list[Call]:
        """Return the calls that wait or run in the framework's queue, and those that are about to be queued."""
        queued = {id(state): call for state, call in _queued(queue)}
        return [*queued.values(), *(call for key, call in self._arriving.items() if key not in queued)]


def call_of(scope: Scope, queue: str, session: str, *, is_running: bool = False) -> Call:
    """Return the call that a request makes."""
    return Call(scope["state"].get("limited_as", ""), queue, session, is_running)


def _queued(queue: Any) -> Iterator[tuple[object, Call]]:
    """Yield the state of the request, and the call, for all events in the framework's queue."""
    running = [event for job in queue.active_jobs for event in job or ()]
    waiting = [event for each in queue.event_queue_per_concurrency_id.values() for event in each.queue]
    for events, is_running in ((waiting, False), (running, True)):
        for event in events:
            scope = event.request.scope
            yield scope["state"], call_of(scope, event.concurrency_id, event.session_hash, is_running=is_running)


def share_of(caller: str) -> Share:
    """Return the share of a user, or of an address."""
    return ADDRESS_SHARE if caller.startswith("address:") else USER_SHARE


def _check_share(call: Call, own: list[Call]) -> None:
    """Raise a 429 `RequestError` if a caller's own calls take up the caller's share."""
    share = share_of(call.caller)
    running = sum(each.is_running for each in own)
    whose = "from your address" if share is ADDRESS_SHARE else "of yours"
    shares = (
        (ANSWERS, share.answers, "questions"),
        (ADDITIONS, share.additions, "additions"),
        (EVALUATIONS, share.evaluations, "evaluations"),
    )
    for queue, most, what in shares:
        count = len(_in_queue(queue, own))
        if call.queue == queue and count >= most:
            raise too_many_requests(f"Too many {what} at a time: {count} {whose}.", _RETRY_AFTER)
    if len(own) - running >= share.waiting or running >= share.running:
        raise too_many_requests(f"Too many requests at a time: {len(own)} {whose}.", _RETRY_AFTER)


def _in_queue(queue: str, calls: list[Call]) -> list[Call]:
    return [each for each in calls if each.queue == queue]
