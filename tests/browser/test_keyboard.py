"""All of it can be done without a pointer, and the focus never gets lost."""

from __future__ import annotations

from typing import Any

import pytest
from readers import IN_A_BROWSER, Reader

pytestmark = IN_A_BROWSER

REOPENED = "The harbour reopened on Monday after the storm."
HARBOUR = "When did the harbour reopen after the storm?"
MOST_STOPS = 40


@pytest.fixture
def at_news(reader: Reader, news: Any) -> Reader:
    """A reader who has opened the chat, and has the focus nowhere."""
    reader.open(news.url)
    reader.wait_for_selector("#starters button:visible")
    reader.evaluate("document.activeElement.blur()")
    return reader


def tab_to(reader: Any, selector: str, key: str = "Tab") -> list[str]:
    """Press Tab until the focus is there; the elements on the way, each of which must be seen to have it."""
    way: list[str] = []
    for _ in range(MOST_STOPS):
        reader.keyboard.press(key)
        if reader.evaluate("selector => document.activeElement.matches(selector)", selector):
            return way
        way.append(reader.evaluate("document.activeElement.outerHTML.slice(0, 120)"))
        assert reader.evaluate("document.activeElement.checkVisibility()"), way[-1]
    raise AssertionError(f"{selector} is not reached: {way}")


def test_the_question_box_has_the_focus_when_the_page_opens(reader: Any, news: Any) -> None:
    reader.open(news.url)
    reader.wait_for_function("document.activeElement.matches('#question textarea')")


def test_a_reader_tabs_from_the_top_asks_opens_a_citation_and_comes_back(at_news: Any) -> None:
    way = tab_to(at_news, "#question textarea")
    assert [word for word in ("New chat", "History", "Articles", "Settings") if word not in str(way)] == []
    assert not [stop for stop in way if "panel-head" in stop or 'data-do="close-panel"' in stop], "closed panels"
    at_news.keyboard.type(HARBOUR)
    at_news.keyboard.press("Enter")
    at_news.wait_for_selector("#follow-ups button:visible")
    tab_to(at_news, "a.cite", "Shift+Tab")
    at_news.wait_for_function("!document.querySelector('#citation-card').hidden")
    at_news.keyboard.press("Escape")
    assert at_news.locator("#citation-card").is_hidden()
    assert at_news.evaluate("document.activeElement.matches('a.cite')"), "only the card goes"
    opened = at_news.evaluate("document.activeElement.getAttribute('href')")
    at_news.keyboard.press("Enter")
    at_news.wait_for_function("document.activeElement.id === 'place'")
    assert at_news.in_view("#place")
    at_news.keyboard.press("Escape")
    at_news.wait_for_function("document.activeElement.matches('a.cite')")
    assert at_news.evaluate("document.activeElement.getAttribute('href')") == opened


@pytest.mark.parametrize("name", ["history", "library", "settings"])
def test_a_panel_is_opened_by_enter_closed_by_escape_and_by_its_button(at_news: Any, name: str) -> None:
    button = f"button[data-panel={name}]"
    for way in ("Escape", "Close", "button"):
        tab_to(at_news, button)
        at_news.keyboard.press("Enter")
        at_news.wait_for_selector(f"#{name}-panel:visible")
        assert at_news.evaluate(f"document.activeElement.matches('#{name}-panel h2')"), "reading begins at its head"
        if way == "Escape":
            at_news.keyboard.press("Escape")
        elif way == "Close":
            tab_to(at_news, f"#{name}-panel [data-do=close-panel]")
            at_news.keyboard.press("Enter")
        else:
            at_news.focus(button)
            at_news.keyboard.press("Enter")
        at_news.wait_for_selector(f"#{name}-panel", state="hidden")
        assert at_news.evaluate(f"document.activeElement.matches('{button}')"), way
        assert at_news.get_attribute(button, "aria-expanded") == "false"
        at_news.evaluate("document.activeElement.blur()")


def test_the_tab_key_goes_on_from_the_head_of_a_panel_into_it(at_news: Any) -> None:
    at_news.panel("settings")
    way = tab_to(at_news, "#since input, #since textarea")
    assert len(way) < 10, way
    assert not [stop for stop in way if "data-panel" in stop], "not back to the top of the page"


def test_an_article_is_ticked_and_unticked_by_the_space_bar(at_news: Any) -> None:
    at_news.panel("library")
    tab_to(at_news, "#library li input")
    at_news.keyboard.press("Space")
    at_news.wait_for_words("#library .count", "Searching 1 selected article")
    assert at_news.evaluate("document.activeElement.matches('#library li input')"), "though the list came anew"
    at_news.keyboard.press("Space")
    at_news.wait_for_words("#library .count", "Searching all 2 articles")


def test_calling_off_a_removal_leaves_the_focus_in_the_list(at_news: Any) -> None:
    at_news.panel("library")
    at_news.check("#library li input >> nth=0")
    at_news.wait_for_selector("#library [data-do=remove]")
    at_news.focus("#library [data-do=remove]")
    at_news.keyboard.press("Enter")
    at_news.wait_for_selector("#library-question")
    assert at_news.evaluate("!!document.activeElement.closest('#library')"), "the question has the focus"
    at_news.focus("#library [data-do=keep]")
    at_news.keyboard.press("Enter")
    at_news.wait_for_selector("#library-question", state="detached")
    assert at_news.evaluate("!!document.activeElement.closest('#library')"), "and then the list"


def test_a_conversation_is_opened_and_renamed_by_keys(at_news: Any) -> None:
    at_news.ask(HARBOUR)
    at_news.keyboard.press("Escape")
    at_news.panel("history")
    tab_to(at_news, "#history [data-do=rename]")
    at_news.keyboard.press("Enter")
    at_news.keyboard.type("The port")
    at_news.keyboard.press("Enter")
    at_news.wait_for_words("#history .title", "The port")
    assert at_news.evaluate("!!document.activeElement.closest('#history-panel')"), "the focus stays in the panel"
    tab_to(at_news, "#history .title")
    at_news.keyboard.press("Enter")
    at_news.wait_for_selector("#history-panel", state="hidden")
    assert at_news.locator(".question").all_inner_texts() == [HARBOUR]
    assert at_news.evaluate("document.activeElement !== document.body"), "the focus is somewhere"


def test_a_new_conversation_puts_the_focus_into_the_box(at_news: Any) -> None:
    at_news.ask(HARBOUR)
    at_news.focus("[data-do=new]")
    at_news.keyboard.press("Enter")
    at_news.wait_for_function("document.querySelectorAll('.reply').length === 0")
    at_news.wait_for_function("document.activeElement.matches('#question textarea, [data-do=new]')")


def test_shift_enter_begins_a_new_line_and_asks_nothing(at_news: Any) -> None:
    at_news.fill("#question textarea", "When did the harbour")
    at_news.keyboard.press("Shift+Enter")
    at_news.keyboard.type("reopen?")
    assert at_news.input_value("#question textarea") == "When did the harbour\nreopen?"
    assert at_news.locator(".reply").count() == 0
