"""LLM answers: a prompt with the passages that fit, and a reply that is verified while it streams."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from index import Encoder

from ..answer import NOT_FOUND, Answer, Turn
from ..errors import LLMError
from ..grounding.support import SupportChecker
from ..llms.retry import LLMCall
from ..llms.streaming import CONTENT_FILTER, LENGTH
from ..prompts import answer_messages, standalone_messages, translation_messages
from ..questions.contextualize import contextualize, needs_context
from ..reading.reader import Reader
from ..settings import AnswerOptions
from .context import Context

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

_MAX_QUESTION_CHARS = 300  # maximum length of a rewritten question, in characters; a longer reply is not a question
_TOKEN_RATIO = 1.3
"""Maximum number of LLM tokens per encoder token: vocabularies differ, and if the LLM truncates the prompt, the
question is lost."""

_TOO_MANY = "the LLM wrote more than 200 sentences."
_CUT_SHORT = {
    LENGTH: "the LLM reached its token limit.",
    CONTENT_FILTER: "the provider's content filter stopped the LLM.",
}


def write(
    answer: Answer,
    context: Context,
    call: LLMCall,
    history: Sequence[Turn],
    encoder: Encoder,
    *,
    options: AnswerOptions,
    quoted: Callable[[str], Answer],
    reader: Reader | None = None,
) -> Iterator[Answer]:
    """Yield the answer as the LLM writes it, with every sentence graded.

    `found` is False only if the LLM says that the articles do not answer. If the LLM fails midway or stops too early,
    the last value has a note with the reason. If the option `strict` leaves nothing of the reply,
    `quoted(note)` is the answer. Raises `LLMError` if the LLM fails before it has written a sentence.
    """

    from .verified_stream import VerifiedStream  # its patterns take longer to compile than a quoted answer takes

    def prompt(passages: int) -> list[BaseMessage]:
        return _prompt(answer.question, context, passages, history, options)

    checker = SupportChecker(context.found, encoder, reader)
    verified = VerifiedStream(checker, len(context.found.passages), strict=options.strict)
    started = time.perf_counter()
    notes: list[str] = []
    try:
        for piece in call.stream(prompt, len(context.priority)):
            if "first token" not in answer.timings:
                timings = {**answer.timings, "first token": time.perf_counter() - started}
                answer = replace(answer, timings=timings)
            verified.feed(piece)
            answer = replace(answer, text=verified.text, sentences=tuple(verified.sentences))
            yield answer
            if verified.is_too_long:
                break
    except LLMError as error:
        verified.drop_unfinished()
        verified.close()
        if not verified.sentences:
            raise
        notes.append(f"The answer is not complete: {error.message}. {error.hint}")
    else:
        reason = _TOO_MANY if verified.is_too_long else _CUT_SHORT.get(call.finish_reason)
        is_unfinished = (reason is not None or not call.finish_reason) and verified.drop_unfinished()
        if reason or is_unfinished:
            notes.append(f"The answer is incomplete: {reason or 'the connection ended early. Ask again.'}")
        verified.close()
    if checker.is_limited:
        notes.append("The answer is long: its last sentences were compared with the articles, but not by the reader.")
    if verified.left_out:
        count = _sentence_count(verified.left_out)
        notes.append(f"Left out, because the articles contradict it or do not mention what it names: {count}.")
    answer = replace(
        answer,
        text=verified.text.rstrip(),
        sentences=tuple(verified.sentences),
        notes=tuple(notes),
        tokens=dict(call.tokens),
        reasoning=verified.reasoning or call.reasoning,
    )
    if verified.is_refusal:
        yield not_found(answer)
    elif verified.left_out and not verified.sentences:
        yield replace(quoted(notes[-1] + " Quoted from the articles instead."), tokens=answer.tokens)
    else:
        yield answer


def count_tokens(
    question: str, context: Context, history: Sequence[Turn], encoder: Encoder, options: AnswerOptions
) -> int:
    """Return the maximum number of LLM tokens in the prompt for a question with this context."""
    text = "\n".join(str(each.content) for each in _prompt(question, context, len(context.priority), history, options))
    return math.ceil(len(encoder.tokenize(text)) * _TOKEN_RATIO)


def _prompt(
    question: str, context: Context, passages: int, history: Sequence[Turn], options: AnswerOptions
) -> list[BaseMessage]:
    numbers = context.numbers(passages)
    return answer_messages(question, context.found.hits, history, options.instructions, numbers)


def rewrite(question: str, history: Sequence[Turn], call: LLMCall) -> str:
    """Return the question made independent of the conversation, by the LLM or, if the LLM fails, by rules."""
    if not history or not needs_context(question):
        return question
    try:
        reply = call.complete(standalone_messages(question, history)).strip()
    except LLMError:
        return contextualize(question, history)  # the LLM call that writes the answer will report the failure
    return reply if _is_question(reply) else contextualize(question, history)


def translate(question: str, titles: Sequence[str], call: LLMCall) -> str:
    """Return the question in the language of the titles, by the LLM; unchanged if the LLM fails."""
    try:
        reply = call.complete(translation_messages(question, titles)).strip()
    except LLMError:
        return question  # the LLM call that writes the answer will report the failure
    return reply if _is_question(reply) else question


def _is_question(reply: str) -> bool:
    return "\n" not in reply and 0 < len(reply) <= _MAX_QUESTION_CHARS


def not_found(answer: Answer) -> Answer:
    """Return the abstention `NOT_FOUND` as the answer, without citations."""
    return replace(answer, text=NOT_FOUND, found=False, sentences=())


def _sentence_count(count: int) -> str:
    return "one sentence" if count == 1 else f"{count} sentences"
