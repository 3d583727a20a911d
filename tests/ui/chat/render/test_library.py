"""The list of articles beside the chat: what may be ticked, searched and removed, and how far new ones are."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from ui.chat.library import LINKS_ARE_OFF, LibraryEntry, UploadResult
from ui.chat.render.library import MOST_ROWS, MOST_WORDS, library_html, matching, uploads_html
from ui.i18n.translate import english

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "${alert(1)} {{constructor}} `x`",
    "<b>.txt",
]
PORT = LibraryEntry("a1", "The port", ("The Daily", "example.org"), "2024-02-24", "Ann Lee", 3)
TEA = LibraryEntry("a2", "Tea in ÉTÉ", ("herald.example",), None, None, 1)
NONE: frozenset[str] = frozenset()


def many(count: int) -> list[LibraryEntry]:
    return [LibraryEntry(f"{n:016x}", f"Report {n}", ("Wire",), None, None, 2) for n in range(count)]


def text_of(markup: str) -> str:
    """What a reader sees of it."""
    return html.unescape(re.sub(r"<[^>]*>", " ", markup))


class Tags(HTMLParser):
    """The tags of a piece of HTML, each with its attributes."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]


def shape(markup: str) -> list[tuple[str, list[str]]]:
    """The tags with the names of their attributes."""
    return [(tag, sorted(attributes)) for tag, attributes in Tags(markup).seen]


def does(markup: str) -> list[str | None]:
    """What the buttons do."""
    return [button["data-do"] for button in Tags(markup).of("button")]


def test_each_article_has_a_box_with_a_label_that_says_what_it_is() -> None:
    shelf = library_html([PORT, TEA], frozenset({"a1"}), english)
    boxes = [box for box in Tags(shelf).of("input") if box["type"] == "checkbox"]
    assert [(box["data-id"], "checked" in box) for box in boxes] == [("a1", True), ("a2", False)]
    labels = [label["for"] for label in Tags(shelf).of("label")]
    assert labels == ["library-search", *(box["id"] for box in boxes)]
    assert "The Daily, example.org · 24 February 2024 · 3 passages" in text_of(shelf)
    assert "herald.example · 1 passage" in text_of(shelf)


def test_an_article_whose_file_no_longer_exists_is_marked() -> None:
    shelf = text_of(library_html([replace(PORT, is_gone=True), TEA], NONE, english))
    assert "3 passages · file no longer exists" in shelf
    assert shelf.count("no longer exists") == 1


@pytest.mark.parametrize(("count", "shown"), [(0, ""), (1, " · 1 page without text"), (3, " · 3 pages without text")])
def test_the_list_tells_how_many_pages_have_no_text(count: int, shown: str) -> None:
    listed = text_of(library_html([replace(TEA, skipped_pages=count)], NONE, english))
    assert " ".join(listed.split()).count(f"herald.example · 1 passage{shown}") == 1
    assert ("without text" in listed) == bool(count)


@pytest.mark.parametrize("pages", ["2", "2–4, 7", "", "<b>.pdf: 2"])
def test_an_upload_tells_which_pages_could_not_be_read(pages: str) -> None:
    shown = uploads_html([UploadResult("a.pdf", "added", articles=1, skipped_pages=pages)], english)
    assert (f"No text could be read from these pages: {pages}." in html.unescape(shown)) == bool(pages)
    assert "<b>" not in shown


def test_a_browser_can_search_by_title_outlets_and_date() -> None:
    words = [item["data-words"] for item in Tags(library_html([PORT, TEA], NONE, english)).of("li")]
    assert words == ["the port the daily example.org 2024-02-24 24 february 2024", "tea in été herald.example"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", [PORT, TEA]),
        ("  ", [PORT, TEA]),
        ("PORT", [PORT]),
        ("daily port", [PORT]),
        ("port herald", []),
        ("été", [TEA]),
        ("2024-02", [PORT]),
        ("february", [PORT]),
        ("a1", []),
    ],
)
def test_a_search_finds_the_articles_that_have_all_its_words(search: str, found: list[LibraryEntry]) -> None:
    assert list(matching([PORT, TEA], search)) == found
    assert len(Tags(library_html([PORT, TEA], NONE, english, search=search)).of("li")) == len(found)


def test_a_search_has_at_most_twenty_different_words() -> None:
    """Each word is compared with each article."""
    letters = ["t", "h", "e", "p", "o", "r", "d", "a", "i", "l", "y", "x", "m", "n", "g", "2", "0", "4", ".", "-"]
    assert len(letters) == MOST_WORDS
    assert matching([PORT], " ".join(["the"] * 100_000 + ["tea"])) == ()
    assert matching([PORT], " ".join([*letters, "tea"] * 1000)) == matching([PORT], " ".join(letters))


def test_a_search_that_finds_nothing_says_so_and_keeps_its_words() -> None:
    shelf = library_html([PORT], NONE, english, search="zebra")
    assert "No matching articles." in text_of(shelf)
    assert Tags(shelf).of("input")[0]["value"] == "zebra"


def test_it_is_said_which_articles_questions_go_to() -> None:
    assert "Searching all 12 articles" in text_of(library_html(many(12), NONE, english))
    assert "Searching 1 article" in text_of(library_html([PORT], NONE, english))
    assert "Searching 2 selected articles" in text_of(library_html([PORT, TEA], frozenset({"a1", "a2"}), english))


def test_ticks_of_articles_that_are_gone_do_not_count() -> None:
    shelf = library_html([PORT, TEA], frozenset({"gone"}), english)
    assert "Searching all 2 articles" in text_of(shelf)
    assert does(shelf) == ["open", "open"]


def test_what_is_ticked_may_be_unticked_or_removed_after_a_question() -> None:
    ticked = frozenset({"a1", "a2"})
    assert does(library_html([PORT, TEA], NONE, english)) == ["open", "open"]
    assert does(library_html([PORT, TEA], ticked, english)) == ["untick", "remove", "open", "open"]
    asked = library_html([PORT, TEA], ticked, english, confirming=True)
    assert does(asked) == ["remove-now", "keep", "open", "open"]
    assert "Remove 2 articles from the index? The original files are not deleted." in text_of(asked)
    one = library_html([PORT, TEA], frozenset({"a1"}), english, confirming=True)
    assert "Remove 1 article from the index? The original file is not deleted." in text_of(one)
    assert does(library_html([PORT, TEA], NONE, english, confirming=True)) == ["open", "open"], "nothing is ticked"


def test_a_long_list_is_cut_and_says_how_many_more_there_are() -> None:
    shelf = library_html(many(MOST_ROWS + 7), NONE, english)
    assert len(Tags(shelf).of("li")) == MOST_ROWS
    assert "7 more not shown." in text_of(shelf)
    assert "not shown" not in text_of(library_html(many(MOST_ROWS), NONE, english))


def test_an_empty_library_says_so() -> None:
    assert "No articles yet" in text_of(library_html([], NONE, english))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_in_an_article_a_name_or_a_search_becomes_markup(hostile: str) -> None:
    row = LibraryEntry(hostile, hostile, (hostile,), hostile, hostile, 1)
    shelf = library_html([row], frozenset({hostile}), english, search=hostile)
    assert shape(shelf) == shape(library_html([PORT], frozenset({"a1"}), english, search="port"))
    assert Tags(shelf).of("input")[1]["data-id"] == hostile, "the id comes back as it is"
    progress = uploads_html([UploadResult(hostile, "failed", hostile, hostile)], english)
    assert shape(progress) == shape(uploads_html([UploadResult("a.txt", "failed", "why", "what then")], english))
    for sign in ("${", "{{", "`"):
        assert sign not in shelf + progress


def test_each_state_is_told_in_words() -> None:
    rows = [
        UploadResult("a.txt", "added", articles=1),
        UploadResult("b.zip", "added", articles=3),
        UploadResult("c.txt", "unchanged", "The library already contains this text"),
        UploadResult("d.txt", "failed", "'d.txt' is empty", "Nothing was indexed from it."),
        UploadResult("e.txt", "reading"),
        UploadResult("f.txt"),
    ]
    shown = " ".join(text_of(uploads_html(rows, english)).split())
    for words in (
        "4 of 6 done, 1 could not be added",
        "a.txt added b.zip added, 3 articles",
        "c.txt already indexed The library already contains this text",
        "d.txt not added 'd.txt' is empty Nothing was indexed from it.",
        "e.txt reading",
        "f.txt waiting",
    ):
        assert words in shown


def test_the_sum_is_read_aloud_and_the_list_is_not() -> None:
    aloud = [
        attributes
        for _, attributes in Tags(uploads_html([UploadResult("a.txt")], english)).seen
        if "role" in attributes
    ]
    assert aloud == [{"class": "sum", "role": "status", "aria-live": "polite"}]
    assert uploads_html([], english) == ""


def test_all_words_go_through_the_language_of_the_reader() -> None:
    def shouting(text: str, /, **values: object) -> str:
        loud = re.sub(r"(\{\w+\})|([^{]+)", lambda part: part[1] or part[2].upper(), text)
        return english(loud, **values)

    ticked = frozenset({"a1"})
    shelf = library_html([PORT, TEA], ticked, shouting) + library_html(
        [TEA], frozenset({"a2"}), shouting, confirming=True
    )
    shelf += library_html(many(MOST_ROWS + 1), NONE, shouting) + library_html([], NONE, shouting)
    progress = uploads_html(
        [UploadResult("1", "failed", *LINKS_ARE_OFF), UploadResult("2", "added", articles=2)], shouting
    )
    own = ("The port", "The Daily", "example.org", "Tea in ÉTÉ", "herald.example", "Report", "Wire", "February")
    seen = text_of(shelf + progress)
    for words in own:
        seen = seen.replace(words, "")
    assert not re.findall(r"[a-z]{2,}", seen)
