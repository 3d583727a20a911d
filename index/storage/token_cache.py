"""A disk cache of passage token vectors, with one byte per number, so a question takes only one forward pass.

Missing vectors are computed again, so losing the file costs only time. SQLite keeps the file consistent when a process
is killed, and lets several processes read while one writes.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..embedding.base import Encoding, FloatArray

logger = logging.getLogger(__name__)

_TIMEOUT = 5.0  # maximum time to wait for another process that is writing, in seconds
_SCHEMA = """create table if not exists tokens (
    passage text primary key, offsets blob not null, scales blob not null, codes blob not null
)"""
_SELECT = "select offsets, scales, codes from tokens where passage = ?"
_ALL = slice(None)


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """The token vectors of a text, with each number rounded to one of 255 steps per row.

    Row `i` is `codes[i] * scales[i]`; the shapes are `(tokens, dimension)` and `(tokens,)`. `offsets` are the character
    offsets of the tokens. For unit vectors with 384 numbers, no cosine changes by more than 0.002, at a quarter of the
    size.
    """

    codes: npt.NDArray[np.int8]
    scales: FloatArray
    offsets: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, encoding: Encoding) -> TokenVectors:
        """Quantize the token vectors of an encoding."""
        largest = np.abs(encoding.tokens).max(axis=1, initial=0.0)
        scales = np.asarray(np.maximum(largest, 1e-12) / 127, dtype=np.float32)
        return cls(np.rint(encoding.tokens / scales[:, None]).astype(np.int8), scales, encoding.offsets)

    def vectors(self, rows: slice = _ALL) -> FloatArray:
        """Return all vectors, or those in the slice `rows`: shape `(rows, dimension)`."""
        return np.asarray(self.codes[rows] * self.scales[rows, None], dtype=np.float32)

    def cosines(self, others: FloatArray) -> FloatArray:
        """Return the cosine of each unit vector in `others` with each token vector: shape `(others, tokens)`."""
        return np.asarray((others @ self.codes.astype(np.float32).T) * self.scales, dtype=np.float32)


class TokenCache:
    """A cache of token vectors by passage id, in one file. Methods never raise: an unusable cache counts as empty."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._has_failed = False

    @classmethod
    def beside(cls, folder: Path, key: str) -> TokenCache:
        """Return the cache in an index's folder for the manifest with this key."""
        return cls(folder / f"tokens-{key}.sqlite")

    def get(self, ids: Sequence[str]) -> dict[str, TokenVectors]:
        """Return the cached token vectors of these passages, by passage id; omit passages that are not cached."""
        found: dict[str, TokenVectors] = {}
        if self.path.is_file():
            with self._tolerating_failure():
                for id_ in ids:
                    row = self._connection.execute(_SELECT, (id_,)).fetchone()
                    tokens = _from_row(*row) if row else None
                    if tokens is not None:
                        found[id_] = tokens
        return found

    def put(self, tokens: Mapping[str, TokenVectors]) -> None:
        """Cache token vectors, replacing existing ones. Passages without tokens are skipped."""
        rows = [
            (id_, np.array(each.offsets, dtype=np.int32).tobytes(), each.scales.tobytes(), each.codes.tobytes())
            for id_, each in tokens.items()
            if len(each.codes)
        ]
        if not rows:
            return
        with self._tolerating_failure(), self._connection:
            self._connection.executemany("insert or replace into tokens values (?, ?, ?, ?)", rows)

    def remove(self, article_id: str) -> None:
        """Remove the token vectors of an article's passages."""
        if self.path.is_file():
            # Ids are `article:start-end`, and ";" is the character after ":".
            ids = (f"{article_id}:", f"{article_id};")
            with self._tolerating_failure(), self._connection:
                self._connection.execute("delete from tokens where passage >= ? and passage < ?", ids)

    def remove_others(self) -> None:
        """Remove caches for other manifests from this folder."""
        for path in self.path.parent.glob("tokens-*.sqlite*"):
            if not path.name.startswith(self.path.name):
                with suppress(OSError):
                    path.unlink()

    def close(self) -> None:
        """Close the file; the next use reopens it."""
        connection = self.__dict__.pop("_connection", None)
        if connection is not None:
            connection.close()

    @cached_property
    def _connection(self) -> sqlite3.Connection:
        # The server's threads share the connection, one at a time.
        connection = sqlite3.connect(self.path, timeout=_TIMEOUT, check_same_thread=False)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        connection.execute(_SCHEMA)
        return connection

    @contextmanager
    def _tolerating_failure(self) -> Iterator[None]:
        """Serialize access by threads; log the first failure, and remove a damaged file so that it is recreated."""
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                if not self._has_failed:
                    self._has_failed = True
                    logger.warning("Cannot use the token vectors in %r, so search is slower: %s", str(self.path), error)
                with suppress(sqlite3.Error):
                    self.close()
                if not isinstance(error, sqlite3.OperationalError):  # which is temporary: locked, disk full
                    for path in self.path.parent.glob(f"{self.path.name}*"):
                        with suppress(OSError):
                            path.unlink()


def _from_row(offsets: bytes, scales: bytes, codes: bytes) -> TokenVectors | None:
    """Restore token vectors from a database row; return None if the row is damaged."""
    count = len(scales) // 4
    if not count or len(offsets) != 8 * count or len(codes) % count:
        return None
    pairs = np.frombuffer(offsets, dtype=np.int32).reshape(-1, 2).tolist()
    numbers = np.frombuffer(codes, dtype=np.int8).reshape(count, len(codes) // count)
    return TokenVectors(numbers, np.frombuffer(scales, dtype=np.float32), tuple((start, end) for start, end in pairs))
