"""Whether two reports give different figures for what a question asks: 200 households on one day, 350 on another. Pure.

A difference is reported only if both sentences give the asked figure of the same thing: what is counted or measured and
its unit, the place, the years and the wording of a forecast agree, and the texts around them share their words. Numbers
of other things are not a difference, and neither are "about 200" and 198, or "at least 200" and 350.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import takewhile

from index import lexicon, terms

from ..questions.answer_kinds import asked_kind
from ..text.quantities import quantities

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:[’'-][^\W\d_]+)*|[;:?!]")
_COUNTED = re.compile(
    r"\bhow many (?:of (?:the |these |those )?)?(?P<what>(?:[\w’'-]+ ){0,3}?[\w’'-]+)"
    r"(?= (?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|must|should|may|in|at|on|of|near"
    r"|from)\b|\W*$)",
    re.IGNORECASE,
)
_VERBLESS = re.compile(r"\bhow many (?P<what>[\w’'-]+)", re.IGNORECASE)
_NO_COUNT = re.compile(r"\bhow (?:often|soon|old)\b", re.IGNORECASE)
_NAMED_MEASURE = re.compile(r"\b(?:what|which)\b", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_ANOTHER_TIME = re.compile(
    r"\b(?:last|previous|next|following|past) (?:year|month|decade|century|spring|summer|autumn|winter|season)\b"
    r"|\b(?:years?|decades?|months?|centur(?:y|ies)) (?:ago|earlier|before)\b|\bat the time\b|\bback then\b",
    re.IGNORECASE,
)
_FORECAST = re.compile(
    r"\b(?:could|may|might|would|should|will|expect(?:s|ed)?|plan(?:s|ned)?|forecasts?|fears?|feared|if)\b"
)
_PLACE = re.compile(
    r"\b(?:[Ii]n|[Aa]t|[Nn]ear|[Aa]round|[Oo]utside|[Ii]nside|[Ff]rom|of|[Aa]cross|[Ff]or|to)\s(?:the\s)?"
    r"([A-Z][\w’'-]*(?:\s[A-Z][\w’'-]*){0,3})"
)
_CALENDAR = frozenset((*lexicon.MONTHS, *lexicon.WEEKDAYS))
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n+")
_NEGATED = frozenset({"not", "no", "never", "nobody", "none", "without"})
_CLAUSE = re.compile(r"[,;:–—]|\b(?:and|but|while|although|whereas)\b")
_PREPOSITIONS = frozenset(
    {"to", "for", "near", "by", "under", "over", "on", "at", "in", "from", "with", "beside", "behind"}
)
_WHOLE = frozenset(terms("new whole entire total overall final full current"))  # words that name the same thing
_ALSO = frozenset({"another", "further", "additional", "other", "more", "extra", "remaining", "last", "first"})
_DROPPED = frozenset({"not", "from", "of"})  # words before a number that is not the figure: "350, not 200"
_BETWEEN = frozenset({"of", "and", "or", "in", "to", "the", "a", "an", "for", "on", "at"})
_TOTAL = frozenset({"number", "count", "total", "tally", "toll"})
_ORDINAL = frozenset({"st", "nd", "rd", "th"})
_ABOUT = frozenset(["about", "around", "some", "roughly", "approximately", "nearly", "almost", "circa"])
_AT_LEAST = ("more than", "over", "at least", "above", "no fewer than", "no less than")
_AT_MOST = ("up to", "fewer than", "less than", "under", "at most", "below", "no more than")
_ROUNDING = Decimal("0.1")  # share by which a figure with "about" may differ from another
_GAP = 2  # maximum number of words between a number and what is counted: "200 wooden houses"
_REACH = 10  # words after "the number of households" in which the number may follow
_SHARED, _FEWEST_SHARED = 0.3, 3
"""Minimum share of the words of the shorter text, and minimum number of words, that two reports on one story have in
common, besides those of the question."""
_MOST_DAYS = 180  # reports with more days between them describe different times
_LONGEST = 1000  # characters of a sentence, and of the text before it, that are read


@dataclass(frozen=True, slots=True)
class Report:
    """A sentence of an article, with what says what it is about: the title, the passage, and the text before it."""

    text: str
    title: str
    passage: str
    before: str
    published: date | None


@dataclass(frozen=True, slots=True)
class AskedFigure:
    """What a question asks the number of: the stem of what is counted, or None for a measure, and its other stems.

    `free` are those of the other stems that do not follow a preposition, as "ferry" does in "a ticket for the ferry".
    """

    counted: str | None
    others: frozenset[str]
    free: frozenset[str]
    names: frozenset[str]
    needs_unit: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit, between the bounds that its wording gives.

    `attributes` are the stems of the words that describe what is counted or measured: "200 wooden houses".
    """

    value: Decimal
    unit: str | None
    low: Decimal
    high: Decimal
    attributes: frozenset[str] = frozenset()


@lru_cache(maxsize=64)
def asked_figure(question: str) -> AskedFigure | None:
    """Return what a question asks the number of; None if it does not ask for a number, or not clearly."""
    if asked_kind(question) != "number" or _NO_COUNT.search(question):
        return None
    names = frozenset(stem for word in re.findall(r"\b[A-Z][\w’'-]*", question)[1:] for stem in terms(word))
    words = frozenset(terms(re.sub(r"\bhow (?:many|much)\b", " ", question, flags=re.IGNORECASE))) - names
    spoken = re.findall(r"[\w’'-]+", question.lower())
    free = words & {stem for at, word in enumerate(spoken) if _is_free(spoken, at) for stem in terms(word)}
    counted = _COUNTED.search(question) or _VERBLESS.search(question)
    if counted is None:
        return AskedFigure(None, words, free, names, not _NAMED_MEASURE.search(question)) if words else None
    stems = terms(counted["what"])
    return AskedFigure(stems[-1], words - {stems[-1]}, free, names, needs_unit=False) if stems else None


def figure(asked: AskedFigure, report: Report) -> Figure | None:
    """Return the asked figure that a sentence gives; None if it gives none, or not clearly."""
    text = report.text[:_LONGEST]
    if not asked.others <= set(terms(text)) or _ANOTHER_TIME.search(text):
        return None
    if not asked.names <= set(terms(f"{report.title} {report.passage}")):
        return None
    years = {int(year) for year in _YEAR.findall(text)}
    if years - ({report.published.year} if report.published else set()):
        return None
    tokens = list(_TOKEN.finditer(text))
    words = [token[0].lower() for token in tokens]
    found = _counted(asked, text, tokens, words) if asked.counted else _measured(asked, text, tokens, words)
    return found[0] if len(found) == 1 else None


def differ(asked: AskedFigure, one: Report, other: Report) -> bool | None:
    """Return whether two reports give different figures, or None if these are not figures of the same thing."""
    first, second = figure(asked, one), figure(asked, other)
    if first is None or second is None or first.unit != second.unit or not _are_alike(asked, first, second):
        return None
    if bool(_FORECAST.search(one.text)) != bool(_FORECAST.search(other.text)):
        return None
    if one.published and other.published and abs((one.published - other.published).days) > _MOST_DAYS:
        return None
    if _places(one) != _places(other):
        return None
    ignored = {*asked.others, *asked.names, asked.counted}
    words = [set(terms(f"{each.title} {each.passage}")) - ignored for each in (one, other)]
    if len(words[0] & words[1]) < max(_FEWEST_SHARED, _SHARED * min(map(len, words))):
        return None
    return first.low > second.high or second.low > first.high


def _are_alike(asked: AskedFigure, one: Figure, other: Figure) -> bool:
    """Return whether the words that describe what is counted or measured allow that it is the same."""
    return one.attributes == other.attributes if asked.counted else not (one.attributes | other.attributes) - _WHOLE


def _places(report: Report) -> set[str]:
    """Return the places that a sentence names, else those of the nearest sentence before it, else of the title."""
    earlier = _SENTENCE_END.split(report.before[-_LONGEST:])
    for text in (report.text[:_LONGEST], *reversed(earlier), report.title):
        found = {name.lower().removesuffix("’s").removesuffix("'s") for name in _PLACE.findall(text)}
        if found := found - _CALENDAR:
            return found
    return set()


def _counted(asked: AskedFigure, text: str, tokens: Sequence[re.Match[str]], words: Sequence[str]) -> list[Figure]:
    """Return the numbers of what is counted: "200 households", "the number of households was 350"."""
    nouns = [at for at, word in enumerate(words) if asked.counted in terms(word)]
    numbers = list(_numbers(text, tokens, words))
    found: list[Figure] = []
    for first, last, given in numbers:
        noun = next((at for at in nouns if last < at <= last + 1 + _GAP), None)
        if noun is None:
            continue
        between = words[last + 1 : noun]
        attributes = _stems(between)
        if _ALSO & {*words[max(0, first - 1) : first], *between} or "of" in words[max(0, first - 3) : first]:
            return []  # "another 150 households", "80 of the 200 households"
        if not _BETWEEN & set(between) and not asked.others & attributes and not _is_denied(text, tokens, first, noun):
            found.append(replace(given, attributes=attributes))
    for noun in nouns:
        before = words[max(0, noun - 4) : noun]
        if found or not _TOTAL & set(before):
            continue
        after = [row for row in numbers if noun < row[0] <= noun + _REACH and words[row[0] - 1] not in _DROPPED]
        attributes = _stems([word for word in before if word not in _TOTAL]) - asked.others
        found += [
            replace(given, attributes=attributes)
            for first, _, given in after[:1]
            if not _is_denied(text, tokens, noun, first)
        ]
    return list(dict.fromkeys(found))


def _measured(asked: AskedFigure, text: str, tokens: Sequence[re.Match[str]], words: Sequence[str]) -> list[Figure]:
    """Return the figures of a sentence about what is measured; there must be one only.

    What is measured may not follow a preposition: "the road to the bridge" is not the bridge.
    """
    places = {stem: at for at, word in reversed([*enumerate(words)]) for stem in terms(word) if _is_free(words, at)}
    subject = min((places[stem] for stem in asked.free), default=None) if asked.free <= places.keys() else None
    numbers = list(_numbers(text, tokens, words))
    kept = [row for row in numbers if not row[0] or words[row[0] - 1] not in ("not", "than", "from")]
    if subject is None or len({given for _, _, given in kept}) != 1:
        return []
    first, _, given = kept[0]
    if (asked.needs_unit and given.unit is None) or _is_denied(text, tokens, *sorted((subject, first))):
        return []
    before = [token[0] for token in reversed(tokens[max(0, subject - _GAP - 1) : subject])]
    modifiers = [word for word in takewhile(terms, before) if not word[0].isupper()]
    return [replace(given, attributes=_stems(modifiers) - asked.others)]


def _is_free(words: Sequence[str], at: int) -> bool:
    """Return whether no preposition other than "of" comes shortly before a word, as in "to the new bridge"."""
    return not _PREPOSITIONS & set(words[max(0, at - 3) : at])


def _is_denied(text: str, tokens: Sequence[re.Match[str]], first: int, last: int) -> bool:
    """Return whether the clause around these tokens is negated."""
    begin = max((match.end() for match in _CLAUSE.finditer(text, 0, tokens[first].start())), default=0)
    end = _CLAUSE.search(text, tokens[last].end())
    clause = text[begin : end.start() if end else len(text)].lower()
    return bool(_NEGATED & set(re.findall(r"[a-z]+", clause)))


def _stems(words: Iterable[str]) -> frozenset[str]:
    return frozenset(stem for word in words for stem in terms(word))


def _numbers(text: str, tokens: Sequence[re.Match[str]], words: Sequence[str]) -> Iterator[tuple[int, int, Figure]]:
    """Yield the numbers of a text, each with the indices of its first and last token; years are left out."""
    at = 0
    while at < len(words):
        last = at
        while last < len(words) and _is_number(words[last]):
            last += 1
        if last == at:
            at += 1
            continue
        following = words[last] if last < len(words) else ""
        start = max(0, tokens[at].start() - 2)
        end = tokens[last].end() if following else len(text)
        given = quantities(text[start:end])
        is_year = last == at + 1 and _YEAR.fullmatch(words[at]) and not given[0].unit if given else True
        if given and not is_year and following not in _ORDINAL:
            value = _decimal(given[0].value)
            if value is not None:
                low, high = _bounds(value, words[max(0, at - 3) : at])
                yield at, last - 1, Figure(value, given[0].unit, low, high)
        at = last


@lru_cache(maxsize=1024)
def _is_number(word: str) -> bool:
    return word[0].isdigit() or bool(word.isalpha() and not word.endswith(("th", "st")) and quantities(word))


def _decimal(value: str) -> Decimal | None:
    """Return the number; None for a vague one such as "dozens"."""
    try:
        return Decimal(value)
    except InvalidOperation:
        return None


def _bounds(value: Decimal, before: Collection[str]) -> tuple[Decimal, Decimal]:
    """Return the lowest and highest number that the words before a number allow."""
    said = f" {' '.join(before)} "
    if any(said.endswith(f" {words} ") for words in _AT_MOST):
        return Decimal(0), value
    if any(said.endswith(f" {words} ") for words in _AT_LEAST):
        return value, Decimal("Infinity")
    margin = value * _ROUNDING if before and [*before][-1] in _ABOUT else Decimal(0)
    return value - margin, value + margin
