"""What the doctor says of an index that is whole, and of one that is not."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from servers import free_port

from rag import load_settings
from ui.cli.doctor import as_text, examine
from ui.cli.main import main
from ui.security.access import open_accounts


@pytest.fixture
def damaged(samples_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose index has half of its database."""
    home = shutil.copytree(samples_home, tmp_path / "damaged", symlinks=True)
    database = home / "index" / "chroma.sqlite3"
    os.truncate(database, database.stat().st_size // 2)
    monkeypatch.setenv("CITECHAT_HOME", str(home))
    return home


def test_a_whole_index_answers(samples_home: Path) -> None:
    report = examine(load_settings(home=samples_home))
    assert report["answers"]
    assert report["problems"] == []
    assert (report["indexed"]["articles"], report["indexed"]["passages"] > 5) == (1, True)


def test_it_is_told_whether_anybody_is_asked_who_they_are(home: Path) -> None:
    def told(**settings: object) -> str:
        return as_text(examine(load_settings(home=home, **settings)))

    assert "Access control off" in told()
    register = open_accounts(load_settings(home=home))
    key, _ = register.keys.create("bot")
    register.users.add("ann", "correct horse battery")
    assert "Access control on: valid keys 1, users 1" in told()
    register.keys.revoke(key.id)
    assert "Access control on: valid keys 0" in told()
    proxied = told(user_header="X-User", trusted_proxies=("127.0.0.1",))
    assert "X-User from a proxy is trusted" in proxied
    assert "no proxy is trusted to send it" in told(user_header="X-User")


def test_that_nothing_is_indexed_yet_is_a_problem_that_stops_nothing(home: Path) -> None:
    report = examine(load_settings(home=home))
    assert [problem["message"] for problem in report["problems"]] == ["The index is empty."]
    assert report["answers"]


def test_a_damaged_index_is_named_with_what_to_do_and_is_not_opened(damaged: Path) -> None:
    report = examine(load_settings(home=damaged))
    (problem,) = report["problems"]
    assert "is damaged: database disk image is malformed" in problem["message"]
    assert problem["hint"] == f"Remove the folder {str(damaged / 'index')!r} and index the articles again with " + (
        "`citechat index`."
    )
    assert not report["answers"]
    assert report["indexed"] == {"articles": 0, "passages": 0, "built_by": None}
    assert f"Problem: {problem['message']}\n  {problem['hint']}" in as_text(report)


def test_a_server_that_is_not_there_is_a_problem_that_is_named_once(home: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    report = examine(load_settings(home=home, chroma_url=url))
    (problem,) = report["problems"]
    assert f"the index in {url!r} could not be opened" in problem["message"]
    assert problem["hint"] == "Check that the Chroma server runs, and CITECHAT_CHROMA_URL."
    assert not report["answers"]


def test_the_command_line_says_so_without_a_traceback(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 1
    out, err = capsys.readouterr()
    assert "malformed" in json.loads(out)["problems"][0]["message"]
    assert json.loads(out)["answers"] is False
    assert err == ""
    assert main(["ask", "Who co-founded Pika?"]) == 1
    assert "Traceback" not in capsys.readouterr().err
