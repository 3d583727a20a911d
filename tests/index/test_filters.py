"""A question may be asked of some articles only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from index import MOST_ARTICLE_IDS, MOST_SOURCES, Article, ArticleFilter, FilterError, Index, Origin

ARTICLE = Article(
    "a1", "Title", "The Daily News", "Text.", "2024-02-24", "/news/a.txt", copies=(Origin("Reuters", "/wire/b.txt"),)
)


@pytest.mark.parametrize(
    ("article_filter", "allowed"),
    [
        (ArticleFilter(), True),
        (ArticleFilter(since="2024-02-24"), True),
        (ArticleFilter(since="2024-02-25"), False),
        (ArticleFilter(since="2024-02"), True),
        (ArticleFilter(since="2024-03"), False),
        (ArticleFilter(until="2024-02-24"), True),
        (ArticleFilter(until="2024-02-23"), False),
        (ArticleFilter(until="2024"), True),
        (ArticleFilter(until="2023"), False),
        (ArticleFilter(since="2024-01", until="2024-02"), True),
        (ArticleFilter(sources=("daily",)), True),
        (ArticleFilter(sources=("reuters",)), True),
        (ArticleFilter(sources=("/WIRE/",)), True),
        (ArticleFilter(sources=("times", "news")), True),
        (ArticleFilter(sources=("times",)), False),
        (ArticleFilter(articles=("a1", "a2")), True),
        (ArticleFilter(articles=("a2",)), False),
        (ArticleFilter(since="2024", sources=("times",)), False),
    ],
)
def test_every_part_that_is_given_must_hold(article_filter: ArticleFilter, allowed: bool) -> None:
    assert article_filter.allows(ARTICLE) is allowed


@pytest.mark.parametrize("published", [None, "", "last Tuesday"])
def test_an_article_without_a_date_is_left_out_where_one_is_asked_for(published: str | None) -> None:
    article = Article("a", "Title", "source", "Text.", published)
    assert not ArticleFilter(since="1900").allows(article)
    assert not ArticleFilter(until="2100").allows(article)
    assert ArticleFilter(sources=("source",)).allows(article)


@pytest.fixture
def news(index: Index, tmp_path: Path) -> Index:
    for day, animal, outlet in ((1, "fox", "North"), (2, "owl", "South"), (3, "hen", "North")):
        (tmp_path / f"{animal}.md").write_text(
            f"---\ntitle: Day {day}\npublished: 2024-02-0{day}\nsource: {outlet}\n---\n"
            f"The {animal} crossed the river on its way to the barn.\n"
        )
    index.sync([tmp_path])
    return index


@pytest.mark.parametrize(
    ("article_filter", "titles"),
    [
        (None, {"Day 1", "Day 2", "Day 3"}),
        (ArticleFilter(since="2024-02-02"), {"Day 2", "Day 3"}),
        (ArticleFilter(until="2024-02-02", sources=("north",)), {"Day 1"}),
        (ArticleFilter(since="2025"), set()),
    ],
)
def test_only_what_is_allowed_is_found(news: Index, article_filter: ArticleFilter | None, titles: set[str]) -> None:
    assert {hit.title for hit in news.search("Who crossed the river?", article_filter=article_filter)} == titles


def test_what_is_allowed_is_found_even_where_a_hundred_others_are_nearer(index: Index, tmp_path: Path) -> None:
    for number in range(130):
        (tmp_path / f"{number}.txt").write_text(f"Who crossed the river? Ship {number} did, said its captain.\n")
    (tmp_path / "quiet.md").write_text("---\ntitle: Quiet\n---\nA barge may have passed by the mill.\n")
    index.sync([tmp_path])
    assert [
        hit.title for hit in index.search("Who crossed the river?", article_filter=ArticleFilter(sources=("quiet",)))
    ] == ["Quiet"]


class _Counted(str):
    """A source that counts how often it is folded."""

    folded = 0

    def casefold(self) -> str:
        _Counted.folded += 1
        return super().casefold()


def test_sources_are_folded_once_for_all_articles() -> None:
    _Counted.folded = 0
    article_filter = ArticleFilter(sources=(_Counted("TIMES"), _Counted("DAILY")))
    assert all(article_filter.allows(ARTICLE) for _ in range(50))
    assert _Counted.folded == 2


class _Scanned(tuple[str, ...]):
    """Ids that count how often they are gone through."""

    scanned = 0

    def __contains__(self, value: object) -> bool:
        _Scanned.scanned += 1
        return super().__contains__(value)

    def __iter__(self) -> Iterator[str]:
        _Scanned.scanned += 1
        return super().__iter__()


def test_ids_are_gone_through_once_for_all_articles() -> None:
    _Scanned.scanned = 0
    article_filter = ArticleFilter(articles=_Scanned(str(number) for number in range(1000)))
    assert not any(article_filter.allows(ARTICLE) for _ in range(50))
    assert _Scanned.scanned == 1


def test_a_filter_is_compared_and_copied_by_what_it_says() -> None:
    article_filter = ArticleFilter(sources=("Daily",), articles=("a1",))
    assert article_filter.allows(ARTICLE)
    fresh = ArticleFilter(sources=("Daily",), articles=("a1",))
    assert (article_filter, hash(article_filter)) == (fresh, hash(fresh))
    assert asdict(article_filter) == {"since": None, "until": None, "sources": ("Daily",), "articles": ("a1",)}
    assert replace(article_filter, articles=("a2",)).allows(ARTICLE) is False
    assert str(article_filter) == "Daily, a1"


def test_a_request_may_name_a_limited_number_of_sources_and_articles() -> None:
    ArticleFilter(sources=("a",) * MOST_SOURCES, articles=("b",) * MOST_ARTICLE_IDS).require_request_size()
    with pytest.raises(FilterError, match=r"names 195,000 sources, and at most 100 are allowed"):
        ArticleFilter(sources=("a",) * 195_000).require_request_size()
    with pytest.raises(FilterError, match=r"names 1,001 articles, and at most 1,000 are allowed"):
        ArticleFilter(articles=("a",) * 1001).require_request_size()


def test_a_filter_that_allows_every_article_is_no_filter(news: Index) -> None:
    """Someone may have ticked every article of a large index, more than a request may name."""
    everything = ArticleFilter(articles=tuple(article.id for article in news.articles()))
    assert news.searcher._allowed(everything) is None
    assert news.searcher._allowed(ArticleFilter(since="2025")) == []
