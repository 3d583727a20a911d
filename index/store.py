"""Articles and passages in Chroma.

Two collections. `articles` holds each article's whole text and facts; its metadata is the manifest, which says what
built the index and which collection holds the passages. A passage is its id and its vector: the id says which slice of
which article it is, and the text is stored once. An article's record is written last: it is the commit mark, and
passages without one are not there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from .chroma import close_client, nothing_indexed, open_client, refusals
from .encode import FloatArray
from .errors import EmptyIndexError, IndexMismatchError
from .lock import hold
from .manifest import Manifest
from .records import Article, Passage
from .rows import article_id_of, to_article, to_metadata, to_passages

_ARTICLES = "articles"
_BATCH = 1000  # rows a write; Chroma refuses more than 5,461
_ARTICLES_READ = 100  # whose passages are read at a time

Item = TypeVar("Item")
Row = tuple[Article, Sequence[Passage], FloatArray]
"""An article, its passages, and a vector for each of these: shape `(passages, dimension)`."""


class Store:
    """The index in a folder, or on a Chroma server. Opening it for reading needs an index to be there."""

    def __init__(self, path: Path, url: str | None = None, *, writable: bool = False) -> None:
        """Open the index in the folder `path`, or the one on the server at `url`, whose caches and lock lie in `path`;
        it is made when `writable`.

        Raises `EmptyIndexError` where nothing was indexed, `StoreError` where Chroma cannot open what is there.
        """
        self.path = path
        self.url = url
        self._client = open_client(path, url, writable=writable)
        if url is not None and not writable and self._find(_ARTICLES) is None:
            self.close()
            raise nothing_indexed(url)

    def close(self) -> None:
        """Let go of what Chroma holds open."""
        close_client(self._client)

    # What built it

    def manifest(self) -> Manifest | None:
        """What built the index, or None while nothing is in it."""
        with self._refusals("read"):
            collection = self._find(_ARTICLES)
            if collection is None:
                return None
            written = collection.metadata or {}
        return Manifest(**{name: written[name] for name in ("encoder", "dimension", "splitter", "format")})

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

    def create(self, manifest: Manifest) -> None:
        """Make the collections of an index built by `manifest`, if there are none."""
        with self._refusals("written"):
            if self._find(_ARTICLES) is None:
                name = f"passages-{manifest.key}"
                self._client.get_or_create_collection(name, embedding_function=None, configuration=_COSINE)
                self._client.create_collection(
                    _ARTICLES, embedding_function=None, metadata={**asdict(manifest), "passages": name}
                )

    def switch(self, manifest: Manifest, batches: Iterable[Sequence[Row]]) -> None:
        """Replace all passages by others, made by `manifest`: written beside the old ones, then switched to at once."""
        with self._refusals("written"):
            articles = self._articles
            name = f"passages-{manifest.key}"
            old = str(articles.metadata["passages"])
            if name != old and self._find(name) is not None:
                self._client.delete_collection(name)  # left by a rebuild that was cut short
            new = self._client.get_or_create_collection(name, embedding_function=None, configuration=_COSINE)
            for rows in batches:
                _upsert(new, rows)
            articles.modify(metadata={**asdict(manifest), "passages": name})
            if name != old:
                self._client.delete_collection(old)
        self._forget()

    def min_score(self) -> float | None:
        """The threshold of abstention that was calibrated on this index, if any was."""
        with self._refusals("read"):
            found = self._articles.metadata.get("min_score")
        return None if found is None else float(found)

    def set_min_score(self, value: float) -> None:
        """Keep a calibrated threshold with the index; a rebuild forgets it, since other vectors have other scores."""
        with self._refusals("written"):
            self._articles.modify(metadata={**self._articles.metadata, "min_score": value})
        self._forget()

    # Writing

    def writing(self) -> AbstractContextManager[None]:
        """Hold the index for writing; see `hold`."""
        return hold(self.path)

    def put(self, rows: Sequence[Row]) -> None:
        """Write articles and their passages; the articles' records come last and make them visible."""
        with self._refusals("written"):
            _upsert(self._passages, rows)
            for batch in _slices(rows, _BATCH):
                self._articles.upsert(
                    ids=[article.id for article, _, _ in batch],
                    # Chroma wants a vector; articles are never searched by it.
                    embeddings=np.ones((len(batch), 1), dtype=np.float32),
                    documents=[article.text for article, _, _ in batch],
                    metadatas=[to_metadata(article, len(passages)) for article, passages, _ in batch],
                )

    def remove(self, article_id: str) -> None:
        """Remove an article: its record first, so that it is gone at once, then its passages."""
        with self._refusals("written"):
            self._articles.delete(ids=[article_id])
            self._passages.delete(where={"article": article_id})

    # Reading

    def articles(self, ids: Sequence[str] | None = None) -> list[Article]:
        """Every article, with its text, in the order of titles; or those of `ids` that are there."""
        got = self._get_articles(["metadatas", "documents"], ids)
        rows = zip(got["ids"], got["documents"], got["metadatas"], strict=True)
        return sorted((to_article(*row) for row in rows), key=lambda article: (article.title, article.id))

    def each_article(self) -> Iterator[Article]:
        """Every article, in the order of ids, some in memory at a time."""
        for ids in _slices(self.article_ids(), _ARTICLES_READ):
            yield from self.articles(ids)

    def facts(self) -> list[Article]:
        """Every article without its text, in the order of titles."""
        got = self._get_articles(["metadatas"])
        articles = [to_article(id_, "", facts) for id_, facts in zip(got["ids"], got["metadatas"], strict=True)]
        return sorted(articles, key=lambda article: (article.title, article.id))

    def article_ids(self) -> list[str]:
        """The ids of all articles, in order."""
        return sorted(self._get_articles([])["ids"])

    def article(self, article_id: str) -> Article | None:
        """One article, or None when it is not in the index."""
        return next(iter(self.articles([article_id])), None)

    def passages(self, ids: Sequence[str]) -> list[tuple[Article, Passage]]:
        """The passages of `ids` whose article is there, each with it, in order."""
        articles = {article.id: article for article in self.articles(sorted({article_id_of(id_) for id_ in ids}))}
        return list(to_passages(ids, articles))

    def titled_passages(self) -> Iterator[tuple[str, Passage]]:
        """Every passage of every article whose record is there, with the article's title, some in memory at a time."""
        for ids in _slices(self.article_ids(), _ARTICLES_READ):
            articles = {article.id: article for article in self.articles(ids)}
            with self._refusals("read"):
                found = self._passages.get(where={"article": {"$in": list(ids)}}, include=[])["ids"]
            yield from ((article.title, passage) for article, passage in to_passages(found, articles))

    def paths(self) -> list[tuple[str, str]]:
        """The id of every article, and the path that it was read from."""
        got = self._get_articles(["metadatas"])
        return [(id_, str(fact["path"])) for id_, fact in zip(got["ids"], got["metadatas"], strict=True)]

    def stamp(self) -> str:
        """A short text that changes whenever other articles are indexed, or the same ones by other means."""
        with self._refusals("read"):
            collection = self._find(_ARTICLES)
            built = "" if collection is None else str(collection.metadata["passages"])
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

    def count(self) -> tuple[int, int]:
        """How many articles and passages there are."""
        if self.manifest() is None:
            return 0, 0
        with self._refusals("read"):
            return self._articles.count(), self._passages.count()

    # Chroma's side

    @cached_property
    def _articles(self) -> Any:
        collection = self._find(_ARTICLES)
        if collection is None:
            raise nothing_indexed(self._where)
        return collection

    @cached_property
    def _passages(self) -> Any:
        return self._client.get_collection(str(self._articles.metadata["passages"]), embedding_function=None)

    def _get_articles(self, include: list[str], ids: Sequence[str] | None = None) -> Any:
        """What Chroma has of the articles, or of those of `ids`; nothing where nothing was indexed."""
        with self._refusals("read"):
            try:
                return self._articles.get(ids=None if ids is None else list(ids), include=include)
            except EmptyIndexError:
                return {"ids": [], "documents": [], "metadatas": []}

    def _find(self, name: str) -> Any | None:
        from chromadb.errors import NotFoundError

        try:
            # Without a function of ours Chroma would attach one of its own, which fetches a model.
            return self._client.get_collection(name, embedding_function=None)
        except NotFoundError:
            return None

    def _forget(self) -> None:
        for name in ("_articles", "_passages"):
            self.__dict__.pop(name, None)

    @property
    def _where(self) -> str:
        return self.url or str(self.path)

    def _refusals(self, done: str) -> AbstractContextManager[None]:
        return refusals(self._where, done, is_server=self.url is not None)


_COSINE: Any = {"hnsw": {"space": "cosine"}}


def _slices(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[at : at + size] for at in range(0, len(items), size))


def _upsert(collection: Any, rows: Sequence[Row]) -> None:
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
