"""Evaluation against a test set: offline and repeatable, with an interval for every share.

    report = evaluate(assistant, read_cases("questions.jsonl"))
    print(as_table(report))

Each question has one result; a failed answer counts as wrong. Figures have 95% intervals, because a test set is a
sample; two runs are compared question by question.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .agreement import Agreement, Judgement, JudgeVerdict, as_agreement
from .checkpoint import Checkpoint, run_fingerprint, write_atomically
from .compare import Comparison, Difference, Flip, compare
from .judge import Judge, judge_results, open_judge
from .metrics.abstention import RiskPoint
from .metrics.base import AnyMeasure, Estimate, Latency, Measure, RunMeasure, latencies, token_counts
from .metrics.registry import AURC, AUROC, MEASURES, RUN_MEASURES, SUMMARY, find_measure, risk_curve, summarize
from .remote import RemoteAssistant, ServerError
from .reply import AnswerSentence, ArticleSpan, CitedSpan, Reply
from .report import as_comparison, as_misses, as_table, from_json, result_from_json, result_to_json, to_json
from .result import CaseResult, Cost, Report
from .runner import evaluate, iter_results, score, versions
from .testset.cases import Case, Evidence
from .testset.evidence import resolve
from .testset.loader import TestSet, read_cases, read_test_set
from .testset.problems import Problem
from .testset.writer import add_case, case_from_answer, write_cases
from .thresholds import Threshold, missed_thresholds, parse_thresholds

if TYPE_CHECKING:
    from .drafting.draft import draft_cases
    from .testset.importers import FORMATS, Context, Imported, import_ragas, import_squad

__all__ = [
    "AURC",
    "AUROC",
    "FORMATS",
    "MEASURES",
    "RUN_MEASURES",
    "SUMMARY",
    "Agreement",
    "AnswerSentence",
    "AnyMeasure",
    "ArticleSpan",
    "Case",
    "CaseResult",
    "Checkpoint",
    "CitedSpan",
    "Comparison",
    "Context",
    "Cost",
    "Difference",
    "Estimate",
    "Evidence",
    "Flip",
    "Imported",
    "Judge",
    "JudgeVerdict",
    "Judgement",
    "Latency",
    "Measure",
    "Problem",
    "RemoteAssistant",
    "Reply",
    "Report",
    "RiskPoint",
    "RunMeasure",
    "ServerError",
    "TestSet",
    "Threshold",
    "add_case",
    "as_agreement",
    "as_comparison",
    "as_misses",
    "as_table",
    "case_from_answer",
    "compare",
    "draft_cases",
    "evaluate",
    "find_measure",
    "from_json",
    "import_ragas",
    "import_squad",
    "iter_results",
    "judge_results",
    "latencies",
    "missed_thresholds",
    "open_judge",
    "parse_thresholds",
    "read_cases",
    "read_test_set",
    "resolve",
    "result_from_json",
    "result_to_json",
    "risk_curve",
    "run_fingerprint",
    "score",
    "summarize",
    "to_json",
    "token_counts",
    "versions",
    "write_atomically",
    "write_cases",
]

_IMPORTERS = ("FORMATS", "Context", "Imported", "import_ragas", "import_squad")
_LOADED_AT_FIRST_USE = {"draft_cases": ".drafting.draft", **dict.fromkeys(_IMPORTERS, ".testset.importers")}
"""Names of modules that take longer to import than the others together, and that a question does not need."""


def __getattr__(name: str) -> Any:
    """Import the module of a name that is used for the first time."""
    if name not in _LOADED_AT_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LOADED_AT_FIRST_USE[name], __name__), name)
