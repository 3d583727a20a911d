"""Starter questions, generated from the articles without an LLM. Each one has been checked to have an answer.

Headings that are questions come first, then questions about people and their statements, then about the most frequent
names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, Protocol

from index import BETWEEN_CELLS, Article, ArticleFilter, Span, lexicon

from ..answer import Answer, Turn

MAX_CANDIDATES = 12
"""Maximum number of candidate questions that are tried."""

MAX_CHARS = 50_000
"""Maximum number of characters in an article that are searched."""

_MAX_ARTICLES = 50
_MAX_QUESTION_CHARS = 90

_WORD = r"[A-Z][\w’'.&-]{0,60}[\w]"  # longer words are not names, and would make the patterns below slow
_NAME = re.compile(rf"{_WORD}(?:[ ]{_WORD})*")
_SAYS = r"(?:said|says|argued|told|wrote|warned|added|explained)"
_FULL_NAME = rf"({_WORD}(?:[ ]{_WORD}){{1,2}})"
_SPEAKER = re.compile(rf"(?<!the )\b{_FULL_NAME} {_SAYS}\b|\b{_SAYS} {_FULL_NAME}")
_ROLE = (
    r"(?:professor|founder|chair\w*|chief|director|analyst|entrepreneur|researcher|minister|president|spokes\w+|editor|"
    r"author|economist|engineer|scientist|lawyer|officer|writer|historian|physician|senator|mayor|judge)"
)
_INTRODUCED = re.compile(rf"\b{_FULL_NAME}, (?:who\b|(?:an?|the) [^,.\n]{{0,40}}?\b{_ROLE}\b)")
_HEADING = re.compile(r"^#{2,6}[ \t]+(.+)$", re.MULTILINE)
_QUESTION = re.compile(
    r"(?:who|what|when|where|why|which|how|is|are|can|could|will|would|should|does|do|did|has|have)\b", re.IGNORECASE
)
_CHINESE_NAME = re.compile(r"[《“「]([\u3400-\u9fffA-Za-z0-9·]{2,12})[》”」]")
_POSSESSIVE = re.compile(r"[’']s?(?:$| )")
_PRONOUN = re.compile(rf"\b(?:{'|'.join(lexicon.PRONOUNS)})\b", re.IGNORECASE)
_ADJECTIVE = re.compile(r"\w+(?:ese|ish|ian|ican)|\w+-(?:based|like)")

# Words that are capitalised at the beginning of a sentence or as months and weekdays, and are not names.
_NOT_NAMES = frozenset((*lexicon.MONTHS, *lexicon.WEEKDAYS)) | frozenset(
    """
    a about above after all also although an and another any are as at because before both but by can could did do
    does each even every few first for from had has have he her here his how however i if in into is it its last
    like many meanwhile more most much no none not now of on one only or other our out over people several she since
    so some still such than that the their them then there these they this those three through to too two under
    until up we were what when where which while who why will with would yet you your
    """.split()  # noqa: SIM905
)


class QuestionAnswerer(Protocol):
    """The part of an assistant's interface that question generation uses."""

    def article_metadata(self) -> tuple[Article, ...]:
        """Return all indexed articles without their texts."""

    def article(self, article_id: str) -> Article | None:
        """Return one article, or None if it is not in the index."""

    def ask(self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None) -> Answer:
        """Return the finished answer."""


def starter_questions(
    assistant: QuestionAnswerer, count: int = 4, article_filter: ArticleFilter | None = None
) -> list[str]:
    """Return up to `count` questions that the articles answer; the same articles always give the same questions.

    Only the articles that `article_filter` allows are used.
    """
    quoting = without_llm(assistant)
    metadata = [each for each in assistant.article_metadata() if not article_filter or article_filter.allows(each)]
    articles = [assistant.article(each.id) for each in _first(metadata)]
    questions: list[str] = []
    for question in candidates([article for article in articles if article is not None])[:MAX_CANDIDATES]:
        if len(questions) < count and quoting.ask(question, (), article_filter).found:
            questions.append(question)
    return questions


def without_llm(assistant: Any) -> Any:
    """Return the assistant without its LLM: quoting shows whether the articles answer a question, at no cost.

    An assistant without a method `without_llm` is returned unchanged.
    """
    return assistant.without_llm() if hasattr(assistant, "without_llm") else assistant


def candidates(articles: Sequence[Article]) -> list[str]:
    """Return candidate questions, best first; the three kinds alternate, and so do the articles."""
    texts = [body(article) for article in _first(articles)]
    return short(interleave([interleave([kind(text) for text in texts]) for kind in (headings, people, names)]))


def _first(articles: Sequence[Article]) -> list[Article]:
    return sorted(articles, key=lambda article: (article.title, article.id))[:_MAX_ARTICLES]


def short(questions: Sequence[str]) -> list[str]:
    """Return the questions that are short enough to offer, without duplicates."""
    return list(dict.fromkeys(question for question in questions if len(question) <= _MAX_QUESTION_CHARS))


def interleave(lists: Sequence[list[str]]) -> list[str]:
    """Return the first item of each list, then the second of each, and so on."""
    return [item for row in zip_longest(*lists) for item in row if item is not None]


def headings(text: str) -> list[str]:
    """Return the headings that are questions, except those that refer to the text above them."""
    found = [heading[1].rstrip("#").strip("*_ \t") for heading in _HEADING.finditer(text)]
    questions = [h for h in found if h.endswith("？") or (_QUESTION.match(h) and " " in h and not _PRONOUN.search(h))]
    return [heading if heading.endswith(("?", "？")) else f"{heading.rstrip('.:')}?" for heading in questions]


def people(text: str) -> list[str]:
    """Return questions about people whom the text introduces, and about their statements."""
    introduced, speakers = _introduced(text), _speakers(text)
    who = [f"Who is {name}?" for name in _most_frequent(introduced)]
    said = [f"What did {name} say?" for name in _most_frequent(speakers)]
    return interleave([who, said])


def _introduced(text: str) -> list[str]:
    return [_bare(found[1]) for found in _INTRODUCED.finditer(text)]


def _speakers(text: str) -> list[str]:
    return [_bare(found[1] or found[2]) for found in _SPEAKER.finditer(text)]


def names(text: str, near: str | None = None) -> list[str]:
    """Return questions about names that occur at least twice, most frequent first.

    If `near`, a part of the text, is given, only names that occur there are used, starting with those most specific to
    it. Parts of a person's name and words such as "University" do not count as names.
    """
    found = [_bare(name[0]) for name in _NAME.finditer(text)]
    counts = Counter(found)
    chinese = [name[1] for name in _CHINESE_NAME.finditer(text)]
    parts = {word for person in (*_introduced(text), *_speakers(text)) for word in person.split()}
    ends = Counter(name.split()[-1] for name in counts if " " in name)
    whole = [name for name in _most_frequent(found) if name not in parts and ends[name] < 2]
    about = {name: f"What is said about {name}?" for name in whole if counts[name] > 1}
    about |= {name: f"关于“{name}”说了什么？" for name in _most_frequent(chinese)}
    if near is None:
        return list(about.values())
    counts += Counter(chinese)
    specific = sorted(about, key=lambda name: -near.count(name) / counts[name])
    return [about[name] for name in specific if name in near]


def _most_frequent(names: Sequence[str]) -> list[str]:
    """Return the distinct names, most frequent first; equally frequent names are in text order."""
    return [name for name, _ in Counter(filter(None, names)).most_common()]


def _bare(name: str) -> str:
    """Return a name without possessive ending and leading words that are not part of it; empty if nothing is left."""
    words = _POSSESSIVE.split(name, maxsplit=1)[0].split()
    while words and (words[0].lower() in _NOT_NAMES or _ADJECTIVE.fullmatch(words[0])):
        words.pop(0)
    return " ".join(words) if len("".join(words)) > 2 else ""


def body(article: Article, part: Span | None = None) -> str:
    """Return the prose of an article: the given part, or the first `MAX_CHARS` characters.

    Boilerplate and rows of tables are left out: the names of columns are no names.
    """
    part = part or Span(0, min(len(article.text), MAX_CHARS))
    pieces, position = [], part.start
    for boilerplate in sorted(article.boilerplate):
        pieces.append(article.text[position : max(position, min(boilerplate.start, part.end))])
        position = max(position, boilerplate.end)
    pieces.append(article.text[position : max(position, part.end)])
    return "\n".join(line for piece in pieces for line in piece.splitlines() if BETWEEN_CELLS not in line)
