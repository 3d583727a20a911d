"""`POST /v1/ask`: a question is answered, at once or as the answer is written."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from index import CitechatError
from rag import Answer, Assistant

from .errors import HUNG_UP, UNEXPECTED, Refused, as_error, as_json, refusal, reply
from .queue import RequestQueue
from .requests import Asked, read

logger = logging.getLogger(__name__)

LONGEST_STREAM = 600.0
"""Seconds that an answer may take to be written; a model's own patience ends before that."""

SNAPSHOT_EVERY = 0.05
"""Seconds between two states of an answer that are sent: a reader sees no more of them."""

EVENTS = "text/event-stream"

Begin = Callable[[], Iterator[Answer]]
State = Answer | dict[str, object] | None


class AskEndpoint:
    """Answers questions of programs, some at a time."""

    def __init__(self, assistant: Assistant, turns: RequestQueue) -> None:
        self._assistant = assistant
        self._turns = turns

    async def ask(self, request: Request) -> Response:
        """The answer, or ever fuller ones as server-sent events where the body or `Accept` asks for them."""
        asked = await read(request, Asked)
        question, history, article_filter = asked.question, asked.turns(), asked.article_filter.article_filter()

        def begin() -> Iterator[Answer]:
            return self._assistant.stream(question, history, article_filter)

        if asked.stream or EVENTS in request.headers.get("accept", ""):
            return streamed(_events(states(self._turns, request, begin)), self._turns)
        answer = await self._turns.last(request, begin)
        return reply(200, answer.to_dict()) if answer else reply(HUNG_UP, {})


def streamed(events: AsyncIterator[bytes], turns: RequestQueue) -> Response:
    """Server-sent events, which no proxy may hold back. Raises `Refused` where too many wait: once the events begin,
    the status has been sent."""
    turns.require_room()
    return StreamingResponse(
        events, media_type=EVENTS, headers={"cache-control": "no-store", "x-accel-buffering": "no"}
    )


async def states(turns: RequestQueue, request: Request, begin: Begin) -> AsyncIterator[State]:
    """States of an answer at most every `SNAPSHOT_EVERY` seconds, and the last; `None` says that it goes on. An error
    comes as what is told of it: the status has been sent. None comes after `LONGEST_STREAM` seconds."""
    began = time.monotonic()
    try:
        async for state in turns.states(request, begin):
            yield state
            if time.monotonic() - began > LONGEST_STREAM:
                yield as_error(_late())
                return
            if state is not None and not state.done:
                await asyncio.sleep(SNAPSHOT_EVERY)
    except CitechatError as error:
        yield as_error(refusal(error))
    except Exception:
        logger.exception("a question to %s failed", request.url.path)
        yield as_error(UNEXPECTED)


def _late() -> Refused:
    return Refused(503, f"the answer took longer than {LONGEST_STREAM:.0f} seconds", "Ask for less.")


def event(value: object, name: str = "") -> bytes:
    """A server-sent event; JSON has no line breaks that could end it before."""
    data = b"data: " + (value if isinstance(value, bytes) else as_json(value)) + b"\n\n"
    return (f"event: {name}\n".encode() if name else b"") + data


ALIVE = b": the answer is being written\n\n"
"""A comment, which clients pass over."""


async def _events(states: AsyncIterator[State]) -> AsyncIterator[bytes]:
    """Each state as a message, the whole answer as `done`, what goes wrong as `error`."""
    async for state in states:
        if state is None:
            yield ALIVE
        elif isinstance(state, Answer):
            yield event(state.to_dict(), "done" if state.done else "")
        else:
            yield event(state, "error")
