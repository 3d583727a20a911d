"""Misspelt words of a question, matched with the words of the index.

A word that is in no article and in no dictionary is replaced by the most similar word of the articles: one edit away (a
letter inserted, deleted, replaced, or two exchanged), or two edits for a long word. Digits are never changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..text.dictionaries import is_word
from ..text.languages import likely_language
from ..text.sentence_rules import ENGLISH
from .bm25 import BM25Index, terms

_WORD = re.compile(r"[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ'’-]*[A-Za-zÀ-ɏ]")
_SHORTEST, _LONG = 5, 8  # letters; a shorter word may well be another word with one edit
_POSSESSIVE = ("'s", "’s")
_MOST_WORDS = 6  # number of unknown words that are looked up; a question with more is in another language
_FOREIGN = 1 / 3  # minimum share of unknown words in a question in another language than the articles


def misspelt(question: str, bm25: BM25Index) -> dict[str, str]:
    """Return the term of the index for each word of a question that is not in the index but resembles one that is."""
    unknown = list(dict.fromkeys(_unknown_words(question, bm25)))
    if not unknown or len(unknown) > _MOST_WORDS:
        return {}
    similar = {word: term for word in unknown if (term := _closest(word, bm25)) is not None}
    if not similar:
        return {}
    language = likely_language(question)
    if language not in (None, ENGLISH) and len(unknown) >= _FOREIGN * len(_WORD.findall(question)):
        return {}
    return {word: term for word, term in similar.items() if not is_word(_without_possessive(word), language)}


def surface_form(term: str, text: str) -> str | None:
    """Return the first word in a text that has this term, as it is written there."""
    return next((match[0] for match in _WORD.finditer(text) if terms(match[0]) == [term]), None)


def _without_possessive(word: str) -> str:
    return word[:-2] if word.endswith(_POSSESSIVE) else word


def _unknown_words(question: str, bm25: BM25Index) -> Iterator[str]:
    for match in _WORD.finditer(question):
        found = terms(match[0])
        if len(match[0]) >= _SHORTEST and len(found) == 1 and not bm25.contains(found[0]):
            yield match[0]


def _closest(word: str, bm25: BM25Index) -> str | None:
    """Return the term that is most similar to a word, and among equals the most frequent one."""
    from rapidfuzz.distance import OSA

    (wanted,) = terms(word)
    most = 2 if len(wanted) >= _LONG else 1
    best: tuple[int, float, str] | None = None
    for term in bm25.terms_like(wanted[0], len(wanted) - most, len(wanted) + most):
        distance = OSA.distance(wanted, term, score_cutoff=most)
        if distance <= most and (best is None or (distance, bm25.rarity(term)) < best[:2]):
            best = distance, bm25.rarity(term), term
    return best[2] if best else None
