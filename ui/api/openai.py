"""`POST /v1/chat/completions` and `GET /v1/models` for clients of the OpenAI API.

The formats follow OpenAI's API reference, "Chat Completions". An answer is Markdown with footnotes, so that clients
without citation support can show the sources; extra fields contain the exact citations. System messages are ignored:
answers come from the articles. The prompts that chat applications send for themselves, such as for a title, are not
questions: the LLM gets them unchanged, or without an LLM, the result is made of the conversation.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from index import CitechatError
from rag import NOT_FROM_ARTICLES, Answer, Assistant, ModelCatalog, SettingsError, Turn, follow_up_questions

from ..html import break_addresses, is_web_address
from ..security.errors import RequestError
from .ask import KEEP_ALIVE, State, answer_states, event, event_stream
from .errors import CLIENT_CLOSED_REQUEST, invalid_field, json_response
from .helper_prompts import HelperPrompt, find_helper_prompt, plain_result, without_markup
from .queue import RequestQueue
from .schemas import Items, read_body

MODEL = "citechat"
"""The model name of the served assistant."""

_OWNER = "citechat"
_CREATED = 1704067200  # clients require a date, which these models do not have
_LONGEST_QUOTE = 200  # maximum length of a quote in a footnote, in characters

_MOST_DIGITS = 3  # in the number of a footnote
_FOLLOW_UPS = 3  # number of follow-up questions for a client that asks for them
_CHARACTERS_PER_TOKEN = 4  # of a prompt that is passed on to the LLM

# Characters that begin a link, an image, a reference, a tag or a character reference in Markdown; and every backslash,
# because it would cancel one that is written before them. Each pattern depends only on preceding text, so the part of
# an answer that was already sent does not change; two adjacent citations are not a reference.
_MARKUP = re.compile(r"[\\<]|(?<=\])[(:]|(?<=!)\[(?!\d{1,3}\])|(?<=&)#")
_NAMED_CHARACTER = re.compile(r"(&[A-Za-z][A-Za-z0-9]{0,31});")


class _LenientRequest(BaseModel):
    """A request model that ignores unknown fields."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Part(_LenientRequest):
    """A message part; only text parts are used."""

    type: str
    text: str | None = None


class Message(_LenientRequest):
    """A message in the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Items[Part] | None = None

    @property
    def text(self) -> str:
        """The combined text of all parts."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or () if part.type == "text" and part.text)


class StreamOptions(_LenientRequest):
    """Streaming options."""

    include_usage: bool = False


class CompletionRequest(_LenientRequest):
    """A conversation that ends with a question. Unknown fields are ignored."""

    model: str
    messages: Items[Message] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = Field(None, description="There is always one answer.")

    def helper_prompt(self) -> HelperPrompt | None:
        """Return the request as a prompt that the client sends for itself, or None if it is a question."""
        return find_helper_prompt([(each.role, each.text) for each in self.messages])

    def question_and_history(self) -> tuple[str, list[Turn]]:
        """Return the question and the turns before it. Raises `RequestError` if the last message is not the user's."""
        messages = [each for each in self.messages if each.role in ("user", "assistant")]
        if not messages or messages[-1].role != "user":
            raise invalid_field("messages", "the last message does not have the role 'user'", "Send the question last.")
        return messages[-1].text, [_turn(each) for each in messages[:-1] if each.text]


def _turn(message: Message) -> Turn:
    """Return the message as a turn, without the footnotes that clients send back as part of earlier answers."""
    if message.role == "user":
        return Turn("user", message.text)
    return Turn("assistant", without_footnotes(message.text))


def without_footnotes(text: str) -> str:
    """Return a text without the footnotes at its end. Takes linear time for any text, which a client may have made."""
    end = len(text)
    while (start := text.rfind("\n\n", 0, end)) >= 0 and _is_footnote(text[start + 2 : end]):
        end = start
    return text[:end]


def _is_footnote(paragraph: str) -> bool:
    """Return whether a paragraph is a footnote as `_content` writes it: "[1] Title, source: “quote”"."""
    number, closed, rest = paragraph.removeprefix("[").partition("] ")
    return bool(
        paragraph.startswith("[")
        and closed
        and len(number) <= _MOST_DIGITS
        and number.isdecimal()
        and ": “" in rest
        and rest.endswith("”")
        and "\n" not in rest
    )


class CompletionEndpoints:
    """The endpoints for clients of the OpenAI API."""

    def __init__(self, assistant: Assistant, model_catalog: ModelCatalog | None, queue: RequestQueue) -> None:
        self._assistant = assistant
        self._catalog = model_catalog
        self._queue = queue

    async def list_models(self, _: Request) -> Response:
        """List the models that a request can select."""
        names = await run_in_threadpool(self._names)
        return json_response(200, {"object": "list", "data": [_model(name) for name in names]})

    async def read_model(self, request: Request) -> Response:
        """Return the model with this id."""
        name = request.path_params["id"]
        if name not in await run_in_threadpool(self._names):
            raise _unknown_model(name)
        return json_response(200, _model(name))

    async def complete(self, request: Request) -> Response:
        """Answer the last message, with a single response or a stream."""
        body, helper, asked = await read_body(request, CompletionRequest, _read)
        assistant = await run_in_threadpool(self._assistant_named, body.model)
        begin = partial(_help, assistant, helper) if helper else partial(assistant.stream, *asked)
        if body.stream:
            include_usage = body.stream_options is not None and body.stream_options.include_usage
            states = answer_states(self._queue, request, begin)
            return event_stream(_chunks(states, body.model, include_usage=include_usage), self._queue)
        answer = await self._queue.last(request, begin)
        if answer is None:
            return json_response(CLIENT_CLOSED_REQUEST, {})
        return json_response(200, _completion(body.model, answer))

    def _names(self) -> tuple[str, ...]:
        return (MODEL, *(self._catalog.models() if self._catalog else ()))

    def _assistant_named(self, name: str) -> Assistant:
        """Return the assistant for a model. Raises `RequestError` if the model is not available."""
        if name == MODEL:
            return self._assistant
        if self._catalog is None:
            raise _unknown_model(name)
        try:
            return self._assistant.with_choices(self._catalog, name)
        except SettingsError:
            raise _unknown_model(name) from None


def _read(body: CompletionRequest) -> tuple[CompletionRequest, HelperPrompt | None, tuple[str, list[Turn]]]:
    helper = body.helper_prompt()
    return body, helper, ("", []) if helper else body.question_and_history()


def _help(assistant: Assistant, prompt: HelperPrompt) -> Iterator[Answer]:
    """Yield the result of a client's own prompt: the LLM's or, without an LLM or for a prompt that is longer than those
    with passages, one that is made of the conversation.
    """
    if assistant.llm is not None and prompt.size <= _CHARACTERS_PER_TOKEN * assistant.options.prompt_tokens:
        for answer in assistant.pass_on(prompt.messages):
            yield replace(answer, text=without_markup(answer.text))
        return
    text = without_markup(plain_result(prompt, partial(_follow_ups, assistant)))
    yield Answer("", text, found=False, model=assistant.model, notes=(NOT_FROM_ARTICLES,), done=True)


def _follow_ups(assistant: Assistant, asked: list[str]) -> list[str]:
    """Return questions that the articles answer, after those that a user asked; none if they cannot be found."""
    quoting = assistant.without_llm()
    try:
        return follow_up_questions(quoting, quoting.ask(asked[-1]), asked, _FOLLOW_UPS)
    except CitechatError:
        return []


async def _chunks(states: AsyncIterator[State], model: str, *, include_usage: bool) -> AsyncIterator[bytes]:
    """Yield the chunks of an answer: only checked sentences, and none before at least one sentence is supported.

    Until then, the answer may still be replaced by a message that the articles do not answer the question.
    """
    head = {**_head(model), "object": "chat.completion.chunk"}
    sent = ""

    def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return event({**head, "choices": [choice]})

    yield chunk({"role": "assistant", "content": ""})
    async for state in states:
        if state is None:
            yield KEEP_ALIVE
        elif not isinstance(state, Answer):
            yield event(state)  # OpenAI clients raise an exception for an object with `error`
            return
        else:
            text = _content(state) if state.done else escape_markup(_final_part(state))
            delta, sent = text.removeprefix(sent), text
            if state.done:
                yield chunk({"content": delta, **_evidence(state)})
                yield chunk({}, finish_reason="stop")
                if include_usage:
                    yield event({**head, "choices": [], "usage": _usage(state)})
                yield b"data: [DONE]\n\n"
            elif delta:
                yield chunk({"content": delta})


def escape_markup(text: str) -> str:
    """Return the text as Markdown without links, images, tags and addresses: article text is not markup.

    All of them are escaped, and addresses also contain a word joiner.
    """
    return _NAMED_CHARACTER.sub(r"\1\\;", _MARKUP.sub(r"\\\g<0>", break_addresses(text)))


def _final_part(answer: Answer) -> str:
    """Return the part of an unfinished answer that will not change; empty until a sentence is finished."""
    return answer.text[: answer.sentences[-1].end] if answer.sentences else ""


def _content(answer: Answer) -> str:
    """Return the complete answer with its notes and a footnote for each citation; a result for the client as it is."""
    if NOT_FROM_ARTICLES in answer.notes:
        return answer.text
    notes = [f"*{escape_markup(_one_line(note))}*" for note in answer.notes]
    footnotes = []
    for each in answer.citations:
        parts = [_one_line(part) for part in (each.title, each.source, each.published) if part]
        origin = [part if is_web_address(part) and part == each.source else escape_markup(part) for part in parts]
        quote = _one_line(each.quote)
        if len(quote) > _LONGEST_QUOTE:
            quote = f"{quote[: _LONGEST_QUOTE - 1].rstrip()}…"
        footnotes.append(f"[{each.number}] {', '.join(origin)}: “{escape_markup(quote)}”")
    return "\n\n".join([escape_markup(answer.text), *notes, *footnotes])


def _evidence(answer: Answer) -> dict[str, Any]:
    """Return the extra response fields that describe the evidence in the articles."""
    fields = answer.to_dict()
    return {name: fields[name] for name in ("found", "sentences", "citations", "notes")}


def _completion(model: str, answer: Answer) -> dict[str, Any]:
    message = {"role": "assistant", "content": _content(answer), "refusal": None, **_evidence(answer)}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return {**_head(model), "object": "chat.completion", "choices": [choice], "usage": _usage(answer)}


def _head(model: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": model}


def _usage(answer: Answer) -> dict[str, int]:
    prompt, completion = answer.tokens.get("in", 0), answer.tokens.get("out", 0)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": _OWNER}


def _unknown_model(name: str) -> RequestError:
    return RequestError(404, f"Unknown model {name[:80]!r}.", "See GET /v1/models for the available models.")


def _one_line(text: str) -> str:
    return " ".join(text.split())
