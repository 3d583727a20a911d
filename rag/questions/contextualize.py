""" "and in 2022?" becomes a question that stands alone: by an LLM, or by carrying over names and the topic."""

from __future__ import annotations

import re
from collections.abc import Sequence

from index import terms

from ..answer import Turn

_FEW_WORDS = 2  # with fewer words of its own, numbers left out, a question has no topic: "why?", "and in 2022?"
_STANDS_FOR = re.compile(
    r"\b(?:he|she|it|they|him|her|them|his|hers|its|theirs?|this|that|those|these|there)\b|他|她|它", re.IGNORECASE
)
_PERSON = re.compile(r"\b(?:he|she|him|her|his|hers)\b|他|她", re.IGNORECASE)
_NAME = re.compile(r"\b(?:\d{1,3}\s+)?[A-Z][\w’'-]*(?:\s+(?:of\s+|de\s+|van\s+|von\s+)?[A-Z][\w’'-]*)*")
_FULL_NAME = re.compile(r"\b[A-Z][a-z’'-]+(?:\s+[A-Z][\w’'-]+){1,3}\b")
_NUMBER = re.compile(r"\b\d[\d,.]*\b")
_LEADS_IN = re.compile(r"^\W*(?:(?:and|but|so|then|what about|how about)\b[\s,]*|那)", re.IGNORECASE)
_OPENING_WORDS = "who what when where which why how is are was were did does do can could in on at the and"
_OPENERS = frozenset(_OPENING_WORDS.split())
_TURNS_BACK = 3  # questions of the reader in which a name is looked for


def leans_on(question: str) -> bool:
    """Whether a question cannot be understood without what was said before it."""
    return bool(_STANDS_FOR.search(question) or _LEADS_IN.match(question)) or len(_own_words(question)) < _FEW_WORDS


def stand_alone(question: str, history: Sequence[Turn]) -> str:
    """`question`, with what it leans on in front: for "it" the names that were asked about, for "he" or "she" also the
    person that the last answer names; where there is none, and for "why?", the last question that had a topic.
    """
    asked = [turn.text for turn in history if turn.role == "user"]
    if not asked or not leans_on(question):
        return question
    if _STANDS_FOR.search(question):
        named = next(filter(None, (_names(text) for text in reversed(asked[-_TURNS_BACK:]))), [])
        carried = [*_person(history), *named] if _PERSON.search(question) else named
        carried = [name for name in dict.fromkeys(carried) if name.lower() not in question.lower()]
        if carried:
            return " ".join([*carried, question])
    topic = next((text for text in reversed(asked) if len(_own_words(text)) >= _FEW_WORDS), asked[-1])
    if _NUMBER.search(question):  # "and in 2022?" is not about the year that was asked about before
        topic = _NUMBER.sub(" ", topic)
    return " ".join(f"{topic} {question}".split())


def _own_words(question: str) -> list[str]:
    return [term for term in terms(_LEADS_IN.sub("", question)) if not _NUMBER.fullmatch(term)]


def _names(question: str) -> list[str]:
    """The names in a question; the word that opens it is none unless another capital follows."""
    found = []
    for match in _NAME.finditer(question):
        words = match[0].split()
        while words and words[0].lower() in _OPENERS:
            words = words[1:]
        if words:
            found.append(" ".join(words))
    return found


def _person(history: Sequence[Turn]) -> list[str]:
    """The full name that comes first in the last answer, if it has one."""
    said = next((turn.text for turn in reversed(history) if turn.role == "assistant"), "")
    match = _FULL_NAME.search(said)
    return [match[0]] if match else []
