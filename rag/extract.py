"""The answer with no LLM: the sentence that answers best, quoted. It rewrites nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from index import Encoder, Hit, Span, sentences, terms

_SECOND_SENTENCE = 0.95  # a second sentence is quoted when it scores at least this share of the first


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a hit: `number` is the hit's, `span` is in the article's offsets."""

    number: int
    span: Span
    text: str
    score: float


def rank_sentences(question: str, hits: Sequence[Hit], encoder: Encoder) -> list[Quote]:
    """The sentences of `hits` by how well they answer `question`, best first.

    A score in 0..1: half the cosine of question and sentence, half the share of the question's words in the sentence.
    """
    places = [
        (number, span, hit.passage.text[span.start : span.end])
        for number, hit in enumerate(hits, start=1)
        for span in sentences(hit.passage.text)
    ]
    if not places:
        return []
    cosines = encoder.passages([text for _, _, text in places]) @ encoder.query(question)
    wanted = set(terms(question))
    quotes = []
    for (number, span, text), cosine in zip(places, cosines, strict=True):
        shared = len(wanted & set(terms(text))) / len(wanted) if wanted else 0.0
        start = hits[number - 1].passage.start
        place = Span(start + span.start, start + span.end)
        quotes.append(Quote(number, place, text, 0.5 * float(cosine) + 0.5 * shared))
    return sorted(quotes, key=lambda quote: -quote.score)


def choose(ranked: Sequence[Quote]) -> list[Quote]:
    """The one or two sentences to show: the best, and the next when it is about as good."""
    return [quote for quote in ranked[:2] if quote.score >= _SECOND_SENTENCE * ranked[0].score]
