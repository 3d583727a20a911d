"""The library beside the chat: a reader adds articles, searches them, asks only some of them, and removes some."""

from __future__ import annotations

from typing import Any

import pytest
from readers import IN_A_BROWSER, Reader

pytestmark = IN_A_BROWSER

MARKET = "# The fish market opens\n\nThe fish market opens again in May. Forty stalls are let.\n"
BROKEN = b"%PDF-1.7 this is no PDF"
BOTH = "Has the harbour reopened on Monday, and the ferry to the island?"


@pytest.fixture(scope="module")
def open_library(browser: Any, make_newsroom: Any, serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A chat whose articles may be changed, and which fetches pages of the web."""
    made = make_newsroom(tmp_path_factory.mktemp("library"), allow_web_links=True)
    with serve(made.assistant, made.services) as made.url:
        yield made


@pytest.fixture
def library(open_library: Any) -> Any:
    """The same with the articles that it began with."""
    began = sorted(open_library.home.glob("*.md"))
    titles = {"The ferry is late", "The harbour reopens"}
    open_library.services.library.remove(
        [each.id for each in open_library.index.article_metadata() if each.title not in titles]
    )
    open_library.index.sync(began)
    return open_library


def titles(reader: Any) -> list[str]:
    """The articles that the list shows."""
    return list(reader.locator("#library li:visible .title").all_inner_texts())


def send(reader: Any, *files: tuple[str, bytes]) -> None:
    """Choose files to be added."""
    given = [{"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in files]
    reader.set_input_files("#files input[type=file]", given)


def tick(reader: Any, title: str) -> None:
    """Tick an article, and wait until the server knows."""
    reader.locator("#library li", has_text=title).locator("input").check()
    reader.wait_for_words("#library .count", "selected article")


def test_files_are_added_each_with_what_became_of_it_and_the_good_one_can_be_asked(reader: Any, library: Any) -> None:
    reader.open(library.url)
    assert "2 articles" in reader.inner_text(".status")
    reader.panel("library")
    assert titles(reader) == ["The ferry is late", "The harbour reopens"]
    send(reader, ("market.md", MARKET.encode()), ("broken.pdf", BROKEN))
    reader.wait_for_words("#upload-status .sum", "2 of 2 done, 1 could not be added")
    good, broken = (reader.locator("#upload-status li", has_text=name) for name in ("market.md", "broken.pdf"))
    assert good.locator(".state").inner_text() == "added"
    assert broken.locator(".state").inner_text() == "not added"
    assert broken.locator(".detail").inner_text()
    assert "/" not in broken.inner_text(), "where the server keeps it is nothing to a reader"
    reader.wait_for_words("#library .title", "The fish market opens")
    assert len(titles(reader)) == 3
    reader.wait_for_words(".status", "3 articles")
    tick(reader, "The fish market opens")
    reader.close_panel()
    reader.ask("When does the fish market open?")
    assert reader.locator(".reply .origin .title").first.text_content() == "The fish market opens"


def test_a_text_is_added_and_what_was_typed_is_cleared(reader: Any, library: Any) -> None:
    reader.open(library.url)
    reader.panel("library")
    reader.fill("#text-title input, #text-title textarea", "The mayor speaks")
    reader.fill("#text textarea", "The mayor will speak on Tuesday at noon.")
    reader.click("#adding >> text=Add text")
    reader.wait_for_words("#upload-status .state", "added")
    reader.wait_for_words("#library .title", "The mayor speaks")
    reader.wait_for_words(".status", "3 articles")
    reader.wait_for_function("document.querySelector('#text textarea').value === ''")
    assert reader.input_value("#text-title input, #text-title textarea") == ""


def test_a_text_that_is_empty_is_refused_and_its_title_stays(reader: Any, library: Any) -> None:
    reader.open(library.url)
    reader.panel("library")
    reader.fill("#text-title input, #text-title textarea", "Nothing")
    reader.click("#adding >> text=Add text")
    reader.wait_for_words("#upload-status .detail", "The text is empty")
    assert reader.input_value("#text-title input, #text-title textarea") == "Nothing"
    assert len(titles(reader)) == 2


def test_a_web_address_can_be_added_where_that_is_switched_on(reader: Any, library: Any) -> None:
    reader.open(library.url)
    reader.panel("library")
    reader.fill("#link input, #link textarea", "the front page")
    reader.click("#adding >> text=Add page")
    reader.wait_for_words("#upload-status .detail", "This is not a web address")
    assert reader.input_value("#link input, #link textarea") == "the front page"


def test_there_is_no_field_for_web_addresses_where_that_is_off(reader: Any, news: Any) -> None:
    reader.open(news.url)
    reader.panel("library")
    assert reader.locator("#text textarea").is_visible()
    assert reader.locator("#link:visible").count() == 0
    assert reader.locator("button:visible", has_text="Add page").count() == 0


def test_the_list_is_searched_by_any_of_its_words(reader: Any, news: Any) -> None:
    reader.open(news.url)
    reader.panel("library")
    reader.locator("#library-search").press_sequentially("evening")
    reader.wait_for_function("document.querySelectorAll('#library li:not([hidden])').length === 1")
    assert titles(reader) == ["The ferry is late"]
    reader.wait_for_function(
        "document.querySelectorAll('#library li').length === 1"
    )  # now the server has searched, too
    assert reader.evaluate("document.activeElement.id") == "library-search"
    assert reader.input_value("#library-search") == "evening"
    reader.locator("#library-search").fill("zeppelin")
    reader.wait_for_words("#library .rest", "No matching articles.")
    reader.locator("#library-search").fill("")
    reader.wait_for_function("document.querySelectorAll('#library li:not([hidden])').length === 2")


def test_typing_in_the_search_goes_on_while_the_list_comes_anew(reader: Any, news: Any) -> None:
    reader.open(news.url)
    reader.panel("library")
    reader.locator("#library-search").press_sequentially("the harbour", delay=130)
    reader.wait_for_function("document.querySelectorAll('#library li').length === 1")
    assert reader.input_value("#library-search") == "the harbour"
    assert titles(reader) == ["The harbour reopens"]


def test_only_what_is_ticked_answers(reader: Any, news: Any) -> None:
    reader.open(news.url)
    reader.panel("library")
    tick(reader, "The ferry is late")
    assert reader.inner_text("#library .count") == "Searching 1 selected article"
    assert reader.evaluate("document.activeElement.type") == "checkbox", "the keyboard stays where it was"
    reader.close_panel()
    reader.ask(BOTH)
    assert set(reader.locator(".reply .origin .title").all_text_contents()) == {"The ferry is late"}
    assert "Limited to: 1 selected" in reader.inner_text(".reply")
    reader.panel("library")
    reader.click("#library [data-do=untick]")
    reader.wait_for_words("#library .count", "Searching all 2 articles")
    reader.close_panel()
    reader.ask(BOTH)
    assert reader.locator(".reply >> nth=1").locator(".note").count() == 0


def test_what_is_ticked_stays_ticked_while_the_list_is_searched(reader: Any, news: Any) -> None:
    reader.open(news.url)
    reader.panel("library")
    tick(reader, "The ferry is late")
    reader.fill("#library-search", "harbour")
    reader.wait_for_function("document.querySelectorAll('#library li').length === 1")
    assert reader.inner_text("#library .count") == "Searching 1 selected article"
    reader.fill("#library-search", "")
    reader.wait_for_function("document.querySelectorAll('#library li').length === 2")
    assert reader.locator("#library li", has_text="ferry").locator("input").is_checked()


def test_removing_asks_first_and_can_be_called_off(reader: Any, library: Any) -> None:
    reader.open(library.url)
    reader.panel("library")
    tick(reader, "The ferry is late")
    reader.click("#library [data-do=remove]")
    reader.wait_for_words("#library-question", "Remove 1 article from the index?")
    reader.click("#library >> text=Cancel")
    reader.wait_for_selector("#library-question", state="detached")
    assert len(titles(reader)) == 2
    reader.click("#library [data-do=remove]")
    reader.click("#library >> text=Yes, remove")
    reader.wait_for_words("#upload-status .sum", "1 removed from the index")
    reader.wait_for_words(".status", "1 article")
    assert titles(reader) == ["The harbour reopens"]
    assert [article.title for article in library.index.article_metadata()] == ["The harbour reopens"]
    assert (library.home / "ferry.md").is_file(), "a file that is not ours stays where it is"


def test_an_article_is_opened_from_the_list_with_questions_about_it(reader: Any, library: Any) -> None:
    reader.open(library.url)
    reader.panel("library")
    reader.locator("#library li", has_text="The ferry is late").get_by_role("button").click()
    reader.wait_for_words("#article-pane h2", "The ferry is late")
    assert not reader.locator("#library-panel").is_visible()
    reader.locator("#article-pane .brief a").first.click()
    reader.wait_for_function("document.activeElement.id === 'place'")
    marked = reader.inner_text("#article-pane .story mark")
    assert marked == reader.locator("#article-pane .brief a").first.inner_text()


def test_on_a_phone_an_article_that_is_opened_from_the_list_covers_the_chat(another: Any, library: Any) -> None:
    phone = another(viewport={"width": 390, "height": 844})
    phone.open(library.url)
    phone.panel("library")
    phone.locator("#library li", has_text="The ferry is late").get_by_role("button").click()
    phone.wait_for_words("#article-pane h2", "The ferry is late")
    phone.wait_for_function("document.body.dataset.sheet === 'open'")
    phone.locator("#article-pane .back a").click()
    phone.wait_for_function("document.body.dataset.sheet === undefined")


def test_another_reader_sees_what_was_added_once_the_page_is_loaded_anew(another: Any, library: Any) -> None:
    one, other = another(), another()
    other.open(library.url)
    one.open(library.url)
    one.panel("library")
    send(one, ("market.md", MARKET.encode()))
    one.wait_for_words("#upload-status .state", "added")
    other.reload()
    other.wait_for_words(".status", "3 articles")


def test_a_phone_can_add_a_file(another: Any, library: Any) -> None:
    reader: Reader = another(viewport={"width": 360, "height": 740}, has_touch=True)
    reader.open(library.url)
    reader.panel("library")
    send(reader, ("a-name-without-any-place-to-break-" * 3 + ".md", MARKET.encode()), ("broken.pdf", BROKEN))
    reader.wait_for_words("#upload-status .sum", "2 of 2 done")
    assert reader.sideways() <= 0
    assert reader.eval_on_selector("#library-panel", "panel => panel.scrollWidth - panel.clientWidth") <= 0
