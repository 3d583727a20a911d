"""Evaluation against a test set: offline, repeatable, every share with an interval.

    report = evaluate(assistant, read_cases("questions.jsonl"))
    print(as_table(report))

One row a question; a failed answer is a row that counts as wrong. Numbers come with 95% intervals, because a test set
is a sample; two runs are compared question by question.
"""

from .agreement import Agreement, Judgement, Verdict, as_agreement
from .checkpoint import Checkpoint, stamp_of, write_whole
from .compare import Comparison, Difference, Flip, compare
from .drafting.draft import draft_cases
from .judge import Judge, judge_rows, open_judge
from .metrics.abstention import RiskPoint
from .metrics.base import AnyMeasure, Estimate, Measure, RunMeasure
from .metrics.costs import Cost, Latency
from .metrics.overlap import Place
from .metrics.registry import AURC, AUROC, MEASURES, RUN_MEASURES, SUMMARY, estimates, named
from .remote import RemoteAssistant, ServerError
from .reply import AnswerSentence, CitedPlace, Reply
from .report import as_comparison, as_misses, as_table, from_json, row_from_json, row_to_json, to_json
from .result import Report, Row
from .runner import evaluate, rows_of, score, versions
from .testset.additions import add_case, case_of
from .testset.cases import Case, Evidence
from .testset.evidence import resolve
from .testset.importers import FORMATS, Context, Imported, import_ragas, import_squad
from .testset.loader import TestSet, read_cases, read_test_set
from .testset.problems import Problem
from .testset.writer import write_cases
from .thresholds import Threshold, marks, missed

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
    "Case",
    "Checkpoint",
    "CitedPlace",
    "Comparison",
    "Context",
    "Cost",
    "Difference",
    "Estimate",
    "Evidence",
    "Flip",
    "Imported",
    "Judge",
    "Judgement",
    "Latency",
    "Measure",
    "Place",
    "Problem",
    "RemoteAssistant",
    "Reply",
    "Report",
    "RiskPoint",
    "Row",
    "RunMeasure",
    "ServerError",
    "TestSet",
    "Threshold",
    "Verdict",
    "add_case",
    "as_agreement",
    "as_comparison",
    "as_misses",
    "as_table",
    "case_of",
    "compare",
    "draft_cases",
    "estimates",
    "evaluate",
    "from_json",
    "import_ragas",
    "import_squad",
    "judge_rows",
    "marks",
    "missed",
    "named",
    "open_judge",
    "read_cases",
    "read_test_set",
    "resolve",
    "row_from_json",
    "row_to_json",
    "rows_of",
    "score",
    "stamp_of",
    "to_json",
    "versions",
    "write_cases",
    "write_whole",
]
