"""Compare an answer with the accepted answers: SQuAD's measures, their variants for Chinese, and similarity. Pure."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

from index import FloatArray, with_plain_forms

Encode = Callable[[Sequence[str]], FloatArray]
"""A function that turns texts into unit vectors, shape `(len(texts), dimension)`, such as `Encoder.passages`."""

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_ARTICLE_WORDS = frozenset({"a", "an", "the"})
_CHINESE = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_CHINESE_CHARACTER = re.compile(f"[{_CHINESE}]")
_WORD = re.compile(rf"[{_CHINESE}]|\d+(?:\.\d+)+|(?:(?![{_CHINESE}])[^\W_])+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


@lru_cache(maxsize=256)  # each answer is compared with several others, by several measures
def normalise(text: str) -> str:
    """Return the text in lower case, without ASCII punctuation and English articles, with single spaces.

    Source: `normalize_answer` of the SQuAD evaluation script (Rajpurkar et al. 2016, section 6.1; script 2.0, 2018).
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, gold: str) -> float:
    """Return 1 if both are equal after `normalise`, even if both are empty, else 0. Source: see `normalise`."""
    return float(normalise(answer) == normalise(gold))


def token_f1(answer: str, gold: str) -> float:
    """Return F1 over the bags of words; if one side is empty, return 1 if both are empty, else 0.

    Source: `compute_f1` of the SQuAD 2.0 evaluation script (Rajpurkar et al. 2018), with its rule for empty answers.
    """
    return _bag_f1(normalise(answer).split(), normalise(gold).split())


def character_f1(answer: str, gold: str) -> float:
    """Return `token_f1` for Chinese: every Chinese character is a token, and so is every other word or number.

    Source: the mixed segmentation for Chinese in the MLQA evaluation script (Lewis et al. 2020).
    """
    return _bag_f1(words(answer), words(gold))


def answer_f1(answer: str, gold: str) -> float:
    """Return `character_f1` if the gold answer contains a Chinese character, else `token_f1`."""
    return (character_f1 if _CHINESE_CHARACTER.search(gold) else token_f1)(answer, gold)


def best(measure: Callable[[str, str], float], answer: str, golds: Sequence[str]) -> float:
    """Return the highest value of the measure for any gold answer; without gold answers, the empty answer is right.

    Source: the maximum over ground truths in the SQuAD evaluation script.
    """
    return max(measure(answer, gold) for gold in golds or ("",))


def scorable(golds: Sequence[str]) -> list[str]:
    """Return the gold answers that are not empty after `normalise`; if all are, the empty answer is right.

    Source: the SQuAD 2.0 evaluation script, which scores exact match and F1 only against these answers.
    """
    return [gold for gold in golds if normalise(gold)] or [""]


def similarity(answer: str, golds: Sequence[str], encode: Encode) -> float:
    """Return the cosine between the answer and the nearest gold answer; 0 if it is negative, or if the answer is empty.

    Source: SAS, semantic answer similarity (Risch et al. 2021), in its bi-encoder form.
    """
    if not answer.strip() or not golds:
        return 0.0
    vectors = encode([answer, *golds])
    return min(1.0, max(0.0, float((vectors[1:] @ vectors[0]).max())))


def words(text: str) -> list[str]:
    """Return the words, numbers and single Chinese characters in a text, with uniform spelling.

    `1,677` becomes `1677`, `’` and `'` both split a word, full-width forms become half-width, and upper case becomes
    lower case.
    """
    return list(_words(text))


@lru_cache(maxsize=256)
def _words(text: str) -> tuple[str, ...]:
    folded = with_plain_forms(text).casefold()
    return tuple(_WORD.findall(_THOUSANDS.sub("", folded)))


def contains_answer(text: str, golds: Sequence[str]) -> bool:
    """Return whether the text contains a gold answer word for word, ignoring articles; `10` is not in `2010`."""
    said = words(text)
    return any(_contains(said, words(gold)) for gold in golds)


def _contains(said: list[str], gold: list[str]) -> bool:
    if bare := [
        word for word in gold if word not in _ARTICLE_WORDS
    ]:  # otherwise the gold answer is "A", and the article counts
        said, gold = [word for word in said if word not in _ARTICLE_WORDS], bare
    size = len(gold)
    return size > 0 and any(said[at : at + size] == gold for at in range(len(said) - size + 1))


def _bag_f1(answer: list[str], gold: list[str]) -> float:
    if not answer or not gold:
        return float(answer == gold)
    shared = (Counter(answer) & Counter(gold)).total()
    # 2PR/(P+R) with P = shared/len(answer) and R = shared/len(gold), without the division by zero.
    return 2 * shared / (len(answer) + len(gold))
