"""The `Index` class, through which other packages use this package."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from .embedding.base import Encoder
from .errors import CorruptVectorsError, EmptyIndexError, IndexMismatchError, StoreError
from .filters import ArticleFilter
from .ingest.executors import ProcessExecutor
from .ingest.limited import UploadBudget, prepare_upload
from .ingest.loader import ReadOptions
from .ingest.ocr import OFF
from .ingest.pipeline import prepare_sources
from .ingest.ray_executor import RayExecutor
from .ingest.sync import Progress, SyncReport, manifest_of, rebuild, remove, sync
from .live_index import LiveIndex
from .models import Article, Hit, Manifest
from .retrieval.retriever import Retriever, SearchResult
from .retrieval.segment_cache import damaged_segments
from .storage.chroma_client import is_unreachable
from .storage.health import Problem, check
from .storage.store import Store

_PAUSES = (0.05, 0.2, 0.5, 1.0)  # seconds before each retry of a read

Result = TypeVar("Result")


class Index:
    """An index of articles, with the encoder used to search them. Cheap to create: it is opened at first use."""

    def __init__(self, path: Path, encoder: Encoder, url: str | None = None, *, ocr: str = OFF) -> None:
        """Use the index in the folder `path`, or on the Chroma server at `url` if given, with its caches in `path`.

        `ocr` says whether and in which languages text is recognised on scanned pages; see `ingest.ocr.recognise`.
        """
        self.path = path
        self.url = url
        self.encoder = encoder
        self._ocr = ocr
        self._current = LiveIndex(path, encoder, url)

    def sync(
        self,
        paths: Sequence[Path | str],
        progress: Progress | None = None,
        *,
        prune: bool = False,
        public_only: bool = False,
        workers: ProcessExecutor | RayExecutor | None = None,
        budget: UploadBudget | None = None,
    ) -> SyncReport:
        """Add and update articles from files, folders and web addresses; see `ingest.sync.sync`.

        With `prune`, paths under `paths` that no longer exist are removed; with `public_only`, only public internet
        addresses are fetched. If `workers` is given, its processes do the work. If `budget` is given, the work ends
        when it is used up, and the report's first skipped item says so. If an earlier change was interrupted while
        vectors were being written, the vectors are first rebuilt from the texts.
        """
        pipeline = workers.prepare_sources if isinstance(workers, RayExecutor) else None
        if isinstance(workers, ProcessExecutor):
            pipeline = partial(prepare_sources, workers)
        if budget is not None:
            pipeline = partial(prepare_upload, self.encoder, budget)
        options: Any = {"prune": prune, "options": ReadOptions(public_only, self._ocr), "pipeline": pipeline}
        limited = budget.working() if budget is not None else nullcontext()
        with limited, closing(Store(self.path, self.url, writable=True)) as store:
            try:
                report = sync(store, self.encoder, paths, progress, **options)
            except CorruptVectorsError:
                store.require(manifest_of(self.encoder))
                rebuild(store, self.encoder, progress)
                report = sync(store, self.encoder, paths, progress, **options)
        self._current.written()
        return report

    def remove(self, *ids: str) -> tuple[tuple[Article, int], ...]:
        """Remove articles by their ids, which may be abbreviated, and return the articles; see `ingest.sync.remove`."""
        with closing(Store(self.path, self.url)) as store:
            removed = remove(store, ids)
        self._current.written()
        return removed

    def rebuild(self, progress: Progress | None = None, *, workers: ProcessExecutor | None = None) -> None:
        """Split and embed every stored article again; see `ingest.sync.rebuild`."""
        with closing(Store(self.path, self.url)) as store:
            rebuild(store, self.encoder, progress, executor=workers)
        self._current.written()

    def find(self, question: str, limit: int = 6, article_filter: ArticleFilter | None = None) -> SearchResult:
        """Return the `limit` best passages for `question` with their features. Raises the same errors as `search`."""
        if not self._current.is_open and self.exists():
            self._load_model_in_background()
        return self._retry(lambda: self.searcher.find(question, limit, article_filter))

    def search(self, question: str, limit: int = 6, article_filter: ArticleFilter | None = None) -> list[Hit]:
        """Return the `limit` best passages for `question`, best first, from the articles that `article_filter` allows.

        Raises `EmptyIndexError` if nothing is indexed, and `IndexMismatchError` if another model built the index.
        """
        return self.find(question, limit, article_filter).hits

    def corrected(self, question: str) -> dict[str, str]:
        """Return the word of an article for each word of a question that is misspelt; see `retrieval.spelling`."""
        return self._retry(lambda: self.searcher.corrected(question))

    def count_passages(self, article_filter: ArticleFilter | None = None) -> int:
        """Return the number of passages in the articles that `article_filter` allows."""
        return self._retry(lambda: self.searcher.count_passages(article_filter))

    def outline(
        self, article_filter: ArticleFilter | None = None, articles: Sequence[str] | None = None
    ) -> dict[str, list[str]]:
        """Return the ids of all passages in reading order, by article id; see `Retriever.outline`."""
        return self._retry(lambda: self.searcher.outline(article_filter, articles))

    def read(self, found: SearchResult, ids: Sequence[str]) -> SearchResult:
        """Return the passages with these ids, in this order, for the question of a search; see `Retriever.read`."""
        return self._retry(lambda: self.searcher.read(found, ids))

    def articles(self) -> tuple[Article, ...]:
        """Return all articles, sorted by title; empty if nothing is indexed."""
        return tuple(self._current.store.articles()) if self.exists() else ()

    def article_metadata(self) -> tuple[Article, ...]:
        """Return all articles without their texts and boilerplate, sorted by title; empty if nothing is indexed."""
        return tuple(self._current.store.article_metadata()) if self.exists() else ()

    def listing(self) -> tuple[tuple[Article, int], ...]:
        """Return all articles without their texts and boilerplate, each with its number of passages, by title."""
        return tuple(self._current.store.listing()) if self.exists() else ()

    def article(self, article_id: str) -> Article | None:
        """Return one article, or None if it is not in the index."""
        return self._current.store.article(article_id) if self.exists() else None

    def exists(self) -> bool:
        """Return whether anything has been indexed."""
        if self.url is None:
            return (self.path / "chroma.sqlite3").is_file()
        try:
            return bool(self._current.store)
        except EmptyIndexError:
            return False

    def count(self) -> tuple[int, int]:
        """Return the number of articles and the number of passages; both are 0 if nothing is indexed."""
        return self._current.store.count() if self.exists() else (0, 0)

    def manifest(self) -> Manifest | None:
        """Return the manifest of the index, or None if nothing is indexed."""
        return self._current.store.manifest() if self.exists() else None

    def abstention_threshold(self) -> float | None:
        """Return the abstention threshold that was calibrated on this index, or None if it has not been calibrated."""
        return self._current.store.abstention_threshold() if self.exists() else None

    def set_abstention_threshold(self, value: float) -> None:
        """Store a calibrated abstention threshold in the index."""
        with closing(Store(self.path, self.url)) as store, store.writing():
            store.set_abstention_threshold(value)
        self._current.written()

    def unsure_threshold(self, scale: str) -> float | None:
        """Return the calibrated threshold below which quotes are unsure, or None.

        The scale is "probability", that of the reader, or "similarity", that of the confidence.
        """
        return self._current.store.unsure_threshold(scale) if self.exists() else None

    def set_unsure_threshold(self, scale: str, value: float) -> None:
        """Store a calibrated threshold below which quotes are unsure, on one of the two scales."""
        with closing(Store(self.path, self.url)) as store, store.writing():
            store.set_unsure_threshold(scale, value)
        self._current.written()

    @property
    def searcher(self) -> Retriever:
        """The retriever for the current state of this index, which must have been built with this encoder."""
        return self._current.searcher

    def problems(self, seconds: float | None = None) -> list[Problem]:
        """Return the problems that another process finds in at most `seconds`; see `storage.health.check`."""
        return check(self.path, seconds, self.url)

    def damaged_segments(self) -> list[str]:
        """Return the names of damaged folders of the BM25 index; the next question builds them again."""
        return damaged_segments(self.path)

    def close(self) -> None:
        """Release open files and connections; the next use opens them again."""
        self._current.close()

    def _load_model_in_background(self) -> None:
        """Load the model in a thread while Chroma is imported and opened."""

        def load() -> None:
            with suppress(Exception):  # the search that needs the model raises the same error
                self.encoder.query("?")

        threading.Thread(target=load, name="load-model").start()

    def _retry(self, read: Callable[[], Result]) -> Result:
        """Return the result of `read`; retry if another process is replacing the data at that moment."""
        for pause in _PAUSES:
            try:
                return read()
            except (EmptyIndexError, IndexMismatchError):
                raise
            except StoreError as error:
                if self.url and is_unreachable(error):
                    raise  # a retry would only make the user wait longer
                self._current.forget()
                time.sleep(pause)
        return read()
