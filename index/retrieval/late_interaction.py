"""Late interaction: compare each question token with each passage token. Pure.

A single vector for a whole passage represents individual words poorly. Late interaction adds up the best match for each
question token ("MaxSim", as in ColBERT, Khattab and Zaharia 2020, https://arxiv.org/abs/2004.12832). It uses token
vectors from the model that encoded the passages.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from ..embedding.base import Encoding, FloatArray
from ..text.lexicon import CJK, STOP_WORDS
from .bm25 import BM25Index, terms

_CJK = re.compile(f"[{CJK}]")
_LETTER_NOT_LATIN = re.compile(r"[^\W\d_\u0000-\u024f\u1e00-\u1eff]")

_LEAST_WEIGHT = 1.0
_LONGEST_WORD = 100  # characters before and after a token
"""Weight of a stop word, and the minimum weight of other words, whose rarity ranges from 0 to about 6. The contextual
vector of a word such as "who" encodes the whole question, so dropping these tokens costs 2 to 3 points (right document,
SQuAD 2). In a small collection, words about the collection's topic have a rarity near 0."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its token vectors and weights.

    `tokens` contains one unit row per token, shape `(tokens, dimension)`; `weights` are the token weights, which sum to
    1; `content` marks the tokens in content words. `terms` are the BM25 terms. `readable` is False for a script that an
    English model does not know: BM25 alone then determines the ranking.
    """

    text: str
    vector: FloatArray
    tokens: FloatArray
    weights: FloatArray
    content: np.typing.NDArray[np.bool_]
    terms: tuple[str, ...]
    readable: bool


def read_question(text: str, encoding: Encoding, bm25: BM25Index) -> Question:
    """Return the question with token weights: the word's rarity, divided by the square root of its token count."""
    words = [_word_around(text, start, end) for start, end in encoding.offsets]
    pieces = Counter(words)
    weights = np.array([_weight(text[start:end], bm25) / pieces[start, end] ** 0.5 for start, end in words])
    content = np.array([_is_content(text[start:end]) for start, end in words], dtype=bool)
    return Question(
        text=text,
        vector=encoding.vector,
        tokens=encoding.tokens,
        weights=np.asarray(weights / max(weights.sum(), 1e-9), dtype=np.float32),
        content=content if content.any() else np.ones(len(words), dtype=bool),
        terms=tuple(dict.fromkeys(terms(text))),
        readable=is_readable(text),
    )


def max_similarity(question: Question, similarities: FloatArray) -> float:
    """Return the weighted mean, from -1 to 1, of each question token's best cosine with a passage token."""
    return float(question.weights @ similarities.max(axis=1)) if similarities.shape[1] else 0.0


def _word_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the offsets of the word that contains a token, or of the token itself if it is punctuation.

    A word extends at most `_LONGEST_WORD` characters before and after the token: Chinese has no spaces between words.
    """
    if not any(character.isalnum() for character in text[start:end]):
        return start, end
    first, last = start - _LONGEST_WORD, end + _LONGEST_WORD
    while start > max(first, 0) and text[start - 1].isalnum():
        start -= 1
    while end < min(last, len(text)) and text[end].isalnum():
        end += 1
    return start, end


def _weight(word: str, bm25: BM25Index) -> float:
    if not any(character.isalnum() for character in word):
        return 0.0
    return max([_LEAST_WEIGHT, *(bm25.rarity(term) for term in terms(word))])


def _is_content(word: str) -> bool:
    return any(character.isalnum() for character in word) and word.lower() not in STOP_WORDS


def is_readable(text: str) -> bool:
    """Return whether at least two thirds of a text's letters are in a script that an English model knows.

    A Chinese, Japanese or Korean character counts as three letters.
    """
    letters = [character for character in text if character.isalpha()]
    unknown = sum(3 if _CJK.match(letter) else 1 for letter in letters if _LETTER_NOT_LATIN.match(letter))
    known = sum(not _LETTER_NOT_LATIN.match(letter) for letter in letters)
    return unknown * 2 <= known
