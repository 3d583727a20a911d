"""Follow-up questions such as "and in 2022?", made independent of the conversation by rules that prepend names and the
topic from earlier questions. `generation.generate.rewrite` uses an LLM instead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import dropwhile

from index import lexicon, terms

from ..answer import Turn

_MIN_TOPIC_WORDS = 2  # minimum number of words, not counting numbers: "why?" and "and in 2022?" have no topic
_PRONOUN = re.compile(rf"\b(?:{'|'.join(lexicon.PRONOUNS)}|hers|theirs|there)\b|他|她|它", re.IGNORECASE)
_PERSON = re.compile(r"\b(?:he|she|him|her|his|hers)\b|他|她", re.IGNORECASE)
_NAME = re.compile(r"\b(?:\d{1,3}\s+)?[A-Z][\w’'-]*(?:\s+(?:of\s+|de\s+|van\s+|von\s+)?[A-Z][\w’'-]*)*")
_FULL_NAME = re.compile(r"\b[A-Z][a-z’'-]+(?:\s+[A-Z][\w’'-]+){1,3}\b")
_NUMBER = re.compile(r"\b\d[\d,.]*\b")
_LEAD_IN = re.compile(r"^\W*(?:(?:and|but|so|then|what about|how about)\b[\s,]*|那)", re.IGNORECASE)
_OPENING_WORDS = "who what when where which why how is are was were did does do can could in on at the and"
_OPENERS = frozenset(_OPENING_WORDS.split())
_LONGEST_TURN = 2000  # characters of an earlier question or answer that are considered
_TURNS_BACK = 3  # maximum number of earlier questions that are searched for a name


def needs_context(question: str) -> bool:
    """Return whether a question cannot be understood without the preceding conversation."""
    return bool(_PRONOUN.search(question) or _LEAD_IN.match(question)) or len(_own_words(question)) < _MIN_TOPIC_WORDS


def contextualize(question: str, history: Sequence[Turn]) -> str:
    """Return `question` preceded by the context that it refers to.

    For "it", the context is the names in the last question that contains any; for "he" or "she", also the person named
    in the last answer. If there is no name, and for "why?", it is the last question that had a topic.
    """
    asked = [turn.text[:_LONGEST_TURN] for turn in history if turn.role == "user"]
    if not asked or not needs_context(question):
        return question
    if _PRONOUN.search(question):
        named = next(filter(None, (_names(text) for text in reversed(asked[-_TURNS_BACK:]))), [])
        context = [*_person(history), *named] if _PERSON.search(question) else named
        context = [name for name in dict.fromkeys(context) if name.lower() not in question.lower()]
        if context:
            return " ".join([*context, question])
    topic = next((text for text in reversed(asked) if len(_own_words(text)) >= _MIN_TOPIC_WORDS), asked[-1])
    if _NUMBER.search(question):  # "and in 2022?" is not about the year in the previous question
        topic = _NUMBER.sub(" ", topic)
    return " ".join(f"{topic} {question}".split())


def _own_words(question: str) -> list[str]:
    return [term for term in terms(_LEAD_IN.sub("", question)) if not _NUMBER.fullmatch(term)]


def _names(question: str) -> list[str]:
    """Return the names in a question, without leading question words."""
    words = (match[0].split() for match in _NAME.finditer(question))
    found = (" ".join(dropwhile(lambda word: word.lower() in _OPENERS, name)) for name in words)
    return [name for name in found if name]


def _person(history: Sequence[Turn]) -> list[str]:
    """Return a list with the first full name in the last answer, if it contains one."""
    answer = next((turn.text[:_LONGEST_TURN] for turn in reversed(history) if turn.role == "assistant"), "")
    match = _FULL_NAME.search(answer)
    return [match[0]] if match else []
