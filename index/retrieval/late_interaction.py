"""Late interaction: each token of a question looks for its like among the tokens of a passage.

One vector for a whole passage blurs what a single word asks for. Here the question's tokens are compared with the
passage's one by one and the best match of each counts ("MaxSim", as in ColBERT, Khattab and Zaharia 2020,
https://arxiv.org/abs/2004.12832), with the token vectors of the same model that made the passage vectors. Pure.
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
"""Weight of a stop word, beside 0 to about 6 for the rarity of others, and the least weight of those: the vector of
"who" carries the whole question's meaning, so leaving such tokens out costs 2 to 3 points (right document, SQuAD 2);
and in a small collection the words of its topic have a rarity near 0."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, looked at closely.

    `tokens` are unit rows, shape `(tokens, dimension)`; `weights` say how much each counts and sum to 1; `content`
    marks those of words that carry meaning. `terms` are the keywords.
    `readable` is False when the script is one that an English model does not know: keywords decide then.
    """

    text: str
    vector: FloatArray
    tokens: FloatArray
    weights: FloatArray
    content: np.typing.NDArray[np.bool_]
    terms: tuple[str, ...]
    readable: bool


def read_question(text: str, encoding: Encoding, keywords: BM25Index) -> Question:
    """Weigh the tokens of a question by the rarity of the words they belong to, shared among a word's pieces."""
    words = [_word_around(text, start, end) for start, end in encoding.offsets]
    pieces = Counter(words)
    weights = np.array([_weight(text[start:end], keywords) / pieces[start, end] ** 0.5 for start, end in words])
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
    """How well a passage answers to each token of the question, in -1..1, from the cosines of their tokens."""
    return float(question.weights @ similarities.max(axis=1)) if similarities.shape[1] else 0.0


def _word_around(text: str, start: int, end: int) -> tuple[int, int]:
    """The word that a token is a piece of; a mark stands for itself."""
    if not any(character.isalnum() for character in text[start:end]):
        return start, end
    while start > 0 and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return start, end


def _weight(word: str, keywords: BM25Index) -> float:
    if not any(character.isalnum() for character in word):
        return 0.0
    return max([_LEAST_WEIGHT, *(keywords.rarity(term) for term in terms(word))])


def _is_content(word: str) -> bool:
    return any(character.isalnum() for character in word) and word.lower() not in STOP_WORDS


def is_readable(text: str) -> bool:
    """False when more than a third of a text is in a script that an English model does not know; a character of Chinese
    says as much as three letters."""
    letters = [character for character in text if character.isalpha()]
    unknown = sum(3 if _CJK.match(letter) else 1 for letter in letters if _LETTER_NOT_LATIN.match(letter))
    known = sum(not _LETTER_NOT_LATIN.match(letter) for letter in letters)
    return unknown * 2 <= known
