"""How much speaks for an answer being in the articles at all, and from where on to believe it. Pure."""

from __future__ import annotations

import re

import numpy as np

from index import Encoding, Findings, Span, sentences, similarities, unit

from .extract import Quote, shared_rarity

DEFAULT_MIN_SCORE = 0.45
"""Fitted on the development sets (SQuAD 2, CLAPnq, XQuAD): where answering their answerable questions and refusing
off-topic ones (one set's questions asked to another set's documents) balance best, at 0.985; 0.44 to 0.47 do alike."""

_THOUGHT, _WORDS, _PASSAGE_WORDS, _WEAKEST, _MISSING_NUMBER = 3.0, 2.0, 1.0, 0.5, 1.0
"""Similarities of one scale, so that round weights do. Whole sentences know whether the topic is covered, single words
whether this fact is. Of 279 choices of round weights the one with the best mean AUROC over the development sets' seven
kinds of unanswerable questions; the next ones are within 0.0005."""

_UNREADABLE_SCALE = DEFAULT_MIN_SCORE / 0.25
"""Brings the share of keywords, which refuses best below 0.25 (XQuAD, Chinese), to the scale of the similarities."""

_NUMBER = re.compile(r"\d+")


def trust(found: Findings, best: Quote) -> float:
    """How far to trust that `best` answers the question: about 0.2 off topic, 0.5 for a near miss, 0.6 when answered.

    The weighted mean of four similarities: question and sentence as wholes (with the sentence before, where that
    helps), the question's words in the sentence, and in the passage, and the one word that nothing in the passage
    resembles ("chief executive" of a firm of which only the seat is told); less 1 for each number of the question that
    the passage lacks. For a script that the model does not know: the share of the keywords, weighed by rarity, that it
    holds.
    """
    hit, encoding = found.hits[best.number - 1], found.encodings[best.number - 1]
    text = f"{hit.title} . {hit.passage.text}"
    if not found.question.readable:
        return shared_rarity(found, text) * _UNREADABLE_SCALE
    thought = max(best.thought, _with_sentence_before(found, best, encoding))
    words = float(found.question.weights @ best.matched)
    anywhere = similarities(found.question, encoding).max(axis=1)
    missing = len(set(_NUMBER.findall(found.question.text)) - set(_NUMBER.findall(text)))
    weighted = (
        _THOUGHT * thought
        + _WORDS * words
        + _PASSAGE_WORDS * float(found.question.weights @ anywhere)
        + _WEAKEST * float(anywhere[found.question.content].min())
        - _MISSING_NUMBER * missing
    )
    return weighted / (_THOUGHT + _WORDS + _PASSAGE_WORDS + _WEAKEST)


def _with_sentence_before(found: Findings, best: Quote, encoding: Encoding) -> float:
    """The cosine of the question with the sentence and the one before it, taken together."""
    passage = found.hits[best.number - 1].passage
    place = Span(best.span.start - passage.start, best.span.end - passage.start)
    before = [span for span in sentences(passage.text) if span.end <= place.start]
    if not before:
        return best.thought
    rows = [i for i, (start, end) in enumerate(encoding.offsets) if start < place.end and end > before[-1].start]
    return float(unit(encoding.tokens[rows].astype(np.float32).mean(axis=0)) @ found.question.vector) if rows else 0.0
