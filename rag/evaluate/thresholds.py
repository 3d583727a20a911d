"""Quality gates: a build fails if a measure does not reach its threshold."""

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
    """The value that a measure must reach, or, if lower is better, must not exceed."""

    measure: AnyMeasure
    value: float

    def shortfall(self, report: Report) -> str:
        """Return a sentence that describes how a report misses the threshold, or an empty string if it does not.

        A measure that does not apply to any question misses the threshold: a build that checks nothing must not pass.
        """
        estimate = self.measure.estimate(report.results)
        if estimate is None:
            count = len(report.results)
            return f"{self.measure} applies to none of {count} questions, and should be {self.value:g}"
        if self.measure.lower_is_better:
            is_met, bound = estimate.value <= self.value, "at most"
        else:
            is_met, bound = estimate.value >= self.value, "at least"
        return "" if is_met else f"{self.measure} is {estimate.value:.3f}, and should be {bound} {self.value:g}"


def parse_thresholds(text: str) -> list[Threshold]:
    """Return the thresholds in `f1=0.7,hit@5=0.9`. Raises `SettingsError` for a different format or an unknown
    measure."""
    return [_threshold(part) for part in text.split(",") if part.strip()]


def missed_thresholds(report: Report, thresholds: Sequence[Threshold]) -> list[str]:
    """Return a sentence for each threshold that a report misses."""
    return [sentence for threshold in thresholds if (sentence := threshold.shortfall(report))]


def _threshold(part: str) -> Threshold:
    name, equals, value = part.rpartition("=")
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not equals or not 0 <= number <= 1:
        raise SettingsError(f"Threshold must be NAME=VALUE with a value between 0 and 1, got {part.strip()!r}.", _HINT)
    return Threshold(find_measure(name.strip()), number)
