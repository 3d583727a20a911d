"""Restrict a search to certain articles. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from .errors import FilterError
from .models import Article

MOST_SOURCES = 100
"""Maximum number of sources in a request's article filter."""

MOST_ARTICLE_IDS = 1000
"""Maximum number of article ids in a request's article filter."""

_DAY = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?", re.ASCII)


@dataclass(frozen=True)
class ArticleFilter:
    """Conditions that an article must meet; conditions that are not set are ignored.

    `since` and `until` are days, months or years in ISO form ("2024-02-24", "2024-02", "2024"), both inclusive; they
    exclude articles without a date. The outlet or path must contain one of `sources`, ignoring case. `articles` are
    article ids. Raises `FilterError` for an invalid date.
    """

    since: str | None = None
    until: str | None = None
    sources: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for day in (self.since, self.until):
            if day and not _DAY.fullmatch(day):
                raise FilterError(f"Invalid date {day[:40]!r}.", "Use the form 2024-02-24, 2024-02 or 2024.")

    def __str__(self) -> str:
        """Describe the filter in words."""
        parts = [f"since {self.since}" if self.since else "", f"until {self.until}" if self.until else ""]
        parts += [" or ".join(self.sources), " or ".join(self.articles)]
        return ", ".join(part for part in parts if part)

    def __bool__(self) -> bool:
        """Return whether any condition is set."""
        return bool(self.since or self.until or self.sources or self.articles)

    def require_request_size(self) -> None:
        """Raise `FilterError` if a program's filter names too many sources or articles.

        Without a limit, each of these sources would be compared with every article.
        """
        for names, most, what in (
            (self.sources, MOST_SOURCES, "sources"),
            (self.articles, MOST_ARTICLE_IDS, "articles"),
        ):
            if len(names) > most:
                problem = f"The filter names {len(names):,} {what}, and at most {most:,} are allowed."
                raise FilterError(problem, f"Name fewer {what}, or ask several times.")

    def allows(self, article: Article) -> bool:
        """Return whether the article meets all conditions."""
        date = article.published if article.published and article.published[:4].isdigit() else ""
        if self.since and not date[: len(self.since)] >= self.since:
            return False
        if self.until and not (date and date[: len(self.until)] <= self.until):
            return False
        if self.sources:
            names = [name.casefold() for name in self._names(article)]
            if not any(source in name for source in self._folded_sources for name in names):
                return False
        return not self.articles or article.id in self._ids

    def _names(self, article: Article) -> Iterator[str]:
        """Yield the names of the article that are compared with `sources`."""
        for origin in article.origins:
            yield from (origin.source, origin.path)

    @cached_property
    def _folded_sources(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(source.casefold() for source in self.sources))

    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset(self.articles)


@dataclass(frozen=True)
class RequestFilter(ArticleFilter):
    """A filter from a user or program on the network, which must not learn the names of folders on the server's disk.

    Only the source that is shown with an article is compared with `sources`, not its path: by asking for ever longer
    parts of a path, a client could find all of it.
    """

    def _names(self, article: Article) -> Iterator[str]:
        return (origin.source for origin in article.origins)
