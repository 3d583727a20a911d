"""A chat that is really started leaves nothing in its home that other users of the machine can open."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from newsroom import newsroom
from servers import serving_chat
from visitors import visit

from rag import build_assistant, load_settings
from ui.chat.services import services_of
from ui.security.access import access_policy, open_accounts

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)


def _open_to_others(folder: Path) -> list[str]:
    """What other users could reach: a folder that they cannot enter hides all that is in it."""
    if not stat.S_IMODE(folder.stat().st_mode) & 0o077:
        return []
    inside = [folder, *folder.rglob("*")]
    return [str(each.relative_to(folder.parent)) for each in inside if stat.S_IMODE(each.lstat().st_mode) & 0o077]


def test_a_home_from_before_is_tightened_and_what_is_new_is_private(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = newsroom(home)
    audit = tmp_path / "audit.jsonl"
    audit.touch()
    for path in (home, home / "index", home / "conversations.sqlite3"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    audit.chmod(0o666)
    settings = load_settings(home=home, audit_log=audit)
    open_accounts(settings).keys.create("bot")
    with serving_chat(made.assistant, made.services, settings=settings) as chat:
        visit(chat.port, "/")
        named = [home, *home.glob("*.sqlite3*"), home / "index", *home.glob("uploads"), audit]
        assert [oct(path.stat().st_mode) for path in named if path.stat().st_mode & 0o007] == []
        assert _open_to_others(home) == []
        for path in named[:-1]:
            assert not path.stat().st_mode & 0o077, path


def test_a_new_home_is_private_whoever_makes_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for name, make in (
        ("accounts", lambda home: open_accounts(load_settings(home=home)).users.add("ann", "correct horse battery")),
        ("services", lambda home: services_of(load_settings(home=home), build_assistant(load_settings(home=home)))),
    ):
        make(tmp_path / name / "home")
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / name / "home").stat().st_mode) == 0o700


def test_a_log_that_everybody_could_read_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    audit = tmp_path / "audit.jsonl"
    audit.touch()
    audit.chmod(0o644)
    access_policy(load_settings(home=tmp_path, audit_log=audit))
    assert audit.stat().st_mode & 0o777 == 0o640
    assert f"could open {str(audit)!r}" in caplog.text
