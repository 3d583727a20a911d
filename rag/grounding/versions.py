"""Several articles on one story: quote each sentence once, the newest first where it matters, and say what differs.

A question for "the latest" is answered from the newest article first. Articles whose file no longer exists come after
the others. The notes say only what the records show: the dates of the articles, not what happened since.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date

from index import Hit, SearchResult, day_of

from ..answer import Answer
from ..notes import (
    DATED,
    DATED_BETWEEN,
    DIFFER,
    DIFFER_PARTLY_DATED,
    DIFFER_SAME_DAY,
    DIFFER_UNDATED,
    GONE,
    NEWEST,
    UNDATED,
    fill,
)
from ..reading.evidence import Quote
from ..text.entities import missing_names
from .differences import Report, asked_figure, differ, figure

_WORD = re.compile(r"[^\W_]+")
_RUN = 3  # number of words in a run, for comparison (see `index.retrieval.deduplicate`)
_SAME_SENTENCE = 0.8  # minimum share of the runs of the longer of two sentences that both contain
_SAME_TEXT = 0.5  # minimum share of the runs of the shorter of two passages that both contain
FEWEST_WORDS = 5
"""Minimum number of words of sentences that are copies: shorter ones say different things in different articles."""

_NEGATIONS = frozenset({"not", "no", "never", "none", "nor", "nobody", "nothing", "without", "cannot", "denied"})
_COMPARED = 0.6  # minimum score of a sentence whose figure is compared, as a share of the best one's
_RECENT = 0.75  # the same for a sentence of a newer article, if the question asks for the latest
_MOST = 3
_LATEST = re.compile(
    r"\b(?:latest|newest|most recent(?:ly)?|now|nowadays|currently?|still|so far|at the moment|at present|these days"
    r"|up to date|any (?:more|longer)|anymore|no longer|yet)\b|最新|最近|现在|目前|如今|仍|还在|至今",
    re.IGNORECASE,
)
_RELATIVE_DAY = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|last night|(?:this|last|next) (?:morning|afternoon|evening|week|weekend"
    r"|month|year)|(?:days?|weeks?|hours?) ago)\b|昨天|昨日|今天|今日|明天|上周|本周|这周|去年|今年",
    re.IGNORECASE,
)
_MOST_GONE = 3  # maximum number of articles that are named because their file no longer exists


@dataclass(frozen=True, slots=True)
class Difference:
    """Quotes of articles that give different figures, the newest first, and the note that says so."""

    quotes: tuple[Quote, ...]
    note: str


def precedence(hit: Hit) -> tuple[bool, int]:
    """Return the sort key of an article: those whose file exists first, then the newest, then those without a date."""
    day = day_of(hit.published)
    return hit.is_gone, -day.toordinal() if day else 0


def is_copy(text: str, other: str) -> bool:
    """Return whether two sentences say the same in nearly the same words: with equal numbers, names and negations."""
    words, others = _WORD.findall(text), _WORD.findall(other)
    if min(len(words), len(others)) < FEWEST_WORDS or _signs(words) != _signs(others):
        return False
    own, theirs = _runs(words), _runs(others)
    return len(own & theirs) >= _SAME_SENTENCE * max(len(own), len(theirs))


def have_same_text(runs: Set[tuple[str, ...]], others: Set[tuple[str, ...]]) -> bool:
    """Return whether two texts with these three-word runs have at least half of the shorter one in common."""
    return len(runs & others) >= _SAME_TEXT * min(len(runs), len(others))


def without_copies(ranked: Sequence[Quote], found: SearchResult) -> list[Quote]:
    """Return the quotes without those that repeat another article's sentence.

    If the whole passage is a copy, the quote is from the article that takes precedence, else from the best-ranked one.
    """
    kept: list[Quote] = []
    for each in ranked:
        at = next((at for at, one in enumerate(kept) if is_copy(each.text, one.text)), None)
        if at is None:
            kept.append(each)
        elif _key(each, found) < _key(kept[at], found) and _are_copies(each, kept[at], found):
            kept[at] = replace(each, score=kept[at].score)
    return kept


def existing_first(quotes: Sequence[Quote], found: SearchResult) -> list[Quote]:
    """Return the quotes with those of articles whose file no longer exists at the end."""
    return sorted(quotes, key=lambda each: found.hits[each.number - 1].is_gone)


def newest_first(question: str, ranked: Sequence[Quote], found: SearchResult) -> list[Quote]:
    """Return the quotes with the newest first, if the question asks for the latest; others keep their order.

    Only quotes that answer nearly as well as the best, from texts that name what the question names, are moved.
    """
    if not ranked or not _LATEST.search(question):
        return list(ranked)
    unnamed = missing_names(question, _text(ranked[0], found))
    least = _RECENT * ranked[0].score
    good = [
        each
        for each in ranked
        if each.score >= least and missing_names(question, _text(each, found)) <= unnamed and _is_dated(each, found)
    ]
    newest = sorted(good, key=lambda each: (*_key(each, found), -each.score))
    top = max(each.score for each in ranked)
    rest = [each for each in ranked if each not in good]
    return [replace(each, score=max(each.score, top)) for each in newest[:1]] + newest[1:] + rest


def difference(question: str, ranked: Sequence[Quote], found: SearchResult) -> Difference | None:
    """Return the quotes of articles that give different figures for what is asked, or None if there is no difference.

    One sentence of each article is compared with the best one that gives the figure of the same thing.
    """
    asked = asked_figure(question)
    if asked is None or not ranked:
        return None
    least = _COMPARED * ranked[0].score
    given = [(each, report) for each in ranked if each.score >= least and figure(asked, report := _report(each, found))]
    for first, report in given:
        same: dict[str, tuple[Quote, bool]] = {found.hits[first.number - 1].passage.article_id: (first, False)}
        for each, other in given:
            is_different = differ(asked, report, other)
            if is_different is not None:
                same.setdefault(found.hits[each.number - 1].passage.article_id, (each, is_different))
        if len(same) > 1:
            quotes = sorted((each for each, _ in same.values()), key=lambda each: _key(each, found))[:_MOST]
            note = _note([found.hits[each.number - 1] for each in quotes])
            return Difference(tuple(quotes), note) if any(is_different for _, is_different in same.values()) else None
    return None


def with_date_notes(answer: Answer) -> Answer:
    """Return an answer with notes on its articles: on their dates if the question depends on the day on which it is
    asked, and on those whose file no longer exists."""
    cited = {number: answer.hits[number - 1] for sentence in answer.sentences for number in sentence.numbers}
    hits = [cited[number] for number in sorted(cited)]
    if not answer.found or not hits:
        return answer
    notes = [*_date_notes(answer.question, hits)] if not any("differ" in note for note in answer.notes) else []
    gone = dict.fromkeys(hit.title for hit in hits if hit.is_gone)
    notes += [fill(GONE, title=title) for title in list(gone)[:_MOST_GONE]]
    return replace(answer, notes=(*answer.notes, *(note for note in notes if note not in answer.notes)))


def _date_notes(question: str, hits: Sequence[Hit]) -> Iterable[str]:
    days = sorted(day for day in (day_of(hit.published) for hit in hits) if day)
    if _RELATIVE_DAY.search(question):
        if not days:
            yield UNDATED
        elif days[0] == days[-1]:
            yield fill(DATED, day=written_day(days[0]))
        else:
            yield fill(DATED_BETWEEN, first=written_day(days[0]), last=written_day(days[-1]))
    elif _LATEST.search(question) and days:
        yield fill(NEWEST, day=written_day(days[-1]))


def written_day(day: date) -> str:
    """Return a date in words, such as "5 June 2025"."""
    return f"{day.day} {day:%B %Y}"


def _note(hits: Sequence[Hit]) -> str:
    days = [day for day in (day_of(hit.published) for hit in hits) if day]
    if not days:
        return DIFFER_UNDATED
    newest = written_day(max(days))
    if len(days) < len(hits):
        return fill(DIFFER_PARTLY_DATED, day=newest)
    return fill(DIFFER_SAME_DAY if len(set(days)) == 1 else DIFFER, day=newest)


def _key(quote: Quote, found: SearchResult) -> tuple[bool, int]:
    return precedence(found.hits[quote.number - 1])


def _is_dated(quote: Quote, found: SearchResult) -> bool:
    return day_of(found.hits[quote.number - 1].published) is not None


def _text(quote: Quote, found: SearchResult) -> str:
    hit = found.hits[quote.number - 1]
    return f"{hit.title} . {hit.passage.text}"


def _report(quote: Quote, found: SearchResult) -> Report:
    hit = found.hits[quote.number - 1]
    before = hit.passage.text[: quote.span.start - hit.passage.start]
    return Report(quote.text, hit.title, hit.passage.text, before, day_of(hit.published))


def _are_copies(one: Quote, other: Quote, found: SearchResult) -> bool:
    """Return whether the passages of two quotes are copies of each other in large part."""
    own, theirs = (found.passages[each.number - 1].features.wording.runs for each in (one, other))
    return have_same_text(own, theirs)


def _runs(words: Sequence[str]) -> frozenset[tuple[str, ...]]:
    lowered = [word.lower() for word in words]
    return frozenset(zip(*(lowered[at:] for at in range(_RUN)), strict=False))


def _signs(words: Sequence[str]) -> frozenset[str]:
    """Return the numbers, names and negations among the words of a sentence."""
    return frozenset(
        word.lower()
        for at, word in enumerate(words)
        if any(map(str.isdigit, word)) or (at and word[0].isupper()) or word.lower() in _NEGATIONS
    )
