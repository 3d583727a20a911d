"""A question about a row of a table is answered with this row, and the names of its columns are beside its cells."""

from __future__ import annotations

from pathlib import Path

import pytest

from index import Index, SearchResult
from rag import Answer, Assistant, load_settings, open_index
from rag.grounding.support import SupportChecker
from rag.prompts import answer_messages
from rag.questions.answer_kinds import cell_answer

FOLDER = Path(__file__).parent / "tables"

QUESTIONS = [
    ("libraries.md", "When was the Marlow library opened?", "Library: Marlow | Opened: 2008 | ", "2008"),
    ("libraries.md", "How many loans did Farrow have in 2023?", "Library: Farrow | ", "4364"),
    ("libraries.md", "In which district is Zelkova?", "Library: Zelkova | ", "Syd"),
    ("ferries.md", "When was the ferry Dagmar built?", "Ferry: Dagmar | Built: 2011 | ", "2011"),
    ("staff.md", "When is the Old Town branch open on Saturday?", "Branch: Old Town | ", "10:00-14:00"),
    ("rates.txt", "What is the sell rate of the forint?", "Currency: forint | Buy: 4.21 | Sell: 4.30", "4.30"),
    ("mines.txt", "How many tonnes did Black Tor produce?", "Mine: Black Tor | ", "22,415"),
    ("sales.txt", "How many shops are in Bergen?", "City: Bergen | Shops: 7 | ", "7"),
    ("turnout.html", "How many visitors did Aldwick have in 2023?", "Parish: Aldwick | 2022: 310 | 2023: 420", "420"),
    ("lake.html", "How much trout was caught in 2020?", "Year: 2020 | Catch in tonnes Trout: 11 | ", "11"),
    ("harvest.docx", "How many tonnes did Stony End harvest in 2022?", "Orchard: Stony End | ", "52"),
    ("harvest.docx", "What is the total for all orchards?", "- Total for all orchards: 554 tonnes", "554"),
    ("meals.docx", "How many meals were served at Hill Top in 2023?", "School: Hill Top | ", "2,990"),
]


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Index]:
    """An index of each file, with the bundled model."""
    found = {}
    for name in {file for file, *_ in QUESTIONS}:
        found[name] = open_index(load_settings(home=tmp_path_factory.mktemp("home")))
        assert found[name].sync([FOLDER / name]).skipped == ()
    return found


def ask(index: Index, question: str) -> Answer:
    return Assistant(index).ask(question)


@pytest.mark.slow
@pytest.mark.parametrize(("file", "question", "row", "value"), QUESTIONS)
def test_the_first_citation_is_the_row_and_the_answer_has_the_names_of_its_columns(
    indexes: dict[str, Index], file: str, question: str, row: str, value: str
) -> None:
    answer = ask(indexes[file], question)
    assert answer.text.startswith(row), answer.text
    assert value in answer.text
    first = answer.citations[0]
    article = indexes[file].article(first.article_id)
    assert article is not None
    assert article.text[first.start : first.end] == first.quote
    assert value in first.quote
    assert "\n" not in first.quote
    if answer.sentences[0].focus:
        focus = answer.sentences[0].focus
        assert answer.text[focus.start : focus.end] == value


@pytest.mark.slow
def test_only_rows_that_hold_as_many_words_of_the_question_are_quoted_beside_the_best(
    indexes: dict[str, Index],
) -> None:
    answer = ask(indexes["libraries.md"], "Which libraries were opened in 1935?")
    rows = {citation.quote.split(" | ")[0] for citation in answer.citations if citation.quote.startswith("|")}
    assert rows == {"| Elswick", "| Tarrant"}


@pytest.mark.slow
@pytest.mark.parametrize("question", ["What is the district of the library?", "Which loans were opened?"])
def test_a_header_is_never_an_answer(indexes: dict[str, Index], question: str) -> None:
    answer = ask(indexes["libraries.md"], question)
    assert all("Opened | Loans" not in citation.quote for citation in answer.citations)


def found(index: Index, question: str) -> SearchResult:
    return index.find(question, 4)


@pytest.mark.slow
def test_an_llm_reads_rows_with_the_names_of_their_columns(indexes: dict[str, Index]) -> None:
    question = "How many loans did Yew have in 2023?"
    messages = answer_messages(question, found(indexes["libraries.md"], question).hits)
    assert "Library: Yew | Opened: 2015 | Loans 2022: 763 | Loans 2023: 8198" in str(messages[-1].content)


CLAIMS = [
    ("libraries.md", "The Marlow library was opened in 2008.", "supported"),
    ("libraries.md", "Marlow: Opened 2009.", "unsupported"),
    ("rates.txt", "Currency: forint | Buy: 4.21", "quoted"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("file", "claim", "support"), CLAIMS)
def test_sentences_are_checked_against_rows_with_the_names_of_their_columns(
    indexes: dict[str, Index], file: str, claim: str, support: str
) -> None:
    index = indexes[file]
    checker = SupportChecker(found(index, claim), index.encoder)
    assert checker.check(claim, 1).support in (support, "weak" if support == "supported" else support)


CELLS = [
    ("When was Marlow opened?", "Library: Marlow | Opened: 2008 | Loans: 3296", "2008"),
    ("How many loans in 2023?", "Library: Marlow | Loans 2022: 8429 | Loans 2023: 3296", "3296"),
    ("Which library was opened in 2008?", "Library: Marlow | Opened: 2008", "Marlow"),
    ("How many loans?", "Library: Marlow | Loans 2022: 8429 | Loans 2023: 3296", None),
    ("Who runs it?", "Marlow | 2008", None),
]


@pytest.mark.parametrize(("question", "row", "value"), CELLS)
def test_the_cell_that_a_question_asks_for_is_the_one_whose_column_it_names(
    question: str, row: str, value: str | None
) -> None:
    span = cell_answer(question, row)
    assert (row[span.start : span.end] if span else None) == value
