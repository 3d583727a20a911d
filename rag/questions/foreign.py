"""Recognize questions in other words than the articles' own: in another language, or misspelt."""

from __future__ import annotations

from index import SearchResult

_KNOWN = 0.5  # minimum share of a question's terms that occur in the articles


def is_foreign(found: SearchResult) -> bool:
    """Return whether fewer than half of the question's terms occur in any article.

    Such a question is usually in another language than the articles, or misspelt. This needs no list of languages.
    """
    terms = found.question.terms
    return sum(map(found.bm25.contains, terms)) < _KNOWN * len(terms)
