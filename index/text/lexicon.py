"""English words that rules throughout the program match: months, numbers, pronouns. Pure.

There is one lower-case list of each kind. A rule that needs fewer or more words derives its own set from the list.
"""

from __future__ import annotations

MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october"),
    *("november", "december"),
)
MONTH = (
    "(?a:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?)"
)
"""A regular expression for a month name, in full or abbreviated, without the full stop. It matches only ASCII letters,
also without regard to case: otherwise, "s" would match "ſ", which no table of months contains."""

UNAMBIGUOUS_MONTHS = tuple(month for month in MONTHS if month != "may")
"""Month names except May, which is also a verb."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBER_WORDS = {word: i for i, word in enumerate(ONES)} | {word: 10 * i for i, word in enumerate(TENS, start=2)}
"""One-word cardinal numbers below 100, with their values."""

SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}

PERSONAL_PRONOUNS = ("it", "its", "he", "him", "his", "she", "her", "they", "them", "their")
"""Third-person pronouns."""

DEMONSTRATIVES = ("this", "that", "these", "those")
PRONOUNS = PERSONAL_PRONOUNS + DEMONSTRATIVES

STOP_WORDS = frozenset(
    """a an the of in on at to for from by with and or but is are was were be been being am do does did has have had
    having what which who whom whose when where why how that this these those it its as he she they him her his their
    there i you we not no s t than then so such into about can could will would shall should may might must if any some
    many much""".split()  # noqa: SIM905
)
"""Words that occur in nearly every passage and question, and so do not help to match them."""

CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""The contents of a character class for Kana, Han and Hangul, which use few or no spaces."""
