"""Articles and passages are written to Chroma: an article's record last, as it makes the passages be there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from typing import Any

import numpy as np

from ..errors import StoreError
from ..manifest import Manifest
from ..models import Article
from . import chroma_client as chroma
from .batch_writes import Row, rewrite, slices, upsert
from .changes import (
    MARK,
    UNCOUNTED,
    changing,
    leave_mark,
    mark_of,
    new_mark,
    recount,
    sweep_collections,
    sweep_passages,
)
from .contents import ARTICLES, THRESHOLD, IndexContents
from .lease import Lease, leased
from .serialization import facts_of, to_metadata
from .vector_files import damages, forget_vectors

_COSINE: Any = {"hnsw": {"space": "cosine"}}


class Store(IndexContents):
    """An index in a folder, or on a Chroma server. Opening it for reading needs an index to be there."""

    _lease: Lease | None = None  # while this writes to a server

    def create(self, manifest: Manifest) -> None:
        """Make the collections of an index built by `manifest`, if there are none."""
        with self._refusals("written"):
            if self._find(ARTICLES) is None:
                name = f"passages-{manifest.key}"
                self._client.get_or_create_collection(name, embedding_function=None, configuration=_COSINE)
                self._client.create_collection(
                    ARTICLES, embedding_function=None, metadata={**asdict(manifest), "passages": name}
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
                self._may_write()
                upsert(new, rows)
            self._may_write()
            articles.modify(metadata={**asdict(manifest), "passages": name, UNCOUNTED: True, MARK: new_mark()})
            recount(articles, new)
            sweep_collections(self._client, name)
        self._forget()

    def set_abstention_threshold(self, value: float) -> None:
        """Keep a calibrated threshold with the index; a rebuild forgets it, since other vectors have other scores."""
        with self._refusals("written"):
            self._may_write()
            others = {name: old for name, old in self._articles.metadata.items() if name != "min_score"}
            self._articles.modify(metadata={**others, THRESHOLD: value})
        self._forget()

    # Writing

    @contextmanager
    def writing(self, *, replacing: bool = False) -> Iterator[None]:
        """Hold the index for writing; see `changing`, and for a server `leased`. What a change before this one, cut
        short, has left is removed first, unless all passages are being replaced: then it goes with the old ones, which
        may be damaged (`CorruptVectorsError`)."""
        if self.url is not None:
            with self._writing_there(replacing=replacing):
                yield
            return
        with ExitStack() as stack:
            with self._refusals("written"):
                was_cut_short = stack.enter_context(changing(self.path))
                if was_cut_short or replacing or self.mark != mark_of(self.path):
                    # Chroma keeps in memory what another process has replaced, and would write it back.
                    self.close()
                    if was_cut_short or replacing:
                        forget_vectors(self.path, ARTICLES)  # torn ones would keep the texts from being read
                    self._client = chroma.open_client(self.path, None, writable=False)
                    self._forget()
                if was_cut_short and not replacing and self._find(ARTICLES) is not None:
                    with chroma.torn_by_a_kill(self._where, damages(self.path)):
                        self._sweep()
            yield
        self.mark = mark_of(self.path)

    @contextmanager
    def _writing_there(self, *, replacing: bool) -> Iterator[None]:
        with ExitStack() as stack:
            stack.callback(setattr, self, "_lease", None)
            with self._refusals("written"):
                self._lease = stack.enter_context(leased(self.path, str(self.url)))
                chroma.be_patient(self._client)
                self._forget()  # another writer may have switched to other passages
                if self._lease.was_cut_short and not replacing and self._find(ARTICLES) is not None:
                    with chroma.torn_by_a_kill(self._where, ()):
                        self._sweep()
            try:
                yield
                self._leave_mark()
            except BaseException:
                with suppress(StoreError):
                    self._leave_mark()  # what was written until now is there to be read
                raise

    def _leave_mark(self) -> None:
        """Tell other machines that something has changed."""
        with self._refusals("written"):
            articles = self._find(ARTICLES)
            if self._may_write() and articles is not None:
                self.mark = leave_mark(articles)

    def _may_write(self) -> bool:
        """Whether an index on a server is held for writing. Raises `StoreError` where it no longer is."""
        if self._lease is not None:
            self._lease.require()
        return self._lease is not None

    def put(self, rows: Sequence[Row]) -> None:
        """Write articles and their passages; the articles' records come last and make them visible."""
        with self._refusals("written"):
            self._may_write()
            upsert(self._passages, rows)
            for batch in slices(rows):
                self._may_write()
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
            self._may_write()
            rewrite(self._articles, {article.id: facts_of(article) for article in articles})

    def remove(self, *article_ids: str) -> None:
        """Remove articles: their records first, so that they are gone at once, then their passages."""
        with self._refusals("written"):
            for ids in slices(article_ids):
                self._may_write()
                self._articles.delete(ids=list(ids))
                self._passages.delete(where={"article": {"$in": list(ids)}})
        if article_ids and self._may_write():
            self._leave_mark()  # at once: no copy shall cite what is gone

    def _sweep(self) -> None:
        """Remove what a change that was cut short has left."""
        sweep_collections(self._client, self._passages.name)
        if self._articles.metadata.get(UNCOUNTED):
            recount(self._articles, self._passages)
        sweep_passages(self._passages, set(self.article_ids()))
