"""Which passages are shown: copies once, and no article alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import Index, Passage
from index.retrieval.deduplicate import PassageWording, diverse

WIRE = (
    "The port of Halden was closed on Monday after a ship of the Norden line lost 40 containers in the storm. "
    "Nobody was hurt, the harbour master said, and divers will look for the cargo as soon as the wind drops."
)


def _shown(written: str, limit: int) -> list[int]:
    """What is shown of passages of articles named by a letter, each with its score: "a9 b8"."""
    words = written.split()
    wordings = [PassageWording.of(Passage(word[0], 0, 2, f"{word} {word * 2} {word * 3}")) for word in words]
    return [place for place, _ in diverse(wordings, [float(word[1]) for word in words], limit)]


def _are_copies(first: str, second: str) -> bool:
    return PassageWording.of(Passage("a", 0, len(first), first)).is_copy_of(
        PassageWording.of(Passage("b", 0, len(second), second))
    )


def test_one_article_does_not_crowd_out_the_others() -> None:
    assert _shown("a9 a8 a7 a6 b5 c4", 4) == [0, 1, 4, 5]


def test_where_there_is_only_one_article_all_places_are_its() -> None:
    assert _shown("a9 a8 a7", 3) == [0, 1, 2]


@pytest.mark.parametrize(
    "copy",
    [
        WIRE,
        WIRE.replace(" ", "\n  ", 7),
        WIRE.replace("the harbour master said", "the harbourmaster said"),
    ],
)
def test_the_same_story_in_nearly_the_same_words_is_a_copy(copy: str) -> None:
    assert _are_copies(WIRE, copy)
    assert _are_copies(copy, WIRE)


def test_a_copy_that_leaves_something_out_is_one_but_not_one_that_adds_something() -> None:
    assert _are_copies(WIRE, f"{WIRE} More in Oslo.")
    assert not _are_copies(f"{WIRE} More in Oslo.", WIRE)


@pytest.mark.parametrize(
    "other",
    [
        WIRE.replace("40", "14"),
        WIRE.replace("Norden", "Sutter"),
        WIRE.split(". ", maxsplit=1)[0],
        "The port of Halden was closed on Monday. Ships wait outside, and the ferry to Strand does not sail.",
        "",
    ],
)
def test_another_report_is_none(other: str) -> None:
    assert not _are_copies(WIRE, other)


def test_chinese_copies_are_recognised() -> None:
    text = "据新华社报道，北京大学的研究人员周一发布了一个新的视频生成模型，引起了广泛关注。"
    assert _are_copies(text, text.replace("周一", "周二"))
    assert not _are_copies(text, "上海的一家公司在周一发布了另一种产品，价格尚未公布。")


@given(st.text(), st.text())
def test_a_text_is_a_copy_of_itself_and_a_number_more_makes_it_another(first: str, second: str) -> None:
    assert _are_copies(first, first)
    assert not _are_copies(f"{first} 7", second.replace("7", ""))


def test_a_wire_story_is_one_hit_that_names_its_outlets(index: Index, tmp_path: Path) -> None:
    for name, source, text in (
        ("a", "The Daily", WIRE),
        ("b", "Evening Post", WIRE.replace("harbour master", "harbourmaster")),
        ("c", "Morning Star", "The fox crossed the river at night, and the owl watched it from the old barn."),
    ):
        (tmp_path / f"{name}.md").write_text(f"---\ntitle: Storm {name}\nsource: {source}\n---\n{text}\n")
    index.sync([tmp_path])
    hits = index.search("How many containers did the ship lose?")
    assert len(hits) == 2
    assert {hits[0].source, *hits[0].also} == {"The Daily", "Evening Post"}
    assert hits[1].also == ()
