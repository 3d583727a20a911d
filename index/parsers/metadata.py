"""What documents say of themselves, in one form: dates, languages, names. Pure."""

from __future__ import annotations

import re
from datetime import date, datetime

_LONGEST_TITLE = 200  # characters; a longer first line is a paragraph, not a title
_LONGEST_NAME = 200  # characters; of an author, an outlet
_DATES = ("%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y", "%Y %B %d", "%Y年%m月%d日", "%Y/%m/%d", "%Y.%m.%d")
_WEEKDAY = re.compile(r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+", re.IGNORECASE)
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b", re.IGNORECASE)
_LANGUAGE = re.compile(r"([a-z]{2})(?:[-_].*)?", re.IGNORECASE | re.DOTALL)


def iso_date(value: object) -> str | None:
    """A date in ISO form, with its time where it has one; as it was written where no day can be told for certain.

    "03/02/2024" is such a case: it is a day in February to some and in March to others.
    """
    if isinstance(value, datetime | date):
        return value.isoformat()
    written = " ".join(str(value).split()) if value is not None else ""
    if not written:
        return None
    return _iso(written) or _spelled_out(written) or written[:_LONGEST_NAME]


def _iso(written: str) -> str | None:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
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
    """The ISO 639-1 code in what a document says, such as "en" in "en-GB"; None where it says none."""
    match = _LANGUAGE.fullmatch(str(value).strip()) if value else None
    return match[1].lower() if match else None


def one_line(value: object, longest: int = _LONGEST_NAME) -> str | None:
    """A name as it may be shown: one line, printable, of bounded length; None where there is none."""
    if isinstance(value, list | tuple):
        value = ", ".join(str(each) for each in value)
    line = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split()) if value is not None else ""
    return (line if len(line) <= longest else line[: longest - 1].rstrip() + "…") or None


def first_line(text: str) -> str | None:
    """The first line of `text` with something on it, as a title; None where there is none."""
    line = re.search(r"[^\s][^\r\n]*", text)
    return one_line(line[0], _LONGEST_TITLE) if line else None
