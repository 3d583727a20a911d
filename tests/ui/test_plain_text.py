"""Answers in a terminal."""

from __future__ import annotations

from rag import Answer
from ui.plain_text import as_text


def test_a_terminal_obeys_no_escape_sequence_of_an_article() -> None:
    text = as_text(Answer("Who?", "It was \x1b]52;c;ZXZpbA==\x07Ann.\r\nShe left.\t", done=True))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "Ann." in text
    assert "\nShe left." in text
