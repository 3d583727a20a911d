"""What an LLM reads: whole articles where they fit, else the best passages with their neighbours."""

from __future__ import annotations

from pathlib import Path

import pytest

from index import ArticleFilter, Index, SearchResult
from rag.generation.context import Context, gather

TOPICS = ("harbour", "orchard", "railway", "glacier", "theatre")


def _sentence(topic: str, section: int, number: int) -> str:
    return f"The {topic} of section {section} has a detail numbered {number} that only sentence {number} mentions here."


def _article(topic: str, sections: int) -> str:
    parts = [f"The story of the {topic}"]
    for section in range(sections):
        parts += [f"## Part {section} of the {topic}"]
        parts += [" ".join(_sentence(topic, section, 10 * paragraph + n) for n in range(8)) for paragraph in range(4)]
    return "\n\n".join(parts) + "\n"


@pytest.fixture
def filled(index: Index, tmp_path: Path) -> Index:
    """An index of five articles of about a dozen passages each."""
    folder = tmp_path / "articles"
    folder.mkdir()
    for topic in TOPICS:
        (folder / f"{topic}.md").write_text(_article(topic, 2), encoding="utf-8")
    index.sync([folder])
    return index


def _gathered(index: Index, found: SearchResult, tokens: int, scope: str = "auto", **only: tuple[str, ...]) -> Context:
    def count(context: Context) -> int:
        return sum(len(index.encoder.tokenize(hit.passage.text)) for hit in context.found.hits)

    article_filter = ArticleFilter(**only) if only else None  # type: ignore[arg-type]
    return gather(index, found, article_filter, scope=scope, prompt_tokens=tokens, count_tokens=count)  # type: ignore[arg-type]


def _read(context: Context) -> list[tuple[str, int]]:
    return [(hit.title, hit.passage.start) for hit in context.found.hits]


def test_articles_that_fit_are_read_whole_and_in_order(filled: Index) -> None:
    context = _gathered(filled, filled.find("What is the detail of the glacier?"), 100_000)

    assert len(_read(context)) == filled.count()[1]
    starts: dict[str, list[int]] = {}
    for title, start in _read(context):
        starts.setdefault(title, []).append(start)
    assert all(each == sorted(each) for each in starts.values())
    assert next(iter(starts)) == "The story of the glacier", "the article that was found first comes first"


def test_only_the_articles_that_the_filter_allows_are_read(filled: Index) -> None:
    found = filled.find("What is the detail?", article_filter=ArticleFilter(sources=("orchard",)))
    context = _gathered(filled, found, 100_000, sources=("orchard",))
    assert {title for title, _ in _read(context)} == {"The story of the orchard"}


def test_an_article_that_the_search_points_at_clearly_is_read_whole(filled: Index) -> None:
    found = filled.find("What is the harbour?", 4)
    clear = [hit for hit in found.hits if "harbour" in hit.title]
    assert len(clear) >= 2
    context = _gathered(filled, found, 1500)

    (outline,) = filled.outline(articles=[clear[0].passage.article_id]).values()
    read = [hit.passage.id for hit in context.found.hits]
    assert set(outline) <= set(read)
    assert len(read) < filled.count()[1]
    assert {hit.passage.id for hit in found.hits} <= set(read)


def test_of_copies_of_one_story_the_newest_that_still_exists_is_read_first(index: Index, tmp_path: Path) -> None:
    folder = tmp_path / "wire"
    folder.mkdir()
    story = " ".join(_sentence("harbour", 1, number) for number in range(8))
    for day in (3, 5, 4):
        text = f"---\ntitle: Report {day}\ndate: 2025-06-0{day}\n---\nThe harbour, from Outlet {day}.\n\n{story}\n"
        (folder / f"{day}.md").write_text(text, encoding="utf-8")
    index.sync([folder])

    def titles() -> list[str]:
        found = index.find("What is the detail of the harbour?")
        return list(dict.fromkeys(title for title, _ in _read(_gathered(index, found, 100_000))))

    assert titles() == ["Report 5", "Report 4", "Report 3"]
    (folder / "5.md").unlink()
    assert titles() == ["Report 4", "Report 3", "Report 5"]


def test_otherwise_the_hits_are_read_with_the_neighbours_under_the_same_heading(filled: Index) -> None:
    found = filled.find("What is the detail of the harbour, section 1?", 1)
    context = _gathered(filled, found, 100_000, "passages")

    (hit,) = found.hits
    (outline,) = filled.outline(articles=[hit.passage.article_id]).values()
    at = outline.index(hit.passage.id)
    near = outline[max(0, at - 1) : at + 2]
    texts = {each.passage.id: each.passage.text for each in filled.read(found, near).hits}
    expected = [
        id_ for id_ in near
        if id_ == hit.passage.id
        or (near.index(id_) > near.index(hit.passage.id) and not texts[id_].startswith("#"))
        or (near.index(id_) < near.index(hit.passage.id) and not texts[hit.passage.id].startswith("#"))
    ]  # fmt: skip
    assert [each.passage.id for each in context.found.hits] == expected
    assert len(expected) > 1


@pytest.mark.parametrize("scope", ["auto", "document", "passages"])
@pytest.mark.parametrize("tokens", [1, 200, 500, 1000])
def test_what_does_not_fit_is_left_out_and_never_a_hit_before_its_neighbours(
    filled: Index, scope: str, tokens: int
) -> None:
    found = filled.find("What is the detail of the railway?", 3)
    context = _gathered(filled, found, tokens, scope)

    read = [hit.passage.id for hit in context.found.hits]
    best = [hit.passage.id for hit in found.hits]
    assert [read[index] for index in context.priority[:3]] == best[: len(read)]
    count = sum(len(filled.encoder.tokenize(hit.passage.text)) for hit in context.found.hits)
    assert count <= tokens or len(read) == 1
    assert sorted(context.priority) == list(range(len(read)))


def test_the_scope_document_reads_whole_articles_as_far_as_they_fit(filled: Index) -> None:
    found = filled.find("What is the detail of the theatre?", 1)
    less, more = (_gathered(filled, found, 1500, scope) for scope in ("passages", "document"))
    assert len(more.found.hits) > len(less.found.hits)


def test_passages_keep_their_numbers_when_the_prompt_has_to_be_shortened(filled: Index) -> None:
    context = _gathered(filled, filled.find("What is the detail of the theatre?", 2), 100_000)

    assert context.numbers(len(context.priority)) == tuple(range(1, len(context.priority) + 1))
    assert context.numbers(2) == tuple(sorted(index + 1 for index in context.priority[:2]))


def test_nothing_is_read_if_nothing_was_found(filled: Index) -> None:
    found = filled.find("Anything?", article_filter=ArticleFilter(sources=("nowhere",)))
    assert _gathered(filled, found, 100_000).found.hits == []


def test_a_passage_that_is_removed_meanwhile_is_left_out(filled: Index) -> None:
    found = filled.find("What is the detail of the orchard?", 2)
    (outline,) = filled.outline(articles=[found.hits[0].passage.article_id]).values()
    assert [hit.passage.id for hit in filled.read(found, [outline[-1], "nothing:0-5"]).hits] == outline[-1:]
