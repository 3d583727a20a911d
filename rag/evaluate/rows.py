"""The result of an evaluation: one row a question, and what the rows add up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .metrics import auroc, auroc_interval, interval


@dataclass(frozen=True, slots=True)
class Row:
    """One question and how it was answered.

    Measures lie between 0 and 1; None means that the measure does not apply to the question. `error` is what was raised
    instead of an answer; every measure of the question then has its worst value (`valid_citations`, which is about the
    citations there are, has none). `trust` is how much spoke for an answer being there. `evidence_seen` is
    False when no article that came up has the gold text at the gold offsets: it was not found, or the test set was made
    from another text. `bad_citations` describes each citation whose quote is not what stands at its offsets.
    """

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
    hit_at_1: float | None = None
    hit_at_5: float | None = None
    contains_answer: float | None = None
    exact_match: float | None = None
    f1: float | None = None
    valid_citations: float | None = None
    trust: float | None = None
    evidence_seen: bool | None = None
    citation_count: int = 0
    bad_citations: tuple[str, ...] = ()

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


MEASURES: Mapping[str, Callable[[Row], float | None]] = {
    "first citation right": lambda row: row.first_citation,
    "any citation right": lambda row: row.any_citation,
    "hit@1": lambda row: row.hit_at_1,
    "hit@5": lambda row: row.hit_at_5,
    "answer contained": lambda row: row.contains_answer,
    "exact match": lambda row: row.exact_match,
    "F1": lambda row: row.f1,
    "citations that quote exactly": lambda row: row.valid_citations,
    "answered or refused rightly": lambda row: row.abstention,
    "false refusals": lambda row: row.false_refusal,
    "false answers": lambda row: row.false_answer,
}
"""The measures that are means over questions, by the name they print under, in the order of a table."""

LOWER_IS_BETTER = frozenset({"false refusals", "false answers"})
SHARES = frozenset(MEASURES) - {"F1", "citations that quote exactly"}
"""Measures that are 0 or 1 for each question, so that k of n can be said."""

AUROC = "AUROC of trust"


class Measure(NamedTuple):
    """A mean over `n` questions with its 95% interval."""

    name: str
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Report:
    """A finished evaluation: its rows in the order of the test set, and what it was made with."""

    rows: tuple[Row, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def summary(self) -> list[Measure]:
        """Every measure that applies to at least one question, with its interval over questions.

        AUROC says how well trust alone tells questions that can be answered from others. It needs both kinds.
        """
        measures = []
        for name, of_row in MEASURES.items():
            values = [value for row in self.rows if (value := of_row(row)) is not None]
            if values:
                measures.append(Measure(name, sum(values) / len(values), *interval(values), len(values)))
        answerable = [_score(row) for row in self.rows if row.answerable]
        others = [_score(row) for row in self.rows if not row.answerable]
        if answerable and others:
            low, high = auroc_interval(answerable, others)
            measures.append(Measure(AUROC, auroc(answerable, others), low, high, len(self.rows)))
        return measures

    @property
    def failed(self) -> tuple[Row, ...]:
        """The rows where an error came instead of an answer."""
        return tuple(row for row in self.rows if row.error is not None)


def _score(row: Row) -> float:
    if row.error is not None:  # a failure is never dropped: it ranks where it does most harm
        return float("-inf") if row.answerable else float("inf")
    return float("-inf") if row.trust is None else row.trust
