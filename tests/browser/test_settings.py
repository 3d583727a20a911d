"""How a question is answered is the reader's choice: by which model, from how many passages, of which articles."""

from __future__ import annotations

from typing import Any

import pytest
from readers import IN_A_BROWSER, Reader

pytestmark = IN_A_BROWSER

HARBOUR = "When did the harbour reopen after the storm?"
BOTH = "Has the harbour reopened on Monday, and the ferry to the island?"
DAYS = {"since": "#since input, #since textarea", "until": "#until input, #until textarea"}


@pytest.fixture
def at_news(reader: Reader, news: Any) -> Reader:
    """A reader who has opened the chat."""
    reader.open(news.url)
    return reader


def hits(reader: Any, turn: int) -> int:
    """How many passages were found for a question, cited or not."""
    reply = reader.locator(".reply").nth(turn - 1)
    cited = set(reply.locator("a.source .number").all_text_contents())
    return len(cited) + int(reply.locator('a.source[href^="#hit-"]').count())


def found_in(reader: Any, turn: int) -> set[str]:
    """The titles of the articles that were found for a question."""
    return set(reader.locator(".reply").nth(turn - 1).locator(".origin .title").all_text_contents())


def choose_model(reader: Any, name: str) -> None:
    """Type the name of a model, and take it."""
    reader.panel("settings")
    reader.click("#model input")
    reader.fill("#model input", name)
    reader.keyboard.press("Enter")
    reader.close_panel()


def test_the_settings_are_closed_at_first_and_one_panel_is_open_at_a_time(at_news: Any) -> None:
    assert (
        at_news.locator("#settings-panel, #history-panel, #library-panel").evaluate_all(
            "panels => panels.filter(panel => panel.checkVisibility()).length"
        )
        == 0
    )
    for name in ("settings", "library", "history"):
        panel = at_news.panel(name)
        assert panel.is_visible()
        assert at_news.locator("[id$='-panel']:visible").count() == 1
        assert at_news.get_attribute(f"button[data-panel={name}]", "aria-expanded") == "true"
    at_news.close_panel()
    assert at_news.locator("button[aria-expanded=true]").count() == 0


def test_the_models_that_are_offered_can_be_chosen(at_news: Any, news: Any) -> None:
    at_news.panel("settings")
    assert at_news.input_value("#model input") == "staged"
    at_news.click("#model input")
    offered = [text.replace("✓", "").strip() for text in at_news.locator("#model [role=option]").all_inner_texts()]
    models = news.services.model_catalog.models()
    assert offered == ["quotes only" if model == "extractive" else model for model in models]
    assert {"quotes only", "staged"} <= set(offered)
    at_news.click("#model [role=option] >> text=quotes only")
    at_news.close_panel()
    at_news.ask(HARBOUR)
    assert set(at_news.locator(".support").all_inner_texts()) == {"quoted"}, "nothing but quotes"


def test_a_model_that_is_not_offered_is_an_error_in_place_of_the_answer(at_news: Any) -> None:
    choose_model(at_news, "nobody:nothing")
    at_news.ask(HARBOUR)
    assert "'nobody:nothing' is not offered" in at_news.inner_text(".failure strong")
    assert "staged" in at_news.inner_text(".failure .hint")
    assert at_news.locator(".answer").count() == 0
    choose_model(at_news, "staged")
    at_news.click("#controls button >> text=Regenerate")
    at_news.wait_for_selector("a.cite")
    assert at_news.locator(".failure").count() == 0


def test_as_many_passages_are_used_as_were_chosen(at_news: Any) -> None:
    at_news.panel("settings")
    at_news.click("#model input")
    at_news.click("#model [role=option] >> text=quotes only")
    at_news.close_panel()
    at_news.ask(HARBOUR)
    at_news.panel("settings")
    at_news.fill("#passages input[type=number]", "2")
    at_news.keyboard.press("Tab")
    at_news.close_panel()
    at_news.ask(HARBOUR)
    assert (hits(at_news, 1), hits(at_news, 2)) == (5, 2)


def test_a_model_reads_only_the_best_passages_where_that_is_chosen(at_news: Any) -> None:
    at_news.ask(HARBOUR)
    at_news.panel("settings")
    at_news.fill("#passages input[type=number]", "1")
    at_news.keyboard.press("Tab")
    at_news.click("#scope input")
    at_news.click("#scope [role=option] >> text=The best passages")
    at_news.close_panel()
    at_news.ask(HARBOUR)
    assert hits(at_news, 2) < hits(at_news, 1) == 5


def test_sentences_that_no_passage_supports_are_left_out_where_that_is_chosen(at_news: Any) -> None:
    at_news.ask(HARBOUR)
    assert "The mayor resigned" in at_news.inner_text(".reply >> nth=0")
    at_news.panel("settings")
    at_news.check("#strict input")
    at_news.close_panel()
    at_news.ask(HARBOUR)
    second = at_news.locator(".reply").nth(1)
    assert "The mayor resigned" not in second.inner_text()
    assert "not confirmed" not in second.locator(".support").all_inner_texts()
    assert "Left out" in second.locator(".note").inner_text()


def test_only_articles_of_the_days_that_were_chosen_answer(at_news: Any) -> None:
    at_news.panel("settings")
    at_news.fill(DAYS["since"], "2024-02")
    at_news.close_panel()
    at_news.ask(BOTH)
    assert found_in(at_news, 1) == {"The harbour reopens"}
    assert "Limited to: since 2024-02" in at_news.inner_text(".reply")
    at_news.panel("settings")
    at_news.fill(DAYS["since"], "")
    at_news.fill(DAYS["until"], "2023")
    at_news.close_panel()
    at_news.ask(BOTH)
    assert found_in(at_news, 2) == {"The ferry is late"}
    at_news.panel("settings")
    at_news.fill(DAYS["until"], "1999")
    at_news.close_panel()
    at_news.ask(BOTH)
    last = at_news.locator(".reply").nth(2)
    assert last.locator(".abstained").inner_text().startswith("The articles do not say.")
    assert "No article is among those that were chosen." in last.inner_text()


def test_a_day_that_is_none_is_an_error_in_place_of_the_answer(at_news: Any) -> None:
    at_news.panel("settings")
    at_news.fill(DAYS["since"], "yesterday")
    at_news.close_panel()
    at_news.ask(HARBOUR)
    assert "yesterday" in at_news.inner_text(".failure")


def test_only_outlets_that_were_chosen_answer(at_news: Any) -> None:
    at_news.panel("settings")
    at_news.click("#sources input")
    assert set(at_news.locator("#sources [role=option]").all_inner_texts()) == {"daily.example", "The Evening Paper"}
    at_news.click("#sources [role=option] >> text=The Evening Paper")
    at_news.close_panel()
    at_news.ask(BOTH)
    assert found_in(at_news, 1) == {"The ferry is late"}
    assert "Limited to: The Evening Paper" in at_news.inner_text(".reply .note")


def test_asking_again_asks_the_same_articles_whatever_is_chosen_since(at_news: Any) -> None:
    at_news.panel("settings")
    at_news.fill(DAYS["since"], "2024-02")
    at_news.close_panel()
    at_news.ask(BOTH)
    at_news.panel("settings")
    at_news.fill(DAYS["since"], "2025")
    at_news.close_panel()
    at_news.click("#controls button >> text=Regenerate")
    at_news.wait_for_selector("#controls", state="hidden")
    at_news.wait_for_selector("#controls button:visible")
    assert found_in(at_news, 1) == {"The harbour reopens"}
    assert "since 2024-02" in at_news.inner_text(".reply .note")


def test_a_new_conversation_is_asked_as_was_chosen_before(at_news: Any) -> None:
    at_news.panel("settings")
    at_news.fill(DAYS["since"], "2024-02")
    at_news.close_panel()
    at_news.start_over()
    at_news.ask(BOTH)
    assert found_in(at_news, 1) == {"The harbour reopens"}
