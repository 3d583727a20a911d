"""The evaluated questions, each with its outcome in words, its answers and its citations. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.evaluate import CaseResult, CitedSpan

from ..html import SUPPORT_LABELS
from ..templating import macros
from .figures import Run

_CONTEXT = 400  # characters shown before and after a quote

OUTCOMES = {
    "right": "answered correctly",
    "right refusal": "refused correctly: the articles do not say",
    "other passage": "cited another passage",
    "not found": "the evidence was not found",
    "not contained": "the accepted answer is not in the reply",
    "refused": "refused, although it can be answered",
    "answered": "answered, although the articles do not say",
    "failed": "failed without an answer",
}
"""The possible outcomes of a question, each with its description."""


def outcome(result: CaseResult) -> str:
    """Return the outcome of a question, as a key of `OUTCOMES`."""
    if result.error is not None:
        return "failed"
    if not result.answerable:
        return "answered" if result.found else "right refusal"
    if not result.found:
        return "refused"
    if result.right:
        return "right"
    if result.first_citation is None:
        return "not contained"
    return "not found" if evidence_rank(result) is None else "other passage"


def count_outcomes(results: Sequence[CaseResult]) -> Mapping[str, int]:
    """Return the number of questions with each outcome, by the keys of `OUTCOMES`."""
    outcomes = [outcome(result) for result in results]
    return {kind: outcomes.count(kind) for kind in OUTCOMES}


def evidence_rank(result: CaseResult) -> int | None:
    """Return the rank, from 1, of the first hit that overlaps the evidence, or None."""
    gold = [span for spans in result.evidence for span in spans]
    return next((rank for rank, hit in enumerate(result.hits, 1) if any(map(hit.overlaps, gold))), None)


def verdict(result: CaseResult) -> str:
    """Return the verdict in words: failed, right or wrong, with "refused" if there was no answer."""
    if result.error is not None:
        return "failed"
    return ("right" if result.right else "wrong") + ("" if result.found else ", refused")


def what_went_wrong(result: CaseResult) -> str:
    """Return a description of the faults in a result, or an empty string.

    A right answer may also have faults: a citation that is not an exact quote, or a sentence that no passage supports.
    """
    kind = outcome(result)
    if kind in ("failed", "answered"):
        return OUTCOMES[kind]
    if kind == "right refusal":
        return ""
    found = _where_found(result)
    if kind == "refused":
        return "refused although answerable" + (f"; {found}" if found else "")
    return "; ".join(filter(None, (_wrong_answer(result, kind, found), *_faults(result))))


def _wrong_answer(result: CaseResult, kind: str, found: str) -> str:
    if kind == "other passage":
        if not result.citations:
            return f"{found}, but nothing was cited"
        other = "another passage was cited first" if result.any_citation == 1.0 else "another passage was cited"
        return f"{found}, but {other}"
    if kind == "not found":
        return found
    if result.contains_answer == 0.0:
        missing = OUTCOMES["not contained"]
        return f"right passage, but {missing}" if result.first_citation == 1.0 else missing
    return "" if kind == "right" else "the test set has neither an answer nor evidence"


def _where_found(result: CaseResult) -> str:
    if result.first_citation is None and result.evidence_seen is None:
        return ""
    rank = evidence_rank(result)
    if rank is not None:
        return f"the evidence was found at rank {rank}"
    if result.evidence_seen is False:
        return "no retrieved article contains the evidence"
    return f"the evidence was not found among {_count(len(result.hits), 'hit')}"


def _faults(result: CaseResult) -> Iterator[str]:
    if result.bad_citations:
        total = max(len(result.citations), len(result.bad_citations))
        yield f"{len(result.bad_citations)} of {_count(total, 'citation')} not quoted exactly"
    if bad := result.supports.count("unsupported"):
        yield f"{bad} of {_count(len(result.supports), 'sentence')} not confirmed"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A question's result in one run, for the template; `around` is the text before and after each cited quote."""

    result: CaseResult
    verdict: str
    why: str
    around: Sequence[tuple[str, str]]
    labels: Mapping[str, str]


def questions_html(runs: Sequence[Run]) -> str:
    """Return HTML that lists all questions, each with its result in every run."""
    of_run = [{result.id: result for result in run.results} for run in runs]
    questions = []
    for case_id in dict.fromkeys(case_id for results in of_run for case_id in results):
        results = [each.get(case_id) for each in of_run]
        first = next(result for result in results if result is not None)
        questions.append((first, [_row(result) for result in results], _kinds(results)))
    names = {"": "all", "wrong": "wrong", "refused": "refused", "failed": "failed"}
    heads = ["Question", "Verdict", "What went wrong", "First citation", "F1", "Confidence", "Seconds"]
    if len(runs) > 1:
        names["differ"] = "only those that differ"
        heads.insert(1, "Run")
    filters = [
        (kind, name, sum(not kind or kind in kinds for _, _, kinds in questions)) for kind, name in names.items()
    ]
    shown = [(first, rows, " ".join(kinds)) for first, rows, kinds in questions]
    return str(macros("report", "questions").table(runs, heads, filters, shown))


def _row(result: CaseResult | None) -> QuestionRow | None:
    if result is None:
        return None
    around = [_around(cited) for cited in result.citations]
    return QuestionRow(result, verdict(result), what_went_wrong(result), around, SUPPORT_LABELS)


def _kinds(results: Sequence[CaseResult | None]) -> list[str]:
    """Return the names of the filters that a question matches."""
    present = [result for result in results if result is not None]
    kinds = {
        "wrong": any(not result.right for result in present),
        "refused": any(result.error is None and not result.found for result in present),
        "failed": any(result.error is not None for result in present),
        "differ": len({None if result is None else verdict(result) for result in results}) > 1,
    }
    return [kind for kind, passes in kinds.items() if passes]


def _around(cited: CitedSpan) -> tuple[str, str]:
    """Return the text before and after a quote, truncated at a space."""
    before, after = cited.before, cited.after
    if len(before) > _CONTEXT:
        before = "…" + before[-_CONTEXT:].split(" ", 1)[-1]
    if len(after) > _CONTEXT:
        after = after[:_CONTEXT].rsplit(" ", 1)[0] + "…"
    return before, after
