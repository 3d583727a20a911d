"""Find the ends of sentences in twelve European languages by their punctuation and abbreviations. Pure.

A full stop does not end a sentence after a title ("Dr."), before the rest of an abbreviation ("z. B."), after a German
ordinal number ("3. Mai"), or before a lower-case letter. A quotation or a bracket is not divided. Every rule reads a
limited number of characters around a stop, so the time is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .abbreviations import BEFORE_ORDINALS, CARDINALS, OFTEN_LAST, RULES, UNDETERMINED, Rules

ENGLISH = "en"
_LONGEST_ENCLOSED = 600  # maximum length in characters of a quotation or bracket that is not divided
_SHORTEST_WORD = 4  # number of letters of a word that is not an abbreviation, in text without capital letters
_BEFORE, _AFTER = 60, 60  # number of characters that are read before and after a stop

_STOP = re.compile(
    r"(?<![.!?…])[.!?…]++"
    r"(?:(?:[\"'“”’»«›‹)\]*_]|[ \xa0\u202f](?:»|'')(?![\w«])|\[[^\[\]\n]{1,40}+\])*+(?=\s)"
    r"|(?<=[^\W\d_A-Z]{2}[.!?])(?=[A-ZÀ-Þ][a-zß-ÿ]))"
)
_ENCLOSED = re.compile(
    "|".join(
        pattern.replace("N", f"{{1,{_LONGEST_ENCLOSED}}}+")
        for pattern in (
            r"„[^„“”\"]N[“”\"]",
            r"«[^«»]N»",
            r"(?<![^\s(])»(?=\S)[^«»]N[«»]",
            r"“[^“”]N”",
            r"(?<![^\s(\[„«])[\"”](?=\S)[^\"”]N[\"”]",
            r"``(?:[^`']|'(?!'))N''",
            r"\([^()]N\)",
            r"\[[^\[\]]N\]",
        )
    )
)
_STOP_AT_END = re.compile(r"[.!?…][\"'“”’»«›‹)\]*_]{0,10}$")
_NUMBERED = re.compile(r"\d{1,3}\.[ \t]")
_ALPHANUMERIC = re.compile(r"[^\W_]")
_NEXT_WORD = re.compile(r"[\W_]*+(?P<word>[^\W_]++)(?P<dot>\.?)")
_DUTCH_NEXT_WORD = re.compile(r"\s*+[’'‘`][a-z]{1,2}\s+(?P<word>[A-Z]\w*+)(?P<dot>\.?)")  # "'s Avonds"
_ROMAN = re.compile(r"[IVXLCDM]{1,8}")
_PART = re.compile(r"-?[^\W\d_]{1,3}")
_OPENING = "([{„“”«»\"'‚‘’–—-*_¿¡"
_MARKS = (".", "!", "?", "…")
_BRACKETS = "[("
_APOSTROPHE = re.compile("['’]")


def has_rules(language: str | None) -> bool:
    """Return whether this module has rules for the language; None means an undetermined European language."""
    return language is None or language in RULES


def sentence_ends(text: str, language: str | None) -> Iterator[int]:
    """Yield the offset after each sentence but the last one, with the closing quotation marks and brackets.

    `language` is an ISO 639-1 code with rules (see `has_rules`), or None for the abbreviations of all of them.
    """
    rules = _rules(language)
    enclosed = [match.span() for match in _ENCLOSED.finditer(text)]
    length = len(text.rstrip())
    at, begin, scanned, first = 0, 0, 0, ""  # the sentence begins at `begin` and with the letter or digit `first`
    for match in _STOP.finditer(text, 0, length):
        start, end = match.span()
        while at < len(enclosed) and enclosed[at][1] < end:
            at += 1
        if at < len(enclosed) and enclosed[at][0] < start and end < enclosed[at][1]:
            continue
        if not first and (found := _ALPHANUMERIC.search(text, scanned, start)):
            first = found[0]
        scanned = start
        if first and not _continues(text, begin, (start, end), rules, in_lower_case=first.islower()):
            yield end
            begin, scanned, first = end, end, ""


def _rules(language: str | None) -> Rules:
    return UNDETERMINED if language is None else RULES[language]


def goes_on(line: str, following: str, language: str | None) -> bool:
    """Return whether a sentence goes on from a line that ends with an abbreviation to the next line."""
    line = line[-_BEFORE:]
    ends = line.endswith(".") or (
        _STOP_AT_END.search(line) is not None and not _rules(language).has_lower_case_sentences
    )
    return ends and len(line) not in sentence_ends(f"{line}\n{following}", language)


def begins_with_ordinal(line: str, previous: str, language: str | None) -> bool:
    """Return whether a line begins with an ordinal number and not with the number of a list item ("am" "3. Mai")."""
    if language not in RULES or not RULES[language].has_ordinals or not _NUMBERED.match(line):
        return False
    return not BEFORE_ORDINALS.isdisjoint(previous[-_BEFORE:].lower().split()[-1:])


def _continues(text: str, begin: int, stop: tuple[int, int], rules: Rules, *, in_lower_case: bool) -> bool:
    """Return whether the sentence that begins at `begin` goes on after a stop and its closing marks.

    `in_lower_case` is True if the sentence begins with a lower-case letter, as in text that has no others.
    """
    start, end = stop
    after = text[end : end + _AFTER]
    following = (rules.has_apostrophe_words and _DUTCH_NEXT_WORD.match(after)) or _NEXT_WORD.match(after)
    if not following:
        return False
    words = text[max(begin, start - _BEFORE) : start].split()
    is_apart = text[start - 1].isspace()  # only a marker stood before the stop
    marks = text[start : start + 2]
    is_ellipsis = marks[0] == "…" or marks[:2] == ".."
    if following["word"][0].islower() and not following["word"][1:2].isupper():  # "iPhone" may begin a sentence
        may_begin = in_lower_case or rules.has_lower_case_sentences or "`" in after[: following.start("word")]
        is_closed = bool(text[start:end].strip(".!?…*_"))  # a quotation or a bracket
        return is_ellipsis or is_closed or not (may_begin and (is_apart or _is_ordinary(words[-1], rules)))
    if is_ellipsis:
        return text[start - 1] in _BRACKETS  # an omission: "[…]"
    return marks[0] == "." and marks[1:] not in _MARKS and not is_apart and _is_unfinished(words, following, rules)


def _is_unfinished(words: list[str], following: re.Match[str], rules: Rules) -> bool:
    """Return whether the full stop after the last of the words belongs to an abbreviation inside a sentence.

    `words` are the last ones of a sentence; `following` is the word after the stop, which has no lower-case letter in
    front.
    """
    word = _APOSTROPHE.split(words[-1].lstrip(_OPENING))[-1]  # without an elision: "l’art."
    before = words[-2] if len(words) > 1 else ""
    forms = _forms(word) | (_forms(before.lstrip(_OPENING) + word) if before.endswith(".") else set())
    following_word, is_initial = following["word"], len(word) == 1 and word.isupper()
    if forms & rules.never_last:
        return True
    if forms & rules.before_numbers or (rules.has_capital_nouns and word.endswith("str")):
        is_number = following_word[0].isdigit() or _ROMAN.fullmatch(following_word) is not None
        return is_number or (is_initial and following_word not in rules.openers)
    if word.isdigit():
        return _is_ordinal(word, before, following, rules, is_first=len(words) == 1)
    if len(word) == len(following_word) == 1 and following["dot"] and word.isalpha():
        return True  # "z. B."
    if following_word in rules.openers or forms & OFTEN_LAST:
        return False
    is_roman = rules.has_ordinals and _ROMAN.fullmatch(word) is not None
    return is_initial or is_roman or _is_dotted(word) or not forms.isdisjoint(rules.others)


def _is_ordinary(word: str, rules: Rules) -> bool:
    """Return whether a word looks like an ordinary word and not like an abbreviation."""
    tables = (rules.never_last, rules.before_numbers, rules.others)
    if word.isdigit():
        return not rules.has_ordinals
    shortest = 2 if rules.has_lower_case_sentences else _SHORTEST_WORD
    return len(word) >= shortest and "." not in word and all(map(_forms(word).isdisjoint, tables))


def _forms(word: str) -> set[str]:
    """Return a word as it may be written in the tables: it may begin a sentence."""
    return {word, word[:1].lower() + word[1:]}


def _is_dotted(word: str) -> bool:
    """Return whether a word is an abbreviation with stops inside, such as "d.w.z" or "J.-C"."""
    return "." in word and all(map(_PART.fullmatch, word.split("."))) and not word.startswith("www")


def _is_ordinal(word: str, before: str, following: re.Match[str], rules: Rules, *, is_first: bool) -> bool:
    """Return whether a number with a full stop is an ordinal or numbers a list, and does not end a sentence."""
    following_word, lead = following["word"], before.rstrip(".")
    if len(word) > 3:
        return False  # a year
    if is_first:
        return True
    if not rules.has_ordinals or following_word in rules.openers:
        return False
    if following_word.isdigit():  # "1. 1. 2000"
        return bool(following["dot"]) or (len(following_word) == 4 and lead.isdigit())
    if rules.has_capital_nouns:
        return lead.lower() not in CARDINALS and _forms(lead).isdisjoint(rules.before_numbers)
    return len(following_word) > 1 and following_word.isupper()  # "1. FC Praha"
