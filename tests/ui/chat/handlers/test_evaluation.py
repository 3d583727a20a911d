"""The page's evaluation panel: a test set is asked question by question, and its report is shown."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from newsroom import newsroom

from ui.chat.handlers.evaluation import MOST_QUESTIONS, EvaluationHandlers
from ui.chat.session import Visitor
from ui.i18n.translate import chinese

VISITOR = Visitor("ann", "1")
HARBOUR = {
    "question": "When did the harbour reopen?",
    "answers": ["Monday"],
    "evidence": ["The harbour reopened on Monday"],
}
MOON = {"question": "How far is the moon?", "answerable": False}


@pytest.fixture
def room(tmp_path: Path) -> Any:
    return newsroom(tmp_path / "home")


@pytest.fixture
def handlers(room: Any) -> EvaluationHandlers:
    return EvaluationHandlers(room.assistant, room.services)


def written(path: Path, *lines: object) -> str:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return str(path)


def run(
    handlers: EvaluationHandlers, file: str | None, *, visitor: Visitor = VISITOR, model: str | None = None
) -> list[dict[str, Any]]:
    settings = (None, None, None, (), model, None, None)  # in the order of `PageSettings`
    if file is None:
        return list(handlers.run_saved(visitor, *settings))
    return list(handlers.run(visitor, file, *settings))


def told(state: dict[str, Any]) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", state["evaluation_status"]))


def test_each_question_is_told_as_it_is_asked_and_in_the_end_stands_the_report(
    handlers: EvaluationHandlers, tmp_path: Path
) -> None:
    first, *between, last = run(handlers, written(tmp_path / "mine.jsonl", HARBOUR, MOON))
    assert "0 of 2 questions answered" in told(first)
    assert first["report"] == "", "the report of the run before has gone"
    assert [re.findall(r"\d of 2", told(state))[0] for state in between] == ["1 of 2", "2 of 2"]
    assert all("report" not in state for state in between)
    assert "2 of 2 correct" in told(last)
    frame = last["report"]
    assert 'sandbox="allow-scripts"' in frame
    page = unescape(re.search(r'srcdoc="([^"]*)"', frame)[1])  # type: ignore[index]
    assert page.lower().startswith("<!doctype html>")
    assert HARBOUR["question"].rstrip("?") in unescape(page)


def test_the_other_test_set_is_what_answers_were_added_to(handlers: EvaluationHandlers, room: Any) -> None:
    (failure,) = run(handlers, None)
    assert "There is no test set yet" in told(failure)
    assert "report" not in failure
    written(room.services.testset, HARBOUR)
    assert "1 of 1 correct" in told(run(handlers, None)[-1])


def test_bad_lines_are_left_out_and_told_by_their_number_and_not_by_a_path_of_the_server(
    handlers: EvaluationHandlers, tmp_path: Path
) -> None:
    nowhere = {**HARBOUR, "evidence": ["words that stand nowhere"]}
    file = written(tmp_path / "mine.jsonl", HARBOUR, {"question": " "}, nowhere)
    last = run(handlers, file)[-1]
    assert "1 of 1 correct" in told(last)
    assert "2 questions skipped" in told(last)
    assert "line 2" in told(last)
    assert "line 3" in told(last)
    assert str(tmp_path) not in told(last)


def test_a_file_that_is_no_test_set_is_refused_by_its_name_alone(handlers: EvaluationHandlers, tmp_path: Path) -> None:
    (failure,) = run(handlers, written(tmp_path / "mine.jsonl", "no case"))
    assert "mine.jsonl" in told(failure)
    assert str(tmp_path) not in told(failure)


def test_a_test_set_that_would_take_too_long_is_for_the_command_line(
    handlers: EvaluationHandlers, tmp_path: Path
) -> None:
    many = [{"question": f"Question {n}?", "answerable": False} for n in range(MOST_QUESTIONS + 1)]
    (failure,) = run(handlers, written(tmp_path / "many.jsonl", *many))
    assert f"more than {MOST_QUESTIONS}" in told(failure)
    assert "citechat eval" in told(failure)


def test_the_model_of_the_settings_answers_and_one_that_is_not_offered_is_refused(
    handlers: EvaluationHandlers, tmp_path: Path
) -> None:
    file = written(tmp_path / "mine.jsonl", HARBOUR)
    assert "extractive" in unescape(unescape(run(handlers, file, model="extractive")[-1]["report"]))
    (failure,) = run(handlers, file, model="nosuch:model")
    assert "nosuch:model" in told(failure)


def test_what_is_told_is_in_the_language_of_the_reader(handlers: EvaluationHandlers, tmp_path: Path) -> None:
    file = written(tmp_path / "mine.jsonl", HARBOUR)
    assert "答对1个" in told(run(handlers, file, visitor=Visitor("ann", "1", chinese))[-1])
