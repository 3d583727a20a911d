"""`POST /v1/ask`: answers a question, with a single response or a stream."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from index import CitechatError, RequestFilter
from rag import Answer, Assistant, Turn

from ..security.errors import UNEXPECTED, RequestError
from .errors import CLIENT_CLOSED_REQUEST, as_json, json_response, request_error
from .queue import RequestQueue
from .schemas import AskRequest, read_body

logger = logging.getLogger(__name__)

STREAM_TIMEOUT = 600.0
"""Maximum duration of an answer, in seconds; the LLM timeout is shorter."""

SNAPSHOT_INTERVAL = 0.05
"""Minimum interval between answer states in a stream, in seconds; more frequent updates are not visible."""

EVENTS = "text/event-stream"

KEEP_ALIVE = b": the answer is being written\n\n"
"""An event stream comment, which clients ignore."""

Begin = Callable[[], Iterator[Answer]]
State = Answer | dict[str, object] | None


class AskEndpoint:
    """The endpoint that answers questions through a queue."""

    def __init__(self, assistant: Assistant, queue: RequestQueue) -> None:
        self._assistant = assistant
        self._queue = queue

    async def ask(self, request: Request) -> Response:
        """Return the answer, or stream it as server-sent events if the body or `Accept` asks for that."""
        question, history, article_filter, is_stream = await read_body(request, AskRequest, _question)
        begin = partial(self._assistant.stream, question, history, article_filter)
        if is_stream or EVENTS in request.headers.get("accept", ""):
            return event_stream(_events(answer_states(self._queue, request, begin)), self._queue)
        answer = await self._queue.last(request, begin)
        return json_response(200, answer.to_dict()) if answer else json_response(CLIENT_CLOSED_REQUEST, {})


def _question(body: AskRequest) -> tuple[str, list[Turn], RequestFilter, bool]:
    return body.question, body.turns(), body.only.article_filter(), body.stream


def event_stream(events: AsyncIterator[bytes], queue: RequestQueue) -> Response:
    """Return a response with server-sent events that proxies do not buffer.

    Raises `RequestError` if the queue is full: after the first event, the status can no longer change.
    """
    queue.require_room()
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(events, media_type=EVENTS, headers=headers)


async def answer_states(queue: RequestQueue, request: Request, begin: Begin) -> AsyncIterator[State]:
    """Yield answer states, at most one every `SNAPSHOT_INTERVAL` seconds, and always the last state.

    `None` means that the answer is still being written. Errors are yielded as JSON objects, because the status has
    already been sent. The stream ends after `STREAM_TIMEOUT` seconds.
    """
    started = time.monotonic()
    try:
        async for state in queue.states(request, begin):
            yield state
            if time.monotonic() - started > STREAM_TIMEOUT:
                problem = f"The answer took longer than {STREAM_TIMEOUT:.0f} seconds."
                yield RequestError(503, problem, "Ask a narrower question.").to_dict()
                return
            if state is not None and not state.done:
                await asyncio.sleep(SNAPSHOT_INTERVAL)
    except CitechatError as error:
        yield request_error(error).to_dict()
    except Exception:
        logger.exception("a question to %s failed", request.url.path)
        yield UNEXPECTED.to_dict()


def event(value: object, name: str = "") -> bytes:
    """Return a server-sent event; its JSON does not contain line breaks, which could end the event early."""
    data = b"data: " + as_json(value) + b"\n\n"
    return (f"event: {name}\n".encode() if name else b"") + data


async def _events(states: AsyncIterator[State]) -> AsyncIterator[bytes]:
    """Yield each state as a message, the finished answer as a `done` event, and an error as an `error` event."""
    async for state in states:
        if state is None:
            yield KEEP_ALIVE
        elif isinstance(state, Answer):
            yield event(state.to_dict(), "done" if state.done else "")
        else:
            yield event(state, "error")
