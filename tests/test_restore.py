"""What docs/deployment.md says of backups: a copied folder and database answer as those that were copied."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from servers import running_chroma

from rag import build_assistant, load_settings, open_index
from ui.cli.main import main

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
QUESTIONS = [
    json.loads(line)["question"] for line in (SAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()[::6]
]


def _answers(home: Path, url: str) -> list[dict[str, Any]]:
    assistant = build_assistant(load_settings(home=home, chroma_url=url))
    return [assistant.ask(question).to_dict() | {"timings": None} for question in QUESTIONS]


@pytest.mark.slow
def test_a_restored_backup_gives_the_same_answers_and_knows_the_same_keys(
    home: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chroma").mkdir()
    with running_chroma(tmp_path / "chroma") as (url, _):
        open_index(load_settings(home=home, chroma_url=url)).sync([SAMPLES / "briefing.md"])
        before = _answers(home, url)
        assert main(["keys", "create", "nightly"]) == 0
    # Nothing runs now: both are copied whole, and put back where nothing of the first home is known.
    shutil.copytree(tmp_path / "chroma", tmp_path / "restored")
    restored = tmp_path / "restored-home"
    restored.mkdir()
    (restored / "models").symlink_to(models)
    for database in home.glob("*.sqlite3"):
        shutil.copy(database, restored)
    monkeypatch.setenv("CITECHAT_HOME", str(restored))
    with running_chroma(tmp_path / "restored") as (url, _):
        assert _answers(restored, url) == before
        monkeypatch.setenv("CITECHAT_CHROMA_URL", url)
        assert main(["doctor"]) == 0
    capsys.readouterr()
    assert main(["keys", "list"]) == 0
    assert "nightly" in capsys.readouterr().out
    assert any(answer["found"] for answer in before)
