"""The report of an evaluation as one HTML page that loads nothing; of several runs, the page compares them.

Everything is in the page: style, script, charts. It reads without the script, too; that sorts, filters and folds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.evaluate import MEASURES, Comparison, Measure, Report, compare

from ..html import escape, one_line
from ..templating import asset
from . import charts
from .figures import (
    RIGHT,
    Run,
    cost_html,
    heads_of,
    measures_html,
    row_html,
    run_mark,
    table_html,
    tags_html,
    trust_html,
    width_of,
)
from .questions import OUTCOMES, counted, questions_html

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)


def report_page(runs: Mapping[str, Report]) -> str:
    """A whole HTML document: the report of one run, or of several with each compared with the first.

    The same runs give the same text. Raises `ValueError` without a run, and what `compare` raises: `TestSetError` when
    two runs share no question or an id stands for two questions.
    """
    if not runs:
        raise ValueError("there is no run to show")
    named_runs = [(_letter(place), name, report) for place, (name, report) in enumerate(runs.items())]
    against = [compare(named_runs[0][2], report) for _, _, report in named_runs[1:]]
    names = " and ".join(name for _, name, _ in named_runs)
    title = f"Evaluation: {names}" if not against else f"Evaluations compared: {names}"
    sections = (
        _head(named_runs, against),
        _outcomes(named_runs),
        _section("measures", "Measures", measures_html(named_runs, against)),
        _section("flips", "Questions that flipped", _flips(named_runs, against)) if against else "",
        _section("trust", "Trust and scores", trust_html(named_runs)),
        _section("tags", "By tag", tags) if (tags := tags_html(named_runs)) else "",
        _section("cost", "What it cost", cost) if (cost := cost_html(named_runs)) else "",
        _section("questions", "Questions", questions_html(named_runs)),
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>\n{asset('report', 'report.css')}</style>"
        f"<script>\n{asset('report', 'report.js')}</script></head>\n"
        f'<body>{charts.patterns()}<main class="{"several" if against else "one"}">'
        f"{''.join(sections)}</main></body></html>\n"
    )


def _letter(place: int) -> str:
    return chr(ord("A") + place) if place < 26 else str(place + 1)


def _section(key: str, title: str, content: str) -> str:
    return f'<section class="part" id="{key}"><h2>{title}</h2>{content}</section>\n'


def _head(runs: Sequence[Run], against: Sequence[Comparison]) -> str:
    """The title, what each run came to, and what they were made with."""
    kicker = "Evaluation" if not against else f"{len(runs)} evaluations, each compared with {runs[0][0]}"
    title = runs[0][1] if not against else " · ".join(name for _, name, _ in runs)
    cards = "".join(_card(run, place, bool(against)) for place, run in enumerate(runs))
    cards = f'<div class="cards">{cards}</div>' if against else cards
    base = runs[0][0]
    left_out = "".join(
        f'<p class="quiet">{len(ids)} question{" is" if len(ids) == 1 else "s are"} in {one} and not in {another}: '
        "left out of the comparison.</p>"
        for (letter, _, _), found in zip(runs[1:], against, strict=True)
        for one, another, ids in ((base, letter, found.only_a), (letter, base, found.only_b))
        if ids
    )
    return (
        f'<header><p class="kicker">{kicker}</p><h1>{escape(title)}</h1>{cards}{left_out}{_made_with(runs)}</header>\n'
    )


def _card(run: Run, place: int, is_comparison: bool) -> str:
    letter, name, report = run
    answerable = sum(row.answerable for row in report.results)
    failed = f"{len(report.failed)} failed" if report.failed else "none failed"
    title = f"<h2>{run_mark(letter, place)} {escape(name)}</h2>" if is_comparison else ""
    about = (
        f"{len(report.results)} questions: {answerable} can be answered from the articles, "
        f"{len(report.results) - answerable} cannot; {failed}."
    )
    told = f'<p class="quiet">{about}</p>'
    if not is_comparison:
        return (
            f'{told}<div class="cards"><div class="card">{_big(RIGHT, "right", report)}</div>{_further(report)}</div>'
        )
    return f'<div class="card">{title}{_big(RIGHT, "right", report)}{told}</div>'


def _further(report: Report) -> str:
    """What else is to be seen at once, where there is room."""
    measures = (
        (MEASURES["first citation right"], "first citation right"),
        (MEASURES["false refusals"], "refused, of those that can be answered"),
        (MEASURES["false answers"], "answered, of those that cannot"),
    )
    return "".join(f'<div class="card">{big}</div>' for each in measures if (big := _big(*each, report)))


def _big(measure: Measure, words: str, report: Report) -> str:
    found = measure.estimate(report.results)
    if found is None:
        return ""
    return (
        f'<p class="big">{found.value * 100:.0f}<small>%</small></p><p>{words}: {round(found.value * found.n)} of '
        f'{found.n}</p><p class="quiet">95% interval {found.low * 100:.0f}% to {found.high * 100:.0f}%</p>'
    )


def _made_with(runs: Sequence[Run]) -> str:
    """Settings and versions; where runs differ in some, those are shown, all others are folded away."""
    keys = dict.fromkeys(
        (kind, key)
        for _, _, report in runs
        for kind, values in (("", report.settings), ("version of ", report.versions))
        for key in values
    )
    lines = {
        kind + key: [dict(report.versions if kind else report.settings).get(key) for _, _, report in runs]
        for kind, key in keys
    }
    differing = {name: values for name, values in lines.items() if len(set(values)) > 1}
    same = {name: values for name, values in lines.items() if name not in differing}

    def table(chosen: Mapping[str, Sequence[str | None]], shown: int) -> str:
        heads = "".join(f'<th scope="col">{run_mark(run[0], place)}</th>' for place, run in enumerate(runs[:shown]))
        body = "".join(
            f'<tr><th scope="row">{escape(name)}</th>'
            + "".join(f"<td>{escape('–' if value is None else value)}</td>" for value in values[:shown])
            + "</tr>"
            for name, values in chosen.items()
        )
        head = f"<thead><tr><td></td>{heads}</tr></thead>" if shown > 1 else ""
        return f'<table class="settings">{head}<tbody>{body}</tbody></table>'

    shown = f"<h3>What the runs differ in</h3>{table(differing, len(runs))}" if differing else ""
    same_title = "Settings and versions" + (" that are the same" if len(runs) > 1 else "")
    folded = f"<details><summary>{same_title}</summary>{table(same, 1)}</details>" if same else ""
    return shown + folded


def _outcomes(runs: Sequence[Run]) -> str:
    """What became of the questions, counted."""
    counts = [counted(report.results) for _, _, report in runs]
    most = max((number for each in counts for number in each.values()), default=0)
    rows = ""
    for kind, words in OUTCOMES.items():
        if any(each[kind] for each in counts):
            cells = [
                '<div class="estimate">'
                + charts.bar(
                    each[kind],
                    label=f"{each[kind]} questions",
                    top=most,
                    style=charts.style_of(place),
                    width=width_of(runs),
                )
                + f"<b>{each[kind]}</b></div>"
                for place, each in enumerate(counts)
            ]
            rows += row_html(words, runs, cells)
    return _section("outcomes", "What became of the questions", table_html("counts", ["", *heads_of(runs)], rows))


def _flips(runs: Sequence[Run], against: Sequence[Comparison]) -> str:
    numbers = {key: place for place, key in enumerate(dict.fromkeys(r.id for run in runs for r in run[2].results), 1)}
    parts = []
    for place, ((letter, _, _), found) in enumerate(zip(runs[1:], against, strict=True), 1):
        letters = {"a": (runs[0][0], 0), "b": (letter, place)}
        won = [sum(flip.right_in == side for flip in found.flips) for side in ("a", "b")]
        told = f"{won[0]} right in {runs[0][0]} alone, {won[1]} right in {letter} alone."
        rows = "".join(
            f'<tr><th scope="row"><a href="#question-{numbers[flip.id]}">{escape(flip.question)}</a></th>'
            f'<td data-of="right in">{run_mark(*letters[flip.right_in])}</td>'
            f'<td data-of="{runs[0][0]}">{escape(one_line(flip.said_a, 160))}</td>'
            f'<td data-of="{letter}">{escape(one_line(flip.said_b, 160))}</td></tr>'
            for flip in found.flips
        )
        table = (
            table_html("flips", ["Question", "Right in", f"{runs[0][0]} said", f"{letter} said"], rows) if rows else ""
        )
        is_open = " open" if len(found.flips) <= 12 else ""
        body = f"<details{is_open}><summary>{told}</summary>{table}</details>" if rows else f"<p>{told}</p>"
        parts.append(f"<h3>{run_mark(runs[0][0], 0)} and {run_mark(letter, place)}</h3>{body}")
    return "".join(parts)
