"""Find names in a text by their capitals, and check whether another text contains them in any form. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache

from index import lexicon, terms, without_accents

WORD = re.compile(rf"[{lexicon.CJK}]|[^\W_{lexicon.CJK}]+")
_INITIALS = re.compile(r"\b(?:[A-Z]\.){2,}")
_HONORIFIC = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|Sen|Gov|Gen|Sir|St)\.?\s(?=[A-Z])")
_CALENDAR = re.compile(
    r"(jan)(?:uary)?|(feb)(?:ruary)?|(mar)(?:ch)?|(apr)(?:il)?|(may)|(jun)e?|(jul)y?|(aug)(?:ust)?|(sep)(?:t|tember)?"
    r"|(oct)(?:ober)?|(nov)(?:ember)?|(dec)(?:ember)?"
    r"|(mon)(?:day)?|(tue)(?:s|sday)?|(wed)(?:nesday)?|(thu)(?:rs|rsday)?|(fri)(?:day)?|(sat)(?:urday)?|(sun)(?:day)?"
)
_OPENING_WORDS = (
    "although though while since after before during however according despite unlike like under over among meanwhile "
    "because between once until both only also even most several other another each every today later earlier now all "
    "yesterday tomorrow former current more across within outside inside against throughout around unless whether "
    "behind beyond following including given per via"
)
_OPENERS = frozenset(_OPENING_WORDS.split())
"""Words that begin a sentence before a name and are not part of the name."""
_SUFFIXES = (
    "s",
    "n",
    "an",
    "ian",
    "ese",
    "ish",
    "ist",
    "ism",
    "ern",
    "a",
    "e",
    "y",
)  # Russia-n, Chin-a and Chin-ese, Ital-y
_MISSPELT = 0.8
"""Minimum similarity (`difflib`) at which a word counts as a misspelling of another: Dusquesne for Duquesne."""
_MIN_MISSPELT = 5  # minimum number of letters: too many shorter words are this similar
_MIN_ROOT = 4  # minimum number of letters: "John" is not the root of "Johnson", nor "Ira" of "Iran"


def names(text: str, *, opening: bool = False) -> list[str]:
    """Return the names in `text`, recognised by their capitals, and its months and weekdays, in lower case.

    The first word of a sentence counts only if it must be a name (NASA, OpenAI, two capitalised words in a row); if
    `opening` is True, it counts unless it is a common word.
    """
    text = normalize(text)
    found = []
    for match in WORD.finditer(text):
        word = match[0]
        lowered = word.lower()
        if len(word) < 2 or not any(character.isupper() for character in word):
            continue
        is_plain = word[1:].islower() or not word[1:].isalpha()
        if is_plain and not terms(lowered) and not (_CALENDAR.fullmatch(lowered) and not _opens(text, match.start())):
            continue  # a stop word; "May" is not one
        if is_plain and _opens(text, match.start()):
            before_a_name = re.match(r"[\s-][A-Z]", text[match.end() :])
            if lowered in _OPENERS or not (opening or before_a_name):
                continue
        found.append(lowered)
    return found


def unknown_names(claim: str, source: str, wanted: Sequence[str]) -> set[str]:
    """Return the names in `wanted` that `source` does not contain in any form; `wanted` contains names from `claim`."""
    if not wanted:
        return set()
    source = normalize(source)
    held = {form for match in WORD.finditer(source) for form in forms(match[0].lower())}
    unknown = {name for name in wanted if not forms(name) & held}
    if not unknown:
        return set()
    # "UN" for "United Nations", and vice versa.
    initials = {letters for letters, _ in _initials(source)}
    short = {match[0] for match in WORD.finditer(source) if match[0].isupper()}
    spelled = {word for letters, words in _initials(normalize(claim)) if letters in short for word in words}
    return {name for name in unknown if name.upper() not in initials and name not in spelled}


def written(text: str, words: Collection[str]) -> str:
    """Return the first run of adjacent words in `text` that are among the lower-case `words`, as written, or ""."""
    text = normalize(text)
    start = end = -1
    for match in WORD.finditer(text):
        if match[0].lower() in words and (start < 0 or text[end : match.start()] in ("", " ", "-")):
            start, end = (match.start() if start < 0 else start), match.end()
        elif start >= 0:
            break
    return text[start:end] if start >= 0 else ""


def missing_names(question: str, text: str) -> set[str]:
    """Return the names in `question` that `text` does not contain.

    A name counts as contained in any form, in a similar spelling (users may misspell names that they have only heard),
    or spelt out ("artificial intelligence" for "AI").
    """
    missing = unknown_names(question, text, names(question))
    if not missing:
        return missing
    held = [match[0].lower() for match in WORD.finditer(normalize(text))]
    letters = "".join(word[0] for word in held if terms(word)).upper()
    short = {
        match[0].lower() for match in WORD.finditer(normalize(question)) if match[0].isupper() and match[0] in letters
    }
    return {
        name for name in missing - short if len(name) < _MIN_MISSPELT or not get_close_matches(name, held, 1, _MISSPELT)
    }


def _initials(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the initials and words of every run of two to six capitalised words, without "of", "the", "and", "for"."""
    for match in re.finditer(r"[A-Z][\w'-]*+(?:\s+(?:(?:of|the|and|for)\s+)*[A-Z][\w'-]*+)*", text):
        words = [word for word in re.findall(r"[\w'-]+", match[0]) if word[0].isupper()]
        for first in range(len(words)):
            for last in range(first + 2, min(first + 6, len(words)) + 1):
                yield "".join(word[0] for word in words[first:last]), [word.lower() for word in words[first:last]]


@lru_cache(maxsize=20_000)
def forms(word: str) -> frozenset[str]:
    """Return the forms of a name: the name itself, its stem, and its root, which "China" and "Chinese" share."""
    if match := _CALENDAR.fullmatch(word):
        return frozenset({word, f"{match[match.lastindex or 0]}."})
    roots = {word.removesuffix(end) for end in _SUFFIXES}
    return frozenset({word, *terms(word), *(root for root in roots if len(root) >= _MIN_ROOT)})


def normalize(text: str) -> str:
    """Return `text` with uniform spelling: "US" for "U.S.", "e" for "é", "did not" for "didn't"."""
    text = without_accents(text).replace("’", "'").replace("*", "")
    text = _INITIALS.sub(lambda match: match[0].replace(".", ""), text)
    text = _HONORIFIC.sub("", text)
    return re.sub(r"n't\b", " not", re.sub(r"\bcannot\b|\bcan't\b", "can not", text))


def _opens(text: str, at: int) -> bool:
    before = text[:at].rstrip(" \t\"'“‘([«")
    return not before or before[-1] in ".!?:;\n…。！？："
