"""Intervals for figures measured on a sample of questions. Pure; the same seed gives the same interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
"""The number of resamples in a bootstrap."""

BLOCK = 2_000_000
"""Maximum number of random numbers drawn at a time, which limits the memory that a bootstrap uses."""


def bootstrap(
    statistic: Callable[..., NDArray[np.float64]], *counts: int, resamples: int = RESAMPLES, seed: int = 0
) -> NDArray[np.float64]:
    """Return the statistic for each resample of one or several samples with `counts` items.

    `statistic` is called with an array of shape `(some, count)` for each sample, which contains the indices of the
    items that some of the resamples draw, with replacement. `scipy.stats.bootstrap` is not used: the band around a
    curve needs every point in each resample, and kappa and AURC must leave out or reorder the items drawn.
    """
    if resamples < 1:
        raise ValueError(f"at least one resample is needed, got {resamples!r}")
    generators = [np.random.default_rng([seed, sample]) for sample in range(len(counts))]
    size = max(1, BLOCK // sum(counts))
    blocks = []
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        drawn = [each.integers(0, count, (rows, count)) for each, count in zip(generators, counts, strict=True)]
        blocks.append(statistic(*drawn))
    return np.concatenate(blocks)


def percentile_interval(drawn: NDArray[np.float64], confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval (low, high) that contains the middle share `confidence` of the resampled values."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence!r}")
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    return float(low), float(high)


def bootstrap_interval(
    values: Sequence[float], *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap interval (low, high) of the mean.

    Source: Efron & Tibshirani 1993, chapter 13. Equal values give an interval without width: see `interval`. Raises
    `ValueError` if there are no values, or if `confidence` is not between 0 and 1.
    """
    if not values:
        raise ValueError("an interval needs at least one value")
    array = np.asarray(values, dtype=float)
    means = bootstrap(lambda drawn: array[drawn].mean(axis=1), len(array), resamples=resamples, seed=seed)
    return percentile_interval(means, confidence)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the interpolated value that the share `share` does not exceed (Hyndman & Fan 1996, type 7)."""
    return float(np.quantile(np.asarray(values, dtype=float), share))


def quantile_interval(values: Sequence[float], share: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return an interval for `quantile`: two of the values, which enclose it with at least this confidence.

    The number of values below a quantile has a binomial distribution, whatever the distribution of the values (Conover
    1999, section 3.2). The bootstrap would cover the 95th percentile of 100 values in only 88% of samples. No value
    beyond the largest is known, so with fewer than 72 values the confidence for the 95th percentile is lower. Raises
    `ValueError` if there are no values.
    """
    if not values:
        raise ValueError("an interval needs at least one value")
    from scipy.special import bdtr

    ordered, count, tail = sorted(values), len(values), (1.0 - confidence) / 2.0
    at_most = bdtr(np.arange(count), count, share)  # the probability that at most 0, 1, 2, … values lie below
    first = max(0, int((at_most <= tail).sum()) - 1)
    last = min(count - 1, int((at_most < 1.0 - tail).sum()))
    return ordered[first], ordered[last]


def constant_interval(
    value: float, count: int, *, lowest: float = 0.0, highest: float = 1.0, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the interval for a mean if all `count` values are the same: 25 of 25 does not prove "always".

    A different value may occur with a probability of at most `1 - ((1 - confidence) / 2) ** (1 / count)` (Clopper &
    Pearson 1934, for no event in `count` trials); in the worst case, it is `lowest` or `highest`.
    """
    other = 1.0 - ((1.0 - confidence) / 2.0) ** (1.0 / count)
    return value - other * (value - lowest), value + other * (highest - value)


def interval(
    values: Sequence[float], *, lowest: float = 0.0, highest: float = 1.0, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return the interval to print: `bootstrap_interval`, or `constant_interval` if all values are equal."""
    if values and min(values) == max(values):
        return constant_interval(values[0], len(values), lowest=lowest, highest=highest, confidence=confidence)
    return bootstrap_interval(values, confidence=confidence, seed=seed)
