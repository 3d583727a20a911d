"""Indexed articles as rows of a list. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from index import Article

_ID_WIDTH = 16
_DAY_WIDTH = 10


def as_row(article: Article, passages: int) -> dict[str, Any]:
    """The JSON object of an article that has so many passages; all is known without its text."""
    return {
        "id": article.id,
        "title": article.title,
        "source": article.source,
        "sources": list(dict.fromkeys(origin.source for origin in article.origins)),
        "paths": [origin.path for origin in article.origins],
        "published": article.published,
        "author": article.author,
        "language": article.language,
        "pages": len(article.pages) or None,
        "passages": passages,
    }


def as_lines(article: Article, passages: int) -> str:
    """Id, date and title on one line; where it is from, and what else is known of it, on the next."""
    row = as_row(article, passages)
    day = (row["published"] or "-")[:_DAY_WIDTH]
    count = f"{passages} passage{'' if passages == 1 else 's'}"
    facts = [", ".join(row["sources"]), row["author"], row["language"], count]
    indent = " " * (_ID_WIDTH + 2 + _DAY_WIDTH + 2)
    first = f"{article.id:<{_ID_WIDTH}}  {day:<{_DAY_WIDTH}}  {_one_line(article.title)}"
    return f"{first}\n{indent}{' · '.join(_one_line(fact) for fact in facts if fact)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
