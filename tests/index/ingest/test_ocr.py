"""Text recognition, with a script in place of ocrmypdf, and with ocrmypdf itself if it is installed."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest
from drawings import drawn, picture, scan, text_at

from index import Article, CancelledWorkError, Skipped
from index.cancellation import Cancellation
from index.ingest import ocr
from index.ingest.loader import ReadOptions, load

TEXT = text_at(60, 700, ["The ferry sails at nine."])
RECOGNISED = text_at(60, 700, ["The mayor is Olga Brand."])
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the program in place of ocrmypdf is a script")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder for programs, which is the only one on the search path."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(folder: Path, code: str) -> None:
    """Install a program called ocrmypdf with this Python code, in which `source` and `result` are its files."""
    program = folder / "ocrmypdf"
    head = "import os, shutil, subprocess, sys, time\nsource, result = sys.argv[-2:]\n"
    program.write_text(f"#!{sys.executable}\n{head}{code}\n")
    program.chmod(0o755)


def recognising(folder: Path, *pages: object) -> str:
    """Return code that writes a PDF with these pages."""
    (folder / "recognised.pdf").write_bytes(drawn(*pages))  # type: ignore[arg-type]
    return f"shutil.copy({str(folder / 'recognised.pdf')!r}, result)"


def read(tmp_path: Path, *pages: object, setting: str = "auto") -> Article | Skipped:
    (tmp_path / "a.pdf").write_bytes(drawn(*pages))  # type: ignore[arg-type]
    (found,) = load([tmp_path / "a.pdf"], ReadOptions(ocr=setting))
    return found


@pytest.mark.parametrize(
    ("pages", "recognised", "text"),
    [
        ([TEXT, picture], [TEXT, RECOGNISED], "The ferry sails at nine.\n\nThe mayor is Olga Brand.\n"),
        ([picture], [RECOGNISED], "The mayor is Olga Brand.\n"),
        ([picture, TEXT], [RECOGNISED, TEXT], "The mayor is Olga Brand.\n\nThe ferry sails at nine.\n"),
    ],
    ids=["a scanned page", "only a scan", "a scanned cover"],
)
def test_the_text_of_scanned_pages_is_recognised(
    installed: Path, tmp_path: Path, pages: list[object], recognised: list[object], text: str
) -> None:
    install(installed, recognising(installed, *recognised))
    article = read(tmp_path, *pages)
    assert isinstance(article, Article)
    assert " ".join(article.text.split()) == " ".join(text.split())
    assert (len(article.pages), article.skipped_pages) == (len(pages), ())


@pytest.mark.parametrize(
    ("setting", "pages"), [("off", [TEXT, picture]), ("auto", [TEXT, TEXT]), ("eng", [TEXT, lambda canvas: None])]
)
def test_the_program_is_not_run_if_it_is_off_or_nothing_is_scanned(
    installed: Path, tmp_path: Path, setting: str, pages: list[object]
) -> None:
    install(installed, f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert isinstance(read(tmp_path, *pages, setting=setting), Article)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("setting", "languages"), [("auto", []), ("deu", ["deu"]), ("eng+chi_sim", ["eng+chi_sim"])])
def test_the_languages_are_those_of_the_setting(
    installed: Path, tmp_path: Path, setting: str, languages: list[str]
) -> None:
    install(installed, f"open({str(tmp_path / 'ran')!r}, 'w').write(' '.join(sys.argv))")
    read(tmp_path, TEXT, picture, setting=setting)
    ran = (tmp_path / "ran").read_text().split()
    assert [ran[at + 1] for at, word in enumerate(ran) if word == "--language"] == languages
    assert "--skip-text" in ran


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("sys.exit(3)", "ocrmypdf ended with code 3, a program or a language that it needs is not installed"),
        ("sys.exit(99)", "ocrmypdf ended with code 99"),
        ("pass", "its result is empty or larger than 200 MB"),
        ("open(result, 'w').write('no pdf')", "its result cannot be read"),
        ("time.sleep(600)", "it takes more than 2 seconds"),
    ],
    ids=["a missing language", "an unknown code", "no result", "a damaged result", "too slow"],
)
def test_a_failure_is_the_reason_why_pages_were_skipped(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, why: str
) -> None:
    install(installed, code)
    monkeypatch.setattr(ocr, "_TIME_LIMIT", 2 if "sleep" in code else 120)
    article = read(tmp_path, TEXT, picture)
    assert isinstance(article, Article)
    assert article.text == "The ferry sails at nine.\n"
    assert [page.reason for page in article.skipped_pages] == [f"no text, only images or drawings (OCR failed: {why})"]


def test_a_document_without_text_is_refused_with_the_failure(installed: Path, tmp_path: Path) -> None:
    install(installed, "sys.exit(2)")
    found = read(tmp_path, picture)
    assert isinstance(found, Skipped)
    assert found.reason.endswith("OCR failed: ocrmypdf ended with code 2, it cannot read the file.")
    install(installed, recognising(installed, picture))
    found = read(tmp_path, picture)
    assert isinstance(found, Skipped)
    assert found.reason.endswith("OCR found no text.")


def test_without_the_program_only_a_setting_with_languages_reports_it(installed: Path, tmp_path: Path) -> None:
    reasons = {}
    for setting in ("auto", "eng"):
        article = read(tmp_path, TEXT, picture, setting=setting)
        assert isinstance(article, Article)
        reasons[setting] = article.skipped_pages[0].reason
    assert reasons["auto"] == "no text, only images or drawings"
    assert reasons["eng"] == "no text, only images or drawings (OCR failed: ocrmypdf is not installed)"


def test_the_program_gets_no_secrets(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    install(installed, f"open({str(tmp_path / 'ran')!r}, 'w').write(repr(dict(os.environ)))")
    read(tmp_path, TEXT, picture)
    assert "secret" not in (tmp_path / "ran").read_text()


def test_the_programs_that_it_started_are_killed_with_it(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = "[sys.executable, '-c', 'import time; time.sleep(600)']"
    install(
        installed,
        f"child = subprocess.Popen({child})\nopen({str(tmp_path / 'child')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(600)",
    )
    monkeypatch.setattr(ocr, "_TIME_LIMIT", 5)
    read(tmp_path, TEXT, picture)
    child_id = int((tmp_path / "child").read_text())
    while _runs(child_id):  # the test's own time limit ends this loop
        time.sleep(0.05)


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_program_is_killed_when_the_work_should_end(installed: Path, tmp_path: Path) -> None:
    install(installed, f"open({str(tmp_path / 'ran')!r}, 'w')\ntime.sleep(600)")
    cancellation = Cancellation()

    def stop() -> None:
        while not (tmp_path / "ran").exists():
            time.sleep(0.05)
        cancellation.request("The upload was stopped.", "")

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(CancelledWorkError, match="stopped"):
        ocr.recognise(drawn(picture), "auto", cancellation)
    thread.join()


@pytest.mark.skipif(shutil.which("ocrmypdf") is None, reason="ocrmypdf is not installed")
def test_ocrmypdf_recognises_words_on_a_scan(tmp_path: Path) -> None:
    article = read(tmp_path, TEXT, scan("The mayor is Olga Brand"), setting="eng")
    assert isinstance(article, Article)
    assert article.skipped_pages == ()
    assert "mayor is Olga Brand" in article.text[article.pages[1] :]
