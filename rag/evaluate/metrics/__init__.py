"""The functions behind the measures, in one place for whoever measures something else with them."""

from __future__ import annotations

from .abstention import RiskPoint, aurc, aurc_interval, auroc, auroc_interval, risk_coverage
from .overlap import ArticleSpan, CitationQuality, citation_quality, is_exact_quote, overlaps_within
from .ranking import context_precision, hit, ndcg, recall, reciprocal_rank
from .statistics import bootstrap_interval, constant_interval, interval, quantile, quantile_interval
from .text import (
    answer_f1,
    best,
    character_f1,
    contains_answer,
    exact_match,
    normalise,
    scorable,
    similarity,
    token_f1,
    words,
)

__all__ = [
    "ArticleSpan",
    "CitationQuality",
    "RiskPoint",
    "answer_f1",
    "aurc",
    "aurc_interval",
    "auroc",
    "auroc_interval",
    "best",
    "bootstrap_interval",
    "character_f1",
    "citation_quality",
    "constant_interval",
    "contains_answer",
    "context_precision",
    "exact_match",
    "hit",
    "interval",
    "is_exact_quote",
    "ndcg",
    "normalise",
    "overlaps_within",
    "quantile",
    "quantile_interval",
    "recall",
    "reciprocal_rank",
    "risk_coverage",
    "scorable",
    "similarity",
    "token_f1",
    "words",
]
