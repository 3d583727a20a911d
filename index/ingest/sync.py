"""The index is made to agree with files and folders: what is new is added, what changed is replaced."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..embedding.base import Encoder
from ..manifest import Manifest
from ..models import Article, Passage
from ..retrieval.retriever import build_search_caches
from ..storage.batch_writes import Row
from ..storage.store import Store
from ..storage.token_cache import TokenCache
from ..text.chunker import SPLITTER_VERSION
from .executors import Mapping, SerialExecutor
from .loader import Skipped, sources
from .paths import count_files, file_of, gone, present
from .pipeline import Prepared, Preparing, prepared, prepared_anew
from .plan import Plan, Step

Progress = Callable[[str, int, int], None]
"""Called after each article with its title, the number of files done so far, and how many there are. Several articles
may come from one file; a rebuild counts articles."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did.

    `added`, `changed` and `unchanged` count articles as they were read: a text that is read from two places counts for
    both. `pruned` are the paths that were no longer there. `articles` and `passages` are all that the index then holds;
    `seconds` is the whole time.
    """

    added: int
    changed: int
    unchanged: int
    pruned: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    articles: int
    passages: int
    seconds: float

    @property
    def removed(self) -> int:
        """How many places were removed, as they were no longer there."""
        return len(self.pruned)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that the command line prints."""
        return {
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "removed": self.removed,
            "pruned": list(self.pruned),
            "skipped": [{"path": s.path, "reason": s.reason} for s in self.skipped],
            "articles": self.articles,
            "passages": self.passages,
            "seconds": round(self.seconds, 3),
        }


def manifest_of(encoder: Encoder) -> Manifest:
    """What an index built now, with `encoder`, would say of itself."""
    return Manifest(encoder=encoder.fingerprint, dimension=encoder.dimension, splitter=SPLITTER_VERSION)


def sync(
    store: Store,
    encoder: Encoder,
    paths: Sequence[Path | str],
    progress: Progress | None = None,
    *,
    prune: bool = False,
    public_only: bool = False,
    preparing: Preparing | None = None,
) -> SyncReport:
    """Index the articles under `paths`. `preparing` reads and embeds them elsewhere than in this process.

    A text that is in the index already is not embedded again: it is the same article, read from one more place. A place
    that held another text before no longer counts for that one, and an article goes with the last of its places; the
    new text is written first, so that there is never none. With `prune`, places under `paths` that are no longer there
    go too. Articles elsewhere are left alone, and so are those of files that cannot be read this time. With
    `public_only`, web addresses that not everybody on the internet can reach are skipped.
    """
    began = time.perf_counter()
    counts = {"added": 0, "changed": 0, "unchanged": 0}
    skipped: list[Skipped] = []
    with store.writing():
        manifest = manifest_of(encoder)
        store.require(manifest)
        store.create(manifest)
        facts = store.article_metadata()
        indexed = [origin.path for article in facts for origin in article.origins] if prune else []
        there = present(paths, indexed) if prune else list(paths)
        tokens = TokenCache.beside(store.path, manifest.key)
        plan = Plan(facts)
        count = _Count(count_files(there))
        preparing = preparing or partial(prepared, SerialExecutor(encoder))
        for batch in preparing(sources(there), plan.known, public_only=public_only):
            steps = [plan.step(*_parts(each)) for each in batch]
            _write(store, tokens, batch, steps)
            for step in steps:
                count.see(step.path)
                if isinstance(step, Skipped):
                    skipped.append(step)
                    continue
                counts[step.outcome] += 1
                if progress:
                    progress(step.article.title, count.done, count.total)
        pruned = gone(indexed, paths, plan.read, plan.skipped)
        _settle(store, tokens, *plan.settled(pruned))
        tokens.close()
        build_search_caches(store)
        articles, passages_count = store.count()
    return SyncReport(
        **counts,
        pruned=tuple(sorted(pruned)),
        skipped=tuple(skipped),
        articles=articles,
        passages=passages_count,
        seconds=time.perf_counter() - began,
    )


def rebuild(
    store: Store, encoder: Encoder, progress: Progress | None = None, *, workers: Mapping | None = None
) -> None:
    """Cut and embed every stored article anew with `encoder`, and switch over when all is done.

    The articles' own files are not needed: the index holds their text. The old passages serve until then.
    """

    def rows() -> Iterator[list[Row]]:
        done, total = 0, len(store.article_ids())
        for batch in prepared_anew(workers or SerialExecutor(encoder), store.each_article()):
            tokens.put({id_: own for each in batch for id_, own in each.tokens.items()})
            yield [_row(each.article, each) for each in batch if each.passages]
            for each in batch:
                done += 1
                if progress:
                    progress(each.article.title, done, total)

    with store.writing(replacing=True):
        manifest = manifest_of(encoder)
        tokens = TokenCache.beside(store.path, manifest.key)
        store.switch(manifest, rows())
        tokens.close()
        tokens.forget_others()
        build_search_caches(store)


def _parts(each: Prepared | Skipped) -> tuple[Article | Skipped, Sequence[Passage]]:
    return (each, ()) if isinstance(each, Skipped) else (each.article, each.passages)


def _write(
    store: Store, tokens: TokenCache, batch: Sequence[Prepared | Skipped], steps: Sequence[Step | Skipped]
) -> None:
    """Write what is new, and the records of what was read from one more place; of several steps the last one holds."""
    changing = [step for step in steps if isinstance(step, Step) and step.outcome != "unchanged"]
    records = {step.article.id: step.article for step in changing}
    new = [
        each
        for each, step in zip(batch, steps, strict=True)
        if isinstance(each, Prepared) and isinstance(step, Step) and step.passages
    ]
    tokens.put({id_: own for each in new for id_, own in each.tokens.items()})
    store.put([_row(replace(each.article, copies=records.pop(each.article.id).copies), each) for each in new])
    store.update(list(records.values()))


def _row(article: Article, each: Prepared) -> Row:
    return article, each.passages, np.zeros((0, 0), dtype=np.float32) if each.vectors is None else each.vectors


def _settle(store: Store, tokens: TokenCache, changed: Sequence[Article], removed: Sequence[str]) -> None:
    store.update(changed)
    store.remove(*removed)
    for article_id in removed:
        tokens.remove(article_id)


class _Count:
    """How many files are done, of how many: several articles may come from one file, one after another."""

    def __init__(self, total: int) -> None:
        self.done = 0
        self._listed = total
        self._file = ""

    @property
    def total(self) -> int:
        """How many there are; a file that came meanwhile counts too."""
        return max(self._listed, self.done)

    def see(self, path: str) -> None:
        """Something was read from `path`, or could not be."""
        file = file_of(path)
        if file != self._file:
            self.done, self._file = self.done + 1, file
