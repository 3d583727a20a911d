"""Passage features that do not depend on the question: sentences, token vectors, terms. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..embedding.base import Encoder, Encoding, FloatArray, unit
from ..models import Article, Passage, Row, Span
from ..storage.token_cache import TokenVectors
from ..text.sentence_rules import ENGLISH
from ..text.sentences import sentences
from ..text.tables import NamedText, with_column_names
from .bm25 import terms
from .deduplicate import PassageWording

_LONGEST_CONTEXT = 100  # maximum length of the title before a passage, in characters: the model reads 256 tokens


@dataclass(frozen=True)
class PassageFeatures:
    """The features of a passage. Each feature is computed once, at first use.

    `article` is the passage's article without its text. The offsets in `tokens` are relative to the passage text;
    tokens from the prepended title have negative offsets.
    """

    passage: Passage
    article: Article
    tokens: TokenVectors

    @cached_property
    def sentences(self) -> tuple[Span, ...]:
        """The sentences, as offsets into the passage."""
        return tuple(sentences(self.passage.text, self.article.language or ENGLISH, self.passage.rows))

    @cached_property
    def named(self) -> NamedText:
        """The text in which the cells of rows carry the names of their columns, as models read it."""
        return with_column_names(self.passage)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The sentences, and the rows with the names of their columns."""
        return tuple(self.named.part(span) for span in self.sentences)

    @cached_property
    def rows_of_tables(self) -> dict[Span, Row]:
        """The sentences that are rows of tables."""
        return {row.span: row for row in self.passage.rows}

    @cached_property
    def rows(self) -> tuple[slice, ...]:
        """The token slice for each sentence; empty for sentences beyond the model's limit."""
        return tuple(self.rows_between(span.start, span.end) for span in self.sentences)

    @cached_property
    def vectors(self) -> FloatArray:
        """The mean token vector of each sentence, of unit length: shape `(sentences, dimension)`."""
        shape = (len(self.rows), self.tokens.codes.shape[1])
        return np.array([self.vector(rows) for rows in self.rows], dtype=np.float32).reshape(shape)

    @cached_property
    def wording(self) -> PassageWording:
        """The wording, for comparison with other passages."""
        return PassageWording.of(self.passage)

    @cached_property
    def terms(self) -> frozenset[str]:
        """The BM25 terms in the passage."""
        return frozenset(terms(self.named.text))

    def rows_between(self, start: int, end: int) -> slice:
        """Return the slice of tokens that overlap the passage's characters `[start, end)`."""
        first = bisect_right(self.tokens.offsets, start, key=lambda offset: offset[1])
        last = bisect_left(self.tokens.offsets, end, key=lambda offset: offset[0])
        return slice(first, max(first, last))

    def vector(self, rows: slice) -> FloatArray:
        """Return the mean vector of some tokens, of unit length; zeros if there are no tokens."""
        weighted = self.tokens.scales[rows] @ self.tokens.codes[rows]
        return unit(np.asarray(weighted, dtype=np.float32))


def in_context(title: str, text: str) -> tuple[str, int]:
    """Return the text that the model encodes for a passage, and the length of the title prefix in characters.

    The title tells the model what "he" and "the company" refer to.
    """
    title = title[:_LONGEST_CONTEXT].strip()
    return (f"{title}. {text}", len(title) + 2) if title else (text, 0)


def encode_in_context(encoder: Encoder, passages: Sequence[tuple[str, Passage]]) -> list[Encoding]:
    """Encode passages with their titles prepended, each text once; token offsets are relative to the passages."""
    named = [with_column_names(passage) for _, passage in passages]
    given = [in_context(title, each.text) for (title, _), each in zip(passages, named, strict=True)]
    texts = list(dict.fromkeys(text for text, _ in given))
    encodings = dict(zip(texts, encoder.encode(texts), strict=True))
    return [
        Encoding(
            encodings[text].vector,
            encodings[text].tokens,
            tuple(own.original(start - shift, end - shift) for start, end in encodings[text].offsets),
        )
        for own, (text, shift) in zip(named, given, strict=True)
    ]
