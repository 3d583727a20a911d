"""Marks that a build must reach."""

from __future__ import annotations

import pytest

from rag import SettingsError
from rag.evaluate import CaseResult, Report, missed_thresholds, parse_thresholds


def _report(*f1: float, false_answers: int = 0) -> Report:
    rows = [CaseResult(str(k), "Q", True, "said", True, f1=value) for k, value in enumerate(f1)]
    rows += [CaseResult(f"n{k}", "Q", False, "said", True) for k in range(false_answers)]
    return Report(tuple(rows))


def test_a_mark_is_missed_below_it_and_met_at_it() -> None:
    assert missed_thresholds(_report(0.6, 0.8), parse_thresholds("f1=0.7")) == []
    assert missed_thresholds(_report(0.6, 0.7), parse_thresholds("F1=0.7")) == [
        "F1 is 0.650, and should be at least 0.7"
    ]


def test_where_lower_is_better_a_mark_is_missed_above_it() -> None:
    report = _report(1.0, false_answers=1)
    assert missed_thresholds(report, parse_thresholds("false answers=1")) == []
    assert missed_thresholds(report, parse_thresholds("false answers=0.5")) == [
        "false answers is 1.000, and should be at most 0.5"
    ]


def test_a_measure_that_applies_to_no_question_misses() -> None:
    (words,) = missed_thresholds(_report(1.0), parse_thresholds("false answers=0.5"))
    assert "applies to none of 1 questions" in words


def test_several_marks_are_told_apart() -> None:
    assert [str(mark.measure) for mark in parse_thresholds(" f1=0.7, hit@5=0.9,")] == ["F1", "hit@5"]


@pytest.mark.parametrize("text", ["f1", "f1=", "f1=high", "=0.5", "f1=1.5", "f1=-1", "f1=nan", "nothing=0.5"])
def test_what_is_no_mark_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_thresholds(text)
