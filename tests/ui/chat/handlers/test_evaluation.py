"""The page's evaluation panel: a test set is asked question by question, and its report is shown."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from newsroom import newsroom

from ui.chat.handlers.evaluation import MOST_QUESTIONS, Measuring
from ui.chat.session import Reader
from ui.i18n.translate import chinese

READER = Reader("ann", "1")
SKIP = object()
HARBOUR = {
    "question": "When did the harbour reopen?",
    "answers": ["Monday"],
    "evidence": ["The harbour reopened on Monday"],
}
MOON = {"question": "How far is the moon?", "answerable": False}


class Page:
    """The part of the web framework that replies use."""

    def skip(self) -> object:
        return SKIP


@pytest.fixture
def room(tmp_path: Path) -> Any:
    return newsroom(tmp_path / "home")


@pytest.fixture
def measuring(room: Any) -> Measuring:
    return Measuring(Page(), room.assistant, room.services)


def written(path: Path, *lines: object) -> str:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return str(path)


def run(
    measuring: Measuring, file: str | None, *, reader: Reader = READER, model: str | None = None
) -> list[list[Any]]:
    if file is None:
        return list(measuring.run_added(reader, model, None, None))
    return list(measuring.run(reader, file, model, None, None))


def told(state: list[Any]) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", state[0]))


def test_each_question_is_told_as_it_is_asked_and_in_the_end_stands_the_report(
    measuring: Measuring, tmp_path: Path
) -> None:
    first, *between, last = run(measuring, written(tmp_path / "mine.jsonl", HARBOUR, MOON))
    assert "0 of 2 questions asked" in told(first)
    assert first[1] == "", "the report of the run before has gone"
    assert [re.findall(r"\d of 2", told(state))[0] for state in between] == ["1 of 2", "2 of 2"]
    assert all(report is SKIP for _, report in between)
    assert "2 of 2 right" in told(last)
    frame = last[1]
    assert 'sandbox="allow-scripts"' in frame
    page = unescape(re.search(r'srcdoc="([^"]*)"', frame)[1])  # type: ignore[index]
    assert page.lower().startswith("<!doctype html>")
    assert HARBOUR["question"].rstrip("?") in unescape(page)


def test_the_other_test_set_is_what_answers_were_added_to(measuring: Measuring, room: Any) -> None:
    (failure,) = run(measuring, None)
    assert "There is no test set yet" in told(failure)
    assert failure[1] is SKIP
    written(room.services.testset, HARBOUR)
    assert "1 of 1 right" in told(run(measuring, None)[-1])


def test_bad_lines_are_left_out_and_told_by_their_number_and_not_by_a_path_of_the_server(
    measuring: Measuring, tmp_path: Path
) -> None:
    nowhere = {**HARBOUR, "evidence": ["words that stand nowhere"]}
    file = written(tmp_path / "mine.jsonl", HARBOUR, {"question": " "}, nowhere)
    last = run(measuring, file)[-1]
    assert "1 of 1 right" in told(last)
    assert "2 questions were left out" in told(last)
    assert "line 2" in told(last)
    assert "line 3" in told(last)
    assert str(tmp_path) not in told(last)


def test_a_file_that_is_no_test_set_is_refused_by_its_name_alone(measuring: Measuring, tmp_path: Path) -> None:
    (failure,) = run(measuring, written(tmp_path / "mine.jsonl", "no case"))
    assert "mine.jsonl" in told(failure)
    assert str(tmp_path) not in told(failure)


def test_a_test_set_that_would_take_too_long_is_for_the_command_line(measuring: Measuring, tmp_path: Path) -> None:
    many = [{"question": f"Question {n}?", "answerable": False} for n in range(MOST_QUESTIONS + 1)]
    (failure,) = run(measuring, written(tmp_path / "many.jsonl", *many))
    assert f"more than {MOST_QUESTIONS}" in told(failure)
    assert "citechat eval" in told(failure)


def test_the_model_of_the_settings_answers_and_one_that_is_not_offered_is_refused(
    measuring: Measuring, tmp_path: Path
) -> None:
    file = written(tmp_path / "mine.jsonl", HARBOUR)
    assert "extractive" in unescape(unescape(run(measuring, file, model="extractive")[-1][1]))
    (failure,) = run(measuring, file, model="nosuch:model")
    assert "nosuch:model" in told(failure)


def test_what_is_told_is_in_the_language_of_the_reader(measuring: Measuring, tmp_path: Path) -> None:
    file = written(tmp_path / "mine.jsonl", HARBOUR)
    assert "答对1个" in told(run(measuring, file, reader=Reader("ann", "1", chinese))[-1])
