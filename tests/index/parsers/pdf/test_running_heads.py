"""Running heads and feet, and page numbers, are marked as boilerplate; they stay in the text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from drawings import drawn, text_at, together

from index import Article, load_encoder
from index.ingest.loader import load
from index.parsers import Extract, extract
from index.text.chunker import chunk

FILES = Path(__file__).parent / "files"
BODIES = [
    [
        "The ferry sails at nine.",
        "It takes an hour to reach the island, where",
        "nobody lives in winter but the keeper.",
    ],
    ["The keeper is called Ada Fenn.", "She counts the birds each morning.", "There were forty on Friday."],
    ["In spring, the island belongs to the gulls.", "Visitors must keep to the path.", "Dogs stay on the boat."],
    ["The lamp was lit in 1852.", "It can be seen for twenty miles.", "Its lens came from Paris."],
]

LETTER = ["The Island Courier", "3 Quay Street", "Tarnbrook", "Dear reader,", "thank you for your letter."]


def page(body: list[str], head: str = "", foot: str = "", larger: str = "") -> Callable[[Any], None]:
    parts = [text_at(60, 800, [head], 8)] if head else []
    parts += [text_at(60, 760, [larger], 18)] if larger else []
    parts += [text_at(60, 700, body), *([text_at(280, 30, [foot], 8)] if foot else [])]
    return together(*parts)


def marked(found: Extract) -> list[str]:
    return [line for span in found.boilerplate for line in found.text[span.start : span.end].split("\n")]


def read(*pages: Callable[[Any], None]) -> Extract:
    return extract(drawn(*pages), ".pdf", "a.pdf")


@pytest.mark.parametrize(
    ("head", "foot"),
    [
        ("The Island Courier", "Page {0} of 4"),
        ("Annual report 2024", "- {0} -"),
        ("{0}   The Island Courier, 3 May 2024", "Not for distribution"),
    ],
)
def test_what_recurs_at_the_edges_of_the_pages_is_marked_and_kept(head: str, foot: str) -> None:
    pages = [page(body, head.format(number), foot.format(number)) for number, body in enumerate(BODIES, start=1)]
    found = read(*pages)
    expected = [line for number in range(1, 5) for line in (head.format(number), foot.format(number))]
    assert [" ".join(line.split()) for line in marked(found)] == [" ".join(line.split()) for line in expected]
    rest = found.text
    for span in reversed(found.boilerplate):
        rest = rest[: span.start] + rest[span.end :]
    assert rest.split() == " ".join(line for body in BODIES for line in body).split()


def test_heads_of_left_and_right_pages_may_differ() -> None:
    heads = ["The Island", "Ada Fenn", "The Island", "Ada Fenn"]
    assert marked(read(*(page(body, head) for body, head in zip(BODIES, heads, strict=True)))) == heads


def test_roman_page_numbers_are_marked() -> None:
    numbers = ["i", "ii", "iii", "iv"]
    assert marked(read(*(page(body, foot=foot) for body, foot in zip(BODIES, numbers, strict=True)))) == numbers


@pytest.mark.parametrize(
    "pages",
    [
        [page(body) for body in BODIES],
        [page(body, larger=f"Chapter {number}") for number, body in enumerate(BODIES, start=1)],
        [page(body, foot=number) for body, number in zip(BODIES, ["70", "12", "70", "31"], strict=True)],
        [page(body, foot="70") for body in BODIES],
        [page([*LETTER, *body, *body[::-1], *body, *body[::-1], *body]) for body in BODIES],
        [page(BODIES[0], "The Island Courier")] * 4,
        [page(BODIES[0], "The Island Courier")],
    ],
    ids=["no heads", "headings", "other numbers", "the same number", "form letters", "copies of a page", "one page"],
)
def test_other_lines_are_not_marked(pages: list[Callable[[Any], None]]) -> None:
    assert marked(read(*pages)) == []


def test_a_sentence_that_continues_on_the_next_page_is_not_interrupted() -> None:
    bodies = [["The ferry sails at nine, and it takes an"], ["hour to reach the island.", "Nobody lives there."]]
    pages = [page(body, "The Island Courier", f"Page {number} of 2") for number, body in enumerate(bodies, start=1)]
    found = read(*pages)
    assert "it takes an\nhour to reach the island." in found.text
    assert found.text[found.pages[1] :].startswith("hour to reach")
    assert marked(found) == ["The Island Courier", "Page 1 of 2", "The Island Courier", "Page 2 of 2"]


def test_a_newspaper_page_has_a_head_and_a_foot() -> None:
    found = extract((FILES / "twocol.pdf").read_bytes(), ".pdf", "a.pdf")
    head = "The Ilvermouth Courier  |  Regional edition"
    feet = [f"Page {number} of 4  -  subscribers' copy, do not distribute" for number in (1, 2)]
    assert marked(found) == [head, feet[0], head, feet[1]]


def test_an_article_has_the_marks_and_its_passages_do_not_contain_them(tmp_path: Path) -> None:
    pages = [page(body, "The Island Courier", f"Page {number} of 4") for number, body in enumerate(BODIES, start=1)]
    (tmp_path / "a.pdf").write_bytes(drawn(*pages))
    (article,) = load([tmp_path / "a.pdf"])
    assert isinstance(article, Article)
    passages = chunk(article, load_encoder("bundled").tokenize)
    assert all(article.text[each.start : each.end] == each.text for each in passages)
    assert not [each for each in passages if "Courier" in each.text or "Page" in each.text]
    assert {line for body in BODIES for line in body} <= {line for each in passages for line in each.text.split("\n")}


def test_a_page_number_names_the_page_that_has_the_words(tmp_path: Path) -> None:
    pages = [page(body, "The Island Courier", f"Page {number} of 4") for number, body in enumerate(BODIES, start=1)]
    found = extract(drawn(*pages), ".pdf", "a.pdf")
    for number, body in enumerate(BODIES):
        for line in body:
            at = found.text.index(line)
            assert sum(offset <= at for offset in found.pages) == number + 1
