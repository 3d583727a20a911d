"""Which parts of an answer are claims that the articles can support or contradict. Pure.

Headings, lines that announce a list, the header of a table, "Yes." and statements about the articles are not.
"""

from __future__ import annotations

import re

from .citation_parser import ParsedSentence
from .refusals import is_explanation, is_offer, is_refusal, without_setting

__all__ = ["breaks_off", "claim_in", "is_layout", "is_yes_or_no"]

_YES_OR_NO = (
    r"(?:yes|no|yeah|yep|nope|correct|indeed|right|true|false|exactly"
    r"|是的?|不是|不|对|對|没有|sí|si|oui|non|ja|nein|doch|sim|não|sì)"
)
_ALONE = re.compile(rf"\W*(?:{_YES_OR_NO}|see(?: also)?)\W*", re.IGNORECASE)
_ANSWER_FIRST = re.compile(rf"[\"“*_]*{_YES_OR_NO}[*_]*\s?(?:[,，;:]|[–—-](?=\s))[*_]*\s*", re.IGNORECASE)
_CONTRAST = re.compile(
    r"(?:[,;]\s?(?:but|however|although|though|while|yet|pero|aunque|mais|aber|obwohl|mas|embora|ma)\b,?"
    r"|[，；](?:但是?|不过|然而))\s?",
    re.IGNORECASE,
)
_CONTRAST_FIRST = re.compile(
    r"(?:although|though|while|whereas|虽然|尽管)\s?([^,，]{1,300})[,，]\s?(?:但是?)?", re.IGNORECASE
)
_THEY_SAY = re.compile(
    r"(?:(?:they|it|the (?:articles?|passages?|text)) (?:do |does )?(?:say|state|mention|report|note|indicate"
    r"|add)s? that|i (?:can say|found) that) ",
    re.IGNORECASE,
)
_HEADING = re.compile(r"[ \t>]*#{1,6}\s")
_BOLD_LINE = re.compile(r"(?P<bold>\*\*|__)[^*\n]*[^*\n.!?。！？](?P=bold):?")
_END_OF_LINE = re.compile(r"[ \t*_]*\n")
_NEXT_ROW = re.compile(r"[ \t]*+\n[ \t]*+\|?[ \t:|]*+(?P<first>[^ \t:|\n])")
_COMPLETE = re.compile(r"(?:[.!?…。！？|]|\[\d{1,3}\])[\s\"'”’»」』)）\]*_`|]*\Z")
_LONGEST_TAIL = 40  # number of characters at the end of a text that show whether it is complete


def claim_in(sentence: str) -> str:
    """Return the part of a sentence that is a claim; "" if no part is.

    "Yes, it rose." claims that it rose; "The articles do not say when, but it rose." claims the same.
    """
    if is_yes_or_no(sentence) or is_offer(sentence):
        return ""
    answer = _ANSWER_FIRST.match(sentence)
    text = sentence[answer.end() :] if answer else sentence
    first = _CONTRAST_FIRST.match(text)
    parts = [first[1], text[first.end() :]] if first else _CONTRAST.split(text, maxsplit=1)
    if len(parts) > 1 and any(map(is_refusal, parts)):
        claims = [part for part in parts if not is_refusal(part) and not is_explanation(part)]
        return _THEY_SAY.sub("", claims[0], count=1) if claims else ""
    return "" if is_refusal(text) else without_setting(text)


def is_yes_or_no(sentence: str) -> bool:
    """Return whether a sentence is only "Yes." or "No."."""
    return _ALONE.fullmatch(sentence) is not None


def is_layout(text: str, parsed: ParsedSentence, *, final: bool) -> bool | None:
    """Return whether a sentence of an answer only structures it; None if more of `text` decides.

    `text` is the answer so far, with at least one character after the sentence unless `final` is True. Headings, bold
    lines without a full stop before others, lines that announce a list, and the header of a table structure an answer.
    """
    line = text[text.rfind("\n", 0, parsed.start) + 1 : parsed.start]
    body, rest = text[parsed.start : parsed.end], text[parsed.end :]
    if _HEADING.match(line):
        return True
    if body.startswith("|") and not line.strip():
        above = text[: parsed.start].rstrip().rpartition("\n")[2]
        if above.lstrip().startswith("|"):
            return False
        below = _NEXT_ROW.match(rest)
        return below["first"] == "-" if below else (False if final else None)
    if not _END_OF_LINE.match(rest) or not rest.strip():
        return False
    return body.rstrip("*_ ").endswith((":", "：")) or (not parsed.numbers and _BOLD_LINE.fullmatch(body) is not None)


def breaks_off(text: str) -> bool:
    """Return whether a text ends in the middle of a sentence."""
    return bool(text.strip()) and _COMPLETE.search(text[-_LONGEST_TAIL:]) is None
