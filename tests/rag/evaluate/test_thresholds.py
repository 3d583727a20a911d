"""Marks that a build must reach."""

from __future__ import annotations

import pytest

from rag import SettingsError
from rag.evaluate import Report, Row, marks, missed


def _report(*f1: float, false_answers: int = 0) -> Report:
    rows = [Row(str(k), "Q", True, "said", True, f1=value) for k, value in enumerate(f1)]
    rows += [Row(f"n{k}", "Q", False, "said", True) for k in range(false_answers)]
    return Report(tuple(rows))


def test_a_mark_is_missed_below_it_and_met_at_it() -> None:
    assert missed(_report(0.6, 0.8), marks("f1=0.7")) == []
    assert missed(_report(0.6, 0.7), marks("F1=0.7")) == ["F1 is 0.650, and should be at least 0.7"]


def test_where_lower_is_better_a_mark_is_missed_above_it() -> None:
    report = _report(1.0, false_answers=1)
    assert missed(report, marks("false answers=1")) == []
    assert missed(report, marks("false answers=0.5")) == ["false answers is 1.000, and should be at most 0.5"]


def test_a_measure_that_applies_to_no_question_misses() -> None:
    (words,) = missed(_report(1.0), marks("false answers=0.5"))
    assert "applies to none of 1 questions" in words


def test_several_marks_are_told_apart() -> None:
    assert [str(mark.measure) for mark in marks(" f1=0.7, hit@5=0.9,")] == ["F1", "hit@5"]


@pytest.mark.parametrize("text", ["f1", "f1=", "f1=high", "=0.5", "f1=1.5", "f1=-1", "f1=nan", "nothing=0.5"])
def test_what_is_no_mark_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        marks(text)
