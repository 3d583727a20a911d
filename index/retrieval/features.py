"""A passage, read closely: its sentences, and what the model tells of each of their tokens. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..embedding.base import Encoder, Encoding, FloatArray, unit
from ..models import Article, Passage, Span
from ..storage.token_cache import TokenVectors
from ..text.chunker import sentences
from .bm25 import terms
from .deduplicate import PassageWording

_LONGEST_CONTEXT = 100  # characters of a title put in front of its passages: the model reads 256 tokens in all


@dataclass(frozen=True)
class PassageFeatures:
    """What does not depend on any question, so that it is worked out once for a passage, and when it is needed.

    `article` is the passage's, without its text. `tokens` have offsets into the passage's text; those of its title are
    negative.
    """

    passage: Passage
    article: Article
    tokens: TokenVectors

    @cached_property
    def sentences(self) -> tuple[Span, ...]:
        """The sentences of the passage, relative to it."""
        return tuple(sentences(self.passage.text))

    @cached_property
    def rows(self) -> tuple[slice, ...]:
        """Which of the tokens each sentence is made of; none beyond what the model reads."""
        return tuple(self.rows_between(span.start, span.end) for span in self.sentences)

    @cached_property
    def vectors(self) -> FloatArray:
        """For each sentence the mean of its tokens, of unit length: shape `(sentences, dimension)`."""
        shape = (len(self.rows), self.tokens.codes.shape[1])
        return np.array([self.vector(rows) for rows in self.rows], dtype=np.float32).reshape(shape)

    @cached_property
    def wording(self) -> PassageWording:
        """Its words, to be compared with those of others."""
        return PassageWording.of(self.passage)

    @cached_property
    def terms(self) -> frozenset[str]:
        """The keywords of the passage."""
        return frozenset(terms(self.passage.text))

    def rows_between(self, start: int, end: int) -> slice:
        """Which of the tokens overlap the characters `[start, end)` of the passage; they follow each other."""
        first = bisect_right(self.tokens.offsets, start, key=lambda offset: offset[1])
        last = bisect_left(self.tokens.offsets, end, key=lambda offset: offset[0])
        return slice(first, max(first, last))

    def vector(self, rows: slice) -> FloatArray:
        """The mean of some tokens, of unit length; zeros where there are none."""
        weighted = self.tokens.scales[rows] @ self.tokens.codes[rows]
        return unit(np.asarray(weighted, dtype=np.float32))


def in_context(title: str, text: str) -> tuple[str, int]:
    """What the model is given of a passage, and how many characters of it are the title in front: with the title, "he"
    and "the company" carry what the article is about.
    """
    title = title[:_LONGEST_CONTEXT].strip()
    return (f"{title}. {text}", len(title) + 2) if title else (text, 0)


def encode_in_context(encoder: Encoder, texts: Sequence[tuple[str, str]]) -> list[Encoding]:
    """Encodings of passages, given with their titles, with offsets into the passages' own text."""
    given = [in_context(title, text) for title, text in texts]
    encodings = encoder.encode([text for text, _ in given])
    return [
        Encoding(each.vector, each.tokens, tuple((start - shift, end - shift) for start, end in each.offsets))
        for each, (_, shift) in zip(encodings, given, strict=True)
    ]
