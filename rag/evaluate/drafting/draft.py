"""Drafts of a test set, made from what the articles say in so many words: no LLM, no chance.

A draft is kept only if the assistant, quoting, finds it and cites the very words that answer it. So drafts tell whether
what works today still works tomorrow; how good the assistant is, they cannot tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from index import Article, Span, sentences, terms

from ...answer import Answer
from ...questions.starters import QuestionAnswerer, headings, without_llm
from ..testset.cases import Case, Evidence
from .quotations import find_quotations, people_of
from .statements import Statement, find_statements
from .swaps import swap_names

Item = TypeVar("Item")

TAG = "draft"
NOTES = "drafted; accept or delete"

_KINDS = ("who", "number", "saying", "place", "date", "name", "thing", "person", "heading")
"""The kinds of facts in the order in which they take turns."""

_LONGEST_SENTENCE, _LONGEST_PARAGRAPH = 1000, 4000  # what is longer is no prose
_LONGEST_QUESTION = 110
_LONGEST_ANSWER = 220
_UNANSWERABLE = 5  # one draft in so many has no answer
_MOST_ASKED = 4  # questions that are tried for each that is wanted
_NAMED = re.compile(r"(?<=\s)[“\"]?(?:[A-Z]|\d+ [A-Z])")
_LOWER_NOUN = re.compile(r"\bthe ((?:[a-z][\w-]* ){0,2}[a-z][\w-]*)")


def draft_cases(assistant: QuestionAnswerer, articles: Sequence[Article], count: int = 20) -> list[Case]:
    """Return up to `count` cases about articles of the assistant's index, a fifth of them without an answer.

    The articles take turns, and so do the kinds of facts. The same articles always give the same cases.

    Each has the tag `draft`, and notes that say so. The assistant answered the answerable ones without its LLM and cited
    their evidence; an unanswerable one asks for a name or number that occurs in no article of the index, and the assistant
    refused it.
    """
    quoting = without_llm(assistant)
    wanted = count - count // _UNANSWERABLE
    kept: list[tuple[Article, Statement, Case]] = []
    for article, versions in _questions(articles)[: wanted * _MOST_ASKED]:
        if len(kept) == wanted:
            break
        told = _told(quoting, article, versions)
        if told and not _is_told_already(article, told[0], kept):
            kept.append((article, told[0], _case(article, told)))
    return [*(case for _, _, case in kept), *_unanswerable(quoting, kept, count // _UNANSWERABLE)]


def article_statements(article: Article) -> list[Statement]:
    """The facts of an article that a question can be asked about, in their order, with offsets in its text."""
    people = people_of(article.text)
    found = [statement for line in _lines(article) for statement in _facts_of_line(article.text, line, people)]
    return [statement for statement in found if _is_fit(statement, article)]


def _lines(article: Article) -> Iterator[Span]:
    """Yield the lines of an article without boilerplate and headings."""
    for match in re.finditer(r"[^\n]+", article.text):
        line = Span(*match.span())
        if not match[0].startswith("#") and not any(line.overlaps(boilerplate) for boilerplate in article.boilerplate):
            yield line


def _facts_of_line(text: str, line: Span, people: Sequence[str]) -> Iterator[Statement]:
    words = text[line.start : line.end]
    for sentence in sentences(words):
        if len(sentence) > _LONGEST_SENTENCE:
            continue
        for statement in find_statements(words[sentence.start : sentence.end]):
            yield _moved(statement, line.start + sentence.start)
    for statement in find_quotations(words, people) if len(words) <= _LONGEST_PARAGRAPH else ():
        yield _moved(statement, line.start)


def _moved(statement: Statement, by: int) -> Statement:
    (start, end), (first, last) = statement.answer, statement.evidence
    return replace(statement, answer=(start + by, end + by), evidence=(first + by, last + by))


def _is_fit(statement: Statement, article: Article) -> bool:
    """Whether a person who does not have the article before them would understand the question and not see the answer
    in it."""
    answer = article.text[slice(*statement.answer)]
    if (
        len(statement.question) > _LONGEST_QUESTION
        or len(answer) > _LONGEST_ANSWER
        or answer.lower() in statement.question.lower()
    ):
        return False
    if _NAMED.search(statement.question):
        return True
    # "the fort" is clear only where the article is about one.
    named = {word for match in _LOWER_NOUN.finditer(statement.question) for word in match[1].split() if terms(word)}
    return bool(named & set(article.title.lower().split()))


def _questions(articles: Sequence[Article]) -> list[tuple[Article, list[Statement]]]:
    """What can be asked, each question with all facts that answer it: kinds and articles take turns."""
    each = []
    for article in articles:
        questions: dict[str, list[Statement]] = {}
        for statement in [*article_statements(article), *_asking_headings(article)]:
            questions.setdefault(statement.question, []).append(statement)
        kinds = [[versions for versions in questions.values() if versions[0].kind == kind] for kind in _KINDS]
        each.append([(article, versions) for versions in _in_turn(kinds)])
    return _in_turn(each)


def _in_turn(lists: Sequence[Sequence[Item]]) -> list[Item]:
    """The first of each list, then the second of each, and so on."""
    longest = max(map(len, lists), default=0)
    return [items[place] for place in range(longest) for items in lists if place < len(items)]


def _asking_headings(article: Article) -> Iterator[Statement]:
    """Headings that are questions; what is below them, down to the next one, should answer."""
    for match in re.finditer(r"^#{2,6}[^\n]*\n(?P<below>(?:(?!#)[^\n]*(?:\n|\Z))+)", article.text, re.MULTILINE):
        for question in headings(match[0].split("\n")[0]):
            yield Statement("heading", question, match.span("below"), match.span("below"))


def _told(assistant: QuestionAnswerer, article: Article, versions: Sequence[Statement]) -> list[Statement]:
    """Those facts that answer one question, if the assistant cites one of them; else none."""
    answer = assistant.ask(versions[0].question)
    if not answer.found:
        return []
    if versions[0].kind == "heading":
        return _cited_below(answer, article, versions[0])
    cited = [Span(each.start, each.end) for each in answer.citations if each.article_id == article.id]
    held = any(
        span.start <= statement.answer[0] and statement.answer[1] <= span.end
        for span in cited
        for statement in versions
    )
    return list(versions) if held else []


def _cited_below(answer: Answer, article: Article, heading: Statement) -> list[Statement]:
    first, last = heading.answer
    for each in answer.citations:
        if each.article_id == article.id and first <= each.start and each.end <= last:
            return [replace(heading, answer=(each.start, each.end), evidence=(each.start, each.end))]
    return []


def _is_told_already(article: Article, statement: Statement, kept: Iterable[tuple[Article, Statement, Case]]) -> bool:
    """Whether a question so far asks the same thing from the other side, or has the same answer in the same place."""
    place = Span(*statement.evidence)
    return any(
        other.id == article.id
        and (Span(*known.answer).overlaps(Span(*statement.answer)) or Span(*known.evidence) == place)
        for other, known, _ in kept
    )


def _case(article: Article, versions: Sequence[Statement]) -> Case:
    answers = [answer for statement in versions for answer in (article.text[slice(*statement.answer)], *statement.also)]
    places = dict.fromkeys(statement.evidence for statement in versions)
    return Case(
        question=versions[0].question,
        answers=tuple(dict.fromkeys(answers)),
        evidence=tuple(
            Evidence(start=start, end=end, text=article.text[start:end], article_id=article.id) for start, end in places
        ),
        tags=(TAG, versions[0].kind),
        notes=NOTES,
    )


def _unanswerable(
    assistant: QuestionAnswerer, kept: Sequence[tuple[Article, Statement, Case]], count: int
) -> list[Case]:
    """Questions as those that were kept, for a name or number that no article of the index has."""
    if not count or not kept:
        return []
    held = "\n".join(
        article.text for statement in assistant.article_metadata() if (article := assistant.article(statement.id))
    ).casefold()
    found: dict[str, Case] = {}
    for question in swap_names([case.question for _, _, case in kept], held)[: count * _MOST_ASKED * 2]:
        if len(found) == count:
            break
        if not assistant.ask(question).found:
            found[question] = Case(question=question, answerable=False, tags=(TAG, "unanswerable"), notes=NOTES)
    return list(found.values())
