"""The tables and charts of an evaluation: measures, trust, tags, costs, a column or a line for each run. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rag.evaluate import (
    MEASURES,
    CaseResult,
    Comparison,
    Difference,
    Estimate,
    Latency,
    Measure,
    Report,
    find_measure,
    latencies,
    risk_curve,
    summarize,
    token_counts,
)

from ..html import escape, one_line
from . import charts

Run = tuple[str, str, Report]
"""A run: its letter, its name, its report."""


_LEVELS = {
    "citation": "Citations",
    "passage": "Passages that were found",
    "article": "Articles that were found",
    "evidence": "Evidence that was found",
    "answer": "Answers",
    "truth": "Support of the sentences",
    "abstention": "Answering and refusing",
}
RIGHT = Measure("right", "answer", lambda row: float(row.right), "right answers and right refusals", counts=True)
"""The share of questions that are right."""

_OF_TAGS = (RIGHT, *(MEASURES[name] for name in ("first citation right", "F1", "answered or refused rightly")))


def run_mark(letter: str, place: int) -> str:
    """The letter of a run in its colour."""
    return f'<b class="letter style-{charts.style_of(place)}">{escape(letter)}</b>'


def heads_of(runs: Sequence[Run]) -> list[str]:
    """The heads of a table with a column for each run; of one run it is empty."""
    if len(runs) == 1:
        return [""]
    return [f"{run_mark(letter, place)} {escape(one_line(name, 40))}" for place, (letter, name, _) in enumerate(runs)]


def width_of(runs: Sequence[Run]) -> int:
    """How wide a bar is: there is room where there is one run."""
    return 360 if len(runs) == 1 else 160


def table_html(kind: str, heads: Sequence[str], rows: str) -> str:
    """A table, its heads markup already; without a head where all are empty."""
    if not any(heads):
        return f'<table class="{kind}">{rows}</table>'
    cells = "".join(f'<th scope="col">{head}</th>' if head else "<td></td>" for head in heads)
    return f'<table class="{kind}"><thead><tr>{cells}</tr></thead>{rows}</table>'


def row_html(words: str, runs: Sequence[Run], cells: Sequence[str], more: str = "") -> str:
    """A line of such a table: words, markup already, and a cell for each run."""
    of_run = "".join(
        f'<td data-of="{letter if len(runs) > 1 else ""}">{cell}</td>'
        for (letter, _, _), cell in zip(runs, cells, strict=True)
    )
    return f'<tr><th scope="row">{words}</th>{of_run}{more}</tr>'


def _estimate(
    found: Estimate | None, *, style: int, top: float = 1.0, digits: int = 3, width: int = 160, of: int | None = None
) -> str:
    """A bar with its whisker, the value, its interval, and of how many questions it is, unless of those `of`."""
    if found is None:
        return '<span class="quiet">–</span>'
    value, low, high = (f"{number:.{digits}f}" for number in found[1:4])
    drawn = charts.bar(
        found.value,
        (found.low, found.high),
        label=f"{value}, 95% interval {low} to {high}",
        style=style,
        top=top,
        width=width,
    )
    count = "" if found.n == of else f" <i>n = {found.n}</i>"
    return f'<div class="estimate">{drawn}<b>{value}</b><small>{low} to {high}{count}</small></div>'


def measures_html(runs: Sequence[Run], against: Sequence[Comparison]) -> str:
    """Each measure of the summary, by level; then how far each other run is from the first, and how surely."""
    of_run = [{found.name: found for found in summarize(report.results)} for _, _, report in runs]
    names = dict.fromkeys(name for each in of_run for name in each)
    levels: dict[str, list[str]] = {}
    for name in names:
        levels.setdefault(find_measure(name).level, []).append(name)
    differences = [{each.measure: each for each in found.differences} for found in against]
    reach = max((abs(bound) for each in differences for d in each.values() for bound in (d.low, d.high)), default=0.0)
    heads = heads_of(runs) + [f"{letter} − {runs[0][0]}" for letter, _, _ in runs[1:]]
    rows = ""
    for level, measures in levels.items():
        lines = ""
        for name in measures:
            measure = find_measure(name)
            lower = ' <em class="lower">lower is better</em>' if measure.lower_is_better else ""
            cells = [
                _estimate(each.get(name), style=charts.style_of(place), width=width_of(runs))
                for place, each in enumerate(of_run)
            ]
            more = "".join(
                f'<td class="difference" data-of="{letter} − {runs[0][0]}">'
                f"{_difference(each.get(name), max(reach, 0.05), runs[0][0], letter)}</td>"
                for (letter, _, _), each in zip(runs[1:], differences, strict=True)
            )
            lines += row_html(f"{escape(name)}{lower}<small>{escape(measure.about)}</small>", runs, cells, more)
        title = _LEVELS.get(level, level.capitalize())
        head = f'<tr class="level"><th scope="rowgroup" colspan="{len(heads) + 1}">{title}</th></tr>'
        rows += f"<tbody>{head}{lines}</tbody>"
    note = "The lines through the bars are 95% intervals: bootstrap over the questions."
    if against:
        note += (
            " A difference is of the questions that both runs have; p is of a two-sided paired permutation test of that"
            " measure alone. Where the interval has 0 in it, the runs cannot be told apart."
        )
    return f'{table_html("measures", ["", *heads], rows)}<p class="note">{note}</p>'


def _difference(found: Difference | None, reach: float, base: str, letter: str) -> str:
    if found is None:
        return '<span class="quiet">–</span>'
    words = {None: "no sure difference", "a": f"{base} is better", "b": f"{letter} is better"}[found.better]
    told = f"{found.low:+.3f} to {found.high:+.3f}"
    drawn = charts.change(
        found.difference, found.low, found.high, reach=reach, label=f"{found.difference:+.3f}, {told}"
    )
    sure = "" if found.better is None else ' class="sure"'
    return (
        f'<div class="estimate">{drawn}<b>{found.difference:+.3f}</b><small>{told} <i>p = {found.p_value:.4f}</i>'
        f"</small></div><em{sure}>{words}</em>"
    )


def trust_html(runs: Sequence[Run]) -> str:
    """How trust tells right from wrong, and how trust and F1 are spread."""
    drawn = [("risk", "Risk and coverage", _risk(runs))]
    trusts = [[_trusts(report.results, is_answerable) for is_answerable in (True, False)] for _, _, report in runs]
    f1s = [[row.f1 for row in report.results if row.f1 is not None] for _, _, report in runs]
    span = charts.span_of([value for pair in trusts for values in pair for value in values])
    for place, ((letter, name, report), (can, cannot)) in enumerate(zip(runs, trusts, strict=True)):
        mark = f"{run_mark(letter, place)} " if len(runs) > 1 else ""
        about = f"of {name}" if len(runs) > 1 else "of the questions"
        without = len(report.results) - sum(charts.is_shown(value) for value in (*can, *cannot))
        note = f" {without} without a trust, failed ones among them, are left out." if without else ""
        drawn.append(
            (
                f"trust-{place}",
                f"{mark}Trust",
                charts.histogram(
                    f"trust-{place}",
                    f"Trust {about}",
                    "Histogram: above the line questions that can be answered, below others.",
                    upper=("can be answered", can),
                    lower=("cannot be answered", cannot),
                    axis="trust",
                    span=span,
                    style=charts.style_of(place),
                )
                + f'<p class="note">The further apart the two are, the better trust tells what to refuse.{note}</p>',
            )
        )
    for place, (letter, name, _) in enumerate(runs):
        if f1s[place]:
            mark = f"{run_mark(letter, place)} " if len(runs) > 1 else ""
            about = f"of {name}" if len(runs) > 1 else "of the answers"
            drawn.append(
                (
                    f"f1-{place}",
                    f"{mark}F1: words shared with the accepted answer",
                    charts.histogram(
                        f"f1-{place}",
                        f"F1 {about}",
                        "Histogram of F1, the words shared with the accepted answer.",
                        upper=("have an accepted answer", f1s[place]),
                        axis="F1",
                        span=(0.0, 1.0),
                        style=charts.style_of(place),
                    ),
                )
            )
    return (
        '<div class="figures">'
        + "".join(
            f'<figure id="figure-{key}"><figcaption>{title}</figcaption>{chart}</figure>' for key, title, chart in drawn
        )
        + "</div>"
    )


def _trusts(rows: Sequence[CaseResult], is_answerable: bool) -> list[float]:
    return [
        row.confidence
        for row in rows
        if row.answerable == is_answerable and row.error is None and row.confidence is not None
    ]


def _risk(runs: Sequence[Run]) -> str:
    lines = [[charts.Point(*point) for point in risk_curve(report.results)] for _, _, report in runs]
    areas = [find_measure("AURC of confidence").estimate(report.results) for _, _, report in runs]
    legend = "".join(
        f"<li>{charts.key_line(charts.style_of(place))} {_named(run, place, len(runs))}"
        + (f"AURC {area.value:.3f} <small>{area.low:.3f} to {area.high:.3f}</small>" if area else "no AURC")
        + "</li>"
        for place, (run, area) in enumerate(zip(runs, areas, strict=True))
    )
    chart = charts.curves(
        "risk",
        "Risk-coverage curve",
        "The share answered wrong, when only the most trusted questions are answered; bands are 95% intervals.",
        lines,
        ("share of the questions that is answered", "share of those answered wrong"),
    )
    return (
        f'{chart}<ul class="legend">{legend}</ul><p class="note">Read from the left: if only the most trusted share of '
        "the questions were answered, this share of the answers would be wrong; the lower the line, and the area under "
        "it (AURC), the better.</p>"
    )


def _named(run: Run, place: int, count: int) -> str:
    return f"{run_mark(run[0], place)} {escape(one_line(run[1], 40))} " if count > 1 else ""


def tags_html(runs: Sequence[Run]) -> str:
    """The measures of each tag, in a line a run; nothing where no question has a tag."""
    groups: dict[str | None, list[list[CaseResult]]] = {}
    for place, (_, _, report) in enumerate(runs):
        for row in report.results:
            for tag in dict.fromkeys(row.tags) or (None,):
                groups.setdefault(tag, [[] for _ in runs])[place].append(row)
    if not any(tag is not None for tag in groups):
        return ""
    order = sorted(groups, key=lambda tag: (tag is None, -max(map(len, groups[tag])), tag or ""))
    lines = [
        (
            "no tag" if tag is None else tag,
            place,
            [
                str(len(rows)),
                *(
                    _estimate(measure.estimate(rows), style=charts.style_of(place), digits=2, of=len(rows))
                    for measure in _OF_TAGS
                ),
            ],
        )
        for tag in order
        for place, rows in enumerate(groups[tag])
    ]
    return _lines_table("tags", ["Tag", "Questions", *(measure.name for measure in _OF_TAGS)], runs, lines)


def cost_html(runs: Sequence[Run]) -> str:
    """Seconds of each stage and tokens, in a line a run; nothing where no answer tells them."""
    timings = [{found.stage: found for found in latencies(report.results)} for _, _, report in runs]
    spent = [{found.name: found for found in token_counts(report.results)} for _, _, report in runs]
    html = ""
    if stages := dict.fromkeys(stage for each in timings for stage in each):
        top = max(found.p95.high for each in timings for found in each.values())
        lines = [
            (stage, place, _seconds(each.get(stage), charts.style_of(place), top))
            for stage in stages
            for place, each in enumerate(timings)
        ]
        html += _lines_table("seconds", ["Seconds in", "half of the answers within", "95% within"], runs, lines)
    if ways := dict.fromkeys(way for each in spent for way in each):
        top = max(found.high for each in spent for found in each.values())
        lines = [
            (way, place, [_estimate(each.get(way), style=charts.style_of(place), top=top, digits=0)])
            for way in ways
            for place, each in enumerate(spent)
        ]
        html += _lines_table("tokens", ["", "a question"], runs, lines)
    return html


def _seconds(found: Latency | None, style: int, top: float) -> list[str]:
    estimates = (None, None) if found is None else (found.p50, found.p95)
    return [_estimate(each, style=style, top=top) for each in estimates]


def _lines_table(
    kind: str, heads: Sequence[str], runs: Sequence[Run], lines: Sequence[tuple[str, int, list[str]]]
) -> str:
    """A table with a group of lines for each name, of each run one; `lines` are (name, place of the run, cells)."""
    is_comparison = len(runs) > 1
    body = ""
    for name, place, cells in lines:
        if not place:
            body += ("</tbody>" if body else "") + "<tbody>"
        head = f'<th scope="rowgroup" rowspan="{len(runs)}">{escape(name)}</th>' if not place else ""
        mark = f'<td class="run">{run_mark(runs[place][0], place)}</td>' if is_comparison else ""
        told = "".join(f'<td data-of="{title}">{cell}</td>' for title, cell in zip(heads[1:], cells, strict=True))
        body += f"<tr>{head}{mark}{told}</tr>"
    return table_html(kind, [heads[0], *(["Run"] if is_comparison else []), *heads[1:]], f"{body}</tbody>")
