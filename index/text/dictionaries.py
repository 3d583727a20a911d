"""Look up words in the word lists of pyspellchecker, which need no download."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from .sentence_rules import ENGLISH


def is_word(word: str, language: str | None) -> bool:
    """Return whether a word is in the word list of English, or of another language (an ISO 639-1 code).

    Upper and lower case are the same. The lists have 50,000 to 360,000 words, many inflected forms, and some names.
    """
    return word in _words(ENGLISH) or (language not in (None, ENGLISH) and word in _words(str(language)))


@lru_cache(maxsize=4)
def _words(language: str) -> Any:
    """Return the word list of a language, which is empty if the library does not have one."""
    from spellchecker import SpellChecker

    try:
        return SpellChecker(language=language)
    except ValueError:
        return ()
