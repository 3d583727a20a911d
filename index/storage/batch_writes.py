"""Rows are written to a collection of Chroma, no more of them at a time than it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ..embedding.base import FloatArray
from ..models import Article, Passage

_BATCH = 1000  # rows a write; Chroma refuses more than 5,461

Item = TypeVar("Item")
Row = tuple[Article, Sequence[Passage], FloatArray]
"""An article, its passages, and a vector for each of these: shape `(passages, dimension)`."""


def slices(items: Sequence[Item], size: int = _BATCH) -> Iterator[Sequence[Item]]:
    """The items in order, at most `size` at a time."""
    return (items[at : at + size] for at in range(0, len(items), size))


def upsert(collection: Any, rows: Sequence[Row]) -> None:
    """Write the passages of articles."""
    passages = [passage for _, of_one, _ in rows for passage in of_one]
    if not passages:
        return
    vectors = np.concatenate([vectors for _, _, vectors in rows if len(vectors)])
    for at in range(0, len(passages), _BATCH):
        batch = passages[at : at + _BATCH]
        collection.upsert(
            ids=[passage.id for passage in batch],
            embeddings=vectors[at : at + _BATCH],
            metadatas=[{"article": passage.article_id} for passage in batch],
        )


def rewrite(collection: Any, facts: Mapping[str, Mapping[str, Any]]) -> None:
    """Set facts of records that are there, by id; a fact that is None is removed, one that is not named stays."""
    for ids in slices(list(facts)):
        collection.update(ids=list(ids), metadatas=[dict(facts[id_]) for id_ in ids])
