"""What an answer is: sentences that point at exact characters of the articles. Pure values, no I/O.

The text and its sentences are the only truth; citations are derived from them and from the hits, never stored beside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from index import Hit, Span

Support = Literal["quoted", "supported", "weak", "unsupported"]
"""Whether the cited passage says what the sentence says: word for word, in other words, in part, or not."""

Role = Literal["user", "assistant"]

NOT_FOUND = "The articles do not say."
"""What an answer says when it has found nothing. The one line that an LLM is asked to reply with, too."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation so far."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A finished sentence of an answer: `answer.text[start:end]`, its citation markers included.

    `text` is the sentence without markers. `numbers` are the valid markers in it, in order; `evidence` gives for each
    of them the span of the article that carries the sentence, in the article's own offsets. `focus` is the short answer
    inside a quoted sentence, where it can be told, as a place in the answer's text. `citation_corrected` is
    True when the model cited other passages, or none, and the citation now points at the passage that supports it.
    """

    start: int
    end: int
    text: str
    numbers: tuple[int, ...]
    evidence: tuple[Span, ...]
    support: Support
    focus: Span | None = None
    citation_corrected: bool = False


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a sentence of the answer stands in an article: `article.text[start:end] == quote`.

    `page` is the page that it begins on, where the article has pages; `also` are other outlets that carry the same
    words.
    """

    number: int
    article_id: str
    title: str
    source: str
    published: str | None
    start: int
    end: int
    quote: str
    support: Support
    author: str | None = None
    language: str | None = None
    page: int | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, or the state of one that is still being written (`done=False`).

    `hits[n - 1]` is what the marker `[n]` in `text` points at: one numbering for prompt, text, panel and export.
    `found` is False when the articles do not say; such an answer carries no citation. `confidence` is how likely it is
    that they do: to be compared with a threshold, never shown as a percentage. `timings` are seconds per stage.
    `tokens` are those that went "in" to an LLM and came "out", where its provider tells.
    `notes` are short remarks for the reader, such as that the model failed and the answer was quoted instead.
    """

    question: str
    text: str = ""
    found: bool = True
    model: str = "extractive"
    search_query: str = ""
    sentences: tuple[Sentence, ...] = ()
    hits: tuple[Hit, ...] = ()
    confidence: float = 0.0
    timings: dict[str, float] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    done: bool = False

    @property
    def citations(self) -> tuple[Citation, ...]:
        """One citation for each distinct place that the sentences point at, in the order of the text."""
        seen: dict[tuple[int, Span], Citation] = {}
        for sentence in self.sentences:
            for number, span in zip(sentence.numbers, sentence.evidence, strict=True):
                seen.setdefault((number, span), self._citation(number, span, sentence.support))
        return tuple(seen.values())

    def _citation(self, number: int, span: Span, support: Support) -> Citation:
        hit = self.hits[number - 1]
        passage = hit.passage
        return Citation(
            number=number,
            article_id=passage.article_id,
            title=hit.title,
            source=hit.source,
            published=hit.published,
            start=span.start,
            end=span.end,
            quote=passage.text[span.start - passage.start : span.end - passage.start],
            support=support,
            author=hit.author,
            language=hit.language,
            page=hit.page(span.start),
            also=hit.also,
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that the command line prints and programs read."""
        return {
            "question": self.question,
            "text": self.text,
            "found": self.found,
            "model": self.model,
            "search_query": self.search_query,
            "sentences": [
                {
                    "text": s.text,
                    "citations": list(s.numbers),
                    "support": s.support,
                    "moved": s.citation_corrected,
                    "focus": self.text[s.focus.start : s.focus.end] if s.focus else None,
                }
                for s in self.sentences
            ],
            "citations": [
                {
                    "number": c.number,
                    "article_id": c.article_id,
                    "title": c.title,
                    "source": c.source,
                    "also": list(c.also),
                    "author": c.author,
                    "published": c.published,
                    "language": c.language,
                    "page": c.page,
                    "start": c.start,
                    "end": c.end,
                    "quote": c.quote,
                    "support": c.support,
                }
                for c in self.citations
            ],
            "hits": [
                {
                    "article_id": h.passage.article_id,
                    "start": h.passage.start,
                    "end": h.passage.end,
                    "text": h.passage.text,
                    "score": h.score,
                }
                for h in self.hits
            ],
            "trust": self.confidence,
            "timings": self.timings,
            "tokens": self.tokens,
            "notes": list(self.notes),
        }
