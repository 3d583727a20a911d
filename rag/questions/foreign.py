"""Recognize questions in other words than the articles' own: in another language, or misspelt."""

from __future__ import annotations

from collections import Counter

from index import SearchResult, likely_language

_LANGUAGES = {
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "it": "Italian",
    "ja": "Japanese",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "sv": "Swedish",
    "zh": "Chinese",
}
_KNOWN = 0.5  # minimum share of a question's terms that occur in the articles


def is_foreign(found: SearchResult) -> bool:
    """Return whether fewer than half of the question's terms occur in any article.

    Such a question is usually in another language than the articles, or misspelt. This needs no list of languages.
    """
    terms = found.question.terms
    return sum(map(found.bm25.contains, terms)) < _KNOWN * len(terms)


def foreign_note(found: SearchResult) -> str:
    """Return a note for a question in another language than the articles, to which nothing was found; else ""."""
    languages = Counter(hit.language for hit in found.hits if hit.language)
    if not languages and not is_foreign(found):
        return ""
    code = languages.most_common(1)[0][0] if languages else "en"
    if likely_language(found.question.text) in (None, code):
        return ""
    named = _LANGUAGES.get(code, code)
    return (
        f"The articles are in {named}. To ask in another language, use a multilingual encoder or an LLM: see"
        " docs/how-it-works.md."
    )
