"""What a reader does in the library: ticks, searches, removes and adds; what a browser makes up does nothing."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from index import Index, StoreError
from ui.chat.handlers.library import LibraryHandlers
from ui.chat.library import LARGEST_FILE, Library
from ui.chat.session import Visitor
from ui.i18n.translate import chinese

VISITOR = Visitor("ann", "1")
SHIPS = "The harbour reopened on Monday. Ships came back."
TEA = "Tea is late. Nobody minds."
NONE: frozenset[str] = frozenset()
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


@pytest.fixture
def library(index: Index, tmp_path: Path) -> Library:
    return Library(index, tmp_path / "kept")


@pytest.fixture
def handlers(library: Library) -> LibraryHandlers:
    return LibraryHandlers(library)


@pytest.fixture
def ids(library: Library) -> tuple[str, str]:
    """The ids of two articles, in the order of their titles: tea, the harbour."""
    for text in (SHIPS, TEA):
        list(library.add_text("", text))
    tea, ships = library.listing()
    return tea.id, ships.id


def choose(
    handlers: LibraryHandlers, what: str, chosen: str = "", selected: Iterable[str] = (), search: str = ""
) -> tuple[Any, Any, Any]:
    """The list, the selection and the status after an action; None for a status that stays as it is."""
    shown = handlers.choose(VISITOR, {"what": what, "id": chosen, "value": search}, frozenset(selected))
    return shown["library"], shown["selected"], shown.get("upload_status")


def text_of(markup: object) -> str:
    assert isinstance(markup, str)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def does(markup: str) -> list[str]:
    return re.findall(r'data-do="([^"]+)"', html.unescape(markup))


# What is there


def test_a_page_that_opens_has_nothing_ticked(handlers: LibraryHandlers, ids: tuple[str, str]) -> None:
    listed = handlers.load(VISITOR)["library"]
    assert [f'data-id="{each}"' in listed for each in ids] == [True, True]
    assert " checked" not in listed
    assert "Searching all 2 articles" in text_of(listed)
    assert "检索全部2篇文章" in text_of(handlers.load(Visitor(translate=chinese))["library"])


def test_a_tick_is_set_and_taken_away(handlers: LibraryHandlers, ids: tuple[str, str]) -> None:
    listed, selected, told = choose(handlers, "tick", ids[0])
    assert selected == {ids[0]}
    assert "Searching 1 selected article" in text_of(listed)
    assert told is None
    _, selected, _ = choose(handlers, "tick", ids[1], selected)
    assert selected == set(ids)
    _, selected, _ = choose(handlers, "tick", ids[0], selected)
    assert selected == {ids[1]}


def test_all_ticks_are_taken_away_at_once(handlers: LibraryHandlers, ids: tuple[str, str]) -> None:
    listed, selected, _ = choose(handlers, "untick", "", ids, search="tea")
    assert selected == NONE
    assert " checked" not in listed
    assert 'value="tea"' in listed, "and the search stays"


def test_a_search_keeps_the_ticks_and_shows_what_it_finds(handlers: LibraryHandlers, ids: tuple[str, str]) -> None:
    listed, selected, _ = choose(handlers, "search", "", [ids[1]], search="TEA")
    assert selected == {ids[1]}, "although it is not shown"
    assert ids[0] in listed
    assert ids[1] not in listed
    listed, _, _ = choose(handlers, "tick", ids[0], selected, search="tea")
    assert ids[1] not in listed, "a tick does not end a search"


def test_a_tick_of_an_article_that_is_gone_goes(
    handlers: LibraryHandlers, library: Library, ids: tuple[str, str]
) -> None:
    library.remove([ids[1]])
    _, selected, _ = choose(handlers, "search", "", ids)
    assert selected == {ids[0]}


# Removing


def test_nothing_is_removed_before_it_is_asked_for_again(
    handlers: LibraryHandlers, library: Library, ids: tuple[str, str]
) -> None:
    listed, selected, told = choose(handlers, "remove", "", ids[:1], search="tea")
    assert does(listed) == ["remove-now", "keep", "open"]
    assert "Remove 1 article from the index?" in text_of(listed)
    assert (selected, told) == ({ids[0]}, None)
    listed, selected, told = choose(handlers, "keep", "", ids[:1], search="tea")
    assert does(listed) == ["untick", "remove", "open"]
    assert (selected, told) == ({ids[0]}, None)
    assert len(library.listing()) == 2


def test_what_is_ticked_is_removed_and_nothing_else(
    handlers: LibraryHandlers, library: Library, ids: tuple[str, str]
) -> None:
    listed, selected, told = choose(handlers, "remove-now", ids[1], ids[:1])
    assert [each.id for each in library.listing()] == [ids[1]]
    assert ids[0] not in listed
    assert selected == NONE
    assert text_of(told) == "1 removed from the index"


def test_with_nothing_ticked_nothing_is_removed(
    handlers: LibraryHandlers, library: Library, ids: tuple[str, str]
) -> None:
    _, _, told = choose(handlers, "remove-now", ids[0])
    assert text_of(told) == "0 removed from the index"
    assert len(library.listing()) == 2
    _, _, told = choose(handlers, "remove-now", "", ["gone", "\x00"])
    assert text_of(told) == "0 removed from the index"


def test_what_cannot_be_removed_is_told_and_stays_ticked(
    handlers: LibraryHandlers, library: Library, ids: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise StoreError("another program is writing to <the index>", "Try again.")

    monkeypatch.setattr(library, "remove", fail)
    listed, selected, told = choose(handlers, "remove-now", "", ids[:1])
    assert "another program is writing to <the index>" in text_of(told)
    assert "Try again." in text_of(told)
    assert "<the" not in told
    assert ids[0] in listed
    assert selected == {ids[0]}


@pytest.mark.parametrize("data", FORGED, ids=lambda data: repr(data)[:50])
def test_what_a_browser_makes_up_changes_nothing(
    handlers: LibraryHandlers, library: Library, ids: tuple[str, str], data: object
) -> None:
    shown = handlers.choose(VISITOR, data, NONE)
    listed, selected = shown["library"], shown["selected"]
    assert all(each in listed for each in ids)
    assert selected == NONE
    assert len(library.listing()) == 2


# Adding


def test_files_are_told_one_after_another_then_listed_and_the_field_is_empty(
    handlers: LibraryHandlers, tmp_path: Path
) -> None:
    good, bad = tmp_path / "port.txt", tmp_path / "bad.exe"
    good.write_text(SHIPS, encoding="utf-8")
    bad.write_bytes(b"MZ")
    *states, last = handlers.add_files(VISITOR, [str(bad), str(good)], NONE)
    assert [text_of(each["upload_status"]).partition(" done")[0] for each in states] == [
        "0 of 2",
        "0 of 2",
        "1 of 2",
        "1 of 2",
        "2 of 2",
    ]
    assert "bad.exe not added" in text_of(states[-1]["upload_status"])
    assert "port.txt added" in text_of(states[-1]["upload_status"])
    assert str(tmp_path) not in states[-1]["upload_status"]
    assert all(each.keys() == {"upload_status"} for each in states), "the list and the field stay until the end"
    assert last.keys() == {"library", "files"}
    assert last["files"] is None, "files that were refused are still on the user's disk"
    assert "port.txt" in text_of(last["library"])


@pytest.mark.parametrize("files", [None, []])
def test_no_file_at_all_is_no_error(handlers: LibraryHandlers, files: list[str] | None) -> None:
    *_, last = handlers.add_files(VISITOR, files, NONE)
    assert "upload_status" not in last
    assert "No articles yet" in text_of(last["library"])
    assert last["files"] is None


def test_a_file_that_has_gone_or_is_a_folder_or_is_too_large_is_told(handlers: LibraryHandlers, tmp_path: Path) -> None:
    large = tmp_path / "large.txt"
    large.write_bytes(b"x" * (LARGEST_FILE + 1))
    *_, told, _ = handlers.add_files(
        VISITOR, [str(tmp_path / "gone.txt"), str(tmp_path), str(large), "", "a\x00b"], NONE
    )
    assert text_of(told["upload_status"]).startswith("5 of 5 done, 5 could not be added")


def test_a_text_is_added_and_both_fields_are_emptied(handlers: LibraryHandlers, ids: tuple[str, str]) -> None:
    *states, last = handlers.add_text(VISITOR, "The ferry", "It sails again.", frozenset(ids))
    assert "The ferry added" in text_of(states[-1]["upload_status"])
    assert "The ferry" in text_of(last["library"])
    assert "Searching 2 selected articles" in text_of(last["library"]), "what is selected stays selected"
    assert (last["title"], last["text"]) == ("", "")


@pytest.mark.parametrize(("title", "text"), [("The ferry", ""), ("The ferry", None), (None, None), ("", "  \n")])
def test_a_text_that_is_refused_stays_in_its_fields(
    handlers: LibraryHandlers, title: str | None, text: str | None
) -> None:
    *states, last = handlers.add_text(VISITOR, title, text, NONE)
    assert "The text is empty" in text_of(states[-1]["upload_status"])
    assert last.keys() == {"library"}


def test_a_link_is_refused_where_links_are_off_and_stays_in_its_field(handlers: LibraryHandlers) -> None:
    *states, last = handlers.add_link(VISITOR, " https://example.org/x ", NONE)
    assert "Adding web addresses is turned off" in text_of(states[-1]["upload_status"])
    assert last.keys() == {"library"}


@pytest.mark.parametrize(
    "address", [None, "", "  ", "example.org", "file:///etc/passwd", "http://127.0.0.1:1/", "http://[x", "<script>"]
)
def test_what_is_no_public_address_is_refused_and_stays_in_its_field(
    index: Index, tmp_path: Path, address: str | None
) -> None:
    handlers = LibraryHandlers(Library(index, tmp_path / "kept", allow_web_links=True))
    *states, last = handlers.add_link(VISITOR, address, NONE)
    assert "1 could not be added" in text_of(states[-1]["upload_status"])
    assert "<script>" not in states[-1]["upload_status"]
    assert last.keys() == {"library"}
    assert not index.count()[0]


def test_what_is_told_is_in_the_language_of_the_reader(handlers: LibraryHandlers) -> None:
    *states, _ = handlers.add_text(Visitor(translate=chinese), "", "", NONE)
    assert "文本是空的" in text_of(states[-1]["upload_status"])


@pytest.mark.parametrize("how", ["the button", "the page is closed"])
def test_an_upload_is_stopped_from_its_page_only(handlers: LibraryHandlers, tmp_path: Path, how: str) -> None:
    files = []
    for number in range(3):
        files.append(tmp_path / f"{number}.txt")
        files[-1].write_text(f"Report {number}.")
    ours, another = Visitor(session="ours"), Visitor(session="another")
    states = handlers.add_files(ours, [str(file) for file in files], NONE)
    shown = [next(states) for _ in range(3)]  # the first file was added
    assert 'data-do="stop"' in shown[-1]["upload_status"]
    handlers.leave(another)
    if how == "the button":
        assert handlers.choose(ours, {"what": "stop"}, NONE) == {}
    else:
        handlers.leave(ours)
    *_, finished, _ = states
    words = text_of(finished["upload_status"])
    assert words.count("The upload was stopped.") == 2
    assert words.count("Articles that were added remain.") == 2
    assert 'data-do="stop"' not in finished["upload_status"]
    assert [entry.title for entry in handlers.library.listing()] == ["Report 0."]
    assert handlers._budgets == {}
