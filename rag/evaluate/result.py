"""The result of an evaluation: one `CaseResult` for each question, in a `Report`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import AliasChoices, ConfigDict, Field

from ..answer import Support
from .reply import AnswerSentence, ArticleSpan, CitedSpan


@dataclass(frozen=True, slots=True)
class Cost:
    """The duration of each stage of an answer in seconds, and "total", and the numbers of tokens "in" and "out"."""

    seconds: Mapping[str, float] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A question and its answer, from which every measure is computed.

    Values of measures lie between 0 and 1; None means that the measure does not apply to the question. `error` is the
    error that was raised instead of an answer; every measure for the question then has its worst value, except for
    `valid_citations`, which needs citations. `gold` contains the evidence texts, and `evidence` contains the spans for
    each of them, in the articles that were retrieved, cited or named; `evidence_seen` is False if there are no spans:
    the evidence was not found, or the test set was written for different articles. `hits` contains the retrieved
    passages, in order; `sentences` and `citations` are taken from the answer, and a refusal has no sentences.
    `bad_citations` describes each citation whose quote is not the text at its offsets. Two runs with the same answers
    differ only in `cost`.
    """

    # Saved results may come from another version and have different keys.
    __pydantic_config__ = ConfigDict(strict=True, extra="ignore", ser_json_inf_nan="constants")

    id: str
    question: str
    answerable: bool
    said: str
    found: bool
    expected: tuple[str, ...] = ()
    gold: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    error: str | None = None
    first_citation: float | None = None
    any_citation: float | None = None
    contains_answer: float | None = None
    exact_match: float | None = None
    f1: float | None = None
    similarity: float | None = None
    valid_citations: float | None = None
    confidence: Annotated[float | None, Field(validation_alias=AliasChoices("confidence", "trust"))] = None
    evidence_seen: bool | None = None
    bad_citations: tuple[str, ...] = ()
    sentences: tuple[AnswerSentence, ...] = ()
    citations: tuple[CitedSpan, ...] = ()
    hits: tuple[ArticleSpan, ...] = ()
    evidence: tuple[tuple[ArticleSpan, ...], ...] = ()
    cost: Cost | None = field(default=None, hash=False)

    @property
    def cited(self) -> tuple[ArticleSpan, ...]:
        """The spans that the answer cites, in order; empty for a refusal."""
        return tuple(citation.place for citation in self.citations) if self.found else ()

    @property
    def supports(self) -> tuple[Support, ...]:
        """The degree of support for each sentence."""
        return tuple(sentence.support for sentence in self.sentences)

    @property
    def abstention(self) -> float:
        """1 if an answerable question was answered or an unanswerable one was refused, else 0."""
        return float(self.error is None and self.found == self.answerable)

    @property
    def false_refusal(self) -> float | None:
        """1 if an answerable question was not answered, else 0; None for unanswerable questions. Lower is better."""
        return 1.0 - self.abstention if self.answerable else None

    @property
    def false_answer(self) -> float | None:
        """1 if an unanswerable question was not refused, else 0; None for answerable questions. Lower is better."""
        return None if self.answerable else 1.0 - self.abstention

    @property
    def right(self) -> bool:
        """Whether an unanswerable question was refused, or an answerable one's first citation overlaps the evidence.

        For an answerable question without evidence in the test set: whether the answer contains an accepted answer.
        """
        if self.error is not None:
            return False
        if not self.answerable:
            return not self.found
        decisive = self.contains_answer if self.first_citation is None else self.first_citation
        return decisive == 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """A finished evaluation: its results in the order of the test set, its settings, and the versions used."""

    results: tuple[CaseResult, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """The results that have an error instead of an answer."""
        return tuple(result for result in self.results if result.error is not None)
