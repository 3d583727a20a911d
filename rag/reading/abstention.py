"""The confidence that the articles answer a question, and the threshold below which the assistant abstains. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from index import PassageFeatures, SearchResult, terms

from ..questions.classify import lacks_quantity
from ..text.entities import missing_names
from .evidence import Quote, shared_rarity
from .reader import Reading

DEFAULT_ABSTENTION_THRESHOLD = 0.435
"""Fitted on the development sets (SQuAD 2, CLAPnq, XQuAD) for the best balance between answering their answerable
questions and refusing off-topic ones (questions from one set about documents from another): 0.983. The values 0.42 to
0.44 give the same result."""

LLM_ABSTENTION_THRESHOLD = 0.4
"""Threshold for `abstain_before_llm`: less than 1 % of the answerable questions in the development sets (SQuAD 2,
CLAPnq and XQuAD, 410 questions) are below it."""

_SENTENCE, _WORDS, _PASSAGE_WORDS, _WEAKEST = 3.0, 2.0, 1.0, 0.5
"""Weights of similarities that have the same scale. Whole sentences show whether the articles cover the topic, single
words show whether they contain the fact. Of 279 combinations of round weights, this one has the best mean AUROC over
the seven kinds of unanswerable questions in the development sets; the next best combinations are within 0.0005."""

_MISSING_NUMBER, _MISSING_QUANTITY, _MISSING_NAME = 1.0, 1.0, 0.5
"""Penalties for facts that similarity does not capture, on the same scale. The last two raise the mean AUROC from 0.914
to 0.920. A name counts less, because it may occur elsewhere (0.25 to 1.0 give the same result, and so do 0.5 to 1.5 for
a quantity)."""

_UNREADABLE_SCALE = DEFAULT_ABSTENTION_THRESHOLD / 0.25
"""Factor that converts the share of keywords, whose best threshold is 0.25 (XQuAD, Chinese), to the scale of the
similarities."""

READER_ABSTENTION_THRESHOLD, READER_LLM_ABSTENTION_THRESHOLD = 0.2, 0.1
"""The same two thresholds for `read_confidence`."""

UNSURE_THRESHOLD = 0.4
"""Confidence of the reader below which quotes are marked as unsure."""

_INTERCEPT, _SIMILARITY, _BEST_LOGIT, _FIRST_LOGIT = -4.0, 8.0, 0.5, 0.2
"""Coefficients of a logistic regression, fitted by `training/fit.py`."""

_NUMBER = re.compile(r"\d+")


def read_confidence(found: SearchResult, best: Quote, readings: Sequence[Reading]) -> float:
    """Return the probability that the articles answer the question, from the reader's logits and the similarities.

    Without readings, because the reader cannot read the script, it is `similarity_confidence`, moved to the same
    threshold.
    """
    similarity = similarity_confidence(found, best)
    if readings:
        logits = [reading.logit for reading in readings]
        score = _INTERCEPT + _SIMILARITY * similarity + _BEST_LOGIT * max(logits) + _FIRST_LOGIT * logits[0]
    else:
        odds = READER_ABSTENTION_THRESHOLD / (1 - READER_ABSTENTION_THRESHOLD)
        score = math.log(odds) + _SIMILARITY * (similarity - DEFAULT_ABSTENTION_THRESHOLD)
    return 1 / (1 + math.exp(-score))


def similarity_confidence(found: SearchResult, best: Quote) -> float:
    """Return the confidence that `best` answers the question: about 0.2 off topic, 0.5 for a near miss, 0.6 if it does.

    It is the weighted mean of four similarities: between the question and the sentence (with the preceding sentence, if
    that helps), between the question's words and the sentence, between the question's words and the passage, and
    between the passage and the question word that matches it worst ("chief executive", if the passage gives only the
    firm's location). Penalties are subtracted for facts that are missing from the article: each number in the question
    that is not in the passage, a name in the question that is neither in the title nor in the sentence or the one
    before, and a quantity, if the question asks for one and these two sentences contain none. For a script that the
    model cannot read, the confidence is based on the share of the question's keywords that the passage contains,
    weighted by rarity.
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
        _SENTENCE * sentence_similarity
        + _WORDS * words
        + _PASSAGE_WORDS * float(found.question.weights @ anywhere)
        + _WEAKEST * float(anywhere[found.question.content].min())
        - _MISSING_NUMBER * len(missing_numbers)
        - _MISSING_QUANTITY * lacks_quantity(asked, said)
        - _MISSING_NAME * bool(missing_names(asked, f"{hit.title} . {said}"))
    )
    return weighted / (_SENTENCE + _WORDS + _PASSAGE_WORDS + _WEAKEST)


def _with_sentence_before(features: PassageFeatures, best: Quote) -> tuple[int, int]:
    """Return the range of the sentence and the one before it, which may name the referent of "he" or "it"."""
    start, end = best.span.start - features.passage.start, best.span.end - features.passage.start
    before = [span.start for span in features.sentences if span.end <= start]
    return (before[-1] if before else start), end
