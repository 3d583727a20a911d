"""Detect the language of a text with py3langid, a naive Bayes classifier of 139 languages that needs no download."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

from .sentence_rules import ENGLISH, has_rules

logger = logging.getLogger(__name__)

_UNDETERMINED = "und"
_SURE = 0.8  # minimum probability of a detected language
_LIKELY = 0.5  # the same, if the other languages with rules are improbable, or for a text that is still being written
_DISTINCT = 0.95
"""Minimum share of such a language in the probabilities of the languages with rules: relatives without rules take from
it, such as Galician from Spanish. No sentence of 4,834 in English development articles is detected as another one."""
_IMPLAUSIBLE = 0.01  # maximum probability of a declared language that is replaced by a detected one
_FEWEST_LETTERS = 100  # minimum number of letters of a text whose declared language may be replaced
_WRITTEN_AS_CHINESE = ("wuu", "yue")
_SAMPLE = 1000  # number of characters that are read at the beginning, in the middle and at the end


def language_of(text: str, declared: str | None = None) -> str | None:
    """Return the ISO 639-1 code of the language of an article; None if it is neither declared nor clear.

    The declared language counts unless the text is clearly in another one: many templates declare English.
    """
    ranking = _ranking(text)
    detected = _first_sure(ranking)
    if declared is None or detected is None:
        return declared or detected
    is_replaced = ranking.get(declared, 1.0) < _IMPLAUSIBLE and sum(map(str.isalpha, text)) >= _FEWEST_LETTERS
    return detected if is_replaced else declared


def likely_language(text: str) -> str | None:
    """Return the language in which a text of a few words probably is; None if that is not clear yet."""
    ranking = _ranking(text)
    if sure := _first_sure(ranking):
        return sure
    candidates = _with_rules(ranking)
    if not candidates:
        return None
    best = max(candidates, key=candidates.__getitem__)
    is_likely = candidates[best] >= _LIKELY * sum(candidates.values())
    return best if is_likely or best == ENGLISH else None


def _first_sure(ranking: dict[str, float]) -> str | None:
    """Return the first language of a ranking if it is sure and has an ISO 639-1 code."""
    code, probability = next(iter(ranking.items()))
    is_distinct = has_rules(code) and probability >= _DISTINCT * sum(_with_rules(ranking).values())
    is_sure = probability >= _SURE or (probability >= _LIKELY and is_distinct)
    return code if is_sure and len(code) == 2 else None


def _with_rules(ranking: dict[str, float]) -> dict[str, float]:
    return {code: probability for code, probability in ranking.items() if has_rules(code)}


def _ranking(text: str) -> dict[str, float]:
    """Return the probability of each language, the highest first; only "und" (undetermined) without a model."""
    if len(text) > 3 * _SAMPLE:
        middle = len(text) // 2
        text = "\n".join((text[:_SAMPLE], text[middle : middle + _SAMPLE], text[-_SAMPLE:]))
    identifier = _identifier()
    if identifier is None:
        return {_UNDETERMINED: 1.0}
    ranking = dict(identifier.rank(text))
    for dialect in _WRITTEN_AS_CHINESE:
        ranking["zh"] += ranking.pop(dialect)
    return dict(sorted(ranking.items(), key=lambda item: -item[1]))


@lru_cache(maxsize=1)
def _identifier() -> Any:
    """Return the model; None if it cannot be unpacked, which takes 40 MB in the folder for temporary files."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    try:
        return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    except OSError as error:
        logger.warning("Cannot detect the languages of articles: %s", error)
        return None
