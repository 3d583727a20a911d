"""Answers without an LLM: the sentences that answer the question best are quoted word for word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from index import SearchResult, Span

from ..answer import Answer, Sentence
from ..questions.classify import short_answer
from ..reading.evidence import Quote

_SECOND_SENTENCE = 0.97  # minimum score of a second quoted sentence, as a share of the first sentence's score

_OPENS_WITH_PRONOUN = re.compile(
    r"\W*(?:(?:In|At|On|By|For|From|After|Before|With|During|Among|Of)\s+)?"
    r"(?:he|she|it|they|this|that|these|those|his|her|their|its|such|the latter|the former|both|there)\b",
    re.IGNORECASE,
)
_LIST_ITEM = re.compile(r"([-*+•·]|\d{1,3}[.)、])\s")
_OPENING_QUOTES = '“"„«‘「'


def quote(answer: Answer, ranked: Sequence[Quote], found: SearchResult) -> Answer:
    """Return the answer with the best quotes: sentences copied verbatim, each with the number of its passage."""
    text = ""
    sentences = []
    for chosen in choose(ranked, found):
        start = len(text) + (1 if text else 0)
        cited = f"{chosen.text} [{chosen.number}]"
        text = f"{text} {cited}" if text else cited
        short = short_answer(answer.search_query, chosen.text)
        focus = Span(start + short.start, start + short.end) if short else None
        sentences.append(
            Sentence(start, start + len(cited), chosen.text, (chosen.number,), (chosen.span,), "quoted", focus)
        )
    return replace(answer, text=text, sentences=tuple(sentences))


def choose(ranked: Sequence[Quote], found: SearchResult) -> list[Quote]:
    """Return the best sentence with the neighbours it depends on, and the second best if its score is about as high."""
    best = _with_neighbours(ranked[0], found)
    others = [quote for quote in ranked[1:] if quote.score >= _SECOND_SENTENCE * best.score]
    return [best, *(quote for quote in others[:1] if quote.number != best.number or not quote.span.overlaps(best.span))]


def _with_neighbours(quote: Quote, found: SearchResult) -> Quote:
    """Extend a quote to include the sentences that are needed to understand it.

    They are the sentence before a sentence that begins with a pronoun, the list that a colon introduces, and the
    quotation that follows a sentence such as: X named several options. “You could use A, B or C,” he said.
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
    start, end = spans[first].start, spans[last].end
    span = Span(passage.start + start, passage.start + end)
    return replace(quote, span=span, text=passage.text[start:end])
