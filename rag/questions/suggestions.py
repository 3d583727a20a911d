"""Follow-up questions, generated without an LLM from the text around an answer and checked to have an answer.

The text near the cited words is used first, then the rest of the articles. If the assistant abstained, the text near
the closest passages is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from index import Article, ArticleFilter, Span

from ..answer import Answer
from .contextualize import needs_context
from .starters import (
    MAX_CANDIDATES,
    MAX_CHARS,
    QuestionAnswerer,
    body,
    headings,
    interleave,
    names,
    people,
    short,
    without_llm,
)

_MAX_ARTICLES = 3
_NEAR = 800  # number of characters on either side of the cited words, extended to the ends of their paragraphs

ArticleSpan = tuple[str, Span]
"""An article's id and a span of its text."""


def follow_up_questions(
    assistant: QuestionAnswerer,
    answer: Answer,
    asked: Sequence[str],
    count: int = 3,
    article_filter: ArticleFilter | None = None,
) -> list[str]:
    """Return up to `count` questions to ask after `answer`, which the articles that match `article_filter` can answer.

    The result is deterministic. It leaves out questions that were already `asked`, questions that cannot be understood
    without the conversation, and questions whose own answers cite nothing beyond the text cited by `answer` or for an
    earlier question in the list. Raises the same errors as `Assistant.ask`.
    """
    quoting = without_llm(assistant)
    cited = _cited(answer)
    excluded = {_bare(question) for question in (*asked, answer.question, answer.search_query)}
    fresh = [
        each
        for each in _candidates(assistant, answer, article_filter)
        if _bare(each) not in excluded and not needs_context(each)
    ]
    found: list[str] = []
    for question in fresh[:MAX_CANDIDATES]:
        if len(found) >= count:
            break
        reply = quoting.ask(question, (), article_filter)
        if reply.found and any(not _is_among(span, cited) for span in _cited(reply)):
            found.append(question)
            cited += _cited(reply)
    return found


def _candidates(assistant: QuestionAnswerer, answer: Answer, article_filter: ArticleFilter | None) -> list[str]:
    """Return candidate questions, best first; the articles alternate, and text near the answer is used first."""
    near, far = [], []
    for article, spans in _sources(assistant, answer, article_filter):
        here = "\n".join(body(article, _around(article, span, _NEAR)) for span in spans)
        last = max(span.end for span in spans)
        after = body(article, Span(last, min(len(article.text), last + MAX_CHARS)))
        wide = body(article, _around(article, spans[0], MAX_CHARS // 2))
        near.append(interleave([people(here), headings(after), names(wide, here)]))
        far.append(interleave([headings(wide), people(wide), names(wide)]))
    return short([*interleave(near), *interleave(far)])


def _sources(
    assistant: QuestionAnswerer, answer: Answer, article_filter: ArticleFilter | None
) -> Iterator[tuple[Article, list[Span]]]:
    """Yield the articles that the answer cites, then those of its other hits, each with the cited or retrieved
    spans."""
    spans: dict[str, list[Span]] = {}
    cited = _cited(answer)
    for article_id, span in cited:
        spans.setdefault(article_id, []).append(span)
    for hit in answer.hits:
        passage = hit.passage
        if all(passage.article_id != article_id for article_id, _ in cited):
            spans.setdefault(passage.article_id, []).append(Span(passage.start, passage.end))
    for article_id in list(spans)[:_MAX_ARTICLES]:
        article = assistant.article(article_id)
        if article is not None and (not article_filter or article_filter.allows(article)):
            yield article, spans[article_id]


def _cited(answer: Answer) -> list[ArticleSpan]:
    return [(citation.article_id, Span(citation.start, citation.end)) for citation in answer.citations]


def _is_among(candidate: ArticleSpan, known: Sequence[ArticleSpan]) -> bool:
    return any(candidate[0] == article_id and candidate[1].overlaps(span) for article_id, span in known)


def _around(article: Article, span: Span, margin: int) -> Span:
    """Extend a span by `margin` characters on either side, and on to the nearest line ends if they are close."""
    text = article.text
    start, end = max(0, span.start - margin), min(len(text), span.end + margin)
    before = text.rfind("\n", max(0, start - margin), start)
    after = text.find("\n", end, end + margin)
    if before >= 0 or start <= margin:
        start = before + 1
    if after >= 0 or end + margin >= len(text):
        end = after if after >= 0 else len(text)
    return Span(start, end)


def _bare(question: str) -> str:
    """Return a question in lower case, with letters and digits only."""
    return "".join(character for character in question.casefold() if character.isalnum())
