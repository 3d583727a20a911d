"""Calls to an LLM within a time limit: temporary failures are retried, a prompt that is too long is shortened once, and
a model that takes too long or repeats itself is stopped."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import LLMError
from .failures import failure
from .loader import stream_text

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

_RETRIED = frozenset({"rate limit", "server"})
"""Failures that usually pass within seconds. Requests to a server that is down or timed out are not retried."""
_FIRST_WAIT, _MAX_RETRIES = 1.0, 3  # first delay in seconds, doubled for each retry; number of retries

_TAIL = 600  # number of characters at the end of a reply that are searched for a repetition
_CHECK_EVERY = 40  # number of new characters after which the reply is checked for a repetition
_REPETITION = re.compile(r"(.{1,120}?)\1{5,}$", re.DOTALL)
_MIN_REPETITION = 120  # minimum length of a repetition in characters: a line of dashes under a heading is shorter


@dataclass(slots=True)
class LLMCall:
    """The LLM calls for one answer.

    `spec` names the LLM in errors. The `timeout` applies to each reply, including retries, in seconds. `tokens`
    contains the total token counts of the calls.
    """

    llm: BaseChatModel
    spec: str
    timeout: float
    tokens: dict[str, int] = field(default_factory=dict)
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def stream(self, prompt: Callable[[int], list[BaseMessage]], passages: int) -> Iterator[str]:
        """Yield the reply to `prompt(passages)` piece by piece; if that prompt is too long, use half the passages.

        Raises `LLMError` for a failure that retries do not fix, and for any failure after the first piece.
        """
        started, retries, is_shortened = self.clock(), 0, False
        while True:
            reply, checked = "", 0
            try:
                for piece in stream_text(self.llm, prompt(passages), self.spec, self.tokens):
                    reply += piece
                    yield piece
                    if self.clock() - started > self.timeout:
                        raise failure("total timeout", self.spec, f"more than {self.timeout:g} s")
                    if len(reply) - checked >= _CHECK_EVERY:
                        checked = len(reply)
                        if repeats(reply):
                            raise failure("repetition", self.spec)
            except LLMError as error:
                wait = max(_FIRST_WAIT * 2**retries, error.wait)
                if reply:
                    raise
                if error.kind == "context length" and passages > 1 and not is_shortened:
                    passages, is_shortened = passages // 2, True
                elif error.kind in _RETRIED and retries < _MAX_RETRIES and self.clock() + wait - started < self.timeout:
                    self.sleep(wait)
                    retries += 1
                else:
                    raise
            else:
                return


def repeats(text: str) -> bool:
    """Return whether a text ends in a loop, as replies from small models may."""
    found = _REPETITION.search(text[-_TAIL:])
    return found is not None and len(found[0]) >= _MIN_REPETITION
