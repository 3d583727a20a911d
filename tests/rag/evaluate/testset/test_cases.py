"""A test set is read exactly, or refused with file, line, field and reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from rag import TestSetError, Turn
from rag.evaluate import Case, read_cases, read_test_set
from rag.evaluate.testset.cases import MOST_ITEMS

GOOD: dict[str, Any] = {
    "id": "q1",
    "question": "Who founded it?",
    "answers": ["Zhou Hongyi"],
    "evidence": [{"start": 3, "end": 14, "text": "Zhou Hongyi"}],
    "answerable": True,
}


def written(folder: Path, *lines: str | dict[str, Any]) -> Path:
    path = folder / "questions.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8", newline="")
    return path


def refusal(folder: Path, *lines: str | dict[str, Any]) -> str:
    path = written(folder, *lines)
    with pytest.raises(TestSetError) as caught:
        read_cases(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value.message


def test_a_good_file_gives_its_cases_in_order(tmp_path: Path) -> None:
    unanswerable = {"id": "q2", "question": "Who?", "answers": [], "evidence": [], "answerable": False, "tags": ["far"]}
    cases = read_cases(written(tmp_path, GOOD, "", "   ", unanswerable))
    assert [case.id for case in cases] == ["q1", "q2"]
    assert cases[0].answers == ("Zhou Hongyi",)
    assert (cases[0].evidence[0].start, cases[0].evidence[0].end) == (3, 14)
    assert cases[1].tags == ("far",)
    assert not cases[1].answerable


def test_the_sample_test_set_can_be_read() -> None:
    assert len(read_cases(Path(__file__).parents[4] / "samples" / "questions.jsonl")) > 30


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_case(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b"\r\n" + json.dumps({**GOOD, "id": "q2"}).encode())
    assert [case.id for case in read_cases(path)] == ["q1", "q2"]


def test_a_line_separator_inside_a_string_does_not_end_the_line(tmp_path: Path) -> None:
    question = "One\u2028two?"
    assert read_cases(written(tmp_path, {**GOOD, "question": question}))[0].question == question


def test_offsets_count_characters_not_bytes(tmp_path: Path) -> None:
    evidence = [{"start": 5, "end": 9, "text": "清华大学"}]
    assert read_cases(written(tmp_path, {**GOOD, "evidence": evidence}))[0].evidence[0].text == "清华大学"


def test_evidence_may_be_its_words_alone(tmp_path: Path) -> None:
    evidence = ["Zhou Hongyi", {"text": "Zhou Hongyi", "source": "a.md"}]
    first, second = read_cases(written(tmp_path, {**GOOD, "evidence": evidence}))[0].evidence
    assert (first.text, first.span, second.span) == ("Zhou Hongyi", None, None)


def test_a_history_becomes_turns(tmp_path: Path) -> None:
    history = [{"role": "user", "text": "Who is Xie?"}, {"role": "assistant", "text": "A professor. [1]"}]
    case = read_cases(written(tmp_path, {**GOOD, "history": history}))[0]
    assert case.turns == (Turn("user", "Who is Xie?"), Turn("assistant", "A professor. [1]"))


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"id": ""}, "'id'", "blank"),
        ({"id": 7}, "'id'", "string"),
        ({"question": " \t"}, "'question'", "blank"),
        ({"answerable": "yes"}, "'answerable'", "boolean"),
        ({"answers": 7}, "'answers'", "array"),
        ({"answers": ["Zhou", ""]}, "'answers[1]'", "blank"),
        ({"evidence": [{"start": "3", "end": 14, "text": "Zhou Hongyi"}]}, "'evidence[0].start'", "integer"),
        ({"evidence": [{"start": -1, "end": 10, "text": "Zhou Hongyi"}]}, "'evidence[0].start'", "greater"),
        ({"evidence": [{"start": 3, "end": 15, "text": "Zhou Hongyi"}]}, "'evidence[0]'", "12 characters apart"),
        ({"evidence": [{"start": 14, "end": 3, "text": "Zhou Hongyi"}]}, "'evidence[0]'", "start 14 is after end 3"),
        ({"evidence": [{"start": 3, "text": "Zhou Hongyi"}]}, "'evidence[0]'", "give both"),
        ({"evidence": [{"start": float("nan"), "end": 14, "text": "Zhou Hongyi"}]}, "'evidence[0].start'", "got nan"),
        ({"evidence": [" "]}, "'evidence[0].text'", "blank"),
        ({"evidence": [7]}, "'evidence[0]'", "got 7"),
        ({"notes": None}, "'notes'", "string"),
        ({"evidence": [{"start": 3, "end": 3, "text": ""}]}, "'evidence[0].text'", "blank"),
        ({"evidence": [{"start": 3, "end": 14}]}, "'evidence[0].text'", "required"),
        ({"anwsers": ["Zhou"]}, "'anwsers'", "unknown field"),
        ({"history": [{"role": "system", "text": "obey"}]}, "'history[0].role'", "'user' or 'assistant'"),
        ({"answers": [], "evidence": []}, "the whole line", "needs 'answers' or 'evidence'"),
        ({"answerable": False}, "the whole line", "neither 'answers' nor 'evidence'"),
    ],
)
def test_a_bad_field_is_named_with_its_line_and_the_reason(
    tmp_path: Path, change: dict[str, Any], field: str, reason: str
) -> None:
    message = refusal(tmp_path, {**GOOD, "id": "q0"}, {**GOOD, **change})
    assert f"line 2, {field}" in message.replace("field ", "")
    assert reason in message


def test_a_missing_question_is_named(tmp_path: Path) -> None:
    message = refusal(tmp_path, {key: value for key, value in GOOD.items() if key != "question"})
    assert message.endswith("line 1, field 'question': Field required, got nothing")


@pytest.mark.parametrize("line", ["{not json", '["a list"]', "null", '"text"', '{"id": "q1"'])
def test_a_line_that_is_no_json_object_is_named(tmp_path: Path, line: str) -> None:
    assert "line 2, the whole line: " in refusal(tmp_path, GOOD, line)


def test_bytes_that_are_not_utf8_are_a_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_bytes(json.dumps(GOOD).encode() + b'\n{"id": "\xff"}\n')
    with pytest.raises(TestSetError, match="line 2"):
        read_cases(path)


def test_every_bad_line_is_named_at_once(tmp_path: Path) -> None:
    message = refusal(tmp_path, {**GOOD, "id": ""}, GOOD, "{")
    assert "line 1" in message
    assert "line 2" not in message
    assert "line 3" in message


def test_a_long_list_of_bad_lines_is_cut_and_counted(tmp_path: Path) -> None:
    message = refusal(tmp_path, *["{"] * 25)
    assert message.count("the whole line") == 10
    assert "15 more" in message


def test_an_id_used_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    message = refusal(tmp_path, GOOD, {**GOOD, "id": "q2"}, GOOD)
    assert "line 3, field 'id'" in message
    assert "on line 1" in message


def test_a_file_without_a_case_is_refused(tmp_path: Path) -> None:
    assert "no case" in refusal(tmp_path, "", "")


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_a_path_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TestSetError, match="Cannot read"):
        read_cases(tmp_path / name)


def test_a_case_does_not_change() -> None:
    case = Case.model_validate_json(json.dumps(GOOD))
    with pytest.raises(ValidationError):
        case.question = "Another?"


def test_what_is_left_out_follows_from_the_rest(tmp_path: Path) -> None:
    short, other = {"question": "Who?", "answers": ["Ann"]}, {"question": "Who?", "answers": ["Ben"]}
    first, second = read_cases(written(tmp_path, short, other))
    assert first.answerable
    assert first.id.startswith("q-")
    assert first.id != second.id
    assert read_cases(written(tmp_path, "", other, {**short, "notes": "seen", "tags": ["x"]}))[1].id == first.id


def test_whether_there_is_an_answer_must_be_stated_where_none_is_given(tmp_path: Path) -> None:
    assert "or answerable=false" in refusal(tmp_path, {"question": "Who?"})
    assert not read_cases(written(tmp_path, {"question": "Who?", "answerable": False}))[0].answerable


def test_a_question_that_stands_twice_without_ids_is_named_with_both_lines(tmp_path: Path) -> None:
    short = {"question": "Who?", "answers": ["Ann"]}
    assert "line 3, the whole line: is a duplicate of line 1" in refusal(tmp_path, short, "", short)


def test_a_field_that_stands_twice_is_named(tmp_path: Path) -> None:
    line = '{"question": "Who?", "question": "Where?", "answers": ["here"]}'
    assert "line 1, field 'question': occurs more than once" in refusal(tmp_path, line)


def test_a_line_that_is_too_long_is_told_and_not_read(tmp_path: Path) -> None:
    assert "line 2, the whole line: has 1000" in refusal(tmp_path, GOOD, {**GOOD, "id": "q2", "notes": "x" * 1_000_000})


def test_a_line_half_of_bytes_of_another_encoding_says_how_to_mend_it(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_bytes('{"question": "Où?", "answers": ["ici"]}'.encode("latin-1"))
    with pytest.raises(TestSetError, match="line 1, the whole line: is not UTF-8; save the file in that encoding"):
        read_cases(path)


@pytest.mark.parametrize(("suffix", "separator"), [(".csv", ","), (".tsv", "\t"), (".csv", ";")])
def test_a_table_in_utf16_is_read(tmp_path: Path, suffix: str, separator: str) -> None:
    """Excel saves it as “Unicode text”."""
    path = tmp_path / f"questions{suffix}"
    path.write_text(f"question{separator}answers\nWho?{separator}Zoë\n", encoding="utf-16")
    assert [(case.question, case.answers) for case in read_cases(path)] == [("Who?", ("Zoë",))]


def test_bytes_that_only_begin_like_utf16_say_how_to_mend_it(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_bytes(b"\xff\xfeodd")
    with pytest.raises(TestSetError, match="is not UTF-8"):
        read_cases(path)


def test_a_workbook_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "questions.xlsx").write_bytes(b"PK")
    with pytest.raises(TestSetError, match=r"\.xlsx is not supported") as caught:
        read_cases(tmp_path / "questions.xlsx")
    assert "CSV" in caught.value.hint


# Bad lines can be left out


def test_bad_lines_can_be_skipped_and_are_told(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD, "{", {**GOOD, "id": "q2"}, GOOD, {**GOOD, "id": "q3", "tags": [""]})
    read = read_test_set(path, skip_bad=True)
    assert [case.id for case in read.cases] == ["q1", "q2"]
    assert [(problem.line, problem.field) for problem in read.skipped] == [(2, ""), (4, "id"), (5, "tags[0]")]
    assert all(str(problem).startswith(f"{path}, line {problem.line}, ") for problem in read.skipped)
    assert read.lines == {"q1": 1, "q2": 3}


def test_a_file_without_a_good_line_is_refused_even_where_bad_ones_may_be_skipped(tmp_path: Path) -> None:
    with pytest.raises(TestSetError, match="line 1"):
        read_test_set(written(tmp_path, "{"), skip_bad=True)


def test_nothing_is_skipped_unasked(tmp_path: Path) -> None:
    with pytest.raises(TestSetError, match="line 2"):
        read_test_set(written(tmp_path, GOOD, "{"))


TURN = {"role": "user", "text": "Hello"}


@pytest.mark.parametrize(
    ("field", "item"), [("answers", "Ann"), ("evidence", "Ann left"), ("tags", "a"), ("history", TURN)]
)
def test_a_case_has_a_limit_on_its_items_and_the_line_that_breaks_it_is_named(
    tmp_path: Path, field: str, item: object
) -> None:
    (case,) = read_cases(written(tmp_path, {**GOOD, field: [item] * MOST_ITEMS}))
    assert len(getattr(case, field)) == MOST_ITEMS
    told = refusal(tmp_path, GOOD, {**GOOD, "id": "q2", field: [item] * (MOST_ITEMS + 1)})
    assert told.endswith(f"line 2, field '{field}': has more than {MOST_ITEMS} items")


def test_very_many_invalid_items_are_one_problem(tmp_path: Path) -> None:
    read = read_test_set(written(tmp_path, GOOD, {**GOOD, "id": "q2", "tags": [0] * 20_000}), skip_bad=True)
    assert [(problem.field, problem.reason) for problem in read.skipped] == [("tags", "has more than 100 items")]


def test_of_very_many_unknown_fields_the_first_are_told(tmp_path: Path) -> None:
    unknown = {f"x{number}": 0 for number in range(20_000)}
    read = read_test_set(written(tmp_path, GOOD, {**GOOD, "id": "q2", **unknown}), skip_bad=True)
    assert [problem.field for problem in read.skipped] == [f"x{number}" for number in range(10)]


def test_a_case_from_elsewhere_has_the_same_limit() -> None:
    with pytest.raises(ValidationError, match="at most 100 items"):
        Case(question="Who?", answers=("Ann",) * (MOST_ITEMS + 1))


def test_no_more_lines_are_read_than_are_wanted(tmp_path: Path) -> None:
    lines = [{**GOOD, "id": f"q{number}"} for number in range(3)]
    assert len(read_test_set(written(tmp_path, *lines), most_cases=3).cases) == 3
    with pytest.raises(TestSetError, match="has more than 3 questions"):
        read_test_set(written(tmp_path, *lines, "not even JSON"), most_cases=3)
    with pytest.raises(TestSetError, match="has more than 3 questions"):
        read_test_set(written(tmp_path, lines[0], "x", "x", "x"), skip_bad=True, most_cases=3)
