"""The report of `citechat doctor` for an intact index and for a damaged one."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from drawings import drawn, picture, text_at
from servers import free_port

from rag import load_settings, open_index
from ui.cli.doctor import as_text, examine
from ui.cli.main import main
from ui.security.access import open_accounts


@pytest.fixture
def damaged(samples_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home whose database is cut in half."""
    home = shutil.copytree(samples_home, tmp_path / "damaged", symlinks=True)
    database = home / "index" / "chroma.sqlite3"
    os.truncate(database, database.stat().st_size // 2)
    monkeypatch.setenv("CITECHAT_HOME", str(home))
    return home


def test_an_intact_index_has_no_problems(samples_home: Path) -> None:
    report = examine(load_settings(home=samples_home))
    assert report["answers"]
    assert report["problems"] == []
    assert (report["indexed"]["articles"], report["indexed"]["passages"] > 5) == (1, True)


def test_the_report_shows_whether_access_control_is_on(home: Path) -> None:
    def report_text(**settings: object) -> str:
        return as_text(examine(load_settings(home=home, **settings)))

    assert "Access control off" in report_text()
    register = open_accounts(load_settings(home=home))
    key, _ = register.keys.create("bot")
    register.users.add("ann", "correct horse battery")
    assert "Access control on: valid keys 1, users 1" in report_text()
    register.keys.revoke(key.id)
    assert "Access control on: valid keys 0" in report_text()
    proxied = report_text(user_header="X-User", trusted_proxies=("127.0.0.1",))
    assert "X-User from a proxy is trusted" in proxied
    assert "no proxy is trusted to send it" in report_text(user_header="X-User")


def test_an_empty_index_is_a_problem_that_does_not_prevent_answers(home: Path) -> None:
    report = examine(load_settings(home=home))
    assert [problem["message"] for problem in report["problems"]] == ["The index is empty."]
    assert report["answers"]


def test_a_damaged_index_is_reported_with_a_hint_and_not_opened(damaged: Path) -> None:
    report = examine(load_settings(home=damaged))
    (problem,) = report["problems"]
    assert "is damaged: database disk image is malformed" in problem["message"]
    assert problem["hint"] == f"Remove the folder {str(damaged / 'index')!r} and index the articles again with " + (
        "`citechat index`."
    )
    assert not report["answers"]
    assert report["indexed"] == {
        **{"articles": 0, "passages": 0, "built_by": None},
        **{"gone": [], "unreachable": [], "partly_read": []},
    }
    assert f"Problem: {problem['message']}\n  {problem['hint']}" in as_text(report)


@pytest.mark.parametrize("damage", ["truncated", "removed", "empty"])
def test_damaged_segments_are_named_and_built_again(
    damage: str, samples_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(samples_home, tmp_path / "damaged", symlinks=True)
    monkeypatch.setenv("CITECHAT_HOME", str(home))
    open_index(load_settings(home=home)).find("ferry", 1)
    (segment,) = (home / "index").glob("keywords-*")
    file = next(segment.glob("*.npy"))
    if damage == "removed":
        file.unlink()
    else:
        os.truncate(file, 40 if damage == "truncated" else 0)
    report = examine(load_settings(home=home))
    assert [problem["message"] for problem in report["problems"]] == [
        f"Damaged folders of the keyword index: {segment.name!r}."
    ]
    assert report["answers"]
    open_index(load_settings(home=home)).find("ferry", 1)
    assert examine(load_settings(home=home))["problems"] == []


def test_files_that_no_longer_exist_or_cannot_be_found_are_problems_that_do_not_prevent_answers(
    home: Path, tmp_path: Path
) -> None:
    settings = load_settings(home=home)
    paths = [tmp_path / name for name in ("kept/fox.txt", "kept/owl.txt", "disk/hen.txt", "home/library/ab/cat.txt")]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"The {path.stem} crossed the river at night.")
    open_index(settings).sync(paths)
    assert examine(settings)["problems"] == []
    for path in paths[1:]:
        path.unlink()
    (tmp_path / "disk").rmdir()
    report = examine(settings)
    assert report["indexed"]["gone"] == [str(paths[1])]
    assert report["indexed"]["unreachable"] == [str(paths[2])]
    gone, unreachable = report["problems"]
    assert gone["message"] == f"Indexed files that no longer exist: {str(paths[1])!r}."
    assert "--prune" in gone["hint"]
    assert "missing or empty" in unreachable["message"]
    assert "mount" in unreachable["hint"]
    assert report["answers"]


def test_an_unreachable_server_is_reported_once(home: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    report = examine(load_settings(home=home, chroma_url=url))
    (problem,) = report["problems"]
    assert f"Cannot open the index in {url!r}" in problem["message"]
    assert problem["hint"] == "Check that the Chroma server is running, and check CITECHAT_CHROMA_URL."
    assert not report["answers"]


def test_the_command_line_reports_a_damaged_index_without_a_traceback(
    damaged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--json"]) == 1
    out, err = capsys.readouterr()
    assert "malformed" in json.loads(out)["problems"][0]["message"]
    assert json.loads(out)["answers"] is False
    assert err == ""
    assert main(["ask", "Who co-founded Pika?"]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_pages_without_text_are_listed_and_are_not_a_problem(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = text_at(60, 700, ["The ferry sails at nine."])
    (tmp_path / "ferry.pdf").write_bytes(drawn(text, picture, picture, text, picture))
    assert main(["index", str(tmp_path / "ferry.pdf"), "--json"]) == 0
    pages = "2–3, 5: no text, only images or drawings"
    output = capsys.readouterr()
    assert f"skipped pages of {str(tmp_path / 'ferry.pdf')!r} (5 pages): {pages}" in output.err
    (row,) = json.loads(output.out)["partly_read"]
    assert (row["title"], row["pages"]) == ("The ferry sails at nine.", 5)
    assert [page["number"] for page in row["skipped_pages"]] == [2, 3, 5]
    report = examine(load_settings(home=home))
    assert report["problems"] == []
    assert [page["number"] for page in report["indexed"]["partly_read"][0]["skipped_pages"]] == [2, 3, 5]
    assert f"  ferry.pdf (5 pages): {pages}\n" in as_text(report)
    assert main(["articles", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["skipped_pages"] == [2, 3, 5]


def test_an_index_of_whole_documents_lists_no_pages(samples_home: Path) -> None:
    assert "Pages without text" not in as_text(examine(load_settings(home=samples_home)))
