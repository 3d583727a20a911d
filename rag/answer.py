"""Answers: sentences that point to exact characters in the articles. Pure values, no I/O.

Only the text, its sentences and the hits are stored; citations are derived from them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from index import Hit, Span

Support = Literal["quoted", "supported", "weak", "unsupported"]
"""The degree to which the cited passage supports a sentence: word for word, in other words, in part, or not at all."""

Role = Literal["user", "assistant"]

NOT_FOUND = "The articles do not say."
"""The text of an abstention, and the line that the prompt tells the LLM to write when it abstains."""

UNSURE = "This may be what you are looking for. The articles may not answer the question."
"""The note on quotes with a low confidence."""

SHOWING = "Showing results for “{query}”."
"""The note on an answer to a question whose misspelt words were corrected."""

NOT_READ = "The text beside the question was not read. To ask about it, add it to the articles."
"""The note on an answer to a question in a long message that also contains a pasted text."""

NOT_FROM_ARTICLES = "Written for the client from the conversation, not from the articles, and not checked."
"""The note on a reply to a prompt that a chat application sends for itself, such as for a title."""

NO_OPINION = "I have no opinion: I only report what the articles say."
"""The note on an abstention if the assistant was asked what it thinks."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A message in the conversation so far."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A finished sentence of an answer: `answer.text[start:end]`, including its citation markers.

    `text` is the sentence without markers. `numbers` are its valid markers, in order. For each marker, `evidence`
    contains the span that supports the sentence, as offsets in the article. `focus` is the short answer inside a quoted
    sentence, if one was found, as a span in the answer's text. `citation_corrected` is True if the LLM's citations were
    changed: replaced with the passage that supports the sentence, or reduced to the passages that do. `reason` says why
    the sentence is not confirmed; it is empty if the sentence is supported.
    """

    start: int
    end: int
    text: str
    numbers: tuple[int, ...]
    evidence: tuple[Span, ...]
    support: Support
    focus: Span | None = None
    citation_corrected: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """The evidence for a sentence: `article.text[start:end] == quote`.

    `page` is the page on which the quote begins, if the article has pages; `also` lists other outlets that published
    the same words.
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

    The marker `[n]` in `text` points to `hits[n - 1]`; the prompt, the text, the source panel and exports use the same
    numbers. `found` is False if the assistant abstained; such an answer has no citations. `confidence` estimates
    whether the articles answer the question: compare it with a threshold, but do not show it as a percentage. `timings`
    contains the duration of each stage in seconds. `searched` is the number of articles in which nothing was found, for
    an abstention without an LLM. `tokens` contains the LLM's token counts, "in" and "out", if its
    provider reports them. `notes` are short remarks for the user, for example that the LLM failed and the articles are
    quoted instead. `reasoning` is what the LLM thought before it answered, if the provider reports it; it is neither
    checked nor sent back to the LLM.
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
    reasoning: str = ""
    done: bool = False
    searched: int = 0

    @property
    def is_unsure(self) -> bool:
        """Whether the assistant quotes the articles, but the confidence that they answer the question is low."""
        return UNSURE in self.notes

    @property
    def citations(self) -> tuple[Citation, ...]:
        """One citation for each distinct span that the sentences point to, in the order of the text."""
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
        """Return the answer as the JSON object that the command line and the API print."""
        sentences = [
            {
                "text": sentence.text,
                "citations": list(sentence.numbers),
                "support": sentence.support,
                "citation_corrected": sentence.citation_corrected,
                "moved": sentence.citation_corrected,  # deprecated name
                "reason": sentence.reason,
                "focus": self.text[sentence.focus.start : sentence.focus.end] if sentence.focus else None,
            }
            for sentence in self.sentences
        ]
        hits = [
            {
                "article_id": hit.passage.article_id,
                "start": hit.passage.start,
                "end": hit.passage.end,
                "text": hit.passage.text,
                "score": hit.score,
            }
            for hit in self.hits
        ]
        return {
            "question": self.question,
            "text": self.text,
            "found": self.found,
            "unsure": self.is_unsure,
            "model": self.model,
            "search_query": self.search_query,
            "sentences": sentences,
            "citations": [asdict(citation) | {"also": list(citation.also)} for citation in self.citations],
            "hits": hits,
            "confidence": self.confidence,
            "trust": self.confidence,  # deprecated name
            "timings": self.timings,
            "tokens": self.tokens,
            "notes": list(self.notes),
        }
