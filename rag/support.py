"""Does the passage say this? Word for word, in other words, in part, or not. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from index import Passage, Span, sentences, terms

from .answer import Support

_SUPPORTED, _WEAK = 0.75, 0.4
"""Shares of the sentence's words that the passage must hold. A sentence that is supported has most of them."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)(?<![“\"'‘(])\b[A-Z][\w’'-]+")
_NEGATION = re.compile(r"\b(?:not|no|never|none|nor|neither|without|cannot|\w+n['’]t)\b|[不没無无未]", re.IGNORECASE)
_QUOTE_MARKS = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "\u00a0": " "})


@dataclass(frozen=True, slots=True)
class Verdict:
    """How well a passage supports a sentence, and which characters of the article do so."""

    support: Support
    span: Span


def check(sentence: str, passage: Passage) -> Verdict:
    """Whether `passage` says what `sentence` says, with the span of the article that says it.

    `quoted` when the sentence stands in it word for word (typographic quotes and white space aside). Otherwise every
    number and every name of the sentence must be in the passage and neither may deny what the other does not; then the
    share of words decides between `supported` and `weak`. A sentence that fails an exact check is `unsupported`.
    """
    verbatim = _find_verbatim(sentence, passage)
    if verbatim is not None:
        return Verdict("quoted", verbatim)
    span = _closest_sentence(sentence, passage)
    wanted = set(terms(sentence))
    overlap = len(wanted & set(terms(passage.text))) / len(wanted) if wanted else 0.0
    closest = passage.text[span.start - passage.start : span.end - passage.start]
    if not _agrees_exactly(sentence, passage.text, closest) or overlap < _WEAK:
        return Verdict("unsupported", span)
    return Verdict("supported" if overlap >= _SUPPORTED else "weak", span)


def _find_verbatim(sentence: str, passage: Passage) -> Span | None:
    words = sentence.strip().strip('"“”').translate(_QUOTE_MARKS).split()
    if not words:
        return None
    pattern = r"\s+".join(re.escape(word) for word in words)
    match = re.search(pattern, passage.text.translate(_QUOTE_MARKS))
    return Span(passage.start + match.start(), passage.start + match.end()) if match else None


def _closest_sentence(sentence: str, passage: Passage) -> Span:
    """The sentence of the passage that shares most words with `sentence`."""
    wanted = set(terms(sentence))

    def shared(span: Span) -> float:
        words = set(terms(passage.text[span.start : span.end]))
        return len(wanted & words) / (len(wanted | words) or 1)

    best = max(sentences(passage.text), key=shared, default=Span(0, len(passage.text)))
    return Span(passage.start + best.start, passage.start + best.end)


def _agrees_exactly(sentence: str, passage: str, closest: str) -> bool:
    if not set(_NUMBER.findall(sentence)) <= set(_NUMBER.findall(passage)):
        return False
    stems = set(terms(passage))
    if any(not set(terms(name)) <= stems for name in _NAME.findall(sentence)):
        return False
    return bool(_NEGATION.search(sentence)) == bool(_NEGATION.search(closest))
