"""Index what users upload, within a budget: one upload must not keep other users from adding articles for hours.

`citechat index` has no such budget, since its files come from the operator.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from ..cancellation import Cancellation
from ..embedding.base import Encoder, Encoding, FloatArray
from ..parsers.packages.zip_file import Allowance
from .executors import prefetch
from .loader import ReadLimits, ReadOptions, Skipped, Source, read
from .pipeline import Loaded, Prepared, batches, mark_known, prepare

MOST_ARTICLES = 1_000
"""Maximum number of articles in one upload, and of files in an uploaded archive."""

MOST_CHARACTERS = 20_000_000
"""Maximum length of all texts in one upload, in characters: several thousand articles of usual length."""

MOST_EXPANDED, MOST_TIMES = 500_000, 4
"""Maximum length of all texts in one upload, or in times the size of its files in bytes, if that is more.

A small file of a compressed format may have a text that takes minutes to embed; an archive of prose or an e-book has
about three characters for each byte, and a small workbook whose rows are alike several times as many.
"""

MOST_LINES = 200_000
"""Maximum number of lines in all texts of one upload, since each line is examined: several times those of a book."""

LARGEST_UNPACKED = 100_000_000
"""Maximum size of an uploaded archive when unpacked, in bytes."""

LONGEST_WORK = 600.0
"""Maximum time to index one upload, in seconds."""

_PREFETCHED = 2
_TEXTS = 64  # passages encoded between two checks of the budget


class UploadBudget:
    """The articles, characters, lines and seconds that one upload may still use, and a means to stop it. Thread-safe.

    Pass the same budget for all files of an upload. When it is used up, articles that were added remain.
    """

    def __init__(
        self,
        *,
        articles: int = MOST_ARTICLES,
        characters: int = MOST_CHARACTERS,
        lines: int = MOST_LINES,
        unpacked: int = LARGEST_UNPACKED,
        seconds: float = LONGEST_WORK,
    ) -> None:
        self.cancellation = Cancellation()
        self._bytes = self._spent = 0  # the size of the files, and the characters of their texts
        self.archive = Allowance(articles, unpacked)
        self._articles, self._lines, self._seconds = articles, lines, seconds
        self._limits = articles, characters, lines, seconds

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count the time of this step, and interrupt the work when the time is used up."""
        problem = f"The upload was stopped after {self._limits[3]:.0f} seconds."
        timer = threading.Timer(max(0.0, self._seconds), self.cancellation.request, (problem, _HINT))
        timer.daemon = True
        began = time.monotonic()
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self._seconds -= time.monotonic() - began

    def add_file(self, size: int) -> None:
        """Allow for the text of a file of `size` bytes that is read next."""
        self._bytes += size

    def spend(self, text: str) -> None:
        """Count an article's text. Raises `CancelledWorkError` if it exceeds the budget, or if the work should end."""
        self._articles -= 1
        self._spent += len(text)
        self._lines -= 1 + text.count("\n") + text.count("\r") - text.count("\r\n")
        if self._articles < 0:
            self.cancellation.request(f"One upload may contain at most {self._limits[0]:,} articles.", _HINT)
        most = max(MOST_EXPANDED, MOST_TIMES * self._bytes)
        if self._spent > most:
            problem = f"The texts of an upload of {self._bytes:,} bytes may have {most:,} characters."
            self.cancellation.request(problem, _HINT)
        if self._spent > self._limits[1]:
            self.cancellation.request(f"The texts of one upload may have {self._limits[1]:,} characters.", _HINT)
        if self._lines < 0:
            self.cancellation.request(f"The texts of one upload may have {self._limits[2]:,} lines.", _HINT)
        self.cancellation.check()


_HINT = "What was added remains. Upload the rest in smaller parts, or ask the operator to index it."


def prepare_upload(
    encoder: Encoder,
    budget: UploadBudget,
    sources: Iterable[Source | Skipped],
    known: Collection[str],
    options: ReadOptions,
) -> Prepared:
    """Read, cut and embed the sources like `prepare_sources`, one article at a time, within a budget.

    Raises `CancelledWorkError` once the work should end, after the batches that were completed before.
    """

    limits = ReadLimits(budget.archive, budget.cancellation, budget.spend)
    loaded = ([each] for source in _counted(sources, budget) for each in read(source, options, limits))
    encoder = _CheckedEncoder(encoder, budget.cancellation)
    read_ahead: Iterator[Loaded] = mark_known(prefetch(loaded, _PREFETCHED), known)
    return prefetch((prepare(encoder, batch, budget.cancellation) for batch in batches(read_ahead)), _PREFETCHED)


def _counted(sources: Iterable[Source | Skipped], budget: UploadBudget) -> Iterator[Source | Skipped]:
    for source in sources:
        if isinstance(source, Path):
            with suppress(OSError):  # reading the file reports it
                budget.add_file(source.stat().st_size)
        yield source


class _CheckedEncoder:
    """An encoder that checks between small batches whether the work should end."""

    def __init__(self, encoder: Encoder, cancellation: Cancellation) -> None:
        self._encoder = encoder
        self._cancellation = cancellation
        self.fingerprint, self.dimension = encoder.fingerprint, encoder.dimension
        self.has_token_vectors = encoder.has_token_vectors

    def tokenize(self, text: str) -> list[tuple[int, int]]:
        self._cancellation.check()
        return self._encoder.tokenize(text)

    def passages(self, texts: Sequence[str]) -> FloatArray:
        rows = [self._encoder.passages(part) for part in self._parts(texts)]
        return np.concatenate([np.zeros((0, self.dimension), dtype=np.float32), *rows])

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        return [encoding for part in self._parts(texts) for encoding in self._encoder.encode(part)]

    def query(self, text: str) -> Encoding:
        return self._encoder.query(text)

    def _parts(self, texts: Sequence[str]) -> Iterator[Sequence[str]]:
        for start in range(0, len(texts), _TEXTS):
            self._cancellation.check()
            yield texts[start : start + _TEXTS]
