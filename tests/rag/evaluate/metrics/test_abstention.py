"""The risk-coverage curve: what goes wrong when only the questions that are trusted most are answered."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.evaluate.metrics.abstention import aurc, aurc_interval, risk_coverage

ASKED = st.lists(st.tuples(st.integers(0, 2).map(float), st.booleans()), min_size=1, max_size=6)
quick = settings(deadline=None, max_examples=40)


def in_order(wrong: list[bool]) -> list[float]:
    return [sum(wrong[:count]) / count for count in range(1, len(wrong) + 1)]


def test_risk_is_the_share_wrong_among_the_most_trusted() -> None:
    curve = risk_coverage([0.1, 0.9, 0.5, 0.7], [True, False, True, False])
    assert [point.coverage for point in curve] == [0.25, 0.5, 0.75, 1.0]
    assert [point.risk for point in curve] == pytest.approx([0.0, 0.0, 1 / 3, 1 / 2])
    assert aurc([0.1, 0.9, 0.5, 0.7], [True, False, True, False]) == pytest.approx((1 / 3 + 1 / 2) / 4)


def test_trust_that_puts_the_wrong_ones_first_has_the_larger_area() -> None:
    wrong = [True] * 3 + [False] * 7
    rising = [float(number) for number in range(10)]
    assert aurc(rising, wrong) < 0.3 < aurc(rising[::-1], wrong)
    assert aurc([0.5] * 10, wrong) == pytest.approx(0.3), "trust that tells nothing apart"


@quick
@given(ASKED)
def test_questions_of_the_same_trust_count_as_the_mean_over_their_orders(asked: list[tuple[float, bool]]) -> None:
    orders = [order for order in permutations(asked) if [t for t, _ in order] == sorted((t for t, _ in asked))[::-1]]
    wanted = np.mean([in_order([wrong for _, wrong in order]) for order in orders], axis=0)
    confidence, wrong = [t for t, _ in asked], [w for _, w in asked]
    assert [point.risk for point in risk_coverage(confidence, wrong)] == pytest.approx(wanted.tolist())
    assert aurc(confidence, wrong) == pytest.approx(float(wanted.mean()))


@quick
@given(ASKED)
def test_the_order_of_the_questions_does_not_matter(asked: list[tuple[float, bool]]) -> None:
    confidence, wrong = [t for t, _ in asked], [w for _, w in asked]
    assert aurc(confidence[::-1], wrong[::-1]) == pytest.approx(aurc(confidence, wrong))


def test_intervals_hold_the_figure_are_repeatable_and_never_claim_certainty() -> None:
    confidence = [number / 40 for number in range(40)]
    wrong = [number % 3 == 0 and number < 30 for number in range(40)]
    low, high = aurc_interval(confidence, wrong)
    assert 0.0 <= low < aurc(confidence, wrong) < high
    assert aurc_interval(confidence, wrong) == (low, high)
    assert all(point.low <= point.risk <= point.high for point in risk_coverage(confidence, wrong)[5:])
    assert list(aurc_interval(confidence, [False] * 40)) == pytest.approx([0.0, 1 - 0.025 ** (1 / 40)])
    assert risk_coverage(confidence, [False] * 40)[0].high == pytest.approx(1 - 0.025 ** (1 / 40))


def test_the_interval_of_the_area_covers_it_about_as_often_as_stated() -> None:
    generator = np.random.default_rng(2)
    covered = 0
    for seed in range(50):
        confidence = generator.random(60)
        low, high = aurc_interval(confidence.tolist(), (generator.random(60) > confidence).tolist(), seed=seed)
        covered += low <= 0.25 <= high  # the mean over coverage c of the risk c / 2
    assert covered / 50 >= 0.85  # 95% stated, less three standard errors of 50 trials


def test_infinite_trust_is_ranked_and_what_cannot_be_ranked_is_refused() -> None:
    inf = float("inf")
    assert [point.risk for point in risk_coverage([-inf, 0.5, inf], [False, False, True])] == [1.0, 0.5, 1 / 3]
    assert risk_coverage([], []) == ()
    with pytest.raises(ValueError, match="NaN"):
        aurc([float("nan")], [True])
    with pytest.raises(ValueError, match="2 values of confidence for 1"):
        risk_coverage([1.0, 2.0], [True])
    with pytest.raises(ValueError, match="at least one question"):
        aurc([], [])
