"""A question may be asked of some articles only."""

from __future__ import annotations

from pathlib import Path

import pytest

from index import Article, ArticleFilter, Index, Origin

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
