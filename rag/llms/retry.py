"""Calls to an LLM within a time limit: temporary failures are retried, a prompt that is too long is shortened once, an
option that the model rejects is left out, and a model that takes too long or repeats itself is stopped."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import LLMError
from .failures import failure, log_failure
from .received_bytes import pause
from .streaming import Reply, stream_text

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

_RETRIED = frozenset({"rate limit", "server"})
"""Failures that usually pass within seconds. Requests to a server that is down or timed out are not retried."""
_FIRST_WAIT, _MAX_RETRIES = 1.0, 3  # first delay in seconds, doubled for each retry; number of retries

MOST_TEXT, MOST_REASONING = 50_000, 500_000
"""Maximum lengths of a reply and of its reasoning, in characters: a server may ignore the limit of tokens."""

_PIECE = 500  # maximum number of characters that are passed on at a time
_TAIL = 600  # number of characters at the end of a reply that are searched for a repetition
_CHECK_EVERY = 40  # number of new characters after which the reply is checked for a repetition
_REPETITION = re.compile(r"(.{1,120}?)\1{5,}$", re.DOTALL)
_MIN_REPETITION = 120  # minimum length of a repetition in characters: a line of dashes under a heading is shorter


@dataclass(slots=True)
class LLMCall:
    """The LLM calls for one answer.

    `spec` names the LLM in errors. The `timeout` applies to each reply, including retries, in seconds.

    Attributes:
        tokens: The total token counts of all calls, under `in` and `out`, if the provider reports them.
        finish_reason: Why the last reply ended: "stop", "length", "content_filter", or "" if the provider sent no such
            reason, for example because the connection was lost.
        reasoning: What the model thought before the last reply, if the provider sends it in a field of its own. It is
            not part of the answer.
    """

    llm: BaseChatModel
    spec: str
    timeout: float
    tokens: dict[str, int] = field(default_factory=dict)
    sleep: Callable[[float], None] = pause
    clock: Callable[[], float] = time.monotonic
    finish_reason: str = field(default="", init=False)
    reasoning: str = field(default="", init=False)

    def stream(self, prompt: Callable[[int], list[BaseMessage]], passages: int) -> Iterator[str]:
        """Yield the reply to `prompt(passages)` piece by piece; if that prompt is too long, use half the passages.

        Raises `LLMError` for a failure that retries do not fix, and for any failure after the first piece.
        """
        started, retries, is_shortened = self.clock(), 0, False
        left_out: set[str] = set()
        while True:
            has_begun = False
            try:
                for piece in self._reply(prompt(passages), started):
                    has_begun = True
                    yield piece
            except LLMError as error:
                wait = max(_FIRST_WAIT * 2**retries, error.wait)
                if has_begun:
                    log_failure(error)
                    raise
                if error.kind == "context length" and passages > 1 and not is_shortened:
                    passages, is_shortened = passages // 2, True
                elif error.kind not in left_out and leave_out(self.llm, error.kind):
                    left_out.add(error.kind)
                elif error.kind in _RETRIED and retries < _MAX_RETRIES and self.clock() + wait - started < self.timeout:
                    self.sleep(wait)
                    retries += 1
                else:
                    log_failure(error)
                    raise
            else:
                return

    def complete(self, messages: Sequence[BaseMessage]) -> str:
        """Return the whole reply to `messages`, with the same retries and time limit as `stream`. Raises `LLMError`."""
        return "".join(self.stream(lambda _: list(messages), 0))

    def _reply(self, messages: list[BaseMessage], started: float) -> Iterator[str]:
        """Yield one reply, and record what came with it."""
        reply, text, checked = Reply(), "", 0

        def check() -> None:
            if self.clock() - started > self.timeout:
                raise failure("total timeout", self.spec, f"more than {self.timeout:g} s")
            if len(reply.reasoning) > MOST_REASONING:
                raise failure("too long", self.spec, f"more than {MOST_REASONING:,} characters of reasoning")

        try:
            for chunk in stream_text(self.llm, messages, self.spec, reply, check, clock=self.clock):
                # In pieces, because the caller checks every sentence of a piece before it asks for the next one.
                for at in range(0, len(chunk), _PIECE):
                    piece = chunk[at : at + _PIECE]
                    text += piece
                    yield piece
                    check()
                    if len(text) > MOST_TEXT:
                        raise failure("too long", self.spec, f"more than {MOST_TEXT:,} characters")
                    if len(text) - checked >= _CHECK_EVERY:
                        checked = len(text)
                        if repeats(text):
                            raise failure("repetition", self.spec)
        finally:
            self.finish_reason, self.reasoning = reply.finish_reason, reply.reasoning
            for name, count in reply.tokens.items():
                self.tokens[name] = self.tokens.get(name, 0) + count


def leave_out(llm: BaseChatModel, option: str) -> bool:
    """Remove an option that the model rejects ("temperature" or "max_tokens") from its client, for this and all later
    calls; return whether the client can do without it.

    The limit of tokens is kept under its newer name, `max_completion_tokens`.
    """
    client: Any = llm
    fields = getattr(type(llm), "model_fields", {})
    try:
        if option == "temperature" and option in fields:
            client.temperature = None
            return True
        if option == "max_tokens" and "extra_body" in fields:
            extra = dict(client.extra_body or {})
            client.max_tokens = extra.pop("max_tokens", client.max_tokens)  # the client uses the newer name for it
            client.extra_body = extra or None
            return True
    except (ValueError, TypeError, AttributeError):  # the client cannot be changed
        return False
    return False


def repeats(text: str) -> bool:
    """Return whether a text ends in a loop, as replies from small models may."""
    found = _REPETITION.search(text[-_TAIL:])
    return found is not None and len(found[0]) >= _MIN_REPETITION
