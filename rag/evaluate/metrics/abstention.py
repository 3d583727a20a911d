"""Areas under two curves that show how well confidence separates questions to answer from questions to refuse. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .statistics import RESAMPLES, bootstrap, constant_interval, percentile_interval


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Return the probability that a positive scores higher than a negative; ties count as half, and scores may be
    infinite.

    Source: Hanley & McNeil 1982 (the area under the ROC curve is the Mann-Whitney statistic). Raises `ValueError` if
    one side is empty or a score is not a number.
    """
    if not positives or not negatives:
        raise ValueError("AUROC needs at least one positive and one negative score")
    if any(math.isnan(value) for value in (*positives, *negatives)):
        raise ValueError("AUROC cannot rank a score that is NaN")
    return float(_aurocs(np.asarray([positives], dtype=float), np.asarray([negatives], dtype=float))[0])


def _aurocs(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the AUROC for each row; scikit-learn accepts only one sample at a time, and no infinite scores."""
    from scipy.stats import rankdata

    count, others = positives.shape[1], negatives.shape[1]
    ranks = rankdata(np.hstack([positives, negatives]), axis=1)[:, :count].sum(axis=1)
    areas: NDArray[np.float64] = (ranks - count * (count + 1) / 2) / (count * others)
    return areas


def auroc_interval(
    positives: Sequence[float],
    negatives: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of `auroc`; each class is resampled separately, so neither is empty.

    If all resamples give the same value, the interval is `constant_interval` for the smaller class, a cautious
    substitute.
    """
    value = auroc(positives, negatives)
    high, low = np.asarray(positives, dtype=float), np.asarray(negatives, dtype=float)

    def statistic(of_high: NDArray[np.int64], of_low: NDArray[np.int64]) -> NDArray[np.float64]:
        return _aurocs(high[of_high], low[of_low])

    areas = bootstrap(statistic, len(high), len(low), resamples=resamples, seed=seed)
    if np.ptp(areas) == 0.0:
        return constant_interval(value, min(len(high), len(low)), confidence=confidence)
    return percentile_interval(areas, confidence)


class RiskPoint(NamedTuple):
    """A point on the risk-coverage curve: if the share `coverage` is answered, the share `risk` of the answers is
    wrong.

    `low` and `high` are the 95% bootstrap interval of the risk at this coverage.
    """

    coverage: float
    risk: float
    low: float
    high: float


def risk_coverage(confidence: Sequence[float], wrong: Sequence[bool], *, seed: int = 0) -> tuple[RiskPoint, ...]:
    """Return a point for each number of questions: the share of wrong answers among the 1, 2, … most confident.

    Questions of equal confidence have no order, so each point is the mean over all their orders. Confidence may be
    infinite. Source: El-Yaniv & Wiener 2010. Raises `ValueError` if a confidence is NaN, or if the lengths differ.
    """
    groups, flags = _ranked(confidence, wrong)
    if not len(flags):
        return ()
    count = len(flags)
    risks = _risks(groups, flags, np.arange(count)[None])[0]
    if flags.min() == flags.max():
        bounds = [constant_interval(float(risk), count) for risk in risks]
    else:
        resampled = bootstrap(lambda drawn: _risks(groups, flags, drawn), count, seed=seed)
        bounds = [(float(low), float(high)) for low, high in np.quantile(resampled, [0.025, 0.975], axis=0).T]
    return tuple(
        RiskPoint(number / count, float(risk), low, high)
        for number, (risk, (low, high)) in enumerate(zip(risks, bounds, strict=True), start=1)
    )


def aurc(confidence: Sequence[float], wrong: Sequence[bool]) -> float:
    """Return the area under `risk_coverage`: its mean over all coverages, 0 if no answer is wrong; lower is better.

    Source: Geifman, Uziel & El-Yaniv 2019. Raises `ValueError` if there are no questions, and in the same cases as
    `risk_coverage`.
    """
    groups, flags = _ranked(confidence, wrong)
    if not len(flags):
        raise ValueError("the area under the risk-coverage curve needs at least one question")
    return float(_risks(groups, flags, np.arange(len(flags))[None]).mean())


def aurc_interval(confidence: Sequence[float], wrong: Sequence[bool], *, seed: int = 0) -> tuple[float, float]:
    """Return the 95% percentile bootstrap interval of `aurc`; `constant_interval` if all are right, or all wrong."""
    value = aurc(confidence, wrong)
    groups, flags = _ranked(confidence, wrong)
    if flags.min() == flags.max():
        return constant_interval(value, len(flags))
    areas = bootstrap(lambda drawn: _risks(groups, flags, drawn).mean(axis=1), len(flags), seed=seed)
    return percentile_interval(areas)


def _ranked(confidence: Sequence[float], wrong: Sequence[bool]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return, by descending confidence, each question's group of equal confidence, and 1 if it is wrong, else 0."""
    if any(math.isnan(value) for value in confidence):
        raise ValueError("a risk-coverage curve cannot rank a confidence that is NaN")
    if len(confidence) != len(wrong):
        raise ValueError(f"got {len(confidence)} values of confidence for {len(wrong)} questions")
    values = np.asarray(confidence, dtype=float)
    order = np.argsort(-values, kind="stable")
    _, groups = np.unique(-values[order], return_inverse=True)
    return groups, np.asarray(wrong, dtype=float)[order]


def _risks(groups: NDArray[np.int64], wrong: NDArray[np.float64], drawn: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the risk after the first 1, 2, … questions in each row of `drawn`, by descending confidence.

    Errors are spread evenly within a group, which gives the mean over the group's orders.
    """
    rows, count = drawn.shape
    chosen = np.sort(drawn, axis=1)
    size = int(groups.max()) + 1
    cells = groups[chosen] + size * np.arange(rows)[:, None]  # a number for each group in each row
    asked = np.bincount(cells.ravel(), minlength=rows * size)
    errors = np.bincount(cells.ravel(), wrong[chosen].ravel(), minlength=rows * size)
    risks: NDArray[np.float64] = np.cumsum((errors / np.maximum(asked, 1))[cells], axis=1) / np.arange(1, count + 1)
    return risks
