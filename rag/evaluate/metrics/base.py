"""What a measure is: a value that prints as its name, and makes an estimate of the rows of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from .statistics import interval

if TYPE_CHECKING:
    from ..result import CaseResult

Level = Literal["passage", "article", "evidence", "answer", "citation", "truth", "abstention"]
"""What a measure looks at; the first three are levels of retrieval, explained in `retrieval`."""


class Estimate(NamedTuple):
    """The value of a measure over `n` questions with its 95% interval."""

    name: str
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, repr=False)
class Measure:
    """A mean over questions, each between 0 and 1.

    `counts` says that it is 0 or 1 for each question, so that k of n can be said. `about` tells a reader what it is.
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
        """The mean and its interval; None when it applies to none of the questions."""
        values = [value for result in results if (value := self.of_result(result)) is not None]
        return Estimate(self.name, sum(values) / len(values), *interval(values), len(values)) if values else None


@dataclass(frozen=True, slots=True, repr=False)
class RunMeasure:
    """A figure of all questions together, which no single question has."""

    name: str
    level: Level
    of_results: Callable[[Sequence[CaseResult]], tuple[float, float, float, int] | None] = field(compare=False)
    about: str = field(compare=False)
    lower_is_better: bool = False

    def __repr__(self) -> str:
        return self.name

    def estimate(self, results: Sequence[CaseResult]) -> Estimate | None:
        """The figure and its interval; None when it cannot be told of these questions."""
        found = self.of_results(results)
        return None if found is None else Estimate(self.name, *found)


AnyMeasure = Measure | RunMeasure
