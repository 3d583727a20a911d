"""Comma- and tab-separated values and workbooks are read row by row, each cell with the name of its column."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import Any

import pytest

from index import CitechatError
from index.parsers import extract, spreadsheet


def csv_text(data: str | bytes, name: str = "loans_2024.csv") -> str:
    return extract(data if isinstance(data, bytes) else data.encode(), ".csv", name).text


def workbook(
    *sheets: tuple[str, Sequence[Sequence[Any]]], formats: dict[str, str] | None = None, **hidden: str
) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
        for cell, written in (formats or {}).items():
            sheet[cell].number_format = written
        sheet.sheet_state = hidden.get(title, "visible")
    written = BytesIO()
    book.save(written)
    return written.getvalue()


def xlsx_text(data: bytes) -> str:
    return extract(data, ".xlsx", "depots.xlsx").text


SEPARATED = [
    pytest.param("Town,Loans\nOslo,12\nBodo,7\n", "Town: Oslo | Loans: 12\nTown: Bodo | Loans: 7", id="commas"),
    pytest.param(
        "Town;Loans\nOslo;1,5\nBodo;7,25\n", "Town: Oslo | Loans: 1,5\nTown: Bodo | Loans: 7,25", id="decimals"
    ),
    pytest.param("sep=|\nTown|Loans\nOslo|12\n", "Town: Oslo | Loans: 12", id="a declared separator"),
    pytest.param("Town\tLoans\r\nOslo\t12\r\n", "Town: Oslo | Loans: 12", id="tabs"),
    pytest.param('"Town","Mayor"\n"Oslo","Berg, Ida"\n', "Town: Oslo | Mayor: Berg, Ida", id="quoted text"),
    pytest.param('Town,Note\nOslo,"first\nsecond"\n', "Town: Oslo | Note: first second", id="a line break in a cell"),
    pytest.param(
        "Loans by town\n\nTown,Loans\nOslo,12\n\nBodo,7\n\nSource: county\n",
        "Loans by town\n\nTown: Oslo | Loans: 12\n\nTown: Bodo | Loans: 7\n\nSource: county",
        id="a title, blank rows and a note",
    ),
    pytest.param(",,\n,Town,Loans\n,Oslo,12\n", "Town: Oslo | Loans: 12", id="empty columns and rows"),
    pytest.param("Oslo,12\nBodo,7\n", "Oslo | 12\nBodo | 7", id="no header"),
    pytest.param("Ville,Prêts\nBâle,12\n".encode("latin-1"), "Ville: Bâle | Prêts: 12", id="another encoding"),
    pytest.param("Ville,Prêts\nBâle,12\n".encode("utf-16"), "Ville: Bâle | Prêts: 12", id="UTF-16"),
]


DECIMAL_COMMAS = [
    pytest.param(
        '"Parish";"Pop, 2022";"Pop, 2023"\nAldwick;1,5;2,5\nBurton;3,5;4,5\n',
        "Parish: Aldwick | Pop, 2022: 1,5 | Pop, 2023: 2,5\nParish: Burton | Pop, 2022: 3,5 | Pop, 2023: 4,5",
        id="as many commas in a quoted header",
    ),
    pytest.param(
        "Parish;Pop, 2022;Pop, 2023\nAldwick;1,5;2,5\nBurton;3,5;4,5\n",
        "Parish: Aldwick | Pop, 2022: 1,5 | Pop, 2023: 2,5\nParish: Burton | Pop, 2022: 3,5 | Pop, 2023: 4,5",
        id="as many commas in a header",
    ),
    pytest.param("Aldwick;1,5;2,5\nBurton;3,5;4,5\n", "Aldwick | 1,5 | 2,5\nBurton | 3,5 | 4,5", id="no header"),
    pytest.param("1,5;2,5\n3,5;4,5\n", "1,5 | 2,5\n3,5 | 4,5", id="more commas than semicolons"),
    pytest.param("Aldwick;1,5;2,5", "Aldwick | 1,5 | 2,5", id="a single row"),
    pytest.param("Aldwick\t1,5\t2,5\nBurton\t3,5\t4,5\n", "Aldwick | 1,5 | 2,5\nBurton | 3,5 | 4,5", id="tabs"),
    pytest.param(
        "Day;Town;Loans\n1.1.;Oslo, West;1,5\n2.1.;Bodo, East;2,5\n",
        "Day: 1.1. | Town: Oslo, West | Loans: 1,5\nDay: 2.1. | Town: Bodo, East | Loans: 2,5",
        id="other commas",
    ),
    pytest.param("1,5\n2,7\n3,9\n", "1 | 5\n2 | 7\n3 | 9", id="numbers between commas"),
    pytest.param('Oslo,5,"a;b"\nBodo,7,"c;d"\n', "Oslo | 5 | a;b\nBodo | 7 | c;d", id="semicolons in quotes"),
    pytest.param("1,a;b,2\n", "1 | a;b | 2", id="a single row with a semicolon in a cell"),
    pytest.param("Oslo,5,a;b\nBodo,7,c;d\n", "Oslo | 5 | a;b\nBodo | 7 | c;d", id="semicolons in a cell"),
    pytest.param('Town,Size\nOslo,5" pipe\nBodo,7" pipe\n', 'Town: Oslo | Size: 5" pipe\nTown: Bodo | Size: 7" pipe'),
]


@pytest.mark.parametrize(("data", "text"), DECIMAL_COMMAS)
def test_a_delimiter_is_not_confused_with_commas_in_cells(data: str, text: str) -> None:
    assert csv_text(data) == text


@pytest.mark.parametrize(("data", "text"), SEPARATED)
def test_separated_values_are_rows_with_the_names_of_their_columns(data: str | bytes, text: str) -> None:
    assert csv_text(data) == text


def test_a_table_without_a_title_is_named_by_its_file() -> None:
    assert extract(b"Town,Loans\nOslo,12\n", ".csv", "/data/loans_2024.csv").title == "loans 2024"
    assert extract(b"Loans\n\nTown,Loans\nOslo,12\n", ".csv", "x.csv").title == "Loans"


VALUES: list[Any] = [
    pytest.param(47636, "General", "47636", id="integer"),
    pytest.param(47636, "#,##0", "47,636", id="thousands"),
    pytest.param(0.1 + 0.2, "General", "0.3", id="binary fraction"),
    pytest.param(4.3, "0.00", "4.30", id="decimals"),
    pytest.param(0.125, "0.0%", "12.5%", id="percentage"),
    pytest.param(1250000, '"$"#,##0', "$1,250,000", id="currency"),
    pytest.param(-3.5, "[$€-407] #,##0.00", "-€ 3.50", id="negative currency"),
    pytest.param(2.5e15, "General", "2500000000000000", id="no exponent"),
    pytest.param(True, "General", "yes", id="true"),
    pytest.param(date(1967, 5, 4), "dd/mm/yyyy", "4 May 1967", id="date"),
    pytest.param(datetime(1999, 9, 30, 14, 5), "yyyy-mm-dd hh:mm", "30 September 1999 14:05", id="date and time"),
    pytest.param(date(2024, 3, 1), "mmm yyyy", "March 2024", id="month"),
    pytest.param(time(8, 30), "hh:mm", "08:30", id="time"),
    pytest.param(timedelta(hours=26, minutes=5), "[h]:mm", "26:05", id="duration"),
]


@pytest.mark.parametrize(("value", "written", "shown"), VALUES)
def test_values_are_written_as_a_person_would(value: Any, written: str, shown: str) -> None:
    data = workbook(("S", [["Depot", "Value"], ["Alna", value]]), formats={"B2": written})
    assert xlsx_text(data) == f"Depot: Alna | Value: {shown}"


FORMATS: list[Any] = [
    pytest.param(1.2e-9, "0.00E+00", "1.20E-09", id="an exponent"),
    pytest.param(9.996, "0.00E-0", "1.00E1", id="an exponent that is rounded up"),
    pytest.param(12345, "##0.0E+0", "12.3E+3", id="an exponent in threes"),
    pytest.param(3.14159, "0.0##", "3.142", id="decimals if there are any"),
    pytest.param(3.1, "0.0##", "3.1", id="no more decimals than there are"),
    pytest.param(2, "0.###", "2", id="no point without decimals"),
    pytest.param(0.25, "0.0", "0.3", id="half away from zero"),
    pytest.param(2.5, "#,##0", "3", id="half away from zero to a whole number"),
    pytest.param(-1.005, "0.00", "-1.01", id="half of the decimal number that is shown"),
    pytest.param(45.2, '0.0" million"', "45.2 million", id="a word"),
    pytest.param(-45, '#,##0" thousand"', "-45 thousand", id="a negative number with a word"),
    pytest.param(45, '0"%"', "45%", id="a written percent sign"),
    pytest.param(0.5, "0.0‰", "0.5‰", id="a permille sign"),
    pytest.param(21, "0 k\\W\\h", "21 kWh", id="escaped letters"),
    pytest.param(5.5, '0.0 "t"', "5.5 t", id="a unit"),
    pytest.param(45, '"-"0', "-45", id="a written minus sign"),
    pytest.param(1234, "00000", "01234", id="leading zeros"),
    pytest.param(12, "0,000", "0,012", id="leading zeros in thousands"),
    pytest.param(441234567, "000-000-0000", "044-123-4567", id="literals between digits"),
    pytest.param(72_000_000, '0.0,,"M"', "72.0M", id="scaled"),
    pytest.param(72_345_678, "#,##0,,", "72", id="scaled, in thousands"),
    pytest.param(1500, '0.0," thousand"', "1.5 thousand", id="scaled with a word"),
    pytest.param(-45, "#,##0;(#,##0)", "(45)", id="negative in parentheses"),
    pytest.param(0, '0;-0;"none"', "none", id="zero"),
    pytest.param(5, "+0;-0", "+5", id="a plus sign"),
    pytest.param(7_000_000, '[>=1000000]0.0,,"M";0', "7.0M", id="a condition that holds"),
    pytest.param(-7, '[>=1000000]0.0,,"M";0', "-7", id="a condition that does not hold"),
    pytest.param(1234.5, "#,##0.00 [$€-407]", "1,234.50 €", id="a currency behind"),
    pytest.param(-5, '_(* #,##0_);_(* (#,##0);_(* "-"_);_(@_)', "(5)", id="accounting"),
    pytest.param(5.25, "# ??/??", "5.25", id="a fraction"),
    pytest.param(5, 'General "years"', "5 years", id="general with a word"),
    pytest.param(12.5, "[Red]0.0", "12.5", id="a colour"),
    pytest.param("Dal", '0;0;0;"near "@', "near Dal", id="a text"),
    pytest.param(1e300, "0.0E+0", "1.0E+300", id="a large number"),
    pytest.param(5, "0." + "0" * 200, "5." + "0" * 30, id="many decimals"),
    pytest.param(5, "0" + "," * 200, "0", id="many commas"),
]


@pytest.mark.parametrize(("value", "written", "shown"), FORMATS)
def test_numbers_are_written_as_they_are_shown(value: Any, written: str, shown: str) -> None:
    data = workbook(("S", [["Depot", "Value", "Year"], ["Alna", value, 2020]]), formats={"B2": written})
    assert xlsx_text(data) == f"Depot: Alna | Value: {shown} | Year: 2020"


@pytest.mark.parametrize("value", [99, -99, 0, "Hidden"])
def test_values_that_a_format_hides_are_left_out(value: Any) -> None:
    data = workbook(("S", [["Depot", "Value", "Year"], ["Alna", value, 2020]]), formats={"B2": ";;;"})
    assert xlsx_text(data) == "Depot: Alna | Year: 2020"


@pytest.mark.parametrize("value", ["1,234.50 €", "€ 3.50", "$1,250", "1.20E-09", "45 ‰"])
def test_a_column_of_such_numbers_has_a_name(value: str) -> None:
    assert csv_text(f'Depot;Fare\nAlna;"{value}"\n') == f"Depot: Alna | Fare: {value}"


def changed(change: Callable[[Any], None]) -> str:
    """The text of a workbook with depots, buses and trams after a change of its sheet."""
    from openpyxl import Workbook

    book = Workbook()
    for row in (["Depot", "Buses", "Trams"], ["Alna", 40, 3], ["Dal", 18, 4], ["Moss", 7, 5]):
        book.active.append(row)
    change(book.active)
    saved = BytesIO()
    book.save(saved)
    return xlsx_text(saved.getvalue())


def rich(*runs: str | tuple[str, dict[str, Any]]) -> Any:
    from openpyxl.cell.rich_text import CellRichText, TextBlock
    from openpyxl.cell.text import InlineFont

    return CellRichText(*(run if isinstance(run, str) else TextBlock(InlineFont(**run[1]), run[0]) for run in runs))


STRUCK, RAISED = {"strike": True}, {"vertAlign": "superscript"}
RUNS = [
    pytest.param([("41", STRUCK), ("42", {})], "42", id="struck at the start"),
    pytest.param(["41", ("42", STRUCK), "43"], "41 43", id="struck between numbers"),
    pytest.param(["310", ("2", RAISED)], "310²", id="raised"),
    pytest.param(["CO", ("2", {"vertAlign": "subscript"}), " x"], "CO₂ x", id="lowered"),
    pytest.param(["310", ("a", {"b": True}), "b"], "310ab", id="bold"),
]


@pytest.mark.parametrize(("runs", "text"), RUNS)
def test_rich_text_in_a_cell_is_read_as_it_is_shown(runs: list[Any], text: str) -> None:
    def write(sheet: Any) -> None:
        sheet["B2"] = rich(*runs)

    assert changed(write).splitlines()[0] == f"Depot: Alna | Buses: {text} | Trams: 3"


def test_struck_and_raised_cells_are_read_as_they_are_shown() -> None:
    from openpyxl.styles import Font

    def strike(sheet: Any) -> None:
        sheet["B2"].font = sheet["A4"].font = Font(strike=True)
        sheet["C3"], sheet["C3"].font = "2", Font(vertAlign="superscript")

    assert changed(strike) == "Depot: Alna | Trams: 3\nDepot: Dal | Buses: 18 | Trams: ²\nBuses: 7 | Trams: 5"


HIDDEN: list[Any] = [
    pytest.param(lambda sheet: setattr(sheet.row_dimensions[3], "hidden", True), [0, 2], [0, 1, 2], id="a row"),
    pytest.param(lambda sheet: setattr(sheet.column_dimensions["B"], "hidden", True), [0, 1, 2], [0, 2], id="a column"),
    pytest.param(lambda sheet: sheet.column_dimensions.group("B", "C", hidden=True), [0, 1, 2], [0], id="columns"),
    pytest.param(lambda sheet: sheet.row_dimensions.group(2, 3, hidden=True), [2], [0, 1, 2], id="rows"),
]


@pytest.mark.parametrize(("hide", "rows", "columns"), HIDDEN)
def test_hidden_rows_and_columns_are_left_out(hide: Callable[[Any], None], rows: list[int], columns: list[int]) -> None:
    values = [("Alna", "40", "3"), ("Dal", "18", "4"), ("Moss", "7", "5")]
    text = changed(hide)
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            assert (value in text.replace("|", " ").replace("\n", " ").split()) == (i in rows and j in columns)


MERGED = [
    pytest.param("A2:A3", "Depot: Alna | Buses: 40 | Trams: 3\nDepot: Alna | Buses: 18 | Trams: 4", id="over rows"),
    pytest.param("B2:B3", "Depot: Alna | Buses: 40 | Trams: 3\nDepot: Dal | Buses: 40 | Trams: 4", id="of values"),
    pytest.param("A2:B3", "Depot: Alna | Trams: 3\nDepot: Alna | Trams: 4", id="over rows and columns"),
    pytest.param("B2:C2", "Depot: Alna | Buses: 40\nDepot: Dal | Buses: 18 | Trams: 4", id="over columns"),
]


@pytest.mark.parametrize(("cells", "text"), MERGED)
def test_cells_over_several_rows_are_repeated_in_each(cells: str, text: str) -> None:
    assert changed(lambda sheet: sheet.merge_cells(cells)) == f"{text}\nDepot: Moss | Buses: 7 | Trams: 5"


def test_a_cell_over_a_hidden_row_is_repeated_in_the_others() -> None:
    def merge(sheet: Any) -> None:
        sheet.merge_cells("A2:A2000")
        sheet.row_dimensions[2].hidden = True
        sheet["B9"], sheet["C9"] = 9, 1

    assert changed(merge) == (
        "Depot: Alna | Buses: 18 | Trams: 4\nDepot: Alna | Buses: 7 | Trams: 5\n\nDepot: Alna | Buses: 9 | Trams: 1"
    )


def test_rows_of_several_sheets_say_which_and_hidden_sheets_are_left_out() -> None:
    rows = [["Depot", "Buses"], ["Alna", 40]]
    data = workbook(("North", rows), ("South", [*rows, ["Dal", 18]]), ("Old", [["Secret", 1]]), ("E", []), Old="hidden")
    assert xlsx_text(data) == (
        "Sheet: North | Depot: Alna | Buses: 40\n\n"
        "Sheet: South | Depot: Alna | Buses: 40\nSheet: South | Depot: Dal | Buses: 18"
    )
    assert extract(data, ".xlsx", "depots.xlsx").title == "depots"


def with_part(data: bytes, part: str, content: bytes) -> bytes:
    changed = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, content if name == part else old.read(name))
    return changed.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
XML = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}</worksheet>'


def test_formulas_have_their_stored_results() -> None:
    cells = '<c r="A1" t="str"><v>Depot</v></c><c r="B1" t="str"><v>Sum</v></c>'
    values = '<c r="A2" t="str"><v>Alna</v></c><c r="B2"><f>40+2</f><v>42</v></c>'
    sheet = XML.format(f'<sheetData><row r="1">{cells}</row><row r="2">{values}</row></sheetData>').encode()
    assert xlsx_text(with_part(workbook(("S", [["x"]])), SHEET, sheet)) == "Depot: Alna | Sum: 42"


def test_a_declared_size_and_far_cells_take_no_memory() -> None:
    far = '<row r="1048576"><c r="A1048576" t="str"><v>Alna</v></c><c r="XFD1048576"><v>4</v></c></row>'
    near = '<row r="1"><c r="A1" t="str"><v>Depot</v></c><c r="B1" t="str"><v>Buses</v></c></row>'
    sheet = XML.format(f'<dimension ref="A1:XFD1048576"/><sheetData>{near}{far}</sheetData>').encode()
    assert "Alna" in xlsx_text(with_part(workbook(("S", [["x"]])), SHEET, sheet))


TOO_LARGE = [
    pytest.param("rows", "a,1\n" * 12, id="rows"),
    pytest.param("cells", "a,1,2,3,4,5,6,7,8,9\n" * 8, id="cells"),
    pytest.param("characters", f"Name,Note\nAnn,{'x' * 500}\n", id="characters"),
]


@pytest.mark.parametrize(("what", "data"), TOO_LARGE)
def test_a_table_beyond_a_limit_is_skipped_with_the_reason(
    what: str, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreadsheet, "_MOST", ((10, "rows"), (60, "cells"), (200, "characters")))
    with pytest.raises(CitechatError, match=f"it has more than .* {what}"):
        csv_text(data)


BROKEN = [
    pytest.param(b"not a workbook", "not an .xlsx workbook", id="text"),
    pytest.param(b"PK\x03\x04" + b"x" * 100, "damaged, or not a zip archive", id="a broken archive"),
    pytest.param(
        with_part(workbook(("S", [["x"]])), SHEET, b'<!DOCTYPE x [<!ENTITY a "aa">]><x>&a;</x>'),
        "as an Excel workbook",
        id="entities",
    ),
    pytest.param(
        with_part(workbook(("S", [["x"]])), SHEET, XML.format(" " * 9_000_000).encode()),
        "more than 200 times its compressed size",
        id="a bomb",
    ),
]


@pytest.mark.parametrize(("data", "reason"), BROKEN)
def test_a_file_that_is_not_a_workbook_is_skipped_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(CitechatError, match=reason):
        xlsx_text(data)


def test_a_cell_that_is_too_large_is_skipped_with_the_reason() -> None:
    with pytest.raises(CitechatError, match="a cell of more than 131,072 characters"):
        csv_text("Name,Note\nAnn," + "x" * 200_000)


def sparse(*cells: str) -> bytes:
    """A workbook whose only sheet has these cells and nothing between them."""
    from openpyxl import Workbook

    book = Workbook()
    for cell in cells:
        book.active[cell] = f"Value of {cell}"
    saved = BytesIO()
    book.save(saved)
    return saved.getvalue()


def test_a_cell_far_away_from_the_others_is_read_without_the_cells_between() -> None:
    assert xlsx_text(sparse("A1", "B1048576")) == "Value of A1\n\nValue of B1048576"


def test_many_rows_with_a_cell_in_the_last_column_are_skipped_with_the_reason() -> None:
    with pytest.raises(CitechatError, match="more than 5,000,000 cells, most of them empty"):
        xlsx_text(sparse(*(f"XFD{row}" for row in range(1, 400))))


def test_the_names_of_very_many_columns_are_short() -> None:
    names = [f"{number} {'long name ' * 6}".strip() for number in range(100)]
    rows = "\n".join(",".join("5" for _ in names) for _ in range(50))
    text = csv_text(f"{','.join(names)}\n{rows}")
    assert len(text) < 13 * len(rows)
    assert "7 long n…ong name: 5" in text
