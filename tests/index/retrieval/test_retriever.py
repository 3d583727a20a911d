"""Fusion of rankings, and the choice of passages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from index import Index
from index.retrieval.features import in_context
from index.retrieval.fusion import fuse, standardise, top
from index.retrieval.retriever import _limit_blas_threads


def _scores(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_scores_of_different_units_are_added_in_standard_deviations() -> None:
    fused = fuse(_scores(0.9, 0.5, 0.1), _scores(0.0, 30.0, 0.0), readable=True)
    assert fused.argmax() == 1
    assert standardise(_scores(1, 2, 3)).mean() == pytest.approx(0)


def test_a_keyword_leg_that_found_nothing_has_no_say() -> None:
    dense = _scores(0.2, 0.9)
    assert np.array_equal(fuse(dense, _scores(0, 0), readable=True), standardise(dense))


def test_for_a_script_that_the_model_does_not_know_keywords_decide() -> None:
    assert fuse(_scores(0.9, 0.1), _scores(0, 3), readable=False).argmax() == 1


def test_one_passage_alone_does_not_divide_by_zero() -> None:
    assert np.isfinite(fuse(_scores(0.5), _scores(2.0), readable=True)).all()


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 12))
def test_the_top_scores_are_the_highest_above_zero_and_of_equal_ones_the_first(scores: list[int], count: int) -> None:
    by_hand = [i for i in sorted(range(len(scores)), key=lambda i: (-scores[i], i)) if scores[i] > 0]
    assert top(_scores(*scores), count) == by_hand[:count]


def test_the_model_reads_the_title_first_unless_it_is_long() -> None:
    assert in_context("Title", "Text.") == ("Title. Text.", 7)
    assert in_context("", "Text.") == ("Text.", 0)
    assert len(in_context("t" * 500, "Text.")[0]) < 120


def test_a_hit_explains_itself(index: Index, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The fox crossed the river at night.")
    (tmp_path / "b.txt").write_text("The owl sat in the barn.")
    index.sync([tmp_path])
    best = index.search("Who crossed the river?")[0]
    assert best.ranks == {"dense": 1, "keyword": 1, "fused": 1, "late": 1}
    assert best.shared == ("cross", "river")


def test_a_warm_question_looks_at_no_passage_again(index: Index, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The fox crossed the river at night.")
    index.sync([tmp_path])
    index.search("Who crossed the river?")
    calls: list[int] = []
    encode = index.encoder.encode
    index.encoder.encode = lambda texts: (calls.append(len(texts)), encode(texts))[1]  # type: ignore[method-assign]
    index.search("When was it crossed?")
    assert sum(calls) == 0


def test_a_question_multiplies_in_its_own_thread_and_leaves_the_other_processors_to_others(
    index: Index, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("The fox crossed the river at night.")
    _limit_blas_threads.cache_clear()  # as in a process that has searched nothing yet
    with threadpool_limits(2, user_api="blas"):
        index.sync([tmp_path])
        index.search("Who crossed the river?")
        assert {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"} == {1}


def test_a_chinese_question_finds_the_chinese_passage(index: Index, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("北京是中华人民共和国的首都。")
    (tmp_path / "b.txt").write_text("The capital of France is Paris.")
    (tmp_path / "c.txt").write_text("上海是中国最大的城市。")
    index.sync([tmp_path])
    assert index.search("中国的首都是哪里？")[0].passage.text == "北京是中华人民共和国的首都。"
