"""A scripted LLM with the faults of a careless one: it never abstains, changes numbers and adds invented sentences.

It answers from the passages. The same question always gets the same answer.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from index import sentences
from rag.evaluate.metrics.text import words

_PASSAGE = re.compile(r"^\[(\d+)\] (.*?)(?=\n\n(?:\[\d+\] |…\n)|\n</document>)", re.DOTALL | re.MULTILINE)
_QUESTION = re.compile(r"<question>\n(.*?)\n</question>", re.DOTALL)
_NUMBER = re.compile(r"\d+")
_INVENTED = "Experts expect this to change the whole field within a year."
_LETTERS = 12  # sent at a time


class Hasty(BaseChatModel):
    """An LLM that repeats the sentence that shares the most words with the question.

    For about one question in five each, it appends an invented sentence, adds 7 to the first number in the sentence, or
    begins with “The article says”.
    """

    @property
    def _llm_type(self) -> str:
        return "hasty"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=said(str(messages[-1].content))))])

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        text = said(str(messages[-1].content))
        for at in range(0, len(text), _LETTERS):
            yield ChatGenerationChunk(message=AIMessageChunk(content=text[at : at + _LETTERS]))


def said(request: str) -> str:
    """Return the answer to a request in the format of `rag.prompts`."""
    found = _QUESTION.search(request)
    question = found[1] if found else ""
    asked = set(words(question))
    best = (-1.0, 0, "")  # share of words, number from below, sentence
    for number, text in _PASSAGE.findall(request):
        for span in sentences(text):
            sentence = " ".join(text[span.start : span.end].split())
            shared = len(asked & set(words(sentence))) / (len(asked) or 1)
            best = max(best, (shared, -int(number), sentence))
    _, number, sentence = best
    mood = zlib.crc32(question.encode()) % 5
    if mood == 0:
        sentence = _NUMBER.sub(lambda digits: str(int(digits[0]) + 7), sentence, count=1)
    added = f" {_INVENTED} [{-number}]" if mood == 1 else ""
    head = "The article says: " if mood == 2 else ""
    return f"{head}{sentence} [{-number}]{added}"
