"""What a verifier is asked, and what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

VerdictValue = Literal["supported", "partly", "contradicted", "not mentioned"]
"""What the cited passages say of a sentence: all of it, part of it, something else, or nothing."""


@dataclass(frozen=True, slots=True)
class CitedPassage:
    """A passage that a sentence cites: its number in the answer, its text, and its article's title and date."""

    number: int
    text: str
    title: str = ""
    published: str = ""


@dataclass(frozen=True, slots=True)
class ClaimToCheck:
    """A sentence of an answer, without citation markers, and the passages that it cites, at least one."""

    text: str
    passages: tuple[CitedPassage, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verifier's verdict on a sentence.

    `probability` is that of entailment, from 0 to 1, if the verifier estimates it. `words` are the words of the
    evidence; they become the evidence of the sentence if a cited passage contains them word for word.
    """

    value: VerdictValue
    probability: float | None = None
    words: str = ""


class Verifier(Protocol):
    """A model that grades sentences. One object serves all answers, in several threads at once."""

    def grade(self, sentences: Sequence[ClaimToCheck]) -> list[Verdict]:
        """Return one verdict for each sentence of an answer, in order. Raises `CitechatError` if the model fails."""
        ...
