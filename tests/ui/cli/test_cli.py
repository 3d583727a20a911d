"""The contract of the command line: what is printed to stdout and stderr, and the exit codes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from ui.cli.main import main
from ui.cli.output import progress_bar

REPOSITORY = Path(__file__).resolve().parents[3]
BRIEFING = REPOSITORY / "samples" / "briefing.md"
ANSWER_KEYS = {"question", "text", "found", "model", "search_query", "sentences", "citations", "hits", "timings"}
CITATION_KEYS = {"number", "article_id", "title", "source", "also", "author", "published", "language", "page"} | {
    *("start", "end", "quote", "support")
}


@pytest.fixture
def indexed(samples_home: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set the home of the command line to that of the samples."""
    monkeypatch.setenv("CITECHAT_HOME", str(samples_home))
    return samples_home


def _run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    return code, output.out, output.err


def test_the_version_is_that_of_the_installed_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, "--version") == (0, f"citechat {version('citechat')}\n", "")


def test_index_reports_what_it_did_as_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "index", BRIEFING, "--json")
    report = json.loads(out)
    assert code == 0
    counts = {"added", "changed", "unchanged", "removed", "articles", "passages"}
    assert set(report) == counts | {"pruned", "gone", "moved", "skipped", "partly_read", "seconds"}
    assert (report["added"], report["articles"], report["skipped"]) == (1, 1, [])
    assert "Sora" in err
    assert json.loads(_run(capsys, "index", BRIEFING, "--json")[1])["unchanged"] == 1


@pytest.mark.parametrize("options", [[], pytest.param(["--workers", "2"], marks=pytest.mark.slow)], ids=["", "workers"])
def test_a_feed_is_indexed_entry_by_entry_and_only_once(
    home: Path, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    entries = "".join(
        f"<item><title>{name}</title><link>/{name}</link><description>-</description></item>" for name in ("fox", "owl")
    )
    feed = f'<rss version="2.0"><channel><title>Beasts</title>{entries}</channel></rss>'
    httpserver.expect_request("/feed").respond_with_data(feed, content_type="application/rss+xml")
    for path in ("/fox", "/owl"):
        page = f"<html><body><article><p>The page {path} is about a beast.</p></article></body></html>"
        httpserver.expect_request(path).respond_with_data(page, content_type="text/html")
    address = httpserver.url_for("/feed")
    code, out, err = _run(capsys, "index", address, "--json", *options)
    assert (code, json.loads(out)["added"], json.loads(out)["skipped"]) == (0, 2, [])
    assert "fox" in err
    httpserver.clear_log()
    assert json.loads(_run(capsys, "index", address, "--json", *options)[1])["unchanged"] == 2
    assert [request.path for request, _ in httpserver.log] == ["/feed"]
    listed = json.loads(_run(capsys, "articles", "--json")[1])
    assert [(each["title"], each["source"]) for each in listed] == [("fox", "Beasts"), ("owl", "Beasts")]


def test_an_unreadable_file_that_was_named_is_an_error_and_the_others_are_indexed(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.txt").write_bytes(b"\x00")
    (tmp_path / "good.txt").write_text("The fox crossed the river.")
    code, out, err = _run(capsys, "index", tmp_path / "bad.txt", tmp_path / "good.txt", "--json")
    assert code == 1
    assert json.loads(out)["added"] == 1
    assert "bad.txt" in err


def test_ask_answers_with_title_offsets_and_quote(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "ask", "What is the name of ByteDance's tool?")
    assert code == 0
    assert "Boximator" in out
    assert "[1]" in out
    assert "Sora and China's AI industry: a briefing" in out
    assert "characters " in out


def test_ask_json_has_the_documented_keys(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "ask", "What is the name of ByteDance's tool?", "--json")
    answer = json.loads(out)
    assert code == 0
    assert set(answer) >= ANSWER_KEYS
    assert [set(citation) for citation in answer["citations"]] == [CITATION_KEYS] * len(answer["citations"])
    text = BRIEFING.read_bytes().decode()
    assert all(text[c["start"] : c["end"]] == c["quote"] for c in answer["citations"])
    assert all(text[h["start"] : h["end"]] == h["text"] for h in answer["hits"])
    assert [set(sentence) >= {"text", "citations", "support"} for sentence in answer["sentences"]] == [True]


def test_an_abstention_exits_with_0_and_cites_nothing(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "ask", "What is the capital of Australia?", "--json")
    answer = json.loads(out)
    assert code == 0
    assert not answer["found"]
    assert answer["text"] == "The articles do not say."
    assert answer["citations"] == []
    assert answer["hits"]


def test_a_batch_prints_one_json_object_per_question_in_order(
    indexed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = tmp_path / "questions.txt"
    batch.write_text('What is Boximator?\n\n{"question": "Who founded 360 Security Technology?"}\n')
    code, out, _ = _run(capsys, "ask", "--batch", batch)
    assert code == 0
    assert [json.loads(line)["question"] for line in out.splitlines()] == [
        "What is Boximator?",
        "Who founded 360 Security Technology?",
    ]


def test_piped_questions_are_answered_as_they_arrive(indexed: Path) -> None:
    """A script can ask many questions of one process."""
    command = [sys.executable, "-c", "import sys; from ui.cli import main; sys.exit(main(['ask', '--batch', '-']))"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, bufsize=1, encoding="utf-8") as process:
        for question in ("What is Boximator?", "Who founded 360 Security Technology?"):
            process.stdin.write(f"{question}\n")
            assert json.loads(process.stdout.readline())["question"] == question
        process.stdin.close()
        assert process.wait(300) == 0


def test_an_invalid_question_in_a_batch_becomes_an_error_line(
    indexed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = tmp_path / "questions.txt"
    batch.write_text("???\nWhat is Boximator?\n")
    code, out, _ = _run(capsys, "ask", "--batch", batch)
    first, second = map(json.loads, out.splitlines())
    assert code == 1
    assert first["error"] == "the question is empty"
    assert second["found"]


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["ask", ""], "the question is empty", "Type a question"),
        (["ask"], "Give either a question or --batch", "For example"),
        (["ask", "--batch", "/no/such/file"], "Cannot read '/no/such/file'", "UTF-8"),
        (["ask", "x" * 2001], "more than 2000", "CITECHAT_MAX_QUESTION_CHARS"),
        (["ask", "Who?", "--llm", "nonsense"], "'nonsense'", "provider:model"),
        (["ask", "Who?", "--top-k", "0"], "'top_k' cannot be 0", "CITECHAT_TOP_K"),
        (["index", "/no/such/file"], "no file or folder '/no/such/file'", "Check the path"),
        (["eval", "/no/such/file"], "/no/such/file", ""),
    ],
)
def test_a_user_error_prints_message_and_hint_to_stderr_and_exits_with_1(
    indexed: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str, hint: str
) -> None:
    code, out, err = _run(capsys, *arguments)
    assert (code, out) == (1, "")
    assert message in err
    assert hint in err
    assert "Traceback" not in err


def test_asking_before_indexing_says_what_to_do(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "ask", "Who?")
    assert (code, out) == (1, "")
    assert "citechat index PATH" in err
    assert not (home / "index").exists()


def test_an_index_of_another_model_is_rejected(
    indexed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from index.embedding.loader import bundled_folder

    other = shutil.copytree(bundled_folder(), tmp_path / "other-model", copy_function=shutil.copyfile)
    with (other / "model.safetensors").open("r+b") as weights:
        weights.seek(-1, 2)
        weights.write(b"\x00")
    monkeypatch.setenv("CITECHAT_ENCODER", str(other))
    code, _, err = _run(capsys, "ask", "Who?")
    assert code == 1
    assert "built with another encoder" in err
    assert "citechat rebuild" in err


def test_an_invalid_setting_in_the_environment_is_named(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITECHAT_TOP_K", "many")
    code, _, err = _run(capsys, "ask", "Who?")
    assert code == 1
    assert "'top_k' cannot be 'many'" in err
    assert "CITECHAT_TOP_K" in err


def test_a_home_that_cannot_be_written_is_an_error(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("CITECHAT_HOME", str(tmp_path / "file" / "home"))
    code, _, err = _run(capsys, "index", BRIEFING)
    assert code == 1
    assert "Cannot open the index" in err


def test_doctor_reports_the_index_and_the_settings(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "doctor", "--json")
    report = json.loads(out)
    assert code == 0
    assert report["indexed"]["articles"] == 1
    assert report["problems"] == []
    assert report["settings"]["llm"] == "extractive"
    assert report["settings"]["llm_patience"] == report["settings"]["llm_total_timeout"], "the deprecated name stays"
    assert "gradio" in _run(capsys, "doctor")[1]


def test_doctor_says_what_to_do_when_nothing_is_indexed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "doctor", "--json")
    assert code == 0
    assert json.loads(out)["problems"][0]["hint"] == "Add articles with `citechat index PATH`."


def test_eval_measures_a_test_set_and_saves_the_run(
    indexed: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = (REPOSITORY / "samples" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "few.jsonl").write_text("\n".join([*lines[:3], lines[-1]]), encoding="utf-8")
    code, out, _ = _run(capsys, "eval", tmp_path / "few.jsonl")
    assert code == 0
    assert "first citation right" in out
    saved = json.loads(_run(capsys, "eval", tmp_path / "few.jsonl", "--json")[1])
    assert len(saved["rows"]) == 4
    assert saved["settings"]["encoder"] == "bundled"


def test_calibrate_reports_the_share_of_answered_questions(
    samples_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITECHAT_HOME", str(shutil.copytree(samples_home, tmp_path / "own")))
    code, out, _ = _run(capsys, "calibrate", REPOSITORY / "samples" / "questions.jsonl", "--json")
    assert code == 0
    fitted = json.loads(out)
    assert fitted["answered"] >= 0.9
    assert fitted["unsure"]["answerable"] <= 0.3
    assert fitted["min_score"] == fitted["abstention_threshold"], "the deprecated name stays"


def test_articles_lists_the_indexed_articles(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = json.loads(_run(capsys, "articles", "--json")[1])
    assert row["title"] == "Sora and China's AI industry: a briefing"
    assert (row["published"], row["paths"]) == ("2024-02-24", [str(BRIEFING)])
    assert row["passages"] > 1
    assert set(row) >= {"id", "source", "sources", "author", "language", "pages"}
    first, second = _run(capsys, "articles")[1].splitlines()
    assert first == f"{row['id']}  2024-02-24  {row['title']}"
    assert second.strip().startswith(row["source"])
    assert second.endswith(f" · {row['passages']} passages")


def test_articles_of_an_empty_index_prints_a_hint(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "articles")
    assert (code, out) == (0, "")
    assert "citechat index PATH" in err
    assert json.loads(_run(capsys, "articles", "--json")[1]) == []


def test_a_text_in_two_files_is_listed_once_and_removed_by_the_beginning_of_its_id(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("fox.txt", "vixen.txt"):
        (tmp_path / name).write_text("The fox crossed the river.")
    _run(capsys, "index", tmp_path / "fox.txt", tmp_path / "vixen.txt")
    (row,) = json.loads(_run(capsys, "articles", "--json")[1])
    assert row["paths"] == [str(tmp_path / "fox.txt"), str(tmp_path / "vixen.txt")]
    assert row["sources"] == ["fox.txt", "vixen.txt"]
    code, _, err = _run(capsys, "remove", row["id"][:4], "nothing")
    assert code == 1
    assert "No article has the id 'nothing'" in err
    assert "citechat articles" in err
    code, out, _ = _run(capsys, "remove", row["id"][:4], "--json")
    assert code == 0
    assert json.loads(out) == {"removed": [row], "articles": 0, "passages": 0}


def test_remove_lists_the_removed_articles(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "fox.txt").write_text("The fox crossed the river.")
    _run(capsys, "index", tmp_path / "fox.txt")
    id_ = json.loads(_run(capsys, "articles", "--json")[1])[0]["id"]
    code, out, _ = _run(capsys, "remove", id_)
    assert code == 0
    assert f"{id_}  -           The fox crossed the river." in out
    assert out.endswith("removed 1: 0 articles, 0 passages are left\n")


def test_pruning_lists_the_files_that_no_longer_exist(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fox = tmp_path / "fox.txt"
    fox.write_text("The fox crossed the river.")
    _run(capsys, "index", fox)
    fox.unlink()
    assert _run(capsys, "index", fox)[0] == 1
    code, out, err = _run(capsys, "index", fox, "--prune", "--json")
    report = json.loads(out)
    assert (code, report["removed"], report["pruned"], report["articles"]) == (0, 1, [str(fox)], 0)
    assert f"removed: {str(fox)!r} no longer exists" in err


@pytest.fixture
def animals(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with three indexed articles."""
    folder = tmp_path / "animals"
    folder.mkdir()
    for name in ("fox", "owl", "hen"):
        (folder / f"{name}.txt").write_text(f"The {name} crossed the river at night.")
    _run(capsys, "index", folder)
    return folder


def test_indexing_names_files_that_no_longer_exist_and_says_how_to_remove_them(
    animals: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (animals / "fox.txt").unlink()
    code, out, err = _run(capsys, "index", animals)
    assert code == 0
    assert "removed 0" in out
    assert f"gone: {str(animals / 'fox.txt')!r} no longer exists, but its text is still in the index" in err
    assert "citechat index PATH --prune" in err
    assert json.loads(_run(capsys, "index", animals, "--prune", "--json")[1])["pruned"] == [str(animals / "fox.txt")]


def test_indexing_names_files_that_were_renamed(animals: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (animals / "fox.txt").rename(animals / "reynard.txt")
    _, out, err = _run(capsys, "index", animals)
    assert "3 articles" in out
    assert f"moved: {str(animals / 'fox.txt')!r} is now {str(animals / 'reynard.txt')!r}" in err
    assert "gone:" not in err


def test_a_folder_that_is_missing_or_empty_is_not_pruned(animals: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in animals.iterdir():
        file.unlink()
    code, _, err = _run(capsys, "index", animals, "--prune")
    assert code == 1
    assert f"Cannot prune {str(animals)!r}: the folder is missing or empty" in err
    assert "citechat remove" in err
    assert len(json.loads(_run(capsys, "articles", "--json")[1])) == 3


def test_the_list_marks_articles_whose_file_no_longer_exists(animals: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (animals / "owl.txt").unlink()
    rows = json.loads(_run(capsys, "articles", "--json")[1])
    assert [row["source"] for row in rows if row["gone"]] == ["owl.txt"]
    assert _run(capsys, "articles")[1].count("file no longer exists") == 1


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> str:
        with progress_bar() as progress:
            for done in (1, 1, 2):
                progress("A title", done, 2)
        return capsys.readouterr().err

    assert work() == "     1  A title\n     1  A title\n     2  A title\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("tqdm.tqdm.monitor_interval", 0)
    shown_at_first, *_ = work().split("left")
    assert "of ? files" in shown_at_first or "of 2 files" in shown_at_first


@pytest.mark.parametrize(
    "command",
    [[], ["index"], ["ask"], ["chat"], ["eval"], ["calibrate"], ["articles"], ["remove"], ["rebuild"], ["doctor"]],
)
def test_every_command_has_help_with_examples(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, *command, "--help")
    assert code == 0
    assert "citechat " in out.split("Examples:")[1]


def test_an_unknown_option_exits_with_1_because_2_is_a_failed_gate(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "ask", "--no-such-option")
    assert (code, out) == (1, "")
    assert "No such option" in err


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom ui.cli import main\n"
        "assert main(['--help']) == 0\n"
        "print([m for m in ('numpy', 'pydantic', 'index', 'rag') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert done.stderr.strip() == "[]"


@pytest.mark.slow
def test_a_chat_that_cannot_listen_is_a_user_error(indexed: Path) -> None:
    # In another process, because the web framework leaves files open when a launch fails.
    done = subprocess.run(
        [sys.executable, "-m", "ui.cli", "chat", "--no-browser", "--port", "70000"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=REPOSITORY,
    )
    assert done.returncode == 1
    assert "Cannot listen" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_reports_whether_the_llm_answers(
    indexed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    code, out, _ = _run(capsys, "doctor", "--llm", "openai:tiny")
    assert code == 1
    assert "Problem: the LLM 'openai:tiny' needs a key, and no key is set\n  Set OPENAI_API_KEY" in out
    assert "No problems found" not in out
    code, out, _ = _run(capsys, "doctor", "--llm", "openai:tiny", "--json")
    assert code == 1
    assert json.loads(out)["llm"]["answers"] is False


def test_ask_strict(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "ask", "What is Boximator?", "--strict", "--json")
    assert code == 0
    assert json.loads(out)["found"]


def test_ask_with_an_article_filter(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("ask", "What is the name of ByteDance's tool?", "--json")
    for choice in (["--source", "briefing"], ["--until", "2100"], ["--since", "2024-02", "--source", "BRIEFING"]):
        _, out, _ = _run(capsys, *asked, *choice)
        assert json.loads(out)["found"], choice
    code, out, _ = _run(capsys, *asked, "--since", "2100")
    answer = json.loads(out)
    assert (code, answer["found"], answer["hits"]) == (0, False, [])
    assert answer["notes"] == ["No article is among those that were chosen."]


def test_an_invalid_date_is_rejected(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _run(capsys, "ask", "Who?", "--since", "yesterday")
    assert code == 1
    assert "2024-02-24" in err
