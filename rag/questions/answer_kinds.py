"""The kind of answer that a question asks for, and whether a sentence contains one. Pure.

The kinds are numbers and dates. Names, places and reasons were tried and dropped, because nearly every sentence in a
news article contains a name (0.9 of the right sentences, 0.8 of the wrong ones).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from index import BETWEEN_CELLS, Span, lexicon, terms

Kind = Literal["number", "date"]

_MONTH = lexicon.MONTH
_MONTH_OR_WEEKDAY = "|".join(lexicon.UNAMBIGUOUS_MONTHS + lexicon.WEEKDAYS)
_NUMBER_WORD = "|".join((*lexicon.NUMBER_WORDS, *lexicon.SCALES)) + (
    "|dozen|half|third|quarter|once|twice|both|single|several|couple|pair"
)
_HOLDS: dict[Kind, re.Pattern[str]] = {
    "number": re.compile(rf"(?<![\w-])\d[\d,.]*|(?<!-)\b(?:{_NUMBER_WORD})s?\b", re.IGNORECASE),
    "date": re.compile(
        rf"\b(?:1\d{{3}}|20\d\d)(?:s|\b)|\b(?:{_MONTH})\.?\s+\d{{1,2}}|\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:{_MONTH})\b"
        rf"|\b(?:{_MONTH_OR_WEEKDAY})\b|\bcentur(?:y|ies)\b|\b(?:spring|summer|autumn|winter|decade|today"
        rf"|yesterday|tomorrow"
        r"|midnight|noon|easter|christmas)\b|\bB\.?C\b|\bA\.?D\b|\b\d{1,2}(?::\d\d)? ?[ap]\.?m\b",
        re.IGNORECASE,
    ),
}
_SCALE = r"(?:[\s-]+(?:hundred|thousand|million|billion|trillion|percent|per cent|dozen)\b|\s?%)"
_UNIT = r"(?:[\s-]+(?:second|minute|hour|day|week|month|year|decade|mile|metre|meter|kilometre|kilometer)s?\b)"
_ONE_NUMBER = rf"(?:[$€£¥]?(?<![\w-])\d[\d,]*(?:\.\d+)?{_SCALE}*|(?<!-)\b(?:{_NUMBER_WORD})s?\b{_SCALE}*)"
_MEASURES: dict[Kind, re.Pattern[str]] = {
    "number": re.compile(rf"{_ONE_NUMBER}(?:(?:\s+(?:or|to)\s+|\s?–\s?){_ONE_NUMBER})?{_UNIT}?", re.IGNORECASE),
    "date": re.compile(
        rf"\b(?:{_MONTH})\.?\s+\d{{1,2}}(?:,?\s+\d{{4}})?"
        rf"|\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:{_MONTH})\b(?:,?\s+\d{{4}})?"
        rf"|\b(?:1\d{{3}}|20\d\d)s?\b|\b(?:{_MONTH_OR_WEEKDAY})\b",
        re.IGNORECASE,
    ),
}
_ASKS_FOR_A_NAME = re.compile(r"\W*(?:who|whose|whom)\b", re.IGNORECASE)
_NAME = re.compile(r"\b[A-Z][\w’'-]+(?:\s+(?:[A-Z][\w’'-]+|de|van|von|bin|al|of))*\s+[A-Z][\w’'-]*\w")
"""A name of at least two words: a single capitalised word may simply be the first word of a sentence."""

_MEASURED = (
    "percent(?:age)?|number|proportion|amount|population|price|cost|size|ratio|speed|length|height|distance|temperature"
    "|weight|age|angle|fraction|total|rate"
)
_ASKS: dict[Kind, re.Pattern[str]] = {
    "number": re.compile(
        r"\bhow (?:many|much|often|long|far|old|tall|fast|large|big|high|deep|wide|heavy|soon)\b"
        rf"|\b(?:what|which) (?:(?:is|was|were|are) the )?(?:\w+ )?(?:{_MEASURED})\b",
        re.IGNORECASE,
    ),
    "date": re.compile(
        r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|century|decade|time|period|era|season)s?\b",
        re.IGNORECASE,
    ),
}

_ANSWERED_BY_AN_EVENT = re.compile(r"\bhow (?:often|soon)\b", re.IGNORECASE)
_NO_QUANTITY = re.compile(
    # "one" as a pronoun, "once" in the sense of "as soon as", and the comparison "as many as".
    r"\b(?:no|any|some|every|each|the|this|that|as|which|another) one\b|\bonce\b|\bas (?:many|much|few|little)\b"
    r"|\bone(?=\s+(?:of|another|would|can|could|may|might|must|should|will|has|is|who|that)\b|[’'])",
    re.IGNORECASE,
)
_VAGUE_QUANTITY = re.compile(
    r"\b(?:most|few|fewer|none|no|all|every|many|majority|minority|several|various|numerous|little|unanimous|free"
    r"|double[ds]?|triple[ds]?|\w+teenth|\w+fold|centur(?:y|ies)|decades?|years?|months?|weeks?|days?|hours?|minutes?"
    r"|seconds|dozens|hundreds|thousands|millions|billions)\b",
    re.IGNORECASE,
)


_BE_OR_DO = r"(?:are|were|do|did|have|had|can|could|must|should|will|would|might|may|led|lie|show|remain)"
_SEVERAL = (
    re.compile(
        r"\b(?:what|which) (?:[\w’'-]+ ){0,4}?(?!is |was |does |has |his |its |this "
        r"|us )\w+[^\Ws]s (?:of )?" + _BE_OR_DO,
        re.I,
    ),
    re.compile(r"\b(?:what|who) (?:else )?(?:are|were)\b", re.I),
    re.compile(r"\band (?:what|who|whom|how|when|where|why|which|by when)\b", re.I),
    re.compile(
        r"\bwhat (?:can|must|should|may|will|has|have|did) .{1,200} (?:do|done|get|avoid|expect|bring"
        r"|changed?|announced?|offer(?:ed)?)\b",
        re.I,
    ),
    re.compile(r"\bwhat\b.{1,80} and ", re.I),
)


def asks_for_several(question: str) -> bool:
    """Return whether a question asks for several things: "What rules are there?", "Who pays, and how much?"."""
    return any(pattern.search(question[:400]) for pattern in _SEVERAL)


@lru_cache(maxsize=256)  # called for every sentence that is ranked
def asked_kind(question: str) -> Kind | None:
    """Return the kind of answer that `question` asks for, or None if its words do not show it."""
    return next((kind for kind, pattern in _ASKS.items() if pattern.search(question)), None)


def holds_kind(kind: Kind, question: str, sentence: str) -> bool:
    """Return whether `sentence` contains an expression of this kind that `question` does not contain."""
    known = _words(question)
    return any(not _words(match[0]) <= known for match in _HOLDS[kind].finditer(sentence))


def lacks_quantity(question: str, sentence: str) -> bool:
    """Return whether `question` asks for a quantity and `sentence` contains none, not even a vague one.

    Vague quantities are expressions such as "most of them" or "in seconds"; quantities that occur in the question do
    not count.
    """
    if asked_kind(question) != "number" or _ANSWERED_BY_AN_EVENT.search(question):
        return False
    sentence = _NO_QUANTITY.sub(" ", sentence)
    return not holds_kind("number", question, sentence) and not _VAGUE_QUANTITY.search(sentence)


def short_answer(question: str, sentence: str) -> Span | None:
    """Return the span of the number (with its unit), date or name in `sentence` that `question` asks for.

    Return None if it asks for something else, or if the sentence has no candidate or several: highlighting a wrong
    number is worse than highlighting none. Words that occur in the question are not candidates.
    """
    kind = asked_kind(question)
    pattern = _MEASURES[kind] if kind else _NAME if _ASKS_FOR_A_NAME.match(question) else None
    if pattern is None:
        return None
    known = _words(question)
    found = [match for match in pattern.finditer(sentence) if not _words(match[0]) <= known]
    return Span(*found[0].span()) if len(found) == 1 else None


def cell_answer(question: str, row: str) -> Span | None:
    """Return the span of the cell that `question` asks for in a row such as "Parish: Aldwick | 2022: 310", or None.

    It is the cell whose column's name has more words of the question than the others, of the cells with other words.
    """
    asked, at = set(terms(question)), 0
    scores: dict[Span, int] = {}
    for cell in row.split(BETWEEN_CELLS):
        name, mark, value = cell.partition(": ")
        if mark and not set(terms(value)) <= asked:
            start = at + len(name) + len(mark)
            scores[Span(start, start + len(value))] = len(asked & set(terms(name)))
        at += len(cell) + len(BETWEEN_CELLS)
    best = max(scores.values(), default=0)
    found = [span for span, score in scores.items() if score == best > 0]
    return found[0] if len(found) == 1 else None


@lru_cache(maxsize=1024)
def _words(text: str) -> frozenset[str]:
    return frozenset(match[0].lower() for match in re.finditer(r"[^\W_]+", text))
