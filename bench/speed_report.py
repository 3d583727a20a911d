"""Show the figures from `bench/speed.py` as tables and as a plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value; `mark` is the limit that it must not exceed or, if `at_least`, must reach."""

    name: str
    value: float
    unit: str = ""
    mark: float | None = None
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the value meets its mark; True without a mark."""
        if self.mark is None:
            return True
        return self.value >= self.mark if self.at_least else self.value <= self.mark


@dataclass(frozen=True, slots=True)
class Point:
    """The times for questions to an index with this many passages, and its memory and disk use.

    `first` is the median for new questions; `p50` and `p95` are for the same questions asked again, whose passages were
    read before. `floor` is the median for a bare forward pass of the same questions. These are in milliseconds. `cold`
    is the time for a question in a new process, in seconds; `memory` and `disk` are in megabytes.
    """

    passages: int
    first: float
    p50: float
    p95: float
    floor: float
    cold: float
    memory: float
    disk: float


def curve_figures(curve: Sequence[Point]) -> list[Figure]:
    """Return the curve's ratios: of warm answers to forward passes, and of the largest index to the smallest."""
    first, last = curve[0], curve[-1]
    figures = [
        Figure(f"warm answer at {first.passages:,}, ratio to a forward pass", first.p50 / first.floor, mark=1.5),
        Figure("the same, of questions to passages not read before", first.first / first.floor),
        Figure(f"95th percentile at {first.passages:,}, ratio to the median", first.p95 / first.p50, mark=2.0),
    ]
    if last is not first:
        name = f"warm answer at {last.passages:,}, ratio to {first.passages:,}"
        figures.append(Figure(name, last.p50 / first.p50, mark=2.0))
        figures.append(Figure("the same, of questions to passages not read before", last.first / first.first, mark=2.0))
    return figures


def as_markdown(figures: Sequence[Figure]) -> str:
    """Return a Markdown table of the figures, with each mark and whether it is met."""
    lines = ["| measured | | mark | |", "|---|---|---|---|"]
    for figure in figures:
        value = f"{_short(figure.value)} {figure.unit}".rstrip()
        if figure.mark is None:
            lines.append(f"| {figure.name} | {value} | | |")
        else:
            bound = f"{'≥' if figure.at_least else '≤'} {figure.mark:g}"
            lines.append(f"| {figure.name} | {value} | {bound} | {'met' if figure.is_met else '**missed**'} |")
    return "\n".join(lines)


def curve_markdown(curve: Sequence[Point], tutorial: float) -> str:
    """Return a Markdown table of the times by index size; the last line gives the tutorial's time."""
    lines = [
        "| passages | new question | asked again | 95th percentile | forward pass | cold | memory | disk |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for point in curve:
        waits = " | ".join(f"{wait:.1f} ms" for wait in (point.first, point.p50, point.p95, point.floor))
        room = f"{point.memory:.0f} MB | {point.disk:,.0f} MB"
        lines.append(f"| {point.passages:,} | {waits} | {point.cold:.2f} s | {room} |")
    return "\n".join([*lines, "", f"The tutorial's four nearest chunks come after {tutorial:.1f} ms (median)."])


def sweep_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Return a Markdown table of the encoding speed and the time of one question, by engine and number of threads."""
    lines = ["| engine | threads | passages, tokens a second | one question |", "|---|---|---|---|"]
    for row in rows:
        wait = 1000 * float(np.median(row["waits"]))
        lines.append(f"| {row['engine']} | {row['threads']} | {row['tokens']:,.0f} | {wait:.1f} ms |")
    return "\n".join(lines)


def draw(curve: Sequence[Point], tutorial: float, path: Path) -> None:
    """Plot the times by index size, and save the plot to `path`."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    sizes = [point.passages for point in curve]
    figure, axes = pyplot.subplots(figsize=(6.4, 3.6), layout="constrained")
    axes.plot(sizes, [point.first for point in curve], "o--", color="0.5", label="answer to a new question")
    axes.plot(sizes, [point.p50 for point in curve], "o-", color="0.1", label="answer, its passages read before")
    axes.plot(sizes, [point.floor for point in curve], ":", color="0.4", label="bare forward pass of the question")
    axes.plot(sizes[:1], [tutorial], "x", color="tab:red", label="LangChain tutorial, sources only")
    axes.set(xscale="log", xlabel="passages", ylabel="milliseconds", ylim=(0, None), title="A warm question, no LLM")
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
