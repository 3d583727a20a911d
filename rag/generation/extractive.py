"""The answer without an LLM: it quotes the sentences that answer best and rewrites nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from index import SearchResult, Span

from ..answer import Answer, Sentence
from ..questions.classify import short_answer
from ..reading.evidence import Quote

_SECOND_SENTENCE = 0.97  # a second sentence is quoted when it scores at least this share of the first

_OPENS_WITH_PRONOUN = re.compile(
    r"\W*(?:(?:In|At|On|By|For|From|After|Before|With|During|Among|Of)\s+)?"
    r"(?:he|she|it|they|this|that|these|those|his|her|their|its|such|the latter|the former|both|there)\b",
    re.IGNORECASE,
)
_LIST_ITEM = re.compile(r"([-*+•·]|\d{1,3}[.)、])\s")
_OPENING_QUOTES = '“"„«‘「'


def quote(answer: Answer, ranked: Sequence[Quote], found: SearchResult) -> Answer:
    """Return the best quotes as an answer: each sentence verbatim, with the number of its passage."""
    text = ""
    sentences = []
    for chosen in choose(ranked, found):
        start = len(text) + (1 if text else 0)
        marked = f"{chosen.text} [{chosen.number}]"
        text = f"{text} {marked}" if text else marked
        short = short_answer(answer.search_query, chosen.text)
        focus = Span(start + short.start, start + short.end) if short else None
        end = start + len(marked)
        sentences.append(Sentence(start, end, chosen.text, (chosen.number,), (chosen.span,), "quoted", focus))
    return replace(answer, text=text, sentences=tuple(sentences))


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
    passage = found.hits[quote.number - 1].passage
    spans = found.readings[quote.number - 1].sentences
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
