"""Keyword search in English and Chinese."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from index import terms, with_plain_forms
from index.retrieval import bm25
from index.retrieval.bm25 import BM25Index


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The dogs were running", ["dog", "run"]),
        ("China’s 1,677 members", ["china", "1,677", "member"]),
        ("Gen-2 rose 3.5%", ["gen", "2", "rose", "3.5"]),
        ("中国首都", ["中", "国", "首", "都", "中国", "国首", "首都"]),
        ("用AI了", ["用", "ai", "了"]),
        ("what is the", []),
        ("", []),
    ],
)
def test_terms_are_stems_numbers_and_chinese_characters(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize(
    "text", ["ﬁne １２ e\u0301te\u0301", "한국\u1112\u1161\u11ab ", "\u00a8\u2003 \u0301a\u0301\n"]
)
def test_a_long_text_has_the_same_plain_forms_as_its_words(text: str) -> None:
    assert with_plain_forms(text * 1000) == unicodedata.normalize("NFKC", text * 1000)


def test_no_long_text_is_normalized_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python would need quadratic time for very many accents on one letter, and nothing else could run meanwhile."""
    lengths: list[int] = []

    def normalize(_: str, text: str) -> str:
        lengths.append(len(text))
        return text

    monkeypatch.setattr(bm25.unicodedata, "normalize", normalize)
    assert with_plain_forms("a" + "\u0315\u0316" * 50_000)
    assert max(lengths) == 1000


def test_a_two_character_chinese_word_is_found_inside_a_run() -> None:
    scores = BM25Index.of([("a", "我们去北京看长城"), ("b", "上海的天气很好")]).scores("北京")
    assert scores[0] > 0
    assert scores[1] == 0


def test_a_question_without_a_known_word_scores_nothing() -> None:
    assert list(BM25Index.of([("a", "a text about dogs")]).scores("zebra?")) == [0.0]
    assert list(BM25Index.of([]).scores("zebra?")) == []
    assert list(BM25Index.of([("a", "the of and")]).scores("zebra?")) == [0.0]


def test_accents_on_latin_letters_make_no_difference_and_other_scripts_keep_their_marks() -> None:
    assert terms("Beauséjour, Maizière, Łódź") == terms("Beausejour, Maiziere, Łodz")
    assert "が" in terms("がか")


def test_a_table_that_was_kept_scores_as_it_did(tmp_path: Path) -> None:
    made = BM25Index.of([("b", "A text about dogs and cats"), ("a", "The cats of Oslo"), ("c", "")])
    made.save(tmp_path / "keywords")
    kept = BM25Index.load(tmp_path / "keywords")
    assert list(kept.ids) == [b"a", b"b", b"c"]
    assert np.array_equal(kept.scores("Oslo cats?"), made.scores("Oslo cats?"))
    assert kept.scores("Oslo cats?").argmax() == 0
    assert [kept.rarity(word) for word in ("cat", "oslo", "zebra")] == [
        made.rarity(word) for word in ("cat", "oslo", "zebra")
    ]
    assert kept.rarity("cat") < kept.rarity("oslo") < kept.rarity("zebra")


@pytest.mark.parametrize("texts", [[], [("a", "the of and")]], ids=["no text", "no word"])
def test_a_table_without_words_can_be_kept_too(texts: list[tuple[str, str]], tmp_path: Path) -> None:
    BM25Index.of(texts).save(tmp_path / "keywords")
    assert list(BM25Index.load(tmp_path / "keywords").scores("zebra?")) == [0.0] * len(texts)


def test_half_a_table_is_none(tmp_path: Path) -> None:
    BM25Index.of([("a", "A text about dogs")]).save(tmp_path / "keywords")
    (tmp_path / "keywords" / "ids.npy").write_bytes(b"")
    with pytest.raises((OSError, ValueError)):
        BM25Index.load(tmp_path / "keywords")
    with pytest.raises(OSError, match="keywords-none"):
        BM25Index.load(tmp_path / "keywords-none")
