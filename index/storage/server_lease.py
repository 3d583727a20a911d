"""Allow only one writer at a time on a Chroma server, across machines.

Chroma has no compare-and-swap, but if several clients create a collection with the same name, only one succeeds. A
lease is therefore an empty collection, `writer-1`, `writer-2` and so on: the client that creates the next number holds
the lease. The highest number is never removed, so no number is used twice. The metadata contains the expiry time
according to the server's clock, the only clock that all machines share. The holder renews the lease and measures its
remaining time with a local timer, started before each request: a holder that pauses or loses its connection stops
relying on the lease before another client may take over.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import StoreError
from . import chroma_client as chroma
from .file_lock import locked_by

logger = logging.getLogger(__name__)

LIFE = 30.0
"""Time from the renewal of a lease to its expiry, in seconds."""

_BEAT = 5.0  # interval between renewals, in seconds
_RESERVE = 10.0  # writes must start at least this many seconds before expiry, since they take a while
_PREFIX = "writer-"


class Lease:
    """A lease held by this process, which allows it to write."""

    def __init__(self, client: Any, where: str) -> None:
        """Acquire the lease; if the holder seems to have died, wait for its lease to expire.

        Raises `IndexLockedError` naming an active holder.
        """
        self._client = client
        self._where = where
        self._ended = threading.Event()
        self._until = 0.0  # by this process's monotonic clock
        while not self._claim():
            time.sleep(1)
        self._beating = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._beating.start()

    def require(self) -> None:
        """Raise `StoreError` if the lease is lost, or may be lost before a write that starts now finishes."""
        if time.monotonic() > self._until - _RESERVE:
            raise StoreError(
                f"Lost the write lock of the index in {self._where!r}: the Chroma server timed out.",
                "Run the command again when the server is less busy. Everything written so far is kept.",
            )

    def release(self, *, is_finished: bool) -> None:
        """Release the lease. `is_finished` records for the next writer whether the change was finished."""
        self._ended.set()
        self._beating.join()
        if time.monotonic() < self._until:
            try:
                self._lease.modify(metadata=_metadata(until=0, unfinished=not is_finished))
            except chroma.chroma_errors() as error:
                logger.warning("Cannot release the lease of the index in %r; it will expire: %s", self._where, error)

    def _claim(self) -> bool:
        """Try once. Return False if another client is faster, or if a holder that missed a renewal may still renew."""
        began = time.monotonic()
        now = self._now()  # read before the leases: a lease that has expired by this time was not renewed in time
        leases = _leases(self._client)
        number = max(leases, default=0)
        before: dict[str, Any] = leases[number].metadata or {} if number else {}
        left = float(before.get("until", 0)) / 1000 - now
        if left > LIFE - 2 * _BEAT:
            raise locked_by(before.get("owner"), self._where)
        if left > 0:
            return False
        name = f"{_PREFIX}{number + 1}"
        lease = chroma.create_if_absent(self._client, name, _metadata(until=now + LIFE, unfinished=True))
        if lease is None:
            return False
        leases = _leases(self._client)
        if max(leases) > number + 1:  # the leases read before the creation were outdated
            self._client.delete_collection(name)
            return False
        for old in leases:
            if old <= number:
                self._client.delete_collection(f"{_PREFIX}{old}")
        self._lease, self._until = lease, began + LIFE
        self.was_interrupted = bool(before.get("unfinished"))
        return True

    def _beat(self) -> None:
        """Renew the lease until it is released or lost."""
        while not self._ended.wait(_BEAT) and time.monotonic() < self._until:
            began = time.monotonic()
            try:
                self._lease.modify(metadata=_metadata(until=self._now() + LIFE, unfinished=True))
            except chroma.chroma_errors() as error:
                logger.info("Cannot renew the lease of the index in %r: %s", self._where, error)
                if chroma.is_not_found(error):
                    self._until = 0.0  # another client has taken over: the server's clock was changed
                continue
            if time.monotonic() >= self._until:
                return  # renewed too late: another client may have seen the lease as expired
            self._until = began + LIFE

    def _now(self) -> float:
        """Return the time on the server's clock, in seconds."""
        return float(self._client.heartbeat()) / 1e9


@contextmanager
def leased(path: Path, url: str) -> Iterator[Lease]:
    """Hold the lease for the index on the server at `url`; a change that raises an exception counts as interrupted.

    Raises `IndexLockedError` if another process, on any machine, holds the lease.
    """
    client = chroma.open_client(path, url, writable=False)  # a separate client, which does not wait for large writes
    try:
        lease = Lease(client, chroma.redact_url(url))
        is_finished = False
        try:
            yield lease
            is_finished = True
        finally:
            lease.release(is_finished=is_finished)
    finally:
        chroma.close_client(client)


def is_lease(collection: str) -> bool:
    """Return whether a collection with this name is a lease."""
    return collection.startswith(_PREFIX)


def _leases(client: Any) -> dict[int, Any]:
    names = [each for each in client.list_collections() if is_lease(each.name)]
    return {int(each.name.removeprefix(_PREFIX)): each for each in names}


def _metadata(*, until: float, unfinished: bool) -> dict[str, str | int | bool]:
    owner = f"pid {os.getpid()} on {socket.gethostname()}"
    return {"until": int(until * 1000), "unfinished": unfinished, "owner": owner}
