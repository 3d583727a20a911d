"""An LLM asked with patience, within limits: what may pass is tried again, a prompt that is too long is shortened once,
and a model that takes too long or says the same thing for ever is stopped."""

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

_PASSES = frozenset({"too many", "server"})
"""Failures that are over in a moment. A server that is not there, or silent for all its time, is not asked again."""
_FIRST_PAUSE, _MOST_PAUSES = 1.0, 3  # seconds, and twice as many the next time

_TAIL = 600  # characters at the end of a reply in which a repetition is looked for
_LOOKED_AT_EVERY = 40  # characters
_REPEATED = re.compile(r"(.{1,120}?)\1{5,}$", re.DOTALL)
_SHORTEST_REPETITION = 120  # characters in all: a line of dashes under a heading is shorter


@dataclass(slots=True)
class LLMCall:
    """How an LLM is asked: by name `spec`, within `seconds` in all. What it cost is counted in `tokens`."""

    llm: BaseChatModel
    spec: str
    seconds: float
    tokens: dict[str, int] = field(default_factory=dict)
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def stream(self, prompt: Callable[[int], list[BaseMessage]], passages: int) -> Iterator[str]:
        """The reply to `prompt(passages)`, piece by piece; to half as many passages where so many are too long.

        Raises `LLMError` for what no patience mends, and for whatever goes wrong after the first piece.
        """
        began, pauses, is_shortened = self.clock(), 0, False
        while True:
            written, looked_at = "", 0
            try:
                for piece in stream_text(self.llm, prompt(passages), self.spec, self.tokens):
                    written += piece
                    yield piece
                    if self.clock() - began > self.seconds:
                        raise failure("too slow", self.spec, f"more than {self.seconds:g} s")
                    if len(written) - looked_at >= _LOOKED_AT_EVERY:
                        looked_at = len(written)
                        if repeats(written):
                            raise failure("repeating", self.spec)
            except LLMError as error:
                pause = max(_FIRST_PAUSE * 2**pauses, error.wait)
                if written:
                    raise
                if error.kind == "overflow" and passages > 1 and not is_shortened:
                    passages, is_shortened = passages // 2, True
                elif error.kind in _PASSES and pauses < _MOST_PAUSES and self.clock() + pause - began < self.seconds:
                    self.sleep(pause)
                    pauses += 1
                else:
                    raise
            else:
                return


def repeats(text: str) -> bool:
    """Whether a text ends in the same stretch again and again, as small models do that have lost their way."""
    found = _REPEATED.search(text[-_TAIL:])
    return found is not None and len(found[0]) >= _SHORTEST_REPETITION
