"""What answers cost: seconds in each stage, and tokens. These differ from run to run, so no test compares them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from .base import Estimate
from .statistics import bootstrap_interval, quantile, quantile_interval

if TYPE_CHECKING:
    from ..result import CaseResult


@dataclass(frozen=True, slots=True)
class Cost:
    """The seconds in each stage of one answer (the stage "total" is all of it), and the tokens "in" and "out"."""

    seconds: Mapping[str, float] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)


class Latency(NamedTuple):
    """Half of the answers took no longer than `p50` seconds in a stage, and 95% no longer than `p95`."""

    stage: str
    p50: Estimate
    p95: Estimate


def latencies(results: Sequence[CaseResult]) -> list[Latency]:
    """The seconds of each stage, in the order of the pipeline, over the answers that went through it.

    A failed answer has no timings and is left out: see how many questions each figure is of.
    """
    return [
        Latency(stage, _quantile(f"{stage} p50", seconds, 0.5), _quantile(f"{stage} p95", seconds, 0.95))
        for stage, seconds in _by_key([result.cost.seconds for result in results if result.cost]).items()
    ]


def tokens(results: Sequence[CaseResult]) -> list[Estimate]:
    """The mean number of tokens in and out of an LLM, over the answers whose provider tells it."""
    return [
        Estimate(f"tokens {way}", sum(counts) / len(counts), *bootstrap_interval(counts), len(counts))
        for way, counts in _by_key([result.cost.tokens for result in results if result.cost]).items()
    ]


def _quantile(name: str, values: Sequence[float], share: float) -> Estimate:
    return Estimate(name, quantile(values, share), *quantile_interval(values, share), len(values))


def _by_key(of_results: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    keys = dict.fromkeys(key for each in of_results for key in each)
    return {key: [each[key] for each in of_results if key in each] for key in keys}
