"""The evidence: the sentences of the retrieved passages, ranked by how well they answer the question."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from index import FloatArray, PassageFeatures, Question, SearchResult, Span, terms

from ..questions.answer_kinds import asked_kind, holds_kind, lacks_quantity
from .document import is_title, sentence_role
from .pairs import SIMILARITY_SCALE
from .reader import Pair, Reader, Reading

_PASSAGES = 5  # maximum number of passages whose sentences are ranked
_SENTENCE_SIMILARITY = 0.3
"""Weight of the cosine between question and sentence, which is added to the similarities of single words."""
_FROM_BEFORE = 0.6
"""Weight of a match between a question word and the sentence before, which often names the topic: "VBench rates video
models. Among 16 dimensions, …". It gains 2 points on SQuAD 2; 0.5 to 0.7 give the same result, 1.0 loses 10 points."""
_FROM_HEADING = 1.0
"""The same for a question or a heading before."""
_PER_DEVIATION = 0.02  # penalty for each standard deviation between the scores of a passage and the first passage
_KIND = 0.06
"""Bonus for a sentence that contains the kind of answer that the question asks for: "how many" asks for a number,
"when" for a date (0.03 to 0.10 give the same result). Also the penalty for a sentence without any quantity, even a
vague one, when the question asks for one (0 to 0.2 give the same result on the development sets)."""
_READ = 0.625 / SIMILARITY_SCALE
"""Weight of the reader's logit of a sentence. It is less than the weight in training, because the reader is too sure of
texts that it was not trained on: the first sentence is right for 0.752 of the questions in w4, features, agencies,
SQuAD 2 and CLAP-NQ (0.746 with half of the weight, 0.730 with the whole weight, 0.717 without the reader). The logit of
the passage adds nothing."""
_SPREAD = 10.0
"""A logit that is lower than the highest one by more than this counts as if it were lower by this: among sentences that
the reader rates as hopeless, the similarity decides. The figures of the five sets are the same without it."""
_REACH = 0.125
"""The reader reads the passages whose best sentence is at most this much less similar than the best one of all: 1.1 to
2 of five, for the same first sentences (0.05 to 0.3 differ by one question)."""


Readings = Mapping[int, Reading]
"""The reader's results by the number of the passage."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence in a passage, with offsets in the article; `number` is the passage number.

    The `text` of a row of a table has the names of its columns, which may be elsewhere in the article.
    `matched` contains the similarity of each question token, shape `(question tokens,)`; `sentence_similarity` is the
    cosine between question and sentence. `score` orders the sentences found for one question.
    """

    number: int
    span: Span
    text: str
    score: float
    matched: FloatArray
    sentence_similarity: float


def read_passages(found: SearchResult, reader: Reader, ranked: Sequence[Quote], reach: float = _REACH) -> Readings:
    """Return the reader's results for passages by their number; none for a question in a script that it cannot read.

    `ranked` are the sentences by similarity. A passage is only read if the score of its best sentence is at most
    `reach` below that of the first one. Raises `CitechatError` if the reader cannot be loaded.
    """
    if not found.question.readable or not ranked:
        return {}
    numbers = sorted({quote.number for quote in ranked if quote.score >= ranked[0].score - reach})
    pairs = []
    for number in numbers:
        scored = found.passages[number - 1]
        named = scored.features.named
        spans = tuple(map(named.named, scored.features.sentences))
        pairs.append(Pair(found.question.text, named.text, spans, scored.hit.title))
    return dict(zip(numbers, reader.read("question", pairs), strict=True))


def with_readings(found: SearchResult, ranked: Sequence[Quote], readings: Readings) -> list[Quote]:
    """Return sentences that are ranked by similarity in the order that the reader's results give them.

    Sentences in passages that were not read count like the one that the reader rates lowest.
    """
    if not readings:
        return list(ranked)
    starts = {
        number: [found.passages[number - 1].hit.passage.start + span.start for span in features.sentences]
        for number in readings
        for features in [found.passages[number - 1].features]
    }
    logits = [logit for reading in readings.values() for logit in reading.sentences]
    lowest = max(min(logits), max(logits) - _SPREAD)
    changed = []
    for quote in ranked:
        logit = lowest
        if quote.number in readings:
            logit = readings[quote.number].sentences[starts[quote.number].index(quote.span.start)]
            logit = max(logit, lowest)
        changed.append(replace(quote, score=quote.score + _READ * logit))
    return sorted(changed, key=lambda quote: -quote.score)


def rank_sentences(found: SearchResult) -> list[Quote]:
    """Return the sentences in the first passages, starting with the one that is most similar to the question."""
    quotes = []
    for number, scored in enumerate(found.passages[:_PASSAGES], start=1):
        penalty = _PER_DEVIATION * (scored.hit.score - found.passages[0].hit.score)
        passage, features = scored.hit.passage, scored.features
        matches, similarities, scores = sentence_scores(found.question, features, scored.similarities)
        for i, span in enumerate(features.sentences):
            text = features.texts[i]
            score = scores[i] if found.question.readable else shared_rarity(found, set(terms(text)))
            in_article = Span(passage.start + span.start, passage.start + span.end)
            quotes.append(Quote(number, in_article, text, score + penalty, matches[i], similarities[i]))
    said = [quote for quote in quotes if _is_statement(quote, found)]
    return sorted(said or quotes, key=lambda quote: -quote.score)


def _is_statement(quote: Quote, found: SearchResult) -> bool:
    """Return whether a sentence can be an answer, unlike a question, a heading or the title."""
    scored = found.passages[quote.number - 1]
    title, start = scored.hit.title, scored.hit.passage.start
    span = Span(quote.span.start - start, quote.span.end - start)
    return sentence_role(scored.features, span, quote.text) == "statement" and not is_title(quote.text, title)


def shared_rarity(found: SearchResult, held: Collection[str]) -> float:
    """Return the share of the question's keywords that are in `held`, weighted by rarity.

    It replaces the similarities for a question in a script that the model cannot read.
    """
    rarities = {term: found.bm25.rarity(term) for term in found.question.terms}
    return sum(rarity for term, rarity in rarities.items() if term in held) / max(sum(rarities.values()), 1e-9)


def sentence_scores(
    question: Question, features: PassageFeatures, similarities: FloatArray
) -> tuple[list[FloatArray], list[float], list[float]]:
    """Return for each sentence in a passage: the similarity of each question token, the cosine with the question, and
    the score that these give.

    `similarities` are those of each question token with each token of the passage, shape `(question tokens, tokens)`.
    """
    matches = _matches(similarities, features)
    cosines = (features.vectors @ question.vector).tolist()
    kind, scores = asked_kind(question.text), []
    for text, matched, cosine in zip(features.texts, matches, cosines, strict=True):
        fits = holds_kind(kind, question.text, text) - lacks_quantity(question.text, text) if kind else 0
        scores.append(float(question.weights @ matched) + _SENTENCE_SIMILARITY * cosine + _KIND * fits)
    return matches, cosines, scores


def _matches(similarities: FloatArray, features: PassageFeatures) -> list[FloatArray]:
    """Return, for each sentence in a passage, the similarity of each question token.

    A match with a question or a heading counts for the sentence after it, which answers it or is below it.
    """
    before = np.zeros(len(similarities), dtype=np.float32)
    weight = _FROM_BEFORE
    matches = []
    for rows, span, text in zip(features.rows, features.sentences, features.texts, strict=True):
        # A sentence beyond the model's context has no tokens to match.
        here = similarities[:, rows].max(axis=1) if rows.start < rows.stop else np.zeros_like(before)
        matches.append(np.maximum(here, weight * before))
        is_statement = sentence_role(features, span, text) == "statement"
        before, weight = here, _FROM_BEFORE if is_statement else _FROM_HEADING
    return matches
