"""Ask every question of a test set and score what comes back."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol, runtime_checkable

from index import Article, CitechatError

from ..answer import Answer, Turn
from ..assistant import Assistant
from .metrics.costs import Cost
from .metrics.overlap import ArticleSpan, is_exact_quote, overlaps_within
from .metrics.text import Encode, answer_f1, best, contains_answer, exact_match, scorable, similarity
from .reply import Reply
from .result import CaseResult, Report
from .testset.cases import Case, Evidence

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


@runtime_checkable
class GivesReplies(Protocol):
    """What is evaluated from afar: its replies come reduced to what is measured."""

    def reply(self, question: str, history: Sequence[Turn] = ..., /) -> Reply:
        """The reply."""
        ...

    def article(self, article_id: str, /) -> Article | None:
        """The article with this id, None when there is none."""
        ...


def evaluate(
    assistant: AnswersQuestions | GivesReplies,
    cases: Sequence[Case],
    *,
    article_text: ArticleText | None = None,
    encode: Encode | None = None,
    settings: Mapping[str, str] | None = None,
    known: Mapping[str, CaseResult] | None = None,
    seen: Callable[[CaseResult], None] | None = None,
) -> Report:
    """Ask each case once, in order, and score it; the same answers always give the same report.

    Cases that have a row in `known`, by their id, are not asked again; `seen` is called with each row as soon as it is
    there: together they let a run that was cut short go on.

    A `CitechatError` becomes a row that counts as wrong; any other exception is a bug and is raised. `article_text`
    looks up the text that citations are checked against, by default the assistant's own articles. `encode`, such as
    `Encoder.passages`, has the nearness in meaning of the answers measured, too. `settings` are kept with the report as
    they are given: leave secrets out.
    """

    results = []
    for result in iter_results(assistant, cases, article_text=article_text, encode=encode, known=known):
        results.append(result)
        if seen:
            seen(result)
    return Report(results=tuple(results), settings=dict(settings or {}), versions=versions())


def iter_results(
    assistant: AnswersQuestions | GivesReplies,
    cases: Sequence[Case],
    *,
    article_text: ArticleText | None = None,
    encode: Encode | None = None,
    known: Mapping[str, CaseResult] | None = None,
) -> Iterator[CaseResult]:
    """The rows of `evaluate` one by one, each question asked when its row is taken."""
    if isinstance(assistant, Assistant):  # quotes in place of a model that failed would be scored as the model's
        assistant = assistant.with_options(fallback=False)
    text_of = cache(article_text or _texts_of(assistant, len(cases)))
    for case in cases:
        result = (known or {}).get(case.id)
        yield result or score(case, _outcome(assistant, case), article_text=text_of, encode=encode)


def _texts_of(assistant: AnswersQuestions | GivesReplies, questions: int) -> ArticleText:
    """Looks up the texts of the assistant's own articles. Where they are not many more than the questions they are read
    at once: one by one, that takes longer than all of the scoring."""
    if isinstance(assistant, Assistant) and assistant.index.count()[0] <= 2 * questions:
        return {article.id: article.text for article in assistant.articles()}.get

    def own_text(article_id: str) -> str | None:
        article = assistant.article(article_id)
        return None if article is None else article.text

    return own_text


def _outcome(assistant: AnswersQuestions | GivesReplies, case: Case) -> Reply | CitechatError:
    try:
        if isinstance(assistant, GivesReplies):
            return assistant.reply(case.question, case.turns)
        return Reply.from_answer(assistant.ask(case.question, case.turns))
    except CitechatError as error:
        return error


def score(
    case: Case, outcome: Reply | CitechatError, *, article_text: ArticleText, encode: Encode | None = None
) -> CaseResult:
    """The row of one case: what was said against what was expected, each measure at its worst for an error.

    Measures of evidence apply where the case has evidence, measures of the answer where it has answers; `similarity`
    where there is an `encode`, too. A refusal says nothing and cites nothing, whatever its text.
    """
    failure = outcome if isinstance(outcome, CitechatError) else None
    reply = Reply(text="", found=False) if isinstance(outcome, CitechatError) else outcome
    evidence = _places_of(case.evidence, reply, article_text)
    gold = [place for places in evidence for place in places]
    cited = tuple(citation.place for citation in reply.citations) if reply.found else ()
    bad = _bad_citations(reply, article_text)
    total = len(reply.citations)

    def of_evidence(first: int | None = None) -> float | None:
        return float(overlaps_within(cited, gold, first)) if case.evidence else None

    def of_answer(measure: Callable[[str, str], float], answers: Sequence[str] = case.answers) -> float | None:
        if not case.answers:
            return None
        # Not left to the measure: the gold answer "A" is empty to SQuAD's rule, and silence would match it.
        return best(measure, reply.text, answers) if reply.found else 0.0

    near = None
    if encode is not None and case.answers:
        near = similarity(reply.text, case.answers, encode) if reply.found else 0.0

    return CaseResult(
        id=case.id,
        question=case.question,
        answerable=case.answerable,
        said=reply.text,
        found=reply.found,
        expected=case.answers,
        gold=tuple(item.text for item in case.evidence),
        tags=case.tags,
        error=None if failure is None else f"{type(failure).__name__}: {failure.message}",
        first_citation=of_evidence(1),
        any_citation=of_evidence(),
        contains_answer=of_answer(lambda said, answer: float(contains_answer(said, [answer]))),
        exact_match=of_answer(exact_match, scorable(case.answers)),
        f1=of_answer(answer_f1, scorable(case.answers)),
        similarity=near,
        valid_citations=(total - len(bad)) / total if total else None,
        confidence=reply.confidence,
        evidence_seen=bool(gold) if case.evidence and failure is None else None,
        bad_citations=bad,
        sentences=reply.sentences if reply.found else (),
        citations=reply.citations,
        hits=reply.hits,
        evidence=evidence,
        cost=None if failure is not None else Cost(seconds=dict(reply.seconds), tokens=dict(reply.tokens)),
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


def _places_of(
    evidence: Sequence[Evidence], reply: Reply, article_text: ArticleText
) -> tuple[tuple[ArticleSpan, ...], ...]:
    """Where each piece of evidence stands among the articles that came up, those that the evidence names included.

    Offsets alone would count a citation of another article that happens to overlap them. So evidence belongs to an
    article only if the article has its text there; without offsets, wherever the article has it.
    """
    seen = dict.fromkeys(
        [place.article_id for place in reply.hits]
        + [citation.place.article_id for citation in reply.citations]
        + [item.article_id for item in evidence if item.article_id is not None]
    )
    return tuple(
        tuple(
            ArticleSpan(article_id, start, start + len(item.text))
            for article_id in seen
            if _is_named(item, article_id, reply.sources.get(article_id))
            for start in _starts(item, article_text(article_id) or "")
        )
        for item in evidence
    )


def _starts(evidence: Evidence, text: str) -> list[int]:
    if evidence.start is not None:
        return [evidence.start] if text.startswith(evidence.text, evidence.start) else []
    starts: list[int] = []
    at = text.find(evidence.text)
    while at >= 0:
        starts.append(at)
        at = text.find(evidence.text, at + len(evidence.text))
    return starts


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
        where = f"[{citation.number}] {place.article_id} {place.start}..{place.end}"
        if text is None:
            bad.append(f"{where}: there is no such article")
        elif not is_exact_quote(text, place.start, place.end, citation.quote):
            stands = text[place.start : place.end]
            bad.append(f"{where}: quotes {citation.quote!r}, but {stands!r} stands there")
    return tuple(bad)
