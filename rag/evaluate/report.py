"""A report to read (Markdown) and to keep (JSON)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import TestSetError
from .rows import LOWER_IS_BETTER, SHARES, Measure, Report, Row

_LONGEST_LINE = 300  # characters of an answer that are shown: enough to see what went wrong


def as_table(report: Report) -> str:
    """The summary as a Markdown table, then what needs a look: failures, bad citations, evidence that is nowhere."""
    kinds = [row.answerable for row in report.rows]
    lines = [
        f"{len(kinds)} questions: {sum(kinds)} can be answered from the articles, {len(kinds) - sum(kinds)} cannot.",
        "",
        *_table([_cells(measure) for measure in report.summary()]),
        "",
        "Intervals: bootstrap over the questions, 2000 resamples; where all questions agree, the exact binomial bound.",
    ]
    cited = sum(row.citation_count for row in report.rows)
    bad = [(row, problem) for row in report.rows for problem in row.bad_citations]
    lines.append(f"Citations: {cited}, of which {cited - len(bad)} quote exactly what stands at their offsets.")
    lines += _listed("Citations that do not quote exactly", [f"{row.id}: {problem}" for row, problem in bad])
    lines += _listed(
        "No answer came; counted as wrong", [f"{row.id}: {_one_line(row.error or '')}" for row in report.failed]
    )
    lines += _listed(
        "No article that came up has the evidence at its offsets (not found, or the test set is of another text)",
        [f"{row.id}: {_one_line(row.question)}" for row in report.rows if row.evidence_seen is False],
    )
    return "\n".join(lines)


def as_misses(report: Report) -> str:
    """The questions that are not right, each with what was said and what was expected."""
    lines: list[str] = []
    for row in report.rows:
        if row.right:
            continue
        lines += [
            f"- {row.id}: {_one_line(row.question)}",
            f"    said:     {_one_line(_said(row))}",
            f"    expected: {_one_line(_expected(row))}",
        ]
    return "\n".join(lines) if lines else "No misses."


def to_json(report: Report) -> str:
    """The report as JSON, to be kept beside others; `from_json` reads it back, equal."""
    return _SavedRun(
        format=1, settings=dict(report.settings), versions=dict(report.versions), rows=report.rows
    ).model_dump_json(indent=1)


def from_json(text: str | bytes) -> Report:
    """A report that `to_json` wrote. Raises `TestSetError` naming the field when the text is something else."""
    try:
        saved = _SavedRun.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or "the whole text"
        raise TestSetError(
            f"the saved run cannot be read: {name!r}: {first['msg']}",
            "Give a file that an evaluation of this version has written, or run the evaluation again.",
        ) from None
    return Report(rows=saved.rows, settings=saved.settings, versions=saved.versions)


class _SavedRun(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", ser_json_inf_nan="constants")

    format: Literal[1]
    settings: dict[str, str]
    versions: dict[str, str]
    rows: tuple[Row, ...]


def _cells(measure: Measure) -> tuple[str, str, str, str]:
    name, value, low, high, count = measure
    return (
        f"{name} (lower is better)" if name in LOWER_IS_BETTER else name,
        f"{value:.3f}",
        f"{low:.3f} to {high:.3f}",
        f"{round(value * count)}/{count}" if name in SHARES else f"n={count}",
    )


def _table(rows: Sequence[tuple[str, str, str, str]]) -> Iterator[str]:
    table = [("measure", "value", "95% interval", "questions"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(4)]

    def line(cells: Sequence[str]) -> str:
        padded = [cells[0].ljust(widths[0])] + [cells[i].rjust(widths[i]) for i in range(1, 4)]
        return f"| {' | '.join(padded)} |"

    yield line(table[0])
    yield "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    yield from (line(row) for row in table[1:])


def _listed(title: str, items: Sequence[str]) -> list[str]:
    return ["", f"{title}: {len(items)}", *(f"- {item}" for item in items)] if items else []


def _said(row: Row) -> str:
    if row.error is not None:
        return row.error
    return row.said if row.found else f"(refused) {row.said}"


def _expected(row: Row) -> str:
    if not row.answerable:
        return "(a refusal)"
    evidence = f"“{row.gold[0]}”" if row.gold else ""
    return " — ".join(part for part in (" | ".join(row.expected), evidence) if part)


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…"
