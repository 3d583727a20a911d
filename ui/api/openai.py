"""`POST /v1/chat/completions` and `GET /v1/models`, as clients of OpenAI's API expect them.

Source of the forms: OpenAI's API reference, "Chat Completions". An answer is Markdown with footnotes, so that chats
which know nothing of citations show them; beside it stand the exact citations. Instructions that a client sends are
passed over: it is the articles that answer.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from rag import NOT_FOUND, Answer, Assistant, ModelCatalog, SettingsError, Turn

from .ask import ALIVE, State, event, states, streamed
from .errors import HUNG_UP, Refused, reply, wrong_field
from .queue import RequestQueue
from .requests import read

MODEL = "citechat"
"""The name of the assistant as it is served."""

_OWNER = "citechat"
_CREATED = 1704067200  # models have no day of birth here, and clients want a number
_LONGEST_QUOTE = 200  # characters of a footnote's quote

_FOOTNOTES = re.compile(r"(?:\n\n\[\d{1,3}\] [^\n]*: “[^\n]*”)+\Z")

# What would be a link, an image, a reference or a tag in Markdown. Each is found by what stands before it, so that
# what was sent already stays as it was; two citations side by side are none.
_ALIVE = re.compile(r"(?<=\])[(:]|(?<=!)\[(?!\d{1,3}\])|<")


class _Lenient(BaseModel):
    """What other programs send has fields of which we know nothing."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Part(_Lenient):
    """A part of a message; only text is read."""

    type: str
    text: str | None = None


class Message(_Lenient):
    """What somebody said."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | tuple[Part, ...] | None = None

    @property
    def text(self) -> str:
        """Its words."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or () if part.type == "text" and part.text)


class StreamOptions(_Lenient):
    """What is sent with a stream."""

    include_usage: bool = False


class Completion(_Lenient):
    """A conversation that ends with a question. Fields that are not listed are passed over."""

    model: str
    messages: tuple[Message, ...] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = Field(None, description="There is one answer.")

    def asked(self) -> tuple[str, list[Turn]]:
        """The question, and what was said before. Raises `Refused` where the user does not speak last."""
        said = [each for each in self.messages if each.role in ("user", "assistant")]
        if not said or said[-1].role != "user":
            raise wrong_field("messages", "the last one is not of the role 'user'", "Send the question last.")
        history = [_turn(each) for each in said[:-1] if each.text]
        return said[-1].text, history


def _turn(message: Message) -> Turn:
    """What was said, an answer of ours without its footnotes: clients send back what they were sent."""
    if message.role == "user":
        return Turn("user", message.text)
    return Turn("assistant", _FOOTNOTES.sub("", message.text))


class Completions:
    """Answers in the form of OpenAI's API."""

    def __init__(self, assistant: Assistant, model_catalog: ModelCatalog | None, turns: RequestQueue) -> None:
        self._assistant = assistant
        self._offers = model_catalog
        self._turns = turns

    async def models(self, _: Request) -> Response:
        """The models that can be named."""
        names = await run_in_threadpool(self._names)
        return reply(200, {"object": "list", "data": [_model(name) for name in names]})

    async def model(self, request: Request) -> Response:
        """One of them."""
        name = request.path_params["id"]
        if name not in await run_in_threadpool(self._names):
            raise _unknown(name)
        return reply(200, _model(name))

    async def complete(self, request: Request) -> Response:
        """The answer to the last message, at once or as it is written."""
        asked = await read(request, Completion)
        question, history = asked.asked()
        assistant = await run_in_threadpool(self._chosen, asked.model)

        def begin() -> Iterator[Answer]:
            return assistant.stream(question, history)

        if asked.stream:
            include_usage = asked.stream_options is not None and asked.stream_options.include_usage
            written = _Written(asked.model, include_usage=include_usage)
            return streamed(written.events(states(self._turns, request, begin)), self._turns)
        answer = await self._turns.last(request, begin)
        return reply(200, _completion(asked.model, answer)) if answer else reply(HUNG_UP, {})

    def _names(self) -> tuple[str, ...]:
        return (MODEL, *(self._offers.models() if self._offers else ()))

    def _chosen(self, name: str) -> Assistant:
        """The assistant of that name. Raises `Refused` for one that is not offered."""
        if name == MODEL:
            return self._assistant
        if self._offers is None:
            raise _unknown(name)
        try:
            return self._assistant.with_choices(self._offers, name)
        except SettingsError:
            raise _unknown(name) from None


class _Written:
    """The chunks of one answer. Only sentences that were checked are sent, and none before one of them is supported:
    up to then an answer may still be replaced by saying that the articles do not tell."""

    def __init__(self, model: str, *, include_usage: bool) -> None:
        self._head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }
        self._include_usage = include_usage
        self._sent = ""

    async def events(self, states: AsyncIterator[State]) -> AsyncIterator[bytes]:
        yield self._chunk({"role": "assistant", "content": ""})
        async for state in states:
            if state is None:
                yield ALIVE
            elif not isinstance(state, Answer):
                yield event(state)  # OpenAI's clients raise what has `error`
                return
            elif not state.done:
                if piece := self._piece(inert(_settled(state))):
                    yield self._chunk({"content": piece})
            else:
                yield self._chunk({"content": self._piece(_content(state)), **_proof(state)})
                yield self._chunk({}, finish_reason="stop")
                if self._include_usage:
                    yield event({**self._head, "choices": [], "usage": _usage(state)})
                yield event(b"[DONE]")

    def _piece(self, text: str) -> str:
        """What is new in a text."""
        piece = text.removeprefix(self._sent)
        self._sent = text
        return piece

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return event({**self._head, "choices": [choice]})


def inert(text: str) -> str:
    """The text as Markdown in which nothing leads or loads anywhere: an article's words are no markup. Pure."""
    return _ALIVE.sub(r"\\\g<0>", text)


def _settled(answer: Answer) -> str:
    """What will not change any more of an answer that is being written."""
    is_supported = any(sentence.support != "unsupported" for sentence in answer.sentences)
    if not is_supported or answer.text.startswith(NOT_FOUND):
        return ""
    return answer.text[: answer.sentences[-1].end]


def _content(answer: Answer) -> str:
    """The whole answer with its notes, and a footnote for each place that it cites."""
    notes = [f"*{inert(_line(note))}*" for note in answer.notes]
    footnotes = [
        f"[{each.number}] {', '.join(inert(_line(part)) for part in (each.title, each.source, each.published) if part)}"
        f": “{inert(_short(each.quote))}”"
        for each in answer.citations
    ]
    return "\n\n".join([inert(answer.text), *notes, *footnotes])


def _proof(answer: Answer) -> dict[str, Any]:
    """What stands beside the text: whether the articles say it, and where."""
    whole = answer.to_dict()
    return {name: whole[name] for name in ("found", "sentences", "citations", "notes")}


def _completion(model: str, answer: Answer) -> dict[str, Any]:
    message = {"role": "assistant", "content": _content(answer), "refusal": None, **_proof(answer)}
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": _usage(answer),
    }


def _usage(answer: Answer) -> dict[str, int]:
    went_in, came_out = answer.tokens.get("in", 0), answer.tokens.get("out", 0)
    return {"prompt_tokens": went_in, "completion_tokens": came_out, "total_tokens": went_in + came_out}


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": _OWNER}


def _unknown(name: str) -> Refused:
    return Refused(404, f"there is no model {name[:80]!r}", "GET /v1/models lists those that there are.")


def _line(text: str) -> str:
    return " ".join(text.split())


def _short(text: str) -> str:
    text = _line(text)
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 1].rstrip()}…"
