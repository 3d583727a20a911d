"""What an index in Chroma holds.

Two collections. `articles` holds each article's whole text and facts; its metadata is the manifest, which says what
built the index and which collection holds the passages. A passage is its id and its vector: the id says which slice of
which article it is, and the text is stored once. An article's record is the commit mark: passages without one are not
there.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from ..embedding.base import FloatArray
from ..errors import EmptyIndexError, IndexMismatchError
from ..manifest import Manifest
from ..models import Article, Passage
from . import chroma_client as chroma
from .address import shown
from .batch_writes import slices
from .changes import mark_in, mark_of
from .serialization import article_id_of, to_article, to_passages

THRESHOLD = "abstention_threshold"
ARTICLES = "articles"
"""The collection of the articles."""
_ARTICLES_READ = 100  # at a time, with their texts
_PASSAGES_LISTED = 10_000  # at a time, by their ids alone


class IndexContents:
    """An index in a folder, or on a Chroma server, as it can be read. `Store` writes it, too."""

    def __init__(self, path: Path, url: str | None = None, *, writable: bool = False) -> None:
        """Open the index in the folder `path`, or the one on the server at `url`, whose caches lie in `path`; it is
        made when `writable`.

        Raises `EmptyIndexError` where nothing was indexed, `StoreError` where Chroma cannot open what is there.
        """
        self.path = path
        self.url = url
        self.mark = mark_of(path)  # before anything is read: a change meanwhile is noticed
        self._client = chroma.open_client(path, url, writable=writable)
        if url is not None:
            with self._refusals("opened"):
                articles = self._find(ARTICLES)
            self.mark = mark_in(articles)
            if articles is None and not writable:
                self.close()
                raise chroma.nothing_indexed(self._where)

    def close(self) -> None:
        """Let go of what Chroma holds open."""
        chroma.close_client(self._client)

    def newest_mark(self) -> str:
        """The mark as it is now: another one than `mark` where something has been changed since this was opened."""
        if self.url is None:
            return mark_of(self.path)
        with self._refusals("read"):
            return mark_in(self._find(ARTICLES))

    def manifest(self) -> Manifest | None:
        """What built the index, or None while nothing is in it."""
        with self._refusals("read"):
            collection = self._find(ARTICLES)
            if collection is None:
                return None
        return Manifest(**{name: self._written(collection, name) for name in Manifest.__slots__})

    def require(self, wanted: Manifest) -> None:
        """Raise `IndexMismatchError` when something else than `wanted` built the index."""
        found = self.manifest()
        if found is None or found == wanted:
            return
        differing = [
            f"{name} {was!r}, now {asdict(wanted)[name]!r}"
            for name, was in asdict(found).items()
            if was != asdict(wanted)[name]
        ]
        raise IndexMismatchError(
            f"the index in {self._where!r} was built with another {'; '.join(differing)}",
            "Build it anew with `citechat rebuild` (it needs no files), or go back to the settings it was built with.",
        )

    def abstention_threshold(self) -> float | None:
        """The threshold of abstention that was calibrated on this index, if any was."""
        with self._refusals("read"):
            metadata = self._articles.metadata
        found = metadata.get(THRESHOLD, metadata.get("min_score"))  # indexes of version 0.1 wrote "min_score"
        return None if found is None else float(found)

    # Reading

    def articles(self, ids: Sequence[str] | None = None) -> list[Article]:
        """Every article, with its text, in the order of titles; or those of `ids` that are there."""
        got = self._get_articles(["metadatas", "documents"], ids)
        rows = zip(got["ids"], got["documents"], got["metadatas"], strict=True)
        return sorted((to_article(*row) for row in rows), key=lambda article: (article.title, article.id))

    def each_article(self) -> Iterator[Article]:
        """Every article, in the order of ids, some in memory at a time."""
        for ids in slices(self.article_ids(), _ARTICLES_READ):
            yield from self.articles(ids)

    def article_metadata(self) -> list[Article]:
        """Every article without its text, in the order of titles."""
        return [article for article, _ in self.listing()]

    def listing(self) -> list[tuple[Article, int]]:
        """Every article without its text, with its number of passages, in the order of titles."""
        got = self._get_articles(["metadatas"])
        rows = zip(got["ids"], got["metadatas"], strict=True)
        listed = [(to_article(id_, "", facts), int(facts["passages"])) for id_, facts in rows]
        return sorted(listed, key=lambda row: (row[0].title, row[0].id))

    def article_ids(self) -> list[str]:
        """The ids of all articles, in order."""
        return sorted(self._get_articles([])["ids"])

    def are_there(self, ids: Iterable[str]) -> set[str]:
        """Those of the articles `ids` that are there now."""
        wanted = list(ids)
        return set(self._get_articles([], wanted)["ids"]) if wanted else set()

    def article(self, article_id: str) -> Article | None:
        """One article, or None when it is not in the index."""
        return next(iter(self.articles([article_id])), None)

    def passages(self, ids: Sequence[str]) -> list[tuple[Article, Passage]]:
        """The passages of `ids` whose article is there, each with it, in order."""
        articles = {article.id: article for article in self.articles(sorted({article_id_of(id_) for id_ in ids}))}
        return list(to_passages(ids, articles))

    def titled_passages(self) -> Iterator[tuple[str, Passage]]:
        """Every passage of every article whose record is there, with the article's title; some texts in memory at a
        time."""
        found: dict[str, list[str]] = defaultdict(list)
        for id_ in self._passage_ids():
            found[article_id_of(id_)].append(id_)
        for article in self.each_article():
            for _, passage in to_passages(found.get(article.id, ()), {article.id: article}):
                yield article.title, passage

    def stamp(self) -> str:
        """A short text that changes whenever other articles are indexed, or the same ones by other means."""
        with self._refusals("read"):
            collection = self._find(ARTICLES)
            built = "" if collection is None else str(self._written(collection, "passages"))
        return hashlib.sha256("\n".join([built, *self.article_ids()]).encode()).hexdigest()[:16]

    def nearest(self, vector: FloatArray, limit: int, articles: Sequence[str] | None = None) -> list[tuple[str, float]]:
        """The ids of the passages nearest to a unit vector, with their cosine similarity, nearest first; of all
        articles, or of some."""
        where: Any = None if articles is None else {"article": {"$in": list(articles)}}
        with self._refusals("searched"):
            got = self._passages.query(
                query_embeddings=vector[None, :], n_results=max(1, limit), include=["distances"], where=where
            )
        return [(id_, 1.0 - float(d)) for id_, d in zip(got["ids"][0], (got["distances"] or [[]])[0], strict=True)]

    def matrix(self, ids: Sequence[str], dimension: int) -> FloatArray:
        """The vectors of passages, shape `(ids, dimension)`; of one that is gone zeros, near to nothing."""
        places = {id_: place for place, id_ in enumerate(ids)}
        vectors = np.zeros((len(ids), dimension), dtype=np.float32)
        for some in slices(ids):
            with self._refusals("read"):
                got = self._passages.get(ids=list(some), include=["embeddings"])
            if got["ids"]:
                vectors[[places[id_] for id_ in got["ids"]]] = got["embeddings"]
        return vectors

    def count(self) -> tuple[int, int]:
        """How many articles and passages there are."""
        if self.manifest() is None:
            return 0, 0
        with self._refusals("read"):
            return self._articles.count(), self._passages.count()

    # Chroma's side

    @cached_property
    def _articles(self) -> Any:
        collection = self._find(ARTICLES)
        if collection is None:
            raise chroma.nothing_indexed(self._where)
        return collection

    @cached_property
    def _passages(self) -> Any:
        return self._client.get_collection(str(self._written(self._articles, "passages")), embedding_function=None)

    def _written(self, articles: Any, name: str) -> Any:
        """What the manifest says; it is the metadata of the articles."""
        if name not in (articles.metadata or {}):
            raise chroma.manifest_lacks(self._where, name)
        return articles.metadata[name]

    def _get_articles(self, include: list[str], ids: Sequence[str] | None = None) -> Any:
        """What Chroma has of the articles, or of those of `ids`; nothing where nothing was indexed."""
        with self._refusals("read"):
            try:
                return self._articles.get(ids=None if ids is None else list(ids), include=include)
            except EmptyIndexError:
                return {"ids": [], "documents": [], "metadatas": []}

    def _passage_ids(self) -> Iterator[str]:
        """All of them, in no order; none where nothing was indexed. To ask for those of some articles has Chroma look
        at each passage's facts."""
        for offset in count(0, _PASSAGES_LISTED):
            with self._refusals("read"):
                try:
                    ids = self._passages.get(limit=_PASSAGES_LISTED, offset=offset, include=[])["ids"]
                except EmptyIndexError:
                    return
            yield from ids
            if len(ids) < _PASSAGES_LISTED:
                return

    def _find(self, name: str) -> Any | None:
        return chroma.find_collection(self._client, name)

    def _forget(self) -> None:
        for name in ("_articles", "_passages"):
            self.__dict__.pop(name, None)

    @property
    def _where(self) -> str:
        return shown(self.url) if self.url else str(self.path)

    def _refusals(self, done: str) -> AbstractContextManager[None]:
        return chroma.refusals(self._where, done, is_server=self.url is not None)
