"""What is measured of a run. Each measure is a value that prints as its name: `hit@5`, `article nDCG@10`, `F1`.

`MEASURES` has them all by name, `SUMMARY` those that a table shows, and `find_measure` finds one by its name. A
measure is None for a question that it does not apply to; a failed answer has the worst value of each that does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from ...errors import SettingsError
from . import retrieval
from .abstention import aurc, aurc_interval, auroc, auroc_interval
from .base import AnyMeasure, Estimate, Measure, RunMeasure
from .overlap import CitationQuality, citation_quality
from .text import best, character_f1, scorable, token_f1

if TYPE_CHECKING:
    from ..result import CaseResult

CUTOFFS = (1, 3, 5, 10)
"""After how many hits the measures of `MEASURES` look away; `find_measure` takes any other number."""


def confidence_of(result: CaseResult, *, failed: float) -> float:
    """How much spoke for an answer; `failed` for a failed one, never dropped: it stands where it does most harm."""
    if result.error is not None:
        return failed
    return float("-inf") if result.confidence is None else result.confidence


def wrong_if_answered(result: CaseResult) -> bool:
    """True unless a right answer was given; whatever is said to a question that cannot be answered is wrong."""
    return not (result.answerable and result.found and result.right)


def _auroc(results: Sequence[CaseResult]) -> tuple[float, float, float, int] | None:
    answerable = [confidence_of(result, failed=float("-inf")) for result in results if result.answerable]
    others = [confidence_of(result, failed=float("inf")) for result in results if not result.answerable]
    if not (answerable and others):
        return None
    return auroc(answerable, others), *auroc_interval(answerable, others), len(results)


def _aurc(results: Sequence[CaseResult]) -> tuple[float, float, float, int] | None:
    if not any(result.answerable for result in results):
        return None
    confidence, wrong = (
        [confidence_of(result, failed=float("inf")) for result in results],
        [wrong_if_answered(result) for result in results],
    )
    return aurc(confidence, wrong), *aurc_interval(confidence, wrong), len(results)


def _cited(result: CaseResult) -> CitationQuality | None:
    return citation_quality(result.cited, result.evidence) if result.gold else None


def _of_citations(part: Literal["precision", "recall", "f1"]) -> Callable[[CaseResult], float | None]:
    def of_result(result: CaseResult) -> float | None:
        quality = _cited(result)
        return None if quality is None else float(getattr(quality, part))

    return of_result


def _of_answers(measure: Callable[[str, str], float]) -> Callable[[CaseResult], float | None]:
    def of_result(result: CaseResult) -> float | None:
        if not result.expected:
            return None
        return best(measure, result.said, scorable(result.expected)) if result.found and result.error is None else 0.0

    return of_result


def _of_sentences(count: Callable[[CaseResult], int]) -> Callable[[CaseResult], float | None]:
    def of_result(result: CaseResult) -> float | None:
        if result.error is not None:
            return 0.0
        if not result.found:
            return None
        return (
            count(result) / len(result.sentences) if result.sentences else 0.0
        )  # text without sentences was never checked

    return of_result


_arrivals = lru_cache(maxsize=4096)(retrieval.arrivals)  # of one question, most measures of the hits ask for the same


def _retrieval(level: retrieval.Level, kind: str, first: int = 0) -> Measure:
    """One measure of the hits; the name of the level stands before it, but for passages."""

    def of_result(result: CaseResult) -> float | None:
        if not result.gold:
            return None
        if kind == "context precision":
            return retrieval.context_precision_at(level, result.hits, result.evidence, first)
        found = _arrivals(level, result.hits, result.gold, result.evidence)
        if kind == "MRR":
            return retrieval.reciprocal_rank(found)
        at: Mapping[str, Callable[[retrieval.Arrivals, int], float]] = {
            "hit": retrieval.hit_at,
            "recall": retrieval.recall_at,
            "nDCG": retrieval.ndcg_at,
        }
        return at[kind](found, first)

    name = kind if kind == "MRR" else f"{kind}@{first}"
    what = {"passage": "a passage that overlaps the evidence", "article": "the article of the evidence"}.get(
        level, "the characters of the evidence"
    )
    hits = "the first hit brings" if first == 1 else f"the first {first} hits bring"
    about = {
        "hit": f"{hits} {what}",
        "recall": f"how much of {what} {hits}, where there are several places",
        "nDCG": f"how high among the first {first} there is {what}",
        "context precision": f"how little else than {what} is among the first {first}",
        "MRR": f"1 / rank of the first hit that brings {what}",
    }[kind]
    return Measure(name if level == "passage" else f"{level} {name}", level, of_result, about, counts=kind == "hit")


_KINDS = ("hit", "recall", "nDCG", "context precision")
_LEVELS: tuple[retrieval.Level, ...] = ("passage", "article", "evidence")
_CUT = re.compile(rf"(?:({'|'.join(_LEVELS)}) )?({'|'.join(_KINDS)})@([1-9]\d{{0,5}})", re.IGNORECASE)

_OF_HITS = tuple(
    measure
    for level in _LEVELS
    for measure in (*(_retrieval(level, kind, first) for kind in _KINDS for first in CUTOFFS), _retrieval(level, "MRR"))
)

_OF_ANSWERS = (
    Measure(
        "first citation right",
        "citation",
        lambda result: result.first_citation,
        "it overlaps the evidence",
        counts=True,
    ),
    Measure(
        "any citation right", "citation", lambda result: result.any_citation, "one overlaps the evidence", counts=True
    ),
    Measure(
        "answer contained",
        "answer",
        lambda result: result.contains_answer,
        "it has an accepted answer in it",
        counts=True,
    ),
    Measure(
        "exact match", "answer", lambda result: result.exact_match, "it is an accepted answer (SQuAD)", counts=True
    ),
    Measure("F1", "answer", lambda result: result.f1, "words shared with the accepted answer, in Chinese characters"),
    Measure("token F1", "answer", _of_answers(token_f1), "words shared with the accepted answer (SQuAD)"),
    Measure("character F1", "answer", _of_answers(character_f1), "Chinese characters and words shared with it"),
    Measure("similarity", "answer", lambda result: result.similarity, "nearness in meaning to the accepted answer"),
    Measure("citation precision", "citation", _of_citations("precision"), "cited characters that are evidence"),
    Measure("citation recall", "citation", _of_citations("recall"), "characters of the evidence that are cited"),
    Measure("citation F1", "citation", _of_citations("f1"), "harmonic mean of citation precision and recall"),
    Measure(
        "citations that quote exactly",
        "citation",
        lambda result: result.valid_citations,
        "the quote stands at its offsets",
    ),
    Measure(
        "sentences cited",
        "citation",
        _of_sentences(lambda result: sum(bool(said.numbers) for said in result.sentences)),
        "sentences that cite something",
    ),
    Measure(
        "sentences supported",
        "truth",
        _of_sentences(lambda result: sum(support in ("quoted", "supported") for support in result.supports)),
        "sentences that the cited passage says, word for word or in other words",
    ),
    Measure(
        "sentences quoted",
        "truth",
        _of_sentences(lambda result: result.supports.count("quoted")),
        "sentences that the cited passage says word for word",
    ),
    Measure(
        "answered or refused rightly",
        "abstention",
        lambda result: result.abstention,
        "accuracy of abstention",
        counts=True,
    ),
    Measure(
        "false refusals",
        "abstention",
        lambda result: result.false_refusal,
        "no answer to a question that has one",
        lower_is_better=True,
        counts=True,
    ),
    Measure(
        "false answers",
        "abstention",
        lambda result: result.false_answer,
        "an answer to a question that has none",
        lower_is_better=True,
        counts=True,
    ),
)

AUROC = RunMeasure(
    "AUROC of trust", "abstention", _auroc, "chance that a question with an answer is trusted more than one without"
)
AURC = RunMeasure(
    "AURC of trust",
    "abstention",
    _aurc,
    "share answered wrong, on average over how many of the most trusted questions are answered",
    lower_is_better=True,
)

MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in (*_OF_HITS, *_OF_ANSWERS)}
"""The measures that are means over questions, by name."""

RUN_MEASURES: Mapping[str, RunMeasure] = {measure.name: measure for measure in (AUROC, AURC)}
"""The measures of all questions together, by name."""

_SHOWN = (
    *("first citation right", "any citation right", "hit@1", "hit@5", "MRR", "nDCG@10", "context precision@5"),
    *("article hit@1", "article hit@5", "evidence recall@5"),
    *("answer contained", "exact match", "F1", "similarity"),
    *("citation precision", "citation recall", "citation F1", "citations that quote exactly", "sentences cited"),
    *("sentences supported", "sentences quoted"),
    *("answered or refused rightly", "false refusals", "false answers"),
)
SUMMARY: tuple[AnyMeasure, ...] = (*(MEASURES[name] for name in _SHOWN), AUROC, AURC)
"""The measures of a table, in its order."""


def find_measure(name: str) -> AnyMeasure:
    """The measure of this name, in capitals or not; `hit@7` is one, too. Raises `SettingsError` when there is none."""
    wanted = " ".join(name.split())
    if cut := _CUT.fullmatch(wanted):
        level = next(each for each in _LEVELS if each == (cut[1] or "passage").lower())
        return _retrieval(level, next(kind for kind in _KINDS if kind.lower() == cut[2].lower()), int(cut[3]))
    every: tuple[AnyMeasure, ...] = (*MEASURES.values(), *RUN_MEASURES.values())
    for measure in every:
        if measure.name.casefold() == wanted.casefold():
            return measure
    others = ", ".join(measure.name for measure in SUMMARY)
    raise SettingsError(f"there is no measure {name!r}", f"There are {others}, and others in docs/evaluation.md.")


def estimates(results: Sequence[CaseResult], measures: Sequence[AnyMeasure] = SUMMARY) -> list[Estimate]:
    """Each measure that applies to at least one of the questions, with its interval over questions."""
    return [found for measure in measures if (found := measure.estimate(results)) is not None]
