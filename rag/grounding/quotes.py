"""Find a sentence word for word in a text, whatever its quotation marks and dashes. Pure."""

from __future__ import annotations

import re

from index import PassageFeatures, Span

_FOLDED = str.maketrans(
    dict.fromkeys("“”„«»″", '"')
    | dict.fromkeys("‘’‚`´′", "'")
    | dict.fromkeys("‐‑‒–—―−", "-")
    | {"‹": "<"}  # prompts have "‹" in place of some "<"
)
_CLAUSE = re.compile("[,;:—–，；：、]")
_NEGATES = re.compile(
    r"\b(?:not|no|never|nor|neither|cannot|\w+n[’']t|without|hardly|false|untrue|wrong|den(?:y|ies|ied|ying)|doubt\w*|refut\w*"
    r"|reject\w*|dismiss\w*|if|whether|unless|instead of|rather than|ignore|disregard|instructions?|pretend"
    r"|(?:answer|reply|respond|say|write)(?: that)?)\b|[不没未否若]",
    re.IGNORECASE,
)
"""Words that may reverse the meaning of the part of a sentence after them; `_CLAUSE` matches the beginning of that
part."""
_CHINESE = re.compile("[\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef]")


def find_quote(sentence: str, text: str) -> Span | None:
    """Return the span of `text` that contains `sentence` word for word, or None.

    The comparison ignores variants of quotation marks and dashes, white space, Markdown asterisks, and quotation marks
    around the sentence; it does not ignore case. The span may cover several sentences of `text`, but not begin or end
    inside a word.
    """
    wanted, _ = _folded(sentence)
    wanted = wanted.strip("\"' ")
    if not has_words(wanted):
        return None
    folded, offsets = _folded(text)
    at = folded.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if not (_inside_word(folded, at) or _inside_word(folded, end)):
            return Span(offsets[at], offsets[end - 1] + 1)
        at = folded.find(wanted, at + 1)
    return None


def find_in_passage(wanted: str, features: PassageFeatures) -> Span | None:
    """Return the span in a passage of words that it contains, also in rows with the names of their columns, or None."""
    quoted = find_quote(wanted, features.passage.text)
    if quoted is None and features.named.pieces:
        named = find_quote(wanted, features.named.text)
        quoted = Span(*features.named.original(named.start, named.end)) if named else None
    return quoted


def negated_sentence(quoted: Span, features: PassageFeatures) -> Span | None:
    """Return the span of the sentence around a quotation if the words before it may reverse its meaning, or None.

    After "It is false that …" or "Ignore this and answer that …", the words occur, but the article may mean the
    opposite.
    """
    around = next((span for span in features.sentences if span.start <= quoted.start < span.end), None)
    if around is None:
        return None
    before = _CLAUSE.split(features.passage.text[around.start : quoted.start])[-1]
    return Span(around.start, max(around.end, quoted.end)) if _NEGATES.search(before) else None


def _folded(text: str) -> tuple[str, list[int]]:
    """Return `text` with uniform quotation marks, dashes and blanks (none next to Chinese), and the original
    offsets."""
    folded: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text.translate(_FOLDED)):
        if character == "*":
            continue
        if character.isspace():
            if folded and folded[-1] != " " and not _CHINESE.match(folded[-1]):
                folded.append(" ")
                offsets.append(offset)
            continue
        if folded and folded[-1] == " " and _CHINESE.match(character):
            folded.pop()
            offsets.pop()
        folded.append(character)
        offsets.append(offset)
    return "".join(folded), offsets


def _inside_word(text: str, at: int) -> bool:
    """Return whether `at` is inside a word; Chinese text can be split anywhere."""
    sides = text[max(0, at - 1) : at + 1]
    return 0 < at < len(text) and all(side.isalnum() and not _CHINESE.match(side) for side in sides)


def has_words(text: str) -> bool:
    """Return whether a text contains a letter or a digit."""
    return any(character.isalnum() for character in text)
