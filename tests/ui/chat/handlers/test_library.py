"""What a reader does in the library: ticks, searches, removes and adds; what a browser makes up does nothing."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from index import Index, StoreError
from ui.chat.handlers.library import Shelving
from ui.chat.library import LARGEST_FILE, Library
from ui.chat.session import Reader
from ui.i18n.translate import chinese

READER = Reader("ann", "1")
SHIPS = "The harbour reopened on Monday. Ships came back."
TEA = "Tea is late. Nobody minds."
SKIP = object()
NONE: frozenset[str] = frozenset()
SHELF, TICKED, TOLD = 0, 1, 2
FORGED: list[object] = [
    None,
    7,
    "remove-now",
    [],
    {},
    {"what": ["remove-now"]},
    {"what": {"tick": 1}},
    {"what": "drop", "id": "1", "value": "x"},
    {"what": "tick"},
    *({"what": "tick", "id": each} for each in ("unknown", "", None, 7, ["a"], {"a": 1}, "\x00\ud800", "../../x")),
    {"what": "search", "id": ["a"], "value": ["a"]},
    {"what": "search", "value": {"a": 1}},
    {"what": "remove-now", "id": "all"},
    {"what": "remove", "id": "all"},
    {"what": "keep", "id": []},
]


class Page:
    """The part of the web framework that replies use."""

    def skip(self) -> object:
        return SKIP


@pytest.fixture
def library(index: Index, tmp_path: Path) -> Library:
    return Library(index, tmp_path / "kept")


@pytest.fixture
def shelving(library: Library) -> Shelving:
    return Shelving(Page(), library)


@pytest.fixture
def ids(library: Library) -> tuple[str, str]:
    """The ids of two articles, in the order of their titles: tea, the harbour."""
    for text in (SHIPS, TEA):
        list(library.add_text("", text))
    tea, ships = library.listing()
    return tea.id, ships.id


def choose(shelving: Shelving, what: str, chosen: str = "", ticked: Iterable[str] = (), search: str = "") -> list[Any]:
    return shelving.choose(READER, {"what": what, "id": chosen, "value": search}, frozenset(ticked))


def text_of(markup: object) -> str:
    assert isinstance(markup, str)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def does(markup: str) -> list[str]:
    return re.findall(r'data-do="([^"]+)"', markup)


# What is there


def test_a_page_that_opens_has_nothing_ticked(shelving: Shelving, ids: tuple[str, str]) -> None:
    shelf = shelving.load(READER)
    assert [f'data-id="{each}"' in shelf for each in ids] == [True, True]
    assert " checked" not in shelf
    assert "Questions go to all 2 articles" in text_of(shelf)
    assert "提问范围：全部2篇文章" in text_of(shelving.load(Reader(say=chinese)))


def test_a_tick_is_set_and_taken_away(shelving: Shelving, ids: tuple[str, str]) -> None:
    shelf, ticked, told = choose(shelving, "tick", ids[0])
    assert ticked == {ids[0]}
    assert "Questions go only to the 1 ticked" in text_of(shelf)
    assert told is SKIP
    _, ticked, _ = choose(shelving, "tick", ids[1], ticked)
    assert ticked == set(ids)
    _, ticked, _ = choose(shelving, "tick", ids[0], ticked)
    assert ticked == {ids[1]}


def test_all_ticks_are_taken_away_at_once(shelving: Shelving, ids: tuple[str, str]) -> None:
    shelf, ticked, _ = choose(shelving, "untick", "", ids, search="tea")
    assert ticked == NONE
    assert " checked" not in shelf
    assert 'value="tea"' in shelf, "and the search stays"


def test_a_search_keeps_the_ticks_and_shows_what_it_finds(shelving: Shelving, ids: tuple[str, str]) -> None:
    shelf, ticked, _ = choose(shelving, "search", "", [ids[1]], search="TEA")
    assert ticked == {ids[1]}, "although it is not shown"
    assert ids[0] in shelf
    assert ids[1] not in shelf
    shelf, _, _ = choose(shelving, "tick", ids[0], ticked, search="tea")
    assert ids[1] not in shelf, "a tick does not end a search"


def test_a_tick_of_an_article_that_is_gone_goes(shelving: Shelving, library: Library, ids: tuple[str, str]) -> None:
    library.remove([ids[1]])
    _, ticked, _ = choose(shelving, "search", "", ids)
    assert ticked == {ids[0]}


# Removing


def test_nothing_is_removed_before_it_is_asked_for_again(
    shelving: Shelving, library: Library, ids: tuple[str, str]
) -> None:
    shelf, ticked, told = choose(shelving, "remove", "", ids[:1], search="tea")
    assert does(shelf) == ["remove-now", "keep"]
    assert "Remove 1 article from the index?" in text_of(shelf)
    assert (ticked, told) == ({ids[0]}, SKIP)
    shelf, ticked, told = choose(shelving, "keep", "", ids[:1], search="tea")
    assert does(shelf) == ["untick", "remove"]
    assert (ticked, told) == ({ids[0]}, SKIP)
    assert len(library.listing()) == 2


def test_what_is_ticked_is_removed_and_nothing_else(shelving: Shelving, library: Library, ids: tuple[str, str]) -> None:
    shelf, ticked, told = choose(shelving, "remove-now", ids[1], ids[:1])
    assert [each.id for each in library.listing()] == [ids[1]]
    assert ids[0] not in shelf
    assert ticked == NONE
    assert text_of(told) == "1 removed from the index"


def test_with_nothing_ticked_nothing_is_removed(shelving: Shelving, library: Library, ids: tuple[str, str]) -> None:
    _, _, told = choose(shelving, "remove-now", ids[0])
    assert text_of(told) == "0 removed from the index"
    assert len(library.listing()) == 2
    _, _, told = choose(shelving, "remove-now", "", ["gone", "\x00"])
    assert text_of(told) == "0 removed from the index"


def test_what_cannot_be_removed_is_told_and_stays_ticked(
    shelving: Shelving, library: Library, ids: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise StoreError("another program is writing to <the index>", "Try again.")

    monkeypatch.setattr(library, "remove", fail)
    shelf, ticked, told = choose(shelving, "remove-now", "", ids[:1])
    assert "another program is writing to <the index>" in text_of(told)
    assert "Try again." in text_of(told)
    assert "<the" not in told
    assert ids[0] in shelf
    assert ticked == {ids[0]}


@pytest.mark.parametrize("data", FORGED, ids=lambda data: repr(data)[:50])
def test_what_a_browser_makes_up_changes_nothing(
    shelving: Shelving, library: Library, ids: tuple[str, str], data: object
) -> None:
    shelf, ticked, _ = shelving.choose(READER, data, NONE)
    assert all(each in shelf for each in ids)
    assert ticked == NONE
    assert len(library.listing()) == 2


# Adding


def test_files_are_told_one_after_another_then_listed_and_the_field_is_empty(
    shelving: Shelving, tmp_path: Path
) -> None:
    good, bad = tmp_path / "port.txt", tmp_path / "bad.exe"
    good.write_text(SHIPS, encoding="utf-8")
    bad.write_bytes(b"MZ")
    *states, last = shelving.add_files(READER, [str(bad), str(good)], NONE)
    assert [text_of(each[0]).partition(" done")[0] for each in states] == [
        "0 of 2",
        "0 of 2",
        "1 of 2",
        "1 of 2",
        "2 of 2",
    ]
    assert "bad.exe not added" in text_of(states[-1][0])
    assert "port.txt added" in text_of(states[-1][0])
    assert str(tmp_path) not in states[-1][0]
    assert all(each[1:] == [SKIP, SKIP] for each in states), "the list and the field stay until the end"
    told, shelf, field = last
    assert (told, field) == (SKIP, None), "files that were refused are still on the reader's disk"
    assert "port.txt" in text_of(shelf)


@pytest.mark.parametrize("files", [None, []])
def test_no_file_at_all_is_no_error(shelving: Shelving, files: list[str] | None) -> None:
    *_, last = shelving.add_files(READER, files, NONE)
    assert last[0] is SKIP
    assert "No articles yet" in text_of(last[1])
    assert last[2] is None


def test_a_file_that_has_gone_or_is_a_folder_or_is_too_large_is_told(shelving: Shelving, tmp_path: Path) -> None:
    large = tmp_path / "large.txt"
    large.write_bytes(b"x" * (LARGEST_FILE + 1))
    *_, told, _ = shelving.add_files(
        READER, [str(tmp_path / "gone.txt"), str(tmp_path), str(large), "", "a\x00b"], NONE
    )
    assert text_of(told[0]).startswith("5 of 5 done, 5 could not be added")


def test_a_text_is_added_and_both_fields_are_emptied(shelving: Shelving, ids: tuple[str, str]) -> None:
    *states, last = shelving.add_text(READER, "The ferry", "It sails again.", frozenset(ids))
    assert "The ferry added" in text_of(states[-1][0])
    assert "The ferry" in text_of(last[1])
    assert "Questions go only to the 2 ticked" in text_of(last[1]), "what is ticked stays ticked"
    assert last[2:] == ["", ""]


@pytest.mark.parametrize(("title", "text"), [("The ferry", ""), ("The ferry", None), (None, None), ("", "  \n")])
def test_a_text_that_is_refused_stays_in_its_fields(shelving: Shelving, title: str | None, text: str | None) -> None:
    *states, last = shelving.add_text(READER, title, text, NONE)
    assert "there is no text" in text_of(states[-1][0])
    assert last[2:] == [SKIP, SKIP]


def test_a_link_is_refused_where_links_are_off_and_stays_in_its_field(shelving: Shelving) -> None:
    *states, last = shelving.add_link(READER, " https://example.org/x ", NONE)
    assert "adding web addresses is switched off here" in text_of(states[-1][0])
    assert last[2:] == [SKIP]


@pytest.mark.parametrize(
    "address", [None, "", "  ", "example.org", "file:///etc/passwd", "http://127.0.0.1:1/", "http://[x", "<script>"]
)
def test_what_is_no_public_address_is_refused_and_stays_in_its_field(
    index: Index, tmp_path: Path, address: str | None
) -> None:
    shelving = Shelving(Page(), Library(index, tmp_path / "kept", allow_web_links=True))
    *states, last = shelving.add_link(READER, address, NONE)
    assert "1 could not be added" in text_of(states[-1][0])
    assert "<script>" not in states[-1][0]
    assert last[2:] == [SKIP]
    assert not index.count()[0]


def test_what_is_told_is_in_the_language_of_the_reader(shelving: Shelving) -> None:
    *states, _ = shelving.add_text(Reader(say=chinese), "", "", NONE)
    assert "没有文本" in text_of(states[-1][0])
