"""Articles and passages in Chroma.

Two collections. `articles` holds each article's whole text and facts; its metadata is the manifest, which says what
built the index and which collection holds the passages. A passage is its id and its vector: the id says which slice of
which article it is, and the text is stored once. An article's record is written last: it is the commit mark, and
passages without one are not there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from . import chroma
from .changes import UNCOUNTED, changing, mark_of, recount, sweep_collections, sweep_passages
from .encode import FloatArray
from .errors import EmptyIndexError, IndexMismatchError
from .manifest import Manifest
from .records import Article, Passage
from .rows import article_id_of, facts_of, to_article, to_metadata, to_passages
from .vector_files import damages, forget_vectors
from .writes import Row, rewrite, slices, upsert

_ARTICLES = "articles"
_ARTICLES_READ = 100  # whose passages are read at a time


class Store:
    """The index in a folder, or on a Chroma server. Opening it for reading needs an index to be there."""

    def __init__(self, path: Path, url: str | None = None, *, writable: bool = False) -> None:
        """Open the index in the folder `path`, or the one on the server at `url`, whose caches and lock lie in `path`;
        it is made when `writable`.

        Raises `EmptyIndexError` where nothing was indexed, `StoreError` where Chroma cannot open what is there.
        """
        self.path = path
        self.url = url
        self.mark = mark_of(path)  # before anything is read: a change meanwhile is noticed
        self._client = chroma.open_client(path, url, writable=writable)
        if url is not None and not writable and self._find(_ARTICLES) is None:
            self.close()
            raise chroma.nothing_indexed(url)

    def close(self) -> None:
        """Let go of what Chroma holds open."""
        chroma.close_client(self._client)

    # What built it

    def manifest(self) -> Manifest | None:
        """What built the index, or None while nothing is in it."""
        with self._refusals("read"):
            collection = self._find(_ARTICLES)
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
            if name == (articles.metadata or {}).get("passages"):
                name += "-again"  # never into the old ones, which may be damaged
            if self._find(name) is not None:
                self._client.delete_collection(name)  # left by a rebuild that was cut short
            new = self._client.get_or_create_collection(name, embedding_function=None, configuration=_COSINE)
            for rows in batches:
                upsert(new, rows)
            articles.modify(metadata={**asdict(manifest), "passages": name, UNCOUNTED: True})
            recount(articles, new)
            sweep_collections(self._client, name)
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

    @contextmanager
    def writing(self, *, replacing: bool = False) -> Iterator[None]:
        """Hold the index for writing; see `changing`. What a change before this one, cut short, has left is removed
        first, unless all passages are being replaced: then it goes with the old ones, which may be damaged
        (`TornIndexError`)."""
        with ExitStack() as stack:
            with self._refusals("written"):
                was_cut_short = stack.enter_context(changing(self.path))
                if was_cut_short or replacing or self.mark != mark_of(self.path):
                    # Chroma keeps in memory what another process has replaced, and would write it back.
                    self.close()
                    if was_cut_short or replacing:
                        forget_vectors(self.path, _ARTICLES)  # torn ones would keep the texts from being read
                    self._client = chroma.open_client(self.path, self.url, writable=False)
                    self._forget()
                if was_cut_short and not replacing and self._find(_ARTICLES) is not None:
                    with chroma.torn_by_a_kill(self._where, damages(self.path)):
                        self._sweep()
            yield
        self.mark = mark_of(self.path)

    def put(self, rows: Sequence[Row]) -> None:
        """Write articles and their passages; the articles' records come last and make them visible."""
        with self._refusals("written"):
            upsert(self._passages, rows)
            for batch in slices(rows):
                self._articles.upsert(
                    ids=[article.id for article, _, _ in batch],
                    # Chroma wants a vector; articles are never searched by it.
                    embeddings=np.ones((len(batch), 1), dtype=np.float32),
                    documents=[article.text for article, _, _ in batch],
                    metadatas=[to_metadata(article, len(passages)) for article, passages, _ in batch],
                )

    def update(self, articles: Sequence[Article]) -> None:
        """Rewrite the records of articles that are there; their texts, passages and number of passages stay."""
        with self._refusals("written"):
            rewrite(self._articles, {article.id: facts_of(article) for article in articles})

    def remove(self, *article_ids: str) -> None:
        """Remove articles: their records first, so that they are gone at once, then their passages."""
        with self._refusals("written"):
            for ids in slices(article_ids):
                self._articles.delete(ids=list(ids))
                self._passages.delete(where={"article": {"$in": list(ids)}})

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

    def facts(self) -> list[Article]:
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

    def article(self, article_id: str) -> Article | None:
        """One article, or None when it is not in the index."""
        return next(iter(self.articles([article_id])), None)

    def passages(self, ids: Sequence[str]) -> list[tuple[Article, Passage]]:
        """The passages of `ids` whose article is there, each with it, in order."""
        articles = {article.id: article for article in self.articles(sorted({article_id_of(id_) for id_ in ids}))}
        return list(to_passages(ids, articles))

    def titled_passages(self) -> Iterator[tuple[str, Passage]]:
        """Every passage of every article whose record is there, with the article's title, some in memory at a time."""
        for ids in slices(self.article_ids(), _ARTICLES_READ):
            articles = {article.id: article for article in self.articles(ids)}
            with self._refusals("read"):
                found = self._passages.get(where={"article": {"$in": list(ids)}}, include=[])["ids"]
            yield from ((article.title, passage) for article, passage in to_passages(found, articles))

    def stamp(self) -> str:
        """A short text that changes whenever other articles are indexed, or the same ones by other means."""
        with self._refusals("read"):
            collection = self._find(_ARTICLES)
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
        collection = self._find(_ARTICLES)
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

    def _sweep(self) -> None:
        """Remove what a change that was cut short has left."""
        sweep_collections(self._client, self._passages.name)
        if self._articles.metadata.get(UNCOUNTED):
            recount(self._articles, self._passages)
        sweep_passages(self._passages, set(self.article_ids()))

    def _get_articles(self, include: list[str], ids: Sequence[str] | None = None) -> Any:
        """What Chroma has of the articles, or of those of `ids`; nothing where nothing was indexed."""
        with self._refusals("read"):
            try:
                return self._articles.get(ids=None if ids is None else list(ids), include=include)
            except EmptyIndexError:
                return {"ids": [], "documents": [], "metadatas": []}

    def _find(self, name: str) -> Any | None:
        return chroma.find_collection(self._client, name)

    def _forget(self) -> None:
        for name in ("_articles", "_passages"):
            self.__dict__.pop(name, None)

    @property
    def _where(self) -> str:
        return self.url or str(self.path)

    def _refusals(self, done: str) -> AbstractContextManager[None]:
        return chroma.refusals(self._where, done, is_server=self.url is not None)


_COSINE: Any = {"hnsw": {"space": "cosine"}}
