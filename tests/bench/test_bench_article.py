"""The bench measures the program from outside, by what its command line prints."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in for the program is a script with a #! line")

TEXT = "Ten firms were picked.\r\nSora is not open source."
CASES = [
    {
        "id": "ten",
        "question": "How many — exactly?",
        "answers": ["Ten"],
        "evidence": [{"start": 0, "end": 9, "text": "Ten firms"}],
        "answerable": True,
    },
    {
        "id": "far",
        "question": "What is the capital of Australia?",
        "answerable": False,
        "history": [{"role": "user", "text": "Hi"}],
    },
]
PROGRAM = """#!{python}
import json, os, pathlib, sys
home = pathlib.Path(os.environ["CITECHAT_HOME"])
if sys.argv[1] == "index":
    assert sys.argv[3:] == ["--json"]
    home.mkdir()
    (home / "indexed").write_text(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8"), encoding="utf-8")
    sys.exit({index_exit})
assert sys.argv[1:3] == ["ask", "--batch"] and (home / "indexed").exists()
replies = json.loads(pathlib.Path({replies!r}).read_text(encoding="utf-8"))
for line, reply in zip(pathlib.Path(sys.argv[3]).read_text(encoding="utf-8").splitlines(), replies):
    reply = dict(reply, question=reply.get("question", json.loads(line)["question"]))
    reply["text"] = reply.get("text", "").replace("HISTORY", str(json.loads(line)["history"]))
    print(json.dumps(reply))
"""


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    path = Path(__file__).parents[2] / "bench" / "article.py"
    spec = importlib.util.spec_from_file_location("bench_article", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def quoted(start: int, end: int, quote: str | None = None) -> dict[str, Any]:
    text = TEXT[start:end] if quote is None else quote
    return {
        "text": f"{text} [1]",
        "found": True,
        "model": "extractive",
        "sentences": [{"text": text, "citations": [1], "support": "quoted"}],
        "citations": [
            {"number": 1, "article_id": "a1", "source": "article.txt", "start": start, "end": end, "quote": text}
        ],
        "hits": [{"article_id": "a1", "start": start, "end": end, "text": text, "score": 0.9}],
        "trust": 0.9,
        "timings": {"search": 0.01},
    }


REFUSED = {"text": "The articles do not say.", "found": False, "sentences": [], "citations": [], "hits": []}


@pytest.fixture
def measured(
    bench: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Runs the bench over a stand-in program with the given replies; gives the exit code, stdout and stderr."""

    def run(*replies: dict[str, Any], options: list[str] | None = None, index_exit: int = 0) -> tuple[int, str, str]:
        program = tmp_path / "bin" / "citechat"
        program.parent.mkdir()
        canned = tmp_path / "replies.json"
        canned.write_text(json.dumps(replies), encoding="utf-8")
        source = PROGRAM.format(python=sys.executable, replies=str(canned), index_exit=index_exit)
        program.write_text(source, encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program.with_name("python")))
        article, questions = tmp_path / "article.txt", tmp_path / "questions.jsonl"
        article.write_bytes(TEXT.encode())
        questions.write_text("\n".join(json.dumps(case) for case in CASES), encoding="utf-8")
        code = bench.main([str(article), str(questions), *(options or [])])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_right_answers_give_a_full_table_and_no_misses(measured: Any) -> None:
    code, out, err = measured(quoted(0, 22), REFUSED)
    assert (code, err) == (0, "")
    assert "2 questions: 1 can be answered from the articles, 1 cannot." in out
    assert "Citations: 1, of which 1 quote exactly" in out
    assert "No misses." in out


def test_newlines_of_the_article_are_not_translated(measured: Any) -> None:
    _, out, _ = measured(quoted(24, 48), REFUSED)
    assert "Citations: 1, of which 1 quote exactly" in out
    assert "said:     Sora is not open source." in out


def test_a_quote_that_does_not_stand_in_the_file_is_reported(measured: Any) -> None:
    _, out, _ = measured(quoted(0, 22, "Six firms were picked."), REFUSED)
    assert "Citations: 1, of which 0 quote exactly" in out
    assert "quotes 'Six firms were picked.', but the article has 'Ten firms were picked.'" in out


@pytest.mark.parametrize(("gates", "exit_code"), [("first=1,refused=1", 0), ("first=1,refused=2", 2), ("hit@5=2", 2)])
def test_a_gate_that_is_not_met_exits_2(measured: Any, gates: str, exit_code: int) -> None:
    code, _, err = measured(quoted(0, 22), REFUSED, options=["--fail-under", gates])
    assert code == exit_code
    assert ("gate not met" in err) == (exit_code == 2)


def test_low_numbers_without_a_gate_exit_0(measured: Any) -> None:
    code, out, _ = measured(quoted(24, 48), quoted(0, 22))
    assert code == 0
    assert "- far: What is the capital of Australia?" in out


def test_an_answer_that_did_not_come_counts_as_wrong(measured: Any) -> None:
    code, out, _ = measured(quoted(0, 22), options=["--fail-under", "refused=1"])
    assert code == 2
    assert "Failed, counted as wrong: 1" in out
    assert "far: AnswerFailedError: no line came back" in out


def test_an_error_in_the_output_counts_as_wrong(measured: Any) -> None:
    _, out, _ = measured({"error": "the model is away"}, {"text": "odd"})
    assert "ten: AnswerFailedError: the model is away" in out
    assert "far: TestSetError: Cannot read an answer" in out


def test_the_history_of_a_case_is_asked_with_it(measured: Any) -> None:
    _, out, _ = measured(quoted(0, 22), {**REFUSED, "found": True, "text": "HISTORY"})
    assert "said:     [{'role': 'user', 'text': 'Hi'}]" in out


def test_answers_in_another_order_end_the_run(measured: Any) -> None:
    code, _, err = measured({**REFUSED, "question": CASES[1]["question"]}, REFUSED)
    assert code == 1
    assert "A batch must answer in order." in err


def test_an_article_that_cannot_be_indexed_ends_the_run(measured: Any) -> None:
    code, _, err = measured(index_exit=1)
    assert code == 1
    assert "`citechat index` ended with exit code 1" in err


def test_the_index_can_be_kept(measured: Any, tmp_path: Path) -> None:
    home = tmp_path / "home"
    measured(quoted(0, 22), REFUSED, options=["--home", str(home)])
    assert [path.name for path in home.iterdir()] == ["indexed"]


@pytest.mark.parametrize("text", ["first", "first=", "first=x", "last=3", "first=3,,refused=1", ""])
def test_a_gate_that_cannot_be_read_is_refused(bench: ModuleType, text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="NAME=COUNT"):
        bench.parse_gates(text)
