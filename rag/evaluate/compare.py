"""Compare two runs question by question, because questions vary more than runs do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import TestSetError
from .metrics.base import AnyMeasure, Measure
from .metrics.registry import SUMMARY, find_measure
from .metrics.statistics import interval
from .result import CaseResult, Report

_EXACT_UP_TO = 12  # maximum number of nonzero differences: 2 ** 12 sign patterns are fewer than the random rounds
_BLOCK = 2_000_000  # maximum number of random signs drawn at a time


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference `b - a` in one measure, over the `n` questions that have a value in both runs.

    `low` and `high` are the 95% paired bootstrap interval; `p_value` is two-sided.
    """

    measure: str
    a: float
    b: float
    difference: float
    low: float
    high: float
    p_value: float
    n: int

    @property
    def better(self) -> str | None:
        """`"a"` or `"b"` if the interval does not include 0, else None, because the difference may be due to chance."""
        if self.low <= 0.0 <= self.high:
            return None
        return "b" if (self.difference > 0) != find_measure(self.measure).lower_is_better else "a"


@dataclass(frozen=True, slots=True)
class Flip:
    """A question that one run answers correctly and the other incorrectly."""

    id: str
    question: str
    right_in: str
    said_a: str
    said_b: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of two runs over the questions they share; `only_a` and `only_b` contain the ids of the others."""

    differences: tuple[Difference, ...]
    flips: tuple[Flip, ...]
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()


def compare(a: Report, b: Report, *, measures: Sequence[AnyMeasure] = SUMMARY, seed: int = 0) -> Comparison:
    """Compare the results of two runs, paired by case id.

    Each p-value applies to one measure and is not corrected for the number of measures. Measures that are not means
    over questions (AUROC, AURC) are left out, and so is cost, which depends on the machine and the day. Raises
    `TestSetError` if the runs have no id in common, or if an id belongs to two different questions.
    """
    results_a, results_b = {result.id: result for result in a.results}, {result.id: result for result in b.results}
    shared = [(result, results_b[result.id]) for result in a.results if result.id in results_b]
    if not shared:
        raise TestSetError("The two runs share no question.", "Compare runs over the same test set.")
    for result_a, result_b in shared:
        if (result_a.question, result_a.answerable) != (result_b.question, result_b.answerable):
            raise TestSetError(
                f"The id {result_a.id!r} is {result_a.question!r} in one run and {result_b.question!r} in the other"
                + ("." if result_a.question != result_b.question else ", and only one of them can be answered."),
                "Compare runs over the same version of the test set.",
            )
    return Comparison(
        differences=tuple(
            found
            for measure in measures
            if isinstance(measure, Measure) and (found := _difference(measure, shared, seed)) is not None
        ),
        flips=tuple(_flip(result_a, result_b) for result_a, result_b in shared if result_a.right != result_b.right),
        only_a=tuple(name for name in results_a if name not in results_b),
        only_b=tuple(name for name in results_b if name not in results_a),
    )


def permutation_p_value(differences: Sequence[float], *, rounds: int = 10_000, seed: int = 0) -> float:
    """Return the two-sided p-value of a paired permutation test: the share of sign patterns whose mean is at least as
    far from 0 as the observed mean.

    If few differences are nonzero, all sign patterns are counted; otherwise, `rounds` random patterns and the observed
    pattern are counted, so the value is never 0. `scipy.stats.permutation_test` draws different signs and would give
    slightly different values. Source: Fisher 1935, section 21; Phipson & Smyth 2010 for the count.
    """
    values = np.asarray([difference for difference in differences if difference != 0.0])
    count = len(values)
    if not count:
        return 1.0

    def as_far(signs: NDArray[np.floating[Any]]) -> int:
        # Sums of the same numbers in a different order differ in the last bits.
        return int(np.count_nonzero(np.abs(signs @ values) >= abs(values.sum()) - 1e-9))

    if count <= _EXACT_UP_TO:
        patterns = np.array(list(product((1.0, -1.0), repeat=count)))
        return as_far(patterns) / len(patterns)
    generator = np.random.default_rng(seed)
    step = max(1, _BLOCK // count)
    found = 0
    for start in range(0, rounds, step):
        found += as_far(generator.integers(0, 2, size=(min(step, rounds - start), count)) * 2.0 - 1.0)
    return (1 + found) / (1 + rounds)


def _difference(measure: Measure, shared: Sequence[tuple[CaseResult, CaseResult]], seed: int) -> Difference | None:
    pairs = [
        (value_a, value_b)
        for result_a, result_b in shared
        if (value_a := measure.of_result(result_a)) is not None and (value_b := measure.of_result(result_b)) is not None
    ]
    if not pairs:
        return None
    differences = [value_b - value_a for value_a, value_b in pairs]
    low, high = interval(differences, lowest=-1.0, highest=1.0, seed=seed)
    count = len(pairs)
    return Difference(
        measure=measure.name,
        a=sum(value for value, _ in pairs) / count,
        b=sum(value for _, value in pairs) / count,
        difference=sum(differences) / count,
        low=low,
        high=high,
        p_value=permutation_p_value(differences, seed=seed),
        n=count,
    )


def _flip(result_a: CaseResult, result_b: CaseResult) -> Flip:
    return Flip(
        id=result_a.id,
        question=result_a.question,
        right_in="a" if result_a.right else "b",
        said_a=result_a.error or result_a.said,
        said_b=result_b.error or result_b.said,
    )
