"""Articles and passages as rows of a table: flat metadata, and back. Pure."""

from __future__ import annotations

import json
from typing import Any

from .records import Article, Passage, Span


def to_metadata(article: Article, passages: int) -> dict[str, str | int]:
    """What is stored beside the text of an article that has so many passages."""
    facts: dict[str, str | int] = {
        "title": article.title,
        "source": article.source,
        "path": article.path,
        "noise": json.dumps([[span.start, span.end] for span in article.noise]),
        "passages": passages,
    }
    return facts | ({"published": article.published} if article.published else {})


def to_article(id_: str, text: str, metadata: dict[str, Any]) -> Article:
    """The article that a row stands for."""
    return Article(
        id=id_,
        title=str(metadata["title"]),
        source=str(metadata["source"]),
        text=text,
        published=metadata.get("published"),
        path=str(metadata["path"]),
        noise=tuple(Span(start, end) for start, end in json.loads(str(metadata["noise"]))),
    )


def to_passage(text: str, metadata: dict[str, Any]) -> Passage:
    """The passage that a row stands for."""
    return Passage(str(metadata["article"]), int(metadata["start"]), int(metadata["end"]), text)
