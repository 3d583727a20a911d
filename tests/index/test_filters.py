"""A question may be asked of some articles only."""

from __future__ import annotations

from pathlib import Path

import pytest

from index import Article, Index, Only, Origin

ARTICLE = Article(
    "a1", "Title", "The Daily News", "Text.", "2024-02-24", "/news/a.txt", copies=(Origin("Reuters", "/wire/b.txt"),)
)


@pytest.mark.parametrize(
    ("only", "allowed"),
    [
        (Only(), True),
        (Only(since="2024-02-24"), True),
        (Only(since="2024-02-25"), False),
        (Only(since="2024-02"), True),
        (Only(since="2024-03"), False),
        (Only(until="2024-02-24"), True),
        (Only(until="2024-02-23"), False),
        (Only(until="2024"), True),
        (Only(until="2023"), False),
        (Only(since="2024-01", until="2024-02"), True),
        (Only(sources=("daily",)), True),
        (Only(sources=("reuters",)), True),
        (Only(sources=("/WIRE/",)), True),
        (Only(sources=("times", "news")), True),
        (Only(sources=("times",)), False),
        (Only(articles=("a1", "a2")), True),
        (Only(articles=("a2",)), False),
        (Only(since="2024", sources=("times",)), False),
    ],
)
def test_every_part_that_is_given_must_hold(only: Only, allowed: bool) -> None:
    assert only.allows(ARTICLE) is allowed


@pytest.mark.parametrize("published", [None, "", "last Tuesday"])
def test_an_article_without_a_date_is_left_out_where_one_is_asked_for(published: str | None) -> None:
    article = Article("a", "Title", "source", "Text.", published)
    assert not Only(since="1900").allows(article)
    assert not Only(until="2100").allows(article)
    assert Only(sources=("source",)).allows(article)


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
    ("only", "titles"),
    [
        (None, {"Day 1", "Day 2", "Day 3"}),
        (Only(since="2024-02-02"), {"Day 2", "Day 3"}),
        (Only(until="2024-02-02", sources=("north",)), {"Day 1"}),
        (Only(since="2025"), set()),
    ],
)
def test_only_what_is_allowed_is_found(news: Index, only: Only | None, titles: set[str]) -> None:
    assert {hit.title for hit in news.search("Who crossed the river?", only=only)} == titles


def test_what_is_allowed_is_found_even_where_a_hundred_others_are_nearer(index: Index, tmp_path: Path) -> None:
    for number in range(130):
        (tmp_path / f"{number}.txt").write_text(f"Who crossed the river? Ship {number} did, said its captain.\n")
    (tmp_path / "quiet.md").write_text("---\ntitle: Quiet\n---\nA barge may have passed by the mill.\n")
    index.sync([tmp_path])
    assert [hit.title for hit in index.search("Who crossed the river?", only=Only(sources=("quiet",)))] == ["Quiet"]
