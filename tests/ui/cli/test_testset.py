"""`citechat testset` drafts and imports test sets, and overwrites nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.evaluate import read_cases
from ui.cli.main import main

BRIEFING = Path(__file__).resolve().parents[3] / "samples" / "briefing.md"
CONTEXT = "The harbour reopened on Monday. Ann Lee said so."


@pytest.fixture
def indexed(samples_home: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set the home of the command line to that of the samples."""
    monkeypatch.setenv("CITECHAT_HOME", str(samples_home))
    return samples_home


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main(["testset", *map(str, arguments)])
    output = capsys.readouterr()
    return code, output.out, output.err


def test_drafts_are_printed_as_json_lines(indexed: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = run(capsys, "draft", BRIEFING, "--count", "5")
    assert code == 0
    rows = [json.loads(line) for line in out.splitlines()]
    assert len(rows) == 5
    assert all(row["tags"][0] == "draft" for row in rows)
    (tmp_path / "t.jsonl").write_text(out, encoding="utf-8")
    assert len(read_cases(tmp_path / "t.jsonl")) == 5


def test_an_article_can_be_given_by_the_beginning_of_its_id(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_file = run(capsys, "draft", BRIEFING, "--count", "2")[1]
    article_id = json.loads(by_file.splitlines()[0])["evidence"][0]["article_id"]
    assert run(capsys, "draft", article_id[:6], "--count", "2")[1] == by_file


@pytest.mark.parametrize("name", ["t.jsonl", "t.csv"])
def test_drafts_are_added_to_a_file_without_duplicates(
    indexed: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    out = tmp_path / name
    assert run(capsys, "draft", BRIEFING, "--count", "3", "--out", out)[0] == 0
    first = read_cases(out)
    code, said, hint = run(capsys, "draft", BRIEFING, "--count", "4", "--out", out)
    assert code == 0
    assert said == f"drafted 1 questions; 3 were already in {str(out)!r}\n"
    assert "delete" in hint
    assert read_cases(out)[:3] == first
    assert len(read_cases(out)) == 4


def test_a_file_that_is_not_a_test_set_is_not_changed(
    indexed: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "t.jsonl").write_text("{")
    code, _, err = run(capsys, "draft", BRIEFING, "--out", tmp_path / "t.jsonl")
    assert code == 1
    assert "line 1" in err
    assert (tmp_path / "t.jsonl").read_text() == "{"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["draft", "none.md"], "No indexed article has the id or the file 'none.md'"),
        (["draft", "none.md", "--count", "0"], "0 is not in the range x>=1"),
        (["draft"], "Missing argument 'ARTICLE...'"),
        (["import", "xml", "t.xml"], "'xml' is not one of 'ragas', 'squad'"),
        (["import", "squad", "none.json"], "none.json"),
        ([], "Usage: citechat testset"),
    ],
)
def test_invalid_arguments_are_user_errors(
    indexed: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (1, "")
    assert said in err


def squad(folder: Path, *bad: dict[str, object]) -> Path:
    good = {"id": "q1", "question": "Who said so?", "answers": [{"text": "Ann Lee", "answer_start": 32}]}
    paragraphs = [{"context": CONTEXT, "qas": [good, *bad]}]
    path = folder / "train.json"
    path.write_text(json.dumps({"data": [{"title": "The port", "paragraphs": paragraphs}]}), encoding="utf-8")
    return path


def test_an_import_writes_the_questions_and_their_texts(
    home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "port.csv"
    code, said, _ = run(capsys, "import", "squad", squad(tmp_path), "--out", out)
    assert code == 0
    assert "imported 1 questions" in said
    (case,) = read_cases(out)
    (text,) = (tmp_path / "port-articles").iterdir()
    assert text.name == case.evidence[0].source
    assert text.read_bytes().decode()[32:39] == "Ann Lee"
    code, _, err = run(capsys, "import", "squad", squad(tmp_path), "--out", out)
    assert code == 1
    assert "already exists" in err


def test_an_import_without_a_file_prints_the_questions(
    home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, err = run(capsys, "import", "squad", squad(tmp_path))
    assert code == 0
    assert json.loads(out)["id"] == "q1"
    assert "written only with --out" in err


def test_invalid_questions_of_an_import_are_rejected_or_skipped(
    home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path, out = squad(tmp_path, {"id": "q2", "question": " "}), tmp_path / "t.jsonl"
    code, _, err = run(capsys, "import", "squad", path, "--out", out)
    assert code == 1
    assert "data[0].paragraphs[0].qas[1].question" in err
    assert not out.exists()
    code, _, err = run(capsys, "import", "squad", path, "--out", out, "--skip-bad")
    assert code == 0
    assert err.startswith("skipped: ")
    assert len(read_cases(out)) == 1
