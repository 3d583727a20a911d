"""The text of a PDF page is read in the order in which a person reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawings import drawn, row_by_row, text_at, together

from index.parsers import Extract, extract

FILES = Path(__file__).parent / "files"
CLOCKS = [
    "The museum keeps four hundred clocks,",
    "which were built in nine countries and",
    "repaired by the watchmaker Ada Fenn",
    "over the course of thirty years.",
]
BREWERY = [
    "The brewery next door makes nine kinds",
    "of beer and sends most of them abroad,",
    "where the monks who founded it have",
    "many friends among the innkeepers.",
]
HARBOUR = [
    "Ships wait in the harbour",
    "until the pilot arrives,",
    "who comes from the north",
    "pier before the sun rises.",
]


def read(data: bytes) -> Extract:
    return extract(data, ".pdf", "a.pdf")


def words(extract: Extract) -> str:
    return " ".join(extract.text.split())


@pytest.mark.parametrize("moving", [False, True], ids=["a text object for each line", "one text object"])
@pytest.mark.parametrize(
    "columns",
    [
        [(60.0, CLOCKS), (320.0, BREWERY)],
        [(60.0, BREWERY), (270.0, CLOCKS[:3])],
        [(40.0, HARBOUR), (220.0, HARBOUR[::-1]), (400.0, HARBOUR)],
    ],
    ids=["equal columns", "unequal columns", "three columns"],
)
def test_columns_that_are_drawn_row_by_row_are_read_one_after_another(
    columns: list[tuple[float, list[str]]], moving: bool
) -> None:
    text = words(read(drawn(row_by_row(columns, moving=moving))))
    assert text == " ".join(line for _, lines in columns for line in lines)


def test_the_columns_below_a_heading_are_read_after_it() -> None:
    heading = text_at(
        60, 740, ["What there is to see in Tarnbrook and in the villages around it this summer, for everyone"]
    )
    below = text_at(
        60, 600, ["All of this is open to visitors from the first of May to the last of September every year."]
    )
    text = words(read(drawn(together(heading, row_by_row([(60, CLOCKS), (320, BREWERY)]), below))))
    parts = ["What there is", CLOCKS[0], CLOCKS[-1], BREWERY[0], BREWERY[-1], "All of this"]
    positions = [text.index(part) for part in parts]
    assert positions == sorted(positions)


def test_columns_that_are_drawn_one_after_another_keep_their_order() -> None:
    columns = together(text_at(60, 700, CLOCKS), text_at(320, 700, BREWERY))
    assert words(read(drawn(columns))) == " ".join(CLOCKS + BREWERY)


def test_a_short_story_drawn_row_by_row_is_read_like_by_a_person() -> None:
    found = read((FILES / "rowwise.pdf").read_bytes())
    assert words(found).startswith(
        "The museum of clocks in Tarnbrook was founded by Olive Hassock in 1987. It shows four hundred clocks from nine"
    )
    assert words(found).endswith("It employs sixty people and was founded in 1902 by monks.")


def test_a_newspaper_page_keeps_its_columns() -> None:
    found = read((FILES / "twocol.pdf").read_bytes())
    assert "rebuild its sea wall, which a storm destroyed in\nJanuary 2024. The council voted" in found.text
    assert found.title == "Ilvermouth rebuilds its wall"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            [["Lamp", "Range"], ["Skerry", "23 miles"], ["Sumburgh", "17 miles"]],
            "Skerry | 23 miles\nSumburgh | 17 miles",
        ),
        (
            [["Name", "Office", "Since"], ["Dorothea Pell", "Engineer", "2019"], ["Rufus Tarn", "Clerk", "2021"]],
            "Dorothea Pell | Engineer | 2019\nRufus Tarn | Clerk | 2021",
        ),
        (
            [
                ["Who designed the gates?", "The gates were designed by Dorothea Pell."],
                ["When was the wall built?", "It was built in the spring of 2026."],
                ["How high is the wall?", "It is two metres higher than the old one."],
            ],
            "When was the wall built? | It was built in the spring of 2026.",
        ),
    ],
    ids=["two columns", "three columns", "sentences in cells"],
)
@pytest.mark.parametrize("moving", [False, True], ids=["a text object for each cell", "one text object"])
def test_the_rows_of_a_table_stay_together(rows: list[list[str]], expected: str, moving: bool) -> None:
    columns = [(60.0 + 180 * number, [row[number] for row in rows]) for number in range(len(rows[0]))]
    assert expected in read(drawn(row_by_row(columns, moving=moving))).text


def test_the_rows_of_a_long_table_stay_together() -> None:
    found = read((FILES / "table.pdf").read_bytes())
    assert "\n\nStation | Opened | Passengers 2023 | Passengers 2024\nAshby | 1950 | 10,000 | 11,000\n" in found.text


def test_the_numbers_of_a_list_are_not_cells_of_a_table() -> None:
    items = ["The wall is rebuilt.", "The harbour is dredged.", "The pier is painted."]
    found = read(drawn(row_by_row([(60, ["1.", "2.", "3."]), (90, items)])))
    assert found.text == "1. The wall is rebuilt.\n2. The harbour is dredged.\n3. The pier is painted.\n"


def test_the_dots_of_a_table_of_contents_are_left_out() -> None:
    entries = ["Tides . . . . . . . . . . . .", "Pilots . . . . . . . . . . .", "Lights . . . . . . . . . . ."]
    found = read(drawn(row_by_row([(60, entries), (400, ["3", "17", "29"])])))
    assert found.text == "Tides | 3\nPilots | 17\nLights | 29\n"


def test_ligatures_and_soft_hyphens_and_spaced_letters_are_read_as_words() -> None:
    text = read((FILES / "lig.pdf").read_bytes()).text
    assert text.startswith("NEW FLOOD OFFICE\n\nThe first flood office of the county opened in Stafford in 2019.\n")
    assert "Its officer, Fiona Griffin, said the difficult work pays off" in text


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["It is an inter-", "national body."], "It is an international body."),
        (["The govern-", "ments of hun-", "dreds of towns agreed."], "The governments of hundreds of towns agreed."),
        (["Olive Has-", "sock lives in Tarn-", "brook."], "Olive Hassock lives in Tarnbrook."),
        (["The wind blew from the north-", "east."], "The wind blew from the north-east."),
        (["She has a long-", "term plan."], "She has a long-term plan."),
        (
            ["He is a well-", "known man, and a self-", "styled poet."],
            "He is a well-known man, and a self-styled poet.",
        ),
        (["Their decision-", "making is slow."], "Their decision-making is slow."),
        (["He is the harbour-", "master."], "He is the harbour-master."),
        (["A salt-water pump. The salt-", "water is warm."], "A salt-water pump. The salt-water is warm."),
        (["The quobber fled. A quob-", "ber is a bird."], "The quobber fled. A quobber is a bird."),
        (["The years 1987-", "1990 were dry."], "The years 1987-\n1990 were dry."),
        (["She left -", "he stayed."], "She left -\nhe stayed."),
        (["It lies in Saint-", "Clair."], "It lies in Saint-\nClair."),
    ],
)
def test_a_hyphen_at_the_end_of_a_line_is_read_as_by_a_person(lines: list[str], expected: str) -> None:
    assert read(drawn(text_at(60, 700, lines))).text == expected + "\n"


@pytest.mark.parametrize(
    ("language", "lines", "expected"),
    [
        ("de-DE", ["Die Regie-", "rung tagt."], "Die Regierung tagt."),
        ("fr-FR", ["Qu'en pense-", "t-on, et le gouver-", "nement ?"], "Qu'en pense-t-on, et le gouvernement ?"),
        ("es", ["El ayunta-", "miento."], "El ayuntamiento."),
    ],
)
def test_words_of_other_languages_are_joined(language: str, lines: list[str], expected: str) -> None:
    found = read(drawn(text_at(60, 700, lines), language=language))
    assert (found.language, found.text) == (language[:2], expected + "\n")
