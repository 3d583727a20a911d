"""Figures with intervals for two pipelines that were asked the same questions, and a table that shows the figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rag.evaluate.metrics.abstention import auroc, auroc_interval
from rag.evaluate.metrics.statistics import interval

_RESAMPLES = 2000

LABELS = {
    "first": "right document first",
    "first-5": "right document in the first 5",
    "mrr": "MRR@10",
    "within-500": "answer within 500 words",
    "sentence": "right sentence first",
    "strict": "right sentence of the right document",
    "shown": "right quote shown",
    "answered": "answered",
    "auroc": "AUROC",
    "refused": "refused",
    "doubted": "refused or unsure",
    "sure": "answerable: answered and sure",
    "accuracy": "answered or refused rightly",
}
"""The names of the measures in tables, by their short names in gates; docs/evaluation.md explains the measures."""


class Estimate(NamedTuple):
    """A figure and its 95% interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure of one subject over `n` questions; `tutorial` and `difference` are None for citechat alone."""

    subject: str
    measure: str
    n: str
    citechat: Estimate
    tutorial: Estimate | None = None
    difference: Estimate | None = None

    @property
    def name(self) -> str:
        """The figure's name in a gate."""
        return f"{self.subject}.{self.measure}"


def share(subject: str, measure: str, values: Sequence[float]) -> Figure:
    """Return a figure with the mean over the questions, for citechat alone."""
    return Figure(subject, measure, str(len(values)), _mean(values))


def shares(subject: str, measure: str, ours: Sequence[float], theirs: Sequence[float]) -> Figure:
    """Return a figure with both pipelines' means over the same questions, and the mean of the paired differences."""
    differences = [our - their for our, their in zip(ours, theirs, strict=True)]
    return Figure(
        subject,
        measure,
        str(len(ours)),
        _mean(ours),
        _mean(theirs),
        Estimate(float(np.mean(differences)), *interval(differences, lowest=-1.0)),
    )


def areas(
    subject: str, ours: tuple[Sequence[float], Sequence[float]], theirs: tuple[Sequence[float], Sequence[float]]
) -> Figure:
    """Return a figure with the AUROC of both pipelines and the difference.

    `ours` and `theirs` are the scores for the answerable and for the unanswerable questions, the same for both.
    """
    difference = _wins(*ours) - _wins(*theirs)
    answerable, unanswerable = difference.shape
    generator = np.random.default_rng(0)
    # How often each question is drawn: separately for both kinds, and the same draw for both pipelines.
    rows = generator.multinomial(answerable, np.full(answerable, 1 / answerable), size=_RESAMPLES)
    columns = generator.multinomial(unanswerable, np.full(unanswerable, 1 / unanswerable), size=_RESAMPLES)
    drawn = ((rows @ difference) * columns).sum(axis=1) / difference.size
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Figure(
        subject,
        "auroc",
        f"{answerable} / {unanswerable}",
        Estimate(auroc(*ours), *auroc_interval(*ours, resamples=_RESAMPLES)),
        Estimate(auroc(*theirs), *auroc_interval(*theirs, resamples=_RESAMPLES)),
        Estimate(float(difference.mean()), float(low), float(high)),
    )


def as_markdown(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    lines = ["| | | n | citechat | tutorial | difference |", "|---|---|---|---|---|---|"]
    subject = ""
    for figure in figures:
        name = figure.subject if figure.subject != subject else ""
        subject = figure.subject
        difference = "–" if figure.difference is None else f"{'+' * (figure.difference.value >= 0)}{figure.difference}"
        cells = [name, LABELS[figure.measure], figure.n, figure.citechat, figure.tutorial or "–", difference]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _mean(values: Sequence[float]) -> Estimate:
    return Estimate(float(np.mean(values)), *interval(values))


def _wins(answerable: Sequence[float], unanswerable: Sequence[float]) -> np.typing.NDArray[np.float64]:
    """Return 1 for each pair where the answerable question scores higher, 0.5 for a tie; the mean is the AUROC."""
    high, low = np.asarray(answerable)[:, None], np.asarray(unanswerable)[None, :]
    return np.asarray((high > low) + 0.5 * (high == low), dtype=np.float64)
