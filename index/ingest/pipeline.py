"""Turn files into articles, passages and vectors: all the work before writing, which can run in any process."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from ..cancellation import Cancellation
from ..embedding.base import Encoder, FloatArray
from ..errors import EncoderError, LoadError
from ..models import Article, Passage
from ..retrieval.features import encode_in_context, in_context
from ..storage.token_cache import TokenVectors
from ..text.chunker import chunk
from ..text.tables import with_column_names
from .executors import Executor
from .loader import ReadOptions, Skipped, Source, is_container, read, translate_unexpected

_CHARACTERS = 60_000  # maximum number of characters in a batch that is encoded and written together
_EMBEDDED = 128  # maximum number of passages whose token vectors are in memory before they are quantized
_MOST_TOKENS = 400_000
"""Maximum number of tokens in a batch whose vectors are kept, at about 500 bytes each; a megabyte of prose has 200,000.
Those of the other passages are computed when a question needs them."""
_ARTICLES = 128  # maximum number of articles in such a batch
_FILES = 16  # maximum number of files read together


@dataclass(frozen=True, slots=True)
class PreparedArticle:
    """An article with its passages, passage vectors (shape `(passages, dimension)`), and token vectors by passage id.

    If the text is already known or contains no words, only the article is set.
    """

    article: Article
    passages: tuple[Passage, ...] = ()
    vectors: FloatArray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    tokens: dict[str, TokenVectors] = field(default_factory=dict)


Loaded = Article | PreparedArticle | Skipped


Prepared = Iterator[list[PreparedArticle | Skipped]]
Pipeline = Callable[[Iterable[Source | Skipped], Collection[str], ReadOptions], Prepared]
"""The type of `prepare_sources` without its first argument, and of `RayExecutor.prepare_sources`."""


def prepare_sources(
    executor: Executor, sources: Iterable[Source | Skipped], known: Collection[str], options: ReadOptions
) -> Prepared:
    """Read, split and embed the sources in batches, preserving their order.

    Texts with a `known` id and repeated texts are not split and embedded again.
    """
    groups = ((group, options) for group in _groups(sources))
    loaded = executor.map(_read, groups, _lost_reading)
    yield from executor.map(prepare, batches(mark_known(loaded, known)), _lost_preparing)


def prepare_articles(executor: Executor, articles: Iterable[Article]) -> Iterator[list[PreparedArticle]]:
    """Split and embed the articles, and yield them in batches. Raises `EncoderError` if a worker was killed twice."""
    for batch in executor.map(prepare, batches(articles), _lost_preparing):
        for each in batch:
            if isinstance(each, Skipped):
                raise EncoderError(each.reason, "See the log. If there is not enough memory, lower --workers.")
        yield [each for each in batch if isinstance(each, PreparedArticle)]


def prepare(
    encoder: Encoder, loaded: Sequence[Loaded], cancellation: Cancellation | None = None
) -> list[PreparedArticle | Skipped]:
    """Split and embed the articles in a batch; return other items unchanged.

    An article for which an unexpected error occurs while it is split is skipped.
    """
    split = [_split(encoder, each, cancellation) if isinstance(each, Article) else each for each in loaded]
    cut = [each for each in split if isinstance(each, tuple)]
    vectors, tokens = _embed(encoder, [(article.title, passage) for article, own in cut for passage in own])
    first = 0
    prepared: list[PreparedArticle] = []
    for article, own in cut:
        last = first + len(own)
        own_tokens = {passage.id: each for passage, each in zip(own, tokens[first:last], strict=False)}
        prepared.append(PreparedArticle(article, own, vectors[first:last], own_tokens))
        first = last
    remaining = iter(prepared)
    return [next(remaining) if isinstance(each, tuple) else each for each in split]


def _split(
    encoder: Encoder, article: Article, cancellation: Cancellation | None
) -> tuple[Article, tuple[Passage, ...]] | Skipped:
    try:
        with translate_unexpected(article.path):
            return article, tuple(chunk(article, encoder.tokenize, cancellation))
    except LoadError as error:
        return Skipped(article.path, error.message)


def _embed(encoder: Encoder, titled: Sequence[tuple[str, Passage]]) -> tuple[FloatArray, list[TokenVectors]]:
    """Return the vectors of all passages, and the token vectors of the first ones; see `_MOST_TOKENS`."""
    if not titled:
        return np.zeros((0, encoder.dimension), dtype=np.float32), []  # without loading the model
    if not encoder.has_token_vectors:
        texts = [in_context(title, with_column_names(each).text)[0] for title, each in titled]
        distinct = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        return encoder.passages(list(distinct))[[distinct[text] for text in texts]], []
    vectors: list[FloatArray] = []
    tokens: list[TokenVectors] = []
    kept = 0
    for at in range(0, len(titled), _EMBEDDED):
        encodings = encode_in_context(encoder, titled[at : at + _EMBEDDED])
        vectors += [each.vector for each in encodings]
        for each in encodings:
            kept += len(each.offsets)
            if kept <= _MOST_TOKENS:
                tokens.append(TokenVectors.of(each))
    return np.stack(vectors), tokens


# Picklable functions for worker processes, and functions that return the results for a killed worker.


def _read(_: Encoder, group: tuple[list[Source | Skipped], ReadOptions]) -> list[Article | Skipped]:
    sources, options = group
    return [each for source in sources for each in read(source, options)]


def _lost_reading(group: tuple[list[Source | Skipped], ReadOptions]) -> list[Article | Skipped]:
    return [source if isinstance(source, Skipped) else _killed(str(source)) for source in group[0]]


def _lost_preparing(batch: Sequence[Loaded]) -> list[PreparedArticle | Skipped]:
    return [_killed(each.path) if isinstance(each, Article) else each for each in batch]


def _killed(path: str) -> Skipped:
    return Skipped(path, f"Cannot index {path!r}: the worker process for its batch was killed twice.")


# Functions that run in this process.


def _groups(sources: Iterable[Source | Skipped]) -> Iterator[list[Source | Skipped]]:
    """Yield the sources in groups, in order; each archive is a group by itself, since it contains many files."""
    group: list[Source | Skipped] = []
    for source in sources:
        is_alone = is_container(source)
        if group and (is_alone or len(group) == _FILES):
            yield group
            group = []
        if is_alone:
            yield [source]
        else:
            group.append(source)
    if group:
        yield group


def mark_known(loaded: Iterable[list[Article | Skipped]], known: Collection[str]) -> Iterator[Loaded]:
    """Yield the items; an article whose text is known is wrapped so that `prepare` returns it unchanged."""
    seen = set(known)
    for each in chain.from_iterable(loaded):
        if isinstance(each, Skipped):
            yield each
        else:
            yield PreparedArticle(each) if each.id in seen else each
            seen.add(each.id)


def batches(loaded: Iterable[Loaded]) -> Iterator[list[Loaded]]:
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
