"""A test set as a table is read however spreadsheets write it, and what is written is read back equal."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag import TestSetError, Turn
from rag.evaluate import Case, Evidence, add_case, read_cases, read_test_set, write_cases
from rag.evaluate.testset.records import LONGEST_HEADER, LONGEST_LINE, _separator

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


def table(folder: Path, text: str | bytes, suffix: str = ".csv") -> Path:
    path = folder / f"questions{suffix}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def table_refusal(folder: Path, text: str | bytes) -> str:
    with pytest.raises(TestSetError) as caught:
        read_cases(table(folder, text))
    return caught.value.message.replace(f"{folder / 'questions.csv'}, ", "")


@pytest.mark.parametrize(
    ("separator", "suffix", "mark", "ending"),
    [
        (",", ".csv", b"", "\n"),
        (";", ".csv", b"\xef\xbb\xbf", "\r\n"),
        ("\t", ".csv", b"", "\r\n"),
        ("\t", ".tsv", b"", "\n"),
    ],
)
def test_a_table_is_read_however_a_spreadsheet_writes_it(
    tmp_path: Path, separator: str, suffix: str, mark: bytes, ending: str
) -> None:
    rows = [["Question", "answers", "evidence", "source", "answerable", "tags"]]
    rows += [["Who, and when?", "Ann | Ben", '"Ann and Ben; in May"', "port.md", "", "a|b"]]
    rows += [["Why?", "", "", "", "FALSE", ""], [""] * 6]
    quoted = [[f'"{cell}"' if separator in cell and cell[0] != '"' else cell for cell in row] for row in rows]
    lines = [separator.join(row) for row in quoted]
    first, second = read_cases(table(tmp_path, mark + ending.join([*lines, ""]).encode(), suffix))
    assert (first.question, first.answers, first.tags) == ("Who, and when?", ("Ann", "Ben"), ("a", "b"))
    assert (first.evidence[0].text, first.evidence[0].source, first.evidence[0].span) == (
        "Ann and Ben; in May",
        "port.md",
        None,
    )
    assert (second.question, second.answerable) == ("Why?", False)


def test_a_cell_may_hold_a_json_list_and_a_history(tmp_path: Path) -> None:
    text = 'question,answers,evidence_1,evidence_2,history\r\n"Who,\r\nand when?",'
    text += '"[""a|b"", ""c""]",one,"[{""text"": ""two""}]",'
    text += '"[{""role"": ""user"", ""text"": ""And then?""}]"\r\n'
    (case,) = read_cases(table(tmp_path, text))
    assert case.answers == ("a|b", "c")
    assert [each.text for each in case.evidence] == ["one", "two"]
    assert case.turns == (Turn("user", "And then?"),)
    assert case.question == "Who,\r\nand when?"


def test_an_answer_in_brackets_is_no_list(tmp_path: Path) -> None:
    assert read_cases(table(tmp_path, "question,answers\nWhat?,[sic] yes\n"))[0].answers == ("[sic] yes",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("question,anwsers\nWho?,Ann\n", "line 1, field 'anwsers': unknown column"),
        ("question,answers,answers\nWho?,Ann,Ben\n", "line 1, field 'answers': occurs more than once"),
        ("answers\nAnn\n", "names no column 'question'"),
        ("question,answers\nWho?,Ann\nWho?\n", "line 3, the whole line: has 1 cells, but the header has 2"),
        ("question,answers\n,Ann\n", "line 2, field 'question': Field required"),
        ("question,answers,\nWho?,Ann,Ben\n", "line 2, the whole line: 'Ben' is in a column without a name"),
        ("question,answers,answerable\nWho?,Ann,maybe\n", "line 2, field 'answerable': must be true or false"),
        ("question,answers,answerable\nWho?,Ann,no\n", "line 2, the whole line: a question with answerable=false"),
        ('question,answers\nWho?,"[""Ann"\n', "line 2, field 'answers': is not JSON"),
        ("question,answers\nWho?,Ann||Ben\n", "line 2, field 'answers[1]': must not be blank"),
        ("question,answers,history\nWho?,Ann,[NaN]\n", "line 2, field 'history': is not JSON"),
        (
            'question,answers,history\nWho?,Ann,"[{""role"": ""system"", ""text"": ""x""}]"\n',
            "line 2, field 'history[0].role': Input should be 'user' or 'assistant'",
        ),
        ("question,answers,source\nWho?,Ann,a.md\n", "line 2, field 'source': names the article of the evidence"),
        ('question,answers\nWho?,"a\nb"\nWhy?,"Ann\nHow?,x\n', "line 4, the whole line: a quotation mark opens"),
        ('question,answers\nWho?,"Ann"b\n', "line 2, the whole line: is not a row of a table"),
        (b"question,answers\nWho?,\xe4\n", "line 2, the whole line: is not UTF-8"),
        ("question,answers\nWho?," + "x" * 1_000_001 + "\n", "line 2, the whole line: has a cell of more than"),
        ("question,answers\nWho?,Ann\n,\nWho?,Ann\n", "line 4, the whole line: is a duplicate of line 2"),
        ("question,answers\n,\n", "contains no cases"),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_the_reason(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert message in table_refusal(tmp_path, text)


def test_bad_rows_can_be_skipped(tmp_path: Path) -> None:
    path = table(tmp_path, b"question,answers\nWho?,\xe4\nWhy?,so\nHow?\n")
    read = read_test_set(path, skip_bad=True)
    assert [case.question for case in read.cases] == ["Why?"]
    assert [problem.line for problem in read.skipped] == [2, 4]
    assert list(read.lines.values()) == [3]


# Written back

FORMULAS = ["=1+1", "+49 40", "-5", "@home", "'=quoted", "''=twice", "\t=tab", "＝１"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_spreadsheet_runs_nothing_that_a_test_set_says(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.csv"
    case = Case(question=text, answers=(text,), tags=(text,), notes=text, id=text)
    write_cases(path, [case])
    cells = path.read_text(encoding="utf-8-sig").splitlines()[1].split(",")
    assert all(cell.lstrip('"')[0] in "'[" for cell in cells if text.strip() in cell)
    assert read_cases(path) == [case]


@pytest.mark.parametrize("text", FORMULAS[:4])
def test_a_cell_that_looks_like_a_formula_is_kept_as_data(tmp_path: Path, text: str) -> None:
    assert read_cases(table(tmp_path, f"question,answers\nWhat?,{text}\n"))[0].answers == (text,)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FILLED = TEXTS.filter(lambda text: text.strip() != "") | st.sampled_from([*FORMULAS, "a|b", '["x"]', " x ", "x\r\ny"])


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    text, start = draw(FILLED), draw(st.none() | st.integers(0, 99))
    end = None if start is None else start + len(text)
    return Evidence(
        start=start, end=end, text=text, article_id=draw(st.none() | FILLED), source=draw(st.none() | FILLED)
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    turns = st.lists(
        st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "text": FILLED}), max_size=2
    )
    answers, evidence = draw(st.lists(FILLED, max_size=3)), draw(st.lists(evidences(), max_size=2))
    fields: dict[str, Any] = {
        "id": draw(FILLED),
        "question": draw(FILLED),
        "answers": answers,
        "evidence": [each.model_dump() for each in evidence],
        "answerable": bool(answers or evidence),
        "history": draw(turns),
        "tags": draw(st.lists(FILLED, max_size=3)),
        "notes": draw(TEXTS),
    }
    return Case.model_validate_json(json.dumps(fields))


@given(
    st.lists(cases(), min_size=1, max_size=4, unique_by=lambda case: case.id), st.sampled_from(["jsonl", "csv", "tsv"])
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_back_equal(tmp_path: Path, written_cases: list[Case], suffix: str) -> None:
    path = tmp_path / f"t.{suffix}"
    write_cases(path, written_cases)
    assert read_cases(path) == written_cases


def test_a_set_without_ids_keeps_those_that_it_was_given_when_it_is_written(tmp_path: Path) -> None:
    read = read_cases(written(tmp_path, {"question": "Who?", "answers": ["Ann"]}))
    write_cases(tmp_path / "t.csv", read)
    assert read_cases(tmp_path / "t.csv") == read


def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, GOOD)
    path.chmod(0o640)
    before = path.read_bytes()
    case = read_cases(path)[0]
    for wrong in ([], [case, case], [case.model_copy(update={"notes": "x" * 1_000_001})]):
        with pytest.raises(TestSetError):
            write_cases(path, wrong)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(TestSetError, match="No space left"):
            write_cases(path, [case.model_copy(update={"notes": "new"})])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    write_cases(path, [case.model_copy(update={"notes": "new"})])
    assert read_cases(path)[0].notes == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_an_answer_is_added_to_a_table_as_a_row(tmp_path: Path) -> None:
    path = table(tmp_path, "question;answers\nWho?;Ann\n")
    case = Case(question="Why?", answers=("so",))
    assert add_case(path, case)
    assert not add_case(path, case)
    assert [each.question for each in read_cases(path)] == ["Who?", "Why?"]


@pytest.mark.parametrize(
    ("head", "separator"),
    [
        ("question;answers;notes", ";"),
        ("question\tanswers", "\t"),
        ('question;"notes, remarks, sources"', ";"),
        ('question;"a ""quoted"", name, and, more"', ";"),
        ("question", ","),
        ("", ","),
    ],
)
def test_the_separator_is_the_one_that_occurs_most_outside_quotation_marks(head: str, separator: str) -> None:
    assert _separator(f"{head}\n,,,,;;;;\t\t\t\t") == separator


def test_a_first_line_of_very_many_quotation_marks_is_refused(tmp_path: Path) -> None:
    """Python's own way to find out the separator would not come to an end with such a line."""
    assert "line 1" in table_refusal(tmp_path, "question" + ',"x' * 16_000)
    assert _separator("," * LONGEST_HEADER + ";" * 3 * LONGEST_HEADER) == ",", "no more than the beginning is read"


def test_a_header_of_very_many_columns_is_read(tmp_path: Path) -> None:
    columns = ",".join(f"evidence_{number}" for number in range(2, 60_000))
    assert len(columns) < LONGEST_LINE
    assert "occurs more than once in the header" in table_refusal(tmp_path, f"question,{columns},evidence_2")
