"""Questions to go on with after an answer, made from what stands near it and each known to have an answer. No LLM is
asked.

What is near the cited words comes first, then the rest of the articles. For an answer that was not found, what is near
the passages that came nearest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from index import Article, ArticleFilter, Span

from ..answer import Answer, Turn
from .contextualize import leans_on
from .starters import LONGEST_STORY, MOST_ASKS, Asked, headings, in_turn, names, people, short, story, without_llm

_MOST_ARTICLES = 3
_NEAR = 800  # characters on either side of what is cited, to the ends of their paragraphs

Place = tuple[str, Span]
"""A span of an article, by the article's id."""


class Streaming(Asked, Protocol):
    """What this module needs of an assistant."""

    def stream(
        self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None
    ) -> Iterator[Answer]:
        """Ever fuller answers."""
        ...


def follow_up_questions(
    assistant: Streaming,
    answer: Answer,
    asked: Sequence[str],
    count: int = 3,
    article_filter: ArticleFilter | None = None,
) -> list[str]:
    """Up to `count` questions after `answer` that the articles, or those that `article_filter` allows, answer;
    always the same ones.

    None of those already `asked`, none that needs the conversation to be understood, and none that the sentences cited
    by `answer`, or by a question before it in the list, would answer once more. Raises what asking raises.
    """
    quoting = without_llm(assistant)
    known = _cited(answer)
    over = {_bare(question) for question in (*asked, answer.question, answer.search_query)}
    fresh = [
        each
        for each in _candidates(assistant, answer, article_filter)
        if _bare(each) not in over and not leans_on(each)
    ]
    found: list[str] = []
    for question in fresh[:MOST_ASKS]:
        if len(found) >= count:
            break
        *_, reply = quoting.stream(question, (), article_filter)
        if reply.found and any(not _is_among(place, known) for place in _cited(reply)):
            found.append(question)
            known += _cited(reply)
    return found


def _candidates(assistant: Streaming, answer: Answer, article_filter: ArticleFilter | None) -> list[str]:
    """Questions worth trying, the best first: the articles take turns, once near the answer and once farther away."""
    near, far = [], []
    for article, spans in _sources(assistant, answer, article_filter):
        here = "\n".join(story(article, _around(article, span, _NEAR)) for span in spans)
        last = max(span.end for span in spans)
        after = story(article, Span(last, min(len(article.text), last + LONGEST_STORY)))
        wide = story(article, _around(article, spans[0], LONGEST_STORY // 2))
        near.append(in_turn([people(here), headings(after), names(wide, here)]))
        far.append(in_turn([headings(wide), people(wide), names(wide)]))
    return short([*in_turn(near), *in_turn(far)])


def _sources(
    assistant: Streaming, answer: Answer, article_filter: ArticleFilter | None
) -> Iterator[tuple[Article, list[Span]]]:
    """The first articles that the answer cites, then those of its hits, each with the spans in question."""
    spans: dict[str, list[Span]] = {}
    cited = _cited(answer)
    for article_id, span in cited:
        spans.setdefault(article_id, []).append(span)
    for hit in answer.hits:
        passage = hit.passage
        if all(passage.article_id != article_id for article_id, _ in cited):
            spans.setdefault(passage.article_id, []).append(Span(passage.start, passage.end))
    for article_id in list(spans)[:_MOST_ARTICLES]:
        article = assistant.article(article_id)
        if article is not None and (not article_filter or article_filter.allows(article)):
            yield article, spans[article_id]


def _cited(answer: Answer) -> list[Place]:
    return [(citation.article_id, Span(citation.start, citation.end)) for citation in answer.citations]


def _is_among(place: Place, known: Sequence[Place]) -> bool:
    return any(place[0] == article_id and place[1].overlaps(span) for article_id, span in known)


def _around(article: Article, span: Span, far: int) -> Span:
    """A span with what is up to `far` characters from it, to the ends of the lines there, where these are not far."""
    text = article.text
    start, end = max(0, span.start - far), min(len(text), span.end + far)
    before = text.rfind("\n", max(0, start - far), start)
    after = text.find("\n", end, end + far)
    if before >= 0 or start <= far:
        start = before + 1
    if after >= 0 or end + far >= len(text):
        end = after if after >= 0 else len(text)
    return Span(start, end)


def _bare(question: str) -> str:
    """A question without what makes no difference."""
    return "".join(character for character in question.casefold() if character.isalnum())
