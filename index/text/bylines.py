"""Parse a story's author and date from the lines above it that contain nothing else. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from .lexicon import MONTH, MONTHS, UNAMBIGUOUS_MONTHS

_LONGEST_BYLINE = 150  # maximum length in characters; longer lines are skipped, as the patterns may be slow on them
_DATED = re.compile(r"\d{4}|\d:\d")  # a year or a time

_MONTHS = {month[:3]: number for number, month in enumerate(MONTHS, start=1)}
_MONTH = rf"(?P<{{}}>{MONTH})\.?"
_DATE = re.compile(
    rf"\b(?P<d1>\d{{1,2}})(?:st|nd|rd|th)? {_MONTH.format('m1')},? (?P<y1>\d{{4}})\b"
    rf"|\b{_MONTH.format('m2')} (?P<d2>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y2>\d{{4}})\b"
    r"|\b(?P<y3>\d{4})(?:-|/|\.|年)(?P<m3>\d{1,2})(?:-|/|\.|月)(?P<d3>\d{1,2})(?:日|(?=T\d)|\b)",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"(?P<later>(?:last )?(?:updated|modified)|更新时间|更新于)|(?:first )?published|posted|发布时间|发布于|发表时间",
    re.IGNORECASE,
)
_AROUND_A_DATE = re.compile(
    r"\b(?:on|at|mon(?:day)?|tue(?:s|sday)?|wed(?:nesday)?|thu(?:r|rs|rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?"
    r"|gmt|utc|bst|e[sd]?t|c[sd]?t|m[sd]t|p[sd]?t|cest|cet|hkt|jst|sgt|ist|aest|z|[ap]\.?m)\b\.?"
    r"|星期.|周.|T?\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?(?:[ap]m\b|z\b)?|[+-]\d\d:?\d\d\b|[\s,:：|·•()（）–—-]",
    re.IGNORECASE,
)
_MINUTES = re.compile(r"(?<![|·•, ])[|·•, ]*+\b\d{1,3}[- ]min(?:ute)?s? read\b", re.IGNORECASE)

_BY = re.compile(r"(?:(?:[Ww]ritten|WRITTEN|[Ss]tory|STORY|[Rr]eported|REPORTED) (?:by|BY|By)|By|BY)[: ]\s*(\S.*)")
_CHINESE_NAME = r"[\u4e00-\u9fff·]{2,8}"
_CHINESE_BY = re.compile(
    rf"(?:作者[：:]|文\s?[/|｜]|撰文[：:/]|(?:本报)?记者[：: ])\s?({_CHINESE_NAME}(?:[、 ]{_CHINESE_NAME}){{0,3}})"
)
_AND = re.compile(r" (?:and|AND) | ?[,&|/] ?")
_PARTICLES = {"de", "da", "del", "der", "di", "van", "von", "bin", "al", "el", "la", "le"}
_OUTLET = re.compile(
    r"reuters|afp|ap|bloomberg|xinhua|cnn|bbc|press|news|times|post|journal|agency|media|magazine|guardian|desk|bureau"
    r"|staff|reporters?|correspondents?|writer|editor|columnist|analyst",
    re.IGNORECASE,
)
_NO_NAME = re.compile(  # "By Elm Street", "By Age Group"
    rf"\w+days?|{'|'.join(UNAMBIGUOUS_MONTHS)}|the|a|an|age|group"
    r"|country|region|industry|sector|year|month|numbers|street|road|avenue|bridge|river|lake|sea|bay|law|design|default"
    r"|contrast|comparison|far|accident|chance|god|order|request|way",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Byline:
    """The contents of a line that states only a story's author or date."""

    author: str | None = None
    day: date | None = None
    label: str = ""  # "published", "updated", or empty


NO_BYLINE = Byline()


def parse_date_line(line: str) -> Byline:
    """Return what `parse_byline` returns if the line may state a date, else `NO_BYLINE`, after a much faster check."""
    return parse_byline(line) if _DATED.search(line) else NO_BYLINE


def parse_byline(line: str) -> Byline:
    """Return the author and date in the line; an empty `Byline` if the line contains anything else."""
    if len(line) > _LONGEST_BYLINE:
        return NO_BYLINE
    words = _MINUTES.sub("", line.strip("*_ "))
    marks = [match.start() for match in (_DATE.search(words), _LABEL.search(words)) if match]
    who, when = words[: min(marks, default=len(words))], words[min(marks, default=len(words)) :]
    label = _LABEL.match(when)
    rest = _AROUND_A_DATE.sub("", _LABEL.sub(" ", _DATE.sub(" ", when)))
    if rest or (label and not re.search(r"\d", when)):
        return NO_BYLINE
    author = _author(who.rstrip(" |,·•–—-"))
    if not author and _AROUND_A_DATE.sub("", who):
        return NO_BYLINE
    name = ("updated" if label["later"] else "published") if label else ""
    return Byline(author, _day(when), name)


def _day(words: str) -> date | None:
    match = _DATE.search(words)
    if not match:
        return None
    year, month, day = (next(match[key + n] for n in "123" if match.groupdict().get(key + n)) for key in "ymd")
    number = int(month) if month.isdigit() else _MONTHS[month[:3].lower()]
    try:
        return date(int(year), number, int(day))
    except ValueError:
        return None


def _author(line: str) -> str | None:
    if chinese := _CHINESE_BY.fullmatch(line):
        return str(chinese[1])
    match = _BY.fullmatch(line)
    if not match or line[-1] in ".!?:;":
        return None
    parts = [re.sub(r" in [A-Z][\w ]*$", "", part) for part in _AND.split(match[1])]
    names = [part.title() if part.isupper() else part for part in parts if _is_name(part)]
    if not all(_is_name(part) or _is_outlet(part) for part in parts) or not (_is_name(parts[0]) or len(parts) == 1):
        return None
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names or parts)


def _is_name(words: str) -> bool:
    each = words.split()
    return (
        2 <= len(each) <= 5
        and each[0][0].isupper()
        and each[-1][0].isupper()
        and all(word[0].isupper() or word in _PARTICLES for word in each)
        and all(re.fullmatch(r"[^\W\d_][^\W\d_’'.-]*(?:[.’'-][^\W\d_’'.-]*)*", word) for word in each)
        and not any(_NO_NAME.fullmatch(word) or _OUTLET.fullmatch(word) for word in each)
    )


def _is_outlet(words: str) -> bool:
    each = words.split()
    return 0 < len(each) <= 5 and words[0].isupper() and any(_OUTLET.fullmatch(word) for word in each)
