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
from .reading import encode_in_context, in_context
from .records import Article, Passage
from .search import keywords_of
from .split import SPLITTER_VERSION, split
from .store import Row, Store
from .tokens import Tokens, TokenStore

_PASSAGES = 128  # passages, and articles at most, that are encoded and written together: about four seconds of work
_AHEAD = 2  # batches that wait between two steps

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
        tokens = TokenStore.beside(store.path, manifest.key)
        done = 0
        for batch in _encoded(_steps(paths, store.paths(), encoder), encoder):
            _write(store, tokens, batch)
            for step in batch.steps:
                done += 1
                if isinstance(step, Skipped):
                    skipped.append(step)
                    continue
                counts[step.outcome] += 1
                if progress:
                    progress(step.article.title, done)
        tokens.close()
        keywords_of(store)
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

    def rows() -> Iterator[list[Row]]:
        done = 0
        for batch in _encoded((_cut(article, encoder) for article in store.each_article()), encoder):
            tokens.put(batch.tokens)
            yield batch.rows
            for step in batch.steps:
                done += 1
                if progress and not isinstance(step, Skipped):
                    progress(step.article.title, done)

    with store.writing():
        manifest = manifest_of(encoder)
        tokens = TokenStore.beside(store.path, manifest.key)
        store.switch(manifest, rows())
        tokens.close()
        tokens.forget_others()
        keywords_of(store)


@dataclass(frozen=True, slots=True)
class _Step:
    """What is to be done about one article: its `passages` are written, if there are any, and then the article with the
    id `replaces` is removed.
    """

    article: Article
    passages: tuple[Passage, ...] = ()
    outcome: str = "added"
    replaces: str | None = None


@dataclass(frozen=True, slots=True)
class _Batch:
    """Steps with what the model made of their passages."""

    steps: list[_Step | Skipped]
    rows: list[Row]
    tokens: dict[str, Tokens]


def _steps(
    paths: Sequence[Path | str], indexed: Sequence[tuple[str, str]], encoder: Encoder
) -> Iterator[_Step | Skipped]:
    """What is to be done about each file, given the id and path of every article that is there."""
    stored = {id_ for id_, _ in indexed}
    id_at_path = {path: id_ for id_, path in indexed}
    seen: set[str] = set()
    for loaded in load(paths):
        if isinstance(loaded, Skipped):
            yield loaded
            continue
        seen.add(loaded.id)
        previous = id_at_path.get(loaded.path, loaded.id)
        step = _Step(loaded, outcome="unchanged")
        if loaded.id not in stored:
            step = _cut(loaded, encoder)
            if not step.passages:
                yield Skipped(loaded.path, f"{loaded.path!r} has no text beside headers and counters")
                continue
            stored.add(loaded.id)
        id_at_path[loaded.path] = loaded.id
        if previous != loaded.id:
            # What the path held before is gone, unless another file of this run still holds it.
            gone = previous if previous not in seen else None
            stored.discard(gone or "")
            step = replace(step, outcome="changed", replaces=gone)
        yield step


def _cut(article: Article, encoder: Encoder) -> _Step:
    return _Step(article, tuple(split(article, encoder.tokenize)))


def _encoded(steps: Iterable[_Step | Skipped], encoder: Encoder) -> Iterator[_Batch]:
    """Steps in batches, encoded. Files are read while earlier ones are encoded, and these while the caller writes."""
    return ahead((_encode(batch, encoder) for batch in ahead(_batches(steps), _AHEAD)), _AHEAD)


def _batches(steps: Iterable[_Step | Skipped]) -> Iterator[list[_Step | Skipped]]:
    batch: list[_Step | Skipped] = []
    passages = 0
    for step in steps:
        batch.append(step)
        passages += len(step.passages) if isinstance(step, _Step) else 0
        if passages >= _PASSAGES or len(batch) >= _PASSAGES:
            yield batch
            batch, passages = [], 0
    yield batch


def _encode(steps: list[_Step | Skipped], encoder: Encoder) -> _Batch:
    written = [step for step in steps if isinstance(step, _Step) and step.passages]
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
    tokens.put(batch.tokens)
    store.put(batch.rows)
    written = {article.id for article, _, _ in batch.rows}
    for step in batch.steps:
        # A text that went from one file to another is written again in the same batch, and stays.
        if isinstance(step, _Step) and step.replaces and step.replaces not in written:
            store.remove(step.replaces)
            tokens.remove(step.replaces)
