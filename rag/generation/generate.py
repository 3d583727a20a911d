"""The answer as an LLM writes it: asked with the passages that fit, checked sentence by sentence as it streams."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from index import Encoder, SearchResult

from ..answer import NOT_FOUND, Answer, Turn
from ..errors import LLMError
from ..grounding.support import Checker
from ..llms.retry import LLMCall
from ..prompts import answer_messages, standalone_messages
from ..questions.contextualize import leans_on, stand_alone
from ..settings import AnswerOptions
from .verified_stream import VerifiedStream

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

_LONGEST_QUESTION = 300  # characters; what is longer is an answer
_MODELS_COUNT_MORE = 1.3
"""Tokens of an LLM for each of ours, at most: vocabularies differ, and a prompt that is cut loses its question."""


def write(
    answer: Answer,
    found: SearchResult,
    call: LLMCall,
    history: Sequence[Turn],
    encoder: Encoder,
    *,
    options: AnswerOptions,
) -> Iterator[Answer]:
    """Ever fuller answers; the last one is whole, or as far as the model came, with a note why it ends there.

    Raises `LLMError` when the model failed before it wrote anything that a passage says. A whole answer of which no
    passage says anything is `found=False`.
    """

    def prompt(passages: int) -> list[BaseMessage]:
        return answer_messages(answer.question, found.hits[:passages], history, options.instructions)

    passages = fitting(prompt, len(found.hits), encoder, options.prompt_tokens)
    checked = VerifiedStream(Checker(found, encoder), passages, strict=options.strict)
    began = time.perf_counter()
    notes: tuple[str, ...] = ()
    failed: LLMError | None = None
    try:
        for piece in call.stream(prompt, passages):
            if "first token" not in answer.timings:
                timings = {**answer.timings, "first token": time.perf_counter() - began}
                answer = replace(answer, timings=timings)
            checked.feed(piece)
            answer = replace(answer, text=checked.text, sentences=tuple(checked.sentences))
            yield answer
    except LLMError as error:
        failed = error
    checked.close()
    if failed is not None:
        if not checked.is_supported:
            raise failed
        notes = (f"The answer is not complete: {failed.message}. {failed.hint}",)
    if checked.left_out:
        notes = (*notes, f"Left out, because no passage says it: {_sentences(checked.left_out)}.")
    answer = replace(
        answer, text=checked.text.rstrip(), sentences=tuple(checked.sentences), notes=notes, tokens=dict(call.tokens)
    )
    if answer.text.startswith(NOT_FOUND):
        yield not_found(replace(answer, notes=()))
    elif not checked.is_supported:
        note = f"The model {answer.model!r} wrote an answer that no passage supports."
        yield not_found(replace(answer, notes=(note,)))
    else:
        yield answer


def rewrite(question: str, history: Sequence[Turn], call: LLMCall) -> str:
    """The question in words that need no conversation, by the LLM where it leans on one; by rule where that fails."""
    if not history or not leans_on(question):
        return question
    try:
        said = "".join(call.stream(lambda _: standalone_messages(question, history), 0)).strip()
    except LLMError:
        return stand_alone(question, history)  # the answer will meet the same failure, and say so
    is_question = "\n" not in said and 0 < len(said) <= _LONGEST_QUESTION
    return said if is_question else stand_alone(question, history)


def fitting(prompt: Callable[[int], list[BaseMessage]], passages: int, encoder: Encoder, prompt_tokens: int) -> int:
    """How many of the passages, the best first, a prompt may have: whole ones, and at least one."""
    while passages > 1:
        text = "\n".join(str(message.content) for message in prompt(passages))
        if len(encoder.tokenize(text)) * _MODELS_COUNT_MORE <= prompt_tokens:
            return passages
        passages -= 1
    return passages


def not_found(answer: Answer) -> Answer:
    """The answer that the articles do not say; it cites nothing."""
    return replace(answer, text=NOT_FOUND, found=False, sentences=())


def _sentences(count: int) -> str:
    return "one sentence" if count == 1 else f"{count} sentences"
