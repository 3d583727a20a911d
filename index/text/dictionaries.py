"""Look up words in the word lists of pyspellchecker, which need no download."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from .languages import likely_language

_ENGLISH = "en"


def is_word(word: str, text: str) -> bool:
    """Return whether a word is in the word list of English, or of the language in which `text` probably is.

    Upper and lower case are the same. A list has 30,000 to 360,000 words in their inflected forms, and some names.
    """
    if word in _words(_ENGLISH):
        return True
    language = likely_language(text)
    return language is not None and language != _ENGLISH and word in _words(language)


@lru_cache(maxsize=4)
def _words(language: str) -> Any:
    """Return the words of a language; none if there is no list."""
    from spellchecker import SpellChecker

    try:
        return SpellChecker(language=language)
    except ValueError:
        return ()
