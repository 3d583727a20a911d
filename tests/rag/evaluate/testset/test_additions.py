"""An answer that a reader accepts becomes a case that the evaluation understands, and a test set never breaks by it."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from index import Hit, Passage, Span
from rag import NOT_FOUND, Answer, Assistant, FullTestSetError, Sentence, TestSetError, Turn, load_settings, open_index
from rag.evaluate import MEASURES, Case, add_case, case_from_answer, evaluate, read_cases
from rag.evaluate.testset import writer

TEXT = "The harbour reopened on Monday. 🚢 Ships came back."
MONDAY, SHIPS = Span(0, 31), Span(34, 50)


def hit(source: str = "/home/ann/articles/port.md", article_id: str = "a1") -> Hit:
    return Hit(Passage(article_id, 0, len(TEXT), TEXT), "The port", source, None, 1.0)


def answered(*spans: Span, focus: str = "", support: str = "quoted", hits: tuple[Hit, ...] = (hit(),)) -> Answer:
    """An answer that quotes each span in a sentence of its own, with a short answer in the first."""
    sentences, text = [], ""
    for span in spans:
        quote = TEXT[span.start : span.end]
        start = len(text)
        text += f"{quote} [1] "
        short = Span(text.index(focus), text.index(focus) + len(focus)) if focus and not start else None
        sentences.append(Sentence(start, len(text), quote, (1,), (span,), support, short))  # type: ignore[arg-type]
    return Answer("When did it reopen?", text, sentences=tuple(sentences), hits=hits, done=True)


ABSTAINED = Answer("Why?", NOT_FOUND, found=False, hits=(hit(),), done=True)


# What the case says


def test_a_case_asks_for_the_short_answer_and_the_places_that_were_cited() -> None:
    case = case_from_answer(answered(MONDAY, SHIPS, focus="Monday"), notes="checked by Ann", tags=["chat"])
    assert (case.question, case.answerable, case.answers) == ("When did it reopen?", True, ("Monday",))
    assert [(e.start, e.end, e.text, e.article_id, e.source) for e in case.evidence] == [
        (0, 31, "The harbour reopened on Monday.", "a1", "port.md"),
        (34, 50, "Ships came back.", "a1", "port.md"),
    ]
    assert (case.notes, case.tags, case.history) == ("checked by Ann", ("chat",), ())


def test_without_a_short_answer_the_quotes_are_expected() -> None:
    assert case_from_answer(answered(MONDAY, SHIPS)).answers == ("The harbour reopened on Monday.", "Ships came back.")
    assert case_from_answer(answered(MONDAY, focus="Monday", support="supported")).answers == (
        "The harbour reopened on Monday.",
    ), "only a quoted sentence has its short answer in the words of the article"


def test_a_place_that_two_passages_hold_is_named_once() -> None:
    answer = answered(MONDAY, hits=(hit(), hit()))
    twice = replace(answer.sentences[0], numbers=(1, 2), evidence=(MONDAY, MONDAY))
    assert len(case_from_answer(replace(answer, sentences=(twice,))).evidence) == 1


def test_an_abstention_that_was_right_has_neither_answers_nor_evidence() -> None:
    case = case_from_answer(ABSTAINED)
    assert (case.answerable, case.answers, case.evidence) == (False, (), ())


def test_an_answer_that_cites_nothing_cannot_be_a_case() -> None:
    with pytest.raises(TestSetError, match="'Why\\?' cannot become a case: an answerable question needs"):
        case_from_answer(Answer("Why?", "Because.", done=True))
    with pytest.raises(TestSetError, match="cannot become a case"):
        case_from_answer(replace(ABSTAINED, question=" "))


def test_the_id_depends_on_the_question_and_what_was_said_before_alone() -> None:
    answer = answered(MONDAY)
    before = (Turn("user", "Which port?"), Turn("assistant", "Elb."))
    plain, followed = case_from_answer(answer), case_from_answer(answer, before)
    assert plain.id == case_from_answer(answered(SHIPS), notes="other").id == "chat-86e57116"
    assert followed.id not in (plain.id, case_from_answer(answer, before[:1]).id)
    assert followed.turns == before
    assert case_from_answer(answer, (*before, Turn("assistant", " "))).turns == before, "a blank turn says nothing"


@pytest.mark.parametrize(
    ("source", "stored"),
    [
        ("/home/ann/port.md", "port.md"),
        ("C:\\Users\\ann\\port.md", "port.md"),
        ("port.md", "port.md"),
        ("The Daily", "The Daily"),
        ("https://www.example.org/x/y", "https://www.example.org/x/y"),
        ("folder/", "folder/"),
        ("", None),
        (" ", None),
    ],
)
def test_of_a_path_only_the_end_is_stored(source: str, stored: str | None) -> None:
    assert case_from_answer(answered(MONDAY, hits=(hit(source),))).evidence[0].source == stored


def test_characters_that_no_file_can_hold_are_replaced(tmp_path: Path) -> None:
    answer = replace(answered(MONDAY), question="When\ud800?")
    case = case_from_answer(answer, (Turn("user", "\udfff"),), notes="\ud800", tags=["\ud800"])
    assert (case.question, case.notes, case.tags, case.turns[0].text) == (
        "When\ufffd?",
        "\ufffd",
        ("\ufffd",),
        "\ufffd",
    )
    assert add_case(tmp_path / "t.jsonl", case)


# The file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sets" / "questions.jsonl"


def numbered(number: int) -> Case:
    return case_from_answer(replace(answered(MONDAY), question=f"Question {number}?"))


def test_a_case_is_read_back_as_it_was_and_the_file_is_made(path: Path) -> None:
    history = (Turn("user", "Which port?\u2028"), Turn("assistant", "Elb.\n[1]"))
    cases = [
        case_from_answer(answered(MONDAY, SHIPS, focus="Monday"), history, notes="n", tags=["a", "b"]),
        case_from_answer(ABSTAINED),
    ]
    assert [add_case(path, case) for case in cases] == [True, True]
    assert read_cases(path) == cases
    assert path.read_bytes().count(b"\n") == 2


def test_a_full_test_set_stays_as_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2):
        assert add_case(path, numbered(number), most_cases=2)
    before = path.read_bytes()
    with pytest.raises(FullTestSetError, match="has 2 questions"):
        add_case(path, numbered(2), most_cases=2)
    assert not add_case(path, numbered(1), most_cases=2), "it has this one"
    monkeypatch.setattr(writer, "LARGEST_ADDED_TO", len(before) - 1)
    with pytest.raises(FullTestSetError, match="bytes"):
        add_case(path, numbered(2), most_cases=500)
    assert path.read_bytes() == before
    assert add_case(path, numbered(2)), "without a limit"


def test_a_case_that_is_there_is_not_added_again_and_the_file_is_not_touched(path: Path) -> None:
    add_case(path, numbered(1))
    before = path.read_bytes()
    other = case_from_answer(replace(answered(SHIPS), question="Question 1?"), notes="another answer")
    assert not add_case(path, other)
    assert path.read_bytes() == before


@pytest.mark.parametrize("before", [b"", b"\n", b"\xef\xbb\xbf", b"  \r\n"])
def test_an_empty_file_is_added_to(path: Path, before: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(before)
    assert add_case(path, numbered(1))
    assert read_cases(path) == [numbered(1)]
    assert path.read_bytes().startswith(before)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n", b"  "])
def test_what_is_there_stays_as_it_was_however_its_last_line_ends(path: Path, end: bytes) -> None:
    path.parent.mkdir()
    before = b'\xef\xbb\xbf{"question": "Who?",  "id": "mine", "answerable": false}' + end
    path.write_bytes(before)
    assert add_case(path, numbered(1))
    assert [case.id for case in read_cases(path)] == ["mine", numbered(1).id]
    assert path.read_bytes().startswith(before)


@pytest.mark.parametrize("before", [b"no JSON\n", b'{"id": "x"}\n', b"\xff\xfe\n", b"{}"])
def test_a_file_that_is_no_test_set_is_refused_and_left_as_it_is(path: Path, before: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(before)
    with pytest.raises(TestSetError, match="line 1"):
        add_case(path, numbered(1))
    assert path.read_bytes() == before


def test_a_path_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "file" / "t.jsonl"):
        with pytest.raises(TestSetError, match="Cannot add to the test set") as told:
            add_case(path, numbered(1))
        assert str(path) in told.value.message
        assert told.value.hint


def test_a_disk_that_is_full_leaves_no_half_of_a_line(path: Path) -> None:
    add_case(path, numbered(1))
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from rag.evaluate import MEASURES, Case, add_case\n"
        "size = Path(sys.argv[1]).stat().st_size + 20\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))\n"
        "add_case(Path(sys.argv[1]), Case(id='x', question='long ' * 50, answerable=False))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=False, capture_output=True, text=True, timeout=300
    )
    assert "TestSetError: Cannot add to the test set" in done.stderr
    assert read_cases(path) == [numbered(1)]


def test_an_addition_waits_for_another_one_and_says_when_that_takes_too_long(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock

    add_case(path, numbered(1))
    monkeypatch.setattr(writer, "LOCK_TIMEOUT", 0.1)
    with FileLock(path.with_name(f".{path.name}.lock")), pytest.raises(TestSetError, match="another addition"):
        add_case(path, numbered(2))
    assert add_case(path, numbered(2))


def test_many_threads_and_processes_add_at_once_and_each_case_is_there_once(path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from rag.evaluate import MEASURES, Case, add_case\n"
        "for number in range(30):\n"
        "    case = Case(id=f'shared-{number}', question='long ' * 500, answerable=False)\n"
        "    print(add_case(Path(sys.argv[1]), case))\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda number: add_case(path, numbered(number % 15)), range(30)))
    said = []
    for process in processes:
        with closing(process.stdout) as out:  # type: ignore[type-var]
            said += out.read().split()
        assert process.wait(300) == 0
    assert added.count(True) == 15
    assert sorted(said) == ["False"] * 30 + ["True"] * 30
    assert len(read_cases(path)) == 45


# The evaluation


def test_an_accepted_answer_is_right_when_it_is_given_again(samples_home: Path, path: Path) -> None:
    """Through the file and the real evaluator: the evidence is found in the articles of the index."""
    assistant = Assistant(open_index(load_settings(home=samples_home)))
    first = assistant.ask("What is the name of ByteDance's video tool?")
    history = (Turn("user", first.question), Turn("assistant", first.text))
    second = assistant.ask("Who is the founder of 360 Security Technology?", history)
    abstained = assistant.ask("How deep is the Mariana Trench?")
    assert (first.found, second.found, abstained.found) == (True, True, False)
    for case in (case_from_answer(first), case_from_answer(second, history), case_from_answer(abstained)):
        assert add_case(path, case)
    report = evaluate(assistant, read_cases(path))
    assert [row.error for row in report.results] == [None] * 3
    assert all(row.right for row in report.results)
    assert [row.evidence_seen for row in report.results] == [True, True, None]
    assert [
        (row.first_citation, MEASURES["hit@5"].of_result(row), row.contains_answer) for row in report.results[:2]
    ] == [(1.0, 1.0, 1.0)] * 2


def test_the_source_alone_names_the_article_when_it_is_indexed_anew(samples_home: Path, path: Path) -> None:
    assistant = Assistant(open_index(load_settings(home=samples_home)))
    add_case(path, case_from_answer(assistant.ask("What is the name of ByteDance's video tool?")))
    line = json.loads(path.read_text(encoding="utf-8"))
    for place in line["evidence"]:
        del place["article_id"]
        assert place["source"] == "citechat samples"
    path.write_text(json.dumps(line), encoding="utf-8")
    (row,) = evaluate(assistant, read_cases(path)).results
    assert row.right
    assert row.evidence_seen
