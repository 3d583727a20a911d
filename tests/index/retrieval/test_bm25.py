"""Keyword search in English and Chinese."""

from __future__ import annotations

import math
import unicodedata

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


def test_a_word_is_rarer_the_fewer_texts_it_is_in() -> None:
    index = BM25Index.of([("b", "A text about dogs and cats"), ("a", "The cats of Oslo"), ("c", "")])
    assert list(index.ids) == [b"a", b"b", b"c"]
    assert index.scores("Oslo cats?").argmax() == 0
    assert index.rarity("cat") < index.rarity("oslo") < index.rarity("zebra")
    assert index.contains("oslo")
    assert not index.contains("zebra")
    assert index.first_text("cat") == "a"
    assert index.first_text("zebra") is None
    assert sorted(index.terms_like("c", 2, 5)) == ["cat"]
    assert index.terms_like("c", 4, 5) == []


def test_a_score_is_that_of_the_formula() -> None:
    """Two of three texts have the word, one of them twice; texts have 3, 2 and 1 terms, so the mean is 2."""
    index = BM25Index.of([("a", "owl owl barn"), ("b", "owl mouse"), ("c", "fox")])
    rarity = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    first = rarity * 2 / (2 + 1.2 * (1 - 0.5 + 0.5 * 3 / 2))
    second = rarity * 1 / (1 + 1.2 * (1 - 0.5 + 0.5 * 2 / 2))
    assert index.scores("owl").tolist() == pytest.approx([first, second, 0.0])
