"""The page in the language of its reader."""

from __future__ import annotations

from typing import Any

import pytest
from readers import IN_A_BROWSER, Reader

from ui.i18n.translate import CHINESE

pytestmark = IN_A_BROWSER

HARBOUR = "When did the harbour reopen after the storm?"


@pytest.fixture
def in_chinese(another: Any, news: Any) -> Reader:
    """A reader whose browser asks for Chinese."""
    reader: Reader = another(locale="zh-CN")
    reader.goto(news.url)
    reader.wait_for_words("#masthead nav button", CHINESE["Settings"])
    return reader


def test_the_page_says_which_language_it_is_in(in_chinese: Any, another: Any, news: Any) -> None:
    assert in_chinese.evaluate("document.documentElement.lang") == "zh"
    for locale in ("en-GB", "de-DE"):
        other = another(locale=locale)
        other.open(news.url)
        assert other.evaluate("document.documentElement.lang") == "en"
        assert other.inner_text("button[data-panel=settings]") == "Settings"


def test_parts_of_the_framework_and_our_own_are_in_chinese(in_chinese: Any) -> None:
    in_chinese.wait_for_function(
        "words => document.querySelector('#question textarea').placeholder === words", arg=CHINESE["Your question"]
    )
    assert in_chinese.inner_text("#question .submit-button") == CHINESE["Ask"]
    for panel, words in (("history", "History"), ("library", "Articles"), ("settings", "Settings")):
        assert in_chinese.inner_text(f"button[data-panel={panel}]") == CHINESE[words]
        assert in_chinese.panel(panel).locator("h2").inner_text() == CHINESE[words]
    assert CHINESE["Passages per answer"] in in_chinese.inner_text("#settings-panel")


def test_an_answer_is_judged_and_dated_in_chinese(in_chinese: Any) -> None:
    in_chinese.begin(HARBOUR)
    in_chinese.wait_for_selector("#controls button:visible")
    assert in_chinese.locator(".support").all_inner_texts()[:2] == [CHINESE["quoted"], CHINESE["supported"]]
    assert in_chinese.inner_text(".sources-title >> nth=0") == CHINESE["Sources"]
    assert in_chinese.locator("button.act").first.inner_text() == CHINESE["Copy with sources"]
    day = CHINESE["{day} {month} {year}"].format(day=24, month=CHINESE["February"], year=2024)
    assert day in in_chinese.inner_text(".origin .byline >> nth=0")
    assert in_chinese.inner_text("#controls button >> nth=0") == CHINESE["Regenerate"]


def test_that_the_articles_do_not_say_is_said_in_chinese(in_chinese: Any) -> None:
    in_chinese.begin("How far is the moon?")
    in_chinese.wait_for_words(".abstained > p", CHINESE["The articles do not say."])
    assert in_chinese.inner_text(".abstained .sources-title") == CHINESE["Closest passages"]
