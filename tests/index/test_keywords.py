"""Keyword search in English and Chinese."""

from __future__ import annotations

import pytest

from index import terms
from index.keywords import Keywords


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


def test_a_two_character_chinese_word_is_found_inside_a_run() -> None:
    scores = Keywords(["我们去北京看长城", "上海的天气很好"]).scores("北京")
    assert scores[0] > 0
    assert scores[1] == 0


def test_a_question_without_a_known_word_scores_nothing() -> None:
    assert list(Keywords(["a text about dogs"]).scores("zebra?")) == [0.0]
    assert list(Keywords([]).scores("zebra?")) == []
    assert list(Keywords(["the of and"]).scores("zebra?")) == [0.0]


def test_accents_on_latin_letters_make_no_difference_and_other_scripts_keep_their_marks() -> None:
    assert terms("Beauséjour, Maizière, Łódź") == terms("Beausejour, Maiziere, Łodz")
    assert "が" in terms("がか")
