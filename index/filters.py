"""Restrict a search to certain articles. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import FilterError
from .models import Article

_DAY = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
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
                raise FilterError(f"Invalid date {day!r}.", "Use the form 2024-02-24, 2024-02 or 2024.")

    def __str__(self) -> str:
        """Describe the filter in words."""
        parts = [f"since {self.since}" if self.since else "", f"until {self.until}" if self.until else ""]
        parts += [" or ".join(self.sources), " or ".join(self.articles)]
        return ", ".join(part for part in parts if part)

    def __bool__(self) -> bool:
        """Return whether any condition is set."""
        return bool(self.since or self.until or self.sources or self.articles)

    def allows(self, article: Article) -> bool:
        """Return whether the article meets all conditions."""
        date = article.published if article.published and article.published[:4].isdigit() else ""
        if self.since and not date[: len(self.since)] >= self.since:
            return False
        if self.until and not (date and date[: len(self.until)] <= self.until):
            return False
        if self.sources:
            held = [part.casefold() for origin in article.origins for part in (origin.source, origin.path)]
            if not any(source.casefold() in part for source in self.sources for part in held):
                return False
        return not self.articles or article.id in self.articles
