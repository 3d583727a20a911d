"""Two runs are compared question by question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from rag import TestSetError
from rag.evaluate import AUROC, MEASURES, CaseResult, Cost, Difference, Report, compare
from rag.evaluate.compare import permutation_p_value


def row(name: str, right: bool, *, answerable: bool = True, question: str | None = None) -> CaseResult:
    return CaseResult(
        id=name,
        question=question or name,
        answerable=answerable,
        said="right" if right else "wrong",
        found=right if answerable else not right,
        first_citation=float(right) if answerable else None,
    )


def report(*right: bool) -> Report:
    return Report(results=tuple(row(f"q{number}", is_right) for number, is_right in enumerate(right)))


def difference(a: Report, b: Report, name: str = "first citation right") -> Difference:
    return next(found for found in compare(a, b).differences if found.measure == name)


def test_the_same_run_twice_shows_no_difference() -> None:
    one = report(*[True, False] * 20)
    comparison = compare(one, one)
    assert (comparison.flips, comparison.only_a, comparison.only_b) == ((), (), ())
    for found in comparison.differences:
        assert (found.difference, found.p_value, found.better) == (0.0, 1.0, None)
        assert found.low < 0.0 < found.high  # forty questions without a change do not prove that none can change


def test_a_clear_gain_is_told_with_its_questions() -> None:
    a, b = report(*[False] * 30, *[True] * 10), report(*[True] * 30, *[True] * 9, False)
    found = difference(a, b)
    assert (found.a, found.b, found.n) == (0.25, 0.975, 40)
    assert found.difference == pytest.approx(0.725)
    assert 0.0 < found.low < found.difference < found.high
    assert found.p_value < 0.001
    assert found.better == "b"
    flips = compare(a, b).flips
    assert len(flips) == 31
    assert (flips[0].right_in, flips[0].said_a, flips[0].said_b) == ("b", "wrong", "right")
    assert (flips[-1].id, flips[-1].right_in) == ("q39", "a")


def test_a_measure_where_lower_is_better_is_judged_so() -> None:
    a, b = report(*[False] * 30), report(*[True] * 30)
    found = difference(a, b, "false refusals")
    assert found.difference == -1.0
    assert found.better == "b"
    assert difference(b, a, "false refusals").better == "a"


def test_one_flip_of_many_is_no_proof() -> None:
    found = difference(report(*[False] * 40), report(True, *[False] * 39))
    assert found.p_value == 1.0
    assert found.better is None


def test_questions_that_one_run_lacks_are_named_and_left_out() -> None:
    a, b = report(True, False, True), report(True, False)
    comparison = compare(a, b)
    assert (comparison.only_a, comparison.only_b) == (("q2",), ())
    assert comparison.differences[0].n == 2


def test_the_order_of_the_rows_does_not_matter() -> None:
    a, b = report(True, False, True, False), report(True, True, False, True)
    assert compare(a, Report(results=b.results[::-1])) == compare(a, b)


def test_measures_can_be_chosen_and_cost_is_never_compared() -> None:
    a, b = report(True, False), report(False, True)
    slow = Report(results=tuple(replace(row, cost=Cost({"total": 9.0}, {"out": 7})) for row in b.results))
    assert compare(a, slow) == compare(a, b)
    chosen = compare(a, b, measures=[MEASURES["false refusals"], AUROC])
    assert [found.measure for found in chosen.differences] == ["false refusals"]


def test_runs_that_share_no_question_are_refused() -> None:
    with pytest.raises(TestSetError, match="share no question"):
        compare(report(True), Report(results=()))


def test_one_id_for_two_questions_is_refused() -> None:
    with pytest.raises(TestSetError, match="'q0' is 'q0' in one run and 'Who\\?' in the other"):
        compare(report(True), Report(results=(row("q0", True, question="Who?"),)))
    with pytest.raises(TestSetError, match="only one of them can be answered"):
        compare(report(True), Report(results=(row("q0", True, answerable=False),)))


@pytest.mark.parametrize(
    ("differences", "p_value"),
    [
        ([], 1.0),
        ([0.0] * 9, 1.0),
        ([1.0] * 5, 2 / 32),
        ([1.0, 1.0, -1.0], 1.0),
        ([1.0] * 4 + [-1.0], 12 / 32),
        ([0.3, 0.2, 0.1, 0.0], 2 / 8),
    ],
)
def test_the_p_value_of_few_differences_is_exact(differences: Sequence[float], p_value: float) -> None:
    assert permutation_p_value(differences) == pytest.approx(p_value)


def test_the_p_value_of_many_differences_is_repeatable_near_exact_and_never_zero() -> None:
    differences = [1.0] * 11 + [-1.0] * 4
    exact = 2 * sum(np.prod(range(16 - k, 16)) / np.prod(range(1, k + 1)) for k in range(1, 5)) / 2**15 + 2 / 2**15
    assert permutation_p_value(differences) == permutation_p_value(differences)
    assert permutation_p_value(differences) == pytest.approx(exact, abs=0.015)
    assert permutation_p_value([1.0] * 200) == pytest.approx(1 / 10_001)


def test_without_a_real_difference_a_low_p_value_is_as_rare_as_it_says() -> None:
    generator = np.random.default_rng(3)
    low = 0
    for _ in range(300):
        differences = (generator.integers(0, 2, 40) - generator.integers(0, 2, 40)).astype(float).tolist()
        low += permutation_p_value(differences, rounds=400) <= 0.05
    assert low / 300 <= 0.09  # 5% stated, and three standard errors of 300 trials
