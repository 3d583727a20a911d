"""Segments: parts of the BM25 index that together score like an index that was built at once."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from index import terms
from index.retrieval.bm25 import BM25Index
from index.retrieval.segments import Segment

_WORDS = ["owl", "fox", "barn", "river", "harbour", "strike", "ferry", "北京", "长城", "naïve", "Łódź", "1,677"]
QUESTIONS = ("Where was the owl?", "ferry strike in the harbour", "北京的长城", "naive 1,677", "zebra")

Texts = dict[str, list[tuple[str, str]]]


@pytest.fixture(scope="module")
def texts() -> Texts:
    """The passages of 40 articles, of which some have none."""
    chosen = random.Random(3)
    found: Texts = {}
    for number in range(40):
        passages = [" ".join(chosen.choices(_WORDS, k=chosen.randint(0, 12))) for _ in range(number % 4)]
        found[f"a{number:02}"] = [(f"a{number:02}:{i}-{i + 1}", text) for i, text in enumerate(passages)]
    return found


def segment_of(texts: Texts, articles: list[str]) -> Segment:
    return Segment.of([(id_, terms(text)) for article in articles for id_, text in texts[article]], articles)


def scores(index: BM25Index) -> list[dict[str, float]]:
    """The scores of the passages that exist, for each question, and the rarities of their terms."""
    exists = index.of_articles()
    found = [
        {
            id_.decode(): float(score)
            for id_, score, is_used in zip(index.ids, index.scores(text), exists, strict=True)
            if is_used
        }
        for text in QUESTIONS
    ]
    return [*found, {term: index.rarity(term) for text in QUESTIONS for term in terms(text)}]


def test_several_segments_without_some_articles_score_like_one_of_the_others(texts: Texts) -> None:
    names = list(texts)
    segments = [segment_of(texts, names[start::3]) for start in range(3)]
    left = [name for number, name in enumerate(names) if number % 5]
    divided = BM25Index(segments, left)
    whole = BM25Index([segment_of(texts, left)], left)
    assert scores(divided) == scores(whole)
    assert len(divided) == len(whole) == sum(len(texts[name]) for name in left)
    assert divided.passages_of(left[2]) == whole.passages_of(left[2]) != []
    assert divided.passages_of(names[5]) == [], "a removed article"
    removed, kept = texts[names[15]][0][0], texts[left[2]][0][0]
    assert divided.positions([removed]).tolist() == [-1]
    assert divided.ids[divided.positions([kept])[0]].decode() == kept


def test_merged_segments_are_the_segment_of_what_is_left(texts: Texts) -> None:
    names = list(texts)
    left = [name for number, name in enumerate(names) if number % 5]
    divided = BM25Index([segment_of(texts, names[start::3]) for start in range(3)], left)
    merged, built = Segment.merged(divided.parts), segment_of(texts, left)
    for name in Segment.__slots__:
        assert np.array_equal(getattr(merged, name), getattr(built, name)), name
    assert merged.name == built.name


def test_an_article_in_two_segments_counts_once(texts: Texts) -> None:
    names = list(texts)
    twice = BM25Index([segment_of(texts, names), segment_of(texts, names[:9])], names)
    assert scores(twice) == scores(BM25Index([segment_of(texts, names)], names))


def test_a_saved_segment_is_the_same(texts: Texts, tmp_path: Path) -> None:
    built = segment_of(texts, list(texts))
    built.save(tmp_path / "keywords-1")
    saved = Segment.load(tmp_path / "keywords-1")
    assert scores(BM25Index([saved])) == scores(BM25Index([built]))
    assert saved.name == built.name
    assert list(saved.terms()) == sorted(
        {term.encode() for rows in texts.values() for _, text in rows for term in terms(text)}
    )
    assert [path.name for path in tmp_path.iterdir()] == ["keywords-1"]


@pytest.mark.parametrize("rows", [[], [("a:0-1", [])]], ids=["no text", "no word"])
def test_a_segment_without_words_can_be_saved_and_merged(rows: list[tuple[str, list[str]]], tmp_path: Path) -> None:
    Segment.of(rows, ["a"]).save(tmp_path / "keywords-1")
    index = BM25Index([Segment.load(tmp_path / "keywords-1")], ["a"])
    assert list(index.scores("zebra?")) == [0.0] * len(rows)
    assert list(BM25Index([Segment.merged(index.parts)], ["a"]).scores("zebra?")) == [0.0] * len(rows)


@pytest.mark.parametrize("name", Segment.__slots__)
def test_a_damaged_or_missing_file_is_an_error(name: str, texts: Texts, tmp_path: Path) -> None:
    segment_of(texts, list(texts)).save(tmp_path / "keywords-1")
    file = tmp_path / "keywords-1" / f"{name}.npy"
    whole = file.read_bytes()
    for damage in (b"", whole[: len(whole) // 2]):
        file.write_bytes(damage)
        with pytest.raises((OSError, ValueError)):
            Segment.load(tmp_path / "keywords-1")
    file.unlink()
    with pytest.raises(FileNotFoundError):
        Segment.load(tmp_path / "keywords-1")
