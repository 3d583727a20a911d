"""The evaluation panel, as a person uses it: a test set is chosen, asked, looked at and saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from readers import IN_A_BROWSER

pytestmark = IN_A_BROWSER

CASES = [
    {"question": "When did the harbour reopen?", "answers": ["Monday"], "evidence": ["The harbour reopened on Monday"]},
    {"question": "How far is the moon?", "answerable": False},
]


def measure(reader: Any, name: str, data: bytes) -> None:
    """Choose a file, whose questions are asked."""
    given = [{"name": name, "mimeType": "application/octet-stream", "buffer": data}]
    reader.set_input_files("#test-set input[type=file]", given)


def measured(reader: Any, news: Any, *cases: object) -> Any:
    """A reader who has had a test set asked; the frame with the report."""
    reader.open(news.url)
    reader.panel("evaluation")
    measure(reader, "mine.jsonl", "".join(f"{json.dumps(case)}\n" for case in cases).encode())
    reader.wait_for_words("#evaluation-status .sum", f"of {len(cases)} correct")
    return reader.frame_locator("#report iframe")


def test_a_test_set_is_asked_and_its_report_stands_in_the_panel(reader: Any, news: Any) -> None:
    report = measured(reader, news, *CASES)
    report.get_by_text("first citation right").first.wait_for()
    question = report.get_by_role("button", name="When did the harbour reopen?")
    question.click()
    report.locator("mark", has_text="The harbour reopened on Monday").first.wait_for()


def test_the_report_can_be_saved_as_it_is(reader: Any, news: Any, tmp_path: Path) -> None:
    measured(reader, news, *CASES)
    with reader.expect_download() as download:
        reader.click("text=Download report")
    assert download.value.suggested_filename == "report.html"
    download.value.save_as(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").lower().startswith("<!doctype html>")


def test_answers_that_were_added_to_the_test_set_are_asked_again(reader: Any, news: Any) -> None:
    news.services.testset.unlink(missing_ok=True)
    reader.open(news.url)
    reader.panel("evaluation")
    reader.click("#run-saved")
    reader.wait_for_words("#evaluation-status .failure", "There is no test set yet")
    reader.close_panel()
    reader.ask("How often does the ferry sail?")
    reader.click("#act-case-1")
    reader.wait_for_words("#notice", "test set")
    reader.panel("evaluation")
    reader.click("#run-saved")
    reader.wait_for_words("#evaluation-status .sum", "1 of 1 correct")


def test_a_file_that_is_no_test_set_is_refused_and_the_next_one_is_asked(reader: Any, news: Any) -> None:
    reader.open(news.url)
    reader.panel("evaluation")
    measure(reader, "bad.jsonl", b"no case\n")
    reader.wait_for_words("#evaluation-status .failure", "bad.jsonl, line 1")
    measure(reader, "good.jsonl", f"{json.dumps(CASES[0])}\n".encode())
    reader.wait_for_words("#evaluation-status .sum", "1 of 1 correct")
