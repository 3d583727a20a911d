"""Answers without an LLM: the sentences that answer the question best are quoted word for word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from index import PassageFeatures, SearchResult, Span, terms

from ..answer import Answer, Sentence
from ..grounding.versions import difference, existing_first, newest_first, without_copies
from ..prompts import without_markers
from ..questions.answer_kinds import cell_answer, short_answer
from ..reading.document import role_of
from ..reading.evidence import Quote
from ..text.entities import missing_names

_FURTHER, _MOST = 0.87, 3
"""Minimum score of a further sentence, as a share of the best one's, and maximum number of sentences. On the claims
files n1, w1 and features, some evidence is then quoted for 0.78 to 0.93 of the questions instead of 0.66 to 0.87, by
1.7 to 2.0 sentences instead of 1.2."""
_FURTHER_OF_MANY, _MOST_OF_MANY = 0.82, 5
"""The same for questions whose answer usually has several parts: why, how, lists and comparisons."""
_AROUND = 2
"""Number of the best sentences that are quoted with the sentences before and after them, for such questions. On the
claims files n1 and n4, the best two with their neighbours have all evidence of 0.41 and 0.38 of the questions that need
several places, in 4.5 sentences; the best four sentences alone have it for 0.36 and 0.31."""
_REASON_BONUS = 0.05  # for a sentence that carries a reason, added to its score
_GIVES_A_REASON = re.compile(
    r"\b(?:because|since|due to|owing to|thanks to|as a result|therefore|so that|in order to|led to|leads to|reasons?"
    r"|caus(?:e[sd]?|ing)|driven by|result(?:s|ed|ing)? (?:in|from)|amid|partly|concern|in response to|why|which means"
    r"|forc(?:ed|ing)|by \w+ing|to (?:avoid|prevent|help|keep|allow|cut|reduce|protect|improve))\b"
    r"|因为|由于|所以|因此|导致|原因|为了",
    re.IGNORECASE,
)

_OPENS_WITH_PRONOUN = re.compile(
    r"\W*(?:(?:In|At|On|By|For|From|After|Before|With|During|Among|Of)\s+)?"
    r"(?:he|she|it|they|this|that|these|those|his|her|their|its|such|the latter|the former|both|there)\b",
    re.IGNORECASE,
)
_LIST_ITEM = re.compile(r"([-*+•·]|\d{1,3}[.)、])\s")
_QUOTED = re.compile(r"[“\"„«「][^“”\"»」]*[”\"»」]?")
_OPENING_QUOTES = '“"„«‘「'


def quote(answer: Answer, ranked: Sequence[Quote], found: SearchResult, *, many: bool = False) -> Answer:
    """Return the answer with the best quotes: sentences copied verbatim, each with the number of its passage.

    Only an article's own "[3]" is written "(3)", so that it is not taken for a citation.

    A sentence that several articles have is quoted once. If articles give different figures, these are quoted first,
    and a note says so. With `many`, for questions whose answer usually has several parts, more sentences are quoted.
    """
    text = ""
    sentences = []
    ranked = newest_first(answer.search_query, without_copies(ranked, found), found)
    differing = difference(answer.search_query, ranked, found)
    if differing is not None:
        answer = replace(answer, notes=(*answer.notes, differing.note))
    for chosen in choose(ranked, found, many=many, first=differing.quotes if differing else ()):
        start = len(text) + (1 if text else 0)
        shown = without_markers(chosen.text)
        cited = f"{shown} [{chosen.number}]"
        text = f"{text} {cited}" if text else cited
        find = cell_answer if _is_row(chosen, found) else short_answer
        short = find(answer.search_query, chosen.text)
        focus = Span(start + short.start, start + short.end) if short else None
        sentences.append(Sentence(start, start + len(cited), shown, (chosen.number,), (chosen.span,), "quoted", focus))
    return replace(answer, text=text, sentences=tuple(sentences))


def choose(
    ranked: Sequence[Quote], found: SearchResult, *, many: bool = False, first: Sequence[Quote] = ()
) -> list[Quote]:
    """Return the best sentence with the neighbours it depends on, and others whose score is nearly as high.

    The quotes in `first` come first, and those from articles whose file no longer exists last.

    With `many`, sentences that carry a reason are preferred, the best ones are quoted with those around them, and there
    may be more of them.
    """
    if many:
        ranked = sorted(ranked, key=lambda each: -each.score - _REASON_BONUS * bool(_GIVES_A_REASON.search(each.text)))
    most, share = (_MOST_OF_MANY, _FURTHER_OF_MANY) if many else (_MOST, _FURTHER)
    least = share * ranked[0].score if ranked[0].score > 0 else ranked[0].score
    chosen: list[Quote] = [_with_neighbours(each, found) for each in first]
    for each in ranked:
        if (each.score < least and not (many and len(chosen) < _AROUND)) or _overlaps(each, chosen):
            continue
        if chosen and _is_other_row(each, ranked[0], found):
            continue
        around = many and len(chosen) < _AROUND
        wider = [_with_neighbours(each, found, around=around), _with_neighbours(each, found)]
        chosen.append(next((quoted for quoted in wider if not _overlaps(quoted, chosen)), each))
        if len(chosen) >= most:
            break
    return existing_first(chosen, found)


def _is_other_row(quote: Quote, best: Quote, found: SearchResult) -> bool:
    """Return whether a quote is a row of a table with fewer words of the question than the best quote, also a row.

    The rows of a table are similar to each other, whatever they are about.
    """
    if not (_is_row(quote, found) and _is_row(best, found)):
        return False
    return not set(found.question.terms) & set(terms(best.text)) <= set(terms(quote.text))


def _is_row(quote: Quote, found: SearchResult) -> bool:
    features = found.passages[quote.number - 1].features
    start = features.passage.start
    return Span(quote.span.start - start, quote.span.end - start) in features.rows_of_tables


def _overlaps(quote: Quote, chosen: Sequence[Quote]) -> bool:
    return any(quote.number == one.number and quote.span.overlaps(one.span) for one in chosen)


def _with_neighbours(quote: Quote, found: SearchResult, *, around: bool = False) -> Quote:
    """Extend a quote to include the sentences that are needed to understand it.

    They are the sentence before a sentence that begins with a pronoun, the list that a colon introduces, and the
    quotation that follows a sentence such as: X named several options. “You could use A, B or C,” he said, unless it is
    of somebody else. With `around`, so are the statements before and after it in its paragraph.
    """
    features = found.passages[quote.number - 1].features
    passage, spans, texts = features.passage, features.sentences, features.texts
    first = last = next(i for i, span in enumerate(spans) if passage.start + span.start == quote.span.start)
    if first > 0 and _OPENS_WITH_PRONOUN.match(quote.text):
        first -= 1
    if quote.text.endswith(":"):
        while last + 1 < len(texts) and _LIST_ITEM.match(texts[last + 1]):
            last += 1
    elif last + 1 < len(texts) and _continues(texts[last + 1], quote.text):
        last += 1
    if around:
        first, last = _around(features, first, last)
    start, end = spans[first].start, spans[last].end
    span = Span(passage.start + start, passage.start + end)
    return replace(quote, span=span, text=features.named.part(Span(start, end)))


def _continues(following: str, text: str) -> bool:
    """Return whether a sentence is a quotation that continues the sentence `text`, of nobody else than it names."""
    return following[0] in _OPENING_QUOTES and not missing_names(_QUOTED.sub(" ", following), text)


def _around(features: PassageFeatures, first: int, last: int) -> tuple[int, int]:
    """Return the indices of the first and last sentence with the statements around them in the same paragraph."""
    text, spans = features.passage.text, features.sentences
    rows = features.rows_of_tables
    if spans[first] in rows:
        return first, last

    def belongs(at: int, gap: str) -> bool:
        return "\n\n" not in gap and role_of(features.texts[at]) == "statement" and spans[at] not in rows

    before, after = first, last
    if first > 0 and belongs(first - 1, text[spans[first - 1].end : spans[first].start]):
        before -= 1
    if last + 1 < len(spans) and belongs(last + 1, text[spans[last].end : spans[last + 1].start]):
        after += 1
    return before, after
