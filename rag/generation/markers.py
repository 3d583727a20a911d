"""Citation markers as LLMs write them: "[1]", "(Source 2)", "【1†source】", "according to passage 3". Pure.

The patterns use the package `regex`, because it can tell that a text which is still being written may become a match.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import regex

__all__ = ["CONTEXT", "MAX_MARKER", "Marker", "find_link", "find_marker"]

MAX_MARKER = 400  # maximum length of a marker or of the link after it, in characters
CONTEXT = 40  # number of characters before a marker that decide whether it is one

_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_DIGITS = str.maketrans(f"{_SUPERSCRIPTS}⁻", "0123456789-")
_SPACE = r"[ \t\u00a0\u202f]?"
_DASH = r"[-\u2010-\u2015~]"
_RANGE = rf"(?:{_DASH}|to|bis|至|到)"
_JOIN = rf"{_SPACE}(?:[,，、;；]{_SPACE}(?:and|und|et|y|e)|[,，、;；&]|and|und|et|y|e|和|与|與|及|{_RANGE}){_SPACE}"
_PASSAGE = (
    r"(?:passages?|sources?|excerpts?|snippets?|段落|来源|來源|pasajes?|fuentes?|extraits?|textstellen?|quellen?"
    r"|passag(?:em|ens)|trechos?|fontes?|passagg[io]|brani|brano|fonti)"
)
_LABEL = (
    rf"(?:{_PASSAGE}|doc(?:ument)?s?|chunks?|contexts?|citations?|cites?|cited|ref(?:erence)?s?|ids?|文献|引用|资料)"
)
_ONLY_IN_BRACKETS = rf"(?:{_LABEL}|articles?|footnotes?|notes?|文章|[psd#№])"
_NUMBER_SIGN = rf"[ \t\u00a0_]?(?:ids?|no\.?|nr\.?|numbers?)?{_SPACE}[:：#=_-]?{_SPACE}"
_SEE = r"(?:(?:see|cf\.?|from|in|siehe|voir|ver|véase|vedi|参见|见)(?: also)?(?: the)? ?)?"
# At most three digits: "[2023]" is a year, and a prompt never contains a thousand passages.
_NUMBERS = rf"\d{{1,3}}(?:{_JOIN}(?:{_ONLY_IN_BRACKETS}{_NUMBER_SIGN})?\d{{1,3}})*"
_OPEN, _CLOSE = r"\\?[\[【［]", r"\\?[\]】］]"
_PLACE = r"[,:;] ?(?:pp?\.?|pages?|para(?:graph)?s?\.?|sections?|§|lines?|sentences?) ?\d{1,4}(?:[–-]\d{1,4})?"
_INSIDE = (
    rf"{_SPACE}(?:\^?(?P<numbers>{_NUMBERS})\^?(?::\d{{1,3}})?(?:†[^\]】\n]{{0,60}}|{_PLACE})?"
    rf"|{_ONLY_IN_BRACKETS}{_NUMBER_SIGN}(?P<numbers>{_NUMBERS})(?:{_SPACE}[:：,–-][^\]】\n]{{1,100}})?){_SPACE}"
)
_BRACKET_LIST = rf"\[\d{{1,3}}\](?:[,;、]?{_SPACE}(?:and|&|和)?{_SPACE}\[\d{{1,3}}\])*"
_LABELLED = rf"{_LABEL}{_NUMBER_SIGN}(?P<numbers>{_NUMBERS})(?:{_SPACE}[:：,–-][^()（）\n]{{1,100}})?"
_UNIT = r"(?:(?<![^\W\d])(?:[a-zA-Zµμ]|[kcmdnµμ]m|ft|yd|mi|in|sq|mc)|(?<!\d)10|米|里)"
_END_OF_WORD = r"(?:\n|[ \t]?(?:[^\w\s]|[\u3400-\u9fff]|[^\W\d]\w*\W))"
_BEGINS_CLAUSE = (
    r"(?:(?<=\n[ \t>*#•_–-]{0,12})|(?<=[;；,，、:：。！？(（\[【“‘«「|–—][ ]?)"
    r"|(?<=[.!?…]\*{0,2}[ ]{1,2})(?=(?-i:[^a-z])))"
)
_WEAK = rf"(?:(?:as|in|from|by|and|but|that|while|dans|en|in|em|nel|aus){_SPACE}(?:(?:the|le|la|el|il|o|dem|der) )?)"
_STRONG = (
    r"(?:(?<![^\W_])(?:according to|based on|per|citing|see|via|selon|según|laut|nach|gemäß|segundo|conforme|secondo"
    r"|(?:d[’']après|de acordo com)"
    r"|(?:stated|reported|noted|mentioned|described|said|explained|shown|seen|indicated|cited|written|quoted|outlined"
    r"|found) (?:in|by)) (?:(?:the|le|la|el|il|o|dem|der) )?|[根依]?[据據]|参?[见見]|參[见見]|引自|出自)"
)
"""Words that introduce a passage. Before any other word, as in "open source [4]", a label is a word of the sentence."""
_OPENING = (
    rf"(?:{_BEGINS_CLAUSE}|(?<=(?:^|[\n.!?…。！？;；,，、:：(（“‘«「|–—])[ *>]{{0,2}}{_WEAK})"
    r"|(?<=[\n。！？；，、：“（](?:在|如|从|由|而|但|和)))"
)
_INTRODUCED_OR_JOINED = (
    rf"(?:{_OPENING}|(?<={_STRONG})|(?<=(?<![^\W_]){_WEAK})|(?<=[\u3400-\u9fff](?:在|如|从|由|而|但|和|与|及)))"
)
_AFTER_SENTENCE = r"(?<=[.!?…。！？][”’\"»*]{0,2}[ ]{0,2})(?=(?-i:[^a-z]))"

_BRACKETED = regex.compile(
    rf"(?:{_OPEN}){{2}}{_INSIDE}(?:{_CLOSE}){{2}}|{_OPEN}{_INSIDE}{_CLOSE}"
    rf"|[（(]{_SEE}(?:{_LABEL}{_NUMBER_SIGN})?(?P<numbers>{_BRACKET_LIST})[)）]",
    regex.IGNORECASE,
)
"""Markers in brackets: they cite even if the passage does not exist, and are removed then."""

_OTHERS = regex.compile(
    rf"(?<!{_UNIT})<(?P<tag>sup|cite|citation|ref|source|passage|small)\b[^<>\n]{{0,80}}>{_SPACE}{_OPEN}?{_SPACE}"
    rf"(?:{_LABEL}{_NUMBER_SIGN})?(?P<numbers>{_NUMBERS}){_SPACE}(?:{_CLOSE})?{_SPACE}</(?P=tag)>"
    rf"|[（(]{_SEE}{_LABELLED}[)）]"
    # In parentheses, at the end of a sentence, before or after the full stop; not the number of a list item.
    rf"|[（(]\^?(?P<numbers>{_NUMBERS})[)）](?=(?:{_SPACE}[（(]\d{{1,3}}[)）])*{_SPACE}(?:[.!?…。！？;；]|\n))"
    rf"|(?<=[.!?…。！？][”’\"»*]{{0,2}}[ ]?|[)）][ ]?)(?<!\n[ \t]*\d{{1,3}}[.)][ ]?)"
    rf"[（(](?P<numbers>{_NUMBERS})[)）](?=[\s(（])"
    rf"|(?<!{_UNIT})(?P<numbers>[{_SUPERSCRIPTS}](?:[{_SUPERSCRIPTS}⁻]{{0,9}}[{_SUPERSCRIPTS}])?)(?=[^{_SUPERSCRIPTS}⁻])"
    # Behind a sentence: "It rose. Source: [4]."
    rf"|(?P<after>{_AFTER_SENTENCE}{_PASSAGE}{_SPACE}(?:[:：]{_SPACE}{_OPEN}(?P<numbers>{_NUMBERS}){_CLOSE}"
    rf"(?:\.?(?=\s)|。|(?=[,，;；、\[]))|(?:[:：]{_SPACE})?(?:{_OPEN}(?P<numbers>{_NUMBERS}){_CLOSE}|(?P<numbers>{_NUMBERS}))"
    rf"(?:\.(?=\s)|。|(?=\n))))"
    rf"|(?<![A-Za-z0-9_-])(?:(?<={_STRONG})|(?P<opening>{_OPENING})){_PASSAGE}{_SPACE}(?:no\.?|number|nr\.?|#)?{_SPACE}"
    rf"{_OPEN}(?P<numbers>{_NUMBERS}){_CLOSE}(?(opening)(?=[^.。\n]))"
    rf"|(?<![A-Za-z0-9_-]){_INTRODUCED_OR_JOINED}{_PASSAGE}{_SPACE}(?:no\.?|number|nr\.?|#)?{_SPACE}"
    rf"(?P<numbers>{_NUMBERS})(?=(?:{_JOIN})?+{_END_OF_WORD})"
    rf"|\^(?P<numbers>{_NUMBERS})\^",
    regex.IGNORECASE,
)
"""Markers in other forms: they cite only if all the passages exist; otherwise they are text."""

_LINK = regex.compile(r"\((?!\d{1,3}\))[^()\s]{1,390}\)")
_BEGINS = frozenset("[【［\\(（<^" + _SUPERSCRIPTS + "pseftqbPSEFTQB段来來")
_NUMBER_OR_RANGE = regex.compile(rf"(\d+)(?:{_SPACE}{_RANGE}{_SPACE}(?:{_ONLY_IN_BRACKETS}{_NUMBER_SIGN})?(\d+))?")


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker: its `length` in characters, the `numbers` that it cites, and how many of them do not exist.

    `is_word` is True if it is part of the sentence, as in "Passage 1 says".
    """

    length: int
    numbers: tuple[int, ...]
    dropped: int
    is_word: bool


def find_marker(before: str, held: str, sources: int, *, final: bool) -> Marker | Literal["unfinished"] | None:
    """Return the marker at the beginning of `held`: None if it is not one, "unfinished" if more text decides.

    `before` is the text before it (the last `CONTEXT` characters, "\\n" at the beginning of the text); `sources` is the
    number of passages in the prompt. If `final` is True, the text ends after `held`.
    """
    if held[0] not in _BEGINS or len(held) > MAX_MARKER:
        return None
    text = f"{before}{held}\n" if final else before + held
    for pattern in (_BRACKETED, _OTHERS):
        if match := pattern.match(text, len(before)):
            numbers, dropped = _numbers(match["numbers"], sources)
            if pattern is _BRACKETED or not dropped:
                is_word = held[0].isalpha() and not match.groupdict().get("after")
                return Marker(len(match[0]), numbers, dropped, is_word)
    if not final and any(_may_match(pattern, text, len(before)) for pattern in (_BRACKETED, _OTHERS)):
        return "unfinished"
    return None


def find_link(held: str, *, final: bool) -> int | None:
    """Return the length of the link target "(https://…)" at the beginning of `held`; None if more text decides."""
    if held[0] != "(" or len(held) > MAX_MARKER:
        return 0
    if match := _LINK.match(held):
        return len(match[0])
    return None if not final and _may_match(_LINK, held, 0) else 0


def _may_match(pattern: regex.Pattern[str], text: str, start: int) -> bool:
    match = pattern.match(text, start, partial=True)
    return match is not None and match.partial


def _numbers(content: str, sources: int) -> tuple[tuple[int, ...], int]:
    """Return the numbers from 1 to `sources` in a list such as "1, 3-5", and how many numbers or ranges go beyond."""
    if content[0] in _SUPERSCRIPTS:
        content = content.translate(_DIGITS)
        if content.isdigit() and int(content) > sources:
            content = ",".join(content)
    numbers: dict[int, None] = {}
    dropped = 0
    for first, last in _NUMBER_OR_RANGE.findall(content):
        low, high = sorted((int(first), int(last or first)))
        valid = range(max(low, 1), min(high, sources) + 1)
        numbers.update(dict.fromkeys(valid))
        dropped += len(valid) < high - low + 1
    return tuple(numbers), dropped
