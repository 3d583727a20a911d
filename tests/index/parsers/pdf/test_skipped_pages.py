"""Pages without text are reported, and a small file cannot take much time."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawings import drawn, pdf_of_streams, picture, text_at, together

from index import SkippedPage, describe_skipped_pages, list_page_numbers
from index.errors import LoadError
from index.ingest.loader import load
from index.parsers import NO_TEXT, Extract, extract
from index.parsers.pdf import content
from index.parsers.sandbox_protocol import BrokenFrameError, parse_extract

FILES = Path(__file__).parent / "files"
TEXT = text_at(60, 700, ["The ferry sails at nine.", "It takes an hour to reach the island."])
FERRY = b"BT /F1 10 Tf 60 700 Td (The ferry sails at nine.) Tj ET\n"
LINE = b"0 0 m\n"


def blank(_: object) -> None:
    """Draw nothing."""


def frame(canvas: object) -> None:
    canvas.rect(60, 60, 300, 300)  # type: ignore[attr-defined]


def read(data: bytes) -> Extract:
    return extract(data, ".pdf", "a.pdf")


@pytest.mark.parametrize(
    ("pages", "skipped"),
    [
        ([TEXT, picture, TEXT], [SkippedPage(2, NO_TEXT)]),
        ([picture, TEXT, blank], [SkippedPage(1, NO_TEXT), SkippedPage(3, "blank")]),
        ([TEXT, frame], [SkippedPage(2, NO_TEXT)]),
        ([TEXT, together(picture, TEXT)], []),
    ],
    ids=["a scan", "a scanned cover and a blank page", "drawings", "a picture behind text"],
)
def test_each_page_without_text_is_named_with_the_reason(pages: list[object], skipped: list[SkippedPage]) -> None:
    found = read(drawn(*pages))  # type: ignore[arg-type]
    assert list(found.skipped_pages) == skipped
    assert len(found.pages) == len(pages)


def test_an_article_keeps_the_pages_that_were_skipped() -> None:
    (article,) = load([FILES / "mixed_scan.pdf"])
    assert [page.number for page in article.skipped_pages] == [2, 3, 4]
    assert article.text == "Cover page: Annual report of the Quill Society, 2024.\n"


def test_a_document_without_text_is_refused_with_a_hint() -> None:
    for data, pages in ((drawn(picture, picture), 2), ((FILES / "scan.pdf").read_bytes(), 1), (drawn(blank), 1)):
        with pytest.raises(LoadError, match=rf"its {pages} page\(s\) contain no text") as error:
            read(data)
        assert error.value.hint == "Run text recognition first, for example: ocrmypdf in.pdf out.pdf"


@pytest.mark.parametrize(
    ("numbers", "text"), [([], ""), ([3], "3"), ([1, 2, 3, 7], "1–3, 7"), ([2, 4, 6, 7], "2, 4, 6–7")]
)
def test_page_numbers_are_listed_as_ranges(numbers: list[int], text: str) -> None:
    assert list_page_numbers(numbers) == text


def test_pages_are_described_by_reason() -> None:
    pages = [SkippedPage(1, "blank"), SkippedPage(2, NO_TEXT), SkippedPage(3, NO_TEXT), SkippedPage(5, "blank")]
    assert describe_skipped_pages(pages) == f"1, 5: blank; 2–3: {NO_TEXT}"


@pytest.mark.parametrize(
    ("page", "form"),
    [
        (FERRY + LINE * 900_000, b""),
        (FERRY + b"/X0 Do\n" * 1_000, FERRY + LINE * 1_000),
        (FERRY + b" " * 20_000_000, b""),
        (FERRY + b"BT /F1 9 Tf (" + b"a" * 20_000_000 + b") Tj ET", b""),
        (FERRY + b"BT /F1 9 Tf [" + b"(a)9" * 400_000 + b"] TJ ET", b""),
    ],
    ids=["operators", "forms", "white space", "a string", "an array"],
)
def test_a_page_with_too_much_content_is_skipped(page: bytes, form: bytes) -> None:
    found = read(pdf_of_streams([FERRY, page], [0, 1, 0], form))
    (skipped,) = found.skipped_pages
    assert (skipped.number, skipped.reason) == (
        2,
        "too complex, with more than 300,000 drawing operators or as much other content",
    )
    assert found.text.count("The ferry sails at nine.") == 2


def test_a_page_that_occurs_repeatedly_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    read_page = content.PageReader._read

    def counted(self: content.PageReader, page: object, number: int) -> object:
        reads.append(number)
        return read_page(self, page, number)  # type: ignore[arg-type]

    monkeypatch.setattr(content.PageReader, "_read", counted)
    found = read(pdf_of_streams([FERRY, FERRY + LINE * 100_000], [0, 1, *[1] * 999, 0]))
    assert reads == [1, 2]
    assert found.text.count("The ferry sails at nine.") == len(found.pages) == 1_002


def test_a_skipped_page_that_occurs_repeatedly_is_named_each_time() -> None:
    found = read(pdf_of_streams([FERRY, b""], [1, 0, 1]))
    assert found.skipped_pages == (SkippedPage(1, "blank"), SkippedPage(3, "blank"))


def test_the_work_for_a_small_file_is_bounded() -> None:
    found = read(pdf_of_streams([FERRY, *[FERRY + LINE * 200_000] * 20], range(21)))
    first, *_, last = found.skipped_pages
    assert first.number < 8
    assert (last.number, last.reason) == (21, "the pages before it are too complex for a file of this size")


def test_a_damaged_page_is_skipped() -> None:
    data = pdf_of_streams([FERRY, FERRY], [0, 1]).replace(b"/Contents 6 0 R", b"/Contents [[]]", 1)
    found = read(data)
    assert [page.number for page in found.skipped_pages] == [2]


FIELDS = {
    "text": "One. Two.",
    "pages": [0, 5, 9],
    "skipped_pages": [{"number": 3, "reason": "blank"}],
    "boilerplate": [{"start": 0, "end": 4}, {"start": 5, "end": 9}],
    "has_front_matter": False,
    "is_message": False,
}


def test_a_worker_sends_skipped_pages_and_boilerplate() -> None:
    found = parse_extract(FIELDS)
    assert found.skipped_pages == (SkippedPage(3, "blank"),)
    assert [(span.start, span.end) for span in found.boilerplate] == [(0, 4), (5, 9)]


@pytest.mark.parametrize(
    "fields",
    [
        {"skipped_pages": None},
        {"skipped_pages": [{"number": 4, "reason": "blank"}]},
        {"skipped_pages": [{"number": 0, "reason": "blank"}]},
        {"skipped_pages": [{"number": True, "reason": "blank"}]},
        {"skipped_pages": [{"number": 3, "reason": 1}]},
        {"skipped_pages": [{"number": 3, "reason": ""}, {"number": 2, "reason": ""}]},
        {"skipped_pages": [3]},
        {"boilerplate": {}},
        {"boilerplate": [{"start": 5, "end": 10}]},
        {"boilerplate": [{"start": -1, "end": 2}]},
        {"boilerplate": [{"start": 3, "end": 2}]},
        {"boilerplate": [{"start": 0, "end": 4}, {"start": 3, "end": 6}]},
        {"boilerplate": [{"start": "0", "end": 4}]},
    ],
)
def test_invalid_fields_of_a_worker_are_rejected(fields: dict[str, object]) -> None:
    with pytest.raises(BrokenFrameError):
        parse_extract(FIELDS | fields)
