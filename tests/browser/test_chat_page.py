"""The chat as a reader meets it, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from index import Article
from rag import build_assistant, load_settings

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
    ),
]

QUESTION = "Who founded 360 Security Technology?"
SENTENCE = "One of the bluntest comments came from Zhou Hongyi, who founded 360 Security Technology"
PATIENCE = 30_000


@pytest.fixture(scope="module")
def samples(browser: Any, samples_home: Path, serve: Any) -> Iterator[str]:
    """A chat over the samples with the real model."""
    with serve(build_assistant(load_settings(home=samples_home))) as url:
        yield url


def _fleet() -> Article:
    lines = [f"Ship number {n} of the fleet is named Aurora{n}." for n in range(80)]
    return Article("fleet", "The fleet", "The Daily", "\n\n".join(lines), "2024-02-24")


@pytest.fixture(scope="module")
def scripted(browser: Any, scripted_assistant: Any, hostile_article: Article, serve: Any) -> Iterator[str]:
    """A chat that answers slowly, word by word, from one harmless and one hostile article."""
    with serve(scripted_assistant(_fleet(), hostile_article, pause=0.15)) as url:
        yield url


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A fresh window of 1280 × 800, with every request to another host and every script error written down."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page = context.new_page()
    page.foreign, page.errors = [], []
    page.on("request", lambda request: page.foreign.append(request.url) if _foreign(request.url) else None)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


def _foreign(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "data:", "blob:"))


def open_chat(page: Any, url: str) -> None:
    page.goto(url)
    page.wait_for_selector("#question textarea")


def ask(page: Any, question: str) -> None:
    """Ask, and wait until the answer is complete."""
    page.fill("#question textarea", question)
    page.keyboard.press("Enter")
    page.wait_for_selector("#controls button")


def marked(page: Any) -> str:
    """The words that are strongly marked in the article."""
    return "".join(page.locator("#article-pane mark.evidence").all_text_contents())


def in_view(page: Any, selector: str) -> bool:
    """Whether the element is inside its scrolling parent and inside the window."""
    return bool(
        page.eval_on_selector(
            selector,
            """element => {
              const box = element.getBoundingClientRect();
              const story = element.closest('.story').getBoundingClientRect();
              return box.top >= story.top && box.top < story.bottom && box.top >= 0 && box.top < innerHeight;
            }""",
        )
    )


def test_a_question_is_answered_with_a_citation_and_its_article_opens_at_the_quote(page: Any, samples: str) -> None:
    open_chat(page, samples)
    assert page.title() == "citechat"
    assert page.locator("h1").all_text_contents() == ["citechat"]
    ask(page, QUESTION)
    assert page.locator("a.cite").first.text_content() == "[1]"
    assert page.locator(".support").first.text_content() == "quoted"
    page.wait_for_selector("#article-pane mark.evidence")
    assert marked(page).startswith(SENTENCE)
    assert in_view(page, "#place")
    assert page.errors == []


def test_an_answer_is_seen_as_it_is_written(page: Any, scripted: str) -> None:
    open_chat(page, scripted)
    page.fill("#question textarea", "number 40 Aurora40")
    page.keyboard.press("Enter")
    page.wait_for_function("/^Ship num/.test(document.querySelector('.answer')?.textContent ?? '')")
    assert page.locator("a.cite").count() == 0, "no link before the sentence is finished"
    assert page.locator("#question .stop-button").is_visible()
    page.wait_for_selector("a.cite")
    answer = page.locator(".answer p").first.text_content()
    assert answer.split(".") == ["Ship number 40 of the fleet is named Aurora40", "\xa0[1] quoted"]


def test_a_click_on_a_citation_marks_the_exact_quote_and_scrolls_to_it(page: Any, scripted: str) -> None:
    open_chat(page, scripted)
    ask(page, "number 70 Aurora70")
    ask(page, "number 3 Aurora3")
    page.wait_for_function("document.querySelector('#place')?.textContent.includes('Aurora3.')")
    page.click("a.cite >> nth=0")
    page.wait_for_function("document.querySelector('#place')?.textContent.includes('Aurora70')")
    assert marked(page) == "Ship number 70 of the fleet is named Aurora70."
    page.wait_for_function("document.activeElement.id === 'place'")
    assert in_view(page, "#place")
    assert page.url == scripted, "the link is not followed; the conversation stays"
    assert page.locator(".reply").count() == 2


def test_enter_on_a_citation_does_what_a_click_does_and_escape_returns(page: Any, scripted: str) -> None:
    open_chat(page, scripted)
    ask(page, "number 50 Aurora50")
    page.focus("a.cite")
    page.wait_for_function("!document.querySelector('#citation-card').hidden")
    assert "Ship number 50" in page.locator("#citation-card").text_content()
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'place'")
    assert marked(page) == "Ship number 50 of the fleet is named Aurora50."
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.matches('a.cite')")


def test_the_page_survives_a_click_when_its_address_has_a_query(page: Any, scripted: str) -> None:
    """The page has a <base>: following a bare anchor would load it anew."""
    open_chat(page, scripted + "?__theme=dark")
    ask(page, "number 9 Aurora9")
    page.click("a.source >> nth=0")
    page.wait_for_function("document.activeElement.id === 'place'")
    assert page.locator(".reply").count() == 1


def test_a_card_shows_title_date_and_quote_of_the_citation_under_the_pointer(page: Any, scripted: str) -> None:
    open_chat(page, scripted)
    ask(page, "number 12 Aurora12")
    page.hover("a.cite")
    card = page.locator("#citation-card")
    card.wait_for(state="visible")
    assert card.locator(".title").text_content() == "The fleet"
    assert card.locator(".byline").text_content() == "The Daily · 24 February 2024"
    assert "Aurora12" in card.locator(".quote").text_content()
    page.keyboard.press("Escape")
    card.wait_for(state="hidden")


def test_what_the_articles_do_not_say_is_said_without_a_citation(page: Any, samples: str) -> None:
    open_chat(page, samples)
    ask(page, "How tall is Mount Kilimanjaro?")
    assert page.locator(".abstained").text_content().startswith("The articles do not say.")
    assert page.locator("a.cite").count() == 0
    assert page.locator("#article-pane mark").count() == 0
    page.click('a[href^="#hit-1-"] >> nth=0')
    page.wait_for_selector("#article-pane .passage")
    assert page.locator("#article-pane mark").count() == 0, "a nearest passage is shown, not claimed as evidence"


def test_a_hostile_article_stays_text_and_calls_nobody(page: Any, scripted: str, hostile_article: Article) -> None:
    open_chat(page, scripted)
    ask(page, "harbour reopened storm")
    ask(page, "onerror <img src=http://evil.example/q> ![x](http://evil.example/q) [a](javascript:1)")
    ask(page, "[click](javascript:window.broken=1) bare www.evil.example")
    for number in range(page.locator("a.cite").count()):
        page.locator("a.cite").nth(number).click()
        page.wait_for_timeout(300)
        page.locator("a.cite").nth(number).hover()
    for summary in page.locator("summary").all():
        summary.click()
    page.wait_for_timeout(500)
    assert page.foreign == []
    assert page.evaluate("window.broken") is None
    assert page.locator("#article-pane h2").text_content() == hostile_article.title
    assert page.locator("#conversation img, #article-pane img, #conversation audio, #article-pane style").count() == 0
    links = page.eval_on_selector_all("#conversation a, #article-pane a", "all => all.map(a => a.getAttribute('href'))")
    assert links
    assert all(link.startswith(("#cite-", "#hit-", "#back")) for link in links)
    assert page.locator("#place").count() == 1
    assert page.title() == "citechat"


@pytest.fixture
def unhurried(browser: Any, scripted_assistant: Any, serve: Any) -> Iterator[str]:
    """A chat that is still writing when a busy machine has got round to clicking."""
    with serve(scripted_assistant(_fleet(), pause=2)) as url:
        yield url


def test_an_answer_can_be_stopped_and_what_was_written_stays(page: Any, unhurried: str) -> None:
    open_chat(page, unhurried)
    page.fill("#question textarea", "number 33 Aurora33")
    page.keyboard.press("Enter")
    page.wait_for_function("/^Ship/.test(document.querySelector('.answer')?.textContent ?? '')")
    page.click("#question .stop-button")
    page.wait_for_selector("text=Stopped.")
    assert page.locator(".answer").text_content().startswith("Ship")
    assert page.locator("a.cite").count() == 0
    page.click("#controls button >> text=Ask again")
    page.wait_for_selector("a.cite")
    page.wait_for_selector("#controls button")
    assert page.locator(".reply").count() == 1


def test_a_question_can_be_taken_back_and_everything_cleared(page: Any, scripted: str) -> None:
    open_chat(page, scripted)
    ask(page, "number 8 Aurora8")
    page.click("#controls button >> text=Take back")
    page.wait_for_function("document.querySelector('#question textarea').value === 'number 8 Aurora8'")
    assert page.locator(".reply").count() == 0
    page.keyboard.press("Control+a")
    ask(page, "number 7 Aurora7")
    page.click("#controls button >> text=Clear")
    page.wait_for_function("document.querySelectorAll('.reply').length === 0")
    assert page.locator("#article-pane mark").count() == 0


def test_a_starter_question_is_asked_by_a_click(page: Any, samples: str) -> None:
    open_chat(page, samples)
    page.wait_for_selector("#starters button:visible")
    label = page.locator("#starters button").first.text_content().strip()
    page.locator("#starters button").first.click()
    page.wait_for_selector("a.cite")
    assert page.locator(".question").text_content() == label


def test_an_empty_index_says_what_to_do(page: Any, scripted_assistant: Any, serve: Any) -> None:
    with serve(scripted_assistant()) as url:
        open_chat(page, url)
        page.wait_for_selector("text=citechat index PATH")
        assert "no articles" in page.locator(".status").text_content()
        assert page.locator("#starters button:visible").count() == 0


def test_a_telephone_needs_no_sideways_scrolling_and_a_citation_leads_down_to_the_article(
    page: Any, scripted: str
) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    open_chat(page, scripted)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    ask(page, "harbour reopened storm")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.click("a.cite")
    page.wait_for_function("document.activeElement.id === 'place'")
    page.wait_for_timeout(300)
    assert in_view(page, "#place")
    page.click("text=Back to the answer")
    page.wait_for_function("document.activeElement.matches('a.cite')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground_by_day_and_by_night(page: Any, scripted: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    open_chat(page, scripted)
    ask(page, "number 5 Aurora5")
    page.wait_for_selector("#article-pane mark.evidence")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (_brightness(ground) > 0.5) == (scheme == "light")
    texts = ["h1", ".status", ".question", ".answer p", "a.cite", ".support", ".origin .title", "summary", ".story"]
    texts += [
        "mark.evidence",
        "#article-pane h2",
        "#article-pane .byline",
        "#controls button",
        "#question .submit-button",
    ]
    for selector in texts:
        ink, paper = page.eval_on_selector(
            selector,
            """element => {
              const ink = getComputedStyle(element).color;
              let paper = 'rgba(0, 0, 0, 0)';
              for (let e = element; e && paper === 'rgba(0, 0, 0, 0)'; e = e.parentElement)
                paper = getComputedStyle(e).backgroundColor;
              return [ink, paper];
            }""",
        )
        assert _contrast(ink, paper) >= 4.5, (selector, ink, paper)


def test_everything_that_can_be_used_has_a_name(page: Any, scripted: str) -> None:
    open_chat(page, scripted)
    ask(page, "number 5 Aurora5")
    names = page.eval_on_selector_all(
        "button, textarea, input, a[href], [role=region], [role=log]",
        """all => all.filter(e => e.checkVisibility()).map(e => [e.outerHTML.slice(0, 120),
             e.getAttribute('aria-label') || e.labels?.[0]?.textContent.trim() || e.textContent.trim()])""",
    )
    assert [tag for tag, name in names if not name] == []
    assert not [name for _, name in names if "<" in name], "no markup is read out"
    assert page.locator("#conversation [aria-label*='<']").count() == 0
    assert page.evaluate("document.documentElement.lang") == "en"


def _channels(color: str) -> list[float]:
    return [float(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]


def _brightness(color: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_brightness(one), _brightness(other)))
    return (light + 0.05) / (dark + 0.05)


def test_a_reader_asks_only_some_of_the_articles(page: Any, scripted: str) -> None:
    open_chat(page, scripted)
    page.click("#choice button")
    page.fill("#since input, #since textarea", "2024-02")
    ask(page, "Which ship is named Aurora0.?")
    assert "Aurora0" in page.inner_text(".answer")
    assert "since 2024-02" in page.inner_text(".reply .note")
    page.fill("#since input, #since textarea", "2025")
    page.click("#controls button:has-text('Clear')")
    page.wait_for_selector(".reply", state="detached")
    ask(page, "Which ship is named Aurora0.?")
    assert "do not say" in page.inner_text(".answer")
    page.fill("#since input, #since textarea", "")
    page.click("#sources input")
    page.click("#sources [role=option]:has-text('The Daily')")
    page.click("#controls button:has-text('Clear')")
    page.wait_for_selector(".reply", state="detached")
    ask(page, "Which ship is named Aurora0.?")
    assert "Asked only of articles: The Daily" in page.inner_text(".reply .note")
    assert "Aurora0" in page.inner_text(".answer")
    assert page.errors == []
