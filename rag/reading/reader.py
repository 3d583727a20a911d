"""Readers: models that read a question or a claim together with a passage."""

from __future__ import annotations

from collections.abc import Sequence
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
    sentence of the passage: only their order and differences matter; all are equal if the reader cannot rank sentences.
    `unsupported` has the logit of "the passage does not support this" for parts of a claim, as spans in the claim.
    """

    logit: float
    sentences: tuple[float, ...]
    unsupported: tuple[tuple[Span, float], ...] = ()


class Reader(Protocol):
    """A reader. One object serves all questions, in several threads at once."""

    @property
    def name(self) -> str:
        """The name of the model and its version: abstention thresholds that were calibrated for another are ignored."""
        ...

    def read(self, kind: Kind, pairs: Sequence[Pair]) -> list[Reading]:
        """Return a reading for each pair, in order. Raises `CitechatError` if the model cannot be loaded."""
        ...


def warm_up_reader(reader: Reader) -> None:
    """Load a reader's model now, by reading a short pair. Raises `CitechatError` if the model cannot be loaded."""
    reader.read("question", [Pair("Is it ready?", "It is ready.", (Span(0, 12),))])
