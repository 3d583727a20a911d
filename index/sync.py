"""The index is made to agree with files and folders: what is new is added, what changed is replaced."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .ahead import ahead
from .encode import Encoder
from .load import Skipped, load
from .manifest import Manifest
from .places import count_files, file_of, gone, present
from .plan import Plan, Step
from .reading import encode_in_context, in_context
from .records import Article, Passage
from .search import keep_tables
from .split import SPLITTER_VERSION, split
from .store import Store
from .tokens import Tokens, TokenStore
from .writes import Row

_PASSAGES = 128  # passages, and articles at most, that are encoded and written together: about four seconds of work
_AHEAD = 2  # batches that wait between two steps

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
) -> SyncReport:
    """Index the articles under `paths`.

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
        facts = store.facts()
        indexed = [origin.path for article in facts for origin in article.origins] if prune else []
        there = present(paths, indexed) if prune else list(paths)
        tokens = TokenStore.beside(store.path, manifest.key)
        plan = Plan(facts, lambda article: _cut(article, encoder))
        count = _Count(count_files(there))
        loaded = load(there, public_only=True) if public_only else load(there)
        for batch in _encoded(map(plan.step, loaded), encoder):
            _write(store, tokens, batch)
            for step in batch.steps:
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
        keep_tables(store)
        articles, passages_count = store.count()
    return SyncReport(
        **counts,
        pruned=tuple(sorted(pruned)),
        skipped=tuple(skipped),
        articles=articles,
        passages=passages_count,
        seconds=time.perf_counter() - began,
    )


def rebuild(store: Store, encoder: Encoder, progress: Progress | None = None) -> None:
    """Cut and embed every stored article anew with `encoder`, and switch over when all is done.

    The articles' own files are not needed: the index holds their text. The old passages serve until then.
    """

    def rows() -> Iterator[list[Row]]:
        done, total = 0, len(store.article_ids())
        steps = (Step(article, article.path, _cut(article, encoder)) for article in store.each_article())
        for batch in _encoded(steps, encoder):
            tokens.put(batch.tokens)
            yield batch.rows
            for step in batch.steps:
                done += 1
                if progress and not isinstance(step, Skipped):
                    progress(step.article.title, done, total)

    with store.writing(replacing=True):
        manifest = manifest_of(encoder)
        tokens = TokenStore.beside(store.path, manifest.key)
        store.switch(manifest, rows())
        tokens.close()
        tokens.forget_others()
        keep_tables(store)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Steps with what the model made of their passages."""

    steps: list[Step | Skipped]
    rows: list[Row]
    tokens: dict[str, Tokens]


def _cut(article: Article, encoder: Encoder) -> tuple[Passage, ...]:
    return tuple(split(article, encoder.tokenize))


def _encoded(steps: Iterable[Step | Skipped], encoder: Encoder) -> Iterator[_Batch]:
    """Steps in batches, encoded. Files are read while earlier ones are encoded, and these while the caller writes."""
    return ahead((_encode(batch, encoder) for batch in ahead(_batches(steps), _AHEAD)), _AHEAD)


def _batches(steps: Iterable[Step | Skipped]) -> Iterator[list[Step | Skipped]]:
    batch: list[Step | Skipped] = []
    passages = 0
    for step in steps:
        batch.append(step)
        passages += len(step.passages) if isinstance(step, Step) else 0
        if passages >= _PASSAGES or len(batch) >= _PASSAGES:
            yield batch
            batch, passages = [], 0
    yield batch


def _encode(steps: list[Step | Skipped], encoder: Encoder) -> _Batch:
    written = [step for step in steps if isinstance(step, Step) and step.passages]
    if not written:
        return _Batch(steps, [], {})  # nothing is loaded for it
    titled = [(step.article.title, passage.text) for step in written for passage in step.passages]
    tokens: dict[str, Tokens] = {}
    if encoder.tells_tokens:
        encodings = encode_in_context(encoder, titled)
        ids = [passage.id for step in written for passage in step.passages]
        tokens = {id_: Tokens.of(encoding) for id_, encoding in zip(ids, encodings, strict=True)}
        vectors = [encoding.vector for encoding in encodings]
    else:
        vectors = list(encoder.passages([in_context(title, text)[0] for title, text in titled]))
    of_step = iter(vectors)
    rows: list[Row] = [
        (step.article, step.passages, np.stack([next(of_step) for _ in step.passages])) for step in written
    ]
    return _Batch(steps, rows, tokens)


def _write(store: Store, tokens: TokenStore, batch: _Batch) -> None:
    """Write what is new, and the records of what was read from one more place; of several steps the last one holds."""
    steps = [step for step in batch.steps if isinstance(step, Step) and step.outcome != "unchanged"]
    records = {step.article.id: step.article for step in steps}
    tokens.put(batch.tokens)
    store.put(
        [
            (replace(article, copies=records.pop(article.id).copies), passages, vectors)
            for article, passages, vectors in batch.rows
        ]
    )
    store.update(list(records.values()))


def _settle(store: Store, tokens: TokenStore, changed: Sequence[Article], removed: Sequence[str]) -> None:
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
