"""The chat as a reader meets it, in a real browser."""

from __future__ import annotations

from typing import Any

from readers import IN_A_BROWSER

from index import Article

pytestmark = IN_A_BROWSER

QUESTION = "Who founded 360 Security Technology?"
SENTENCE = "One of the bluntest comments came from Zhou Hongyi, who founded 360 Security Technology"


def test_a_question_is_answered_with_a_citation_and_its_article_opens_at_the_quote(reader: Any, samples: str) -> None:
    reader.open(samples)
    assert reader.title() == "citechat"
    assert reader.locator("h1").all_text_contents() == ["citechat"]
    reader.ask(QUESTION)
    assert reader.locator("a.cite").first.text_content() == "[1]"
    assert reader.locator(".support").first.text_content() == "quoted"
    reader.wait_for_selector("#article-pane mark.evidence")
    assert reader.marked().startswith(SENTENCE)
    assert reader.in_view("#place")


def test_an_answer_is_seen_as_it_is_written(reader: Any, fleet: Article, scripted_assistant: Any, serve: Any) -> None:
    assistant = scripted_assistant(fleet, pause=2)  # is still writing when a busy machine has looked
    with serve(assistant) as url:
        reader.open(url)
        reader.begin("number 40 Aurora40")
        reader.wait_for_function("/^Ship num/.test(document.querySelector('.answer')?.textContent ?? '')")
        assert reader.locator("a.cite").count() == 0, "no link before the sentence is finished"
        assert reader.locator("#question .stop-button").is_visible()
        assistant.pause = 0.01
        reader.wait_for_selector("a.cite")
        answer = reader.locator(".answer p").first.text_content()
        assert answer.split(".") == ["Ship number 40 of the fleet is named Aurora40", "\xa0[1] quoted"]


def test_a_click_on_a_citation_marks_the_exact_quote_and_scrolls_to_it(reader: Any, scripted: str) -> None:
    reader.open(scripted)
    reader.ask("number 70 Aurora70")
    reader.ask("number 3 Aurora3")
    reader.wait_for_function("document.querySelector('#place')?.textContent.includes('Aurora3.')")
    reader.click("a.cite >> nth=0")
    reader.wait_for_function("document.querySelector('#place')?.textContent.includes('Aurora70')")
    assert reader.marked() == "Ship number 70 of the fleet is named Aurora70."
    reader.wait_for_function("document.activeElement.id === 'place'")
    assert reader.in_view("#place")
    assert reader.url == scripted, "the link is not followed; the conversation stays"
    assert reader.locator(".reply").count() == 2


def test_enter_on_a_citation_does_what_a_click_does_and_escape_returns(reader: Any, scripted: str) -> None:
    reader.open(scripted)
    reader.ask("number 50 Aurora50")
    reader.focus("a.cite")
    reader.wait_for_function("!document.querySelector('#citation-card').hidden")
    assert "Ship number 50" in reader.locator("#citation-card").text_content()
    reader.keyboard.press("Enter")
    reader.wait_for_function("document.activeElement.id === 'place'")
    assert reader.marked() == "Ship number 50 of the fleet is named Aurora50."
    reader.keyboard.press("Escape")
    reader.wait_for_function("document.activeElement.matches('a.cite')")


def test_the_page_survives_a_click_when_its_address_has_a_query(reader: Any, scripted: str) -> None:
    """The page has a <base>: following a bare anchor would load it anew."""
    reader.open(scripted + "?__theme=dark")
    reader.ask("number 9 Aurora9")
    reader.click("a.source >> nth=0")
    reader.wait_for_function("document.activeElement.id === 'place'")
    assert reader.locator(".reply").count() == 1


def test_a_card_shows_title_date_and_quote_of_the_citation_under_the_pointer(reader: Any, scripted: str) -> None:
    reader.open(scripted)
    reader.ask("number 12 Aurora12")
    reader.hover("a.cite")
    card = reader.locator("#citation-card")
    card.wait_for(state="visible")
    assert card.locator(".title").text_content() == "The fleet"
    assert card.locator(".byline").text_content() == "The Daily · 24 February 2024"
    assert "Aurora12" in card.locator(".quote").text_content()
    reader.keyboard.press("Escape")
    card.wait_for(state="hidden")


def test_what_the_articles_do_not_say_is_said_without_a_citation(reader: Any, samples: str) -> None:
    reader.open(samples)
    reader.ask("How tall is Mount Kilimanjaro?")
    assert reader.locator(".abstained").text_content().startswith("I found nothing about this in 1 article.")
    assert reader.locator("a.cite").count() == 0
    assert reader.locator("#article-pane mark").count() == 0
    reader.click('a[href^="#hit-1-"] >> nth=0')
    reader.wait_for_selector("#article-pane .passage")
    assert reader.locator("#article-pane mark").count() == 0, "a nearest passage is shown, not claimed as evidence"


def test_a_hostile_article_stays_text_and_calls_nobody(reader: Any, scripted: str, hostile_article: Article) -> None:
    reader.open(scripted)
    reader.ask("harbour reopened storm")
    reader.ask("onerror <img src=http://evil.example/q> ![x](http://evil.example/q) [a](javascript:1)")
    reader.ask("[click](javascript:window.broken=1) bare www.evil.example")
    for number in range(reader.locator("a.cite").count()):
        reader.locator("a.cite").nth(number).click()
        reader.wait_for_timeout(300)
        reader.locator("a.cite").nth(number).hover()
    for summary in reader.locator("summary").all():
        summary.click()
    reader.wait_for_timeout(500)
    assert reader.foreign == []
    assert reader.evaluate("window.broken") is None
    assert reader.locator("#article-pane h2").text_content() == hostile_article.title
    assert reader.locator("#conversation img, #article-pane img, #conversation audio, #article-pane style").count() == 0
    links = reader.eval_on_selector_all(
        "#conversation a, #article-pane a:not(.original)", "all => all.map(a => a.getAttribute('href'))"
    )
    assert links
    assert all(link.startswith(("#cite-", "#hit-", "#back")) for link in links)
    original = reader.locator("#article-pane a.original")
    assert original.get_attribute("href") == hostile_article.source, "followed only by a reader who chooses it"
    assert original.get_attribute("target") == "_blank"
    assert {"noopener", "noreferrer"} <= set(original.get_attribute("rel").split())
    assert reader.locator("#place").count() == 1
    assert reader.title() == "citechat"


def test_an_answer_can_be_stopped_and_what_was_written_stays(
    reader: Any, fleet: Article, scripted_assistant: Any, serve: Any
) -> None:
    assistant = scripted_assistant(fleet, pause=2)  # is still writing when a busy machine has got round to clicking
    with serve(assistant) as url:
        reader.open(url)
        reader.begin("number 33 Aurora33")
        reader.wait_for_function("/^Ship/.test(document.querySelector('.answer')?.textContent ?? '')")
        assistant.pause = 0.01
        reader.click("#question .stop-button")
        reader.wait_for_selector("text=Stopped.")
        assert reader.locator(".answer").text_content().startswith("Ship")
        assert reader.locator("a.cite").count() == 0
        reader.click("#controls button >> text=Regenerate")
        reader.wait_for_selector("a.cite")
        reader.wait_for_selector("#controls button")
        assert reader.locator(".reply").count() == 1


def test_a_question_can_be_taken_back_and_a_new_conversation_begun(reader: Any, scripted: str) -> None:
    reader.open(scripted)
    reader.ask("number 8 Aurora8")
    reader.click("#controls button >> text=Undo")
    reader.wait_for_function("document.querySelector('#question textarea').value === 'number 8 Aurora8'")
    assert reader.locator(".reply").count() == 0
    assert reader.locator("#article-pane mark").count() == 0
    reader.ask("number 7 Aurora7")
    reader.start_over()
    reader.wait_for_selector("#article-pane mark", state="detached")
    assert reader.input_value("#question textarea") == ""


def test_a_starter_question_is_asked_by_a_click(reader: Any, samples: str) -> None:
    reader.open(samples)
    reader.wait_for_selector("#starters button:visible")
    label = reader.locator("#starters button").first.text_content().strip()
    reader.locator("#starters button").first.click()
    reader.wait_for_selector("a.cite")
    assert reader.locator(".question").text_content() == label


def test_an_empty_index_says_what_to_do(reader: Any, scripted_assistant: Any, serve: Any) -> None:
    with serve(scripted_assistant()) as url:
        reader.open(url)
        reader.wait_for_selector("text=citechat index PATH")
        assert "no articles" in reader.locator(".status").text_content()
        assert reader.locator("#starters button:visible").count() == 0


def test_everything_that_can_be_used_has_a_name(reader: Any, scripted: str) -> None:
    reader.open(scripted)
    reader.ask("number 5 Aurora5")
    names = reader.eval_on_selector_all(
        "button, textarea, input, a[href], [role=region], [role=log]",
        """all => all.filter(e => e.checkVisibility()).map(e => [e.outerHTML.slice(0, 120),
             e.getAttribute('aria-label') || e.labels?.[0]?.textContent.trim() || e.textContent.trim()])""",
    )
    assert [tag for tag, name in names if not name] == []
    assert not [name for _, name in names if "<" in name], "no markup is read out"
    assert reader.locator("#conversation [aria-label*='<']").count() == 0
    assert reader.evaluate("document.documentElement.lang") == "en"


def test_the_only_article_is_open_from_the_start(reader: Any, samples: str) -> None:
    reader.open(samples)
    reader.wait_for_words("#article-pane .brief summary", "In brief")
    sentences = reader.locator("#article-pane .brief a").all_inner_texts()
    assert 3 <= len(sentences) <= 6
    story = " ".join(reader.text_content("#article-pane .story").split())
    assert all(sentence in story for sentence in sentences)
    reader.wait_for_function("document.querySelectorAll('#starters button').length === 3")
    assert reader.locator("#starters button:visible").count() == 3
