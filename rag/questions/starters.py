"""Questions to start with, made from the articles themselves and each known to have an answer. No LLM is asked.

A heading that is a question is the best start; then people and what they said; then the names that come up most.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import Protocol, TypeVar, cast

from index import Article, Span

from ..answer import Answer, Turn

MOST_ASKS = 12
"""Candidates that are tried at most."""

LONGEST_STORY = 50_000
"""Characters of an article that are looked through at most."""

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
_DESCRIBES = re.compile(r"\w+(?:ese|ish|ian|ican)|\w+-(?:based|like)")

# Capitalised for their place in a sentence or the calendar, not because they are names.
_NOT_NAMES = frozenset(
    """
    a about above after all also although an and another any april are as at august because before both but by can
    could december did do does each even every february few first for friday from had has have he her here his how
    however i if in into is it its january july june last like many march may meanwhile monday more most much no none
    not november now october of on one only or other our out over people saturday september several she since so some
    still such sunday than that the their them then there these they this those three through thursday to too
    tuesday two under until up we wednesday were what when where which while who why will with would yet you your
    """.split()  # noqa: SIM905
)


class Asked(Protocol):
    """What this module needs of an assistant."""

    def article_metadata(self) -> tuple[Article, ...]:
        """Everything that is indexed, without its text."""
        ...

    def article(self, article_id: str) -> Article | None:
        """One article, or None when it is not in the index."""
        ...

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """The finished answer."""
        ...


AnyAsked = TypeVar("AnyAsked", bound=Asked)


def starter_questions(assistant: Asked, count: int = 4) -> list[str]:
    """Up to `count` questions that the articles answer; the same articles always give the same questions."""
    quoting = without_llm(assistant)
    chosen = [assistant.article(fact.id) for fact in _first(assistant.article_metadata())]
    found: list[str] = []
    for question in candidates([article for article in chosen if article is not None])[:MOST_ASKS]:
        if len(found) < count and quoting.ask(question).found:
            found.append(question)
    return found


def without_llm(assistant: AnyAsked) -> AnyAsked:
    """Return the assistant without its LLM: quoting shows whether the articles answer, and costs nothing.

    An assistant that has no method `without_llm` is returned unchanged.
    """
    return cast(AnyAsked, assistant.without_llm()) if hasattr(assistant, "without_llm") else assistant


def candidates(articles: Sequence[Article]) -> list[str]:
    """Questions worth trying, the best first: the three kinds take turns, and so do the articles."""
    stories = [story(article) for article in _first(articles)]
    return short(in_turn([in_turn([kind(text) for text in stories]) for kind in (headings, people, names)]))


def _first(articles: Sequence[Article]) -> list[Article]:
    return sorted(articles, key=lambda article: (article.title, article.id))[:_MOST_ARTICLES]


def short(questions: Sequence[str]) -> list[str]:
    """Those that are short enough to be offered, each once."""
    return list(dict.fromkeys(question for question in questions if len(question) <= _LONGEST_QUESTION))


def in_turn(lists: Sequence[list[str]]) -> list[str]:
    """The first of each list, then the second of each, and so on."""
    return [item for row in zip_longest(*lists) for item in row if item is not None]


def headings(story: str) -> list[str]:
    """Headings that ask something, as they stand; not those that point at what stands above them."""
    found = [heading[1].strip("*_ ") for heading in _HEADING.finditer(story)]
    asking = [h for h in found if h.endswith("？") or (_ASKING.match(h) and " " in h and not _POINTING.search(h))]
    return [heading if heading.endswith(("?", "？")) else f"{heading.rstrip('.:')}?" for heading in asking]


def people(story: str) -> list[str]:
    """Who is introduced, and who is reported to have said something."""
    introduced, speakers = _introduced(story), _speakers(story)
    who = [f"Who is {name}?" for name in _most_frequent(introduced)]
    said = [f"What did {name} say?" for name in _most_frequent(speakers)]
    return in_turn([who, said])


def _introduced(story: str) -> list[str]:
    return [_bare(found[1]) for found in _INTRODUCED.finditer(story)]


def _speakers(story: str) -> list[str]:
    return [_bare(found[1] or found[2]) for found in _SPEAKER.finditer(story)]


def names(story: str, near: str | None = None) -> list[str]:
    """Names that come up at least twice, most often first; where `near` is given, those that stand there, first what is
    most particular to it. A part of a person's name and a word such as University are no names."""
    found = [_bare(name[0]) for name in _NAME.finditer(story)]
    often = Counter(found)
    chinese = [name[1] for name in _CHINESE_NAME.finditer(story)]
    parts = {word for person in (*_introduced(story), *_speakers(story)) for word in person.split()}
    ends = Counter(name.split()[-1] for name in often if " " in name)
    whole = [name for name in _most_frequent(found) if name not in parts and ends[name] < 2]
    about = {name: f"What is said about {name}?" for name in whole if often[name] > 1}
    about |= {name: f"关于“{name}”说了什么？" for name in _most_frequent(chinese)}
    if near is None:
        return list(about.values())
    often += Counter(chinese)
    particular = sorted(about, key=lambda name: -near.count(name) / often[name])
    return [about[name] for name in particular if name in near]


def _most_frequent(names: Sequence[str]) -> list[str]:
    """The names, most frequent first; where two come up as often, the one that comes first."""
    often = Counter(name for name in names if name)
    return sorted(often, key=lambda name: -often[name])


def _bare(name: str) -> str:
    """A name without a possessive, or a capitalised word that only begins a sentence or describes; or nothing."""
    words = _POSSESSIVE.split(name, maxsplit=1)[0].split()
    while words and (words[0].lower() in _NOT_NAMES or _DESCRIBES.fullmatch(words[0])):
        words.pop(0)
    return " ".join(words) if len("".join(words)) > 2 else ""


def story(article: Article, part: Span | None = None) -> str:
    """The text, or its beginning where it is very long, or a part of it, without what is not the story."""
    part = part or Span(0, min(len(article.text), LONGEST_STORY))
    pieces, position = [], part.start
    for boilerplate in sorted(article.boilerplate):
        pieces.append(article.text[position : max(position, min(boilerplate.start, part.end))])
        position = max(position, boilerplate.end)
    return "\n".join([*pieces, article.text[position : max(position, part.end)]])
