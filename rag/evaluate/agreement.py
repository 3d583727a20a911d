"""Measure the agreement between an LLM that judges answers and the built-in measures. Pure.

Agreement proves nothing: both may be wrong. If the judge and a measure differ, a person has to check the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .metrics.statistics import bootstrap, interval, percentile_interval
from .result import CaseResult

_LONGEST_LINE = 200  # maximum number of characters shown of a question or a reason


@dataclass(frozen=True, slots=True)
class JudgeVerdict:
    """A judge's verdict on an answer: whether it is correct, whether its citations support it, and the reasons."""

    correct: bool
    grounded: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The agreement between a judge's verdicts and a built-in measure, over the `n` questions that have both values.

    `share` is the share of questions on which they agree. `kappa` is Cohen's kappa: 1 if they always agree, 0 if they
    agree as often as by chance, None if both give the same result for every question, which proves nothing. `share` and
    `kappa` each have a 95% interval. `differ` contains the ids of the questions on which they disagree.
    """

    judged: str
    measure: str
    n: int
    share: float
    share_interval: tuple[float, float]
    kappa: float | None
    kappa_interval: tuple[float, float] | None
    differ: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judge's verdicts by case id, and the reason for each case that could not be judged."""

    verdicts: Mapping[str, JudgeVerdict] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)

    def agreement(self, results: Sequence[CaseResult]) -> list[Agreement]:
        """Return the agreement with each built-in measure that applies to at least one result."""
        found = []
        for judged, measure, of_result in _PAIRS:
            pairs = [
                (result.id, bool(getattr(self.verdicts[result.id], judged)), measured)
                for result in results
                if result.id in self.verdicts and (measured := of_result(result)) is not None
            ]
            if pairs:
                found.append(_agreement(judged, measure, pairs))
        return found


def cohens_kappa(one: Sequence[bool], other: Sequence[bool]) -> float | None:
    """Return the agreement between two judges beyond chance; None if chance alone makes them agree on everything.

    Source: Cohen 1960. Raises `ValueError` if the two sequences differ in length or are empty.
    """
    if not one or len(one) != len(other):
        raise ValueError(f"two judges of the same questions are needed, got {len(one)} and {len(other)} verdicts")
    found = _kappas(np.array([[one, other]]))
    return float(found[0]) if len(found) else None


def kappa_interval(one: Sequence[bool], other: Sequence[bool], *, seed: int = 0) -> tuple[float, float] | None:
    """Return the 95% percentile bootstrap interval of `cohens_kappa` over the questions; None if kappa is None.

    Resamples in which kappa is undefined are left out. If the judges agree, or differ, on every question, the bootstrap
    interval of the agreement has no width; its exact binomial bound (`interval`) is then converted into a bound for
    kappa.
    """
    if cohens_kappa(one, other) is None:
        return None
    judges = np.array([one, other])
    same = [float(a == b) for a, b in zip(one, other, strict=True)]
    if min(same) == max(same):
        chance = float(_chance(judges))
        low, high = interval(same)
        return (low - chance) / (1.0 - chance), (high - chance) / (1.0 - chance)
    return percentile_interval(bootstrap(lambda drawn: _kappas(judges[:, drawn].swapaxes(0, 1)), len(same), seed=seed))


def as_agreement(judgement: Judgement, results: Sequence[CaseResult]) -> str:
    """Return the agreement as a Markdown table, followed by the questions on which the judge and a measure differ, and
    those that were not judged."""
    agreements = judgement.agreement(results)
    judged, answered = len(judgement.verdicts), len(judgement.verdicts) + len(judgement.failures)
    lines = [
        f"Judged by an LLM: {judged} of {answered} answers. The verdicts change no measure; check where they differ."
    ]
    if agreements:
        lines += ["", *_table(agreements)]
    for each in agreements:
        lines += _listed(
            f"“{each.judged}” and “{each.measure}” differ", list(_differences(each, judgement.verdicts, results))
        )
    lines += _listed("Not judged", [f"- {name}: {_one_line(why)}" for name, why in judgement.failures.items()])
    return "\n".join(lines)


def _contained(result: CaseResult) -> bool | None:
    return None if result.contains_answer is None else result.contains_answer == 1.0


def _supported(result: CaseResult) -> bool:
    return bool(result.sentences) and all(support in ("quoted", "supported") for support in result.supports)


_PAIRS: tuple[tuple[str, str, Callable[[CaseResult], bool | None]], ...] = (
    ("correct", "right", lambda result: result.right),
    ("correct", "answer contained", _contained),
    ("grounded", "all sentences supported", _supported),
)
"""Each field of a verdict, and the built-in measure with which it is compared."""


def _agreement(judged: str, measure: str, pairs: Sequence[tuple[str, bool, bool]]) -> Agreement:
    verdicts, measured = [verdict for _, verdict, _ in pairs], [value for _, _, value in pairs]
    same = [float(verdict == value) for _, verdict, value in pairs]
    return Agreement(
        judged=judged,
        measure=measure,
        n=len(pairs),
        share=sum(same) / len(same),
        share_interval=interval(same),
        kappa=cohens_kappa(verdicts, measured),
        kappa_interval=kappa_interval(verdicts, measured),
        differ=tuple(case_id for case_id, verdict, value in pairs if verdict != value),
    )


def _kappas(judges: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return kappa for each pair of judges for which it is defined; `judges` has the shape `(pairs, 2, questions)`."""
    chance = _chance(judges)
    agreed = (judges[:, 0] == judges[:, 1]).mean(axis=1)
    known = chance < 1.0
    kappas: NDArray[np.float64] = (agreed[known] - chance[known]) / (1.0 - chance[known])
    return kappas


def _chance(judges: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share of questions on which two judges agree by chance; `judges` has the shape `(…, 2, questions)`."""
    p, q = judges.mean(axis=-1).T
    chance: NDArray[np.float64] = p * q + (1.0 - p) * (1.0 - q)
    return chance


def _table(agreements: Sequence[Agreement]) -> Iterator[str]:
    yield "| judge | measure | agree | 95% interval | kappa | 95% interval | questions |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for each in agreements:
        kappa = "–" if each.kappa is None else f"{each.kappa:.3f}"
        yield (
            f"| {each.judged} | {each.measure} | {each.share:.3f} | {_range(each.share_interval)} | {kappa} | "
            f"{_range(each.kappa_interval)} | {each.n - len(each.differ)}/{each.n} |"
        )


def _range(bounds: tuple[float, float] | None) -> str:
    return "–" if bounds is None else f"{bounds[0]:.3f} to {bounds[1]:.3f}"


def _differences(
    agreement: Agreement, verdicts: Mapping[str, JudgeVerdict], results: Sequence[CaseResult]
) -> Iterator[str]:
    for result in results:
        if result.id in agreement.differ:
            verdict = verdicts[result.id]
            answer = "yes" if getattr(verdict, agreement.judged) else "no"
            yield f"- {result.id}, the judge says {answer}: {_one_line(result.question)}"
            if verdict.reason:
                yield f"    because: {_one_line(verdict.reason)}"


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    items = sum(line.startswith("- ") for line in lines)
    return ["", f"{title}: {items}", *lines] if lines else []


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…"
