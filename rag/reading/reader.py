"""Readers: models that read a question or a claim together with a passage."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from index import Span

Kind = Literal["question", "claim"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A question or a claim (`first`), and a passage with its title and its sentences, as spans in the passage."""

    first: str
    passage: str
    sentences: tuple[Span, ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """The result for a pair, in logits.

    `logit` is that of "the passage answers the question" or "supports the claim". `sentences` has a logit for each
    sentence of the passage: only the differences matter, within a passage and between the passages of a question; all
    are the `logit` if the reader cannot rank sentences.
    `unsupported` has the logit of "the passage does not support this" for parts of a claim, as spans in the claim.
    """

    logit: float
    sentences: tuple[float, ...]
    unsupported: tuple[tuple[Span, float], ...] = ()

    @property
    def least_supported(self) -> float:
        """The highest logit in `unsupported`; 0 if the reader does not mark words."""
        return max((logit for _, logit in self.unsupported), default=0.0)

    def unsupported_span(self) -> Span | None:
        """Return the part of the claim around its least supported word that is probably not supported, or None."""
        best = max(range(len(self.unsupported)), key=lambda i: self.unsupported[i][1], default=-1)
        if best < 0 or self.unsupported[best][1] <= 0:
            return None
        first = last = best
        while first > 0 and self.unsupported[first - 1][1] > 0:
            first -= 1
        while last + 1 < len(self.unsupported) and self.unsupported[last + 1][1] > 0:
            last += 1
        return Span(self.unsupported[first][0].start, self.unsupported[last][0].end)


class Reader(Protocol):
    """A reader. One object serves all questions, in several threads at once."""

    @property
    def name(self) -> str:
        """The name of the model and its version: abstention thresholds that were calibrated for another are ignored."""
        ...

    @property
    def kinds(self) -> Collection[Kind]:
        """What the reader reads: questions, claims, or both. It is not used for anything else."""
        ...

    def read(self, kind: Kind, pairs: Sequence[Pair]) -> list[Reading]:
        """Return a reading for each pair, in order. Raises `CitechatError` if the model cannot be loaded."""
        ...


def warm_up_reader(reader: Reader) -> None:
    """Load a reader's model now, by reading a short pair. Raises `CitechatError` if the model cannot be loaded."""
    for kind in reader.kinds:
        reader.read(kind, [Pair("It is ready.", "It is ready.", (Span(0, 12),))])
