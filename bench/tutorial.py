"""A LangChain tutorial's pipeline as a baseline: chunks of 1,000 characters in Chroma, retrieved by cosine similarity.

RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200) → Chroma → the four nearest chunks → the nearest of
their sentences. The splitter is implemented here from LangChain's documentation, because the project does not install
`langchain-text-splitters`; a test compares the two if that package is installed. The model, its weights and the
sentence splitter are the same as in citechat; only the method differs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import uuid4

import numpy as np
from question_sets import Document, Slice

from index import Encoder, Encoding, sentences

CHUNK, OVERLAP = 1000, 200  # characters, as the tutorials have it
NEAREST = 4  # chunks given to the model, LangChain's default k
_SEPARATORS = ("\n\n", "\n", " ", "")

Stretch = tuple[int, int]
"""Character offsets `[start, end)` into a text."""


def chunks_of(text: str, size: int = CHUNK, overlap: int = OVERLAP) -> list[Stretch]:
    """Return the offsets of the chunks of `text`: at most `size` characters, split at the coarsest possible separator.

    Neighbouring chunks share up to `overlap` characters; whitespace around a chunk is excluded.
    """
    found = _cut(text, (0, len(text)), _SEPARATORS, size, overlap)
    stripped = [_strip(text, stretch) for stretch in found]
    return [(start, end) for start, end in stripped if start < end]


def _cut(text: str, whole: Stretch, separators: Sequence[str], size: int, overlap: int) -> Iterator[Stretch]:
    start, end = whole
    level = next(i for i, separator in enumerate(separators) if separator in text[start:end])  # "" is in every text
    finer = separators[level + 1 :]
    small: list[Stretch] = []
    for piece in _pieces(text, whole, separators[level]):
        if piece[1] - piece[0] < size:
            small.append(piece)
            continue
        yield from _merge(small, size, overlap)
        small = []
        if finer:
            yield from _cut(text, piece, finer, size, overlap)
        else:
            yield piece
    yield from _merge(small, size, overlap)


def _pieces(text: str, whole: Stretch, separator: str) -> list[Stretch]:
    """Return the offsets of the pieces between separators, each including the separator before it."""
    start, end = whole
    if not separator:
        return [(at, at + 1) for at in range(start, end)]
    cuts = [start + match.start() for match in re.finditer(re.escape(separator), text[start:end])]
    edges = [start, *cuts, end]
    return [(left, right) for left, right in pairwise(edges) if left < right]


def _merge(pieces: Sequence[Stretch], size: int, overlap: int) -> Iterator[Stretch]:
    """Join neighbouring pieces into chunks of up to `size` characters; each repeats the end of the one before."""
    window: list[Stretch] = []
    for piece in pieces:
        if window and piece[1] - window[0][0] > size:
            yield window[0][0], window[-1][1]
            while window and (window[-1][1] - window[0][0] > overlap or piece[1] - window[0][0] > size):
                window.pop(0)
        window.append(piece)
    if window:
        yield window[0][0], window[-1][1]


def _strip(text: str, stretch: Stretch) -> Stretch:
    start, end = stretch
    chunk = text[start:end]
    return start + len(chunk) - len(chunk.lstrip()), end - len(chunk) + len(chunk.rstrip())


@dataclass(frozen=True, slots=True)
class Near:
    """A chunk, and the cosine similarity of its vector to the question's."""

    chunk: Slice
    cosine: float


class Tutorial:
    """The pipeline over documents, in a Chroma collection in memory."""

    def __init__(self, documents: Iterable[Document], encoder: Encoder) -> None:
        self._encoder = encoder
        self._chunks = [
            Slice(document.id, start, end, document.text[start:end])
            for document in documents
            for start, end in chunks_of(document.text)
        ]
        self._collection = _collection()
        ids = [str(number) for number in range(len(self._chunks))]
        self._collection.add(ids=ids, embeddings=encoder.passages([chunk.text for chunk in self._chunks]))

    def find(self, question: Encoding, limit: int) -> list[Near]:
        """Return the `limit` nearest chunks, nearest first."""
        found = self._collection.query(
            query_embeddings=[question.vector], n_results=min(limit, len(self._chunks)), include=["distances"]
        )
        pairs = zip(found["ids"][0], found["distances"][0], strict=True)
        return [Near(self._chunks[int(number)], 1 - float(distance)) for number, distance in pairs]

    def best_sentence(self, question: Encoding, near: Sequence[Near]) -> Slice:
        """Return the sentence in the four nearest chunks whose vector is nearest to the question's."""
        pieces = [
            Slice(chunk.document, chunk.start + span.start, chunk.start + span.end, chunk.text[span.start : span.end])
            for chunk in (each.chunk for each in near[:NEAREST])
            for span in sentences(chunk.text)
        ]
        cosines = self._encoder.passages([piece.text for piece in pieces]) @ question.vector
        return pieces[int(np.argmax(cosines))]


def _collection() -> Any:
    import chromadb

    client = chromadb.EphemeralClient(chromadb.config.Settings(anonymized_telemetry=False))
    # One memory serves all such clients of a process: each collection needs a name of its own.
    cosine: Any = {"hnsw": {"space": "cosine"}}
    return client.create_collection(f"tutorial-{uuid4().hex}", embedding_function=None, configuration=cosine)
