"""The passages that an LLM reads: whole articles if they fit into the prompt, else the best passages and neighbours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Protocol

from index import ArticleFilter, SearchResult, begins_with_heading

from ..grounding.versions import have_same_text, precedence
from ..settings import Scope

_SHORTEST = 40  # tokens: if so many for each passage do not fit, the articles are not measured exactly
_CLEAR = 0.5
"""Minimum share of the hits that are from the first hit's article for the search to point at this article clearly."""


class PassageSource(Protocol):
    """The part of an index that provides further passages for a search result."""

    def count_passages(self, article_filter: ArticleFilter | None = None) -> int:
        """Return the number of passages in the articles that `article_filter` allows."""

    def outline(
        self, article_filter: ArticleFilter | None = None, articles: Sequence[str] | None = None
    ) -> dict[str, list[str]]:
        """Return the ids of all passages in reading order, by article id."""

    def read(self, found: SearchResult, ids: Sequence[str]) -> SearchResult:
        """Return the passages with these ids, in this order."""


@dataclass(frozen=True, slots=True)
class Context:
    """The passages for a prompt, in reading order within each article.

    `priority` contains their indices, the most important first: if the prompt is still too long, the last ones are
    left out.
    """

    found: SearchResult
    priority: tuple[int, ...]

    def numbers(self, count: int) -> tuple[int, ...]:
        """Return the numbers, from 1, of the `count` most important passages, in reading order."""
        return tuple(sorted(index + 1 for index in self.priority[:count]))


def gather(
    index: PassageSource,
    found: SearchResult,
    article_filter: ArticleFilter | None,
    *,
    scope: Scope,
    prompt_tokens: int,
    count_tokens: Callable[[Context], int],
) -> Context:
    """Return the context for a search result; its prompt, measured by `count_tokens`, has at most `prompt_tokens`.

    With the scope `auto`, the context is the first of these that fits: all articles that the question is about (those
    that the filter allows), the article that the search points at clearly, with the other hits, and the hits with their
    neighbours. With `document`, it is as much of the hits' articles as fits. The hits are never left out in favour of
    other passages, and there is always at least one.
    """
    if not found.passages:
        return Context(found, ())

    def fits(context: Context) -> bool:
        return count_tokens(context) <= prompt_tokens

    hits = [hit.passage.id for hit in found.hits]
    if scope != "passages":
        if index.count_passages(article_filter) * _SHORTEST <= prompt_tokens:
            outline = index.outline(article_filter)
            context = _context(index, found, [*hits, *_ids(outline)], outline)
            if fits(context):
                return context
        if scope == "document":
            outline = index.outline(articles=_articles(found))
            return _longest(_context(index, found, [*hits, *_ids(outline)], outline), fits)
    outline = index.outline(articles=_articles(found))
    neighbours = [*hits, *_neighbours(index, found, outline)]
    first, share = Counter(hit.passage.article_id for hit in found.hits).most_common(1)[0]
    is_clear = first == found.hits[0].passage.article_id and share >= _CLEAR * len(hits)
    if scope == "auto" and is_clear and len(outline[first]) * _SHORTEST <= prompt_tokens:
        context = _context(index, found, [*hits, *outline[first]], outline)
        if fits(context):
            return context
    return _longest(_context(index, found, neighbours, outline), fits)


def _articles(found: SearchResult) -> list[str]:
    """Return the ids of the articles in which something was found, the best first."""
    return list(dict.fromkeys(hit.passage.article_id for hit in found.hits))


def _ids(outline: dict[str, list[str]]) -> Iterator[str]:
    for ids in outline.values():
        yield from ids


def _neighbours(index: PassageSource, found: SearchResult, outline: dict[str, list[str]]) -> list[str]:
    """Return the passages before and after each hit that are under the same heading, for the best hits first."""
    before, after = [], []
    for hit in found.hits:
        ids = outline[hit.passage.article_id]
        at = ids.index(hit.passage.id) if hit.passage.id in ids else -1  # another process may have replaced the article
        if at > 0 and not begins_with_heading(hit.passage.text):
            before.append(ids[at - 1])
        if 0 <= at < len(ids) - 1:
            after.append(ids[at + 1])
    opening = {hit.passage.id for hit in index.read(found, after).hits if begins_with_heading(hit.passage.text)}
    rows = zip_longest(before, (id_ for id_ in after if id_ not in opening))
    return [id_ for row in rows for id_ in row if id_ is not None]


def _context(
    index: PassageSource, found: SearchResult, wanted: Sequence[str], outline: dict[str, list[str]]
) -> Context:
    """Return a context with the wanted passages, given by priority: articles in order of their hits, then by title.

    Of articles with nearly the same text, the newest comes first.
    """
    wanted = list(dict.fromkeys(wanted))
    articles = list(dict.fromkeys([*_articles(found), *outline]))
    places = {id_: (articles.index(article), at) for article in articles for at, id_ in enumerate(outline[article])}
    ordered = sorted((id_ for id_ in wanted if id_ in places), key=places.__getitem__)
    read = index.read(found, ordered)
    order = _newest_copies_first(read, _articles(found))
    read = replace(read, passages=sorted(read.passages, key=lambda each: order.index(each.hit.passage.article_id)))
    positions = {each.hit.passage.id: position for position, each in enumerate(read.passages)}
    return Context(read, tuple(positions[id_] for id_ in wanted if id_ in positions))


def _newest_copies_first(read: SearchResult, found: Sequence[str]) -> list[str]:
    """Return the ids of the articles in their order, and of the copies of an article in `found`, the newest first."""
    hits = {hit.passage.article_id: hit for hit in read.hits}
    runs: dict[str, set[tuple[str, ...]]] = {article: set() for article in hits}
    for each in read.passages:
        runs[each.hit.passage.article_id] |= each.features.wording.runs
    ordered = list(hits)
    for article in found:
        copies = [each for each in ordered if article in runs and have_same_text(runs[article], runs[each])]
        newest = iter(sorted(copies, key=lambda each: precedence(hits[each])))
        ordered = [next(newest) if each in copies else each for each in ordered]
    return ordered


def _longest(context: Context, fits: Callable[[Context], bool]) -> Context:
    """Return the context with as many of its most important passages as fit, at least one."""
    low, high = 1, len(context.priority)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(_first(context, middle)) else (low, middle - 1)
    return _first(context, low)


def _first(context: Context, count: int) -> Context:
    """Return a context with only the `count` most important passages."""
    kept = [number - 1 for number in context.numbers(count)]
    passages = [context.found.passages[index] for index in kept]
    priority = tuple(kept.index(index) for index in context.priority[:count])
    return Context(replace(context.found, passages=passages), priority)
