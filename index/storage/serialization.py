"""Convert articles and passages to and from Chroma records with flat metadata. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..models import Article, Origin, Passage, SkippedPage, Span, public_name
from ..text.tables import RowFinder


def article_record(article: Article) -> dict[str, str | None]:
    """Return an article's metadata that may change while its text is stored; unknown values are None."""
    return {
        "title": article.title,
        "source": article.source,
        "path": article.path,
        "published": article.published or None,
        "author": article.author or None,
        "language": article.language or None,
        "pages": json.dumps(article.pages) if article.pages else None,
        "skipped_pages": _skipped_json(article.skipped_pages) if article.skipped_pages else None,
        "copies": json.dumps([[copy.source, copy.path] for copy in article.copies]) if article.copies else None,
        "revision": article.revision or None,
    }


def to_metadata(article: Article, passages: Sequence[str]) -> dict[str, str | int]:
    """Return the metadata to store with an article's text and the ids of its passages.

    Unknown values are omitted: Chroma does not support None.
    """
    known = {name: value for name, value in article_record(article).items() if value is not None}
    boilerplate = json.dumps([[span.start, span.end] for span in article.boilerplate])
    return {**known, "boilerplate": boilerplate, **passages_record(passages)}


def passages_record(ids: Sequence[str]) -> dict[str, str | int]:
    """Return the part of an article's metadata that lists its passages."""
    return {"passages": len(ids), "spans": " ".join(id_.rpartition(":")[2] for id_ in ids)}


def passage_ids_in(article_id: str, metadata: Mapping[str, Any]) -> list[str] | None:
    """Return the ids of the passages that an article's metadata lists; None if an earlier version wrote it."""
    spans = metadata.get("spans")
    return None if spans is None else [f"{article_id}:{span}" for span in str(spans).split()]


def to_article(id_: str, text: str, metadata: dict[str, Any]) -> Article:
    """Restore an article from its record."""
    spans = metadata.get("boilerplate") or metadata["noise"]  # indexes of version 0.1 wrote "noise"
    boilerplate = tuple(Span(start, end) for start, end in json.loads(str(spans)))
    return replace(to_listed_article(id_, metadata), text=text, boilerplate=boilerplate)


def to_listed_article(id_: str, metadata: dict[str, Any]) -> Article:
    """Restore an article without its text and boilerplate, which a list of articles does not need."""
    return Article(
        id=id_,
        title=str(metadata["title"]),
        source=_source(str(metadata["source"]), str(metadata["path"])),
        text="",
        published=metadata.get("published"),
        path=str(metadata["path"]),
        author=metadata.get("author"),
        language=metadata.get("language"),
        pages=tuple(json.loads(str(metadata.get("pages", "[]")))),
        skipped_pages=_skipped_pages(str(metadata.get("skipped_pages", "[]"))),
        copies=tuple(
            Origin(_source(source, path), path) for source, path in json.loads(str(metadata.get("copies", "[]")))
        ),
        revision=metadata.get("revision"),
    )


def _skipped_json(pages: Sequence[SkippedPage]) -> str:
    """Return the pages as JSON, with each reason once."""
    numbers: dict[str, list[int]] = {}
    for page in pages:
        numbers.setdefault(page.reason, []).append(page.number)
    return json.dumps(list(numbers.items()), ensure_ascii=False)


def _skipped_pages(written: str) -> tuple[SkippedPage, ...]:
    return tuple(sorted(SkippedPage(number, reason) for reason, numbers in json.loads(written) for number in numbers))


def _source(source: str, path: str) -> str:
    """Return the source; earlier versions stored the whole path as the source of a file without an outlet."""
    return public_name(path) if source == path else source


def article_id_of(passage_id: str) -> str:
    """Return the id of the article that contains a passage."""
    return passage_id.rpartition(":")[0]


def start_of(passage_id: str) -> int:
    """Return the offset in its article at which a passage starts."""
    return int(passage_id.rpartition(":")[2].partition("-")[0])


def to_passages(ids: Iterable[str], articles: Mapping[str, Article]) -> Iterator[tuple[Article, Passage]]:
    """Restore passages from their ids, each with its article; skip passages whose article is not in `articles`."""
    finders: dict[str, RowFinder] = {}
    for id_ in ids:
        article = articles.get(article_id_of(id_))
        if article is not None:
            start, end = map(int, id_.rpartition(":")[2].split("-"))
            rows = finders.setdefault(article.id, RowFinder(article.text)).within(start, end)
            yield article, Passage(article.id, start, end, article.text[start:end], rows)
