"""The answer with no LLM: the sentence that answers best, quoted. It rewrites nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

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
_SECOND_SENTENCE = 0.97  # a second sentence is quoted when it scores at least this share of the first

_OPENS_WITH_PRONOUN = re.compile(
    r"\W*(?:(?:In|At|On|By|For|From|After|Before|With|During|Among|Of)\s+)?"
    r"(?:he|she|it|they|this|that|these|those|his|her|their|its|such|the latter|the former|both|there)\b",
    re.IGNORECASE,
)
_LIST_ITEM = re.compile(r"([-*+•·]|\d{1,3}[.)、])\s")
_OPENING_QUOTES = '“"„«‘「'


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
    for number, scored in enumerate(found.passages[:_PASSAGES], start=1):
        behind = _PER_DEVIATION * (scored.hit.score - found.passages[0].hit.score)
        passage, features = scored.hit.passage, scored.features
        similarities = (features.vectors @ found.question.vector).tolist()
        matches = _matches(scored.similarities, features)
        for span, matched, sentence_similarity in zip(features.sentences, matches, similarities, strict=True):
            text = passage.text[span.start : span.end]
            score = _score(found, text, matched, sentence_similarity) + behind
            place = Span(passage.start + span.start, passage.start + span.end)
            quotes.append(Quote(number, place, text, score, matched, sentence_similarity))
    return sorted(quotes, key=lambda quote: -quote.score)


def choose(ranked: Sequence[Quote], found: SearchResult) -> list[Quote]:
    """What to show: the best sentence with the neighbours that it cannot be understood without, and the next best when
    it is about as good and not among those."""
    best = _with_neighbours(ranked[0], found)
    others = [quote for quote in ranked[1:] if quote.score >= _SECOND_SENTENCE * best.score]
    return [best, *(quote for quote in others[:1] if quote.number != best.number or not quote.span.overlaps(best.span))]


def _with_neighbours(quote: Quote, found: SearchResult) -> Quote:
    """A sentence that opens with a pronoun brings the one before it, one that announces a list brings the list, and one
    that a quotation follows brings that: news writes "X named several options. “You could use A, B or C,” he said."
    """
    features = found.passages[quote.number - 1].features
    passage, spans = features.passage, features.sentences
    texts = [passage.text[span.start : span.end] for span in spans]
    first = last = next(i for i, span in enumerate(spans) if passage.start + span.start == quote.span.start)
    if first > 0 and _OPENS_WITH_PRONOUN.match(quote.text):
        first -= 1
    if quote.text.endswith(":"):
        while last + 1 < len(texts) and _LIST_ITEM.match(texts[last + 1]):
            last += 1
    elif last + 1 < len(texts) and texts[last + 1][0] in _OPENING_QUOTES:
        last += 1
    place = Span(spans[first].start, spans[last].end)
    span = Span(passage.start + place.start, passage.start + place.end)
    return replace(quote, span=span, text=passage.text[place.start : place.end])


def _score(found: SearchResult, text: str, matched: FloatArray, sentence_similarity: float) -> float:
    question = found.question
    if not question.readable:
        return shared_rarity(found, set(terms(text)))
    kind = asked_kind(question.text)
    fits = _KIND * (holds_kind(kind, question.text, text) - lacks_quantity(question.text, text)) if kind else 0.0
    return float(question.weights @ matched) + _IN_CONTEXT * sentence_similarity + fits


def _matches(similarities: FloatArray, features: PassageFeatures) -> list[FloatArray]:
    """How well each token of the question fares in each sentence of a passage: an array of shape `(question tokens,)`
    for each sentence."""
    before = np.zeros(len(similarities), dtype=np.float32)
    matches = []
    for rows in features.rows:
        # Beyond what the model reads there is nothing to match.
        here = similarities[:, rows].max(axis=1) if rows.start < rows.stop else np.zeros_like(before)
        matches.append(np.maximum(here, _FROM_BEFORE * before))
        before = here
    return matches


def shared_rarity(found: SearchResult, held: Collection[str]) -> float:
    """The share of the question's keywords that are among those `held`, the rare ones counting more; for a question in
    a script that the model does not know.
    """
    rarities = {term: found.bm25.rarity(term) for term in found.question.terms}
    return sum(rarity for term, rarity in rarities.items() if term in held) / max(sum(rarities.values()), 1e-9)
