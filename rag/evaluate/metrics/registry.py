"""The measures of a run. Each is an object that prints as its name: `hit@5`, `article nDCG@10`, `F1`.

`MEASURES` maps names to measures, `SUMMARY` lists the measures that a table shows, and `find_measure` finds a measure
by name. The value of a measure is None for a question to which it does not apply; a failed answer gets the worst value
of each measure that applies.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from ...errors import SettingsError
from ..result import CaseResult
from . import retrieval
from .abstention import RiskPoint, aurc, aurc_interval, auroc, auroc_interval, risk_coverage
from .base import AnyMeasure, Estimate, Measure, RunMeasure
from .overlap import citation_quality
from .text import best, character_f1, scorable, token_f1

CUTOFFS = (1, 3, 5, 10)
"""The numbers of hits that the measures in `MEASURES` consider; `find_measure` accepts any other number."""

_RENAMED = {"auroc of trust": "AUROC of confidence", "aurc of trust": "AURC of confidence"}


def summarize(results: Sequence[CaseResult], measures: Sequence[AnyMeasure] | None = None) -> list[Estimate]:
    """Return the estimate for each measure (default: `SUMMARY`) that applies to at least one question."""
    chosen = SUMMARY if measures is None else measures
    return [found for measure in chosen if (found := measure.estimate(results)) is not None]


def risk_curve(results: Sequence[CaseResult]) -> tuple[RiskPoint, ...]:
    """Return the risk-coverage curve, with intervals: the share wrong among the 1, 2, … most confident questions.

    A question counts as wrong unless it was answered correctly, so abstentions and questions that no article answers
    count as wrong. A failed question is ranked first, as if its confidence were highest.
    """
    return risk_coverage(*_confidence_and_errors(results))


def _confidence_of(result: CaseResult, *, failed: float) -> float:
    """Return an answer's confidence; for a failed answer, return `failed`, the value that makes the measure worst."""
    if result.error is not None:
        return failed
    return float("-inf") if result.confidence is None else result.confidence


def _confidence_and_errors(results: Sequence[CaseResult]) -> tuple[list[float], list[bool]]:
    """Return the confidence for each question, and whether answering it would be wrong."""
    right = [result.answerable and result.found and result.right for result in results]
    return [_confidence_of(result, failed=float("inf")) for result in results], [not each for each in right]


def _auroc(results: Sequence[CaseResult]) -> tuple[float, float, float, int] | None:
    answerable = [_confidence_of(result, failed=float("-inf")) for result in results if result.answerable]
    others = [_confidence_of(result, failed=float("inf")) for result in results if not result.answerable]
    if not (answerable and others):
        return None
    return auroc(answerable, others), *auroc_interval(answerable, others), len(results)


def _aurc(results: Sequence[CaseResult]) -> tuple[float, float, float, int] | None:
    if not any(result.answerable for result in results):
        return None
    confidence, wrong = _confidence_and_errors(results)
    return aurc(confidence, wrong), *aurc_interval(confidence, wrong), len(results)


def _of_citations(part: Literal["precision", "recall", "f1"]) -> Callable[[CaseResult], float | None]:
    def of_result(result: CaseResult) -> float | None:
        return float(getattr(citation_quality(result.cited, result.evidence), part)) if result.gold else None

    return of_result


def _of_answers(measure: Callable[[str, str], float]) -> Callable[[CaseResult], float | None]:
    def of_result(result: CaseResult) -> float | None:
        if not result.expected:
            return None
        answered = result.found and result.error is None
        return best(measure, result.said, scorable(result.expected)) if answered else 0.0

    return of_result


def _of_sentences(count: Callable[[CaseResult], int]) -> Callable[[CaseResult], float | None]:
    def of_result(result: CaseResult) -> float | None:
        if result.error is not None:
            return 0.0
        if not result.found:
            return None
        return (
            count(result) / len(result.sentences) if result.sentences else 0.0
        )  # an answer without sentences was never checked

    return of_result


_hit_gains = lru_cache(maxsize=4096)(retrieval.hit_gains)  # most measures of a question's hits use the same gains

_AT: Mapping[str, Callable[[retrieval.HitGains, int], float]] = {
    "hit": retrieval.hit_at,
    "recall": retrieval.recall_at,
    "nDCG": retrieval.ndcg_at,
    "MRR": lambda found, _: retrieval.reciprocal_rank(found),
}
_TARGETS: Mapping[retrieval.Level, str] = {
    "passage": "a passage that overlaps the evidence",
    "article": "the article that contains the evidence",
    "evidence": "the characters of the evidence",
}


def _retrieval(level: retrieval.Level, kind: str, first: int = 0) -> Measure:
    """Return a measure of the hits; its name begins with the level, except for passages."""

    def of_result(result: CaseResult) -> float | None:
        if not result.gold:
            return None
        if kind == "context precision":
            return retrieval.context_precision_at(level, result.hits, result.evidence, first)
        return _AT[kind](_hit_gains(level, result.hits, result.gold, result.evidence), first)

    name = kind if kind == "MRR" else f"{kind}@{first}"
    target = _TARGETS[level]
    hits = "the first hit finds" if first == 1 else f"the first {first} hits find"
    about = {
        "hit": f"{hits} {target}",
        "recall": f"share of the evidence for which {hits} {target}",
        "nDCG": f"how high the first {first} hits rank {target}",
        "context precision": f"how little other than {target} the first {first} hits contain",
        "MRR": f"1 / rank of the first hit that finds {target}",
    }[kind]
    return Measure(name if level == "passage" else f"{level} {name}", level, of_result, about, counts=kind == "hit")


_KINDS = ("hit", "recall", "nDCG", "context precision")
_CUTOFF = re.compile(rf"(?:({'|'.join(_TARGETS)}) )?({'|'.join(map(str.casefold, _KINDS))})@([1-9][0-9]{{0,5}})")

_OF_HITS = tuple(
    measure
    for level in _TARGETS
    for measure in (*(_retrieval(level, kind, first) for kind in _KINDS for first in CUTOFFS), _retrieval(level, "MRR"))
)
_OF_CITATIONS = (
    Measure("first citation right", "citation", lambda r: r.first_citation, "it overlaps the evidence", counts=True),
    Measure(
        "any citation right", "citation", lambda r: r.any_citation, "at least one overlaps the evidence", counts=True
    ),
    Measure(
        "citation precision", "citation", _of_citations("precision"), "share of cited characters that are evidence"
    ),
    Measure("citation recall", "citation", _of_citations("recall"), "share of the evidence that is cited"),
    Measure("citation F1", "citation", _of_citations("f1"), "harmonic mean of citation precision and recall"),
    Measure(
        "citations that quote exactly", "citation", lambda r: r.valid_citations, "the quote is the text at its offsets"
    ),
    Measure(
        "sentences cited",
        "citation",
        _of_sentences(lambda r: sum(bool(sentence.numbers) for sentence in r.sentences)),
        "share of sentences that cite a passage",
    ),
)
_OF_ANSWERS = (
    Measure(
        "answer contained", "answer", lambda r: r.contains_answer, "the answer contains an accepted answer", counts=True
    ),
    Measure(
        "exact match", "answer", lambda r: r.exact_match, "the answer equals an accepted answer (SQuAD)", counts=True
    ),
    Measure("F1", "answer", lambda r: r.f1, "words (in Chinese, characters) shared with the accepted answer"),
    Measure("token F1", "answer", _of_answers(token_f1), "words shared with the accepted answer (SQuAD)"),
    Measure(
        "character F1",
        "answer",
        _of_answers(character_f1),
        "Chinese characters and other words shared with the accepted answer",
    ),
    Measure("similarity", "answer", lambda r: r.similarity, "similarity in meaning to the accepted answer"),
    Measure(
        "sentences supported",
        "truth",
        _of_sentences(lambda r: sum(support in ("quoted", "supported") for support in r.supports)),
        "share of sentences that the cited passage states, word for word or in other words",
    ),
    Measure(
        "sentences quoted",
        "truth",
        _of_sentences(lambda r: r.supports.count("quoted")),
        "share of sentences that the cited passage states word for word",
    ),
)
_WRONG = {"lower_is_better": True, "counts": True}
_OF_ABSTENTION = (
    Measure("answered or refused rightly", "abstention", lambda r: r.abstention, "accuracy of abstention", counts=True),
    Measure(
        "false refusals", "abstention", lambda r: r.false_refusal, "no answer to a question that has one", **_WRONG
    ),
    Measure("false answers", "abstention", lambda r: r.false_answer, "an answer to a question that has none", **_WRONG),
)

AUROC = RunMeasure(
    "AUROC of confidence",
    "abstention",
    _auroc,
    "probability that a question with an answer gets a higher confidence than one without",
)
AURC = RunMeasure(
    "AURC of confidence",
    "abstention",
    _aurc,
    "share of wrong answers if only the most confident questions are answered, averaged over their number",
    lower_is_better=True,
)

MEASURES: Mapping[str, Measure] = {
    measure.name: measure for measure in (*_OF_HITS, *_OF_CITATIONS, *_OF_ANSWERS, *_OF_ABSTENTION)
}
"""The measures that are means over questions, by name."""

RUN_MEASURES: Mapping[str, RunMeasure] = {measure.name: measure for measure in (AUROC, AURC)}
"""The measures that are computed over all questions together, by name."""

_SHOWN = (
    *("first citation right", "any citation right", "hit@1", "hit@5", "MRR", "nDCG@10", "context precision@5"),
    *("article hit@1", "article hit@5", "evidence recall@5"),
    *("answer contained", "exact match", "F1", "similarity"),
    *("citation precision", "citation recall", "citation F1", "citations that quote exactly", "sentences cited"),
    *("sentences supported", "sentences quoted"),
    *("answered or refused rightly", "false refusals", "false answers"),
)
SUMMARY: tuple[AnyMeasure, ...] = (*(MEASURES[name] for name in _SHOWN), AUROC, AURC)
"""The measures in a table, in table order."""


def find_measure(name: str) -> AnyMeasure:
    """Return the measure with this name in any case; `hit@7` also works. Raises `SettingsError` for an unknown name."""
    wanted = " ".join(name.split()).casefold()
    if cutoff := _CUTOFF.fullmatch(wanted):
        level = next(each for each in _TARGETS if each == (cutoff[1] or "passage"))
        return _retrieval(level, next(kind for kind in _KINDS if kind.casefold() == cutoff[2]), int(cutoff[3]))
    if renamed := _RENAMED.get(wanted):
        warnings.warn(f"The measure {name!r} is now called {renamed!r}.", DeprecationWarning, stacklevel=2)
        wanted = renamed.casefold()
    every: tuple[AnyMeasure, ...] = (*MEASURES.values(), *RUN_MEASURES.values())
    for measure in every:
        if measure.name.casefold() == wanted:
            return measure
    others = ", ".join(measure.name for measure in SUMMARY)
    raise SettingsError(f"Unknown measure {name!r}.", f"Use one of {others}, or another from docs/evaluation.md.")
