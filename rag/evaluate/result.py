"""The result of an evaluation: one row a question, and what the rows add up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import AliasChoices, ConfigDict, Field

from ..answer import Support
from .metrics.abstention import RiskPoint, risk_coverage
from .metrics.base import AnyMeasure, Estimate
from .metrics.costs import Cost, Latency, latencies, tokens
from .metrics.overlap import ArticleSpan
from .metrics.registry import MEASURES, SUMMARY, confidence_of, estimates, wrong_if_answered
from .reply import AnswerSentence, CitedSpan


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One question and how it was answered: what every measure is made of.

    Measures lie between 0 and 1; None means that the measure does not apply to the question. `error` is what was raised
    instead of an answer; every measure of the question then has its worst value (`valid_citations`, which is about the
    citations there are, has none). `confidence` is that of the answer. `gold` are the texts of the
    evidence, and `evidence` the places where each stands, among the articles that came up or are named; `evidence_seen`
    is False when there is none: it was not found, or the test set was made from another text. `hits` are the places
    that were found, in order; `sentences` and `citations` are what the answer said and cited, of a refusal no
    sentence. `bad_citations` describes each citation whose quote is not what stands at its offsets. `cost` is all that
    may differ between two runs that say the same.
    """

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
        """The places that the answer cites, in order; none where it is a refusal."""
        return tuple(citation.place for citation in self.citations) if self.found else ()

    @property
    def supports(self) -> tuple[Support, ...]:
        """How well each sentence is supported."""
        return tuple(said.support for said in self.sentences)

    @property
    def hit_at_1(self) -> float | None:
        """1 when the first hit overlaps the evidence, None without evidence."""
        return MEASURES["hit@1"].of_result(self)

    @property
    def hit_at_5(self) -> float | None:
        """1 when one of the first five hits overlaps the evidence, None without evidence."""
        return MEASURES["hit@5"].of_result(self)

    @property
    def abstention(self) -> float:
        """1 when an answerable question was answered, or another one refused."""
        return float(self.error is None and self.found == self.answerable)

    @property
    def false_refusal(self) -> float | None:
        """1 when an answerable question got no answer, None for others; lower is better."""
        return 1.0 - self.abstention if self.answerable else None

    @property
    def false_answer(self) -> float | None:
        """1 when a question that the articles do not answer was not refused, None for others; lower is better."""
        return None if self.answerable else 1.0 - self.abstention

    @property
    def right(self) -> bool:
        """Refused, if it cannot be answered; else the first citation overlaps the evidence.

        A question without evidence in the test set is right when the answer contains an accepted one.
        """
        if self.error is not None:
            return False
        if not self.answerable:
            return not self.found
        decisive = self.contains_answer if self.first_citation is None else self.first_citation
        return decisive == 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """A finished evaluation: its rows in the order of the test set, and what it was made with."""

    results: tuple[CaseResult, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def summary(self, measures: Sequence[AnyMeasure] = SUMMARY) -> list[Estimate]:
        """Every measure that applies to at least one question, with its interval over questions."""
        return estimates(self.results, measures)

    def risk_coverage(self) -> tuple[RiskPoint, ...]:
        """Share answered wrong when the 1, 2, … all most trusted questions are answered, with intervals.

        A question is wrong unless a right answer was given. So one that was refused, or that no article answers, is
        wrong where it would be answered; a failed one comes first.
        """
        confidence = [confidence_of(result, failed=float("inf")) for result in self.results]
        return risk_coverage(confidence, [wrong_if_answered(result) for result in self.results])

    def latencies(self) -> list[Latency]:
        """Seconds of each stage, half and 95% of the answers, with intervals."""
        return latencies(self.results)

    def tokens(self) -> list[Estimate]:
        """Mean tokens in and out of an LLM, where its provider tells them."""
        return tokens(self.results)

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """The rows where an error came instead of an answer."""
        return tuple(result for result in self.results if result.error is not None)
