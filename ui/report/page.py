"""The evaluation report as one self-contained HTML page; with several runs, the page compares them.

Styles, script and charts are part of the page. The script only sorts, filters and folds; the page is readable without
it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from rag.evaluate import MEASURES, Comparison, Report, compare

from ..templating import asset, macros
from . import charts
from .figures import RIGHT, Run, bar_width, confidence_html, cost_html, measures_html, tags_html
from .questions import OUTCOMES, count_outcomes, questions_html

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
_FIGURES = (
    (RIGHT, "right"),
    (MEASURES["first citation right"], "first citation right"),
    (MEASURES["false refusals"], "refused, of those that can be answered"),
    (MEASURES["false answers"], "answered, of those that cannot"),
)


def report_page(reports: Mapping[str, Report]) -> str:
    """Return an HTML document that reports on one run, or on several runs, each compared with the first.

    The output is deterministic. Raises `ValueError` without a run, and `TestSetError` if two runs have no question in
    common or two different questions have the same id.
    """
    if not reports:
        raise ValueError("there are no runs to show")
    is_alone = len(reports) == 1
    runs = [Run(place, _letter(place), name, report, is_alone) for place, (name, report) in enumerate(reports.items())]
    comparisons = [compare(runs[0].report, run.report) for run in runs[1:]]
    title = f"{'Evaluation' if is_alone else 'Evaluations compared'}: {' and '.join(reports)}"
    sections = (
        ("outcomes", "Outcomes", _outcomes(runs)),
        ("measures", "Measures", measures_html(runs, comparisons)),
        ("flips", "Questions that changed", _flips(runs, comparisons)),
        ("confidence", "Confidence and scores", confidence_html(runs)),
        ("tags", "By tag", tags_html(runs)),
        ("cost", "Cost", cost_html(runs)),
        ("questions", "Questions", questions_html(runs)),
    )
    page = macros("report", "page")
    lines = [_header(runs, comparisons)]
    lines += [page.section(key, heading, Markup(html)) for key, heading, html in sections if html]
    style, script = (Markup(f"\n{asset('report', name)}") for name in ("report.css", "report.js"))
    content = [Markup(f"{line}\n") for line in lines]
    return f"{page.document(title, Markup(_POLICY), style, script, charts.patterns(), content, not is_alone)}\n"


def _letter(place: int) -> str:
    return chr(ord("A") + place) if place < 26 else str(place + 1)


def _header(runs: Sequence[Run], comparisons: Sequence[Comparison]) -> str:
    """Return HTML for the title and, for each run, the main figures, settings and versions."""
    figures = [[(measure.estimate(run.results), words) for measure, words in _FIGURES] for run in runs]
    shown = [[figure for figure in each if figure[0] is not None or figure is each[0]] for each in figures]
    base = runs[0].letter
    left_out = [
        (len(ids), one, other)
        for run, found in zip(runs[1:], comparisons, strict=True)
        for one, other, ids in ((base, run.letter, found.only_a), (run.letter, base, found.only_b))
        if ids
    ]
    values = [
        {**run.report.settings, **{f"version of {name}": text for name, text in run.report.versions.items()}}
        for run in runs
    ]
    lines = [
        (name, [each.get(name) for each in values]) for name in dict.fromkeys(name for each in values for name in each)
    ]
    differing = [line for line in lines if len(set(line[1])) > 1]
    same = [line for line in lines if len(set(line[1])) == 1]
    return str(macros("report", "page").header(runs, shown, left_out, differing, same))


def _outcomes(runs: Sequence[Run]) -> str:
    """Return an HTML table that counts each run's questions by outcome."""
    counts = [count_outcomes(run.results) for run in runs]
    most = max(number for each in counts for number in each.values())

    def cell(run: Run, count: int) -> tuple[int, Markup]:
        label = f"{count} questions"
        return count, charts.bar(count, label=label, top=most, style=run.style, width=bar_width(runs))

    lines = [
        (words, [cell(run, each[kind]) for run, each in zip(runs, counts, strict=True)])
        for kind, words in OUTCOMES.items()
        if any(each[kind] for each in counts)
    ]
    return str(macros("report", "page").outcomes(runs, lines))


def _flips(runs: Sequence[Run], comparisons: Sequence[Comparison]) -> str:
    """Return HTML that lists questions with a right result in only one of two runs; empty for a single run."""
    numbers = {key: place for place, key in enumerate(dict.fromkeys(r.id for run in runs for r in run.results), 1)}
    changes = [
        (run, found.flips, sum(flip.right_in == "a" for flip in found.flips))
        for run, found in zip(runs[1:], comparisons, strict=True)
    ]
    return str(macros("report", "page").flips(runs[0], changes, numbers))
