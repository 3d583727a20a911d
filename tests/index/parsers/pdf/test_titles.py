"""The title of a PDF: its own, if a person wrote it; otherwise its largest first lines, or its first line."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawings import drawn, text_at, together

from index.ingest.loader import load
from index.parsers import extract
from index.parsers.pdf.titles import metadata_author, metadata_title

BODY = text_at(60, 600, ["The council voted for the plan.", "It was laid by soldiers within eleven days."])


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("Annual report of the Quill Society", "Annual report of the Quill Society"),
        ("Beowulf", "Beowulf"),
        ("1984", None),
        ("U.S. trade with Node.js makers", "U.S. trade with Node.js makers"),
        ("海洋年报", "海洋年报"),
        ("Microsoft Word - Annual report 2023.docx", "Annual report 2023"),
        ("Microsoft PowerPoint - The island in winter", "The island in winter"),
        ("The island in winter.indd", "The island in winter"),
        ("Microsoft Word - report_final3.docx", None),
        ("report_final3", None),
        ("draft-3.docx", None),
        ("(anonymous)", None),
        ("untitled", None),
        ("Untitled-1", None),
        ("Document1", None),
        ("PowerPoint Presentation", None),
        ("scan0042", None),
        ("C:/Users/ann/letter.doc", None),
        ("20240503_112233", None),
        ("   ", None),
        (None, None),
    ],
)
def test_the_title_that_a_document_has_is_used_if_a_person_wrote_it(written: str | None, title: str | None) -> None:
    assert metadata_title(written) == title


@pytest.mark.parametrize(
    ("written", "author"),
    [
        ("Ada Fenn", "Ada Fenn"),
        ("(anonymous)", None),
        ("anonymous", None),
        ("Administrator", None),
        ("Anon Ymous", "Anon Ymous"),
    ],
)
def test_an_author_is_a_person(written: str, author: str | None) -> None:
    assert metadata_author(written) == author


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        (text_at(60, 700, ["Ilvermouth rebuilds its wall"], 18), "Ilvermouth rebuilds its wall"),
        (
            text_at(60, 700, ["Ilvermouth rebuilds", "its wall after the storm"], 18, 22),
            "Ilvermouth rebuilds its wall after the storm",
        ),
        (
            together(
                text_at(60, 760, ["The Courier"], 8),
                text_at(60, 700, ["A wall at last"], 20),
                text_at(60, 660, ["Soldiers help"], 14),
            ),
            "A wall at last",
        ),
        (together(text_at(60, 700, ["T"], 40), text_at(90, 700, ["he wall is new."], 10)), None),
    ],
    ids=["one line", "two lines", "with a line above and below", "an initial"],
)
def test_otherwise_the_largest_first_lines_are_the_title(heading: object, title: str | None) -> None:
    assert extract(drawn(together(heading, BODY), title="untitled"), ".pdf", "a.pdf").title == title  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "title"),
    [("ferry", None), ("Ferry", None), ("The ferry", "The ferry"), ("Boats", "Boats")],
)
def test_the_name_of_its_own_file_is_not_a_title(written: str, title: str | None) -> None:
    assert extract(drawn(BODY, title=written), ".pdf", "boats/ferry.pdf").title == title


def test_without_larger_lines_the_first_line_is_the_title(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(drawn(BODY, title="scan0042.pdf"))
    (article,) = load([tmp_path / "a.pdf"])
    assert article.title == "The council voted for the plan."


def test_a_running_head_is_not_the_title(tmp_path: Path) -> None:
    page = together(text_at(60, 800, ["The Island Courier"], 10), BODY)
    other = together(text_at(60, 800, ["The Island Courier"], 10), text_at(60, 600, ["Nobody was hurt.", "It rained."]))
    (tmp_path / "a.pdf").write_bytes(drawn(page, other))
    (article,) = load([tmp_path / "a.pdf"])
    assert article.title == "The council voted for the plan."
