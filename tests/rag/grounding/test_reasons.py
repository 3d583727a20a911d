"""The reasons why a sentence is not confirmed can be taken apart again, so that the page can translate them."""

from __future__ import annotations

import re

import pytest

from rag.grounding.reasons import NOT_MENTIONED, OTHER_WORD, REASONS, parse_reason, reason


@pytest.mark.parametrize("template", REASONS)
def test_a_reason_leads_back_to_its_template_and_its_words(template: str) -> None:
    words = {name: f"98 {name} mm" for name in re.findall(r"\{(\w+)\}", template)}
    assert parse_reason(reason(template, **words)) == (template, words)


@pytest.mark.parametrize(
    "text", ["", "Something else.", "The cited passage does not mention .", "The passage says 5.", "{word}"]
)
def test_any_other_text_is_left_as_it_is(text: str) -> None:
    assert parse_reason(text) == (text, {})


def test_a_word_with_braces_is_a_word() -> None:
    assert parse_reason(reason(NOT_MENTIONED, word="{old}")) == (NOT_MENTIONED, {"word": "{old}"})


def test_a_long_word_is_cut_and_on_one_line() -> None:
    said = reason(OTHER_WORD, old="one\ntwo", word="x" * 500)
    assert said.startswith("The passage says one two, not xxx")
    assert len(said) < 120
