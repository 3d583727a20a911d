"""The ranking measures are those of the library that the field uses, at each of the three levels."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import AP, RR, R, Success, nDCG

from rag.evaluate import ArticleSpan
from rag.evaluate.metrics import ranking, retrieval
from rag.evaluate.metrics.retrieval import HitGains, hit_gains

RUNS = 200
quick = settings(deadline=None, max_examples=60)


def drawn(number: int) -> tuple[list[str], dict[str, int]]:
    """A ranking of documents, and the grades of those that were judged, found and not found; one is relevant."""
    draw = random.Random(number)
    ranked = [f"d{name}" for name in draw.sample(range(40), draw.randint(1, 25))]
    judged = draw.sample(range(40), draw.randint(1, 20))
    grades = {f"d{name}": draw.choice([0, 0, 1, 1, 2, 3]) for name in judged}
    return ranked, {**grades, f"d{judged[0]}": draw.randint(1, 3)}


def of_library(measure: ir_measures.Measure, ranked: Sequence[str], grades: dict[str, int]) -> float:
    scores = {document: float(-rank) for rank, document in enumerate(ranked)}
    (found,) = ir_measures.iter_calc([measure], {"q": grades}, {"q": scores})
    return float(found.value)


@pytest.mark.parametrize("first", [1, 3, 5, 10])
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (lambda k: Success @ k, lambda gains, ideal, k: ranking.hit(gains, k)),
        (lambda k: R @ k, lambda gains, ideal, k: ranking.recall([g > 0 for g in gains], len(ideal), k)),
        (lambda k: nDCG @ k, ranking.ndcg),
        (lambda k: RR, lambda gains, ideal, k: ranking.reciprocal_rank(gains)),
    ],
    ids=["hit", "recall", "nDCG", "MRR"],
)
def test_a_ranking_measure_equals_the_librarys_on_200_random_runs(
    first: int,
    theirs: Callable[[int], ir_measures.Measure],
    ours: Callable[[Sequence[float], Sequence[float], int], float],
) -> None:
    for number in range(RUNS):
        ranked, grades = drawn(number)
        gains = [float(grades.get(document, 0)) for document in ranked]
        ideal = [float(grade) for grade in grades.values() if grade]
        assert ours(gains, ideal, first) == pytest.approx(of_library(theirs(first), ranked, grades), abs=1e-9)


@pytest.mark.parametrize("first", [1, 3, 5, 10])
def test_context_precision_is_average_precision_over_what_was_found(first: int) -> None:
    for number in range(RUNS):
        ranked, grades = drawn(number)
        gains = [float(grades.get(document, 0)) for document in ranked]
        found = {document: int(grades.get(document, 0) > 0) for document in ranked[:first]}
        wanted = of_library(AP @ first, ranked, found) if any(found.values()) else 0.0
        assert ranking.context_precision(gains, first) == pytest.approx(wanted, abs=1e-9)


def test_without_anything_relevant_every_ranking_measure_is_0() -> None:
    nothing = [0.0, 0.0]
    assert ranking.hit(nothing) == ranking.reciprocal_rank(nothing) == ranking.context_precision(nothing) == 0.0
    assert ranking.recall(nothing, 0) == ranking.ndcg(nothing, []) == ranking.hit([]) == ranking.ndcg([], [1.0]) == 0.0


# Levels. The texts of the two pieces of evidence have ten and four characters.

GOLD = ("0123456789", "abcd")
EVIDENCE = ((ArticleSpan("one", 10, 20),), (ArticleSpan("one", 40, 44),))


def at(level: retrieval.Level, *hits: tuple[str, int, int]) -> HitGains:
    return hit_gains(level, [ArticleSpan(*hit) for hit in hits], GOLD, EVIDENCE)


def test_a_passage_brings_each_piece_that_it_overlaps_once() -> None:
    found = at("passage", ("two", 10, 20), ("one", 0, 11), ("one", 12, 30), ("one", 43, 60))
    assert found == HitGains(((0, 0), (1, 0), (0, 0), (0, 1)), (1, 1))
    assert [retrieval.hit_at(found, k) for k in (1, 2)] == [0.0, 1.0]
    assert [retrieval.recall_at(found, k) for k in (1, 2, 3, 4)] == [0.0, 0.5, 0.5, 1.0]
    assert retrieval.reciprocal_rank(found) == 0.5


def test_articles_are_found_by_any_of_their_passages_and_pieces_of_one_article_are_one() -> None:
    found = at("article", ("two", 0, 5), ("one", 90, 95), ("one", 10, 20))
    assert found == HitGains(((0,), (1,), (0,)), (1,))
    assert (retrieval.recall_at(found, 2), retrieval.reciprocal_rank(found)) == (1.0, 0.5)


def test_evidence_is_counted_in_characters_and_found_when_all_of_one_piece_is_there() -> None:
    found = at("evidence", ("one", 0, 15), ("one", 12, 19), ("one", 18, 42), ("two", 0, 99))
    assert found == HitGains(((5, 0), (4, 0), (1, 2), (0, 0)), (10, 4))
    assert [retrieval.recall_at(found, k) for k in (1, 2, 3, 4)] == [5 / 14, 9 / 14, 12 / 14, 12 / 14]
    assert [retrieval.hit_at(found, k) for k in (2, 3)] == [0.0, 1.0]
    assert retrieval.reciprocal_rank(found) == pytest.approx(1 / 3)


def test_of_the_places_where_a_piece_stands_any_one_is_right() -> None:
    twice = ((ArticleSpan("one", 0, 10), ArticleSpan("two", 0, 10)),)
    for level in ("passage", "article", "evidence"):
        found = hit_gains(level, [ArticleSpan("two", 0, 10), ArticleSpan("one", 0, 10)], GOLD[:1], twice)  # type: ignore[arg-type]
        assert retrieval.recall_at(found, 1) == retrieval.ndcg_at(found, 2) == 1.0
        assert found.completed == [1, 0]


@pytest.mark.parametrize("level", ["passage", "article", "evidence"])
def test_evidence_that_stands_nowhere_is_never_found_and_halves_what_can_be_reached(level: retrieval.Level) -> None:
    found = hit_gains(level, [ArticleSpan("one", 0, 50)], ("same size", "same size"), ((ArticleSpan("one", 0, 9),), ()))
    assert retrieval.recall_at(found, 5) == 0.5
    assert retrieval.hit_at(found, 5) == 1.0
    assert retrieval.ndcg_at(found, 5) < 1.0
    assert retrieval.recall_at(hit_gains(level, [], GOLD, EVIDENCE), 5) == 0.0


def test_one_passage_with_all_the_evidence_is_the_best_there_can_be() -> None:
    for level in ("passage", "article", "evidence"):
        found = at(level, ("one", 0, 50))  # type: ignore[arg-type]
        assert [retrieval.ndcg_at(found, k) for k in (1, 5)] == [1.0, 1.0]
        assert retrieval.recall_at(found, 1) == 1.0


def test_ndcg_of_passages_is_the_librarys_with_pieces_as_documents() -> None:
    found = at("passage", ("two", 0, 5), ("one", 10, 12), ("one", 15, 20), ("one", 40, 44))
    wanted = of_library(nDCG @ 10, ["x", "first", "y", "second"], {"first": 1, "second": 1})
    assert retrieval.ndcg_at(found, 10) == pytest.approx(wanted, abs=1e-9)


def test_context_precision_says_how_little_else_was_found() -> None:
    hits = [
        ArticleSpan("two", 0, 10),
        ArticleSpan("one", 15, 25),
        ArticleSpan("one", 90, 100),
        ArticleSpan("one", 40, 50),
    ]

    def precision(level: retrieval.Level, first: int) -> float:
        return retrieval.context_precision_at(level, hits, EVIDENCE, first)

    assert precision("passage", 4) == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert precision("article", 4) == pytest.approx((1 / 2 + 2 / 3 + 3 / 4) / 3)
    assert precision("evidence", 4) == pytest.approx((5 + 4) / 40)
    assert precision("evidence", 1) == precision("passage", 1) == 0.0
    assert retrieval.context_precision_at("evidence", [], EVIDENCE, 5) == 0.0


PLACES = st.builds(
    lambda article, start, size: ArticleSpan(article, start, start + size),
    st.sampled_from(["one", "two"]),
    st.integers(0, 30),
    st.integers(1, 20),
)


@quick
@given(
    st.lists(PLACES, max_size=6), st.lists(PLACES, min_size=1, max_size=3), st.sampled_from(retrieval.Level.__args__)
)
def test_more_hits_never_bring_less_and_nothing_is_above_1(
    hits: list[ArticleSpan], gold: list[ArticleSpan], level: retrieval.Level
) -> None:
    texts = ["x" * (place.end - place.start) for place in gold]
    found = hit_gains(level, hits, texts, [(place,) for place in gold])
    for measure in (retrieval.hit_at, retrieval.recall_at):
        values = [measure(found, k) for k in range(len(hits) + 1)]
        assert values == sorted(values)
    for k in range(1, len(hits) + 2):
        precision = retrieval.context_precision_at(level, hits, [gold], k)
        for value in (retrieval.recall_at(found, k), retrieval.ndcg_at(found, k), precision):
            assert 0.0 <= value <= 1.0 + 1e-12
