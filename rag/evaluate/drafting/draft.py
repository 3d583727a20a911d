"""Draft a test set from statements in the articles, without an LLM and without randomness.

A draft is accepted only if the assistant, without its LLM, answers it and cites the words that answer it. Drafts
therefore detect regressions; they do not measure the assistant's quality.
"""

from __future__ import annotations

import re
from collections import deque
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
"""The kinds of statements, in the order in which they alternate."""

_LONGEST_SENTENCE, _LONGEST_PARAGRAPH = 1000, 4000  # maximum lengths in characters; longer text is not prose
_LONGEST_QUESTION = 110
_LONGEST_ANSWER = 220
_UNANSWERABLE = 5  # one draft in five has no answer
_MOST_ASKED = 4  # maximum number of questions tried for each requested case
_NAMED = re.compile(r"(?<=\s)[“\"]?(?:[A-Z]|\d+ [A-Z])")
_LOWER_NOUN = re.compile(r"\bthe ((?:[a-z][\w-]* ){0,2}[a-z][\w-]*)")


def draft_cases(assistant: QuestionAnswerer, articles: Sequence[Article], count: int = 20) -> list[Case]:
    """Return up to `count` cases about articles in the assistant's index, a fifth of them unanswerable.

    The articles alternate, and so do the kinds of statements. The same articles always give the same cases. Each case
    has the tag `draft` and a note that asks for a review. The assistant, without its LLM, has answered the answerable
    cases and cited their evidence, and has abstained from the others, which contain a name or number that does not
    occur in any article.
    """
    quoting = without_llm(assistant)
    wanted = count - count // _UNANSWERABLE
    accepted: list[tuple[Article, Statement, Case]] = []
    for article, versions in _questions(articles)[: wanted * _MOST_ASKED]:
        if len(accepted) == wanted:
            break
        confirmed = _confirmed(quoting, article, versions)
        if confirmed and not _is_repeated(article, confirmed[0], accepted):
            accepted.append((article, confirmed[0], _case(article, confirmed)))
    return [*(case for _, _, case in accepted), *_unanswerable(quoting, accepted, count // _UNANSWERABLE)]


def article_statements(article: Article) -> list[Statement]:
    """Return the statements in an article for which there is a question, in order, with offsets in the article."""
    people = people_of(article.text)
    found = [statement for line in _lines(article) for statement in _facts_of_line(article.text, line, people)]
    return [statement for statement in found if _is_fit(statement, article)]


def _lines(article: Article) -> Iterator[Span]:
    """Yield the lines of an article, except boilerplate and headings."""
    boilerplate = deque(sorted(article.boilerplate))
    for match in re.finditer(r"[^\n]+", article.text):
        line = Span(*match.span())
        while boilerplate and boilerplate[0].end <= line.start:
            boilerplate.popleft()
        if not match[0].startswith("#") and not (boilerplate and boilerplate[0].overlaps(line)):
            yield line


def _facts_of_line(text: str, line: Span, people: Sequence[str]) -> Iterator[Statement]:
    words = text[line.start : line.end]
    for sentence in sentences(words, "en"):  # the grammar is English
        if len(sentence) > _LONGEST_SENTENCE:
            continue
        for statement in find_statements(words[sentence.start : sentence.end]):
            yield _shifted(statement, line.start + sentence.start)
    for statement in find_quotations(words, people) if len(words) <= _LONGEST_PARAGRAPH else ():
        yield _shifted(statement, line.start)


def _shifted(statement: Statement, by: int) -> Statement:
    (start, end), (first, last) = statement.answer, statement.evidence
    return replace(statement, answer=(start + by, end + by), evidence=(first + by, last + by))


def _is_fit(statement: Statement, article: Article) -> bool:
    """Return whether the question is clear without the article and does not contain the answer."""
    answer = article.text[slice(*statement.answer)]
    if (
        len(statement.question) > _LONGEST_QUESTION
        or len(answer) > _LONGEST_ANSWER
        or answer.lower() in statement.question.lower()
    ):
        return False
    if _NAMED.search(statement.question):
        return True
    # "the fort" is clear only if the article is about a fort.
    named = {word for match in _LOWER_NOUN.finditer(statement.question) for word in match[1].split() if terms(word)}
    return bool(named & set(article.title.lower().split()))


def _questions(articles: Sequence[Article]) -> list[tuple[Article, list[Statement]]]:
    """Return the questions, each with its article and all statements that answer it; kinds and articles alternate."""
    each = []
    for article in articles:
        questions: dict[str, list[Statement]] = {}
        for statement in [*article_statements(article), *_asking_headings(article)]:
            questions.setdefault(statement.question, []).append(statement)
        kinds = [[versions for versions in questions.values() if versions[0].kind == kind] for kind in _KINDS]
        each.append([(article, versions) for versions in _in_turn(kinds)])
    return _in_turn(each)


def _in_turn(lists: Sequence[Sequence[Item]]) -> list[Item]:
    """Return the first item of each list, then the second of each, and so on."""
    longest = max(map(len, lists), default=0)
    return [items[place] for place in range(longest) for items in lists if place < len(items)]


def _asking_headings(article: Article) -> Iterator[Statement]:
    """Yield headings that are questions; the text between a heading and the next one should answer the question."""
    for match in re.finditer(r"^#{2,6}[^\n]*\n(?P<below>(?:(?!#)[^\n]*(?:\n|\Z))+)", article.text, re.MULTILINE):
        for question in headings(match[0].split("\n")[0]):
            yield Statement("heading", question, match.span("below"), match.span("below"))


def _confirmed(assistant: QuestionAnswerer, article: Article, versions: Sequence[Statement]) -> list[Statement]:
    """Return the statements that answer a question if the assistant cites one of them; else an empty list."""
    answer = assistant.ask(versions[0].question)
    if not answer.found:
        return []
    if versions[0].kind == "heading":
        return _cited_below(answer, article, versions[0])
    cited = [Span(each.start, each.end) for each in answer.citations if each.article_id == article.id]
    is_cited = any(
        span.start <= statement.answer[0] and statement.answer[1] <= span.end
        for span in cited
        for statement in versions
    )
    return list(versions) if is_cited else []


def _cited_below(answer: Answer, article: Article, heading: Statement) -> list[Statement]:
    first, last = heading.answer
    for each in answer.citations:
        if each.article_id == article.id and first <= each.start and each.end <= last:
            return [replace(heading, answer=(each.start, each.end), evidence=(each.start, each.end))]
    return []


def _is_repeated(article: Article, statement: Statement, accepted: Iterable[tuple[Article, Statement, Case]]) -> bool:
    """Return whether an accepted question has the same answer or evidence, such as the reverse of the statement."""
    place = Span(*statement.evidence)
    return any(
        other.id == article.id
        and (Span(*known.answer).overlaps(Span(*statement.answer)) or Span(*known.evidence) == place)
        for other, known, _ in accepted
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
    assistant: QuestionAnswerer, accepted: Sequence[tuple[Article, Statement, Case]], count: int
) -> list[Case]:
    """Return variants of the accepted questions with a name or number that does not occur in any indexed article."""
    if not count or not accepted:
        return []
    corpus = "\n".join(
        article.text for statement in assistant.article_metadata() if (article := assistant.article(statement.id))
    ).casefold()
    found: dict[str, Case] = {}
    for question in swap_names([case.question for _, _, case in accepted], corpus)[: count * _MOST_ASKED * 2]:
        if len(found) == count:
            break
        if not assistant.ask(question).found:
            found[question] = Case(question=question, answerable=False, tags=(TAG, "unanswerable"), notes=NOTES)
    return list(found.values())
