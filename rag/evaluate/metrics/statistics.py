"""How sure one can be of a figure measured on a sample of questions. Pure; the same seed gives the same interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 2000
"""How often a bootstrap draws."""

BLOCK = 2_000_000
"""Random numbers drawn at a time: bounds the memory of a bootstrap."""


def drawings(count: int, *, resamples: int = RESAMPLES, seed: int = 0) -> Iterator[NDArray[np.int64]]:
    """Which of `count` questions each resample draws, with replacement, in blocks of shape `(some, count)`."""
    import numpy as np

    if resamples < 1:
        raise ValueError(f"at least one resample is needed, got {resamples!r}")
    if resamples * count <= BLOCK:
        yield _drawn(count, resamples, seed)
        return
    generator = np.random.default_rng(seed)
    size = max(1, BLOCK // count)
    for start in range(0, resamples, size):
        yield generator.integers(0, count, size=(min(size, resamples - start), count))


@lru_cache(maxsize=4)  # the measures of a report are of few different numbers of questions
def _drawn(count: int, resamples: int, seed: int) -> NDArray[np.int64]:
    import numpy as np

    drawn = np.random.default_rng(seed).integers(0, count, size=(resamples, count))
    drawn.flags.writeable = False
    return drawn


def percentiles(drawn: NDArray[np.float64], confidence: float = 0.95) -> tuple[float, float]:
    """The interval (low, high) that holds the middle `confidence` of what the resamples gave."""
    import numpy as np

    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence!r}")
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    return float(low), float(high)


def bootstrap_interval(
    values: Sequence[float], *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval (low, high) of the mean; the same values and seed give the same interval.

    Source: Efron & Tibshirani 1993, chapter 13. Values that are all the same give an interval without width: see
    `interval`. Raises `ValueError` without values, or when `confidence` is not between 0 and 1.
    """
    import numpy as np

    if not values:
        raise ValueError("an interval needs at least one value")
    array = np.asarray(values, dtype=float)
    drawn = [array[chosen].mean(axis=1) for chosen in drawings(len(array), resamples=resamples, seed=seed)]
    return percentiles(np.concatenate(drawn), confidence)


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed, read between the two nearest (Hyndman & Fan 1996, type 7)."""
    import numpy as np

    return float(np.quantile(np.asarray(values, dtype=float), share))


def quantile_interval(values: Sequence[float], share: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of `quantile`: the two values that have it between them with at least this confidence.

    How many values lie below a quantile is binomial, whatever their distribution (Conover 1999, section 3.2). Not the
    bootstrap: of the 95th percentile of 100 values it would cover 88%. No value is known beyond the largest, so with
    fewer than 72 values the 95th percentile is held less surely. Raises `ValueError` without values.
    """
    if not values:
        raise ValueError("an interval needs at least one value")
    ordered, count, tail = sorted(values), len(values), (1.0 - confidence) / 2.0
    at_most = 0.0  # the chance that no more than `below` values lie below the quantile
    first, last = 0, count - 1
    for below in range(count):
        before, at_most = at_most, at_most + _binomial(below, count, share)
        if before <= tail:
            first = max(0, below - 1)
        if at_most >= 1.0 - tail:
            last = below
            break
    return ordered[first], ordered[last]


def _binomial(successes: int, trials: int, chance: float) -> float:
    ways = math.lgamma(trials + 1) - math.lgamma(successes + 1) - math.lgamma(trials - successes + 1)
    return math.exp(ways + successes * math.log(chance) + (trials - successes) * math.log(1.0 - chance))


def constant_interval(
    value: float, count: int, *, lowest: float = 0.0, highest: float = 1.0, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of a mean when all `count` values were the same: 25 of 25 right does not prove "always right".

    Another value may turn up with a chance of at most `1 - ((1 - confidence) / 2) ** (1 / count)` (Clopper & Pearson
    1934, for no event in `count` trials); at worst it lies at `lowest` or `highest`.
    """
    other = 1.0 - ((1.0 - confidence) / 2.0) ** (1.0 / count)
    return value - other * (value - lowest), value + other * (highest - value)


def interval(
    values: Sequence[float], *, lowest: float = 0.0, highest: float = 1.0, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """The interval to print: `bootstrap_interval`, or `constant_interval` where the bootstrap would have no width."""
    if values and min(values) == max(values):
        return constant_interval(values[0], len(values), lowest=lowest, highest=highest, confidence=confidence)
    return bootstrap_interval(values, confidence=confidence, seed=seed)
