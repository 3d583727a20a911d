"""Test sets of others are read as strictly as our own, and come with the texts that they are about."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hashing import HashingEncoder

from index import Index
from rag import AnswerOptions, Assistant, TestSetError
from rag.evaluate import FORMATS, Imported, evaluate, import_ragas, import_squad, read_cases, resolve, write_cases

PORT = "The harbour reopened on Monday. 🚢 Ann Lee said so."
FERRY = "The ferry sails every hour."


def answer(text: str, context: str = PORT) -> dict[str, Any]:
    return {"text": text, "answer_start": context.index(text)}


def squad(*paragraphs: Any, title: str = "The_port") -> dict[str, Any]:
    return {"version": "v2.0", "data": [{"title": title, "paragraphs": list(paragraphs)}]}


def asked(*questions: dict[str, Any], context: str = PORT) -> dict[str, Any]:
    return {
        "context": context,
        "qas": [{"id": f"q{n}", "question": "Who?", **each} for n, each in enumerate(questions)],
    }


def imported(folder: Path, data: Any, **options: bool) -> Imported:
    path = folder / "train.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return import_squad(path, **options)


# SQuAD


def test_the_questions_of_squad_1_keep_their_offsets(tmp_path: Path) -> None:
    twice = [answer("Ann Lee"), answer("Ann Lee"), answer("Lee")]
    found = imported(
        tmp_path, squad(asked({"answers": twice}), asked({"id": "q9", "answers": []}, context=FERRY)), skip_bad=True
    )
    (case,) = found.cases
    (port, ferry) = found.contexts
    assert (port.title, port.text, port.source) == ("The port", PORT, "the-port-00001.txt")
    assert (ferry.text, ferry.source) == (FERRY, "the-port-00002.txt")
    assert (case.id, case.question, case.answers, case.answerable) == ("q0", "Who?", ("Ann Lee", "Lee"), True)
    assert [(each.text, each.source) for each in case.evidence] == [("Ann Lee", port.source), ("Lee", port.source)]
    assert all(PORT[each.start : each.end] == each.text for each in case.evidence)


def test_the_impossible_questions_of_squad_2_have_no_answer(tmp_path: Path) -> None:
    impossible = {"is_impossible": True, "answers": [], "plausible_answers": [answer("Monday")]}
    (case,) = imported(tmp_path, squad(asked(impossible))).cases
    assert (case.answerable, case.answers, case.evidence) == (False, (), ())


def test_a_context_that_comes_again_is_one_article(tmp_path: Path) -> None:
    data = squad(asked({"answers": [answer("Ann Lee")]}), asked({"id": "q9", "answers": [answer("Monday")]}))
    found = imported(tmp_path, data)
    assert len(found.contexts) == 1
    assert len(found.cases) == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{", "train.json: is not JSON: EOF"),
        ([], "is not a SQuAD file: it has no list 'data'"),
        ({"data": [1]}, "field 'data[0]': Input should be a valid dictionary"),
        (squad(1), "field 'data[0].paragraphs[0]': Input should be a valid dictionary"),
        (squad({"context": PORT}), "field 'data[0].paragraphs[0].qas': Field required"),
        (squad({"context": PORT, "qas": [1]}), "field 'data[0].paragraphs[0].qas[0]': Input should be"),
        (squad(asked({"question": " "})), "paragraphs[0].qas[0].question': must not be blank"),
        (squad(asked({"id": 7})), "paragraphs[0].qas[0].id': Input should be a valid string, got 7"),
        (squad(asked({"answers": [{"text": "Ann"}]})), "qas[0].answers[0].answer_start': Field required"),
        (
            squad(asked({"answers": [{"text": "Ann", "answer_start": 3}]})),
            "qas[0].answers[0]': says 'Ann', but the context has ' ha' at 3",
        ),
        (squad(asked({"answers": []})), "qas[0]': an answerable question needs 'answers'"),
        (
            squad(asked({"answers": [answer("Ann")], "is_impossible": True})),
            "qas[0]': a question with answerable=false",
        ),
        (
            squad(asked({"answers": [answer("Ann")]}, {"id": "q0", "answers": [answer("Lee")]})),
            "qas[1]': the id 'q0' is already used, in data[0].paragraphs[0].qas[0]",
        ),
        (squad(), "There is no question in"),
    ],
)
def test_what_is_wrong_with_a_squad_file_is_named_with_its_place(tmp_path: Path, data: Any, message: str) -> None:
    with pytest.raises(TestSetError) as caught:
        imported(tmp_path, data)
    assert str(tmp_path / "train.json") in caught.value.message
    assert message in caught.value.message
    assert caught.value.hint


def test_bad_questions_can_be_skipped_and_are_told(tmp_path: Path) -> None:
    moved = {"text": "Ann", "answer_start": 3}
    found = imported(
        tmp_path, squad(asked({"answers": [answer("Ann")]}, {"answers": []}, {"answers": [moved]})), skip_bad=True
    )
    assert [case.id for case in found.cases] == ["q0"]
    here = "data[0].paragraphs[0]"
    assert [problem.field for problem in found.skipped] == [f"{here}.qas[1]", f"{here}.qas[2].answers[0]"]


def test_imported_questions_can_be_asked_once_their_texts_are_indexed(tmp_path: Path) -> None:
    found = imported(
        tmp_path, squad(asked({"question": "Who said that the harbour reopened?", "answers": [answer("Ann Lee")]}))
    )
    for context in found.contexts:
        (tmp_path / context.source).write_text(context.text, encoding="utf-8", newline="")
    index = Index(tmp_path / "index", HashingEncoder())
    index.sync([tmp_path / context.source for context in found.contexts])
    write_cases(tmp_path / "t.csv", found.cases)
    cases, problems = resolve(read_cases(tmp_path / "t.csv"), index.articles())
    assert not problems
    assert evaluate(Assistant(index, options=AnswerOptions(abstention_threshold=-1000)), cases).results[0].evidence_seen


# RAGAS


def ragas(folder: Path, *rows: dict[str, Any] | str, **options: bool) -> Imported:
    path = folder / "rows.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return import_ragas(path, **options)


@pytest.mark.parametrize(
    "row",
    [
        {"question": "Who said so?", "answer": "Bob", "ground_truth": "Ann Lee", "contexts": [PORT, FERRY]},
        {"question": "Who said so?", "ground_truths": ["Ann Lee"], "contexts": [PORT, FERRY]},
        {"question": "Who said so?", "answer": "Ann Lee", "contexts": [PORT, FERRY]},
        {"user_input": "Who said so?", "response": "Bob", "reference": "Ann Lee", "retrieved_contexts": [PORT, FERRY]},
        {
            "user_input": "Who said so?",
            "reference": "Ann Lee",
            "reference_contexts": [PORT, FERRY],
            "rubrics": {"a": 1},
        },
    ],
)
def test_the_columns_of_ragas_are_known_by_their_old_and_new_names(tmp_path: Path, row: dict[str, Any]) -> None:
    found = ragas(tmp_path, row)
    (case,) = found.cases
    assert (case.question, case.answers, case.answerable) == ("Who said so?", ("Ann Lee",), True)
    assert [context.text for context in found.contexts] == [PORT, FERRY]
    (evidence,) = case.evidence
    assert PORT[evidence.start : evidence.end] == evidence.text == "Ann Lee"
    assert evidence.source == found.contexts[0].source


def test_contexts_prove_an_answer_in_other_words_only_where_somebody_chose_them(tmp_path: Path) -> None:
    chosen, retrieved = (
        ragas(tmp_path, {"user_input": "Who?", "reference": "It was Ann.", name: [PORT]}).cases[0].evidence
        for name in ("reference_contexts", "retrieved_contexts")
    )
    assert [(each.start, each.text) for each in chosen] == [(0, PORT)]
    assert retrieved == ()


def as_csv(folder: Path, *rows: dict[str, str]) -> Path:
    path = folder / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize("contexts", [json.dumps([PORT, "it's"]), repr([PORT, "it's"])])
def test_a_table_may_hold_lists_as_json_or_as_python_writes_them(tmp_path: Path, contexts: str) -> None:
    path = as_csv(tmp_path, {"": "0", "question": "Who?", "contexts": contexts, "ground_truth": "[sic] Ann"})
    found = import_ragas(path)
    assert [context.text for context in found.contexts] == [PORT, "it's"]
    assert found.cases[0].answers == ("[sic] Ann",)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "line 2, the whole line: is not JSON"),
        ("[]", "line 2, the whole line: is not a JSON object"),
        ('{"question": "Who?", "answer": NaN}', "line 2, the whole line: is not JSON"),
        ({"answer": "Ann"}, "line 2, field 'user_input': Field required"),
        ({"question": " ", "answer": "Ann"}, "line 2, field 'question': must not be blank, got ' '"),
        (
            {"user_input": [{"content": "Who?"}], "reference": "Ann"},
            "line 2, field 'user_input': Input should be a valid string",
        ),
        ({"question": "Who?"}, "line 2, the whole line: needs 'answers' or 'evidence'"),
        (
            {"question": "Who?", "ground_truths": [7]},
            "line 2, field 'ground_truths[0]': Input should be a valid string, got 7",
        ),
        (
            {"question": "Who?", "answer": "Ann", "contexts": {"a": 1}},
            "line 2, field 'contexts': Input should be a valid list",
        ),
        ({"question": "Who said so?", "answer": "Ann"}, "line 2, the whole line: the id 'q-"),
    ],
)
def test_what_is_wrong_with_a_row_is_named_with_its_line(tmp_path: Path, row: Any, message: str) -> None:
    good = {"question": "Who said so?", "answer": "Ann"}
    with pytest.raises(TestSetError) as caught:
        ragas(tmp_path, good, row)
    assert f"{tmp_path / 'rows.jsonl'}, {message}" in caught.value.message
    assert len(ragas(tmp_path, good, row, skip_bad=True).cases) == 1


def test_a_list_that_lost_its_commas_is_not_guessed_at(tmp_path: Path) -> None:
    path = as_csv(tmp_path, {"question": "Who?", "contexts": "['one'\n 'two']", "answer": "Ann"})
    with pytest.raises(TestSetError, match="line 2, field 'contexts': is a list without commas"):
        import_ragas(path)


def test_a_table_without_a_question_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TestSetError, match="names none of the columns user_input, question, only query"):
        import_ragas(as_csv(tmp_path, {"query": "Who?"}))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TestSetError, match="Cannot read"):
        FORMATS[name](tmp_path / "none.jsonl")
