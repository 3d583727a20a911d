"""The English words that rules throughout the program match: months, numbers, pronouns. Pure.

One list of each, in lower case. A rule that needs fewer or more words than a list has derives its own set from it.
"""

from __future__ import annotations

MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october"),
    *("november", "december"),
)
MONTH = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?"
)
"""Alternatives of a regular expression: a month in full or abbreviated, without the full stop."""

UNAMBIGUOUS_MONTHS = tuple(month for month in MONTHS if month != "may")
"""Without May, which is also a verb."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBER_WORDS = {word: i for i, word in enumerate(ONES)} | {word: 10 * i for i, word in enumerate(TENS, start=2)}
"""Cardinal numbers below 100 that are one word, with their values."""

SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}

PERSONAL_PRONOUNS = ("it", "its", "he", "him", "his", "she", "her", "they", "them", "their")
"""Of the third person."""

DEMONSTRATIVES = ("this", "that", "these", "those")
PRONOUNS = PERSONAL_PRONOUNS + DEMONSTRATIVES

STOP_WORDS = frozenset(
    """a an the of in on at to for from by with and or but is are was were be been being am do does did has have had
    having what which who whom whose when where why how that this these those it its as he she they him her his their
    there i you we not no s t than then so such into about can could will would shall should may might must if any some
    many much""".split()  # noqa: SIM905
)
"""Words that occur in nearly every passage and question, and so say nothing about what is asked."""

CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""Kana, Han and Hangul, written without spaces or nearly so, as the inside of a character class."""
