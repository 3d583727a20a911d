"""Keep the segments of the BM25 index in files beside Chroma, add one for new articles, and merge small ones.

Readers and writers compare the articles in the store with those of the saved segments. Nothing has to be recorded
when articles change, so a lost or damaged segment, or a process that was killed, costs only time.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..models import Passage
from ..storage.store import Store
from ..text.tables import with_column_names
from .bm25 import BM25Index, terms
from .segments import Part, Segment

logger = logging.getLogger(__name__)

_TRIES = 3  # another process may merge segments while they are being loaded
_GROWTH = 4
"""A segment is merged with smaller ones once these have a quarter of its passages, as in a log-structured merge tree
(O'Neil et al. 1996): each passage is rewritten a logarithmic number of times."""
_ABANDONED = 3600.0  # age in seconds at which a temporary folder is one that a killed process has left


def load_bm25(store: Store) -> BM25Index:
    """Return the BM25 index of the articles in a store; articles that no saved segment has become a new segment."""
    build = store.build()
    articles = store.article_ids()
    segments = _load(store.path, build)
    known = {article for segment in segments for article in segment.articles.tolist()}
    missing = [article for article in articles if article.encode() not in known]
    if missing:
        passages = ((passage.id, _terms(title, passage)) for title, passage in store.titled_passages(missing))
        segment = Segment.of(passages, missing)
        if store.is_current():  # otherwise another process has just replaced all passages
            _save(segment, store.path, build)
        segments.append(segment)
    return BM25Index(segments, articles)


def _terms(title: str, passage: Passage) -> list[str]:
    return terms(f"{title} . {with_column_names(passage).text}")


def merge_segments(store: Store) -> list[Segment]:
    """Merge small segments and those with many removed passages, remove old ones, and return those that are left.

    The process that writes to the index calls it. Others may load the same segments meanwhile, without a lock: segments
    are only added and removed as a whole, and an article in two of them is used once.
    """
    build = store.build()
    parts = load_bm25(store).parts
    chosen = _mergeable(parts)
    segments = [part.segment for part in parts if part not in chosen]
    if chosen:
        merged = Segment.merged(chosen)
        if len(merged.articles):
            if not _save(merged, store.path, build):
                return [part.segment for part in parts]
            segments.append(merged)
        for part in chosen:
            if part.segment.name != merged.name:
                shutil.rmtree(_folder(part.segment, store.path, build), ignore_errors=True)
    _remove_old(store.path, build)
    return segments


def damaged_segments(path: Path) -> list[str]:
    """Return the names of the folders with segments that cannot be read; the next question builds them again."""
    found = []
    for folder in sorted(path.glob("keywords-*")):
        try:
            Segment.load(folder)
        except (OSError, ValueError):
            if folder.is_dir():  # otherwise another process has just merged it
                found.append(folder.name)
    return found


def _mergeable(parts: Sequence[Part]) -> list[Part]:
    """Return the smallest parts, as far as they grow by their factor, and parts of which half is removed."""
    sizes = [int(part.is_kept.sum()) for part in parts]
    by_size = sorted(range(len(parts)), key=sizes.__getitem__)
    chosen: list[int] = []
    total = 0
    for number in by_size:
        if chosen and _GROWTH * max(1, total) < sizes[number]:
            break
        chosen.append(number)
        total += sizes[number]
    if len(chosen) == 1:
        chosen = []
    halved = [i for i, part in enumerate(parts) if part.mask is not None and 2 * sizes[i] <= len(part.segment.ids)]
    return [parts[i] for i in sorted({*chosen, *halved})]


def _load(path: Path, build: str) -> list[Segment]:
    """Return the saved segments of a build, largest first; remove damaged ones."""
    for attempt in range(_TRIES):
        segments, is_complete = [], True
        for folder in sorted(path.glob(f"{_prefix(build)}-*")):
            try:
                segments.append(Segment.load(folder))
            except (OSError, ValueError) as error:
                if isinstance(error, FileNotFoundError) and attempt < _TRIES - 1:
                    is_complete = False  # another process has just merged it
                    continue
                logger.warning("A part of the BM25 index is damaged and will be built again: %s", error)
                shutil.rmtree(folder, ignore_errors=True)
        if is_complete:
            break
    return sorted(segments, key=lambda segment: -len(segment.ids))


def _save(segment: Segment, path: Path, build: str) -> bool:
    """Save a segment, and return whether it is saved."""
    folder = _folder(segment, path, build)
    try:
        segment.save(folder)
    except OSError as error:
        if not folder.is_dir():  # otherwise another process has just saved the same
            logger.warning("Cannot cache the BM25 index in %r, so every start builds it again: %s", str(folder), error)
            return False
    return True


def _remove_old(path: Path, build: str) -> None:
    """Remove the segments of earlier builds, and what a killed process has left."""
    for old in path.glob("keywords-*"):
        if not old.name.startswith(f"{_prefix(build)}-"):
            shutil.rmtree(old, ignore_errors=True)
    for left in path.glob(".keywords-*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                shutil.rmtree(left, ignore_errors=True)


def _prefix(build: str) -> str:
    return f"keywords-{hashlib.sha256(build.encode()).hexdigest()[:8]}"


def _folder(segment: Segment, path: Path, build: str) -> Path:
    return path / f"{_prefix(build)}-{segment.name}"
