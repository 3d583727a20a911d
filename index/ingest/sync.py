"""Change an index: synchronize it with files, folders and web addresses, rebuild it, or remove articles."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..embedding.base import Encoder
from ..errors import CancelledWorkError, CitechatError, LoadError
from ..models import Article, Manifest, SkippedPage
from ..paths import exists, file_of, gone, present, unprunable
from ..process_memory import release_memory
from ..retrieval.retriever import build_search_caches, merge_search_caches
from ..storage.store import Row, Store
from ..storage.token_cache import TokenCache
from ..text.chunker import SPLITTER_VERSION
from ..text.languages import language_of
from .executors import Executor, SerialExecutor
from .loader import Address, ReadOptions, Skipped, Source, Unchanged, sources
from .pipeline import Pipeline, PreparedArticle, prepare_articles, prepare_sources
from .plan import Plan, Step

Progress = Callable[[str, int, int], None]
"""A function that is called after each article with the article's title, the number of files done, and the total number
of files. Several articles may come from one file; a rebuild counts articles instead of files."""

_SHORTEST_ID = 4  # minimum length of an abbreviated id, in characters
_CANDIDATES = 5  # maximum number of articles listed in an error about an id


@dataclass(frozen=True, slots=True)
class PartlyRead:
    """A document that was indexed without the text of some of its pages; `pages` is the number of all its pages."""

    path: str
    title: str
    pages: int
    skipped_pages: tuple[SkippedPage, ...]


@dataclass(frozen=True, slots=True)
class SyncReport:
    """The result of a sync.

    `added`, `changed` and `unchanged` count articles as they were read: a text that is read from two paths counts
    twice. `pruned` are the paths that no longer existed and were removed, `gone` those that were not removed. `moved`
    are pairs of a path that no longer exists and the new path of the same text. `partly_read` are the documents of
    which pages were skipped; they are also counted. `articles` and `passages` are the totals in the index after the
    sync; `seconds` is the total time.
    """

    added: int
    changed: int
    unchanged: int
    pruned: tuple[str, ...]
    gone: tuple[str, ...]
    moved: tuple[tuple[str, str], ...]
    skipped: tuple[Skipped, ...]
    partly_read: tuple[PartlyRead, ...]
    articles: int
    passages: int
    seconds: float

    @property
    def removed(self) -> int:
        """The number of paths that were removed from the index."""
        return len(self.pruned)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that the command line prints."""
        changes = {
            "removed": self.removed,
            "pruned": list(self.pruned),
            "gone": list(self.gone),
            "moved": [list(each) for each in self.moved],
            "skipped": [asdict(each) for each in self.skipped],
            "partly_read": [asdict(each) for each in self.partly_read],
            "seconds": round(self.seconds, 3),
        }
        return asdict(self) | changes


def manifest_of(encoder: Encoder) -> Manifest:
    """Return the manifest for an index built with `encoder` and the current splitter."""
    return Manifest(encoder=encoder.fingerprint, dimension=encoder.dimension, splitter=SPLITTER_VERSION)


def sync(
    store: Store,
    encoder: Encoder,
    paths: Sequence[Path | str],
    progress: Progress | None = None,
    *,
    prune: bool = False,
    options: ReadOptions | None = None,
    pipeline: Pipeline | None = None,
) -> SyncReport:
    """Index the articles under `paths`. If `pipeline` is given, it reads and embeds them outside this process.

    A text that is already in the index is not embedded again: it is the same article with an additional origin. If a
    path previously contained another text, it no longer counts as an origin of that text, and an article without
    origins is removed; the new text is written first, so that the path is never missing from the index. A text that is
    read from a new path loses its origins that no longer exist: the file was renamed. With `prune`, paths under `paths`
    that no longer exist are removed. Articles from other places are preserved, as are articles from files that cannot
    be read this time, and those that a feed no longer lists. If `pipeline` raises `CancelledWorkError`, what was
    written before it remains, and the first skipped item says why. Raises `LoadError` if `prune` would remove the
    articles of a folder that is missing or empty.
    """
    began = time.perf_counter()
    counts = {"added": 0, "changed": 0, "unchanged": 0}
    skipped: list[Skipped] = []
    partly_read: list[PartlyRead] = []
    with store.writing():
        manifest = manifest_of(encoder)
        store.require(manifest)
        store.create(manifest)
        stored = store.article_metadata()
        indexed = [origin.path for article in stored for origin in article.origins]
        if prune and (folder := unprunable(paths, indexed)) is not None:
            raise _cannot_prune(folder)
        revisions = {article.path: article.revision for article in stored if article.revision}
        listed: list[Source | Skipped] = [
            Address(each, revisions) if isinstance(each, str) else each
            for each in sources(present(paths, indexed) if prune else paths)
        ]
        tokens = TokenCache.beside(store.path, manifest.key)
        plan = Plan(stored)
        done, file = 0, ""
        pipeline = pipeline or partial(prepare_sources, SerialExecutor(encoder))
        try:
            for batch in pipeline(listed, plan.known, options or ReadOptions()):
                steps = [
                    plan.step(each) if isinstance(each, Skipped) else plan.step(each.article, each.passages)
                    for each in batch
                ]
                _write(store, tokens, batch, steps)
                for step in steps:
                    if (path := file_of(step.path)) != file:  # several articles may come from one file
                        done, file = done + 1, path
                    if isinstance(step, Unchanged):
                        counts["unchanged"] += 1
                        continue
                    if isinstance(step, Skipped):
                        skipped.append(step)
                        continue
                    counts[step.outcome] += 1
                    if step.article.skipped_pages:
                        pages = (len(step.article.pages), step.article.skipped_pages)
                        partly_read.append(PartlyRead(step.path, step.article.title, *pages))
                    if progress:
                        progress(step.article.title, done, max(len(listed), done))
        except CancelledWorkError as error:  # what was written so far is complete
            skipped.insert(0, Skipped(file or str(next(iter(listed), "")), error.message))
        moved = {old: new for old, new in plan.moves().items() if not exists(old)}
        missing = gone(indexed, paths, plan.read, plan.skipped) - moved.keys()
        changed, removed = plan.settled({*moved, *(missing if prune else ())})
        store.update(changed)
        _remove(store, tokens, removed)
        tokens.close()
        build_search_caches(store)
        merge_search_caches(store)
        release_memory()
        articles, passages_count = store.count()
    return SyncReport(
        **counts,
        pruned=tuple(sorted(missing)) if prune else (),
        gone=() if prune else tuple(sorted(missing)),
        moved=tuple(sorted(moved.items())),
        skipped=tuple(skipped),
        partly_read=tuple(partly_read),
        articles=articles,
        passages=passages_count,
        seconds=time.perf_counter() - began,
    )


def _cannot_prune(folder: str) -> LoadError:
    return LoadError(
        f"Cannot prune {folder!r}: the folder is missing or empty, so all its articles would be removed.",
        "Mount its disk, or remove the articles with `citechat remove`; `citechat articles` lists their ids.",
    )


def rebuild(
    store: Store, encoder: Encoder, progress: Progress | None = None, *, executor: Executor | None = None
) -> None:
    """Split and embed every stored article again with `encoder`, then switch to the new passages.

    The original files are not needed, since the index contains the texts. Until the switch, search uses the old
    passages. The language of articles that an older version indexed is detected.
    """

    changed: list[Article] = []

    def articles() -> Iterator[Article]:
        for article in store.iter_articles():
            language = language_of(article.text, article.language)
            if language != article.language:
                changed.append(replace(article, text="", language=language))
            yield replace(article, language=language)

    def rows() -> Iterator[list[Row]]:
        done, total = 0, len(store.article_ids())
        for batch in prepare_articles(executor or SerialExecutor(encoder), articles()):
            tokens.put({id_: own for each in batch for id_, own in each.tokens.items()})
            yield [(each.article, each.passages, each.vectors) for each in batch if each.passages]
            for each in batch:
                done += 1
                if progress:
                    progress(each.article.title, done, total)

    with store.writing(replacing=True):
        manifest = manifest_of(encoder)
        tokens = TokenCache.beside(store.path, manifest.key)
        store.switch(manifest, rows())
        store.update(changed)
        tokens.close()
        tokens.remove_others()
        build_search_caches(store)
        merge_search_caches(store)


def remove(store: Store, ids: Sequence[str]) -> tuple[tuple[Article, int], ...]:
    """Remove the articles with these ids, which may be abbreviated. If any id is invalid, no article is removed.

    Returns the removed articles without their texts, each with its number of passages. Raises `CitechatError` for an id
    that matches no article or more than one.
    """
    with store.writing():
        listed = {article.id: (article, passages) for article, passages in store.listing()}
        articles = [article for article, _ in listed.values()]
        chosen = list(dict.fromkeys(_complete_id(id_, articles) for id_ in ids))
        manifest = store.manifest()
        tokens = TokenCache.beside(store.path, manifest.key) if manifest else None
        _remove(store, tokens, chosen)
        if tokens:
            tokens.close()
        merge_search_caches(store)
    return tuple(listed[id_] for id_ in chosen)


def _complete_id(written: str, articles: Sequence[Article]) -> str:
    """Return the full id for an abbreviated id. Raises `CitechatError` if the id does not match exactly one article."""
    found = [article for article in articles if article.id == written]
    found = found or [article for article in articles if article.id.startswith(written)]
    names = [f"{article.id} ({article.title})" for article in found[:_CANDIDATES]]
    listed = ", ".join([*names, "…"] if len(found) > _CANDIDATES else names)
    if found and found[0].id != written and len(written) < _SHORTEST_ID:
        raise CitechatError(
            f"The id {written!r} is too short.", f"Give at least its first {_SHORTEST_ID} characters: {listed}."
        )
    if not found:
        hint = "`citechat articles` lists the ids, which you may abbreviate."
        raise CitechatError(f"No article has the id {written!r}.", hint)
    if len(found) > 1:
        raise CitechatError(f"The id {written!r} matches {len(found)} articles.", f"Give more characters: {listed}.")
    return found[0].id


def _write(
    store: Store, tokens: TokenCache, batch: Sequence[PreparedArticle | Skipped], steps: Sequence[Step | Skipped]
) -> None:
    """Write new articles, and the records of articles with a new origin.

    If an article has several steps, only the last is written.
    """
    changing = [step for step in steps if isinstance(step, Step) and step.outcome != "unchanged"]
    records = {step.article.id: step.article for step in changing}
    new = [
        each
        for each, step in zip(batch, steps, strict=True)
        if isinstance(each, PreparedArticle) and isinstance(step, Step) and step.passages
    ]
    tokens.put({id_: own for each in new for id_, own in each.tokens.items()})
    articles = [replace(each.article, copies=records.pop(each.article.id).copies) for each in new]
    store.put([(article, each.passages, each.vectors) for article, each in zip(articles, new, strict=True)])
    store.update(list(records.values()))


def _remove(store: Store, tokens: TokenCache | None, article_ids: Sequence[str]) -> None:
    store.remove(*article_ids)
    if tokens:
        for article_id in article_ids:
            tokens.remove(article_id)
