"""What is open of an index, kept up with what others change, also on other machines.

Of an index in a folder the mark is compared before each question, and what is open is opened anew. To ask a server
takes a round trip, and what questions read may take long to make anew. So a server is asked once a second at most, and
after a change questions go on being answered from what is there until the new is ready, by one thread; that nothing is
cited that is gone is seen to by the search (`Retriever.is_outdated`).
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .embedding.base import Encoder
from .errors import CitechatError, StoreError
from .ingest.sync import manifest_of
from .retrieval.retriever import Retriever
from .storage.changes import mark_of
from .storage.store import Store
from .storage.token_cache import TokenCache

logger = logging.getLogger(__name__)

_OFTEN = 1.0  # seconds between two looks at the mark on a server
_TRUSTED = 2.0  # seconds after the last look from which on nothing is answered without another one
_WAIT = 2.0  # seconds that a question waits for the new tables when nobody has looked for so long


@dataclass(slots=True)
class _View:
    """What one state of an index is read through."""

    store: Store
    searcher: Retriever | None = None


class LiveIndex:
    """The store of an index and the search over it, as new as the index is. May be used from many threads."""

    def __init__(self, path: Path, encoder: Encoder, url: str | None = None) -> None:
        self.path = path
        self.url = url
        self.encoder = encoder
        self._view: _View | None = None
        self._lock = threading.RLock()
        self._looking = threading.Lock()
        self._looked = 0.0
        self._failed: tuple[float, StoreError] | None = None
        self._renewal: threading.Thread | None = None

    @property
    def is_open(self) -> bool:
        """Whether a question has been asked since it was opened."""
        view = self._view
        return view is not None and view.searcher is not None

    @property
    def store(self) -> Store:
        """The store; see `Store` for its errors."""
        return self._newest().store

    @property
    def searcher(self) -> Retriever:
        """The search over it. Raises `IndexMismatchError` where it was built by another encoder."""
        view = self._newest()
        with self._lock:
            if view.searcher is None:
                view.searcher = self._searcher_of(view.store)
            return view.searcher

    def written(self) -> None:
        """This process has changed the index: what it reads next is what it has written."""
        view = self._view
        if self.url is None or view is None:
            self.forget()
        else:
            self._renew(view).join()
            self._looked = 0.0  # a renewal that was under way may have begun before the end of the change

    def forget(self) -> None:
        """Let go of what is open, which others may be reading from; it is opened again when it is needed."""
        self._view = None

    def close(self) -> None:
        """Close what is open; it is opened again when it is needed."""
        view, renewal = self._view, self._renewal
        if renewal is not None:
            renewal.join()
            view = self._view
        self.forget()
        if view is not None:
            view.store.close()

    def _newest(self) -> _View:
        view = self._view
        if view is None:
            return self._open()
        if self.url is not None:
            return self._look(view)
        if view.store.mark != mark_of(self.path):
            # Other threads may be reading from the one before, which ends with the last of them.
            self._view = view = _View(Store(self.path))
        return view

    def _open(self) -> _View:
        """Open it, once for all threads that wait for it; where that fails, it fails for all of them."""
        came = time.monotonic()
        with self._lock:
            view = self._view
            if view is None:
                if self._failed and self._failed[0] > came:
                    raise self._failed[1]
                try:
                    looked = time.monotonic()
                    self._view = view = _View(Store(self.path, self.url))
                    self._looked = looked
                except StoreError as error:
                    self._failed = time.monotonic(), error
                    raise
            return view

    def _look(self, view: _View) -> _View:
        """Ask the server for the mark, unless that was done just now. Raises `StoreError` where it does not answer."""
        since = time.monotonic() - self._looked
        if since < _OFTEN:
            return view
        is_looking = self._looking.acquire(blocking=False)
        if since < _TRUSTED and not is_looking:
            return view
        try:
            began = time.monotonic()
            mark = view.store.newest_mark()
            self._looked = began
        finally:
            if is_looking:
                self._looking.release()
        if mark == view.store.mark:
            return view
        renewal = self._renew(view)
        if since >= _TRUSTED:
            renewal.join(_WAIT)
        return self._view or self._open()

    def _renew(self, view: _View) -> threading.Thread:
        """Have one thread open the index anew, and make what questions read of it."""
        with self._lock:
            if view.searcher is not None:
                view.searcher.is_outdated = True
            if self._renewal is None or not self._renewal.is_alive():
                self._renewal = threading.Thread(target=self._replace, args=(view,), name="renew-index", daemon=True)
                self._renewal.start()
            return self._renewal

    def _replace(self, view: _View) -> None:
        new: _View | None = None
        with suppress(CitechatError):  # the next question opens the index itself, and raises what it meets
            new = _View(Store(self.path, self.url))
            if view.searcher is not None:
                new.searcher = self._searcher_of(new.store)
                new.searcher.make_ready()
        with self._lock:
            if self._view is view:
                self._view = new

    def _searcher_of(self, store: Store) -> Retriever:
        manifest = manifest_of(self.encoder)
        store.require(manifest)
        return Retriever(store, self.encoder, TokenCache.beside(self.path, manifest.key))
