"""Ask every question of a test set and score the answers."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

from index import Article, CitechatError

from ..answer import Answer, Turn
from ..assistant import Assistant
from .metrics.overlap import is_exact_quote, overlaps_within
from .metrics.text import Encode, answer_f1, best, contains_answer, exact_match, scorable, similarity
from .remote import RemoteAssistant
from .reply import ArticleSpan, Reply
from .result import CaseResult, Cost, Report
from .testset.cases import Case, Evidence
from .testset.evidence import is_named, occurrences

ArticleText = Callable[[str], str | None]
"""A function that returns an article's text by article id, or None for an unknown id."""

_VERSIONED = ("citechat", "sentence-transformers", "chromadb", "langchain-core", "numpy")


class AnswersQuestions(Protocol):
    """A local assistant: any object that has articles and answers questions with an `Answer`."""

    def article(self, article_id: str, /) -> Article | None:
        """Return the article with this id, or None for an unknown id."""
        ...

    def ask(self, question: str, history: Sequence[Turn] = ..., /) -> Answer:
        """Return the finished answer."""
        ...


def evaluate(
    assistant: AnswersQuestions | RemoteAssistant,
    cases: Sequence[Case],
    *,
    article_text: ArticleText | None = None,
    encode: Encode | None = None,
    settings: Mapping[str, str] | None = None,
    known: Mapping[str, CaseResult] | None = None,
    seen: Callable[[CaseResult], None] | None = None,
) -> Report:
    """Ask each case once, in order, and score it; the same answers always give the same report.

    A `CitechatError` becomes a result that counts as wrong; any other exception is a bug and is raised.

    To continue an interrupted run, pass its results by case id as `known`; their questions are not asked again. `seen`
    is called with each result as soon as it is available. Citations are checked against `article_text`, by default the
    assistant's own articles. If `encode`, such as `Encoder.passages`, is given, the similarity of answers is also
    measured. `settings` are stored unchanged in the report and must not contain secrets.
    """
    results = []
    for result in iter_results(assistant, cases, article_text=article_text, encode=encode, known=known):
        results.append(result)
        if seen:
            seen(result)
    return Report(results=tuple(results), settings=dict(settings or {}), versions=versions())


def iter_results(
    assistant: AnswersQuestions | RemoteAssistant,
    cases: Sequence[Case],
    *,
    article_text: ArticleText | None = None,
    encode: Encode | None = None,
    known: Mapping[str, CaseResult] | None = None,
) -> Iterator[CaseResult]:
    """Yield the results of `evaluate` one by one, asking each question when its result is requested."""
    if isinstance(
        assistant, Assistant
    ):  # quotes that replace the answer of a failed LLM would be scored as the LLM's answer
        assistant = assistant.with_options(fallback=False)
    text_of = cache(article_text or _texts_of(assistant, len(cases)))
    for case in cases:
        result = (known or {}).get(case.id)
        yield result or score(case, _outcome(assistant, case), article_text=text_of, encode=encode)


def _texts_of(assistant: AnswersQuestions | RemoteAssistant, questions: int) -> ArticleText:
    """Return a function that looks up the texts of the assistant's own articles.

    Unless there are many more articles than questions, all articles are read at once: reading them one by one would
    take longer than scoring.
    """
    if isinstance(assistant, Assistant) and assistant.index.count()[0] <= 2 * questions:
        return {article.id: article.text for article in assistant.articles()}.get

    def own_text(article_id: str) -> str | None:
        article = assistant.article(article_id)
        return None if article is None else article.text

    return own_text


def _outcome(assistant: AnswersQuestions | RemoteAssistant, case: Case) -> Reply | CitechatError:
    try:
        if isinstance(assistant, RemoteAssistant):
            return assistant.reply(case.question, case.turns)
        return Reply.from_answer(assistant.ask(case.question, case.turns))
    except CitechatError as error:
        return error


def score(
    case: Case, outcome: Reply | CitechatError, *, article_text: ArticleText, encode: Encode | None = None
) -> CaseResult:
    """Return the result for one case; for an error, each measure has its worst value.

    Evidence measures apply if the case has evidence, and answer measures if it has answers; `similarity` also requires
    `encode`. An abstention counts as an empty answer without citations, whatever its text.
    """
    failure = outcome if isinstance(outcome, CitechatError) else None
    reply = Reply(text="", found=False) if isinstance(outcome, CitechatError) else outcome
    evidence = _spans_of(case.evidence, reply, article_text)
    gold = [span for spans in evidence for span in spans]
    cited = tuple(citation.place for citation in reply.citations) if reply.found else ()
    bad = _bad_citations(reply, article_text)
    total = len(reply.citations)

    def of_evidence(first: int | None = None) -> float | None:
        return float(overlaps_within(cited, gold, first)) if case.evidence else None

    def of_answer(measure: Callable[[str, str], float], answers: Sequence[str] = case.answers) -> float | None:
        if not case.answers:
            return None
        # Checked here because the gold answer "A" is empty under SQuAD's rule, and an empty answer would match it.
        return best(measure, reply.text, answers) if reply.found else 0.0

    likeness = None
    if encode is not None and case.answers:
        likeness = similarity(reply.text, case.answers, encode) if reply.found else 0.0

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
        similarity=likeness,
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
    """Return the versions of Python and of the installed packages that can change a result."""
    found = {"python": platform.python_version()}
    for name in _VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _spans_of(
    evidence: Sequence[Evidence], reply: Reply, article_text: ArticleText
) -> tuple[tuple[ArticleSpan, ...], ...]:
    """Return the spans for each piece of evidence in the articles that were retrieved, cited or named.

    Offsets alone would match a citation in another article that happens to have overlapping offsets. Evidence with
    offsets therefore matches an article only if the article contains its text at these offsets; evidence without
    offsets matches wherever the article contains its text.
    """
    seen = dict.fromkeys(
        [hit.article_id for hit in reply.hits]
        + [citation.place.article_id for citation in reply.citations]
        + [item.article_id for item in evidence if item.article_id is not None]
    )
    sources = {article_id: [reply.sources[article_id]] if article_id in reply.sources else [] for article_id in seen}
    return tuple(
        tuple(
            ArticleSpan(article_id, start, start + len(item.text))
            for article_id in seen
            if is_named(item, article_id, sources[article_id])
            for start in occurrences(item, article_text(article_id) or "")
        )
        for item in evidence
    )


def _bad_citations(reply: Reply, article_text: ArticleText) -> tuple[str, ...]:
    bad = []
    for citation in reply.citations:
        article_id, start, end = citation.place
        text = article_text(article_id)
        where = f"[{citation.number}] {article_id} {start}..{end}"
        if text is None:
            bad.append(f"{where}: no such article")
        elif not is_exact_quote(text, start, end, citation.quote):
            bad.append(f"{where}: quotes {citation.quote!r}, but the article has {text[start:end]!r}")
    return tuple(bad)
