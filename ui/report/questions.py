"""The questions of an evaluation, each with what became of it in words, and all that was said and cited. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rag.evaluate import CaseResult, CitedSpan, Report

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


def outcome(result: CaseResult) -> str:
    """What became of the question, one of `OUTCOMES`."""
    if result.error is not None:
        return "failed"
    if not result.answerable:
        return "answered" if result.found else "right refusal"
    if not result.found:
        return "refused"
    if result.right:
        return "right"
    if result.first_citation is None:
        return "not contained"
    return "not found" if evidence_rank(result) is None else "other passage"


def evidence_rank(result: CaseResult) -> int | None:
    """Which hit, from 1, is the first that overlaps the evidence; None where none does."""
    gold = [place for places in result.evidence for place in places]
    return next((rank for rank, hit in enumerate(result.hits, 1) if any(map(hit.overlaps, gold))), None)


def verdict(result: CaseResult) -> str:
    """Right or wrong, in one or two words."""
    if result.error is not None:
        return "failed"
    return ("right" if result.right else "wrong") + ("" if result.found else ", refused")


def what_went_wrong(result: CaseResult) -> str:
    """What went wrong with a question, in words; nothing where all is well.

    A right answer may have faults, too: a citation that does not quote, a sentence that no passage supports.
    """
    became = outcome(result)
    if became == "failed":
        return "failed, no answer came"
    if became == "answered":
        return "answered although the articles do not say"
    if became == "right refusal":
        return ""
    found = _where_found(result)
    if became == "refused":
        return "refused although answerable" + (f"; {found}" if found else "")
    return "; ".join(filter(None, (_wrong_answer(result, became, found), *_faults(result))))


def _wrong_answer(result: CaseResult, became: str, found: str) -> str:
    if became == "other passage":
        if not result.citations:
            return f"{found}, but nothing was cited"
        other = "another passage was cited first" if result.any_citation == 1.0 else "another passage was cited"
        return f"{found}, but {other}"
    if became == "not found":
        return found
    if result.contains_answer == 0.0:
        said = "the answer is not in what was said"
        return f"right passage, but {said}" if result.first_citation == 1.0 else said
    return "" if became == "right" else "the test set names neither an answer nor evidence"


def _where_found(result: CaseResult) -> str:
    if result.first_citation is None and result.evidence_seen is None:
        return ""
    rank = evidence_rank(result)
    if rank is not None:
        return f"the evidence was found at rank {rank}"
    if result.evidence_seen is False:
        return "no article that came up has the evidence"
    return f"the evidence was not found among {_count(len(result.hits), 'hit')}"


def _faults(result: CaseResult) -> Iterator[str]:
    if result.bad_citations:
        total = max(len(result.citations), len(result.bad_citations))
        yield f"{len(result.bad_citations)} of {_count(total, 'citation')} does not quote what stands there"
    if bad := result.supports.count("unsupported"):
        yield f"{bad} of {_count(len(result.supports), 'sentence')} not supported"


def questions_html(runs: Sequence[tuple[str, str, Report]]) -> str:
    """The list of all questions, each with its row in every run; runs are (letter, name, report)."""
    of_run = [{result.id: result for result in report.results} for _, _, report in runs]
    ids = dict.fromkeys(key for results in of_run for key in results)
    questions = [[results.get(key) for results in of_run] for key in ids]
    heads = ["Question", *(["Run"] if len(runs) > 1 else []), "Verdict", "What went wrong", "First citation"]
    heads += ["F1", "Trust", "Seconds"]
    columns = "".join(f'<th scope="col"><button type="button">{head}</button></th>' for head in heads)
    bodies = "".join(_question_html(number, results, runs, len(heads)) for number, results in enumerate(questions, 1))
    return (
        f"{_tools([_kinds(results) for results in questions], len(runs) > 1)}"
        f'<table class="questions"><thead><tr>{columns}</tr></thead>{bodies}</table>'
    )


def _kinds(results: Sequence[CaseResult | None]) -> list[str]:
    """The filters that a question passes."""
    there = [result for result in results if result is not None]
    kinds = {
        "wrong": any(not result.right for result in there),
        "refused": any(result.error is None and not result.found for result in there),
        "failed": any(result.error is not None for result in there),
        "differ": len({None if result is None else verdict(result) for result in results}) > 1,
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
    number: int, results: Sequence[CaseResult | None], runs: Sequence[tuple[str, str, Report]], columns: int
) -> str:
    first = next(result for result in results if result is not None)
    lines = [
        _cells(result, letter if len(runs) > 1 else "", place)
        for place, (result, (letter, _, _)) in enumerate(zip(results, runs, strict=True))
    ]
    head = (
        f'<th scope="rowgroup" rowspan="{len(results)}"><button type="button" class="open" aria-expanded="false"'
        f' aria-controls="more-{number}"><small>{escape(first.id)}</small> {escape(first.question)}</button></th>'
    )
    told = "".join(
        _answer_html(result, f"{letter} {name}" if len(runs) > 1 else "")
        for result, (letter, name, _) in zip(results, runs, strict=True)
    )
    return (
        f'<tbody id="question-{number}" class="{" ".join(_kinds(results))}"><tr>{head}{lines[0]}</tr>'
        + "".join(f"<tr>{line}</tr>" for line in lines[1:])
        + f'<tr class="more" id="more-{number}"><td colspan="{columns}">{_expected_html(first)}{told}</td></tr></tbody>'
    )


def _cells(result: CaseResult | None, letter: str, place: int) -> str:
    run = f'<td class="run"><b class="letter style-{place % 4 + 1}">{letter}</b></td>' if letter else ""
    if result is None:
        return f'{run}<td class="verdict">not asked</td><td></td>' + "<td></td>" * 4
    seconds = result.cost.seconds.get("total") if result.cost else None
    first = {None: "", 1.0: "right"}.get(result.first_citation, "wrong")
    figures = (
        ("first citation", first),
        ("F1", _figure(result.f1)),
        ("trust", "" if result.error is not None else _figure(result.confidence)),
        ("seconds", _figure(seconds)),
    )
    sign = "✓" if result.right else "✗"
    return (
        f'{run}<td class="verdict {"right" if result.right else "wrong"}"><span aria-hidden="true">{sign}</span>'
        f' {verdict(result)}</td><td class="why">{escape(what_went_wrong(result))}</td>'
        + "".join(f'<td class="figure" data-of="{name}">{value}</td>' for name, value in figures)
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _expected_html(result: CaseResult) -> str:
    parts = []
    if result.answerable:
        parts += [("Expected", " | ".join(result.expected))] if result.expected else []
        parts += [("Evidence", f"“{text}”") for text in result.gold]
    else:
        parts.append(("Expected", "a refusal: the articles do not say"))
    if result.tags:
        parts.append(("Tags", ", ".join(result.tags)))
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in parts) + "</dl>"


def _answer_html(result: CaseResult | None, run: str) -> str:
    title = f"<h3>{escape(run)}</h3>" if run else ""
    if result is None:
        return f'<section>{title}<p class="refused">This run did not ask it.</p></section>'
    why = what_went_wrong(result)
    told = f"{verdict(result)}: {why}" if why else verdict(result)
    became = f'<p class="became{" right" if result.right else ""}">{escape(told)}</p>'
    if result.error is not None:
        return f'<section>{title}{became}<p class="error">{escape(result.error)}</p></section>'
    return (
        f"<section>{title}{became}{_said_html(result)}{_citations_html(result.citations)}{_bad_html(result)}</section>"
    )


def _said_html(result: CaseResult) -> str:
    if not result.found:
        return f'<p class="refused">{escape(result.said) or "Nothing was said."}</p>'
    if not result.sentences:
        return f'<p class="said">{escape(result.said)}</p>'
    return (
        '<p class="said">'
        + " ".join(
            escape(said.text)
            + "".join(f" <b>[{number}]</b>" for number in said.numbers)
            + f' <i class="{said.support}">{SUPPORT_LABELS[said.support]}</i>'
            for said in result.sentences
        )
        + "</p>"
    )


def _citations_html(citations: Sequence[CitedSpan]) -> str:
    items = "".join(
        f"<li><p><b>[{each.number}]</b> <cite>{escape(each.title or each.place.article_id)}</cite>"
        f"{_origin(each)}</p><blockquote>{_quote_html(each)}</blockquote></li>"
        for each in citations
    )
    return f'<ul class="cites">{items}</ul>' if items else ""


def _origin(cited: CitedSpan) -> str:
    parts = [outlet(cited.source)] if cited.source else []
    parts.append(f"characters {cited.place.start} to {cited.place.end}")
    return f" <small>{escape(' · '.join(parts))}</small>"


def _quote_html(cited: CitedSpan) -> str:
    before, after = cited.before, cited.after
    if len(before) > _CONTEXT:
        before = "…" + before[-_CONTEXT:].split(" ", 1)[-1]
    if len(after) > _CONTEXT:
        after = after[:_CONTEXT].rsplit(" ", 1)[0] + "…"
    return f"{escape(before)}<mark>{escape(cited.quote)}</mark>{escape(after)}"


def _bad_html(result: CaseResult) -> str:
    items = "".join(f"<li>{escape(one_line(problem, 600))}</li>" for problem in result.bad_citations)
    return f'<div class="error">These citations do not quote:<ul>{items}</ul></div>' if items else ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def counted(results: Sequence[CaseResult]) -> Mapping[str, int]:
    """How many questions came to each of `OUTCOMES`."""
    became = [outcome(result) for result in results]
    return {kind: became.count(kind) for kind in OUTCOMES}
