"""Rows of tables carry the names of their columns, and tables in the cells of tables are read once."""

from __future__ import annotations

from io import BytesIO
from zipfile import ZipFile

import pytest

from index.parsers import extract

DEPTH = 40  # reading each table again at each level would never end
ODT = "urn:oasis:names:tc:opendocument:xmlns"


def nested_docx() -> bytes:
    from docx import Document

    document = Document()
    cell = document.add_table(1, 1).cell(0, 0)
    for level in range(DEPTH):
        cell.text = f"level {level}"
        cell = cell.add_table(1, 1).cell(0, 0)
    cell.text = "innermost"
    written = BytesIO()
    document.save(written)
    return written.getvalue()


def nested_odt() -> bytes:
    text = "<text:p>innermost</text:p>"
    for level in reversed(range(DEPTH)):
        cell = f"<table:table-cell><text:p>level {level}</text:p>{text}</table:table-cell>"
        text = (
            f"<table:table><table:table-rows><table:table-row>{cell}</table:table-row></table:table-rows></table:table>"
        )
    names = "".join(f' xmlns:{short}="{ODT}:{short}:1.0"' for short in ("office", "text", "table"))
    content = f"<office:document-content{names}><office:body><office:text>{text}</office:text></office:body>"
    written = BytesIO()
    with ZipFile(written, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        package.writestr("content.xml", f"{content}</office:document-content>")
    return written.getvalue()


@pytest.mark.parametrize(("name", "data"), [("a.docx", nested_docx), ("a.odt", nested_odt)])
def test_each_table_is_read_once(name: str, data: object) -> None:
    text = extract(data(), name[1:], name).text  # type: ignore[operator]
    words = [f"level {level}" for level in range(DEPTH)] + ["innermost"]
    assert all(text.count(each) == 1 + 10 * (each in ("level 1", "level 2", "level 3")) for each in words)


def test_links_in_rich_text_take_no_cubic_time() -> None:
    link = r'{\field{\*\fldinst{HYPERLINK "https://example.org"}}{\fldrslt the bridge}}'
    text = extract(
        (r"{\rtf1 See " + link * 3 + r'{\field{\*\fldinst HYPERLINK "a"' * 3000 + "}").encode(), ".rtf", "a.rtf"
    ).text
    assert text.count("the bridge") == 3


def page(table: str) -> str:
    """The text of a page with two paragraphs and a table."""
    fair = "<p>The fair of Marlow End was held on Saturday, and more than two thousand visitors came, it is said.</p>"
    body = f"<h1>The fair</h1>{fair}{fair.replace('fair', 'market')}{table}"
    text = extract(f"<html><body><article>{body}</article></body></html>".encode(), ".html", "a.html").text
    return text.rpartition("it is said.\n\n")[2]


HEAD = "<thead><tr><th>Parish</th><th>2022</th><th>2023</th></tr></thead>"
PAGES = [
    pytest.param(
        f"<table><caption>Visitors</caption>{HEAD}<tr><td>Aldwick</td><td>310</td><td>420</td></tr>"
        "<tr><td rowspan=2>Combe</td><td>77</td><td>81</td></tr><tr><td>12</td><td>15</td></tr></table>",
        "Visitors\n\nParish: Aldwick | 2022: 310 | 2023: 420\nParish: Combe | 2022: 77 | 2023: 81\n"
        "Parish: Combe | 2022: 12 | 2023: 15",
        id="a caption, and a cell over two rows",
    ),
    pytest.param(
        "<table><tr><th rowspan=2>Year</th><th colspan=2>Catch</th></tr><tr><th>Trout</th><th>Char</th></tr>"
        "<tr><td>2019</td><td>14</td><td>3<sup>2</sup></td></tr><tr><td>2020</td><td>11</td><td>5</td></tr></table>",
        "Year: 2019 | Catch Trout: 14 | Catch Char: 3²\nYear: 2020 | Catch Trout: 11 | Catch Char: 5",
        id="two rows of names",
    ),
    pytest.param(
        "<table><tr><th>Area</th><td>48 km</td></tr><tr><th>Villages</th><td><p>Varn</p><p>Ostby</p></td></tr></table>",
        "- Area: 48 km\n- Villages: Varn Ostby",
        id="names in a column",
    ),
]


@pytest.mark.parametrize(("table", "text"), PAGES)
def test_rows_of_a_page_carry_the_names_of_their_columns(table: str, text: str) -> None:
    assert page(table) == text


def word(rows: list[list[str]], *, merged: bool = False) -> bytes:
    from docx import Document

    document = Document()
    document.add_paragraph("Meals in each school.")
    table = document.add_table(len(rows), len(rows[0]))
    for i, row in enumerate(rows):
        for j, text in enumerate(row):
            table.cell(i, j).text = text
    if merged:
        table.cell(1, 0).merge(table.cell(2, 0))
    written = BytesIO()
    document.save(written)
    return written.getvalue()


def open_document(rows: list[list[str]]) -> bytes:
    from odf.opendocument import OpenDocumentText
    from odf.table import Table, TableCell, TableRow
    from odf.text import P

    document, table = OpenDocumentText(), Table()
    for row in rows:
        line = TableRow()
        for text in row:
            cell = TableCell()
            cell.addElement(P(text=text))
            line.addElement(cell)
        table.addElement(line)
    document.text.addElement(P(text="Meals in each school."))
    document.text.addElement(table)
    written = BytesIO()
    document.write(written)
    return written.getvalue()


MEALS = [["School", "Meals 2022", "Meals 2023"], ["Birch Lane", "5,120", "6,004"], ["Hill Top", "3,300", "2,990"]]
DAYS = [["Day", "Class", "Teacher"], ["Monday", "Art", "Ida Berg"], ["Tuesday", "Music", "Omar Haddad"]]
FORM = [["Manager", "Edda Lowry"], ["Deputy", "Ian Frost"]]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (MEALS, "School: Birch Lane | Meals 2022: 5,120 | Meals 2023: 6,004\nSchool: Hill Top | Meals 2022: 3,300 | "),
        (DAYS, "Day: Monday | Class: Art | Teacher: Ida Berg\nDay: Tuesday | Class: Music | Teacher: Omar Haddad"),
        (FORM, "Manager | Edda Lowry\nDeputy | Ian Frost"),
    ],
    ids=["numbers", "words", "a form without a header"],
)
def test_rows_of_office_documents_carry_the_names_of_their_columns(rows: list[list[str]], text: str) -> None:
    for suffix, data in ((".docx", word(rows)), (".odt", open_document(rows))):
        assert f"Meals in each school.\n\n{text}" in extract(data, suffix, f"a{suffix}").text


def test_a_cell_that_extends_over_rows_is_repeated_in_each() -> None:
    rows = [["School", "Year", "Meals"], ["Birch Lane", "2022", "5,120"], ["", "2023", "6,004"]]
    text = extract(word(rows, merged=True), ".docx", "a.docx").text
    assert "School: Birch Lane | Year: 2022 | Meals: 5,120\nSchool: Birch Lane | Year: 2023 | Meals: 6,004" in text


def test_a_cell_with_several_sentences_is_a_paragraph() -> None:
    prose = "The hall was closed in March. It opens again in June. Until then, the club meets at the school. " * 2
    text = extract(word([["Club", "Note"], ["Chess", prose], ["Choir", "none"]]), ".docx", "a.docx").text
    assert f"\n\nChess\n\n{prose.strip()}\n\nChoir | none" in text
