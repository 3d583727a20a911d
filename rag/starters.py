"""Questions to start with, made from the articles themselves and each known to have an answer. No LLM is asked.

A heading that is a question is the best start; then people and what they said; then the names that come up most.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import Protocol

from index import Article

from .answer import Answer, Turn
from .assistant import Assistant

MOST_ASKS = 12
"""Candidates that are tried at most."""

_MOST_ARTICLES = 50
_LONGEST_QUESTION = 90

_WORD = r"[A-Z][\w’'.&-]*[\w]"
_NAME = re.compile(rf"{_WORD}(?:[ ]{_WORD})*")
_SAYS = r"(?:said|says|argued|told|wrote|warned|added|explained)"
_FULL_NAME = rf"({_WORD}(?:[ ]{_WORD}){{1,2}})"
_SPEAKER = re.compile(rf"(?<!the )\b{_FULL_NAME} {_SAYS}\b|\b{_SAYS} {_FULL_NAME}")
_ROLE = (
    r"(?:professor|founder|chair\w*|chief|director|analyst|entrepreneur|researcher|minister|president|spokes\w+|editor|"
    r"author|economist|engineer|scientist|lawyer|officer|writer|historian|physician|senator|mayor|judge)"
)
_INTRODUCED = re.compile(rf"\b{_FULL_NAME}, (?:who\b|(?:an?|the) [^,.\n]{{0,40}}?\b{_ROLE}\b)")
_HEADING = re.compile(r"^#{2,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
_ASKING = re.compile(
    r"(?:who|what|when|where|why|which|how|is|are|can|could|will|would|should|does|do|did|has|have)\b", re.IGNORECASE
)
_CHINESE_NAME = re.compile(r"[《“「]([\u3400-\u9fffA-Za-z0-9·]{2,12})[》”」]")
_POSSESSIVE = re.compile(r"[’']s?(?:$| )")
_POINTING = re.compile(r"\b(?:it|its|he|him|his|she|her|they|them|their|this|that|these|those)\b", re.IGNORECASE)
_OF_A_PLACE = re.compile(r"\w+(?:ese|ish|ian|ican)|\w+-based")

# Capitalised for their place in a sentence or the calendar, not because they are names.
_NOT_NAMES = frozenset(
    """
    a about above after all also although an and another any april are as at august because before both but by can
    could december did do does each even every february few first for friday from had has have he her here his how
    however i if in into is it its january july june last like many march may monday more most much no none not
    november now october of on one only or other our out over people saturday september several she since so some
    still such sunday than that the their them then there these they this those three through thursday to too
    tuesday two under until up we wednesday were what when where which while who why will with would yet you your
    """.split()  # noqa: SIM905
)


class Asked(Protocol):
    """What this module needs of an assistant."""

    def articles(self) -> tuple[Article, ...]:
        """Everything that is indexed."""
        ...

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """The finished answer."""
        ...


def starter_questions(assistant: Asked, count: int = 4) -> list[str]:
    """Up to `count` questions that the articles answer; the same articles always give the same questions."""
    quoting = _without_llm(assistant)
    found: list[str] = []
    for question in candidates(assistant.articles())[:MOST_ASKS]:
        if len(found) < count and quoting.ask(question).found:
            found.append(question)
    return found


def _without_llm(assistant: Asked) -> Asked:
    """The same assistant, quoting: whether the articles answer is decided before an LLM is asked, and costs nothing."""
    if isinstance(assistant, Assistant) and assistant.llm is not None:
        return Assistant(assistant.index, top_k=assistant.top_k, min_score=assistant.min_score)
    return assistant


def candidates(articles: Sequence[Article]) -> list[str]:
    """Questions worth trying, the best first: the three kinds take turns, and so do the articles."""
    chosen = sorted(articles, key=lambda article: (article.title, article.id))[:_MOST_ARTICLES]
    kinds = [_in_turn([kind(article) for article in chosen]) for kind in (_headings, _people, _names)]
    return list(dict.fromkeys(question for question in _in_turn(kinds) if len(question) <= _LONGEST_QUESTION))


def _in_turn(lists: Sequence[list[str]]) -> list[str]:
    return [item for row in zip_longest(*lists) for item in row if item is not None]


def _headings(article: Article) -> list[str]:
    """Headings that ask something, as they stand; not those that point at what stands above them."""
    headings = [found[1].strip("*_ ") for found in _HEADING.finditer(_story(article))]
    asking = [h for h in headings if h.endswith("？") or (_ASKING.match(h) and " " in h and not _POINTING.search(h))]
    return [heading if heading.endswith(("?", "？")) else f"{heading.rstrip('.:')}?" for heading in asking]


def _people(article: Article) -> list[str]:
    """Who is introduced, and who is reported to have said something."""
    story = _story(article)
    introduced = [_bare(found[1]) for found in _INTRODUCED.finditer(story)]
    speakers = [_bare(found[1] or found[2]) for found in _SPEAKER.finditer(story)]
    who = [f"Who is {name}?" for name in _most_frequent(introduced)]
    said = [f"What did {name} say?" for name in _most_frequent(speakers)]
    return _in_turn([who, said])


def _names(article: Article) -> list[str]:
    """Names that come up at least twice, most often first."""
    story = _story(article)
    names = [_bare(found[0]) for found in _NAME.finditer(story)]
    often = Counter(names)
    chinese = Counter(found[1] for found in _CHINESE_NAME.finditer(story))
    about = [f"What is said about {name}?" for name in _most_frequent(names) if often[name] > 1]
    return about + [f"关于“{name}”说了什么？" for name in _most_frequent(list(chinese.elements()))]


def _most_frequent(names: Sequence[str]) -> list[str]:
    """The names, most frequent first; where two come up as often, the one that comes first."""
    first = {name: place for place, name in reversed(list(enumerate(names))) if name}
    return sorted(first, key=lambda name: (-names.count(name), first[name]))


def _bare(name: str) -> str:
    """A name without a possessive, or a capitalised word that only begins a sentence or tells where; or nothing."""
    words = _POSSESSIVE.split(name, maxsplit=1)[0].split()
    while words and (words[0].lower() in _NOT_NAMES or _OF_A_PLACE.fullmatch(words[0])):
        words.pop(0)
    return " ".join(words) if len("".join(words)) > 2 else ""


def _story(article: Article) -> str:
    """The text without what is not the story."""
    pieces, position = [], 0
    for noise in sorted(article.noise):
        pieces.append(article.text[position : max(position, noise.start)])
        position = max(position, noise.end)
    return "\n".join([*pieces, article.text[position:]])
