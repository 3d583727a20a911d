"""A sentence without its markers and without the words that only introduce them ("according to [1]"). Pure."""

from __future__ import annotations

import re

MARK = "\x00"
"""The character that stands for a marker."""
WORD_MARK = "\ufffc" * 3
"""The word that stands for a marker that is part of the sentence, such as "passage 1"; it contains its `MARK`."""
STOPS = ".,;:!?…。，；：！？、)"
"""Characters that follow a word directly, without a space."""

_STATED = (
    r"(?:stated|reported|noted|mentioned|described|said|explained|shown|seen|indicated|cited|written|quoted|outlined)"
)
_SOURCE = (
    rf"(?:according to|based on|as per|per|as {_STATED}(?: in| by)?|citing|sources?:"
    r"|(?:(?<=[,，(（])|(?<=[,，(（] )|^)sources?"
    r"|según|selon|d[’']après|laut|nach|gemäß|segundo|de acordo com|conforme|secondo|根据|根據|据|參見|参见|见)"
)
_SAY = (
    r"(?:says?|states?|reports?|notes?|mentions?|adds?|explains?|indicates?|shows?|describes?|confirms?|writes?"
    r"|reveals?"
    r"|tells? us|dice|indica|afirma|señala|dit|indique|affirme|précise|besagt|sagt|berichtet|erwähnt|diz|informa"
    r"|afferma"
    r"|指出|提到|表示|显示|說|说|称|稱|写道)"
)
_ARTICLE = r"(?:the |le |la |el |il |o |dem |der )?"
_THAT = r"(?: that|,? dass| que| che)?"
_BETWEEN_MARKS = re.compile(rf"(?<={MARK})[\s,;、&]*+(?:(?:and|und|et|y|e)\b|和|与|及)?\s*+(?={MARK})", re.IGNORECASE)
_MARKS = re.compile(rf"{MARK}+")
_EMPTY = re.compile(rf"[(（]\s*+{MARK}\s*+[)）]|(?P<bold>\*\*|__|\*|_){MARK}(?P=bold)")
_SOURCE_FIRST = re.compile(
    rf"^([\W_]?)(?:{_SOURCE}|as|in|from|see|it (?:is|was) {_STATED} (?:in|by))\s*"
    rf"{_ARTICLE}{MARK}\s*(?:{_SAY}\s*)?(?:[,，:：]| that\b)\s*",
    re.IGNORECASE,
)
_SAYS_FIRST = re.compile(
    rf"^(?:(?:the|both)\s)?\s*(?:(?:passages?|sources?|段落|来源)\s?)?{MARK}\s*(?:(?:also|both|further|clearly|then|中|也|还)\s*)*{_SAY}{_THAT}[:：,，]?\s*",
    re.IGNORECASE,
)
_SOURCE_AFTER = re.compile(
    rf"(?<![\s,，(（])[\s,，(（]++(?:(?<![^\W_]){_SOURCE}|(?<=[,，(（] )see"
    rf"|(?<=[,，(（])see)\s*+{_ARTICLE}{MARK}\s*+[)）]?(?=[\s.,;:!?。，；！？]|$)",
    re.IGNORECASE,
)
_BEFORE_A_STOP = re.compile(rf"(?<![\s{MARK}])\s*+{MARK}[\s{MARK}]*+(?=[{re.escape(STOPS)}])")
_A_SECOND_STOP = re.compile(rf"(?<=[.!?。！？]){MARK}+[.。]")
_EDGE_OF_ROW = re.compile(r"^[\s|]++|(?<![\s|])[\s|]++$")


def without_marks(marked: str) -> str:
    """Return the text of a sentence in which each marker is a `MARK`, without the markers.

    The space or second stop around a marker goes with it ("so [1].", "so.[1]."), and so do the words that introduce it
    ("According to [1], it rose", "[1] says that it rose"). A row of a table becomes its cells, separated by commas.
    """
    text = _MARKS.sub(MARK, _BETWEEN_MARKS.sub("", marked.replace(WORD_MARK[0], "")))
    text = _EMPTY.sub(MARK, text)
    unframed = _SOURCE_AFTER.sub(MARK, _SAYS_FIRST.sub("", _SOURCE_FIRST.sub(r"\1", text, count=1), count=1))
    text = _plain(unframed if _has_words(unframed) else text)
    if text.startswith("|"):
        cells = [cell.strip() for cell in _EDGE_OF_ROW.sub("", text).split("|")]
        text = ", ".join(cell for cell in cells if _has_words(cell))
    return text


def _plain(text: str) -> str:
    text = _A_SECOND_STOP.sub("", _BEFORE_A_STOP.sub(MARK, text))
    return " ".join(text.replace(MARK, "").split())


def _has_words(text: str) -> bool:
    return any(map(str.isalnum, text))
