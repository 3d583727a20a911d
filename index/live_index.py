"""Keep an open index up to date with changes by other processes, including those on other machines.

For an index in a folder, each question checks the change mark, and the index is reopened after a change. For an index
on a server, each check takes a round trip, and preparing the search caches may take a long time. The mark is therefore
read from the server at most once a second, and after a change, questions are answered from the old state until a thread
has prepared the new state; the retriever ensures that no removed article is cited (`Retriever.is_outdated`).
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .embedding.base import Encoder
from .errors import CitechatError, StoreError
from .ingest.sync import manifest_of
from .retrieval.retriever import Retriever, merge_search_caches
from .storage.file_lock import read_mark
from .storage.store import Store
from .storage.token_cache import TokenCache

_INTERVAL = 1.0  # minimum interval between two checks of the mark on a server, in seconds
_TRUSTED = 2.0  # maximum age of the last check before a question waits for a new one, in seconds
_WAIT = 2.0  # maximum time that a question waits for the new state, in seconds


@dataclass(slots=True)
class _View:
    """A state of the index, opened for reading."""

    store: Store
    searcher: Retriever | None = None


class LiveIndex:
    """The current store of an index, and its retriever. Thread-safe."""

    def __init__(self, path: Path, encoder: Encoder, url: str | None = None) -> None:
        self.path = path
        self.url = url
        self.encoder = encoder
        self._view: _View | None = None
        self._lock = threading.RLock()
        self._checking = threading.Lock()
        self._checked = 0.0
        self._failed: tuple[float, StoreError] | None = None
        self._renewal: threading.Thread | None = None

    @property
    def is_open(self) -> bool:
        """Whether a question has been asked since the index was opened."""
        view = self._view
        return view is not None and view.searcher is not None

    @property
    def store(self) -> Store:
        """The store. Raises the same errors as `Store`."""
        return self._current_view().store

    @property
    def searcher(self) -> Retriever:
        """The retriever. Raises `IndexMismatchError` if another encoder built the index."""
        view = self._current_view()
        with self._lock:
            if view.searcher is None:
                view.searcher = self._searcher_of(view.store)
            return view.searcher

    def written(self) -> None:
        """Make a change by this process visible to the next read."""
        view = self._view
        if self.url is None or view is None:
            self.forget()
        else:
            self._renew(view).join()
            self._checked = 0.0  # a renewal in progress may have started before the change ended

    def forget(self) -> None:
        """Drop the open view without closing it, as other threads may still read it; the next use reopens the index."""
        self._view = None

    def close(self) -> None:
        """Close the open view; the next use reopens the index."""
        renewal = self._renewal
        if renewal is not None:
            renewal.join()
        view = self._view
        self.forget()
        if view is not None:
            view.store.close()

    def _current_view(self) -> _View:
        view = self._view
        if view is None:
            return self._open()
        if self.url is not None:
            return self._check(view)
        if view.store.mark != read_mark(self.path):
            # Other threads may be reading from the old view, which is closed when the last of them drops it.
            self._view = view = _View(Store(self.path))
        return view

    def _open(self) -> _View:
        """Open the index once for all waiting threads; an error is raised in all of them."""
        called = time.monotonic()
        with self._lock:
            view = self._view
            if view is None:
                if self._failed and self._failed[0] > called:
                    raise self._failed[1]
                try:
                    checked = time.monotonic()
                    self._view = view = _View(Store(self.path, self.url))
                    self._checked = checked
                except StoreError as error:
                    self._failed = time.monotonic(), error
                    raise
            return view

    def _check(self, view: _View) -> _View:
        """Check the server's mark, at most once per `_INTERVAL`, and return the current view. Raises `StoreError`."""
        since = time.monotonic() - self._checked
        if since < _INTERVAL:
            return view
        is_checking = self._checking.acquire(blocking=False)
        if since < _TRUSTED and not is_checking:
            return view
        try:
            began = time.monotonic()
            mark = view.store.newest_mark()
            self._checked = began
        finally:
            if is_checking:
                self._checking.release()
        if mark == view.store.mark:
            return view
        renewal = self._renew(view)
        if since >= _TRUSTED:
            renewal.join(_WAIT)
        return self._view or self._open()

    def _renew(self, view: _View) -> threading.Thread:
        """Return the thread that opens the new state and prepares its search caches; start it if it is not running."""
        with self._lock:
            if view.searcher is not None:
                view.searcher.is_outdated = True
            if self._renewal is None or not self._renewal.is_alive():
                self._renewal = threading.Thread(target=self._replace, args=(view,), name="renew-index", daemon=True)
                self._renewal.start()
            return self._renewal

    def _replace(self, view: _View) -> None:
        new: _View | None = None
        with suppress(CitechatError):  # the next question opens the index itself and raises the error
            new = _View(Store(self.path, self.url))
            if view.searcher is not None:
                new.searcher = self._searcher_of(new.store)
                new.searcher.make_searchable()
        with self._lock:
            if self._view is view:
                self._view = new
        if new is not None and new.searcher is not None:
            with suppress(CitechatError):
                new.searcher.make_ready()
                merge_search_caches(new.store)

    def _searcher_of(self, store: Store) -> Retriever:
        manifest = manifest_of(self.encoder)
        store.require(manifest)
        return Retriever(store, self.encoder, TokenCache.beside(self.path, manifest.key))
