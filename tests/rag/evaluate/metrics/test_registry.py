"""A measure is a value that prints as its name and is found by it."""

from __future__ import annotations

import pytest

from rag import SettingsError
from rag.evaluate import AUROC, MEASURES, RUN_MEASURES, SUMMARY, ArticleSpan, CaseResult, find_measure, summarize

FOUND = CaseResult(
    id="q",
    question="Who?",
    answerable=True,
    said="the Zhou Hongyi",
    found=True,
    expected=("the", "Zhou Hongyi"),
    gold=("Zhou Hongyi",),
    evidence=((ArticleSpan("one", 10, 21),),),
    hits=(*[ArticleSpan("two", start, start + 5) for start in range(6)], ArticleSpan("one", 0, 30)),
)


def test_a_measure_prints_as_its_name() -> None:
    assert str(MEASURES["article nDCG@10"]) == f"{MEASURES['article nDCG@10']!r}" == "article nDCG@10"
    assert [str(measure) for measure in SUMMARY[2:5]] == ["hit@1", "hit@5", "MRR"]
    assert str(AUROC) == "AUROC of confidence"
    assert all(name == str(measure) for name, measure in {**MEASURES, **RUN_MEASURES}.items())


def test_every_measure_of_hits_is_there_at_each_level() -> None:
    for level in ("", "article ", "evidence "):
        assert f"{level}MRR" in MEASURES
        for kind in ("hit", "recall", "nDCG", "context precision"):
            assert all(f"{level}{kind}@{first}" in MEASURES for first in (1, 3, 5, 10))


@pytest.mark.parametrize("name", [*MEASURES, *RUN_MEASURES])
def test_a_measure_is_found_by_its_name_however_it_is_written(name: str) -> None:
    measure = find_measure(f" {name.upper()} ".replace(" ", "  "))
    assert measure == {**MEASURES, **RUN_MEASURES}[name]
    assert measure.about


def test_any_number_of_hits_can_be_asked_for() -> None:
    assert str(find_measure("hit@7")) == "hit@7"
    assert [figure.value for figure in summarize([FOUND], [find_measure("hit@6"), find_measure("HIT@7")])] == [0.0, 1.0]
    assert [figure.value for figure in summarize([FOUND], [find_measure("Evidence NDCG@7")])] == [pytest.approx(1 / 3)]


@pytest.mark.parametrize("name", ["", "f2", "hit", "hit@0", "hit@-1", "hit@five", "passage", "MRR@5x"])
def test_a_name_that_no_measure_has_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(SettingsError, match="Unknown measure") as told:
        find_measure(name)
    assert "answer contained" in told.value.hint


def test_chinese_and_other_words_can_be_measured_apart() -> None:
    row = CaseResult(id="q", question="?", answerable=True, said="清华大学", found=True, expected=("清华",))
    assert (MEASURES["character F1"].of_result(row), MEASURES["token F1"].of_result(row)) == (pytest.approx(2 / 3), 0.0)
    assert MEASURES["token F1"].of_result(FOUND) == 1.0


def test_measures_of_what_a_question_does_not_have_do_not_apply() -> None:
    row = CaseResult(id="q", question="?", answerable=False, said="", found=False)
    assert [str(measure) for measure in MEASURES.values() if measure.of_result(row) is not None] == [
        "answered or refused rightly",
        "false answers",
    ]
    assert summarize([]) == []
