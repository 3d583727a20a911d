"""An index, opened: the one object through which everything else uses this package."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from .embedding.base import Encoder
from .errors import CorruptVectorsError, EmptyIndexError, IndexMismatchError, StoreError
from .filters import ArticleFilter
from .ingest.executors import ProcessExecutor
from .ingest.pipeline import prepared
from .ingest.ray_executor import RayExecutor
from .ingest.sync import Progress, SyncReport, manifest_of, rebuild, sync
from .live_index import LiveIndex
from .manifest import Manifest
from .models import Article, Hit
from .retrieval.retriever import Retriever, SearchResult
from .storage.chroma_client import is_unreachable
from .storage.health import Problem, check
from .storage.removal import remove
from .storage.store import Store

_PAUSES = (0.05, 0.2, 0.5)  # seconds; between them a reader opens the index anew

Read = TypeVar("Read")


class Index:
    """Articles in a folder, and an encoder to find passages in them. Cheap to make: opened at first use."""

    def __init__(self, path: Path, encoder: Encoder, url: str | None = None) -> None:
        """The index in the folder `path`, or on the Chroma server at `url`, with its caches in `path`."""
        self.path = path
        self.url = url
        self.encoder = encoder
        self._current = LiveIndex(path, encoder, url)

    def sync(
        self,
        paths: Sequence[Path | str],
        progress: Progress | None = None,
        *,
        prune: bool = False,
        public_only: bool = False,
        workers: ProcessExecutor | RayExecutor | None = None,
    ) -> SyncReport:
        """Add and replace articles from files, folders and web addresses, with `prune` remove what is gone there, with
        `public_only` fetch nothing that not everybody on the internet can reach; `workers` do it in place of this
        process; see `sync`.

        Where a change before it was cut short while vectors were written, these are made anew from the texts first.
        """
        preparing = workers.prepared if isinstance(workers, RayExecutor) else workers and partial(prepared, workers)
        how: Any = {"prune": prune, "public_only": public_only, "preparing": preparing}
        with closing(Store(self.path, self.url, writable=True)) as store:
            try:
                report = sync(store, self.encoder, paths, progress, **how)
            except CorruptVectorsError:
                store.require(manifest_of(self.encoder))
                rebuild(store, self.encoder, progress)
                report = sync(store, self.encoder, paths, progress, **how)
        self._current.written()
        return report

    def remove(self, *ids: str) -> tuple[tuple[Article, int], ...]:
        """Remove articles by their ids, or the beginnings of these; see `remove`."""
        with closing(Store(self.path, self.url)) as store:
            removed = remove(store, ids)
        self._current.written()
        return removed

    def rebuild(self, progress: Progress | None = None, *, workers: ProcessExecutor | None = None) -> None:
        """Cut and embed every stored article anew, by `workers` or in this process; see `rebuild`."""
        with closing(Store(self.path, self.url)) as store:
            rebuild(store, self.encoder, progress, workers=workers)
        self._current.written()

    def find(self, question: str, limit: int = 6, article_filter: ArticleFilter | None = None) -> SearchResult:
        """The `limit` best passages for `question`, with all that was seen in them; see `search` for its errors."""
        if not self._current.is_open and self.exists():
            self._load_model_meanwhile()
        return self._patiently(lambda: self.searcher.find(question, limit, article_filter))

    def search(self, question: str, limit: int = 6, article_filter: ArticleFilter | None = None) -> list[Hit]:
        """The `limit` best passages for `question`, best first, of the articles that `article_filter` allows.

        Raises `EmptyIndexError` where nothing is indexed and `IndexMismatchError` where another model built the index.
        """
        return self.find(question, limit, article_filter).hits

    def articles(self) -> tuple[Article, ...]:
        """Every article, in the order of titles; none where nothing is indexed."""
        return tuple(self._current.store.articles()) if self.exists() else ()

    def article_metadata(self) -> tuple[Article, ...]:
        """Every article without its text, in the order of titles; none where nothing is indexed."""
        return tuple(self._current.store.article_metadata()) if self.exists() else ()

    def listing(self) -> tuple[tuple[Article, int], ...]:
        """Every article without its text, with its number of passages, in the order of titles."""
        return tuple(self._current.store.listing()) if self.exists() else ()

    def article(self, article_id: str) -> Article | None:
        """One article, or None when it is not in the index."""
        return self._current.store.article(article_id) if self.exists() else None

    def exists(self) -> bool:
        """True when something was indexed here."""
        if self.url is None:
            return (self.path / "chroma.sqlite3").is_file()
        try:
            return bool(self._current.store)
        except EmptyIndexError:
            return False

    def count(self) -> tuple[int, int]:
        """How many articles and passages there are."""
        return self._current.store.count() if self.exists() else (0, 0)

    def manifest(self) -> Manifest | None:
        """What built the index, or None where nothing is indexed."""
        return self._current.store.manifest() if self.exists() else None

    def abstention_threshold(self) -> float | None:
        """The threshold of abstention calibrated on this index, or None."""
        return self._current.store.abstention_threshold() if self.exists() else None

    def set_abstention_threshold(self, value: float) -> None:
        """Keep a calibrated threshold with the index."""
        with closing(Store(self.path, self.url)) as store, store.writing():
            store.set_abstention_threshold(value)
        self._current.written()

    @property
    def searcher(self) -> Retriever:
        """The search over this index, checked to be built by this encoder; another one after the index has changed."""
        return self._current.searcher

    def _load_model_meanwhile(self) -> None:
        """Load the model while Chroma is imported and opened: neither waits for the other."""

        def load() -> None:
            with suppress(Exception):  # whoever needs the model meets the same error, and raises it
                self.encoder.query("?")

        threading.Thread(target=load, name="load-model").start()

    def problems(self, seconds: float | None = None) -> list[Problem]:
        """What is wrong with the index, seen by another process within `seconds`; see `check`."""
        return check(self.path, seconds, self.url)

    def close(self) -> None:
        """Let go of what is open; it is opened again when it is needed."""
        self._current.close()

    def _patiently(self, read: Callable[[], Read]) -> Read:
        """What `read` gives; tried again where another process is just replacing what it reads."""
        for pause in _PAUSES:
            try:
                return read()
            except (EmptyIndexError, IndexMismatchError):
                raise
            except StoreError as error:
                if self.url and is_unreachable(error):
                    raise  # to try again would have the reader wait for longer
                self._current.forget()
                time.sleep(pause)
        return read()
