"""Limits on the calls of the page's functions that wait or run at a time, in all and per user or address.

All calls of all users share one queue and a few dozen threads of the page's framework, so no user may take up most of
them. Rate limits do not help here: a single answer or upload may take minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import RequestError, retry_after, too_many_requests

if TYPE_CHECKING:
    from starlette.types import Scope

QUEUE_SIZE = 64
"""Maximum number of calls that wait in the page's queue."""

MOST_WAITING_ANSWERS = 32
"""Maximum number of questions that wait for their answers; the rest of the queue is for pages that are opened."""

ANSWERS = "answers"
"""The name of the queue (Gradio's `concurrency_id`) of all functions that answer questions."""

_RETRY_AFTER = 5  # seconds that a rejected client should wait


class Share(NamedTuple):
    """The maximum numbers of calls at a time: that wait, that run, and questions that wait or are being answered."""

    waiting: int
    running: int
    answers: int


USER_SHARE = Share(waiting=16, running=16, answers=4)
"""The share of a logged-in user. A page makes six calls when it is opened."""

ADDRESS_SHARE = Share(waiting=QUEUE_SIZE // 2, running=20, answers=16)
"""The share of an address or network without logins, which many users may have in common; 40 calls run at a time."""


class Call(NamedTuple):
    """A call of a function: the name under which its caller is limited ("" without limits), and the function's queue.

    `session` is the open page.
    """

    caller: str
    queue: str
    session: str
    is_running: bool = False


class CallLimits:
    """The limits on calls. A call counts from its admission until it ends.

    `AccessControl` stores the name under which a caller is limited in the request, which the framework keeps with the
    call.
    """

    def __init__(self) -> None:
        # Calls that were admitted and may not be in the framework's queue yet, by the identity of the request's state.
        self._arriving: dict[int, Call] = {}

    def admit(self, scope: Scope, call: Call, calls: list[Call]) -> None:
        """Count a call until `release`. Raises `RequestError` if there are too many; `calls` are those that count."""
        if call.queue == ANSWERS and sum(not each.is_running for each in _answers(calls)) >= MOST_WAITING_ANSWERS:
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


def _check_share(call: Call, own: list[Call]) -> None:
    """Raise a 429 `RequestError` if a caller's own calls take up the caller's share."""
    share = ADDRESS_SHARE if call.caller.startswith("address:") else USER_SHARE
    running = sum(each.is_running for each in own)
    whose = "from your address" if share is ADDRESS_SHARE else "of yours"
    if call.queue == ANSWERS and len(_answers(own)) >= share.answers:
        raise too_many_requests(f"Too many questions at a time: {len(_answers(own))} {whose}.", _RETRY_AFTER)
    if len(own) - running >= share.waiting or running >= share.running:
        raise too_many_requests(f"Too many requests at a time: {len(own)} {whose}.", _RETRY_AFTER)


def _answers(calls: list[Call]) -> list[Call]:
    return [each for each in calls if each.queue == ANSWERS]
