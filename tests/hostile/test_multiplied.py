"""Small files that refer to one part many times, or repeat one text: what they cost stays near their size."""

from __future__ import annotations

import copy
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from hashing import HashingEncoder

from index import LoadError, with_column_names
from index.ingest.loader import load, load_file
from index.parsers import email, extract, odt, spreadsheet
from index.parsers.archive import documents
from index.parsers.base import TextLimit
from index.parsers.packages import epub, markup, number_format, pptx, worksheet
from index.parsers.packages.zip_file import Allowance
from index.parsers.pages import numbers, tables, tags
from index.text.chunker import chunk
from index.text.tables import rows_in

HEAD = "From: a@b.example\nSubject: s\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n"
NAMES = ["x1y2" * 16 + str(number) for number in range(8)]


def _written(path: Path, text: str) -> int:
    """The characters of all passages of a text with the names of columns."""
    path.write_text(text)
    passages = chunk(load_file(path), HashingEncoder().tokenize)
    return sum(len(with_column_names(each).text) for each in passages)


@pytest.mark.parametrize(
    ("suffix", "header", "row"),
    [
        (".md", f"|{'|'.join(NAMES)}|\n{'|---' * 8}|\n", "|1|2|3|4|5|6|7|8|\n"),
        (".md", f"|{'long name ' * 120}|\n|---|\n", "|1|\n"),
        (".csv", ",".join(NAMES) + "\n", "1,2,3,4,5,6,7,8\n"),
        (".txt", "\t".join(NAMES) + "\n", "1\t2\t3\t4\t5\t6\t7\t8\n"),
    ],
)
def test_long_names_of_columns_do_not_multiply_a_table(tmp_path: Path, suffix: str, header: str, row: str) -> None:
    text = header + row * 400
    assert _written(tmp_path / f"a{suffix}", text) < 9 * len(text)


def test_the_names_of_an_ordinary_table_are_whole(tmp_path: Path) -> None:
    names = ["station", "date", "max_temperature_celsius", "min_temperature_celsius"]
    rows = "".join(f"Holm,2024-02-{day:02},{day}.5,{day - 9}.5\n" for day in range(1, 29))
    text = extract(f"{','.join(names)}\n{rows}".encode(), ".csv", "a.csv").text
    assert text.splitlines()[2] == (
        "station: Holm | date: 2024-02-03 | max_temperature_celsius: 3.5 | min_temperature_celsius: -6.5"
    )


LONG = [f"Unemployment rate in the municipality, {year}" for year in (2021, 2022, 2023)]
MIDDLE = [f"Unemployment rate in the municipality of {town}, as a percentage" for town in ("Ala", "Bro", "Cam")]
LONGER = [f"{'How satisfied are you with the ferry, ' * 3}in {month}?" for month in ("January", "June", "July")]


def _header(names: list[str]) -> str:
    return ",".join(["Town", *(f'"{name}"' for name in names)]) + "\n"


@pytest.mark.parametrize("names", [LONG, MIDDLE])
def test_the_long_names_of_a_short_table_are_whole(names: list[str]) -> None:
    table = _header(names) + "Dun,4,5,6\nEid,7,8,9\n" * 20
    first = extract(table.encode(), ".csv", "a.csv").text.splitlines()[0]
    assert first == f"Town: Dun | {names[0]}: 4 | {names[1]}: 5 | {names[2]}: 6"


@pytest.mark.parametrize("names", [LONG, MIDDLE, LONGER])
@pytest.mark.parametrize("count", [3, 5_000])
def test_names_that_are_cut_stay_distinct(names: list[str], count: int) -> None:
    table = f"| Town | {' | '.join(names)} |\n|---|---|---|---|\n" + "| Dun | 4 | 5 | 6 |\n" * count
    town, *found = rows_in(table)[1].columns.names
    assert (town, len(set(found))) == ("Town", 3)
    assert all(name.startswith("Unempl" if names != LONGER else "How sa") for name in found)


def test_a_name_that_is_cut_keeps_its_beginning_and_its_end() -> None:
    table = _header(LONG) + "Dun,4,5,6\n" * 2_000
    first = extract(table.encode(), ".csv", "a.csv").text.splitlines()[0]
    assert first == "Town: Dun | Unemploy…y, 2021: 4 | Unemploy…y, 2022: 5 | Unemploy…y, 2023: 6"


def test_a_long_first_cell_is_not_repeated_whole() -> None:
    row = "h" * 290 + ",1" * 900 + "\n"
    text = extract((row * 5).encode(), ".csv", "a.csv").text
    assert len(text) < 6 * len(row) * 5


@pytest.mark.parametrize("header", ["Content-Type:multipart/mixed", "content-type:\tMultipart/mixed"])
def test_nested_parts_are_counted_however_they_are_written(header: str) -> None:
    nested = "".join(f'{header}; boundary="b{n}"\n\n--b{n}\n' for n in range(200))
    with pytest.raises(LoadError, match="more than 100 nested parts"):
        extract(f"{HEAD}{nested}Content-Type: text/plain\n\nhello\n".encode(), ".eml", "a.eml")


@pytest.fixture
def parsed_headers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The values of headers that the standard library has parsed."""
    parsed: list[str] = []
    fetch = email._LimitedPolicy.header_fetch_parse

    def counting(policy: email._LimitedPolicy, name: str, value: str) -> Any:
        if not hasattr(value, "name"):  # a header that is parsed already
            parsed.append(value)
        return fetch(policy, name, value)

    monkeypatch.setattr(email._LimitedPolicy, "header_fetch_parse", counting)
    return parsed


@pytest.mark.parametrize("size", [4_900, 2_000])
def test_the_headers_of_all_parts_are_limited_together(size: int, parsed_headers: list[str]) -> None:
    part = "--x\nContent-Type: text/plain" + "; a=b" * (size // 5) + "\n\nhello\n"
    data = f"{HEAD}Content-Type: multipart/mixed; boundary=x\n\n{part * 190}--x--\n".encode()
    assert extract(data, ".eml", "a.eml").text.count("hello") == 190
    assert sum(map(len, parsed_headers)) < 130_000


@pytest.mark.parametrize("name", ["a" * 240, "\u00e9" * 60, "long name " * 30])
def test_a_message_with_many_long_names_of_attachments_is_read(name: str, parsed_headers: list[str]) -> None:
    from email.message import EmailMessage

    message = EmailMessage()
    message["Subject"], message["From"] = "Harbour plan", "Ann <a@b.example>"
    message.set_content("The ferry sails.")
    for number in range(250):
        message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename=f"{name}{number}.pdf")
    found = extract(message.as_bytes(), ".eml", "a.eml")
    assert (found.text.strip(), found.title, found.author) == ("The ferry sails.", "Harbour plan", "Ann")
    assert sum(map(len, parsed_headers)) < 160_000


@pytest.mark.parametrize("field", ["Subject", "From", "Date", "Content-Language", "Content-Disposition"])
def test_a_long_header_is_cut(field: str, parsed_headers: list[str]) -> None:
    head = "".join(f"{name}: a\n" for name in ("From", "Subject") if name != field)
    written = " ".join(["Harbour plan,"] * 423)
    assert len(written) > 5_500
    found = extract(f"{head}{field}: {written}\n\nThe ferry sails.\n".encode(), ".eml", "a.eml")
    assert found.text == "The ferry sails.\n"
    assert max(map(len, parsed_headers)) <= 5_000
    if field == "Subject":
        assert (found.title or "").startswith("Harbour plan, Harbour plan")


@pytest.mark.parametrize(
    ("part", "exceeded"),
    [
        ("Content-Type: multipart/mixed;" + " a=b;" * 1_000 + " boundary=y\n\nhello\n", "a header of more than 5,000"),
        ("Subject: " + "a" * 4_000 + "\n" + "Subject: a b c d e f\n" * 40_000 + "\nhello\n", "more than 300,000"),
    ],
)
def test_a_message_whose_headers_cannot_be_cut_is_refused(part: str, exceeded: str) -> None:
    data = f"{HEAD}Content-Type: multipart/mixed; boundary=x\n\n--x\n{part}--x--\n".encode()
    with pytest.raises(LoadError, match=exceeded):
        extract(data, ".eml", "a.eml")


def test_the_parts_of_a_message_are_limited() -> None:
    parts = "--x\n\nhello\n" * 2_000
    data = f"{HEAD}Content-Type: multipart/mixed; boundary=x\n\n{parts}--x--\n".encode()
    with pytest.raises(LoadError, match="more than 1,000 parts"):
        extract(data, ".eml", "a.eml")


def test_a_header_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    registry = email.EmailPolicy.header_factory

    def counting(name: str, value: str) -> Any:
        parsed.append(name)
        return registry(name, value)

    policy = email._LimitedPolicy(limits=email._Limits("a"), header_factory=counting)
    message = email.message_from_bytes(f"{HEAD}Content-Type: text/plain\n\nhello".encode(), policy=policy)
    assert [message.get_content_type() for _ in range(5)] == ["text/plain"] * 5
    assert sorted(parsed) == ["Content-Type", "Date", "From", "Subject"]


def test_a_number_format_is_cut_and_parsed_once() -> None:
    from openpyxl import Workbook

    book = Workbook()
    for number in range(200):
        book.active.append([number + 0.5])
        book.active.cell(number + 1, 1).number_format = "0.0" + "_a" * 60_000
    saved = io.BytesIO()
    book.save(saved)
    number_format._sections.cache_clear()
    assert "7.5" in extract(saved.getvalue(), ".xlsx", "a.xlsx").text
    assert number_format._sections.cache_info().misses == 1
    with pytest.raises(LoadError, match="characters"):  # of which all are white space
        list(spreadsheet._bounded([(0, [" " * 1_000_000] * 30)], "a.xlsx"))


@pytest.mark.parametrize(("words", "rows", "exceeded"), [("hello " * 200, 2_000, "characters"), ("7", 9_000, "cells")])
def test_merged_cells_of_a_sheet_are_counted_in_each_row(words: str, rows: int, exceeded: str) -> None:
    merged = [worksheet.MergedCell(column, 1, rows) for column in range(120)]
    first = [worksheet.SheetRow(1, [words] * 120)]
    filled = worksheet.filled([*first, *(worksheet.SheetRow(i, [""] * 120 + ["x"]) for i in range(2, rows))], merged)
    with pytest.raises(LoadError, match=exceeded):
        list(spreadsheet._bounded(((0, row.cells) for row in filled), "a.xlsx"))


def test_a_cell_that_is_merged_over_very_many_rows_is_not_repeated_in_rows_that_are_empty() -> None:
    rows = [worksheet.SheetRow(1, ["Ferry"]), worksheet.SheetRow(2, []), worksheet.SheetRow(9, ["", "5"])]
    merged = [worksheet.MergedCell(0, 1, 1_048_576)] * 1_000
    assert [row.cells for row in worksheet.filled(rows, merged)] == [["Ferry"], [], ["Ferry", "5"]]


def test_merged_cells_of_a_slide_are_counted_in_each_row() -> None:
    from pptx import Presentation

    deck = Presentation()
    table = deck.slides.add_slide(deck.slide_layouts[6]).shapes.add_table(9, 9, 0, 0, 900, 900).table
    for column in range(9):
        table.cell(0, column).text = WORDS
        table.cell(0, column).merge(table.cell(8, column))
    limit = TextLimit("a.pptx", 10)
    assert pptx._table(table, limit).count("hello") >= 40 * 81
    with pytest.raises(LoadError, match="text has more than"):
        [pptx._table(table, limit) for _ in range(12)]


PAGE = "<html><body><h1>Ferry</h1><p>The ferry sails.</p></body></html>"


def _book(path: Path, files: dict[str, str]) -> Path:
    """Write a book of one chapter with these tables of contents."""
    items = "".join(f'<item id="n{n}" properties="nav" href="{name}"/>' for n, name in enumerate(files))
    opf = f'<package><manifest>{items}<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
    container = '<container><rootfiles><rootfile full-path="a.opf"/></rootfiles></container>'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("a.opf", f'{opf}<spine><itemref idref="a"/></spine></package>')
        archive.writestr("a.xhtml", PAGE)
        for name, page in {name.partition("#")[0]: page for name, page in files.items()}.items():
            archive.writestr(name, page)
    return path


def test_a_table_of_contents_that_is_named_many_times_is_parsed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = _book(tmp_path / "a.epub", {f"nav.xhtml#{number}": PAGE for number in range(50)})
    calls: list[bytes] = []
    parse = epub.parse_markup
    monkeypatch.setattr(epub, "parse_markup", lambda data, name: calls.append(data) or parse(data, name))
    assert [each.parsed.text for each in documents(book) if each.parsed] == ["Ferry\n\nThe ferry sails."]
    assert len(calls) == 2  # the table of contents, and the chapter


@pytest.mark.parametrize("kind", ['xmlns:epub="http://www.idpf.org/2007/ops" epub:type="toc"', 'role="doc-toc"', ""])
@pytest.mark.parametrize("depth", [1, 40])
def test_the_links_in_nested_tables_of_contents_are_read_once(
    kind: str, depth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = '<ol><li><a href="a.xhtml">Sailing</a></li></ol>' * 20
    nav = f"<html><body>{f'<nav {kind}>' * depth}{links}{'</nav>' * depth}</body></html>"
    book = _book(tmp_path / "a.epub", {"nav.xhtml": nav})
    read: list[str] = []
    entry = epub._Entry
    monkeypatch.setattr(epub, "_Entry", lambda *parts: read.append(parts[0]) or entry(*parts))
    assert [each.parsed.title for each in documents(book) if each.parsed] == ["Sailing"]
    assert read == ["Sailing"] * 20


def test_tables_of_contents_count_among_the_files_of_a_book(tmp_path: Path) -> None:
    book = _book(tmp_path / "a.epub", {f"{number}.xhtml": "<html/>" for number in range(30)})
    assert [each.parsed is None for each in documents(book, Allowance(31, 10**6))] == [False]
    for allowance in (Allowance(30, 10**6), Allowance(31, 250)):
        (failed,) = documents(book, allowance)
        with pytest.raises(LoadError, match="it contains more than"):
            failed.read()


def test_a_slide_and_its_notes_that_are_named_many_times_are_read_once() -> None:
    from pptx import Presentation

    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Harbour plan"
    slide.notes_slide.notes_text_frame.text = "The crane is new."
    listed = deck.slides._sldIdLst
    for _ in range(20):
        listed.append(copy.deepcopy(listed[0]))
    saved = io.BytesIO()
    deck.save(saved)
    found = extract(saved.getvalue(), ".pptx", "a.pptx")
    assert (found.text, found.pages) == ("Harbour plan\n\nSpeaker notes:\nThe crane is new.", (0,))


@pytest.mark.parametrize("count", [2, 30])
def test_a_diagram_that_many_shapes_show_is_read_once(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [SimpleNamespace(partname="/d1", blob=b"<a/>"), SimpleNamespace(partname="/d2", blob=b"<a/>")]
    parsed: list[bytes] = []
    monkeypatch.setattr(pptx, "parse_xml", lambda data: parsed.append(data) or epub.parse_xml(data))
    slide = SimpleNamespace(part=SimpleNamespace(related_part=lambda name: parts[int(name)]))
    shapes = []
    for number in range(count):
        shape = ElementTree.Element("shape")
        ElementTree.SubElement(shape, f"{pptx._DIAGRAM}relIds", {pptx._DATA: str(number % 2)})
        shapes.append(SimpleNamespace(element=shape))
    read: set[str] = set()
    assert [node for shape in shapes for node in pptx._nodes(shape, slide, read)] == []
    assert len(parsed) == 2


def _page(rows: str) -> tuple[bytes, str]:
    return f"<html><body><article><p>The ferry.</p><table>{rows}</table></article></body>".encode(), ".html"


def _open_document(rows: str) -> tuple[bytes, str]:
    names = "".join(
        f' xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for short, name in (("office", "office"), ("text", "text"), ("table", "table"))
    )
    body = f"<office:body><office:text><table:table>{rows}</table:table></office:text></office:body>"
    saved = io.BytesIO()
    with zipfile.ZipFile(saved, "w") as archive:
        archive.writestr("content.xml", f"<office:document-content{names}>{body}</office:document-content>")
    return saved.getvalue(), ".odt"


WORDS = "hello " * 40
ODT_CELL = '<table:table-cell table:number-columns-repeated="1000"><text:p>{}</text:p></table:table-cell>'


@pytest.mark.parametrize(
    ("document", "exceeded"),
    [
        (_page(f"<tr><th rowspan=1000 colspan=1000>{WORDS}<th>a{'<tr>' * 1_000}"), "text has more than"),
        (_page(f"<tr>{f'<td rowspan=1000>{WORDS}' * 10}{'<tr>' * 900}"), "text has more than"),
        (_page("<tr><th colspan=1000><th>a" * 1_100), "tables have more than 1,000,000 cells"),
        (_open_document(f"<table:table-row>{ODT_CELL.format(WORDS)}</table:table-row>" * 9), "text has more than"),
        (
            _open_document(f"<table:table-row>{ODT_CELL.format('')}</table:table-row>" * 1_001),
            "tables have more than 1,000,000 cells",
        ),
    ],
)
def test_repeated_cells_are_counted_before_they_are_written(
    document: tuple[bytes, str], exceeded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, suffix = document
    for module in (tables, odt):
        monkeypatch.setattr(module, "write_table", lambda *_: pytest.fail("it writes all cells"))
    with pytest.raises(LoadError, match=exceeded):
        extract(data, suffix, f"a{suffix}")


@pytest.mark.parametrize(
    "document",
    [
        _page("<tr><th colspan=2>Route<th rowspan=2>Fare<tr><th>From<th>To<tr><td>Holm<td>Vik<td>4"),
        _open_document(
            "<table:table-header-rows><table:table-row>"
            '<table:table-cell table:number-columns-repeated="2"><text:p>Route</text:p></table:table-cell>'
            "<table:table-cell><text:p>Fare</text:p></table:table-cell></table:table-row></table:table-header-rows>"
            "<table:table-row><table:table-cell><text:p>Holm</text:p></table:table-cell><table:table-cell><text:p>Vik"
            "</text:p></table:table-cell><table:table-cell><text:p>4</text:p></table:table-cell></table:table-row>"
        ),
    ],
)
def test_a_few_repeated_cells_are_written(document: tuple[bytes, str]) -> None:
    data, suffix = document
    last = extract(data, suffix, f"a{suffix}").text.splitlines()[-1]
    assert (last[:5], last[-7:], "Vik" in last) == ("Route", "Fare: 4", True)


@pytest.mark.parametrize("piece", ["a<br>", "<h2>a</h2>", "<p>a<br>b</p>"])
def test_a_page_of_very_many_elements_is_read_without_the_library(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import trafilatura

    monkeypatch.setattr(trafilatura, "bare_extraction", lambda *_, **__: pytest.fail("it takes quadratic time"))
    page = f"<html><head><title>Ships</title></head><body><p>The ferry sails.</p>{piece * 40_000}</body></html>"
    found = extract(page.encode(), ".html", "a.html")
    assert (found.title, found.text[:16]) == ("Ships", "The ferry sails.")


@pytest.mark.parametrize(
    "fonts",
    [
        b"{\\f0\\fnil Arial}{\\f1\\fcharset204 Arial Cyr}" + b"{\\f2\\fnil Arial}" * 50,  # without semicolons
        b"{\\f1\\fnil\\fcharset204{\\*\\fontemb " + b"4f54544f\n" * 100 + b"}Arial Cyr;}",  # an embedded font
        b"{" + b"\\f7 " * 1_000 + b"}{" + b"\\f1 \\fcharset204 " * 1_000 + b"}",
        b"{\\f0\\fswiss Arial;}\n{\\f1\\fswiss\\fprq2\\fcharset204{\\*\\panose 020b}Arial;}{\\f2 Courier;}",
    ],
)
def test_rich_text_is_read_whatever_its_table_of_fonts(fonts: bytes) -> None:
    text = b"\\f0 caf\\'e9 \\f1 \\'e9 \\f2 caf\\'e9"
    data = b"{\\rtf1\\ansi\\ansicpg1252{\\fonttbl" + fonts + b"}" + text + b"}"
    assert extract(data, ".rtf", "a.rtf").text == "caf\u00e9 \u0439 caf\u00e9"


def test_the_table_of_fonts_that_the_library_reads_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    from striprtf import striprtf

    read: list[str] = []
    whole = striprtf.rtf_to_text
    monkeypatch.setattr(striprtf, "rtf_to_text", lambda text, **options: read.append(text) or whole(text, **options))
    fonts = b"".join(b"{\\f%d" % number + b"\\fnil" * 300 + b"}" for number in range(3))
    extract(b"{\\rtf1{\\fonttbl" + fonts + b"{\\f3\\fcharset2 A;}}hello}", ".rtf", "a.rtf")
    assert read == ["{\\rtf1{\\fonttbl\n{\\f3\\fcharset2 A;}\n}hello}"]


def test_the_name_of_a_member_is_cut(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("n" * 60_000 + ".txt", "The ferry sails.")
    (article,) = load([tmp_path / "a.zip"])
    assert len(article.source) < 600
    assert article.source.endswith("n.txt")


def _peak(work: Callable[[], object]) -> int:
    """The most bytes that Python holds at once during the work."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("short", ["1,2\n", "x\n", "x\n,,7\n"])
@pytest.mark.parametrize("header", ["", "a,b\n"])
def test_short_rows_are_not_padded_to_the_widest(header: str, short: str) -> None:
    rows = (header + short * 4_000).encode()
    wide = ",".join(["9"] * 1_000).encode() + b"\n"
    narrow = _peak(lambda: extract(rows + wide[:4] + b"\n", ".csv", "a.csv"))
    assert _peak(lambda: extract(rows + wide, ".csv", "a.csv")) < 3 * narrow


def test_a_row_that_is_wider_than_the_others_is_read_whole() -> None:
    text = extract(b"Route,Fare\nHolm,4\nVik,5\nAa,6,new\n", ".csv", "a.csv").text
    assert text.splitlines() == ["Route: Holm | Fare: 4", "Route: Vik | Fare: 5", "Route: Aa | Fare: 6 | new"]


def _word_table(rows: str) -> bytes:
    from docx import Document

    document = Document()
    document.add_paragraph("The ferry sails.")
    document.add_table(1, 1)
    saved, changed = io.BytesIO(), io.BytesIO()
    document.save(saved)
    with zipfile.ZipFile(saved) as before, zipfile.ZipFile(changed, "w", zipfile.ZIP_STORED) as after:
        for name in before.namelist():
            data = before.read(name)
            if name == "word/document.xml":
                start, end = data.index(b"<w:tr>"), data.index(b"</w:tbl>")
                data = data[:start] + rows.encode() + data[end:]
            after.writestr(name, data)
    return changed.getvalue()


@pytest.mark.parametrize("cells", ["{0}{1}", "{0}{0}{0}{1}", "{1}{0}"])
def test_cells_of_word_over_many_columns_are_counted_before_they_are_written(cells: str) -> None:
    span = '<w:tc><w:tcPr><w:gridSpan w:val="{}"/></w:tcPr><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc>'
    row = f"<w:tr>{cells.format(span.format(999), span.format(1))}</w:tr>"
    with pytest.raises(LoadError, match="tables have more than 1,000,000 cells"):
        extract(_word_table(row * 1_100), ".docx", "a.docx")
    assert extract(_word_table(row * 3), ".docx", "a.docx").text.startswith("The ferry sails.\n\n")


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("<sup>", "</sup>"), ("<sub><b>", "</b></sub>"), ('<a role="doc-noteref">', "</a>")],
)
def test_the_text_of_nested_elements_is_not_joined_at_each_level(
    opening: str, closing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined: list[str] = []
    short_text = tags.short_text
    for module in (markup, numbers):
        monkeypatch.setattr(module, "short_text", lambda *parts: joined.append(short_text(*parts)) or joined[-1])
    inside = "<b>word </b>" * 5 + "end"
    tree = f"<html><body><p>{opening * 60}{inside}{closing * 60}</p></body></html>"
    assert [block.text for block in markup.blocks_of(tree.encode(), "a")] == ["word word word word word end"]
    assert sum(map(len, joined)) < 10 * len("word " * 5 + "end")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("10<sup><i><b>-3</b></i></sup> m", "10⁻³ m"),
        ("CO<sub> <span id='a'>2</span></sub>", "CO₂"),
        ("Ships<a role='doc-noteref' href='#n'><span><b>12</b></span></a> sail", "Ships[12] sail"),
    ],
)
def test_short_numbers_in_a_few_elements_are_read(written: str, text: str) -> None:
    page = f"<html><body><p>{written}</p></body></html>"
    assert [block.text for block in markup.blocks_of(page.encode(), "a")] == [text]
