"""Ask every question of a test set and score what comes back."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

from index import Article, CitechatError, Span

from ..answer import Answer, Turn
from ..assistant import Assistant
from .cases import Case, Evidence
from .metrics import Place, answer_f1, best, contains_answer, exact_match, is_exact_quote, overlaps_within
from .reply import Reply
from .rows import Report, Row

ArticleText = Callable[[str], str | None]
"""Looks up the text of an article by its id; None when there is no such article."""

_VERSIONED = ("citechat", "sentence-transformers", "chromadb", "bm25s", "langchain-core", "numpy")


class AnswersQuestions(Protocol):
    """What is evaluated: anything that answers a question and gives out its articles."""

    def ask(self, question: str, history: Sequence[Turn] = ..., /) -> Answer:
        """The finished answer."""
        ...

    def article(self, article_id: str, /) -> Article | None:
        """The article with this id, None when there is none."""
        ...


def evaluate(
    assistant: AnswersQuestions,
    cases: Sequence[Case],
    *,
    article_text: ArticleText | None = None,
    settings: Mapping[str, str] | None = None,
) -> Report:
    """Ask each case once, in order, and score it; the same answers always give the same report.

    A `CitechatError` becomes a row that counts as wrong; any other exception is a bug and is raised. `article_text`
    looks up the text that citations are checked against, by default the assistant's own articles. `settings` are kept
    with the report as they are given: leave secrets out.
    """

    def own_text(article_id: str) -> str | None:
        article = assistant.article(article_id)
        return None if article is None else article.text

    if isinstance(assistant, Assistant):  # quotes in place of a model that failed would be scored as the model's
        assistant = assistant.with_changes(fallback=False)
    text_of = cache(article_text or own_text)
    rows = []
    for case in cases:
        outcome: Reply | CitechatError
        try:
            outcome = Reply.from_answer(assistant.ask(case.question, case.turns))
        except CitechatError as error:
            outcome = error
        rows.append(score(case, outcome, article_text=text_of))
    return Report(rows=tuple(rows), settings=dict(settings or {}), versions=versions())


def score(case: Case, outcome: Reply | CitechatError, *, article_text: ArticleText) -> Row:
    """The row of one case: what was said against what was expected, each measure at its worst for an error.

    Measures of evidence apply where the case has evidence, measures of the answer where it has answers. A refusal
    says nothing and cites nothing, whatever its text.
    """
    failure = outcome if isinstance(outcome, CitechatError) else None
    reply = Reply(text="", found=False) if isinstance(outcome, CitechatError) else outcome
    gold = _gold_places(case.evidence, reply, article_text)
    cited = [citation.place for citation in reply.citations] if reply.found else []
    bad = _bad_citations(reply, article_text)
    total = len(reply.citations)

    def of_evidence(places: Sequence[Place], first: int | None = None) -> float | None:
        return float(overlaps_within(places, gold, first)) if case.evidence else None

    def of_answer(measure: Callable[[str, str], float]) -> float | None:
        if not case.answers:
            return None
        # Not left to the measure: the gold answer "A" is empty to SQuAD's rule, and silence would match it.
        return best(measure, reply.text, case.answers) if reply.found else 0.0

    return Row(
        id=case.id,
        question=case.question,
        answerable=case.answerable,
        said=reply.text,
        found=reply.found,
        expected=case.answers,
        gold=tuple(evidence.text for evidence in case.evidence),
        tags=case.tags,
        error=None if failure is None else f"{type(failure).__name__}: {failure.message}",
        first_citation=of_evidence(cited, 1),
        any_citation=of_evidence(cited),
        hit_at_1=of_evidence(reply.hits, 1),
        hit_at_5=of_evidence(reply.hits, 5),
        contains_answer=of_answer(lambda said, answer: float(contains_answer(said, [answer]))),
        exact_match=of_answer(exact_match),
        f1=of_answer(answer_f1),
        valid_citations=(total - len(bad)) / total if total else None,
        trust=reply.trust,
        evidence_seen=bool(gold) if case.evidence and failure is None else None,
        citation_count=total,
        bad_citations=bad,
    )


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that can change a result, as far as they are installed."""
    found = {"python": platform.python_version()}
    for name in _VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _gold_places(evidence: Sequence[Evidence], reply: Reply, article_text: ArticleText) -> list[Place]:
    """Where the evidence stands among the articles that came up, those that the evidence names included.

    Offsets alone would count a citation of another article that happens to overlap them. So evidence belongs to an
    article only if the article has its text there.
    """
    seen = dict.fromkeys(
        [place.article_id for place in reply.hits]
        + [citation.place.article_id for citation in reply.citations]
        + [item.article_id for item in evidence if item.article_id is not None]
    )
    return [
        Place(article_id, Span(item.start, item.end))
        for item in evidence
        for article_id in seen
        if _is_named(item, article_id, reply.sources.get(article_id))
        and is_exact_quote(article_text(article_id) or "", item.start, item.end, item.text)
    ]


def _is_named(evidence: Evidence, article_id: str, source: str | None) -> bool:
    if evidence.article_id is not None:
        return evidence.article_id == article_id
    if evidence.source is None or source is None:
        return True
    wanted, known = evidence.source.replace("\\", "/"), source.replace("\\", "/")
    return known == wanted or known.endswith(f"/{wanted}")


def _bad_citations(reply: Reply, article_text: ArticleText) -> tuple[str, ...]:
    bad = []
    for citation in reply.citations:
        place = citation.place
        text = article_text(place.article_id)
        where = f"[{citation.number}] {place.article_id} {place.span.start}..{place.span.end}"
        if text is None:
            bad.append(f"{where}: there is no such article")
        elif not is_exact_quote(text, place.span.start, place.span.end, citation.quote):
            stands = text[place.span.start : place.span.end]
            bad.append(f"{where}: quotes {citation.quote!r}, but {stands!r} stands there")
    return tuple(bad)
