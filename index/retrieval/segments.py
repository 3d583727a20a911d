"""Segments: immutable parts of the BM25 index, each with the postings of some articles, as in Lucene.

A change of the index adds a small segment, and removed articles are only masked, so that an update costs what it
changes. Segments are merged later. The arrays stay on disk: a question reads only the postings of its own terms.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_LAST = b"\xff"  # sorts after every byte of UTF-8


@dataclass(frozen=True, eq=False, slots=True)
class Segment:
    """The postings of the passages of some articles.

    `ids` are the sorted passage ids, and `lengths` the number of terms of each passage. `articles` are the sorted ids
    of all articles of the segment, including those without passages. Term `i`, in the order of its UTF-8 bytes, is
    `letters[term_starts[i]:term_starts[i + 1]]`. It occurs `counts[j]` times in passage `passages[j]`, for each `j` in
    `range(starts[i], starts[i + 1])`.
    """

    ids: npt.NDArray[np.bytes_]
    lengths: npt.NDArray[np.int32]
    articles: npt.NDArray[np.bytes_]
    letters: npt.NDArray[np.uint8]
    term_starts: npt.NDArray[np.int64]
    passages: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, passages: Iterable[tuple[str, Sequence[str]]], articles: Iterable[str]) -> Segment:
        """Build a segment from the terms of passages, given as pairs with a unique id, and the ids of its articles."""
        rows, lengths = dict[str, int](), array("i")
        columns: dict[str, int] = {}
        row_of, column_of, counts = array("i"), array("i"), array("i")
        for id_, terms in passages:
            row = rows.setdefault(id_, len(rows))
            lengths.append(len(terms))
            counted = Counter(terms)
            row_of.extend([row] * len(counted))
            column_of.extend([columns.setdefault(term, len(columns)) for term in counted])
            counts.extend(counted.values())
        return _sorted(
            np.array([id_.encode() for id_ in rows], dtype=np.bytes_),
            _numbers(lengths),
            np.array(sorted(article.encode() for article in articles), dtype=np.bytes_),
            [term.encode() for term in columns],
            _Postings(_numbers(row_of), _numbers(column_of), _numbers(counts)),
        )

    @classmethod
    def merged(cls, parts: Sequence[Part]) -> Segment:
        """Return one segment with the passages of several, without those that are masked."""
        ids, lengths, rows, columns, counts = [], [], [], [], []
        known: dict[bytes, int] = {}
        articles: set[bytes] = set()
        offset = 0
        for part in parts:
            segment, is_kept = part.segment, part.is_kept
            numbers = np.where(is_kept, np.cumsum(is_kept) - 1 + offset, -1).astype(np.int32)
            row = numbers[segment.passages]
            column = np.array([known.setdefault(term, len(known)) for term in segment.terms()], dtype=np.int32)
            remains = row >= 0
            rows.append(row[remains])
            columns.append(np.repeat(column, np.diff(segment.starts))[remains])
            counts.append(segment.counts[remains])
            ids.append(segment.ids[is_kept])
            lengths.append(segment.lengths[is_kept])
            articles.update(part.articles)
            offset += int(is_kept.sum())
        return _sorted(
            np.concatenate(ids),
            np.concatenate(lengths),
            np.array(sorted(articles), dtype=np.bytes_),
            list(known),
            _Postings(np.concatenate(rows), np.concatenate(columns), np.concatenate(counts)),
        )

    def save(self, folder: Path) -> None:
        """Save the segment as `folder`, atomically. Raises `OSError`, also if the folder exists."""
        with TemporaryDirectory(dir=folder.parent, prefix=".keywords-") as temporary:
            written = Path(temporary) / folder.name
            written.mkdir()
            for field in fields(self):
                np.save(written / f"{field.name}.npy", getattr(self, field.name), allow_pickle=False)
            written.rename(folder)

    @classmethod
    def load(cls, folder: Path) -> Segment:
        """Load a saved segment with memory-mapped arrays. Raises `OSError` or `ValueError` if missing or damaged."""
        try:
            arrays = [np.load(folder / f"{field.name}.npy", mmap_mode="r", allow_pickle=False) for field in fields(cls)]
        except EOFError as error:
            raise ValueError(f"a file in {str(folder)!r} is truncated") from error
        segment = cls(*arrays)
        if (
            len(segment.ids) != len(segment.lengths)
            or len(segment.term_starts) != len(segment.starts)
            or segment.term_starts[-1] != len(segment.letters)
            or not segment.starts[-1] == len(segment.passages) == len(segment.counts)
        ):
            raise ValueError(f"the files in {str(folder)!r} do not match")
        return segment

    @property
    def name(self) -> str:
        """A short string that identifies the articles of the segment and their passages."""
        digest = hashlib.sha256(self.ids.tobytes())
        digest.update(self.articles.tobytes())
        return digest.hexdigest()[:16]

    def postings(self, term: str) -> slice:
        """Return the slice of `passages` and `counts` that belongs to a term; it is empty for an unknown term."""
        wanted = term.encode()
        column = self._first(wanted)
        if column == len(self.starts) - 1 or self._term(column) != wanted:
            return slice(0, 0)
        return slice(int(self.starts[column]), int(self.starts[column + 1]))

    def terms(self) -> Iterator[bytes]:
        """Yield all terms in order."""
        yield from self._between(0, len(self.starts) - 1)

    def terms_from(self, prefix: str) -> Iterator[str]:
        """Yield the terms that begin with a prefix, in order."""
        first, end = self._first(prefix.encode()), self._first(prefix.encode() + _LAST)
        return (term.decode() for term in self._between(first, end))

    def positions(self, article: str) -> slice:
        """Return the slice of `ids` that belongs to an article."""
        # Ids are `article:start-end`, and ";" is the character after ":".
        first, end = np.searchsorted(self.ids, [f"{article}:".encode(), f"{article};".encode()])
        return slice(int(first), int(end))

    def _between(self, first: int, end: int) -> Iterator[bytes]:
        starts = self.term_starts[first : end + 1].tolist()
        letters = self.letters[starts[0] : starts[-1]].tobytes()
        for begin, after in pairwise(starts):
            yield letters[begin - starts[0] : after - starts[0]]

    def _first(self, term: bytes) -> int:
        """Return the number of the first term that is not before `term`."""
        return bisect_left(range(len(self.starts) - 1), term, key=self._term)

    def _term(self, column: int) -> bytes:
        return self.letters[self.term_starts[column] : self.term_starts[column + 1]].tobytes()


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """A segment, and a mask of the passages that are used; without a mask, all are used."""

    segment: Segment
    mask: npt.NDArray[np.bool_] | None
    articles: Collection[bytes]
    """The ids of the articles whose passages are used."""

    @classmethod
    def of(cls, segment: Segment, articles: Collection[bytes]) -> Part:
        """Return the segment with a mask of the passages of these `articles`."""
        own = segment.articles.tolist()
        gone = [article for article in own if article not in articles]
        if not gone:
            return cls(segment, None, own)
        mask = np.ones(len(segment.ids), dtype=bool)
        for article in gone:
            mask[segment.positions(article.decode())] = False
        return cls(segment, mask, set(own).difference(gone))

    @property
    def is_kept(self) -> npt.NDArray[np.bool_]:
        """Whether each passage is used: shape `(passages,)`."""
        return np.ones(len(self.segment.ids), dtype=bool) if self.mask is None else self.mask


class _Postings(NamedTuple):
    """Postings in any order: term `columns[i]` occurs `counts[i]` times in passage `rows[i]`."""

    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int32]


def _numbers(values: array[int]) -> npt.NDArray[np.int32]:
    return np.frombuffer(values, dtype=np.int32) if values else np.zeros(0, dtype=np.int32)


def _sorted(
    ids: npt.NDArray[np.bytes_],
    lengths: npt.NDArray[np.int32],
    articles: npt.NDArray[np.bytes_],
    terms: Sequence[bytes],
    postings: _Postings,
) -> Segment:
    """Return a segment with sorted ids and terms, from postings in any order; omit terms without postings."""
    if not len(ids):
        ids = np.zeros(0, dtype="S1")
    by_id = np.argsort(ids, kind="stable")
    new_row = np.empty(len(ids), dtype=np.int32)
    new_row[by_id] = np.arange(len(ids), dtype=np.int32)
    used = np.bincount(postings.columns, minlength=len(terms))
    by_term = sorted((i for i in range(len(terms)) if used[i]), key=terms.__getitem__)
    new_column = np.zeros(len(terms), dtype=np.int32)
    new_column[by_term] = np.arange(len(by_term), dtype=np.int32)
    rows, columns = new_row[postings.rows], new_column[postings.columns]
    order = np.argsort(columns.astype(np.int64) * max(1, len(ids)) + rows)
    kept = [terms[i] for i in by_term]
    return Segment(
        ids=ids[by_id],
        lengths=lengths[by_id],
        articles=articles if len(articles) else np.zeros(0, dtype="S1"),
        letters=np.frombuffer(b"".join(kept), dtype=np.uint8),
        term_starts=np.cumsum([0, *map(len, kept)], dtype=np.int64),
        passages=rows[order],
        counts=postings.counts[order],
        starts=np.cumsum([0, *used[by_term].tolist()], dtype=np.int64),
    )
