"""Evaluation against a test set: offline, repeatable, every share with an interval.

    report = evaluate(assistant, read_cases("questions.jsonl"))
    print(as_table(report))

One row a question; a failed answer is a row that counts as wrong. Numbers come with 95% intervals, because a test set
is a sample; two runs are compared question by question.
"""

from .additions import add_case, case_of
from .cases import Case, Evidence, read_cases
from .compare import Comparison, Difference, Flip, compare
from .reply import Reply
from .report import as_misses, as_table, from_json, to_json
from .rows import Measure, Report, Row
from .run import evaluate, score, versions

__all__ = [
    "Case",
    "Comparison",
    "Difference",
    "Evidence",
    "Flip",
    "Measure",
    "Reply",
    "Report",
    "Row",
    "add_case",
    "as_misses",
    "as_table",
    "case_of",
    "compare",
    "evaluate",
    "from_json",
    "read_cases",
    "score",
    "to_json",
    "versions",
]
