"""Overviews without an LLM: the most central sentences of an article, quoted in reading order. Pure.

The centrality of a sentence is that of LexRank (Erkan and Radev 2004, https://arxiv.org/abs/1109.2128): the PageRank of
the sentences, linked by the cosine of their vectors. The sentences are chosen one by one, so that each adds something
(maximal marginal relevance, Carbonell and Goldstein 1998, https://doi.org/10.1145/290941.291025).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from index import FloatArray

from ..questions.request import Request
from ..reading.document import Line, statements

FEWEST, MOST = 3, 6
"""The number of sentences in an overview."""

_SENTENCES_EACH = 8  # an overview has one sentence for so many in the article
_DAMPING, _ROUNDS = 0.85, 30
_SAME = 0.25  # cosines below this share of the highest do not link sentences
_NOVELTY = 0.45  # weight of the similarity with sentences that were chosen already
_LEDE, _EARLY = 0.35, 0.15  # bonus for the first statement, and for the opening fifth of the article
_OPENING = 3  # statements, of which one is the overview of an article in a single sentence
_FEW_WORDS, _MANY_WORDS = 8, 60
_DEPENDENT = re.compile(
    r"\W*(?:But|And|So|Or|Yet|However|Still|Instead|Also|Then|Such|Both|Meanwhile|"
    r"He|She|It|They|This|That|These|Those|His|Her|Their|Its)\b"
)
_LINKED = re.compile(r"[^.]{0,250}, (?:he|she|they) \w")  # "…, she added"
_PENALTY = 0.2  # for a sentence that cannot be understood alone, or that is very short or very long
_QUOTE = re.compile(r"\W{0,2}[“\"„«「]")


def overview(rows: Sequence[Line], towards: FloatArray | None = None, most: int | None = None) -> list[Line]:
    """Return the most central statements of an article, in reading order; its opening statement counts more.

    `towards` is the vector of a topic: sentences about it are preferred. `most` limits their number.
    """
    said = [row for row in statements(rows) if not row.text.rstrip().endswith((":", "："))]
    said = [row for row in said if not row.is_row] or said  # a table is not an overview of the text around it
    if not said:
        return []
    if most == 1:
        return [next((row for row in said[:_OPENING] if _bonus(row, 1, 1) >= 0), said[0])]
    count = most or max(FEWEST, min(MOST, len(said) // _SENTENCES_EACH))
    vectors = np.stack([row.vector for row in said])
    cosines = vectors @ vectors.T
    bonuses = np.array([_bonus(row, i, len(said)) for i, row in enumerate(said)], dtype=np.float32)
    scores: FloatArray = np.add(_centrality(cosines), bonuses, dtype=np.float32)
    if towards is not None:
        scores = np.add(0.3 * scores, _scaled(vectors @ towards), dtype=np.float32)
        return _best(said, scores, cosines, [list(range(len(said)))] * min(count, len(said)))
    # One sentence for each part of the article, because writers of news put background and outlook at its end.
    parts = np.array_split(np.arange(len(said)), min(count, len(said)))
    return _best(said, scores, cosines, [part.tolist() for part in parts])


def _best(said: Sequence[Line], scores: FloatArray, cosines: FloatArray, parts: Sequence[Sequence[int]]) -> list[Line]:
    """Return the best sentence of each part, each different from the others, in reading order."""
    chosen: list[int] = []
    for part in parts:
        overlap = cosines[:, chosen].max(axis=1) if chosen else np.zeros(len(said), dtype=np.float32)
        value = scores - _NOVELTY * overlap
        left = [i for i in part if i not in chosen]
        if left:
            chosen.append(max(left, key=value.__getitem__))
    return [said[i] for i in sorted(chosen)]


def _centrality(cosines: FloatArray) -> FloatArray:
    """Return the PageRank of sentences with these cosines, scaled to at most 1."""
    links = np.maximum(cosines, 0)
    np.fill_diagonal(links, 0)
    links[links < _SAME * links.max(initial=0.0)] = 0
    sums = links.sum(axis=1, keepdims=True)
    steps = np.divide(links, sums, out=np.full_like(links, 1 / len(links)), where=sums > 0)
    rank: FloatArray = np.full(len(links), 1 / len(links), dtype=np.float32)
    for _ in range(_ROUNDS):
        rank = np.add((1 - _DAMPING) / len(links), _DAMPING * steps.T @ rank, dtype=np.float32)
    return _scaled(rank)


def _scaled(values: FloatArray) -> FloatArray:
    low, high = float(values.min()), float(values.max())
    return np.asarray((values - low) / max(high - low, 1e-9), dtype=np.float32)


def _bonus(row: Line, at: int, count: int) -> float:
    words = len(row.text.split()) if " " in row.text else len(row.text) // 2
    bonus = _LEDE if at == 0 else _EARLY if at < count / 5 else 0.0
    if _LINKED.match(row.text):
        bonus -= _PENALTY / 2
    if _DEPENDENT.match(row.text) or _QUOTE.match(row.text):
        bonus -= _PENALTY
    if words < _FEW_WORDS or words > _MANY_WORDS:
        bonus -= _PENALTY
    return bonus


def head_of_some(request: Request, head: str, read: int, known: int, *, is_chinese: bool) -> str:
    """Return the first line of an overview or a list for which not all known articles were read."""
    if request.kind == "overview":
        return f"{known} 篇文章中最新的 {read} 篇：" if is_chinese else f"The newest {read} of {known} articles:"
    if request.kind == "list":
        some = f"（{known} 篇文章中的 {read} 篇）：" if is_chinese else f" in {read} of {known} articles:"
        return head.rstrip(":：") + some
    return head
