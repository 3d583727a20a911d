"""How much speaks for an answer being in the articles at all, and from where on to believe it. Pure."""

from __future__ import annotations

import re

from index import PassageFeatures, SearchResult, terms

from ..questions.classify import lacks_quantity
from ..text.entities import missing_names
from .evidence import Quote, shared_rarity

DEFAULT_ABSTENTION_THRESHOLD = 0.435
"""Fitted on the development sets (SQuAD 2, CLAPnq, XQuAD): where answering their answerable questions and refusing
off-topic ones (one set's questions asked to another set's documents) balance best, at 0.983; 0.42 to 0.44 do alike."""

_THOUGHT, _WORDS, _PASSAGE_WORDS, _WEAKEST = 3.0, 2.0, 1.0, 0.5
"""Similarities of one scale, so that round weights do. Whole sentences know whether the topic is covered, single words
whether this fact is. Of 279 choices of round weights the one with the best mean AUROC over the development sets' seven
kinds of unanswerable questions; the next ones are within 0.0005."""

_MISSING_NUMBER, _MISSING_QUANTITY, _MISSING_NAME = 1.0, 1.0, 0.5
"""Facts that similarity is blind to, on the same scale. The last two raise that mean AUROC from 0.914 to 0.920; a name
counts less, since it may stand further off (0.25 to 1.0 do alike, and so do 0.5 to 1.5 for a quantity)."""

_UNREADABLE_SCALE = DEFAULT_ABSTENTION_THRESHOLD / 0.25
"""Brings the share of keywords, which refuses best below 0.25 (XQuAD, Chinese), to the scale of the similarities."""

_NUMBER = re.compile(r"\d+")


def confidence(found: SearchResult, best: Quote) -> float:
    """How far to trust that `best` answers the question: about 0.2 off topic, 0.5 for a near miss, 0.6 when answered.

    The weighted mean of four similarities: question and sentence as wholes (with the sentence before, where that
    helps), the question's words in the sentence, and in the passage, and the one word that nothing in the passage
    resembles ("chief executive" of a firm of which only the seat is told). Less what the question names and the
    article does not: each number that is not in the passage; a name that is neither in the title nor in the sentence
    and the one before; a quantity, where one is asked for and these two hold none. For a script that the model does not
    know: the share of the keywords, weighed by rarity, that the passage holds.
    """
    scored = found.passages[best.number - 1]
    hit, features = scored.hit, scored.features
    text = f"{hit.title} . {hit.passage.text}"
    if not found.question.readable:
        return shared_rarity(found, features.terms.union(terms(hit.title))) * _UNREADABLE_SCALE
    start, end = _with_sentence_before(features, best)
    sentence_similarity = max(
        best.sentence_similarity, float(features.vector(features.rows_between(start, end)) @ found.question.vector)
    )
    words = float(found.question.weights @ best.matched)
    anywhere = scored.similarities.max(axis=1)
    asked, said = found.question.text, hit.passage.text[start:end]
    missing_numbers = set(_NUMBER.findall(asked)) - set(_NUMBER.findall(text))
    weighted = (
        _THOUGHT * sentence_similarity
        + _WORDS * words
        + _PASSAGE_WORDS * float(found.question.weights @ anywhere)
        + _WEAKEST * float(anywhere[found.question.content].min())
        - _MISSING_NUMBER * len(missing_numbers)
        - _MISSING_QUANTITY * lacks_quantity(asked, said)
        - _MISSING_NAME * bool(missing_names(asked, f"{hit.title} . {said}"))
    )
    return weighted / (_THOUGHT + _WORDS + _PASSAGE_WORDS + _WEAKEST)


def _with_sentence_before(features: PassageFeatures, best: Quote) -> tuple[int, int]:
    """Where the sentence and the one before it stand in their passage: news says "he" and "it" of what it has named."""
    start, end = best.span.start - features.passage.start, best.span.end - features.passage.start
    before = [span.start for span in features.sentences if span.end <= start]
    return (before[-1] if before else start), end
