"""Measure the quality of a ranking, given its items' gains in order. Pure; `first=None` means the whole ranking."""

from __future__ import annotations

import math
from collections.abc import Sequence


def hit(gains: Sequence[float], first: int | None = None) -> float:
    """Return 1 if one of the first items is relevant, that is, has a gain above 0. Also known as success@k."""
    return float(any(gain > 0 for gain in gains[:first]))


def recall(gains: Sequence[float], total: float, first: int | None = None) -> float:
    """Return the share of all gains (`total`) that the first items contribute; 0 if no item is relevant."""
    return sum(gains[:first]) / total if total else 0.0


def reciprocal_rank(gains: Sequence[float]) -> float:
    """Return 1 / rank of the first relevant item, 0 without a relevant item. Its mean is MRR. Source: Voorhees 1999."""
    return next((1.0 / rank for rank, gain in enumerate(gains, start=1) if gain > 0), 0.0)


def ndcg(gains: Sequence[float], ideal: Sequence[float], first: int | None = None) -> float:
    """Return the discounted gains, each gain / log2(rank + 1), divided by those of the `ideal` gains in the best order.

    Source: Jarvelin & Kekalainen 2002, with the discount that trec_eval uses. Return 0 if all ideal gains are 0.
    """
    best = _discounted(sorted(ideal, reverse=True)[:first])
    return _discounted(gains[:first]) / best if best else 0.0


def context_precision(gains: Sequence[float], first: int | None = None) -> float:
    """Return the mean precision at the ranks of the relevant items among the first: 1 if all relevant items come first.

    Source: RAGAS (Es et al. 2024). This is average precision over the retrieved items: relevant items that were not
    retrieved do not lower the value.
    """
    precisions: list[float] = []
    for rank, gain in enumerate(gains[:first], start=1):
        if gain > 0:
            precisions.append((len(precisions) + 1) / rank)
    return sum(precisions) / len(precisions) if precisions else 0.0


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
