"""What is uploaded lies in a folder of the home that only its owner can open, and is gone when it is of no more use."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from ui.persistence import uploads as module
from ui.persistence.uploads import LEAST_SIZE, UploadsFullError, open_uploads, using


@pytest.fixture(autouse=True)
def _no_other_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another test file may have a chat that still runs in this process."""
    monkeypatch.setattr(module, "_process", module._Process())
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)


def _store(uploads: module.UploadFolder, *names: str, owner: str = "ann") -> list[Path]:
    """An upload with these files, each in a folder of its own as the page's are."""
    with uploads.upload(owner) as upload:
        files = [upload.folder / f"{'0' * 63}{number}" / name for number, name in enumerate(names)]
        for file in files:
            file.parent.mkdir()
            file.write_text("text", encoding="utf-8")
        upload.keep()
    return files


def _age(folder: Path, seconds: float) -> None:
    changed = folder.stat().st_mtime - seconds
    os.utime(folder, (changed, changed))


def test_the_folder_is_private_and_is_deleted_when_the_last_chat_ends(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with open_uploads(home) as first, open_uploads(tmp_path / "other") as second:
        assert first is second
        assert first.path.parent == home / "uploads"
        for folder in (home, first.path.parent, first.path, _store(first, "a.txt")[0].parent.parent):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
        assert os.environ["GRADIO_TEMP_DIR"] == str(first.path)
    assert [each.name for each in (home / "uploads").iterdir()] == [".lock"]
    assert "GRADIO_TEMP_DIR" not in os.environ
    assert not (tmp_path / "other").exists()


def test_an_upload_is_deleted_when_it_was_used_and_other_files_are_not(tmp_path: Path) -> None:
    with open_uploads(tmp_path) as uploads:
        one, two = _store(uploads, "one.txt", "two.txt")
        (other,) = _store(uploads, "one.txt")
        mine = tmp_path / "mine.txt"
        mine.touch()
        with using([one, two, mine, tmp_path / "missing"]):
            _age(one.parent.parent, module.ABANDONED_AFTER + 1)
            uploads.sweep()
            assert one.is_file(), "as long as it is in use"
        assert not one.parent.parent.exists()
        assert other.is_file()
        assert mine.is_file()


def test_an_upload_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with open_uploads(tmp_path) as uploads:
        with suppress(KeyboardInterrupt), uploads.upload("ann") as upload:
            (upload.folder / "part").touch()
            raise KeyboardInterrupt
        with uploads.upload("ann") as upload:
            (upload.folder / "part").touch()
        assert list(uploads.path.iterdir()) == []


def test_an_abandoned_upload_is_deleted_after_a_while(tmp_path: Path) -> None:
    with open_uploads(tmp_path) as uploads:
        (file,), stray = _store(uploads, "a.txt"), uploads.path / "tmp1"
        stray.touch()
        uploads.sweep()
        assert file.is_file()
        assert stray.is_file()
        for each in (file.parent.parent, stray):
            _age(each, module.ABANDONED_AFTER + 1)
        uploads.sweep()
        assert list(uploads.path.iterdir()) == []


def test_all_uploads_together_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_TOTAL", 3 * LEAST_SIZE)
    with open_uploads(tmp_path) as uploads:
        files = [_store(uploads, "a.txt")[0] for _ in range(2)]
        with pytest.raises(UploadsFullError, match="larger than") as told, uploads.upload("ann") as upload:
            upload.grow(1)
        assert "Try again" in told.value.hint
        _store(uploads, "a.txt")
        with pytest.raises(UploadsFullError):
            _store(uploads, "a.txt")
        with using(files):
            pass
        assert _store(uploads, "a.txt")[0].is_file(), "what is deleted makes room"


def test_one_owner_has_a_share_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.LARGEST_SHARE * 4 <= module.LARGEST_TOTAL
    monkeypatch.setattr(module, "LARGEST_SHARE", 2 * LEAST_SIZE)
    with open_uploads(tmp_path) as uploads:
        files = [_store(uploads, "a.txt")[0] for _ in range(2)]
        with pytest.raises(UploadsFullError, match="Your uploads together are larger than 0 MB") as told:
            _store(uploads, "a.txt")
        assert "Try again" in told.value.hint
        with uploads.upload("bob") as upload, pytest.raises(UploadsFullError):
            upload.grow(LEAST_SIZE + 1)
        assert _store(uploads, "a.txt", owner="bob")[0].is_file(), "others are not concerned"
        with using(files[:1]):
            pass
        assert _store(uploads, "a.txt")[0].is_file(), "what is deleted makes room"


def test_only_a_file_of_an_upload_is_one(tmp_path: Path) -> None:
    with open_uploads(tmp_path) as uploads:
        (file,) = _store(uploads, "a.txt")
        assert uploads.contains(str(file))
        around = file.parent.parent / ".." / ".." / "x"
        for other in ("http://127.0.0.1/x", "https://evil.example/", "/etc/passwd", "", "a.txt", str(around)):
            assert not uploads.contains(other)
        assert not uploads.contains(str(uploads.path / "tmp1"))
        assert not uploads.contains(f"http://evil.example{file}")
        assert not uploads.contains(f"{file}\0")


KILLED = """
import sys
from pathlib import Path
from ui.persistence.uploads import open_uploads
with open_uploads(Path(sys.argv[1])) as uploads:
    with uploads.upload("ann") as upload:
        (upload.folder / "story.txt").write_text("secret")
        print(uploads.path, flush=True)
        sys.stdin.read()
"""


def test_what_a_killed_server_left_is_deleted_at_the_next_start(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        with open_uploads(tmp_path):
            assert list(left.glob("*/story.txt")), "the other server still runs"
        process.send_signal(signal.SIGKILL)
        process.wait(300)
    assert left.exists()
    with open_uploads(tmp_path) as uploads:
        assert not left.exists()
        names = {each.name for each in (tmp_path / "uploads").iterdir()}
        assert names == {".lock", uploads.path.name, f"{uploads.path.name}.lock"}


def test_a_home_that_cannot_be_written_to_stops_no_chat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    home = tmp_path / "home"
    home.touch()
    with open_uploads(home) as uploads:
        assert uploads.path.parent == tmp_path
        assert stat.S_IMODE(uploads.path.stat().st_mode) == 0o700
    assert not uploads.path.exists()
    assert "Cannot create a folder for uploads" in caplog.text
