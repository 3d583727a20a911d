"""The index is made to agree with files and folders: what is new is added, what changed is replaced."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .encode import Encoder, FloatArray
from .load import Skipped, load
from .records import Article, Passage
from .search import in_context
from .split import SPLITTER_VERSION, split
from .store import Manifest, Store

Progress = Callable[[str, int], None]
"""Called after each article with its title and the number of articles done so far."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did. `added` to `removed` count articles; `seconds` is the whole time."""

    added: int
    changed: int
    unchanged: int
    removed: int
    skipped: tuple[Skipped, ...]
    articles: int
    passages: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that the command line prints."""
        return {
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "skipped": [{"path": s.path, "reason": s.reason} for s in self.skipped],
            "articles": self.articles,
            "passages": self.passages,
            "seconds": round(self.seconds, 3),
        }


def manifest_of(encoder: Encoder) -> Manifest:
    """What an index built now, with `encoder`, would say of itself."""
    return Manifest(encoder=encoder.fingerprint, dimension=encoder.dimension, splitter=SPLITTER_VERSION)


def sync(store: Store, encoder: Encoder, paths: Sequence[Path | str], progress: Progress | None = None) -> SyncReport:
    """Index the articles under `paths`.

    An article whose text is in the index already is not embedded again. One read from a path that held another text
    replaces it: the new one is written first, so that there is never none. Articles elsewhere are left alone.
    """
    began = time.perf_counter()
    counts = {"added": 0, "changed": 0, "unchanged": 0}
    skipped: list[Skipped] = []
    with store.writing():
        manifest = manifest_of(encoder)
        store.require(manifest)
        store.create(manifest)
        id_at_path = {article.path: article.id for article in store.articles()}
        stored = set(id_at_path.values())
        seen: set[str] = set()
        for done, loaded in enumerate(load(paths), start=1):
            if isinstance(loaded, Skipped):
                skipped.append(loaded)
                continue
            seen.add(loaded.id)
            previous = id_at_path.get(loaded.path, loaded.id)
            if loaded.id not in stored:
                passages, vectors = _embed(loaded, encoder)
                if not passages:
                    skipped.append(Skipped(loaded.path, f"{loaded.path!r} has no text beside headers and counters"))
                    continue
                store.put(loaded, passages, vectors)
                counts["added" if previous == loaded.id else "changed"] += 1
                stored.add(loaded.id)
            else:
                counts["unchanged" if previous == loaded.id else "changed"] += 1
            # What the path held before is gone, unless another file of this run still holds it.
            if previous != loaded.id and previous not in seen:
                store.remove(previous)
                stored.discard(previous)
            id_at_path[loaded.path] = loaded.id
            if progress:
                progress(loaded.title, done)
        articles, passages_count = store.count()
    return SyncReport(
        **counts,
        removed=0,
        skipped=tuple(skipped),
        articles=articles,
        passages=passages_count,
        seconds=time.perf_counter() - began,
    )


def rebuild(store: Store, encoder: Encoder, progress: Progress | None = None) -> None:
    """Cut and embed every stored article anew with `encoder`, and switch over when all is done.

    The articles' own files are not needed: the index holds their text. The old passages serve until then.
    """

    def rows() -> Iterator[tuple[Article, list[Passage], FloatArray]]:
        for done, article in enumerate(store.articles(), start=1):
            yield article, *_embed(article, encoder)
            if progress:
                progress(article.title, done)

    with store.writing():
        store.switch(manifest_of(encoder), rows())


def _embed(article: Article, encoder: Encoder) -> tuple[list[Passage], FloatArray]:
    passages = split(article, encoder.tokenize)
    return passages, encoder.passages([in_context(article.title, passage.text)[0] for passage in passages])
