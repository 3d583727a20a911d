"""Measures, which compute a figure from a run's results, and estimates, which contain its value and interval. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ..result import CaseResult
from .statistics import bootstrap_interval, interval, quantile, quantile_interval

Level = Literal["passage", "article", "evidence", "answer", "citation", "truth", "abstention"]
"""The subject of a measure; the first three are retrieval levels, explained in `retrieval`."""


class Estimate(NamedTuple):
    """The value of a measure over `n` questions, with its 95% interval."""

    name: str
    value: float
    low: float
    high: float
    n: int


class Latency(NamedTuple):
    """The median and the 95th percentile of the time that answers spent in a stage, in seconds."""

    stage: str
    p50: Estimate
    p95: Estimate


@dataclass(frozen=True, slots=True, repr=False)
class Measure:
    """A mean over questions, each with a value between 0 and 1.

    `counts` is True if each value is 0 or 1, so a table can print "k of n". `about` explains the measure to a user.
    `of_result` returns None for a question to which the measure does not apply.
    """

    name: str
    level: Level
    of_result: Callable[[CaseResult], float | None] = field(compare=False)
    about: str = field(compare=False)
    lower_is_better: bool = False
    counts: bool = False

    def __repr__(self) -> str:
        return self.name

    def estimate(self, results: Sequence[CaseResult]) -> Estimate | None:
        """Return the mean and its interval; None if the measure does not apply to any question."""
        values = [value for result in results if (value := self.of_result(result)) is not None]
        return Estimate(self.name, sum(values) / len(values), *interval(values), len(values)) if values else None


@dataclass(frozen=True, slots=True, repr=False)
class RunMeasure:
    """A figure for all questions together, which is undefined for a single question."""

    name: str
    level: Level
    of_results: Callable[[Sequence[CaseResult]], tuple[float, float, float, int] | None] = field(compare=False)
    about: str = field(compare=False)
    lower_is_better: bool = False

    def __repr__(self) -> str:
        return self.name

    def estimate(self, results: Sequence[CaseResult]) -> Estimate | None:
        """Return the figure and its interval; None if it is undefined for these questions."""
        found = self.of_results(results)
        return None if found is None else Estimate(self.name, *found)


AnyMeasure = Measure | RunMeasure


def latencies(results: Sequence[CaseResult]) -> list[Latency]:
    """Return the duration of each stage in seconds, in pipeline order, over the answers that went through the stage.

    A failed answer has no timings and is left out; `n` in each estimate is the number of other answers.
    """
    return [
        Latency(stage, _quantile(f"{stage} p50", seconds, 0.5), _quantile(f"{stage} p95", seconds, 0.95))
        for stage, seconds in _by_key([result.cost.seconds for result in results if result.cost]).items()
    ]


def token_counts(results: Sequence[CaseResult]) -> list[Estimate]:
    """Return the mean numbers of LLM input and output tokens, over the answers whose provider reports them."""
    return [
        Estimate(f"tokens {direction}", sum(counts) / len(counts), *bootstrap_interval(counts), len(counts))
        for direction, counts in _by_key([result.cost.tokens for result in results if result.cost]).items()
    ]


def _quantile(name: str, values: Sequence[float], share: float) -> Estimate:
    return Estimate(name, quantile(values, share), *quantile_interval(values, share), len(values))


def _by_key(mappings: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    keys = dict.fromkeys(key for each in mappings for key in each)
    return {key: [each[key] for each in mappings if key in each] for key in keys}
