"""Write articles and passages to Chroma. An article's record is written last, since passages without it are ignored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from typing import Any

import numpy as np

from ..embedding.base import FloatArray
from ..errors import StoreError
from ..models import Article, Manifest, Passage
from . import chroma_client as chroma
from .contents import ARTICLES, THRESHOLD, UNCOUNTED, UNSURE, IndexContents
from .file_lock import MARK, change_folder, new_mark, read_mark
from .serialization import article_id_of, article_record, passages_record, start_of, to_metadata
from .server_lease import Lease, leased
from .vector_files import damages, remove_vectors

_COSINE: Any = {"hnsw": {"space": "cosine"}}
_AT_ONCE = 200  # passages in a write; Chroma holds Python's lock meanwhile, about a millisecond for each

Row = tuple[Article, Sequence[Passage], FloatArray]
"""An article, its passages, and a vector for each passage: shape `(passages, dimension)`."""


class Store(IndexContents):
    """Read and write access to an index in a folder or on a Chroma server."""

    _lease: Lease | None = None  # set while this store writes to a server

    def create(self, manifest: Manifest) -> None:
        """Create the collections for an index with this manifest, unless they exist."""
        with self._errors("write"):
            if self._find(ARTICLES) is None:
                name = f"passages-{manifest.key}"
                self._client.get_or_create_collection(name, embedding_function=None, configuration=_COSINE)
                self._client.create_collection(
                    ARTICLES, embedding_function=None, metadata={**asdict(manifest), "passages": name}
                )

    def switch(self, manifest: Manifest, batches: Iterable[Sequence[Row]]) -> None:
        """Replace all passages with those in `batches`: write them to a new collection, then switch atomically."""
        with self._errors("write"):
            articles = self._articles
            name = f"passages-{manifest.key}"
            if name == (articles.metadata or {}).get("passages"):
                name += "-again"  # never write into the old collection, which may be damaged
            if self._find(name) is not None:
                self._client.delete_collection(name)  # left by an interrupted rebuild
            new = self._client.get_or_create_collection(name, embedding_function=None, configuration=_COSINE)
            for rows in batches:
                self._may_write()
                _upsert_passages(new, rows)
            self._may_write()
            articles.modify(metadata={**asdict(manifest), "passages": name, UNCOUNTED: True, MARK: new_mark()})
            _recount(articles, new)
            self._remove_collections_but(name)
        self._forget()

    def set_abstention_threshold(self, value: float) -> None:
        """Store a calibrated abstention threshold; a rebuild removes it, since new vectors have different scores."""
        with self._errors("write"):
            self._may_write()
            others = {name: old for name, old in self._articles.metadata.items() if name != "min_score"}
            self._articles.modify(metadata={**others, THRESHOLD: value})
        self._forget()

    def set_unsure_threshold(self, scale: str, value: float) -> None:
        """Store the calibrated threshold on a scale below which quotes are unsure; a rebuild removes it."""
        with self._errors("write"):
            self._may_write()
            self._articles.modify(metadata={**self._articles.metadata, UNSURE.format(scale=scale): value})
        self._forget()

    def put(self, rows: Sequence[Row]) -> None:
        """Write articles and their passages; the article records are written last, which makes the passages visible."""
        with self._errors("write"):
            self._may_write()
            _upsert_passages(self._passages, rows)
            for batch in chroma.slices(rows):
                self._may_write()
                self._articles.upsert(
                    ids=[article.id for article, _, _ in batch],
                    # Chroma requires a vector, but articles are never searched by vector.
                    embeddings=np.ones((len(batch), 1), dtype=np.float32),
                    documents=[article.text for article, _, _ in batch],
                    metadatas=[to_metadata(article, [each.id for each in passages]) for article, passages, _ in batch],
                )

    def update(self, articles: Sequence[Article]) -> None:
        """Rewrite the metadata of stored articles; their texts, boilerplate and passages are unchanged."""
        with self._errors("write"):
            self._may_write()
            _update_metadata(self._articles, {article.id: article_record(article) for article in articles})

    def remove(self, *article_ids: str) -> None:
        """Remove articles: first their records, so that they disappear immediately, then their passages."""
        with self._errors("write"):
            for ids in chroma.slices(article_ids):
                self._may_write()
                self._articles.delete(ids=list(ids))
                self._passages.delete(where={"article": {"$in": list(ids)}})
        if article_ids and self._may_write():
            self._leave_mark()  # immediately, so that no other machine cites a removed article

    @contextmanager
    def writing(self, *, replacing: bool = False) -> Iterator[None]:
        """Lock the index for writing; see `change_folder` for a folder, and `leased` for a server.

        The remains of an interrupted change are removed first, unless `replacing` is True: a caller that replaces all
        passages also removes the remains. Raises `CorruptVectorsError` if the old passages are damaged, unless
        `replacing` is True.
        """
        if self.url is not None:
            with self._writing_to_server(replacing=replacing):
                yield
            return
        with ExitStack() as stack:
            with self._errors("write"):
                was_interrupted = stack.enter_context(change_folder(self.path))
                if was_interrupted or replacing or self.mark != read_mark(self.path):
                    # Chroma caches data that another process has replaced, and would write it back.
                    self.close()
                    if was_interrupted or replacing:
                        remove_vectors(self.path, ARTICLES)  # corrupt vectors would prevent reading the texts
                    self._client = chroma.open_client(self.path, None, writable=False)
                    self._forget()
                if was_interrupted and not replacing and self._find(ARTICLES) is not None:
                    with chroma.detect_corrupt_vectors(self.where, damages(self.path, besides=ARTICLES)):
                        self._clean_up()
            yield
        self.mark = read_mark(self.path)

    @contextmanager
    def _writing_to_server(self, *, replacing: bool) -> Iterator[None]:
        with ExitStack() as stack:
            stack.callback(setattr, self, "_lease", None)
            with self._errors("write"):
                self._lease = stack.enter_context(leased(self.path, str(self.url)))
                chroma.set_timeout(self._client, chroma.WRITE_TIMEOUT)
                self._forget()  # another writer may have switched to other passages
                if self._lease.was_interrupted and not replacing and self._find(ARTICLES) is not None:
                    with chroma.detect_corrupt_vectors(self.where, ()):
                        self._clean_up()
            try:
                yield
                self._leave_mark()
            except BaseException:
                with suppress(StoreError):
                    self._leave_mark()  # so that other processes see what was written so far
                raise

    def _leave_mark(self) -> None:
        """Replace the change mark of an index on a server, so that other machines notice the change."""
        with self._errors("write"):
            articles = self._find(ARTICLES)
            if self._may_write() and articles is not None:
                mark = new_mark()
                articles.modify(metadata={**(articles.metadata or {}), MARK: mark})
                self.mark = mark

    def _may_write(self) -> bool:
        """Return whether this store holds the lease on a server index. Raises `StoreError` if the lease is lost."""
        if self._lease is not None:
            self._lease.require()
        return self._lease is not None

    def _clean_up(self) -> None:
        """Remove the remains of an interrupted change."""
        self._remove_collections_but(self._passages.name)
        if self._articles.metadata.get(UNCOUNTED):
            _recount(self._articles, self._passages)
        articles = set(self.article_ids())
        orphans = [id_ for id_ in self._passages.get(include=[])["ids"] if article_id_of(id_) not in articles]
        for ids in chroma.slices(orphans):
            self._passages.delete(ids=list(ids))

    def _remove_collections_but(self, current: str) -> None:
        """Remove other passage collections, which remain from an interrupted rebuild or from before a rebuild."""
        for collection in self._client.list_collections():
            if collection.name.startswith("passages-") and collection.name != current:
                self._client.delete_collection(collection.name)


def _upsert_passages(collection: Any, rows: Sequence[Row]) -> None:
    passages = [passage for _, of_one, _ in rows for passage in of_one]
    if not passages:
        return
    vectors = np.concatenate([vectors for _, _, vectors in rows if len(vectors)])
    for at in range(0, len(passages), _AT_ONCE):
        batch = passages[at : at + _AT_ONCE]
        collection.upsert(
            ids=[passage.id for passage in batch],
            embeddings=vectors[at : at + _AT_ONCE],
            metadatas=[{"article": passage.article_id} for passage in batch],
        )


def _update_metadata(collection: Any, metadata: Mapping[str, Mapping[str, Any]]) -> None:
    """Update the metadata of existing records by id; None removes a key, and absent keys are unchanged."""
    for ids in chroma.slices(list(metadata)):
        collection.update(ids=list(ids), metadatas=[dict(metadata[id_]) for id_ in ids])


def _recount(articles: Any, passages: Any) -> None:
    """Write the passages into the records of all articles, then remove `UNCOUNTED` from the manifest."""
    found: dict[str, list[str]] = defaultdict(list)
    for id_ in passages.get(include=[])["ids"]:
        found[article_id_of(id_)].append(id_)
    ids = articles.get(include=[])["ids"]
    _update_metadata(articles, {id_: passages_record(sorted(found[id_], key=start_of)) for id_ in ids})
    articles.modify(metadata={name: value for name, value in articles.metadata.items() if name != UNCOUNTED})
