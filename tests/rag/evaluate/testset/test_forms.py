"""Test sets as other programs write them are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rag import TestSetError
from rag.evaluate import read_test_set

OWN = [{"question": "Who?", "answers": ["Ann"]}, {"question": "When?", "answers": ["Friday", "on Friday"]}]
RAGAS = [
    {"user_input": "Who?", "reference_contexts": ["Ann left."], "reference": "Ann"},
    {"user_input": "When?", "reference": ["Friday", "on Friday"]},
]
OLD_RAGAS = {
    "question": ["Who?", "When?"],
    "contexts": [["Ann left."], []],
    "ground_truth": ["Ann", "Friday"],
    "answer": ["It was Ben.", "On Sunday."],
}
DEEPEVAL = [{"input": "Who?", "expected_output": "Ann", "context": ["Ann left."], "actual_output": "Ben"}]


def read(tmp_path: Path, text: str, name: str = "questions.json") -> list[tuple[str, tuple[str, ...]]]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return [(case.question, case.answers) for case in read_test_set(tmp_path / name).cases]


@pytest.mark.parametrize(
    "written", [OWN, {"questions": OWN}, {"data": OWN, "version": 1}, {"cases": OWN}, RAGAS, {"samples": RAGAS}]
)
@pytest.mark.parametrize("indent", [None, 2])
def test_arrays_with_and_without_a_name_are_read(tmp_path: Path, written: Any, indent: int | None) -> None:
    expected = [("Who?", ("Ann",)), ("When?", ("Friday", "on Friday"))]
    assert read(tmp_path, json.dumps(written, indent=indent)) == expected


def test_columns_are_read_and_a_reply_of_a_system_is_no_expected_answer(tmp_path: Path) -> None:
    assert read(tmp_path, json.dumps(OLD_RAGAS)) == [("Who?", ("Ann",)), ("When?", ("Friday",))]


def test_deepeval_and_lines_of_ragas_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, json.dumps(DEEPEVAL)) == [("Who?", ("Ann",))]
    lines = "\n".join(json.dumps(row) for row in RAGAS)
    assert read(tmp_path, lines, "questions.jsonl") == [("Who?", ("Ann",)), ("When?", ("Friday", "on Friday"))]


@pytest.mark.parametrize("answers", ["Ann", ["Ann"]])
def test_a_single_answer_needs_no_list(tmp_path: Path, answers: Any) -> None:
    assert read(tmp_path, json.dumps({"question": "Who?", "answers": answers}), "a.jsonl") == [("Who?", ("Ann",))]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ([OWN[0], {"question": "When?"}], "line 2, the whole line: needs 'answers'"),
        ([OWN[0], 7], "line 2, the whole line"),
        ([{**OWN[0], "anwsers": []}], "line 1, field 'anwsers': unknown field"),
        ({"question": ["Who?"], "ground_truth": []}, "questions.json, line 1"),
        ([], "contains no cases"),
    ],
)
def test_problems_in_them_name_the_case(tmp_path: Path, written: Any, told: str) -> None:
    with pytest.raises(TestSetError) as raised:
        read(tmp_path, json.dumps(written))
    assert told in str(raised.value)
