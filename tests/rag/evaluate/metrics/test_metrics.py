"""The measures are the published ones; the intervals cover what they say."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import FloatArray
from rag.evaluate import ArticleSpan
from rag.evaluate.metrics import statistics
from rag.evaluate.metrics.abstention import auroc, auroc_interval
from rag.evaluate.metrics.overlap import citation_quality, is_exact_quote, overlaps_within
from rag.evaluate.metrics.statistics import bootstrap_interval, constant_interval, interval, quantile, quantile_interval
from rag.evaluate.metrics.text import (
    answer_f1,
    best,
    character_f1,
    contains_answer,
    exact_match,
    normalise,
    scorable,
    similarity,
    token_f1,
)

TEXTS = st.text(alphabet="ab AB,.'the 清华\u2019", max_size=20)
SCORES = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=8)
quick = settings(deadline=None, max_examples=60)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The  Cat, sat!", "cat sat"),
        ("An apple a day", "apple day"),
        ("theatre", "theatre"),
        ("U.S.", "us"),
        ("", ""),
        ("the", ""),
        ("China’s", "china’s"),  # only ASCII punctuation goes, as published
    ],
)
def test_normalising_is_the_published_rule(text: str, normal: str) -> None:
    assert normalise(text) == normal


@pytest.mark.parametrize(
    ("answer", "gold", "value"),
    [
        ("the cat sat", "cat sat down", 0.8),  # 2 shared of 2 said and 3 wanted
        ("a a b", "a b b", 2 / 3),  # articles go first: "b" against "b b"
        ("", "", 1.0),
        ("the", "", 1.0),
        ("", "cat", 0.0),
        ("cat", "", 0.0),
        ("dog", "cat", 0.0),
        ("x x y", "x y y", 2 / 3),
    ],
)
def test_token_f1_is_the_published_rule(answer: str, gold: str, value: float) -> None:
    assert token_f1(answer, gold) == pytest.approx(value)


@pytest.mark.parametrize(
    ("answer", "golds", "exact", "f1"),
    [
        ("", [], 1.0, 1.0),  # a question without an answer: silence is right,
        ("Paris", [], 0.0, 0.0),  # and anything said is wrong
        ("the", [], 1.0, 1.0),  # an article is nothing said
        ("...", [""], 1.0, 1.0),
        ("", ["Paris"], 0.0, 0.0),
        ("", ["the", "Paris"], 0.0, 0.0),  # a gold answer with nothing left is left out,
        ("", ["the", "!"], 1.0, 1.0),  # unless there is no other
        ("The Beatles!", ["beatles"], 1.0, 1.0),
        ("a  the an", ["a"], 1.0, 1.0),
        ("U.S.A.", ["USA"], 1.0, 1.0),
        ("well-known", ["well known"], 0.0, 0.0),  # punctuation goes without a space
        ("answer\tone\n", ["answer one"], 1.0, 1.0),
        ("cat cat cat", ["cat"], 0.0, 0.5),  # a word counts as often as both have it
        ("in Paris, France", ["Paris", "Paris France"], 0.0, 0.8),
    ],
)
def test_the_edge_cases_of_squad_are_scored_as_published(
    answer: str, golds: list[str], exact: float, f1: float
) -> None:
    assert best(exact_match, answer, scorable(golds)) == exact
    assert best(token_f1, answer, scorable(golds)) == pytest.approx(f1)


def test_exact_match_ignores_case_articles_and_punctuation() -> None:
    assert exact_match("The Diffusion Transformer.", "diffusion transformer") == 1.0
    assert exact_match("Transformer", "Diffusion Transformer") == 0.0
    assert exact_match("", "") == 1.0


@quick
@given(TEXTS, TEXTS)
def test_f1_is_symmetric_lies_between_0_and_1_and_is_1_for_the_same_text(one: str, other: str) -> None:
    for measure in (token_f1, character_f1):
        assert measure(one, other) == measure(other, one)
        assert 0.0 <= measure(one, other) <= 1.0
        assert measure(one, one) == 1.0


@quick
@given(TEXTS, TEXTS)
def test_an_exact_match_has_a_token_f1_of_1(one: str, other: str) -> None:
    if exact_match(one, other):
        assert token_f1(one, other) == 1.0


def test_chinese_is_compared_by_character() -> None:
    assert character_f1("清华大学", "清华") == pytest.approx(2 / 3)
    assert character_f1("在清华大学，有23人", "清华大学 23 人") == pytest.approx(2 * 6 / (8 + 6))
    assert token_f1("清华大学", "清华") == 0.0
    assert answer_f1("清华大学", "清华") == pytest.approx(2 / 3)
    assert answer_f1("the cat", "cat") == 1.0


def test_full_width_forms_are_the_same_characters() -> None:
    assert character_f1("２３人", "23人") == 1.0


def test_similarity_is_to_the_gold_answer_nearest_in_meaning_and_never_below_0() -> None:
    asked: list[Sequence[str]] = []

    def encode(texts: Sequence[str]) -> FloatArray:
        asked.append(texts)
        return np.array([[1.0, 0.0], [0.6, 0.8], [-1.0, 0.0]][: len(texts)], dtype=np.float32)

    assert similarity("said", ["near", "far"], encode) == pytest.approx(0.6)
    assert asked == [["said", "near", "far"]]
    backwards = np.array([[1.0], [-1.0]], dtype=np.float32)
    assert similarity("said", ["opposite"], lambda texts: backwards) == 0.0
    assert similarity(" ", ["near"], encode) == similarity("said", [], encode) == 0.0
    assert len(asked) == 1


def test_the_best_of_several_gold_answers_counts() -> None:
    assert best(token_f1, "Ten firms", ["10", "ten"]) == pytest.approx(2 / 3)
    assert best(exact_match, "", []) == 1.0
    assert best(exact_match, "something", []) == 0.0


@pytest.mark.parametrize(
    ("text", "golds", "contained"),
    [
        ("Ten of these firms", ["10", "Ten"], True),
        ("in 2010", ["10"], False),
        ("13 billion parameters", ["3 billion"], False),
        ("around 3 billion parameters", ["3 billion"], True),
        ("1677 members", ["1,677"], True),
        ("it scored 3.5", ["3"], False),
        ("the answer is not known", ["No"], False),
        ("Google's TPU", ["Google’s TPU"], True),
        ("a dancing Chinese dragon", ["the dancing Chinese dragon"], True),
        ("清华大学毕业", ["清华大学"], True),
        ("plan b", ["A"], False),
        ("plan A", ["A"], True),
        ("anything", [], False),
        ("anything", ["..."], False),
        ("", ["Ten"], False),
    ],
)
def test_an_answer_is_contained_word_for_word(text: str, golds: list[str], contained: bool) -> None:
    assert contains_answer(text, golds) is contained


@quick
@given(TEXTS, TEXTS, TEXTS)
def test_what_stands_between_other_words_is_contained(before: str, answer: str, after: str) -> None:
    if contains_answer(answer, [answer]):
        assert contains_answer(f"{before} | bab {answer} bab | {after}", [answer])


def place(article: str, start: int, end: int) -> ArticleSpan:
    return ArticleSpan(article, start, end)


def test_touching_spans_and_other_articles_do_not_overlap() -> None:
    gold = [place("one", 10, 20)]
    assert overlaps_within([place("one", 19, 30)], gold)
    assert not overlaps_within([place("one", 20, 30)], gold)
    assert not overlaps_within([place("two", 10, 20)], gold)
    assert not overlaps_within([], gold)
    assert not overlaps_within([place("one", 10, 20)], [])


def test_only_the_first_places_are_looked_at() -> None:
    places, gold = [place("one", 0, 5), place("one", 12, 14)], [place("one", 10, 20)]
    assert not overlaps_within(places, gold, 1)
    assert overlaps_within(places, gold, 2)


@quick
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5)), max_size=6), st.integers(0, 30))
def test_hit_at_k_never_falls_as_k_grows(spans: list[tuple[int, int]], start: int) -> None:
    places = [place("one", at, at + size) for at, size in spans]
    values = [overlaps_within(places, [place("one", start, start + 4)], k) for k in range(len(places) + 1)]
    assert values == sorted(values)


def test_a_quote_is_exact_or_wrong() -> None:
    assert is_exact_quote("Hello world", 6, 11, "world")
    assert not is_exact_quote("Hello world", 6, 11, "World")
    assert not is_exact_quote("Hello world", 6, 12, "world")
    assert not is_exact_quote("Hello world", 3, 3, "")
    assert not is_exact_quote("Hello world", -5, -1, "worl")


def test_citations_are_measured_by_the_characters_that_they_share_with_the_evidence() -> None:
    evidence = [(place("one", 10, 20),), (place("one", 40, 44),)]
    quality = citation_quality([place("one", 15, 25), place("one", 15, 20), place("two", 10, 20)], evidence)
    assert (quality.precision, quality.recall) == (5 / 20, 5 / 10)
    assert quality.f1 == pytest.approx(1 / 3)
    assert citation_quality([place("one", 40, 44)], evidence) == (1.0, 1.0, 1.0), "any one piece is right"
    assert citation_quality([place("one", 0, 50)], evidence) == pytest.approx((14 / 50, 1.0, 28 / 64))
    for cited, pieces in (([], evidence), ([place("two", 10, 20)], evidence), ([place("one", 10, 20)], [()])):
        assert citation_quality(cited, pieces) == (0.0, 0.0, 0.0)


@quick
@given(SCORES, SCORES)
def test_auroc_is_the_share_of_pairs_in_order_with_ties_half(positives: list[float], negatives: list[float]) -> None:
    pairs = list(product(positives, negatives))
    wins = sum((high > low) + 0.5 * (high == low) for high, low in pairs)
    assert auroc(positives, negatives) == pytest.approx(wins / len(pairs))
    assert auroc(negatives, positives) == pytest.approx(1.0 - auroc(positives, negatives))


def test_auroc_ranks_infinite_scores_and_refuses_what_it_cannot_rank() -> None:
    assert auroc([float("inf"), 1.0], [float("-inf"), 1.0]) == pytest.approx(3.5 / 4)
    with pytest.raises(ValueError, match="at least one"):
        auroc([], [1.0])
    with pytest.raises(ValueError, match="NaN"):
        auroc([float("nan")], [1.0])


def test_the_auroc_interval_holds_the_value_and_never_claims_certainty() -> None:
    positives, negatives = [3.0, 2.0, 5.0, 4.0, 1.0], [1.0, 2.0, 0.0, 2.5]
    low, high = auroc_interval(positives, negatives)
    assert low < auroc(positives, negatives) < high
    assert auroc_interval(positives, negatives) == (low, high)
    separated = auroc_interval([2.0] * 30, [1.0] * 9)
    assert list(separated) == pytest.approx([0.025 ** (1 / 9), 1.0])


@quick
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(0, 5))
def test_the_bootstrap_is_repeatable_and_stays_within_the_values(values: list[float], seed: int) -> None:
    low, high = bootstrap_interval(values, seed=seed, resamples=200)
    assert (low, high) == bootstrap_interval(values, seed=seed, resamples=200)
    assert min(values) - 1e-12 <= low <= high <= max(values) + 1e-12


def test_more_confidence_is_a_wider_interval() -> None:
    values = [float(number % 2) for number in range(40)]
    narrow, wide = bootstrap_interval(values, confidence=0.5), bootstrap_interval(values, confidence=0.99)
    assert wide[0] < narrow[0] < 0.5 < narrow[1] < wide[1]


def test_drawing_in_blocks_does_not_change_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [0.0, 1.0, 1.0, 0.25, 0.5]
    at_once = bootstrap_interval(values), auroc_interval(values, [0.3, 0.1])
    monkeypatch.setattr(statistics, "BLOCK", 37)
    assert (bootstrap_interval(values), auroc_interval(values, [0.3, 0.1])) == at_once


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_a_confidence_that_is_no_share_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        bootstrap_interval([0.0, 1.0], confidence=confidence)


def test_no_values_have_no_interval() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        bootstrap_interval([])
    with pytest.raises(ValueError, match="at least one value"):
        interval([])
    with pytest.raises(ValueError, match="resample"):
        bootstrap_interval([1.0], resamples=0)


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_the_bootstrap_interval_covers_the_truth_about_as_often_as_it_says(share: float) -> None:
    generator = np.random.default_rng(1)
    covered = 0
    for seed in range(400):
        values = (generator.random(60) < share).astype(float).tolist()
        low, high = bootstrap_interval(values, resamples=400, seed=seed)
        covered += low <= share <= high
    # 95% stated. A bootstrap of 60 values covers about 93%; three standard errors of 400 trials are about 4 points.
    assert 0.89 <= covered / 400 <= 0.985


@pytest.mark.parametrize("kind", ["right or wrong", "skewed"])
def test_the_printed_interval_covers_the_truth_at_the_stated_rate(kind: str) -> None:
    """95% is stated; over 1000 samples of 100 questions, chance alone moves the share by about 2 points."""
    generator = np.random.default_rng(11)
    covered = 0
    for seed in range(1000):
        if kind == "right or wrong":
            truth, values = 0.8, (generator.random(100) < 0.8).astype(float)
        else:  # many values near 0, a few near 1, such as F1
            truth, values = 0.2, generator.beta(0.5, 2.0, 100)
        low, high = interval(values.tolist(), seed=seed)
        covered += low <= truth <= high
    assert 0.92 <= covered / 1000 <= 0.98


@pytest.mark.parametrize(("share", "truth"), [(0.5, 1.0), (0.95, 5.18025)])
def test_the_interval_of_a_quantile_covers_it_at_least_as_often_as_stated(share: float, truth: float) -> None:
    generator = np.random.default_rng(5)
    covered = 0
    for _ in range(1000):
        low, high = quantile_interval(np.exp(generator.normal(size=100)).tolist(), share)
        covered += low <= truth <= high
    assert 0.94 <= covered / 1000 <= 0.995


def test_a_quantile_is_read_between_two_values_and_lies_in_its_interval() -> None:
    values = [3.0, 1.0, 2.0, 4.0]
    assert (quantile(values, 0.5), quantile(values, 1.0)) == (2.5, 4.0)
    assert quantile_interval(values, 0.5) == (1.0, 4.0)
    assert quantile_interval([2.0], 0.95) == (2.0, 2.0)
    low, high = quantile_interval([float(number) for number in range(1, 101)], 0.5)
    assert (low, high) == (40.0, 61.0)  # as tables of the sign test have it
    with pytest.raises(ValueError, match="at least one value"):
        quantile_interval([], 0.5)


def test_all_right_is_not_always_right() -> None:
    assert list(interval([1.0] * 25)) == pytest.approx([0.025 ** (1 / 25), 1.0])  # Clopper and Pearson: 86.3% to 100%
    assert list(interval([0.0] * 25)) == pytest.approx([0.0, 1 - 0.025 ** (1 / 25)])
    low, high = interval([0.0] * 25, lowest=-1.0)
    assert low == pytest.approx(-high)


@quick
@given(st.integers(1, 200), st.floats(0, 1))
def test_the_interval_of_equal_values_shrinks_with_their_number(count: int, value: float) -> None:
    low, high = constant_interval(value, count)
    smaller_low, smaller_high = constant_interval(value, count + 1)
    assert 0.0 <= low <= smaller_low <= value + 1e-12
    assert value - 1e-12 <= smaller_high <= high <= 1.0 + 1e-12
