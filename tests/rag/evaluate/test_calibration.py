"""The threshold of abstention, fitted to one's own questions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import TestSetError, build_assistant, calibrate, load_settings
from rag.evaluate import read_cases
from rag.evaluate.calibration import fit_threshold

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
