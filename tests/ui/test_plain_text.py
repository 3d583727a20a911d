"""Answers in a terminal."""

from __future__ import annotations

from rag import Answer, Sentence
from ui.plain_text import as_text


def test_a_terminal_obeys_no_escape_sequence_of_an_article() -> None:
    text = as_text(Answer("Who?", "It was \x1b]52;c;ZXZpbA==\x07Ann.\r\nShe left.\t", done=True))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "Ann." in text
    assert "\nShe left." in text


def test_no_character_of_an_article_reverses_the_rest_of_a_line() -> None:
    assert "\u202e" not in as_text(Answer("Who?", "It cost \u202e001 euros.", done=True))


def test_a_sentence_that_is_not_confirmed_says_why() -> None:
    reason = "The cited passage does not mention 900."
    sentences = (
        Sentence(0, 13, "It cost 900.", (), (), "unsupported", reason=reason),
        Sentence(13, 22, "It rose.", (), (), "supported"),
    )
    text = as_text(Answer("How much?", "It cost 900. It rose.", sentences=sentences, done=True))
    assert f"(not confirmed: “It cost 900.” {reason})" in text
    assert text.count("“It rose.”") == 0


def test_a_sentence_that_the_article_contradicts_is_called_so() -> None:
    reason = "The passage says 800, not 900."
    sentences = (Sentence(0, 12, "It cost 900.", (), (), "unsupported", reason=reason),)
    text = as_text(Answer("How much?", "It cost 900.", sentences=sentences, done=True))
    assert f"(contradicted: “It cost 900.” {reason})" in text
