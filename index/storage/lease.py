"""One writer at a time on a Chroma server, whatever machine he is on.

Chroma cannot compare and swap, but of several who create a collection of one name, one succeeds. So a lease is an empty
collection, `writer-1`, `writer-2` and so on, and who creates the next number holds the index; the highest one is never
removed, so that nobody is given a number twice. Its metadata says until when it holds, by the clock of the server, the
only one that all machines see. The holder renews it, and believes in it no longer than his own stopwatch, begun before
the server was asked, says that it holds: who pauses or is cut off has lost it before another one may take over.
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

from ..errors import IndexLockedError, StoreError
from . import chroma_client as chroma
from .address import shown

logger = logging.getLogger(__name__)

LIFE = 30.0
"""Seconds that a lease holds from when it was renewed last."""

_BEAT = 5.0  # seconds between two renewals
_RESERVE = 10.0  # seconds before its end at which nothing more is written: a write takes a while
_PREFIX = "writer-"


class Lease:
    """The right to write, held by this process."""

    def __init__(self, client: Any, where: str) -> None:
        """Take it, from a holder who has ended or has not renewed it; one who seems to have died is waited for.

        Raises `IndexLockedError` naming who holds it.
        """
        self._client = client
        self._where = where
        self._ended = threading.Event()
        self._until = 0.0  # by the clock of this process
        while not self._claim():
            time.sleep(1)
        self._beating = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._beating.start()

    def require(self) -> None:
        """Raise `StoreError` where the lease is lost, or may be so before a write that begins now is done."""
        if time.monotonic() > self._until - _RESERVE:
            raise StoreError(
                f"the writing to the index in {self._where!r} was stopped: the server has not answered in time to be "
                "sure that nobody else writes",
                "Run the command again when the server is not so busy: what was written until now is kept.",
            )

    def release(self, *, is_finished: bool) -> None:
        """Let go of it; the next writer is told whether all was `finished`."""
        self._ended.set()
        self._beating.join()
        if time.monotonic() < self._until:
            try:
                self._lease.modify(metadata=_facts(until=0, unfinished=not is_finished))
            except chroma.refused() as error:
                logger.warning("the lease of the index in %r is left to run out: %s", self._where, error)

    def _claim(self) -> bool:
        """Try once. False where the holder has not renewed his lease in time, which is not over yet."""
        began = time.monotonic()
        now = self._now()  # asked before the leases: one that is over by then was not renewed in time
        leases = _leases(self._client)
        number = max(leases, default=0)
        before: dict[str, Any] = leases[number].metadata or {} if number else {}
        left = float(before.get("until", 0)) / 1000 - now
        if left > LIFE - 2 * _BEAT:
            raise IndexLockedError(
                f"another process ({before.get('owner')}) is writing to the index in {self._where!r}",
                "Wait until it is done, then run the command again.",
            )
        if left > 0:
            return False
        name = f"{_PREFIX}{number + 1}"
        lease = chroma.create_alone(self._client, name, _facts(until=now + LIFE, unfinished=True))
        if lease is None:
            return False
        leases = _leases(self._client)
        if max(leases) > number + 1:  # what was seen above is long over
            self._client.delete_collection(name)
            return False
        for old in leases:
            if old <= number:
                self._client.delete_collection(f"{_PREFIX}{old}")
        self._lease, self._until = lease, began + LIFE
        self.was_cut_short = bool(before.get("unfinished"))
        return True

    def _beat(self) -> None:
        while not self._ended.wait(_BEAT) and time.monotonic() < self._until:
            began = time.monotonic()
            try:
                self._lease.modify(metadata=_facts(until=self._now() + LIFE, unfinished=True))
            except chroma.refused() as error:
                logger.info("the lease of the index in %r was not renewed: %s", self._where, error)
                if chroma.is_gone(error):
                    self._until = 0.0  # another one has taken over: the clock of the server was changed
                continue
            if time.monotonic() >= self._until:
                return  # renewed too late: another one may have seen that it was over
            self._until = began + LIFE

    def _now(self) -> float:
        """Seconds by the clock of the server."""
        return float(self._client.heartbeat()) / 1e9


@contextmanager
def leased(path: Path, url: str) -> Iterator[Lease]:
    """Hold the index on the server at `url` for writing; a change that raises counts as cut short.

    Raises `IndexLockedError` where another process holds it, of whatever machine.
    """
    client = chroma.open_client(path, url, writable=False)  # of its own, which waits for no large write
    try:
        lease = Lease(client, shown(url))
        is_finished = False
        try:
            yield lease
            is_finished = True
        finally:
            lease.release(is_finished=is_finished)
    finally:
        chroma.close_client(client)


def is_lease(collection: str) -> bool:
    """Whether a collection of this name is a lease."""
    return collection.startswith(_PREFIX)


def _leases(client: Any) -> dict[int, Any]:
    names = [each for each in client.list_collections() if is_lease(each.name)]
    return {int(each.name.removeprefix(_PREFIX)): each for each in names}


def _facts(*, until: float, unfinished: bool) -> dict[str, str | int | bool]:
    owner = f"pid {os.getpid()} on {socket.gethostname()}"
    return {"until": int(until * 1000), "unfinished": unfinished, "owner": owner}
