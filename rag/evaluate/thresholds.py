"""A build stops where a measure is not good enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import SettingsError
from .metrics.base import AnyMeasure
from .metrics.registry import find_measure
from .result import Report

_HINT = "Write it as --fail-under f1=0.7,hit@5=0.9, with the names that a report prints."


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a measure must reach; one of which lower is better must not exceed it."""

    measure: AnyMeasure
    value: float

    def shortfall(self, report: Report) -> str:
        """How a report misses the mark, in a sentence; empty where it does not. A measure that applies to no question
        misses: a build that checks nothing must not pass."""
        estimate = self.measure.estimate(report.results)
        if estimate is None:
            return f"{self.measure} applies to none of {len(report.results)} questions, and should be {self.value:g}"
        if self.measure.lower_is_better:
            is_met, word = estimate.value <= self.value, "at most"
        else:
            is_met, word = estimate.value >= self.value, "at least"
        return "" if is_met else f"{self.measure} is {estimate.value:.3f}, and should be {word} {self.value:g}"


def parse_thresholds(text: str) -> list[Threshold]:
    """The marks in `f1=0.7,hit@5=0.9`. Raises `SettingsError` for what is none, and for a measure that is unknown."""
    return [_mark(part) for part in text.split(",") if part.strip()]


def missed_thresholds(report: Report, wanted: Sequence[Threshold]) -> list[str]:
    """How a report misses its marks, a sentence for each."""
    return [words for mark in wanted if (words := mark.shortfall(report))]


def _mark(part: str) -> Threshold:
    name, equals, value = part.rpartition("=")
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not equals or not 0 <= number <= 1:
        raise SettingsError(f"{part.strip()!r} is no mark between 0 and 1", _HINT)
    return Threshold(find_measure(name.strip()), number)
