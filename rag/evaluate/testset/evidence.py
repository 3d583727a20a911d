"""Evidence that is given by its words alone is found in the articles. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from index import Article, Span

from .cases import Case, Evidence
from .problems import Problem

_MOST_NAMED = 3  # places that a problem names
_APART = re.compile(r"[\W_]+")


@dataclass(slots=True)
class _Wanted:
    """A text that is looked for, where it stands, and the articles in which something like it stands."""

    evidence: Evidence
    places: list[tuple[Article, int]] = field(default_factory=list)
    alike: list[Article] = field(default_factory=list)


def resolve(
    cases: Sequence[Case], articles: Iterable[Article], *, path: str = "", lines: Mapping[str, int] | None = None
) -> tuple[list[Case], list[Problem]]:
    """The cases with an article and offsets for each evidence that had only its words, and what could not be found.

    The words must stand, to the letter, in exactly one place of the articles, or of those that the evidence names. A
    case with evidence that stands nowhere or in several places is left out and told, with the `path` and the line of
    its id where they are given. The articles are gone through once, and not at all where all offsets are known.
    """
    wanted = {
        (case.id, number): _Wanted(evidence)
        for case in cases
        for number, evidence in enumerate(case.evidence)
        if evidence.span is None
    }
    if wanted:
        for article in articles:
            _look(article, wanted.values())
    resolved, problems = [], []
    for case in cases:
        here = {number: wanted[case.id, number] for number in range(len(case.evidence)) if (case.id, number) in wanted}
        reasons = [(number, reason) for number, each in here.items() if (reason := _reason(each))]
        for number, reason in reasons:
            line = (lines or {}).get(case.id)
            problems.append(Problem(reason, path, line, f"evidence[{number}].text", "" if line else case.id))
        if not reasons:
            resolved.append(_placed(case, here) if here else case)
    return resolved, problems


def is_named(evidence: Evidence, article_id: str, sources: Iterable[str]) -> bool:
    """Whether the evidence may belong to an article with this id, known by these outlets and paths."""
    if evidence.article_id is not None:
        return evidence.article_id == article_id
    if evidence.source is None:
        return True
    wanted = evidence.source.replace("\\", "/")
    known = [source.replace("\\", "/") for source in sources]
    return any(each == wanted or each.endswith(f"/{wanted}") for each in known)


def _look(article: Article, wanted: Iterable[_Wanted]) -> None:
    sources = [name for origin in article.origins for name in (origin.source, origin.path)]
    flat: str | None = None
    for each in wanted:
        if not is_named(each.evidence, article.id, sources):
            continue
        starts = list(_starts(article.text, each.evidence.text))
        each.places += [(article, start) for start in starts]
        if not starts and not each.places:
            flat = _flat(article.text) if flat is None else flat
            if _flat(each.evidence.text) in flat:
                each.alike.append(article)


def _starts(text: str, words: str) -> Iterator[int]:
    start = text.find(words)
    while start >= 0:
        yield start
        start = text.find(words, start + 1)


def _flat(text: str) -> str:
    """A text without what people and programs write in several ways: blanks, quotation marks, capitals."""
    return f" {_APART.sub(' ', text).strip()} ".casefold()


def _reason(wanted: _Wanted) -> str:
    shown = f"{wanted.evidence.text[:60]!r}"
    if len(wanted.places) == 1:
        return ""
    if wanted.places:
        places = [f"{article.source!r} at {start}" for article, start in wanted.places[:_MOST_NAMED]]
        more = ", …" if len(wanted.places) > _MOST_NAMED else ""
        return (
            f"{shown} stands in {len(wanted.places)} places: {', '.join(places)}{more}; "
            "give its start and end, its article, or a longer text"
        )
    if wanted.alike:
        return (
            f"{shown} stands nowhere to the letter; with other blanks, signs or capitals it is in "
            f"{wanted.alike[0].source!r}: copy it from there"
        )
    return f"{shown} stands in none of the articles that it may belong to"


def _placed(case: Case, wanted: Mapping[int, _Wanted]) -> Case:
    evidence = list(case.evidence)
    for number, each in wanted.items():
        ((article, start),) = each.places
        span = Span(start, start + len(each.evidence.text))
        known = {"start": span.start, "end": span.end, "article_id": article.id}
        evidence[number] = each.evidence.model_copy(update=known)
    return case.model_copy(update={"evidence": tuple(evidence)})
