"""The parts of an answer that an evaluation measures, read from an `Answer` or from a line of JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

from pydantic import AliasChoices, BaseModel, Field, ValidationError

from index import Span

from ..answer import Answer, Citation, Support
from ..errors import TestSetError

_MOST_NAMES = 50
_Name = Annotated[str, Field(max_length=50)]
_Seconds = Annotated[float, Field(ge=0, le=1e9)]
_Count = Annotated[int, Field(ge=0, le=10**12)]


class ArticleSpan(NamedTuple):
    """The characters `[start, end)` in an article."""

    article_id: str
    start: int
    end: int

    @property
    def span(self) -> Span:
        """The offsets without the article."""
        return Span(self.start, self.end)

    def overlaps(self, other: ArticleSpan) -> bool:
        """Return whether both spans have at least one character in common, in the same article."""
        return self.article_id == other.article_id and self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class AnswerSentence:
    """A sentence in an answer, without its markers; `numbers` are the numbers of the passages that it cites."""

    text: str
    numbers: tuple[int, ...]
    support: Support


@dataclass(frozen=True, slots=True)
class CitedSpan:
    """A citation: the characters that it points to, and the quote, which should be equal to their text.

    `before` and `after` are the surrounding text in the cited passage, as far as the answer includes it.
    """

    number: int
    place: ArticleSpan
    quote: str
    title: str = ""
    source: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """The parts of an answer that are measured, or that a person needs to understand the result.

    `text` does not contain citation markers. `sources` maps the id of each article to the source in the answer, if it
    has one. `seconds` is the duration of each stage, and `tokens` the number of the LLM's input and output tokens.
    """

    text: str
    found: bool
    sentences: tuple[AnswerSentence, ...] = ()
    citations: tuple[CitedSpan, ...] = ()
    hits: tuple[ArticleSpan, ...] = ()
    confidence: float = 0.0
    sources: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_answer(cls, answer: Answer) -> Reply:
        """Return the reply for an `Answer`."""
        hits = [
            (ArticleSpan(each.article_id, each.start, each.end), each.text)
            for each in (hit.passage for hit in answer.hits)
        ]
        return cls._from_parts(answer, hits, {hit.passage.article_id: hit.source for hit in answer.hits})

    @classmethod
    def from_json(cls, line: str | bytes) -> Reply:
        """Return the reply for a JSON object in the format that the command line prints (`Answer.to_dict`).

        Raises `TestSetError`, which names the field, if the object has a different format.
        """
        try:
            printed = _PrintedAnswer.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = ".".join(str(part) for part in first["loc"]) or "the whole line"
            raise TestSetError(
                f"Cannot read an answer: {name!r}: {first['msg']}",
                "Give one JSON object per line, as `citechat ask --batch` prints it.",
            ) from None
        hits = [(ArticleSpan(hit.article_id, hit.start, hit.end), hit.text) for hit in printed.hits]
        return cls._from_parts(printed, hits, {cited.article_id: cited.source for cited in printed.citations})

    @classmethod
    def _from_parts(
        cls, answer: Answer | _PrintedAnswer, hits: Sequence[tuple[ArticleSpan, str]], sources: Mapping[str, str]
    ) -> Reply:
        """Return the reply for an answer; `hits` contains the passages retrieved for it, each with its text."""
        return cls(
            text=" ".join(sentence.text for sentence in answer.sentences) if answer.sentences else answer.text,
            found=answer.found,
            sentences=tuple(AnswerSentence(each.text, each.numbers, each.support) for each in answer.sentences),
            citations=tuple(_cited_span(cited, hits) for cited in answer.citations),
            hits=tuple(span for span, _ in hits),
            confidence=answer.confidence,
            sources=sources,
            seconds=dict(answer.timings),
            tokens=dict(answer.tokens),
        )


def _cited_span(cited: Citation | _PrintedCitation, hits: Sequence[tuple[ArticleSpan, str]]) -> CitedSpan:
    """Return the citation with the surrounding text from the passage that it cites."""
    place = ArticleSpan(cited.article_id, cited.start, cited.end)
    passage, text = hits[cited.number - 1] if 0 < cited.number <= len(hits) else (place, "")
    first, last = cited.start - passage.start, cited.end - passage.start
    is_inside = 0 <= first <= last <= len(text)
    return CitedSpan(
        cited.number,
        place,
        cited.quote,
        title=cited.title,
        source=cited.source,
        before=text[:first] if is_inside else "",
        after=text[last:] if is_inside else "",
    )


_Offset = Annotated[int, Field(ge=0)]


class _PrintedSentence(BaseModel):
    text: str
    numbers: tuple[int, ...] = Field(default=(), validation_alias="citations")
    support: Support = "unsupported"


class _PrintedCitation(BaseModel):
    number: int
    article_id: str
    title: str = ""
    source: str
    start: _Offset
    end: _Offset
    quote: str


class _PrintedHit(BaseModel):
    article_id: str
    start: _Offset
    end: _Offset
    text: str = ""


class _PrintedAnswer(BaseModel):
    # Keys that are not measured (model, notes, …) may vary: unlike in a test set, they do not change any figure.
    text: str
    found: bool
    sentences: tuple[_PrintedSentence, ...]
    citations: tuple[_PrintedCitation, ...]
    hits: tuple[_PrintedHit, ...]
    confidence: float = Field(default=0.0, validation_alias=AliasChoices("confidence", "trust"))
    timings: dict[_Name, _Seconds] = Field(default_factory=dict, max_length=_MOST_NAMES)
    tokens: dict[_Name, _Count] = Field(default_factory=dict, max_length=_MOST_NAMES)
