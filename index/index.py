"""An index, opened: the one object through which everything else uses this package."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing, suppress
from functools import cached_property
from pathlib import Path

from .encode import Encoder
from .errors import EmptyIndexError
from .manifest import Manifest
from .only import Only
from .records import Article, Hit
from .search import Findings, Searcher
from .store import Store
from .sync import Progress, SyncReport, manifest_of, rebuild, sync
from .tokens import TokenStore


class Index:
    """Articles in a folder, and an encoder to find passages in them. Cheap to make: opened at first use."""

    def __init__(self, path: Path, encoder: Encoder, url: str | None = None) -> None:
        """The index in the folder `path`, or on the Chroma server at `url`, with its caches in `path`."""
        self.path = path
        self.url = url
        self.encoder = encoder

    def sync(self, paths: Sequence[Path | str], progress: Progress | None = None) -> SyncReport:
        """Add and replace articles from files and folders; see `sync`."""
        with closing(Store(self.path, self.url, writable=True)) as store:
            report = sync(store, self.encoder, paths, progress)
        self._forget()
        return report

    def rebuild(self, progress: Progress | None = None) -> None:
        """Cut and embed every stored article anew; see `rebuild`."""
        with closing(Store(self.path, self.url)) as store:
            rebuild(store, self.encoder, progress)
        self._forget()

    def find(self, question: str, limit: int = 6, only: Only | None = None) -> Findings:
        """The `limit` best passages for `question`, with all that was seen in them; see `search` for its errors."""
        if "searcher" not in self.__dict__ and self.exists():
            self._load_model_meanwhile()
        return self.searcher.find(question, limit, only)

    def search(self, question: str, limit: int = 6, only: Only | None = None) -> list[Hit]:
        """The `limit` best passages for `question`, best first, of all articles or `only` of some.

        Raises `EmptyIndexError` where nothing is indexed and `IndexMismatchError` where another model built the index.
        """
        return self.find(question, limit, only).hits

    def articles(self) -> tuple[Article, ...]:
        """Every article, in the order of titles; none where nothing is indexed."""
        return tuple(self._store.articles()) if self.exists() else ()

    def article(self, article_id: str) -> Article | None:
        """One article, or None when it is not in the index."""
        return self._store.article(article_id) if self.exists() else None

    def exists(self) -> bool:
        """True when something was indexed here."""
        if self.url is None:
            return (self.path / "chroma.sqlite3").is_file()
        try:
            return bool(self._store)
        except EmptyIndexError:
            return False

    def count(self) -> tuple[int, int]:
        """How many articles and passages there are."""
        return self._store.count() if self.exists() else (0, 0)

    def manifest(self) -> Manifest | None:
        """What built the index, or None where nothing is indexed."""
        return self._store.manifest() if self.exists() else None

    def min_score(self) -> float | None:
        """The threshold of abstention calibrated on this index, or None."""
        return self._store.min_score() if self.exists() else None

    def set_min_score(self, value: float) -> None:
        """Keep a calibrated threshold with the index."""
        with self._store.writing():
            self._store.set_min_score(value)

    @cached_property
    def searcher(self) -> Searcher:
        """The search over this index, checked to be built by this encoder."""
        manifest = manifest_of(self.encoder)
        self._store.require(manifest)
        return Searcher(self._store, self.encoder, TokenStore.beside(self.path, manifest.key))

    @cached_property
    def _store(self) -> Store:
        return Store(self.path, self.url)

    def _load_model_meanwhile(self) -> None:
        """Load the model while Chroma is imported and opened: neither waits for the other."""

        def load() -> None:
            with suppress(Exception):  # whoever needs the model meets the same error, and raises it
                self.encoder.query("?")

        threading.Thread(target=load, name="load-model").start()

    def close(self) -> None:
        """Let go of what is open; it is opened again when it is needed."""
        store = self.__dict__.get("_store")
        self._forget()
        if store is not None:
            store.close()

    def _forget(self) -> None:
        for name in ("searcher", "_store"):
            self.__dict__.pop(name, None)
