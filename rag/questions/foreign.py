"""Recognize questions in other words than the articles' own: in another language, or misspelt."""

from __future__ import annotations

import re
from collections import Counter

from index import SearchResult

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
_OTHER_LANGUAGE = re.compile(
    r"\b(?:qué|que|cuál|cuánt[oa]s?|quién|dónde|cómo|cuándo|por|los|las|una|est[áe]|wer|wie|was|wann|warum|welche[rs]?|ist|der|die"
    r"|das|und|nicht|qui|quoi|quel(?:le)?s?|combien|où|quand|pourquoi|comment|est|les|des|dans|chi|che|cosa|quant[oi]|dove"
    r"|quando|perché|sono|nel|della|quem|onde|quais|são|wie|het|een|van|zijn)\b",
    re.IGNORECASE,
)
_FEWEST = 2  # such words in a question, to count as another language

_KNOWN = 0.5  # minimum share of a question's terms that occur in the articles


def is_foreign(found: SearchResult) -> bool:
    """Return whether fewer than half of the question's terms occur in any article.

    Such a question is usually in another language than the articles, or misspelt. This needs no list of languages.
    """
    terms = found.question.terms
    return sum(map(found.bm25.contains, terms)) < _KNOWN * len(terms)


def foreign_note(found: SearchResult) -> str:
    """Return a note for a question in another language than the articles, to which nothing was found; else ""."""
    question = found.question
    words = len(_OTHER_LANGUAGE.findall(question.text))
    if not is_foreign(found) or (question.readable and words < _FEWEST):
        return ""
    languages = Counter(hit.language for hit in found.hits if hit.language)
    code = languages.most_common(1)[0][0] if languages else "en"
    named = _LANGUAGES.get(code, code)
    return (
        f"The articles are in {named}. To ask in another language, use a multilingual encoder or an LLM: see"
        " docs/how-it-works.md."
    )
