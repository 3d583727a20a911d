"""A run that is cut short goes on where it was."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from rag import Answer, TestSetError
from rag.evaluate import Case, CaseResult, Checkpoint, Cost, evaluate, run_fingerprint, to_json, write_atomically

CASES = [Case(id=f"c{k}", question=f"Question {k}?", answerable=False) for k in range(6)]
ROWS = [
    CaseResult(f"c{k}", f"Question {k}?", False, "中文 \u2028 said", False, cost=Cost({"total": 0.1}, {}))
    for k in range(6)
]


class _Counting:
    """Says nothing, and counts how often it is asked; stops the program at one question."""

    def __init__(self, stop_at: str = "") -> None:
        self.asked: list[str] = []
        self.stop_at = stop_at

    def ask(self, question: str, history: object = (), /) -> Answer:
        if question == self.stop_at:
            raise KeyboardInterrupt
        self.asked.append(question)
        return Answer(question, "The articles do not say.", found=False, done=True)

    def article(self, article_id: str, /) -> None:
        return None


def test_rows_that_were_written_down_are_there_again(tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "run.rows", "s") as journal:
        for row in ROWS[:3]:
            journal.add(row)
    with Checkpoint(tmp_path / "run.rows", "s") as journal:
        assert list(journal.results.values()) == ROWS[:3]


def test_a_line_that_was_cut_off_is_asked_again_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "run.rows"
    with Checkpoint(path, "s") as journal:
        for row in ROWS:
            journal.add(row)
    os.truncate(path, path.stat().st_size - 5)
    with Checkpoint(path, "s") as journal:
        assert list(journal.results) == [row.id for row in ROWS[:-1]]
        journal.add(ROWS[-1])
    with Checkpoint(path, "s") as journal:
        assert list(journal.results.values()) == ROWS


def test_another_run_begins_anew(tmp_path: Path) -> None:
    with Checkpoint(tmp_path / "run.rows", "s") as journal:
        journal.add(ROWS[0])
    with Checkpoint(tmp_path / "run.rows", "t") as journal:
        assert journal.results == {}


def test_the_stamp_tells_other_questions_settings_and_versions_apart() -> None:
    stamp = run_fingerprint(CASES, {"llm": "extractive"}, {"numpy": "2"})
    assert stamp == run_fingerprint(list(CASES), {"llm": "extractive"}, {"numpy": "2"})
    assert stamp != run_fingerprint(CASES[1:], {"llm": "extractive"}, {"numpy": "2"})
    assert stamp != run_fingerprint(CASES, {"llm": "other"}, {"numpy": "2"})
    assert stamp != run_fingerprint(CASES, {"llm": "extractive"}, {"numpy": "3"})


def test_a_run_that_is_cut_short_and_goes_on_gives_the_same_rows(tmp_path: Path) -> None:
    whole = evaluate(_Counting(), CASES)
    with pytest.raises(KeyboardInterrupt), Checkpoint(tmp_path / "run.rows", "s") as journal:
        evaluate(_Counting(stop_at=CASES[3].question), CASES, seen=journal.add)
    later = _Counting()
    with Checkpoint(tmp_path / "run.rows", "s") as journal:
        report = evaluate(later, CASES, known=dict(journal.results), seen=journal.add)
        journal.finish()
    assert later.asked == [case.question for case in CASES[3:]], "nothing is asked twice"
    timeless = [
        replace(each, results=tuple(replace(row, cost=None) for row in each.results)) for each in (report, whole)
    ]
    assert to_json(timeless[0]) == to_json(timeless[1])
    assert not (tmp_path / "run.rows").exists()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_atomically(tmp_path / "new" / "run.json", "one")
    write_atomically(tmp_path / "new" / "run.json", "two")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["run.json"]
    assert (tmp_path / "new" / "run.json").read_text() == "two"
    (tmp_path / "file").touch()
    with pytest.raises(TestSetError, match="Cannot write"):
        write_atomically(tmp_path / "file" / "run.json", "three")
    with pytest.raises(TestSetError, match="Cannot write"):
        Checkpoint(tmp_path / "file" / "run.rows", "s")
