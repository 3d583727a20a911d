"""Normalize document metadata: dates, languages, names. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime
from itertools import islice

_TITLE_LINES = 100  # non-blank lines at the start of a text in which to look for a title
_LONGEST_TITLE = 200  # maximum length in characters; a longer first line is a paragraph, not a title
_LONGEST_NAME = 200  # maximum length of an author or outlet, in characters
_DATES = ("%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y", "%Y %B %d", "%Y年%m月%d日", "%Y/%m/%d", "%Y.%m.%d")
_WEEKDAY = re.compile(r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+", re.IGNORECASE)
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b", re.IGNORECASE)
_LANGUAGE = re.compile(r"([a-z]{2})(?:[-_].*)?", re.ASCII | re.IGNORECASE | re.DOTALL)
_FILLERS = "\u115f\u1160\u3164\uffa0"  # Unicode counts these invisible characters as letters
_WORD = re.compile(rf"[^\W_{_FILLERS}]")
_VISIBLE = re.compile(rf"[^\s\u034f\u17b4\u17b5\u180b-\u180f\u2800\ufe00-\ufe0f{_FILLERS}]")


def iso_date(value: object) -> str | None:
    """Return a date in ISO form, including its time if given; return the original text if it is ambiguous or unknown.

    "03/02/2024" is ambiguous: it is a day in February or in March, depending on the country.
    """
    if isinstance(value, datetime | date):
        return value.isoformat()
    written = " ".join(str(value).split()) if value is not None else ""
    if not written:
        return None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return _spelled_out(written) or written[:_LONGEST_NAME]
    has_time = ":" in written or "T" in written.upper()
    return moment.isoformat() if has_time else moment.date().isoformat()


def _spelled_out(written: str) -> str | None:
    plain = _ORDINAL.sub("", _WEEKDAY.sub("", written, count=1)).replace(",", " ")
    plain = re.sub(r"(?<=[A-Za-z])\.", "", plain)
    plain = " ".join(re.sub(r"\bsept\b", "Sep", plain, flags=re.IGNORECASE).split())
    for form in _DATES:
        try:
            return datetime.strptime(plain, form).date().isoformat()
        except ValueError:
            continue
    return None


def iso_language(value: object) -> str | None:
    """Return the ISO 639-1 code for a language tag, such as "en" for "en-GB"; None for any other value."""
    match = _LANGUAGE.fullmatch(str(value).strip()) if value else None
    return match[1].lower() if match else None


def one_line(value: object, longest: int = _LONGEST_NAME) -> str | None:
    """Return a value as one printable line of limited length, for display; None if it has no visible character."""
    if isinstance(value, list | tuple):
        value = ", ".join(str(each) for each in value)
    line = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split()) if value is not None else ""
    if not _VISIBLE.search(line):
        return None
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def first_line(text: str) -> str | None:
    """Return the first visible line of `text`, for use as a title; None if there is no such line near its start."""
    lines = islice(re.finditer(r"[^\s][^\r\n]*", text), _TITLE_LINES)
    titles = (one_line(line[0], _LONGEST_TITLE) for line in lines)
    return next((title for title in titles if title), None)


def is_visible(text: str) -> bool:
    """Return whether the text has a visible character."""
    return one_line(text) is not None


def has_words(text: str) -> bool:
    """Return whether the text contains a letter or a digit, in any language."""
    return _WORD.search(text) is not None
