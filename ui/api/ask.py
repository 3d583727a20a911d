"""`POST /v1/ask`: answers a question, at once or as a stream."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from index import CitechatError
from rag import Answer, Assistant

from ..security.errors import RequestError
from .errors import CLIENT_CLOSED_REQUEST, UNEXPECTED, as_json, json_response, request_error
from .queue import RequestQueue
from .schemas import AskRequest, read_body

logger = logging.getLogger(__name__)

STREAM_TIMEOUT = 600.0
"""Seconds that an answer may take; the timeout of an LLM is shorter."""

SNAPSHOT_INTERVAL = 0.05
"""Seconds between two states of an answer in a stream; a person cannot see more of them."""

EVENTS = "text/event-stream"

KEEP_ALIVE = b": the answer is being written\n\n"
"""A comment in an event stream, which clients ignore."""

Begin = Callable[[], Iterator[Answer]]
State = Answer | dict[str, object] | None


class AskEndpoint:
    """The endpoint that answers questions through a queue."""

    def __init__(self, assistant: Assistant, queue: RequestQueue) -> None:
        self._assistant = assistant
        self._queue = queue

    async def ask(self, request: Request) -> Response:
        """Return the answer, or stream it as server-sent events if the body or `Accept` asks for that."""
        body = await read_body(request, AskRequest)
        begin = partial(self._assistant.stream, body.question, body.turns(), body.only.article_filter())
        if body.stream or EVENTS in request.headers.get("accept", ""):
            return event_stream(_events(answer_states(self._queue, request, begin)), self._queue)
        answer = await self._queue.last(request, begin)
        return json_response(200, answer.to_dict()) if answer else json_response(CLIENT_CLOSED_REQUEST, {})


def event_stream(events: AsyncIterator[bytes], queue: RequestQueue) -> Response:
    """Return a response of server-sent events that no proxy buffers.

    Raises `RequestError` if the queue is full: the status is sent before the first event.
    """
    queue.require_room()
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(events, media_type=EVENTS, headers=headers)


async def answer_states(queue: RequestQueue, request: Request, begin: Begin) -> AsyncIterator[State]:
    """Yield states of an answer, at most one every `SNAPSHOT_INTERVAL` seconds, and the last one.

    `None` says that the work goes on. An error is yielded in its JSON form, because the status has been sent. The
    stream ends after `STREAM_TIMEOUT` seconds.
    """
    started = time.monotonic()
    try:
        async for state in queue.states(request, begin):
            yield state
            if time.monotonic() - started > STREAM_TIMEOUT:
                problem = f"The answer took longer than {STREAM_TIMEOUT:.0f} seconds."
                yield RequestError(503, problem, "Ask for less.").to_dict()
                return
            if state is not None and not state.done:
                await asyncio.sleep(SNAPSHOT_INTERVAL)
    except CitechatError as error:
        yield request_error(error).to_dict()
    except Exception:
        logger.exception("a question to %s failed", request.url.path)
        yield UNEXPECTED.to_dict()


def event(value: object, name: str = "") -> bytes:
    """Return a server-sent event; JSON contains no line breaks that could end it early."""
    data = b"data: " + as_json(value) + b"\n\n"
    return (f"event: {name}\n".encode() if name else b"") + data


async def _events(states: AsyncIterator[State]) -> AsyncIterator[bytes]:
    """Yield each state as a message, the finished answer as `done`, and an error as `error`."""
    async for state in states:
        if state is None:
            yield KEEP_ALIVE
        elif isinstance(state, Answer):
            yield event(state.to_dict(), "done" if state.done else "")
        else:
            yield event(state, "error")
