"""Evaluation tables and charts: each run's measures, confidence, tags and costs. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rag.evaluate import (
    MEASURES,
    CaseResult,
    Comparison,
    Difference,
    Estimate,
    Measure,
    Report,
    find_measure,
    latencies,
    risk_curve,
    summarize,
    token_counts,
)

from ..templating import macros
from . import charts

_LEVELS = {
    "citation": "Citations",
    "passage": "Retrieved passages",
    "article": "Retrieved articles",
    "evidence": "Retrieved evidence",
    "answer": "Answers",
    "truth": "Support of the sentences",
    "abstention": "Answering and refusing",
}
RIGHT = Measure("right", "answer", lambda result: float(result.right), "right answers and right refusals", counts=True)
"""The share of questions with a right answer or a right abstention."""

_OF_TAGS = (RIGHT, *(MEASURES[name] for name in ("first citation right", "F1", "answered or refused rightly")))

Drawn = tuple[Estimate | None, Markup]
"""An estimate and its bar."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run on the page: its position, from 0, its letter, its name and its report."""

    place: int
    letter: str
    name: str
    report: Report
    is_alone: bool

    @property
    def results(self) -> tuple[CaseResult, ...]:
        """The results of the run's questions."""
        return self.report.results

    @property
    def answerable(self) -> int:
        """The number of answerable questions."""
        return sum(result.answerable for result in self.results)

    @property
    def style(self) -> int:
        """The style for the run's bars and lines."""
        return charts.style_of(self.place)

    @property
    def label(self) -> str:
        """The run's letter, or an empty string if the page shows only one run."""
        return "" if self.is_alone else self.letter

    def bar(self, found: Estimate | None, *, digits: int = 3, top: float = 1.0, width: int = 160) -> Drawn:
        """Return the estimate with a bar that shows its value and interval."""
        if found is None:
            return found, Markup()
        value, low, high = (f"{number:.{digits}f}" for number in (found.value, found.low, found.high))
        label = f"{value}, 95% interval {low} to {high}"
        interval = (found.low, found.high)
        return found, charts.bar(found.value, interval, label=label, style=self.style, top=top, width=width)


def bar_width(runs: Sequence[Run]) -> int:
    """Return the bar width; a page with one run has room for wider bars."""
    return 360 if len(runs) == 1 else 160


def measures_html(runs: Sequence[Run], comparisons: Sequence[Comparison]) -> str:
    """Return HTML for the summary measures, by level, with the differences between each other run and the first."""
    summaries = [{found.name: found for found in summarize(run.results)} for run in runs]
    differences = [{each.measure: each for each in comparison.differences} for comparison in comparisons]
    bounds = [abs(bound) for each in differences for found in each.values() for bound in (found.low, found.high)]
    reach = max([0.05, *bounds])
    levels: dict[str, list[object]] = {}
    for name in dict.fromkeys(name for each in summaries for name in each):
        measure = find_measure(name)
        bars = [run.bar(each.get(name), width=bar_width(runs)) for run, each in zip(runs, summaries, strict=True)]
        changes = [_change(each.get(name), reach) for each in differences]
        levels.setdefault(_LEVELS[measure.level], []).append((measure, bars, changes))
    return str(macros("report", "figures").measures(runs, list(levels.items())))


def _change(found: Difference | None, reach: float) -> tuple[Difference | None, Markup]:
    if found is None:
        return None, Markup()
    label = f"{found.difference:+.3f}, {found.low:+.3f} to {found.high:+.3f}"
    return found, charts.change(found.difference, found.low, found.high, reach=reach, label=label)


def confidence_html(runs: Sequence[Run]) -> str:
    """Return HTML that shows how confidence separates right from wrong, and how confidence and F1 are distributed."""
    drawn: list[tuple[str, Run | None, str, Markup, str]] = [("risk", None, "Risk and coverage", *_risk(runs))]
    values = [[_confidences(run, is_answerable) for is_answerable in (True, False)] for run in runs]
    span = charts.span_of([value for pair in values for each in pair for value in each])
    for run, (answerable, others) in zip(runs, values, strict=True):
        without = len(run.results) - sum(charts.is_shown(value) for value in (*answerable, *others))
        note = f" {without} without a confidence value, such as failed questions, are left out." if without else ""
        chart = charts.histogram(
            f"confidence-{run.place}",
            f"Confidence of {'the questions' if run.is_alone else run.name}",
            "Histogram: questions that can be answered above the line, other questions below.",
            upper=("can be answered", answerable),
            lower=("cannot be answered", others),
            axis="confidence",
            span=span,
            style=run.style,
        )
        note = f"The less the two overlap, the better confidence shows which questions to refuse.{note}"
        drawn.append((f"confidence-{run.place}", None if run.is_alone else run, "Confidence", chart, note))
    for run in runs:
        if f1 := [result.f1 for result in run.results if result.f1 is not None]:
            chart = charts.histogram(
                f"f1-{run.place}",
                f"F1 of {'the answers' if run.is_alone else run.name}",
                "Histogram of F1, the words shared with the accepted answer.",
                upper=("have an accepted answer", f1),
                axis="F1",
                span=(0.0, 1.0),
                style=run.style,
            )
            title = "F1: words shared with the accepted answer"
            drawn.append((f"f1-{run.place}", None if run.is_alone else run, title, chart, ""))
    return str(macros("report", "figures").figures(drawn))


def _confidences(run: Run, is_answerable: bool) -> list[float]:
    return [
        result.confidence
        for result in run.results
        if result.answerable == is_answerable and result.error is None and result.confidence is not None
    ]


def _risk(runs: Sequence[Run]) -> tuple[Markup, str]:
    chart = charts.curves(
        "risk",
        "Risk-coverage curve",
        "The share of wrong answers if only the questions with highest confidence are answered, with 95% intervals.",
        [[charts.Point(*point) for point in risk_curve(run.results)] for run in runs],
        ("share of questions answered", "share of wrong answers"),
    )
    areas = [find_measure("AURC of confidence").estimate(run.results) for run in runs]
    note = (
        "Read from the left: if only this share of the questions, those with the highest confidence, were "
        "answered, this share of the answers would be wrong. The lower the line and the area under it (AURC) are, the "
        "better."
    )
    return macros("report", "figures").risk(chart, runs, areas), note


def tags_html(runs: Sequence[Run]) -> str:
    """Return an HTML table of measures by tag, with a row for each run; empty if no question has a tag."""
    groups: dict[str | None, list[list[CaseResult]]] = {}
    for run in runs:
        for result in run.results:
            for tag in dict.fromkeys(result.tags) or (None,):
                groups.setdefault(tag, [[] for _ in runs])[run.place].append(result)
    if not any(tag is not None for tag in groups):
        return ""
    order = sorted(groups, key=lambda tag: (tag is None, -max(map(len, groups[tag])), tag or ""))
    lines = [
        (
            "no tag" if tag is None else tag,
            [
                (len(results), [run.bar(measure.estimate(results), digits=2) for measure in _OF_TAGS], 2)
                for run, results in zip(runs, groups[tag], strict=True)
            ],
        )
        for tag in order
    ]
    heads = ["Tag", "Questions", *(measure.name for measure in _OF_TAGS)]
    return str(macros("report", "figures").lines("tags", heads, runs, lines))


def cost_html(runs: Sequence[Run]) -> str:
    """Return HTML tables of seconds by stage and of tokens, a row for each run; empty if no answer reports them."""
    seconds = [{found.stage: (found.p50, found.p95) for found in latencies(run.results)} for run in runs]
    tokens = [{found.name: (found,) for found in token_counts(run.results)} for run in runs]
    heads = ["Seconds in", "half of the answers within", "95% within"]
    return "".join(
        [*_cost_table("seconds", heads, runs, seconds, 3), *_cost_table("tokens", ["", "a question"], runs, tokens, 0)]
    )


def _cost_table(
    kind: str,
    heads: Sequence[str],
    runs: Sequence[Run],
    costs: Sequence[Mapping[str, tuple[Estimate, ...]]],
    digits: int,
) -> Iterator[str]:
    names = dict.fromkeys(name for each in costs for name in each)
    if not names:
        return
    top = max(found[-1].high for each in costs for found in each.values())
    missing = (None,) * (len(heads) - 1)
    lines = [
        (
            name,
            [
                (None, [run.bar(found, digits=digits, top=top) for found in each.get(name, missing)], digits)
                for run, each in zip(runs, costs, strict=True)
            ],
        )
        for name in names
    ]
    yield str(macros("report", "figures").lines(kind, heads, runs, lines))
