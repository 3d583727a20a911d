"""The question in a message, which may also contain a pasted text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ..answer import NOT_READ, Turn
from ..errors import QuestionError
from .classify import classify
from .contextualize import has_pronoun

LONGEST_QUESTION = 400
"""Maximum length of a question beside a pasted text, in characters."""

_LABEL = re.compile(r"(?:my |the )?(?:question|task|query|问题)\s{0,3}[:：]\s{0,3}", re.IGNORECASE)
_REQUEST = re.compile(
    r"(?:please |kindly |(?:can|could) you )?(?:summari[sz]e|compare|list|explain|describe|tell|show|give|name|find)\b"
    r"|请|总结|概括|列出|比较|解释|介绍",
    re.IGNORECASE,
)
_THE_TEXT = re.compile(
    r"\b(?:above|below|following|pasted|attached|my (?:text|article|draft))\b|[这此]|以[上下]|[上下](?:面|述|文)",
    re.IGNORECASE,
)
_NEEDS_A_TEXT = frozenset({"overview", "metadata", "more", "who said"})


def read_message(message: str, limit: int) -> tuple[str, tuple[str, ...]]:
    """Return the question in a message, and a note if a text beside it is not read.

    A message of at most `limit` characters is the question. Raises `QuestionError` if the message is empty, or if it is
    longer and has no question before or after the text, or one that is about the text.
    """
    message = message.strip()
    if not any(character.isalnum() for character in message):
        raise QuestionError("the question is empty", "Type a question about the articles.")
    if len(message) <= limit:
        return _storable(message), ()
    problem = f"the question has {len(message)} characters, more than {limit}"
    asked = [question for question in questions_beside_text(message) if len(question) <= limit]
    for question in asked:
        if not asks_about_text(question):
            return _storable(question), (NOT_READ,)
    if asked:
        raise QuestionError(problem, "To ask about a pasted text, add it to the articles first.", is_too_long=True)
    raise QuestionError(problem, "Ask a shorter question, or raise CITECHAT_MAX_QUESTION_CHARS.", is_too_long=True)


def without_text(turn: Turn, limit: int) -> Turn:
    """Return an earlier message without the pasted text beside its question."""
    if turn.role != "user" or len(turn.text) <= limit:
        return turn
    return replace(turn, text=next(iter(questions_beside_text(turn.text)), turn.text))


def _storable(question: str) -> str:
    return question.encode("utf-8", "replace").decode().replace("\x00", " ")


def questions_beside_text(message: str) -> list[str]:
    """Return the questions and requests at the end and at the beginning of a message with a pasted text.

    A question is the last or the first paragraph, or line; it has at most `LONGEST_QUESTION` characters, and ends with
    a question mark or begins with a request such as "Summarize". Those at the end come first.
    """
    return list(dict.fromkeys(found for part in _ends(message) if (found := _question(part))))


def asks_about_text(question: str) -> bool:
    """Return whether a question is about the text beside it, such as "Who wrote this?" and "Summarize it"."""
    if has_pronoun(question) or _THE_TEXT.search(question):
        return True
    request = classify(question)
    return request.kind in _NEEDS_A_TEXT and (request.kind != "overview" or not request.subject)


def _ends(message: str) -> Iterator[str]:
    """Yield the last paragraph and line of a message, then the first ones."""
    lines = [line.strip() for line in message.strip().splitlines()]
    blank = [at for at, line in enumerate(lines) if not line]
    if not lines:
        return
    if blank:
        yield " ".join(lines[blank[-1] + 1 :])
    yield lines[-1]
    if blank:
        yield " ".join(lines[: blank[0]])
    yield lines[0]


def _question(part: str) -> str:
    """Return a part of a message without a label, or an empty string if it is neither a question nor a request."""
    if len(part) > LONGEST_QUESTION:
        return ""
    label = _LABEL.match(part)
    question = part[label.end() :] if label else part
    is_asked = label or question.rstrip(" \"”'’*").endswith(("?", "？")) or _REQUEST.match(question)
    return question if is_asked and any(character.isalnum() for character in question) else ""
