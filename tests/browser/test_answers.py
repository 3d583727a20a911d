"""What a reader sees of an answer: where it stands, how well it is supported, and what to ask next."""

from __future__ import annotations

from typing import Any

import pytest
from readers import IN_A_BROWSER, Reader

pytestmark = IN_A_BROWSER

REOPENED = "The harbour reopened on Monday after the storm."
SAILS = "The ferry to the island sails every hour."
HARBOUR = "When did the harbour reopen after the storm?"
BOTH = "Has the harbour reopened on Monday, and the ferry to the island?"
SLOWLY = "Tell slowly: when did the harbour reopen after the storm?"
FAR = "How far is the moon?"


@pytest.fixture
def at_news(reader: Reader, news: Any) -> Reader:
    """A reader who has opened the chat."""
    reader.open(news.url)
    return reader


def test_the_article_stands_beside_the_answer_with_its_title_outlet_date_and_a_link_to_the_original(
    at_news: Any,
) -> None:
    at_news.ask(HARBOUR)
    at_news.wait_for_selector("#article-pane mark.evidence")
    assert at_news.inner_text("#article-pane h2") == "The harbour reopens"
    assert at_news.inner_text("#article-pane .byline").startswith("daily.example · Ann Lee · 24 February 2024")
    original = at_news.locator("#article-pane a.original")
    assert original.get_attribute("href") == "https://daily.example/harbour"
    assert original.get_attribute("target") == "_blank"
    assert {"noopener", "noreferrer"} <= set(original.get_attribute("rel").split())


def test_an_article_that_comes_from_no_web_address_links_nowhere(at_news: Any) -> None:
    at_news.ask("How often does the ferry sail?")
    at_news.wait_for_words("#article-pane h2", "The ferry is late")
    assert at_news.locator("#article-pane a.original").count() == 0


@pytest.mark.parametrize("by", ["click", "Enter"])
def test_a_citation_marks_the_words_strongly_and_their_passage_softly(at_news: Any, by: str) -> None:
    at_news.ask(HARBOUR)
    link = at_news.locator("a.cite").first
    if by == "click":
        link.click()
    else:
        link.focus()
        at_news.keyboard.press("Enter")
    at_news.wait_for_function("document.activeElement.id === 'place'")
    assert at_news.marked() == REOPENED
    softly = "".join(at_news.locator("#article-pane .passage").all_text_contents())
    assert softly.startswith(REOPENED)
    assert len(softly) > len(REOPENED)
    strong, soft = (
        at_news.eval_on_selector(f"#article-pane {which}", "mark => getComputedStyle(mark).backgroundColor")
        for which in ("mark.evidence", "span.passage")
    )
    assert strong != soft


@pytest.mark.parametrize("by", ["hover", "focus"])
def test_a_card_shows_the_quote_to_pointer_and_keyboard(at_news: Any, by: str) -> None:
    at_news.ask(HARBOUR)
    getattr(at_news.locator("a.cite").first, by)()
    card = at_news.locator("#citation-card")
    card.wait_for(state="visible")
    assert REOPENED in card.locator(".quote").inner_text()
    assert card.locator(".title").inner_text() == "The harbour reopens"


def test_the_pane_follows_citations_of_several_articles(at_news: Any) -> None:
    at_news.ask(BOTH)
    assert at_news.locator("a.cite").all_text_contents() == ["[1]", "[5]"], "passages are numbered in reading order"
    for number, title, words in ((1, "The ferry is late", SAILS), (0, "The harbour reopens", REOPENED)):
        at_news.locator("a.cite").nth(number).click()
        at_news.wait_for_words("#article-pane h2", title)
        at_news.wait_for_function("document.activeElement.id === 'place'")
        assert at_news.marked() == words


def test_noise_in_an_article_is_dimmed_and_not_hidden(at_news: Any) -> None:
    at_news.ask(HARBOUR)
    boilerplate = at_news.locator("#article-pane .boilerplate", has_text="Advertisement")
    boilerplate.wait_for(state="visible")
    ink, dimmed = (
        at_news.eval_on_selector(f"#article-pane {which}", "element => getComputedStyle(element).color")
        for which in (".story", ".boilerplate")
    )
    assert ink != dimmed


def test_each_sentence_says_in_words_how_well_it_is_supported(at_news: Any) -> None:
    at_news.ask(HARBOUR)
    assert at_news.locator(".support").all_inner_texts() == ["quoted", "supported", "partly supported", "not confirmed"]


def test_that_the_articles_do_not_say_is_a_state_of_its_own(at_news: Any) -> None:
    at_news.ask(FAR)
    assert at_news.inner_text(".abstained > p >> nth=0") == "The articles do not say."
    assert at_news.locator("a.cite, .support").count() == 0
    assert at_news.locator(".abstained .sources-title").all_inner_texts() == ["Closest passages"]
    assert at_news.locator('.abstained a.source[href^="#hit-"]:visible').count() == 3


def test_sources_are_listed_and_what_was_found_beside_them_is_folded(at_news: Any) -> None:
    at_news.ask(BOTH)
    assert at_news.locator(".reply .sources-title").all_inner_texts() == ["Sources"]
    quotes = at_news.locator("ol.sources .quote:visible").all_inner_texts()
    assert quotes == [f"“{REOPENED}”", f"“{SAILS}”"]
    assert at_news.inner_text("details.also summary") == "3 passages found but not cited"
    at_news.click("details.also summary")
    at_news.wait_for_selector('details.also a[href^="#hit-"]:visible >> nth=2')
    at_news.click('details.also a[href^="#hit-"] >> nth=0')
    at_news.wait_for_selector("#article-pane .passage")
    assert at_news.locator("#article-pane mark").count() == 0, "what is not cited is not marked as evidence"


def test_what_was_found_is_there_before_the_first_word(
    reader: Any, fleet: Any, scripted_assistant: Any, serve: Any
) -> None:
    assistant = scripted_assistant(fleet, pause=1)
    with serve(assistant) as url:
        reader.open(url)
        reader.begin("number 40 Aurora40")
        reader.wait_for_words(".answer .working", "Reading 4 passages…")
        reader.wait_for_words(".answer details.also summary", "4 passages found")
        assistant.pause = 0.01
        reader.wait_for_selector("a.cite")


def test_editing_an_earlier_question_takes_back_all_that_came_after_it(at_news: Any) -> None:
    for question in (HARBOUR, "How often does the ferry sail?", FAR):
        at_news.ask(question)
    at_news.click("#act-edit-2")
    at_news.wait_for_function("document.querySelectorAll('.reply').length === 1")
    assert at_news.input_value("#question textarea") == "How often does the ferry sail?"
    assert at_news.locator(".question").all_inner_texts() == [HARBOUR]
    at_news.ask(BOTH)
    assert at_news.locator(".question").all_inner_texts() == [HARBOUR, BOTH]
    at_news.click("a.cite >> nth=-1")
    at_news.wait_for_function("document.activeElement.id === 'place'")
    assert at_news.marked() == SAILS


def test_what_went_wrong_stands_where_the_answer_would_and_the_question_can_be_edited(at_news: Any) -> None:
    at_news.ask("Who fails?")
    assert at_news.locator(".failure .hint").inner_text()
    assert at_news.locator("button.act:visible").all_inner_texts() == ["Edit question"]
    at_news.click("button.act")
    at_news.wait_for_function("document.querySelectorAll('.reply').length === 0")
    assert at_news.input_value("#question textarea") == "Who fails?"


def test_three_questions_to_go_on_with_follow_an_answer_and_one_is_asked_by_a_click(reader: Any, samples: str) -> None:
    reader.open(samples)
    reader.ask("Who founded 360 Security Technology?")
    reader.wait_for_selector("#follow-ups button:visible >> nth=2")
    offered = reader.locator("#follow-ups button:visible").all_inner_texts()
    assert len(set(offered)) == 3
    reader.click("#follow-ups button >> nth=1")
    reader.wait_for_function("document.querySelectorAll('.reply .actions').length === 2")
    assert reader.locator(".question").last.inner_text() == offered[1]
    assert reader.locator(".reply >> nth=1").locator("a.cite").count() > 0
    reader.wait_for_selector("#follow-ups button:visible")
    assert offered[1] not in reader.locator("#follow-ups button:visible").all_inner_texts()


def test_a_question_that_leans_on_the_one_before_is_shown_as_it_was_searched_for(reader: Any, samples: str) -> None:
    reader.open(samples)
    reader.ask("Who founded 360 Security Technology?")
    assert reader.locator(".note", has_text="Searched for").count() == 0
    reader.ask("What did he liken the arrival of Sora to?")
    searched = reader.inner_text(".reply >> nth=1 >> .note")
    assert searched == "Searched for: What did Zhou Hongyi liken the arrival of Sora to?"


WATCH = """() => {
  window.tops = [];
  const look = () => {
    window.tops.push(document.querySelector('#question').getBoundingClientRect().top);
    requestAnimationFrame(look);
  };
  look();
}"""


def test_the_box_stays_where_it_is_from_the_question_to_the_end_of_the_answer(at_news: Any) -> None:
    at_news.wait_for_selector("#starters button:visible")
    at_news.evaluate(WATCH)
    at_news.ask(SLOWLY)
    at_news.wait_for_selector("#follow-ups button:visible")
    at_news.ask(HARBOUR)
    tops = at_news.evaluate("window.tops")
    assert len(tops) > 20
    assert max(tops) - min(tops) <= 1, sorted({round(top) for top in tops})


def test_the_end_of_the_answer_is_seen_while_it_is_written(at_news: Any) -> None:
    at_news.begin(SLOWLY)
    at_news.wait_for_selector("a.cite >> nth=8")
    at_news.wait_for_function("""() => {
      const box = document.querySelector('#question').getBoundingClientRect();
      const last = [...document.querySelectorAll('a.cite')].at(-1).getBoundingClientRect();
      return last.bottom > 0 && last.top < box.top;
    }""")
    at_news.wait_for_selector("#controls button:visible")


def test_of_a_long_conversation_the_last_questions_are_shown_and_a_click_shows_the_others(
    at_news: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("render.exchange", "handlers.conversations"):
        monkeypatch.setattr(f"ui.chat.{module}.MOST_SHOWN", 2)
    at_news.ask(HARBOUR)
    at_news.ask("How often does the ferry sail?")
    at_news.begin(FAR)
    at_news.wait_for_selector(".reply #act-good-3")
    at_news.wait_for_selector("#controls button:visible")
    shown = at_news.locator("#conversation .question")
    assert shown.all_inner_texts() == ["How often does the ferry sail?", FAR]
    at_news.click("text=Show earlier questions: 1")
    at_news.wait_for_words("#conversation .question", HARBOUR)
    assert shown.count() == 3
    at_news.click("a[href='#cite-1-1'] >> nth=0")
    at_news.wait_for_function("document.activeElement.id === 'place'")
    assert at_news.marked() == REOPENED
    at_news.click("#act-good-1")
    at_news.wait_for_selector("#act-good-1.chosen")
    assert shown.count() == 3, "what is judged stays in sight"
