"""Format reports as Markdown for people, and as JSON for saving and loading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    RootModel,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from ..errors import TestSetError
from .compare import Comparison
from .metrics.base import Estimate, Measure, latencies, token_counts
from .metrics.registry import find_measure, summarize
from .result import CaseResult, Report

_LONGEST_LINE = 300  # maximum number of characters shown of an answer: enough to see the mistake


def as_table(report: Report) -> str:
    """Return the summary as a Markdown table, followed by failures, bad citations and evidence that was not found."""
    results = report.results
    count, answerable = len(results), sum(result.answerable for result in results)
    lines = [
        f"{count} questions: {answerable} can be answered from the articles, {count - answerable} cannot.",
        "",
        *_table("measure", [_cells(estimate) for estimate in summarize(results)]),
        "",
        "Intervals: bootstrap over the questions, 2000 resamples; where all questions agree, the exact binomial bound.",
    ]
    if costs := [_cost_cells(each) for latency in latencies(results) for each in (latency.p50, latency.p95)]:
        lines += ["", *_table("seconds", costs), ""]
    for spent in token_counts(results):
        lines.append(f"{spent.name.capitalize()}: {spent.value:.0f} a question, {spent.low:.0f} to {spent.high:.0f}.")
    cited = sum(len(result.citations) for result in results)
    bad = [f"{result.id}: {problem}" for result in results for problem in result.bad_citations]
    lines.append(f"Citations: {cited}, of which {cited - len(bad)} quote exactly the text at their offsets.")
    lines += _listed("Citations that do not quote exactly", bad)
    lines += _listed(
        "Failed, counted as wrong", [f"{result.id}: {_one_line(result.error or '')}" for result in report.failed]
    )
    lines += _listed(
        "No retrieved article has the evidence at its offsets (not found, or the test set belongs to another text)",
        [f"{result.id}: {_one_line(result.question)}" for result in results if result.evidence_seen is False],
    )
    return "\n".join(lines)


def as_misses(report: Report) -> str:
    """Return the incorrectly answered questions as Markdown, each with the answer and the expected answer."""
    lines: list[str] = []
    for result in report.results:
        if not result.right:
            lines += [
                f"- {result.id}: {_one_line(result.question)}",
                f"    said:     {_one_line(_said(result))}",
                f"    expected: {_one_line(_expected(result))}",
            ]
    return "\n".join(lines) if lines else "No misses."


def as_comparison(comparison: Comparison) -> str:
    """Return two runs side by side as a Markdown table, followed by the questions that only one answers correctly."""
    lines = [*_compared(comparison), "", "p: two-sided paired permutation test of each measure by itself."]
    for flip in comparison.flips:
        lines += [
            f"- {flip.id}, right in {flip.right_in} alone: {_one_line(flip.question)}",
            f"    a said: {_one_line(flip.said_a)}",
            f"    b said: {_one_line(flip.said_b)}",
        ]
    for name, ids in (("a", comparison.only_a), ("b", comparison.only_b)):
        lines += [f"Only in {name}, and left out: {len(ids)}"] if ids else []
    return "\n".join(lines)


def _compared(comparison: Comparison) -> Iterator[str]:
    yield "| measure | a | b | b - a | 95% interval | p | better | questions |"
    yield "|---|---|---|---|---|---|---|---|"
    for each in comparison.differences:
        yield (
            f"| {each.measure} | {each.a:.3f} | {each.b:.3f} | {each.difference:+.3f} | "
            f"{each.low:+.3f} to {each.high:+.3f} | {each.p_value:.4f} | {each.better or '–'} | {each.n} |"
        )


def to_json(report: Report) -> str:
    """Return the report as JSON with one result per line; `from_json` returns an equal report."""
    head = _SavedRun(format=2, settings=dict(report.settings), versions=dict(report.versions), rows=())
    rows = ",\n".join(result_to_json(result) for result in report.results)
    return head.model_dump_json().removesuffix("]}") + f"\n{rows}\n]}}"


def from_json(text: str | bytes) -> Report:
    """Return a report that `to_json` wrote. Raises `TestSetError`, which names the field, for any other text."""
    try:
        saved = _SavedRun.model_validate_json(text)
    except ValidationError as error:
        raise _unreadable("the saved run", error) from None
    return Report(results=tuple(row.root for row in saved.rows), settings=saved.settings, versions=saved.versions)


def result_to_json(result: CaseResult) -> str:
    """Return one result as a line of JSON, in the same format as in `to_json`."""
    return _SavedRow(result).model_dump_json()


def result_from_json(line: str | bytes) -> CaseResult:
    """Return a result that `result_to_json` wrote. Raises `TestSetError`, which names the field, for any other line."""
    try:
        return _SavedRow.model_validate_json(line).root
    except ValidationError as error:
        raise _unreadable("a saved result", error) from None


def _unreadable(what: str, error: ValidationError) -> TestSetError:
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"]) or "the whole text"
    return TestSetError(
        f"Cannot read {what}: {name!r}: {first['msg']}",
        "Give a file that `citechat eval --out` wrote, or run the evaluation again.",
    )


class _SavedRow(RootModel[CaseResult]):
    model_config = ConfigDict(strict=True, ser_json_inf_nan="constants")

    @model_serializer(mode="wrap")
    def _with_old_names(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Add `trust`, the name of `confidence` in earlier versions."""
        written: dict[str, Any] = serialize(self)
        return written | {"trust": written["confidence"]}


class _SavedRun(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", ser_json_inf_nan="constants")

    format: Literal[2]
    settings: dict[str, str]
    versions: dict[str, str]
    rows: tuple[_SavedRow, ...]


def _cells(estimate: Estimate) -> tuple[str, str, str, str]:
    name, value, low, high, count = estimate
    measure = find_measure(name)
    return (
        f"{name} (lower is better)" if measure.lower_is_better else name,
        f"{value:.3f}",
        f"{low:.3f} to {high:.3f}",
        f"{round(value * count)}/{count}" if isinstance(measure, Measure) and measure.counts else f"n={count}",
    )


def _cost_cells(estimate: Estimate) -> tuple[str, str, str, str]:
    name, value, low, high, count = estimate
    return name, f"{value:.3f}", f"{low:.3f} to {high:.3f}", f"n={count}"


def _table(title: str, rows: Sequence[tuple[str, str, str, str]]) -> Iterator[str]:
    table = [(title, "value", "95% interval", "questions"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(4)]

    def line(cells: Sequence[str]) -> str:
        padded = [cells[0].ljust(widths[0])] + [cells[i].rjust(widths[i]) for i in range(1, 4)]
        return f"| {' | '.join(padded)} |"

    yield line(table[0])
    yield "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    yield from (line(row) for row in table[1:])


def _listed(title: str, items: Sequence[str]) -> list[str]:
    return ["", f"{title}: {len(items)}", *(f"- {item}" for item in items)] if items else []


def _said(result: CaseResult) -> str:
    if result.error is not None:
        return result.error
    return result.said if result.found else f"(refused) {result.said}"


def _expected(result: CaseResult) -> str:
    if not result.answerable:
        return "(a refusal)"
    evidence = f"“{result.gold[0]}”" if result.gold else ""
    return " — ".join(part for part in (" | ".join(result.expected), evidence) if part)


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…"
