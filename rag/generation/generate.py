"""LLM answers: a prompt with the passages that fit, and a reply that is verified while it streams."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from index import Encoder, SearchResult

from ..answer import NOT_FOUND, Answer, Turn
from ..errors import LLMError
from ..grounding.support import SupportChecker
from ..llms.retry import LLMCall
from ..prompts import answer_messages, standalone_messages
from ..questions.contextualize import contextualize, needs_context
from ..settings import AnswerOptions
from .verified_stream import VerifiedStream

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

_MAX_QUESTION_CHARS = 300  # maximum length of a rewritten question, in characters; a longer reply is not a question
_TOKEN_RATIO = 1.3
"""Maximum number of LLM tokens per encoder token: vocabularies differ, and if the LLM truncates the prompt, the
question is lost."""


def write(
    answer: Answer,
    found: SearchResult,
    call: LLMCall,
    history: Sequence[Turn],
    encoder: Encoder,
    *,
    options: AnswerOptions,
) -> Iterator[Answer]:
    """Yield the answer as the LLM writes it; if the LLM fails midway, the last value has a note with the reason.

    Raises `LLMError` if the LLM fails before it has written a supported sentence. If a complete answer contains no
    supported sentence, `found` is set to False.
    """

    def prompt(passages: int) -> list[BaseMessage]:
        return answer_messages(answer.question, found.hits[:passages], history, options.instructions)

    passages = fitting(prompt, len(found.hits), encoder, options.prompt_tokens)
    verified = VerifiedStream(SupportChecker(found, encoder), passages, strict=options.strict)
    started = time.perf_counter()
    notes: tuple[str, ...] = ()
    try:
        for piece in call.stream(prompt, passages):
            if "first token" not in answer.timings:
                timings = {**answer.timings, "first token": time.perf_counter() - started}
                answer = replace(answer, timings=timings)
            verified.feed(piece)
            answer = replace(answer, text=verified.text, sentences=tuple(verified.sentences))
            yield answer
    except LLMError as error:
        verified.close()
        if not verified.is_supported:
            raise
        notes = (f"The answer is not complete: {error.message}. {error.hint}",)
    verified.close()
    if verified.left_out:
        notes = (*notes, f"Left out, because no passage says it: {_sentence_count(verified.left_out)}.")
    answer = replace(
        answer, text=verified.text.rstrip(), sentences=tuple(verified.sentences), notes=notes, tokens=dict(call.tokens)
    )
    if answer.text.startswith(NOT_FOUND):
        yield not_found(replace(answer, notes=()))
    elif not verified.is_supported:
        note = f"The model {answer.model!r} wrote an answer that no passage supports."
        yield not_found(replace(answer, notes=(note,)))
    else:
        yield answer


def rewrite(question: str, history: Sequence[Turn], call: LLMCall) -> str:
    """Return the question made independent of the conversation, by the LLM or, if the LLM fails, by rules."""
    if not history or not needs_context(question):
        return question
    try:
        reply = "".join(call.stream(lambda _: standalone_messages(question, history), 0)).strip()
    except LLMError:
        return contextualize(question, history)  # the LLM call that writes the answer will report the failure
    is_question = "\n" not in reply and 0 < len(reply) <= _MAX_QUESTION_CHARS
    return reply if is_question else contextualize(question, history)


def fitting(prompt: Callable[[int], list[BaseMessage]], passages: int, encoder: Encoder, prompt_tokens: int) -> int:
    """Return the number of passages, best first, that fit into the prompt; at least 1."""
    while passages > 1:
        text = "\n".join(str(message.content) for message in prompt(passages))
        if len(encoder.tokenize(text)) * _TOKEN_RATIO <= prompt_tokens:
            return passages
        passages -= 1
    return passages


def not_found(answer: Answer) -> Answer:
    """Return the abstention `NOT_FOUND` as the answer, without citations."""
    return replace(answer, text=NOT_FOUND, found=False, sentences=())


def _sentence_count(count: int) -> str:
    return "one sentence" if count == 1 else f"{count} sentences"
