"""The confidence that the articles answer a question, and the threshold below which the assistant abstains. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from index import PassageFeatures, SearchResult, Span, terms

from ..questions.answer_kinds import lacks_quantity
from ..text.entities import missing_names
from .evidence import Quote, shared_rarity
from .reader import Reading

DEFAULT_ABSTENTION_THRESHOLD, SIMILARITY_UNSURE_THRESHOLD = 0.33, 0.5
"""Below the first, the assistant abstains; below the second, its quotes are marked as unsure. On news that nobody tuned
on, near misses have nearly the same confidence as answerable questions, so a higher first threshold only loses answers:
0.435 refused 0.29 and 0.32 of the answerable questions of the claims files n1 and features, and 0.18 and 0.09 of the
near misses. At 0.33, 0.02 and 0.08 are refused, and 0.85 of the questions that are off topic. Above 0.5, the first
sentence is right for 0.71 and 0.81 of the questions, below it for 0.57 and 0.54."""

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

_FEW_PASSAGES, _PER_DECADE = 16, 0.1
"""The confidence is that of the best of all passages, so off topic it is lower where few are searched. Below 16
passages, the default threshold is lower by 0.1 for each tenth. In single short articles (agencies, features, w4 and
everyday, 1 to 8 passages each), 0.00 to 0.17 of the answerable questions are refused (0.02 to 0.56 at 0.33), and
0.66 to 0.92 of those that are off topic (0.91 to 0.99). It does not rise with more passages."""

_UNREADABLE_SCALE = DEFAULT_ABSTENTION_THRESHOLD / 0.25
"""Factor that converts the share of keywords, whose best threshold is 0.25 (XQuAD, Chinese), to the scale of the
similarities."""

UNSURE_PROBABILITY = 0.55
"""Probability, by the reader, that a passage answers, below which quotes are marked as unsure: 0.12 to 0.41 of the
answerable questions and 0.32 to 0.80 of the near misses in w4, features, agencies, squad2 and clapnq, which it was not
trained on (`training/fit.py`)."""

_NUMBER = re.compile(r"\d+")


Scale = Literal["probability", "similarity"]
"""What shows whether quotes are unsure: the probability by the reader, or without one, the confidence."""

UNSURE_THRESHOLDS: dict[Scale, float] = {
    "probability": UNSURE_PROBABILITY,
    "similarity": SIMILARITY_UNSURE_THRESHOLD,
}
"""The threshold on each scale below which quotes are unsure, unless the index has a calibrated one."""


@dataclass(frozen=True, slots=True)
class Certainty:
    """How certain it is that the articles answer a question: the confidence, and what shows whether quotes are unsure.

    `value` is on the scale `scale`.
    """

    confidence: float
    value: float
    scale: Scale


@dataclass(frozen=True, slots=True)
class ConfidenceSigns:
    """The signs for and against the articles answering a question, without the reader.

    The first four are similarities: between the question and the sentence (with the preceding sentence, if that helps),
    between the question's words and the sentence, between the question's words and the passage, and between the
    passage and the question word that matches it worst ("chief executive", if the passage gives only the firm's
    location). The others are facts that similarity does not capture: how many numbers in the question are not in the
    passage, whether the question asks for a quantity but the sentence and the one before contain none, and whether a
    name in the question is neither in the title nor in these two sentences.
    """

    sentence: float
    words: float
    passage_words: float
    weakest: float
    missing_numbers: int
    missing_quantity: bool
    missing_name: bool


def default_threshold(found: SearchResult) -> float:
    """Return the default threshold for a question, which is lower if few passages were searched.

    It is the same for all questions in a script that the model cannot read.
    """
    if not found.question.readable:
        return DEFAULT_ABSTENTION_THRESHOLD
    few = max(1, min(found.searched, _FEW_PASSAGES))
    return DEFAULT_ABSTENTION_THRESHOLD - _PER_DECADE * math.log10(_FEW_PASSAGES / few)


def read_probability(readings: Iterable[Reading]) -> float:
    """Return the probability, by the reader, that one of the passages answers the question."""
    return 1 / (1 + math.exp(-max(reading.logit for reading in readings)))


def similarity_confidence(found: SearchResult, best: Quote) -> float:
    """Return the confidence that `best` answers the question: about 0.2 off topic, 0.5 for a near miss, 0.6 if it does.

    It is the weighted mean of the similarities in `ConfidenceSigns`, with penalties for what is missing. For a script
    that the model cannot read, it is based on the share of the question's keywords that the passage contains, weighted
    by rarity.
    """
    if not found.question.readable:
        scored = found.passages[best.number - 1]
        return shared_rarity(found, scored.features.terms.union(terms(scored.hit.title))) * _UNREADABLE_SCALE
    signs = confidence_signs(found, best)
    weighted = (
        _SENTENCE * signs.sentence
        + _WORDS * signs.words
        + _PASSAGE_WORDS * signs.passage_words
        + _WEAKEST * signs.weakest
        - _MISSING_NUMBER * signs.missing_numbers
        - _MISSING_QUANTITY * signs.missing_quantity
        - _MISSING_NAME * signs.missing_name
    )
    return weighted / (_SENTENCE + _WORDS + _PASSAGE_WORDS + _WEAKEST)


def confidence_signs(found: SearchResult, best: Quote) -> ConfidenceSigns:
    """Return the signs for a question in a script that the encoder can read; `best` is the sentence to quote."""
    scored = found.passages[best.number - 1]
    hit, features = scored.hit, scored.features
    text = f"{hit.title} . {features.named.text}"
    start, end = _with_sentence_before(features, best)
    asked, said = found.question.text, features.named.part(Span(start, end))
    anywhere = scored.similarities.max(axis=1)
    together = features.vector(features.rows_between(start, end)) @ found.question.vector
    return ConfidenceSigns(
        sentence=max(best.sentence_similarity, float(together)),
        words=float(found.question.weights @ best.matched),
        passage_words=float(found.question.weights @ anywhere),
        weakest=float(anywhere[found.question.content].min()),
        missing_numbers=len(set(_NUMBER.findall(asked)) - set(_NUMBER.findall(text))),
        missing_quantity=lacks_quantity(asked, said),
        missing_name=bool(missing_names(asked, f"{hit.title} . {said}")),
    )


def _with_sentence_before(features: PassageFeatures, best: Quote) -> tuple[int, int]:
    """Return the range of the sentence and the one before it, which may name the referent of "he" or "it"."""
    start, end = best.span.start - features.passage.start, best.span.end - features.passage.start
    before = [span.start for span in features.sentences if span.end <= start]
    return (before[-1] if before else start), end
