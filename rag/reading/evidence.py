"""The evidence: the sentences of the retrieved passages, ranked by how well they answer the question."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from index import FloatArray, PassageFeatures, SearchResult, Span, terms

from ..questions.classify import asked_kind, holds_kind, lacks_quantity

_PASSAGES = 5  # hits whose sentences compete
_IN_CONTEXT = 0.3
"""Weight of the cosine of question and sentence in its context: the whole thought, beside single words."""
_FROM_BEFORE = 0.6
"""A sentence may answer words of the question through the sentence before it, at this discount: "VBench rates video
models. Among 16 dimensions, …". Worth 2 points on SQuAD 2; 0.5 to 0.7 do alike, 1.0 loses 10 points."""
_PER_DEVIATION = 0.02  # for each standard deviation that a sentence's passage is behind the first one
_KIND = 0.06
"""For what is asked for: "how many" wants a number, "when" a date (flat from 0.03 to 0.10). And against a sentence
without any quantity, not even a vague one, where one is wanted (0 to 0.2 do alike on the development sets)."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a hit, in the article's offsets; `number` is the hit's.

    `matched` says how well each token of the question is answered in it, shape `(question tokens,)`;
    `sentence_similarity` is the cosine of question and sentence. `score` orders the sentences of one question.
    """

    number: int
    span: Span
    text: str
    score: float
    matched: FloatArray
    sentence_similarity: float


def rank_sentences(found: SearchResult) -> list[Quote]:
    """The sentences of the first hits by how well they answer the question, best first."""
    quotes = []
    for number, (hit, reading) in enumerate(zip(found.hits[:_PASSAGES], found.readings, strict=False), start=1):
        behind = _PER_DEVIATION * (hit.score - found.hits[0].score)
        passage = hit.passage
        thoughts = reading.vectors @ found.question.vector
        matches = _matches(found.similarities[number - 1], reading)
        for span, matched, sentence_similarity in zip(reading.sentences, matches, thoughts.tolist(), strict=True):
            text = passage.text[span.start : span.end]
            score = _score(found, text, matched, sentence_similarity) + behind
            place = Span(passage.start + span.start, passage.start + span.end)
            quotes.append(Quote(number, place, text, score, matched, sentence_similarity))
    return sorted(quotes, key=lambda quote: -quote.score)


def _score(found: SearchResult, text: str, matched: FloatArray, sentence_similarity: float) -> float:
    question = found.question
    if not question.readable:
        return shared_rarity(found, set(terms(text)))
    kind = asked_kind(question.text)
    fits = _KIND * (holds_kind(kind, question.text, text) - lacks_quantity(question.text, text)) if kind else 0.0
    return float(question.weights @ matched) + _IN_CONTEXT * sentence_similarity + fits


def _matches(similarity: FloatArray, reading: PassageFeatures) -> list[FloatArray]:
    """How well each token of the question fares in each sentence of a passage: an array of shape `(question tokens,)`
    for each sentence."""
    before = np.zeros(len(similarity), dtype=np.float32)
    matches = []
    for rows in reading.rows:
        # Beyond what the model reads there is nothing to match.
        here = similarity[:, rows].max(axis=1) if rows.start < rows.stop else np.zeros_like(before)
        matches.append(np.maximum(here, _FROM_BEFORE * before))
        before = here
    return matches


def shared_rarity(found: SearchResult, held: Collection[str]) -> float:
    """The share of the question's keywords that are among those `held`, the rare ones counting more; for a question in
    a script that the model does not know.
    """
    rarities = {term: found.keywords.rarity(term) for term in found.question.terms}
    return sum(rarity for term, rarity in rarities.items() if term in held) / max(sum(rarities.values()), 1e-9)
