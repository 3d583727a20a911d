"""A row of a table is a sentence that carries the names of its columns, in every form that a text can have."""

from __future__ import annotations

import pytest

from index import Article, Span, sentences, with_column_names
from index.models import Passage
from index.text.boilerplate import boilerplate_spans
from index.text.chunker import LONGEST, chunk
from index.text.tables import RowFinder, rows_in, rows_within, write_table

MARKDOWN = """# Libraries

The table lists the libraries.

| Library | Opened | Loans 2023 |
|---|---:|---|
| Ashby | 1930 | 1790 |
| St. Mary End | 2008 | 3296 |

Loans fell, said Petra Holt.
"""
BARE_MARKDOWN = "Ferry | Built | Home port\n:-- | --: | ---\nAstrid | 1988 | Norvik\nEdel | 2016 | \n"
COMMAS = "Exchange rates\n\nCurrency,Buy,Sell\nkrona,1.00,1.09\nforint,4.21,4.30\n"
QUOTED = 'Name,Club,Time\n"Holm, Berit",Fjord,41.5\n"Dahl, Knut",Skog,43.2\n"Lie, Tor",Fjord,47.9\n'
SEMICOLONS = "City;Shops;Turnover\nOslo;12;4,5\nBergen;7;2,1\nTromso;3;0,9\n"
TABS = "Species\tPairs\nPuffin\t420\nFulmar\t1200\n"
WIDE = "Mine          Opened   Tonnes\nGrey Hollow   1921     14,200\nLong Drift    1934     9,870\n"
NUMBERS = (
    "Station Opened Passengers 2023 Passengers 2024\nAshby 1950 10,000 11,000\nJarrow Hill 1959 37,333 38,477\n"
    "Kelby 1960 40,370 41,530\n"
)
WRITTEN = "Parish: Aldwick | 2022: 310\nParish: Brent | 2022: 275\n"

ROWS = [
    pytest.param(MARKDOWN, "Library: St. Mary End | Opened: 2008 | Loans 2023: 3296", id="markdown"),
    pytest.param(BARE_MARKDOWN, "Ferry: Edel | Built: 2016", id="markdown without outer bars, and an empty cell"),
    pytest.param(COMMAS, "Currency: forint | Buy: 4.21 | Sell: 4.30", id="commas"),
    pytest.param(QUOTED, "Name: Dahl, Knut | Club: Skog | Time: 43.2", id="quoted commas"),
    pytest.param(SEMICOLONS, "City: Bergen | Shops: 7 | Turnover: 2,1", id="semicolons and decimal commas"),
    pytest.param(TABS, "Species: Fulmar | Pairs: 1200", id="tabs"),
    pytest.param(WIDE, "Mine: Long Drift | Opened: 1934 | Tonnes: 9,870", id="columns of blanks"),
    pytest.param(
        NUMBERS,
        "Station: Jarrow Hill | Opened: 1959 | Passengers 2023: 37,333 | Passengers 2024: 38,477",
        id="numbers between single blanks",
    ),
    pytest.param(WRITTEN, "Parish: Brent | 2022: 275", id="as parsers write it"),
]

PROSE = [
    pytest.param("He came, she went,\nthey stayed, he said,\nand so, at last, it ended,\nthat day.", id="verse"),
    pytest.param(
        "In 2019, the town had 1,200 houses, in 2020,\nit had 1,300 houses, in 2021, 1,400,\nand in 2022, so, 1,50.",
        id="prose with numbers",
    ),
    pytest.param("He came home.  She went out.\nIt was late.  They slept.\nIt rained.  The roof leaked.", id="gaps"),
    pytest.param("The vote on A | B was close,\nand nobody expected it to be,\nsaid the chair.", id="a bar in prose"),
    pytest.param("Roses are red,\nviolets are blue,\nsugar is sweet,\nand so are you", id="refrain"),
]


def passage(text: str) -> Passage:
    return Passage("a", 0, len(text), text, tuple(rows_in(text)))


@pytest.mark.parametrize(("text", "row"), ROWS)
def test_a_row_is_a_sentence_and_is_read_with_the_names_of_its_columns(text: str, row: str) -> None:
    named = with_column_names(passage(text))
    read = [named.part(span) for span in sentences(text)]
    assert row in read
    original = sentences(text)[read.index(row)]
    assert "\n" not in text[original.start : original.end]
    assert all(value in text[original.start : original.end] for value in row.rpartition(": ")[2].split())


@pytest.mark.parametrize("text", [case.values[0] for case in ROWS[:-1]])
def test_the_header_is_a_row_that_is_marked_as_such(text: str) -> None:
    headers = [row for row in rows_in(text) if row.is_header]
    assert len(headers) == 1
    assert headers[0].columns.names == tuple(part.partition(": ")[0] for part in named_rows(text)[0].split(" | "))


def named_rows(text: str) -> list[str]:
    named = with_column_names(passage(text))
    return [named.part(row.span) for row in rows_in(text) if not row.is_header]


@pytest.mark.parametrize("text", PROSE)
def test_prose_has_no_rows(text: str) -> None:
    assert rows_in(text) == []


@pytest.mark.parametrize("text", [case.values[0] for case in ROWS])
def test_offsets_of_tokens_in_the_read_text_lead_back_to_the_cells(text: str) -> None:
    given = passage(text)
    named = with_column_names(given)
    for row in given.rows:
        span = named.named(row.span)
        words = named.text[span.start : span.end]
        for cell in words.split(" | ") if not row.is_header else ():
            value = cell.rpartition(": ")[2]
            at = span.start + words.index(cell) + len(cell) - len(value)
            start, end = named.original(at, at + len(value))
            assert text[start:end] == value
            assert row.span.start <= start < end <= row.span.end
    offsets = [named.original(at, at + 1) for at in range(len(named.text))]
    assert offsets == sorted(offsets)


def article(text: str) -> Article:
    return Article("a", "Title", "source", text)


def tokenize(text: str) -> list[tuple[int, int]]:
    return [(at, at + 4) for at in range(0, len(text), 4)]


LONG = [
    pytest.param("| Name | Born | Note |\n|---|---|---|\n", "| N{0} | {0} | n |\n", id="markdown"),
    pytest.param("Name,Born,Note\n", "N{0},{0},n\n", id="commas"),
    pytest.param("Name\tBorn\tNote\n", "N{0}\t{0}\tn\n", id="tabs"),
]


@pytest.mark.parametrize(("head", "row"), LONG)
def test_a_long_table_is_split_between_rows_and_each_passage_is_read_with_the_header(head: str, row: str) -> None:
    text = "Intro.\n\n" + head + "".join(row.format(1000 + i) for i in range(300)) + "\nThe end is near."
    passages = chunk(article(text), tokenize)
    read = "\n".join(with_column_names(each).text for each in passages)
    assert len(passages) > 10
    for i in range(300):
        assert f"Name: N{1000 + i} | Born: {1000 + i} | Note: n" in read
    assert all(len(tokenize(with_column_names(each).text)) <= LONGEST + 10 for each in passages)
    assert all(text[each.start : each.end] == each.text for each in passages)
    finder = RowFinder(text)
    assert all(finder.within(each.start, each.end) == each.rows for each in passages)


def test_the_rest_of_a_row_that_is_longer_than_a_passage_begins_with_its_first_cell() -> None:
    columns = 60
    head = "|" + "|".join(f" Column {i} " for i in range(columns)) + "|\n|" + "---|" * columns + "\n"
    text = head + "|" + "|".join(f" value{i} " for i in range(columns)) + "|\n"
    read = [with_column_names(each).text for each in chunk(article(text), tokenize)]
    assert len(read) > 2
    assert all(f"Column {i}: value{i}" in "\n".join(read) for i in range(columns))
    assert all("Column 0: value0 | " in each for each in read if "value" in each)


def test_the_last_numbers_of_a_table_are_not_counters() -> None:
    text = "Passengers\n\nAshby\n10,000\n11,000\nZeal\n82,888\n\n83,272\n"
    assert boilerplate_spans(text) == []
    shared = "Storm hits coast\n\n1,204\n\nThe storm came at night.\n\n312\n"
    assert [shared[span.start : span.end] for span in boilerplate_spans(shared)] == ["1,204", "312"]


TABLES = [
    pytest.param([["A", "B"], ["x", "1"], ["y", "2"]], None, "A: x | B: 1\nA: y | B: 2", id="a column of numbers"),
    pytest.param([["A", "2022", "2023"], ["x", "1", "2"]], None, "A: x | 2022: 1 | 2023: 2", id="years are names"),
    pytest.param([["x", "1", "7"], ["y", "2", "8"]], None, "x | 1 | 7\ny | 2 | 8", id="no header"),
    pytest.param([["Born", "Oslo"], ["Died", "Rome"]], None, "Born | Oslo\nDied | Rome", id="names in a column"),
    pytest.param(
        [["", "Catch", "Catch"], ["Year", "Trout", "Char"], ["2019", "14", "3"]],
        2,
        "Year: 2019 | Catch Trout: 14 | Catch Char: 3",
        id="two marked rows of names",
    ),
    pytest.param(
        [["A", "B"], ["x", "1"], ["North", ""], ["y", "2"], ["Total: 3", ""]],
        1,
        "A: x | B: 1\n\nNorth\n\nA: y | B: 2\n\n- Total: 3",
        id="a part's name, and a total",
    ),
    pytest.param([["A", "B"], ["x | y", ""], ["x", "| 1"]], 1, "x / y\n\nA: x | B: 1", id="bars in cells"),
    pytest.param([["A", "B"]], 1, "A, B", id="only a header"),
]


@pytest.mark.parametrize(("rows", "headers", "text"), TABLES)
def test_tables_are_written_as_rows_with_names(rows: list[list[str]], headers: int | None, text: str) -> None:
    assert write_table(rows, headers) == text


def test_a_long_row_is_written_in_lines_that_begin_with_its_first_cell() -> None:
    names = ["Name", *(f"Column {i}" for i in range(60))]
    lines = write_table([names, ["Ann", *("value" for _ in range(60))]], 1).split("\n")
    assert len(lines) > 2
    assert all(line.startswith("Name: Ann | ") and len(line) <= 400 for line in lines)


def test_rows_within_a_span_have_offsets_relative_to_it() -> None:
    rows = rows_in(COMMAS)
    start = COMMAS.index("forint")
    (found,) = rows_within(COMMAS, rows, start, len(COMMAS))
    assert found.span == Span(0, len("forint,4.21,4.30"))
