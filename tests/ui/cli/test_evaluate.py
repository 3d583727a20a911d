"""`citechat eval`: thresholds, checkpoints, comparisons."""

from __future__ import annotations

import html
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from servers import free_port, serving_chat
from wires import openai_wire, reply, serving

from rag import Settings, build_assistant, load_settings, scrub
from rag.evaluate import from_json
from ui.cli.main import main
from ui.security.access import open_accounts

SAMPLES = Path(__file__).resolve().parents[3] / "samples" / "questions.jsonl"


@pytest.fixture(autouse=True)
def home(samples_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CITECHAT_HOME", str(samples_home))
    return samples_home


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Return a test set of six questions."""
    path = tmp_path / "few.jsonl"
    lines = SAMPLES.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[:4] + lines[-2:]) + "\n", encoding="utf-8")
    return path


def _timeless(path: Path) -> str:
    """Return a saved run without its timings."""
    return re.sub(r'"cost":\{"seconds":\{[^}]*\}', '"cost":{"seconds":{}', path.read_text(encoding="utf-8"))


def test_a_missed_threshold_exits_with_2_and_is_printed(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(few), "--fail-under", "hit@5=0.5"]) == 0
    assert main(["eval", str(few), "--fail-under", "exact match=1,hit@5=0.5"]) == 2
    printed = capsys.readouterr().err
    assert "missed: exact match is" in printed
    assert "missed: hit@5" not in printed


def test_two_runs_save_the_same_file_except_for_timings(few: Path, tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        assert main(["eval", str(few), "--out", str(tmp_path / name)]) == 0
    assert _timeless(tmp_path / "a.json") == _timeless(tmp_path / "b.json")
    assert not list(tmp_path.glob("*.rows"))


def test_repeated_runs_report_how_many_results_are_the_same(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(few), "--repeat", "2"]) == 0
    assert "2 runs: 6 of 6 questions have the same result" in capsys.readouterr().err


def test_a_saved_run_contains_its_settings_but_no_local_path(few: Path, tmp_path: Path) -> None:
    main(["eval", str(few), "--out", str(tmp_path / "a.json")])
    report = from_json((tmp_path / "a.json").read_bytes())
    assert report.settings["index passages"] == "14"
    assert report.settings["llm"] == "extractive"
    assert "home" not in report.settings
    assert str(tmp_path) not in json.dumps(dict(report.settings))


@pytest.mark.slow
def test_a_killed_run_continues_and_saves_the_same_file(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole.json", tmp_path / "killed.json"
    assert main(["eval", str(SAMPLES), "--out", str(whole)]) == 0
    questions = len(from_json(whole.read_bytes()).results)
    rows = killed.with_name("killed.json.rows")
    command = [sys.executable, "-c", "import sys; from ui.cli import main; sys.exit(main())"]
    process = subprocess.Popen(
        [*command, "eval", str(SAMPLES), "--out", str(killed)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(SAMPLES.parents[1])},
    )
    try:
        deadline = time.monotonic() + 300
        while not rows.exists() or rows.read_bytes().count(b"\n") < questions // 2:
            assert time.monotonic() < deadline
            assert process.poll() is None, "the run ended before it was killed"
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(300)
    assert not killed.exists()
    assert main(["eval", str(SAMPLES), "--out", str(killed)]) == 0
    assert _timeless(killed) == _timeless(whole)
    assert not rows.exists()


def test_invalid_questions_are_listed_and_can_be_skipped(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with few.open("a", encoding="utf-8") as file:
        file.write('{"question": ""}\n{"question": "Where?", "evidence": [{"text": "nowhere to be found"}]}\n')
    assert main(["eval", str(few)]) == 1
    assert "few.jsonl, line 7" in capsys.readouterr().err
    assert main(["eval", str(few), "--skip-bad"]) == 0
    printed = capsys.readouterr()
    assert "skipped:" in printed.err
    assert "line 7" in printed.err
    assert "line 8" in printed.err
    assert "6 questions" in printed.out


def test_two_saved_runs_are_compared(few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.json", "b.json"):
        main(["eval", str(few), "--out", str(tmp_path / name)])
    capsys.readouterr()
    files = [str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    assert main(["eval", "compare", *files]) == 0
    assert "| hit@5 |" in capsys.readouterr().out
    assert main(["eval", "compare", *files, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert all(each["difference"] == 0 for each in found["differences"])


def test_an_html_report_is_written_for_one_run_and_for_several(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, runs = tmp_path / "report.html", [tmp_path / name / "run.json" for name in "abc"]
    for run in runs:
        assert main(["eval", str(few), "--out", str(run), "--html", str(page)]) == 0
    assert str(page) in capsys.readouterr().err
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(["eval", "compare", *map(str, runs), "--html", str(page)]) == 0
    printed = capsys.readouterr().out
    assert f"a: {runs[0]}, b: {runs[1]}" in printed
    assert f"a: {runs[0]}, b: {runs[2]}" in printed
    text = html.unescape(page.read_text(encoding="utf-8"))
    assert all(name in text for name in ("1 run", "2 run", "3 run")), "three files with the same name are distinguished"


def test_an_html_report_that_cannot_be_written_is_an_error(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["eval", str(few), "--html", str(tmp_path / "file" / "report.html")]) == 1
    assert "Cannot write" in capsys.readouterr().err


def test_a_running_chat_gets_the_same_results_as_the_local_index(
    few: Path, samples_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    command = [sys.executable, "-m", "ui.cli", "chat", "--no-browser", "--port", str(port)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ})
    assert server.stderr is not None
    try:
        assert any(f":{port}/" in line for line in server.stderr), "the chat did not start"
        assert (
            main(["eval", str(few), "--out", str(tmp_path / "far.json"), "--server", f"http://127.0.0.1:{port}"]) == 0
        )
    finally:
        server.kill()
        server.wait()
        server.stderr.close()
    assert main(["eval", str(few), "--out", str(tmp_path / "near.json")]) == 0
    far, near = (from_json((tmp_path / f"{name}.json").read_bytes()) for name in ("far", "near"))
    assert [replace(row, cost=None) for row in far.results] == [replace(row, cost=None) for row in near.results]
    assert far.settings == {"server": "127.0.0.1"}
    capsys.readouterr()
    assert main(["eval", str(few), "--server", f"http://127.0.0.1:{port}"]) == 1
    assert "cannot be reached" in capsys.readouterr().err


@pytest.mark.filterwarnings(  # the framework leaves event loops open for the garbage collector
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)
def test_a_chat_with_keys_gets_the_key_from_the_environment(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secured = Settings(home=tmp_path / "accounts")
    secret = open_accounts(secured).keys.create("evaluation")[1]
    with serving_chat(build_assistant(load_settings()), settings=secured) as chat:
        assert main(["eval", str(few), "--server", chat.url]) == 1
        assert "CITECHAT_SERVER_API_KEY" in capsys.readouterr().err
        monkeypatch.setenv("CITECHAT_SERVER_API_KEY", secret)
        assert main(["eval", str(few), "--server", chat.url, "--out", str(tmp_path / "run.json")]) == 0
    assert main(["eval", str(few), "--out", str(tmp_path / "near.json")]) == 0
    assert main(["doctor", "--json"]) in (0, 1)
    written = "".join((tmp_path / f"{name}.json").read_text(encoding="utf-8") for name in ("run", "near"))
    printed = capsys.readouterr()
    assert secret not in written + printed.out + printed.err
    assert "server_api_key" not in written
    assert scrub(f"sent {secret}") == "sent ***"


def test_a_judge_adds_its_agreement_to_the_report(
    few: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = openai_wire(['{"correct": true, ', '"grounded": true, "reason": "as written"}'])
    with serving(*[[reply("openai", verdict)]] * 6) as wire:
        monkeypatch.setenv("CITECHAT_LLM_BASE_URL", f"{wire.url}/v1")
        assert main(["eval", str(few), "--judge", "openai:tiny"]) == 0
    printed = capsys.readouterr().out
    assert "kappa" in printed.lower()
    assert "hit@5" in printed, "the measures are not changed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "a.json"], "got 1"),
        (["compare", "no.json", "no.json"], "Cannot read the saved run 'no.json'"),
        (["one.jsonl", "two.jsonl"], "got 2 files"),
        (["few.jsonl", "--fail-under", "speed=1"], "speed"),
        (["few.jsonl", "--judge", "extractive"], "cannot judge"),
        (["few.jsonl", "--server", "no address"], "is not a web address"),
        (["few.jsonl", "--server", "http://127.0.0.1:1", "--llm", "openai:tiny"], "its own settings"),
        (["few.jsonl", "--repeat", "0"], "0 is not in the range x>=1"),
    ],
)
def test_invalid_options_are_user_errors(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", *arguments]) == 1
    assert message in capsys.readouterr().err
