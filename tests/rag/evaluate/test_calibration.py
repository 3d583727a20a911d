"""The threshold of abstention, fitted to one's own questions."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import TestSetError, build_assistant, calibrate, load_settings
from rag.evaluate import read_cases
from rag.evaluate.calibration import fit_threshold
from rag.reading.abstention import UNSURE_THRESHOLDS

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
SCORES = st.lists(st.floats(0, 1).map(lambda score: round(score, 3)), min_size=5, max_size=60)


@pytest.fixture
def own_home(samples_home: Path, tmp_path: Path) -> Path:
    """A copy of the samples' index that may be written to."""
    return shutil.copytree(samples_home, tmp_path / "home")


def test_the_threshold_refuses_what_it_can_and_keeps_the_asked_share() -> None:
    answerable = [0.5, 0.6, 0.6, 0.7, 0.7, 0.8, 0.8, 0.9, 0.9, 0.9]
    assert 0.45 < fit_threshold(answerable, [0.2, 0.45, 0.95], keep=1.0) <= 0.5
    assert 0.55 < fit_threshold(answerable, [0.2, 0.55, 0.95], keep=0.9) <= 0.6


def test_without_unanswerable_questions_it_stands_where_the_asked_share_is_kept() -> None:
    assert fit_threshold([0.1, *[0.5] * 9], [], keep=0.9) == pytest.approx(0.5)
    assert fit_threshold([0.1, *[0.5] * 9], [], keep=1.0) == pytest.approx(0.1)


@given(SCORES, SCORES, st.floats(0.5, 1))
def test_the_asked_share_is_always_kept(answerable: list[float], unanswerable: list[float], keep: float) -> None:
    threshold = fit_threshold(answerable, unanswerable, keep)
    assert sum(score >= threshold for score in answerable) >= keep * len(answerable) - 1e-9


def test_a_calibrated_threshold_stays_with_the_index_and_is_used(own_home: Path) -> None:
    settings = load_settings(home=own_home)
    assistant = build_assistant(settings)
    done = calibrate(assistant, read_cases(SAMPLES / "questions.jsonl"))
    assert done.answered >= 0.9
    assert assistant.abstention_threshold == done.abstention_threshold != done.previous
    assert build_assistant(settings).abstention_threshold == done.abstention_threshold
    assert build_assistant(load_settings(home=own_home, abstention_threshold=0.1)).abstention_threshold == 0.1


def test_too_few_questions_are_refused(own_home: Path) -> None:
    cases = read_cases(SAMPLES / "questions.jsonl")[:4]
    with pytest.raises(TestSetError, match="4 answerable"):
        calibrate(build_assistant(load_settings(home=own_home)), cases)


def test_the_threshold_of_unsure_quotes_is_fitted_and_used(own_home: Path) -> None:
    assistant = build_assistant(load_settings(home=own_home))
    cases = read_cases(SAMPLES / "questions.jsonl")
    fitted = calibrate(assistant, cases).unsure
    assert fitted is not None
    assert fitted.scale == ("similarity" if assistant.reader is None else "probability")
    assert fitted.answerable <= 0.3
    assert fitted.unanswerable >= fitted.answerable
    reopened = build_assistant(load_settings(home=own_home))
    assert reopened.unsure_threshold(fitted.scale) == fitted.threshold != fitted.previous
    question = next(case.question for case in cases if case.answerable and assistant.ask(case.question).found)
    for threshold, is_unsure in ((0.0, False), (1.1, True)):
        assistant.index.set_unsure_threshold(fitted.scale, threshold)
        assert assistant.ask(question).is_unsure is is_unsure


def test_without_a_reader_unsure_quotes_are_those_with_a_low_confidence(own_home: Path) -> None:
    assistant = replace(build_assistant(load_settings(home=own_home)), reader=None)
    fitted = calibrate(assistant, read_cases(SAMPLES / "questions.jsonl")).unsure
    assert fitted is not None
    assert fitted.scale == "similarity"
    assert assistant.unsure_threshold("similarity") == fitted.threshold
    assert assistant.unsure_threshold("probability") == UNSURE_THRESHOLDS["probability"]


def test_without_unanswerable_questions_only_the_abstention_threshold_is_fitted(own_home: Path) -> None:
    assistant = build_assistant(load_settings(home=own_home))
    cases = [case for case in read_cases(SAMPLES / "questions.jsonl") if case.answerable]
    done = calibrate(assistant, cases)
    assert done.unsure is None
    assert {scale: assistant.unsure_threshold(scale) for scale in UNSURE_THRESHOLDS} == UNSURE_THRESHOLDS
