"""Other users of the machine read nothing of what is stored, unless the operator shares it with a group."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

import pytest

from index import Encoder, Index, create_private_folder, make_file_private, make_private


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_and_those_above_it_are_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    create_private_folder(tmp_path / "a" / "b")
    assert [_mode(each) for each in (tmp_path / "a", tmp_path / "a" / "b")] == [0o700, 0o700]
    assert _mode(tmp_path) == 0o755, "what was there before is not changed"
    create_private_folder(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        create_private_folder(tmp_path / "file")


def test_an_index_is_private(tmp_path: Path, hashing_encoder: Encoder) -> None:
    (tmp_path / "a.txt").write_text("The harbour reopened on Monday.", encoding="utf-8")
    Index(tmp_path / "index", hashing_encoder).sync([tmp_path / "a.txt"])
    assert _mode(tmp_path / "index") == 0o700


def test_what_others_could_open_is_closed_to_them_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home, home / "index", elsewhere):
        folder.mkdir()
        folder.chmod(0o755)
    for file in (home / "a.sqlite3", home / "mine.txt"):
        file.touch()
        file.chmod(0o644)
    (home / "models").symlink_to(elsewhere)
    make_private(home, ("index", "models", "library", "*.sqlite3*"))
    assert [_mode(each) for each in (home, home / "index", home / "a.sqlite3")] == [0o700, 0o700, 0o600]
    assert _mode(elsewhere) == 0o755, "a link is not followed"
    assert _mode(home / "mine.txt") == 0o644, "what is not ours stays as it is"
    (told,) = caplog.messages
    assert f"{str(home)!r} and 2 more: removed their access" in told
    assert f"chmod g+rwxs {str(home)!r}" in told
    make_private(home, ("index",))
    assert len(caplog.messages) == 1, "told once"


def test_a_folder_that_is_shared_with_a_group_stays_so(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o2775)
    make_private(home)
    assert _mode(home) == 0o2770
    create_private_folder(home / "index")
    assert _mode(home / "index") & 0o2057 == 0o2050
    make_private(home, ("index",))
    assert _mode(home / "index") & 0o2057 == 0o2050


@pytest.mark.parametrize("mode", [0o700, 0o1777, 0o500])
def test_what_needs_no_change_is_left_alone(tmp_path: Path, mode: int, caplog: pytest.LogCaptureFixture) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(mode)
    make_private(home)
    make_private(tmp_path / "missing")
    assert _mode(home) == mode
    assert caplog.messages == []


def test_what_may_not_be_changed_is_told_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", refuse)
    with caplog.at_level(logging.WARNING):
        make_private(home)
    assert "Operation not permitted" in caplog.text
    assert "chmod go-rwx" in caplog.text


def test_a_file_may_stay_readable_by_its_group(tmp_path: Path) -> None:
    """Only the operator can have made a log readable by those who collect logs."""
    file = tmp_path / "audit.jsonl"
    make_file_private(file)
    file.touch()
    file.chmod(0o646)
    make_file_private(file)
    assert _mode(file) == 0o640
