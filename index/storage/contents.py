"""Read access to an index in Chroma.

There are two collections. `articles` contains the full text and metadata of each article; the metadata of the
collection itself is the manifest, which records how the index was built and which collection contains the passages. A
passage is stored as an id and a vector: the id identifies the article and the slice, so each text is stored only once.
An article's record also serves as the commit mark: passages whose article has no record are ignored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from ..embedding.base import FloatArray
from ..errors import EmptyIndexError, IndexMismatchError, StoreError
from ..models import Article, Manifest, Passage
from . import chroma_client as chroma
from .file_lock import MARK, is_being_written, read_mark
from .serialization import article_id_of, passage_ids_in, to_article, to_listed_article, to_passages

ARTICLES = "articles"
"""The name of the collection that contains the articles."""
THRESHOLD = "abstention_threshold"
UNSURE = "unsure_{scale}"
UNCOUNTED = "uncounted"
"""A key in the manifest, present while the article records do not yet list the passages of a rebuild."""
_ARTICLES_READ = 100  # number of articles read at a time, with their texts
_PASSAGES_LISTED = 10_000  # number of passage ids read at a time


class IndexContents:
    """Read access to an index in a folder or on a Chroma server. `Store` adds write access."""

    def __init__(self, path: Path, url: str | None = None, *, writable: bool = False) -> None:
        """Open the index in the folder `path`, or on the server at `url` with its caches in `path`.

        With `writable`, the index is created if missing. Raises `EmptyIndexError` if nothing has been indexed, and
        `StoreError` if Chroma cannot open the database.
        """
        self.path = path
        self.url = url
        self.mark = read_mark(path)  # read first, so that a change during the following reads is noticed
        self._client = chroma.open_client(path, url, writable=writable)
        if url is not None:
            with self._errors("open"):
                articles = self._find(ARTICLES)
            self.mark = _mark_in(articles)
            if articles is None and not writable:
                self.close()
                raise chroma.nothing_indexed(self.where)

    def close(self) -> None:
        """Release Chroma's files and connections."""
        chroma.close_client(self._client)

    def newest_mark(self) -> str:
        """Return the current mark, which differs from `mark` if the index has changed since it was opened."""
        if self.url is None:
            return read_mark(self.path)
        with self._errors("read"):
            return _mark_in(self._find(ARTICLES))

    def manifest(self) -> Manifest | None:
        """Return the manifest of the index, or None if nothing is indexed."""
        with self._errors("read"):
            collection = self._find(ARTICLES)
            if collection is None:
                return None
        return Manifest(**{name: self._manifest_value(collection, name) for name in Manifest.__slots__})

    def require(self, wanted: Manifest) -> None:
        """Raise `IndexMismatchError` if the manifest of the index differs from `wanted`."""
        found = self.manifest()
        if found is None or found == wanted:
            return
        now = asdict(wanted)
        differing = [f"{name} {was!r}, now {now[name]!r}" for name, was in asdict(found).items() if was != now[name]]
        raise IndexMismatchError(
            f"The index in {self.where!r} was built with another {'; '.join(differing)}.",
            f"{chroma.REBUILD_HINT} Or restore the settings that it was built with.",
        )

    def abstention_threshold(self) -> float | None:
        """Return the abstention threshold that was calibrated on this index, or None if it has not been calibrated."""
        with self._errors("read"):
            metadata = self._articles.metadata
        found = metadata.get(THRESHOLD, metadata.get("min_score"))  # indexes of version 0.1 wrote "min_score"
        return None if found is None else float(found)

    def unsure_threshold(self, scale: str) -> float | None:
        """Return the threshold on a scale ("probability" or "similarity") below which quotes are unsure, or None."""
        with self._errors("read"):
            found = self._articles.metadata.get(UNSURE.format(scale=scale))
        return None if found is None else float(found)

    def articles(self, ids: Sequence[str] | None = None) -> list[Article]:
        """Return articles with their texts, sorted by title: all articles, or those in `ids` that exist."""
        got = self._get_articles(["metadatas", "documents"], ids)
        rows = zip(got["ids"], got["documents"], got["metadatas"], strict=True)
        return sorted((to_article(*row) for row in rows), key=lambda article: (article.title, article.id))

    def iter_articles(self) -> Iterator[Article]:
        """Yield all articles, ordered by id, with few texts in memory at a time."""
        for ids in chroma.slices(self.article_ids(), _ARTICLES_READ):
            yield from self.articles(ids)

    def article_metadata(self) -> list[Article]:
        """Return all articles without their texts and boilerplate, sorted by title."""
        return [article for article, _ in self.listing()]

    def listing(self) -> list[tuple[Article, int]]:
        """Return all articles without their texts and boilerplate, each with its number of passages, by title."""
        got = self._get_articles(["metadatas"])
        rows = zip(got["ids"], got["metadatas"], strict=True)
        listed = [(to_listed_article(id_, metadata), int(metadata["passages"])) for id_, metadata in rows]
        return sorted(listed, key=lambda row: (row[0].title, row[0].id))

    def article_ids(self) -> list[str]:
        """Return the ids of all articles, sorted."""
        return sorted(self._get_articles([])["ids"])

    def existing(self, ids: Iterable[str]) -> set[str]:
        """Return the article ids in `ids` that currently exist."""
        wanted = list(ids)
        return set(self._get_articles([], wanted)["ids"]) if wanted else set()

    def article(self, article_id: str) -> Article | None:
        """Return one article, or None if it is not in the index."""
        return next(iter(self.articles([article_id])), None)

    def passages(self, ids: Sequence[str]) -> list[tuple[Article, Passage]]:
        """Return the passages with these ids, in order, each with its article; omit those whose article is missing."""
        articles = {article.id: article for article in self.articles(sorted({article_id_of(id_) for id_ in ids}))}
        return list(to_passages(ids, articles))

    def titled_passages(self, articles: Sequence[str] | None = None) -> Iterator[tuple[str, Passage]]:
        """Yield the passages of these articles, or of all, with the articles' titles; few texts are in memory at once.

        Articles that do not exist are omitted.
        """
        scanned = None if self.is_current() else self._passage_ids_by_article()
        for ids in chroma.slices(self.article_ids() if articles is None else articles, _ARTICLES_READ):
            got = self._get_articles(["metadatas", "documents"], ids)
            with self._errors("read"):
                _ = self._passages  # an article without its passages is damage
            for id_, text, metadata in zip(got["ids"], got["documents"], got["metadatas"], strict=True):
                passages = passage_ids_in(id_, metadata) if scanned is None else scanned.get(id_, [])
                if passages is None:  # an index of version 0.1
                    scanned = self._passage_ids_by_article()
                    passages = scanned.get(id_, [])
                article = replace(to_listed_article(id_, metadata), text=text)
                for _, passage in to_passages(passages, {id_: article}):
                    yield article.title, passage

    def _passage_ids_by_article(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for id_ in self.passage_ids():
            found[article_id_of(id_)].append(id_)
        return found

    def build(self) -> str:
        """Return a name that changes when the index is rebuilt; "" if nothing is indexed."""
        with self._errors("read"):
            try:
                return str(self._manifest_value(self._articles, "passages"))
            except EmptyIndexError:
                return ""

    def is_current(self) -> bool:
        """Return whether no other process has rebuilt the index since it was opened, or is rebuilding it."""
        with self._errors("read"):
            articles = self._find(ARTICLES)
            metadata = (articles.metadata or {}) if articles is not None else {}
        return str(metadata.get("passages", "")) == self.build() and UNCOUNTED not in metadata

    def nearest(self, vector: FloatArray, limit: int, articles: Sequence[str] | None = None) -> list[tuple[str, float]]:
        """Return the ids and cosine similarities of the passages nearest to a unit vector, nearest first.

        With `articles`, only passages from these articles are considered.
        """
        where: Any = None if articles is None else {"article": {"$in": list(articles)}}
        with self._errors("search"):
            got = self._passages.query(
                query_embeddings=vector[None, :], n_results=max(1, limit), include=["distances"], where=where
            )
        return [(id_, 1.0 - float(d)) for id_, d in zip(got["ids"][0], (got["distances"] or [[]])[0], strict=True)]

    def vectors(self, ids: Sequence[str], dimension: int) -> FloatArray:
        """Return passage vectors, shape `(ids, dimension)`; a missing vector is all zeros, which is never near."""
        rows = {id_: row for row, id_ in enumerate(ids)}
        vectors = np.zeros((len(ids), dimension), dtype=np.float32)
        for some in chroma.slices(ids):
            with self._errors("read"):
                got = self._passages.get(ids=list(some), include=["embeddings"])
            if got["ids"]:
                vectors[[rows[id_] for id_ in got["ids"]]] = got["embeddings"]
        return vectors

    def is_being_written(self) -> bool:
        """Return whether another process is writing to the index in a folder; always False for one on a server."""
        return self.url is None and is_being_written(self.path)

    def count(self) -> tuple[int, int]:
        """Return the number of articles and the number of passages; both are 0 if nothing is indexed."""
        if self.manifest() is None:
            return 0, 0
        with self._errors("read"):
            return self._articles.count(), self._passages.count()

    @cached_property
    def _articles(self) -> Any:
        collection = self._find(ARTICLES)
        if collection is None:
            raise chroma.nothing_indexed(self.where)
        return collection

    @cached_property
    def _passages(self) -> Any:
        name = str(self._manifest_value(self._articles, "passages"))
        return self._client.get_collection(name, embedding_function=None)

    def _manifest_value(self, articles: Any, name: str) -> Any:
        """Read a value from the manifest, which is the metadata of the articles collection."""
        if name not in (articles.metadata or {}):
            raise StoreError(
                f"The manifest of the index in {self.where!r} is damaged: {name!r} is missing.", chroma.REBUILD_HINT
            )
        return articles.metadata[name]

    def _get_articles(self, include: list[str], ids: Sequence[str] | None = None) -> Any:
        """Return the records of all articles, or of those in `ids`; empty if nothing has been indexed."""
        with self._errors("read"):
            try:
                return self._articles.get(ids=None if ids is None else list(ids), include=include)
            except EmptyIndexError:
                return {"ids": [], "documents": [], "metadatas": []}

    def passage_ids(self) -> Iterator[str]:
        """Yield all passage ids in arbitrary order; none if nothing has been indexed.

        A query for the passages from certain articles would make Chroma scan the metadata of all passages.
        """
        for offset in count(0, _PASSAGES_LISTED):
            with self._errors("read"):
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
        """Drop the cached collections."""
        for name in ("_articles", "_passages"):
            self.__dict__.pop(name, None)

    @property
    def where(self) -> str:
        """The folder or URL of the index, for messages."""
        return chroma.redact_url(self.url) if self.url else str(self.path)

    def _errors(self, action: str) -> AbstractContextManager[None]:
        return chroma.translate_errors(self.where, action, is_server=self.url is not None)


def _mark_in(articles: Any | None) -> str:
    """Return the change mark of an index on a server, from the metadata of its articles collection."""
    return "" if articles is None else str((articles.metadata or {}).get(MARK, ""))
