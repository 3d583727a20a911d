"""Files become articles, passages and vectors: all that is done before anything is written, wherever it is done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

import numpy as np

from ..embedding.base import Encoder, FloatArray
from ..errors import EncoderError
from ..models import Article, Passage
from ..retrieval.features import encode_in_context, in_context
from ..storage.token_cache import TokenVectors
from ..text.chunker import split
from .executors import Mapping
from .loader import Skipped, Source, is_container, read

_CHARACTERS = 60_000  # of articles, and articles at most, that are encoded and written together: seconds of work
_ARTICLES = 128
_FILES = 16  # that are read together


@dataclass(frozen=True, slots=True)
class Prepared:
    """An article with its passages, a vector for each: shape `(passages, dimension)`, and the vectors of their tokens.
    It has none of these where its text is known, or has no words."""

    article: Article
    passages: tuple[Passage, ...] = ()
    vectors: FloatArray | None = None
    tokens: dict[str, TokenVectors] = field(default_factory=dict)


Loaded = Article | Prepared | Skipped


class Preparing(Protocol):
    """What `prepared` does, wherever it is done."""

    def __call__(
        self, sources: Iterable[Source | Skipped], known: Collection[str], *, public_only: bool = False
    ) -> Iterator[list[Prepared | Skipped]]:
        """See `prepared`."""
        ...


def prepared(
    workers: Mapping, sources: Iterable[Source | Skipped], known: Collection[str], *, public_only: bool = False
) -> Iterator[list[Prepared | Skipped]]:
    """What is at the sources, in order, some at a time. Texts with a `known` id, or one that came before, are neither
    cut nor embedded again."""
    groups = ((group, public_only) for group in _groups(sources))
    loaded = workers.map(_read, groups, _unread)
    yield from workers.map(_prepare, _batches(_new(loaded, known)), _unprepared)


def prepared_anew(workers: Mapping, articles: Iterable[Article]) -> Iterator[list[Prepared]]:
    """The articles, cut and embedded. Raises `EncoderError` where that stops the process that does it."""
    for batch in workers.map(_prepare, _batches(articles), _unprepared):
        for each in batch:
            if isinstance(each, Skipped):
                raise EncoderError(each.reason, "There may be too little memory; use fewer --workers.")
        yield [each for each in batch if isinstance(each, Prepared)]


def prepare(encoder: Encoder, loaded: Sequence[Loaded]) -> list[Prepared | Skipped]:
    """Cut and embed the articles among what was read."""
    cut = {at: tuple(split(each, encoder.tokenize)) for at, each in enumerate(loaded) if isinstance(each, Article)}
    titled = [(loaded[at].title, passage.text) for at, cuts in cut.items() for passage in cuts]  # type: ignore[union-attr]
    vectors, tokens = _embedded(encoder, titled)
    first = 0
    result: list[Prepared | Skipped] = []
    for at, each in enumerate(loaded):
        if not isinstance(each, Article):
            result.append(each)
            continue
        last = first + len(cut[at])
        ids = [passage.id for passage in cut[at]]
        own = dict(zip(ids, tokens[first:last], strict=True)) if tokens else {}
        result.append(Prepared(each, cut[at], vectors[first:last] if ids else None, own))
        first = last
    return result


def _embedded(encoder: Encoder, titled: Sequence[tuple[str, str]]) -> tuple[FloatArray, list[TokenVectors]]:
    if not titled:
        return np.zeros((0, encoder.dimension), dtype=np.float32), []  # nothing is loaded for it
    if not encoder.has_token_vectors:
        return encoder.passages([in_context(title, text)[0] for title, text in titled]), []
    encodings = encode_in_context(encoder, titled)
    return np.stack([each.vector for each in encodings]), [TokenVectors.of(each) for each in encodings]


# What is done in other processes: plain functions of plain values, and what is said where such a process was killed.


def _read(_: Encoder, group: tuple[list[Source | Skipped], bool]) -> list[Article | Skipped]:
    sources, public_only = group
    return [each for source in sources for each in read(source, public_only=public_only)]


def _unread(group: tuple[list[Source | Skipped], bool]) -> list[Article | Skipped]:
    return [_killed(str(source)) if not isinstance(source, Skipped) else source for source in group[0]]


def _prepare(encoder: Encoder, batch: list[Loaded]) -> list[Prepared | Skipped]:
    return prepare(encoder, batch)


def _unprepared(batch: list[Loaded]) -> list[Prepared | Skipped]:
    return [_killed(each.path) if isinstance(each, Article) else each for each in batch]


def _killed(path: str) -> Skipped:
    return Skipped(path, f"{path!r} was given up: the process at work on it and others was stopped twice")


# In this process


def _groups(sources: Iterable[Source | Skipped]) -> Iterator[list[Source | Skipped]]:
    """Some files together, in order; each archive by itself, which is many files."""
    remaining = iter(sources)
    while group := list(islice(remaining, _FILES)):
        start = 0
        for at, source in enumerate(group):
            if is_container(source):
                if at > start:
                    yield group[start:at]
                yield [source]
                start = at + 1
        if start < len(group):
            yield group[start:]


def _new(loaded: Iterable[list[Article | Skipped]], known: Collection[str]) -> Iterator[Loaded]:
    seen = set(known)
    for each in (each for group in loaded for each in group):
        if isinstance(each, Skipped) or each.id not in seen:
            yield each
        else:
            yield Prepared(each)
        if isinstance(each, Article):
            seen.add(each.id)


def _batches(loaded: Iterable[Loaded]) -> Iterator[list[Loaded]]:
    batch: list[Loaded] = []
    characters = 0
    for each in loaded:
        batch.append(each)
        characters += len(each.text) if isinstance(each, Article) else 0
        if characters >= _CHARACTERS or len(batch) >= _ARTICLES:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
