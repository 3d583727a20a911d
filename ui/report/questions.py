"""The questions of an evaluation, each with what became of it in words, and all that was said and cited. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rag.evaluate import CitedPlace, Report, Row

from ..html import SUPPORT_LABELS, escape, one_line, outlet

_CONTEXT = 400  # characters of the passage that are shown on either side of a quote

OUTCOMES = {
    "right": "answered, and rightly",
    "right refusal": "refused, and the articles do not say",
    "other passage": "another passage was cited",
    "not found": "the evidence was not found",
    "not contained": "the answer is not in what was said",
    "refused": "refused, although it can be answered",
    "answered": "answered, although the articles do not say",
    "failed": "failed, no answer came",
}
"""What may become of a question, in words."""


def outcome(row: Row) -> str:
    """What became of the question, one of `OUTCOMES`."""
    if row.error is not None:
        return "failed"
    if not row.answerable:
        return "answered" if row.found else "right refusal"
    if not row.found:
        return "refused"
    if row.right:
        return "right"
    if row.first_citation is None:
        return "not contained"
    return "not found" if evidence_rank(row) is None else "other passage"


def evidence_rank(row: Row) -> int | None:
    """Which hit, from 1, is the first that overlaps the evidence; None where none does."""
    gold = [place for places in row.evidence for place in places]
    return next((rank for rank, hit in enumerate(row.hits, 1) if any(map(hit.overlaps, gold))), None)


def verdict(row: Row) -> str:
    """Right or wrong, in one or two words."""
    if row.error is not None:
        return "failed"
    return ("right" if row.right else "wrong") + ("" if row.found else ", refused")


def what_went_wrong(row: Row) -> str:
    """What went wrong with a question, in words; nothing where all is well.

    A right answer may have faults, too: a citation that does not quote, a sentence that no passage supports.
    """
    became = outcome(row)
    if became == "failed":
        return "failed, no answer came"
    if became == "answered":
        return "answered although the articles do not say"
    if became == "right refusal":
        return ""
    found = _where_found(row)
    if became == "refused":
        return "refused although answerable" + (f"; {found}" if found else "")
    return "; ".join(filter(None, (_wrong_answer(row, became, found), *_faults(row))))


def _wrong_answer(row: Row, became: str, found: str) -> str:
    if became == "other passage":
        if not row.citations:
            return f"{found}, but nothing was cited"
        other = "another passage was cited first" if row.any_citation == 1.0 else "another passage was cited"
        return f"{found}, but {other}"
    if became == "not found":
        return found
    if row.contains_answer == 0.0:
        said = "the answer is not in what was said"
        return f"right passage, but {said}" if row.first_citation == 1.0 else said
    return "" if became == "right" else "the test set names neither an answer nor evidence"


def _where_found(row: Row) -> str:
    if row.first_citation is None and row.evidence_seen is None:
        return ""
    rank = evidence_rank(row)
    if rank is not None:
        return f"the evidence was found at rank {rank}"
    if row.evidence_seen is False:
        return "no article that came up has the evidence"
    return f"the evidence was not found among {_count(len(row.hits), 'hit')}"


def _faults(row: Row) -> Iterator[str]:
    if row.bad_citations:
        total = max(len(row.citations), len(row.bad_citations))
        yield f"{len(row.bad_citations)} of {_count(total, 'citation')} does not quote what stands there"
    if bad := row.supports.count("unsupported"):
        yield f"{bad} of {_count(len(row.supports), 'sentence')} not supported"


def questions_html(runs: Sequence[tuple[str, str, Report]]) -> str:
    """The list of all questions, each with its row in every run; runs are (letter, name, report)."""
    of_run = [{row.id: row for row in report.rows} for _, _, report in runs]
    ids = dict.fromkeys(key for rows in of_run for key in rows)
    questions = [[rows.get(key) for rows in of_run] for key in ids]
    heads = ["Question", *(["Run"] if len(runs) > 1 else []), "Verdict", "What went wrong", "First citation"]
    heads += ["F1", "Trust", "Seconds"]
    columns = "".join(f'<th scope="col"><button type="button">{head}</button></th>' for head in heads)
    bodies = "".join(_question_html(number, rows, runs, len(heads)) for number, rows in enumerate(questions, 1))
    return (
        f"{_tools([_kinds(rows) for rows in questions], len(runs) > 1)}"
        f'<table class="questions"><thead><tr>{columns}</tr></thead>{bodies}</table>'
    )


def _kinds(rows: Sequence[Row | None]) -> list[str]:
    """The filters that a question passes."""
    there = [row for row in rows if row is not None]
    kinds = {
        "wrong": any(not row.right for row in there),
        "refused": any(row.error is None and not row.found for row in there),
        "failed": any(row.error is not None for row in there),
        "differ": len({None if row is None else verdict(row) for row in rows}) > 1,
    }
    return [kind for kind, is_so in kinds.items() if is_so]


def _tools(kinds: Sequence[Sequence[str]], is_comparison: bool) -> str:
    names = {"": "all", "wrong": "wrong", "refused": "refused", "failed": "failed", "differ": "only those that differ"}
    if not is_comparison:
        del names["differ"]
    choices = "".join(
        f'<label><input type="radio" name="kind" value="{kind}"{"" if kind else " checked"}>'
        f"<span>{name} <small>{sum(not kind or kind in each for each in kinds)}</small></span></label>"
        for kind, name in names.items()
    )
    return (
        f'<form class="tools"><fieldset><legend>Show</legend>{choices}</fieldset>'
        '<label class="search">Search <input type="search" autocomplete="off"></label>'
        f'<p class="shown" role="status">{len(kinds)} of {len(kinds)} shown</p></form>'
    )


def _question_html(
    number: int, rows: Sequence[Row | None], runs: Sequence[tuple[str, str, Report]], columns: int
) -> str:
    first = next(row for row in rows if row is not None)
    lines = [
        _cells(row, letter if len(runs) > 1 else "", place)
        for place, (row, (letter, _, _)) in enumerate(zip(rows, runs, strict=True))
    ]
    head = (
        f'<th scope="rowgroup" rowspan="{len(rows)}"><button type="button" class="open" aria-expanded="false"'
        f' aria-controls="more-{number}"><small>{escape(first.id)}</small> {escape(first.question)}</button></th>'
    )
    told = "".join(
        _answer_html(row, f"{letter} {name}" if len(runs) > 1 else "")
        for row, (letter, name, _) in zip(rows, runs, strict=True)
    )
    return (
        f'<tbody id="question-{number}" class="{" ".join(_kinds(rows))}"><tr>{head}{lines[0]}</tr>'
        + "".join(f"<tr>{line}</tr>" for line in lines[1:])
        + f'<tr class="more" id="more-{number}"><td colspan="{columns}">{_expected_html(first)}{told}</td></tr></tbody>'
    )


def _cells(row: Row | None, letter: str, place: int) -> str:
    run = f'<td class="run"><b class="letter style-{place % 4 + 1}">{letter}</b></td>' if letter else ""
    if row is None:
        return f'{run}<td class="verdict">not asked</td><td></td>' + "<td></td>" * 4
    seconds = row.cost.seconds.get("total") if row.cost else None
    first = {None: "", 1.0: "right"}.get(row.first_citation, "wrong")
    figures = (
        ("first citation", first),
        ("F1", _figure(row.f1)),
        ("trust", "" if row.error is not None else _figure(row.confidence)),
        ("seconds", _figure(seconds)),
    )
    sign = "✓" if row.right else "✗"
    return (
        f'{run}<td class="verdict {"right" if row.right else "wrong"}"><span aria-hidden="true">{sign}</span>'
        f' {verdict(row)}</td><td class="why">{escape(what_went_wrong(row))}</td>'
        + "".join(f'<td class="figure" data-of="{name}">{value}</td>' for name, value in figures)
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _expected_html(row: Row) -> str:
    parts = []
    if row.answerable:
        parts += [("Expected", " | ".join(row.expected))] if row.expected else []
        parts += [("Evidence", f"“{text}”") for text in row.gold]
    else:
        parts.append(("Expected", "a refusal: the articles do not say"))
    if row.tags:
        parts.append(("Tags", ", ".join(row.tags)))
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in parts) + "</dl>"


def _answer_html(row: Row | None, run: str) -> str:
    title = f"<h3>{escape(run)}</h3>" if run else ""
    if row is None:
        return f'<section>{title}<p class="refused">This run did not ask it.</p></section>'
    why = what_went_wrong(row)
    told = f"{verdict(row)}: {why}" if why else verdict(row)
    became = f'<p class="became{" right" if row.right else ""}">{escape(told)}</p>'
    if row.error is not None:
        return f'<section>{title}{became}<p class="error">{escape(row.error)}</p></section>'
    return f"<section>{title}{became}{_said_html(row)}{_citations_html(row.citations)}{_bad_html(row)}</section>"


def _said_html(row: Row) -> str:
    if not row.found:
        return f'<p class="refused">{escape(row.said) or "Nothing was said."}</p>'
    if not row.sentences:
        return f'<p class="said">{escape(row.said)}</p>'
    return (
        '<p class="said">'
        + " ".join(
            escape(said.text)
            + "".join(f" <b>[{number}]</b>" for number in said.numbers)
            + f' <i class="{said.support}">{SUPPORT_LABELS[said.support]}</i>'
            for said in row.sentences
        )
        + "</p>"
    )


def _citations_html(citations: Sequence[CitedPlace]) -> str:
    items = "".join(
        f"<li><p><b>[{each.number}]</b> <cite>{escape(each.title or each.place.article_id)}</cite>"
        f"{_origin(each)}</p><blockquote>{_quote_html(each)}</blockquote></li>"
        for each in citations
    )
    return f'<ul class="cites">{items}</ul>' if items else ""


def _origin(cited: CitedPlace) -> str:
    parts = [outlet(cited.source)] if cited.source else []
    parts.append(f"characters {cited.place.start} to {cited.place.end}")
    return f" <small>{escape(' · '.join(parts))}</small>"


def _quote_html(cited: CitedPlace) -> str:
    before, after = cited.before, cited.after
    if len(before) > _CONTEXT:
        before = "…" + before[-_CONTEXT:].split(" ", 1)[-1]
    if len(after) > _CONTEXT:
        after = after[:_CONTEXT].rsplit(" ", 1)[0] + "…"
    return f"{escape(before)}<mark>{escape(cited.quote)}</mark>{escape(after)}"


def _bad_html(row: Row) -> str:
    items = "".join(f"<li>{escape(one_line(problem, 600))}</li>" for problem in row.bad_citations)
    return f'<div class="error">These citations do not quote:<ul>{items}</ul></div>' if items else ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def counted(rows: Sequence[Row]) -> Mapping[str, int]:
    """How many questions came to each of `OUTCOMES`."""
    became = [outcome(row) for row in rows]
    return {kind: became.count(kind) for kind in OUTCOMES}
