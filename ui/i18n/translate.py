"""The words of the page, in English and in Chinese. The English sentence is the key, so code reads as the page does."""

from __future__ import annotations

from collections.abc import Callable

from .chinese import CHINESE

Say = Callable[[str], str]
"""Gives the words of the page in the reader's language: `say("Sources")`. What stands in braces is filled in after:
`say("{count} passages").format(count=3)`."""


def english(words: str) -> str:
    """The words as they are."""
    return words


def chinese(words: str) -> str:
    """The words in Chinese; those that nobody has translated stay English."""
    return CHINESE.get(words, words)


def words_for(accepted: str) -> Say:
    """The words for a reader whose browser sends `accepted` as its `Accept-Language`: its first language decides."""
    first = accepted.partition(",")[0].partition(";")[0].strip().lower()
    return chinese if first == "zh" or first.startswith("zh-") else english
