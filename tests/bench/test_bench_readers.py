"""The bench of many readers sees what it must see; how long anybody waits, no test asserts."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(REPOSITORY / "bench"))
    return SimpleNamespace(**{name: importlib.import_module(name) for name in ("many_readers", "readers_page")})


def test_no_two_towns_share_a_name_or_a_number(bench: Any) -> None:
    readers = bench.many_readers
    names = {readers.town_name(town) for town in range(300)}
    numbers = {readers.number(town, turn) for town in range(200) for turn in range(10)}
    assert len(names) == 300
    assert len(numbers) == 2000
    assert all(10_000 <= number <= 99_999 for number in numbers)


def test_a_window_with_another_readers_question_or_answer_is_a_mix_up(bench: Any) -> None:
    mine, other = (f"It is {bench.many_readers.number(reader, 0)}. [1] Sources of all kinds" for reader in (0, 1))
    assert bench.many_readers.mistakes(0, ["How long?"], ["How long?", mine]) == []
    assert len(bench.many_readers.mistakes(0, ["How long?"], ["How wide?", mine])) == 1
    assert len(bench.many_readers.mistakes(0, ["How long?"], ["How long?", other])) == 1
    assert len(bench.many_readers.mistakes(0, ["How long?"], ["How long?", mine + other])) == 0, (
        "what else was found may be"
    )
    assert len(bench.many_readers.mistakes(0, ["How long?"], ["How long?", mine, "How long?", mine])) == 2
    assert len(bench.many_readers.mistakes(0, ["How long?"], [])) == 1, "an empty window is not one's own"


@pytest.mark.nightly
def test_two_readers_at_once_are_measured(bench: Any, models: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(models)
    bench.many_readers.index_towns(home, REPOSITORY, tmp_path / "articles", 2)
    figures, wrong = bench.many_readers.crowd(home, REPOSITORY, readers=2, questions=2, rounds=1)
    assert wrong == []
    values = {figure.name: figure.value for figure in figures}
    assert values["questions answered"] == 4
    assert 0 < values["all at once: whole answer, median"] <= values["all at once: whole answer, 95th percentile"]
    assert values["memory of the server at most"] > 100
    assert all(figure.is_met for figure in figures)
    assert bench.many_readers.leaving(home, REPOSITORY, slots=4) > 0


def test_a_reader_who_meets_no_server_has_failed_and_the_others_go_on(bench: Any) -> None:
    told = bench.many_readers.read("http://127.0.0.1:9/", 0, 3)
    assert len(told.failed) == 1
    assert told.whole == []
