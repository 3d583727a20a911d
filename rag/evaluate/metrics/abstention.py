"""How well trust tells what to answer from what to leave: the areas under two curves, with their intervals. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .statistics import BLOCK, RESAMPLES, constant_interval, drawings, percentiles

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """The chance that a positive scores higher than a negative; a tie counts half. Infinite scores are allowed.

    Source: Hanley & McNeil 1982 (the area under the ROC curve is the Mann-Whitney statistic).
    Raises `ValueError` when one side is empty or a score is not a number.
    """
    if not positives or not negatives:
        raise ValueError("AUROC needs at least one positive and one negative score")
    if any(math.isnan(value) for value in (*positives, *negatives)):
        raise ValueError("AUROC cannot rank a score that is NaN")
    import numpy as np

    return _auroc(np.asarray(positives, dtype=float), np.asarray(negatives, dtype=float))


def _auroc(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> float:
    import numpy as np

    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, side="left")
    below_or_tied = np.searchsorted(ordered, positives, side="right")
    return float((below + below_or_tied).sum()) / (2 * len(positives) * len(negatives))


def auroc_interval(
    positives: Sequence[float],
    negatives: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of `auroc`, both classes drawn apart so that neither can run empty.

    When no resample differs, the interval is `constant_interval` of the smaller class, a cautious stand-in.
    """
    import numpy as np

    value = auroc(positives, negatives)
    of_high, of_low = (np.random.default_rng([seed, side]) for side in (0, 1))
    high, low = np.asarray(positives, dtype=float), np.asarray(negatives, dtype=float)
    place = np.argsort(np.argsort(low, kind="stable"))  # where each negative stands among the sorted ones
    ordered = np.sort(low)
    left, right = (np.searchsorted(ordered, high, side=side) for side in ("left", "right"))
    size = max(1, BLOCK // (len(high) + len(low)))
    blocks = []
    for start in range(0, resamples, size):
        # How often each score is drawn says all: nothing needs to be sorted again.
        rows = min(size, resamples - start)
        times = _counted(of_high.integers(0, len(high), (rows, len(high))), len(high))
        below = np.cumsum(_counted(place[of_low.integers(0, len(low), (rows, len(low)))], len(low)), axis=1)
        below = np.hstack([np.zeros((rows, 1)), below])  # how many of the drawn are among the first 0, 1, 2, …
        blocks.append((times * (below[:, left] + below[:, right])).sum(axis=1) / (2 * len(high) * len(low)))
    drawn = np.concatenate(blocks)
    if np.ptp(drawn) == 0.0:
        return constant_interval(value, min(len(high), len(low)), confidence=confidence)
    return percentiles(drawn, confidence)


def _counted(numbers: NDArray[np.int64], size: int, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """How often each number below `size` stands in each row, or what its `weights` add up to; shape `(rows, size)`."""
    import numpy as np

    rows = len(numbers)
    apart = (numbers + size * np.arange(rows)[:, None]).ravel()  # no number is of two rows
    counts = np.bincount(apart, None if weights is None else weights.ravel(), minlength=rows * size)
    return counts.reshape(rows, size).astype(float)


class RiskPoint(NamedTuple):
    """A point of the risk-coverage curve: of the share `coverage` of all questions, `risk` are answered wrong.

    `low` and `high` are the 95% bootstrap interval of the risk at this coverage.
    """

    coverage: float
    risk: float
    low: float
    high: float


def risk_coverage(confidence: Sequence[float], wrong: Sequence[bool], *, seed: int = 0) -> tuple[RiskPoint, ...]:
    """Share wrong among the 1, 2, … all questions that are trusted most, one point for each number of questions.

    Questions of the same trust have no order, so each point is the mean over all their orders. Infinite trust is
    allowed. Source: El-Yaniv & Wiener 2010. Raises `ValueError` when trust is NaN, or the lengths differ.
    """
    import numpy as np

    groups, flags = _ranked(confidence, wrong)
    if not len(flags):
        return ()
    risks = _risks(groups, flags)
    count = len(flags)
    if flags.min() == flags.max():
        bounds = [constant_interval(float(risk), count) for risk in risks]
    else:
        drawn = np.vstack(list(_resampled_risks(groups, flags, seed)))
        bounds = [(float(low), float(high)) for low, high in np.quantile(drawn, [0.025, 0.975], axis=0).T]
    return tuple(
        RiskPoint((place + 1) / count, float(risk), low, high)
        for place, (risk, (low, high)) in enumerate(zip(risks, bounds, strict=True))
    )


def aurc(confidence: Sequence[float], wrong: Sequence[bool]) -> float:
    """Area under `risk_coverage`: its mean over all coverages, 0 when nothing is wrong; lower is better.

    Source: Geifman, Uziel & El-Yaniv 2019. Raises `ValueError` without questions, or as `risk_coverage` does.
    """
    groups, flags = _ranked(confidence, wrong)
    if not len(flags):
        raise ValueError("the area under the risk-coverage curve needs at least one question")
    return float(_risks(groups, flags).mean())


def aurc_interval(confidence: Sequence[float], wrong: Sequence[bool], *, seed: int = 0) -> tuple[float, float]:
    """95% percentile bootstrap interval of `aurc` over questions; `constant_interval` when all are right or wrong."""
    import numpy as np

    value = aurc(confidence, wrong)
    groups, flags = _ranked(confidence, wrong)
    if flags.min() == flags.max():
        return constant_interval(value, len(flags))
    return percentiles(np.concatenate([risks.mean(axis=1) for risks in _resampled_risks(groups, flags, seed)]))


def _ranked(confidence: Sequence[float], wrong: Sequence[bool]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each question, most trusted first: which group of equal trust it is in, and 1 if it is wrong."""
    import numpy as np

    if any(math.isnan(value) for value in confidence):
        raise ValueError("a risk-coverage curve cannot rank trust that is NaN")
    if len(confidence) != len(wrong):
        raise ValueError(f"there are {len(confidence)} values of trust for {len(wrong)} questions")
    values = np.asarray(confidence, dtype=float)
    order = np.argsort(-values, kind="stable")
    _, groups = np.unique(-values[order], return_inverse=True)
    return groups, np.asarray(wrong, dtype=float)[order]


def _resampled_risks(groups: NDArray[np.int64], wrong: NDArray[np.float64], seed: int) -> Iterator[NDArray[np.float64]]:
    """`_risks` of each resample of the questions, in blocks of shape `(some, count)`."""
    import numpy as np

    is_mixed = _is_mixed(groups, wrong)
    for block in drawings(len(wrong), seed=seed):
        chosen = np.sort(block, axis=1)  # in the order of trust again
        yield _risks_of_each(groups[chosen], wrong[chosen], is_mixed)


def _risks(groups: NDArray[np.int64], wrong: NDArray[np.float64]) -> NDArray[np.float64]:
    """Risk after each question; inside a group, errors come evenly, which is the mean over its orders."""
    risks: NDArray[np.float64] = _risks_of_each(groups[None], wrong[None], _is_mixed(groups, wrong))[0]
    return risks


def _is_mixed(groups: NDArray[np.int64], wrong: NDArray[np.float64]) -> bool:
    """Whether questions of the same trust are some of them wrong and some not."""
    import numpy as np

    errors = np.bincount(groups, wrong)
    return bool(((errors > 0) & (errors < np.bincount(groups))).any())


def _risks_of_each(groups: NDArray[np.int64], wrong: NDArray[np.float64], is_mixed: bool) -> NDArray[np.float64]:
    """`_risks` of each row; where no group is mixed there is nothing to be evened."""
    import numpy as np

    evenly = wrong
    if is_mixed:
        size = int(groups.max()) + 1
        shares = _counted(groups, size, wrong) / np.maximum(_counted(groups, size), 1)
        evenly = np.take_along_axis(shares, groups, axis=1)
    risks: NDArray[np.float64] = np.cumsum(evenly, axis=1) / np.arange(1, groups.shape[1] + 1)
    return risks
