"""The page on a phone, on a wide screen, by day and by night."""

from __future__ import annotations

from typing import Any

import pytest
from readers import IN_A_BROWSER, Reader

pytestmark = IN_A_BROWSER

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
HARBOUR = "When did the harbour reopen after the storm?"
PANELS = ("history", "library", "settings")


@pytest.fixture
def on_phone(another: Any, news: Any) -> Reader:
    """A reader who has opened the chat on a phone."""
    reader: Reader = another(**PHONE)
    reader.open(news.url)
    return reader


def is_inside_the_window(reader: Any, selector: str) -> bool:
    """Whether all of an element is inside the window."""
    return bool(
        reader.eval_on_selector(
            selector,
            """element => {
              const box = element.getBoundingClientRect();
              return box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight + 1;
            }""",
        )
    )


def test_a_phone_needs_no_sideways_scrolling_in_any_state(on_phone: Any) -> None:
    assert on_phone.sideways() <= 0, "before a question"
    on_phone.begin("Tell slowly: when did the harbour reopen after the storm?")
    on_phone.wait_for_selector("a.cite")
    assert on_phone.sideways() <= 0, "while an answer is written"
    on_phone.wait_for_selector("#controls button:visible")
    on_phone.wait_for_selector("#follow-ups button:visible")
    assert on_phone.sideways() <= 0, "after it"
    for question in ("How far is the moon?", "Who fails?", "harbour " + "x" * 300):
        on_phone.ask(question)
        assert on_phone.sideways() <= 0, question
    for panel in PANELS:
        on_phone.panel(panel)
        assert on_phone.sideways() <= 0, panel
        on_phone.close_panel()
    on_phone.locator("a.cite").first.click()
    on_phone.wait_for_function("document.body.dataset.sheet === 'open'")
    assert on_phone.sideways() <= 0, "with an article"


@pytest.mark.parametrize("how", ["link", "Escape"])
def test_an_article_lies_over_the_answer_until_it_is_closed(on_phone: Any, how: str) -> None:
    on_phone.ask(HARBOUR)
    assert on_phone.locator("#article-pane h2").is_hidden(), "an answer is not covered before a citation is chosen"
    on_phone.locator("a.cite").first.click()
    on_phone.wait_for_function("document.activeElement.id === 'place'")
    assert on_phone.locator("#article-pane h2").is_visible()
    assert on_phone.in_view("#place")
    assert is_inside_the_window(on_phone, "#article-pane .sheet")
    if how == "link":
        on_phone.click("text=Back to answer")
    else:
        on_phone.keyboard.press("Escape")
    on_phone.wait_for_function("document.activeElement.matches('a.cite')")
    on_phone.locator("#article-pane h2").wait_for(state="hidden")
    assert on_phone.evaluate("document.activeElement.getBoundingClientRect().top") >= 0


def test_a_hostile_article_makes_no_phone_scroll_sideways(another: Any, scripted: str) -> None:
    reader = another(**PHONE)
    reader.open(scripted)
    reader.ask("harbour reopened storm")
    assert reader.sideways() <= 0
    reader.click("a.cite")
    reader.wait_for_function("document.activeElement.id === 'place'")
    assert reader.in_view("#place")
    assert reader.sideways() <= 0


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_fits_on_a_phone_and_its_head_is_in_reach(on_phone: Any, name: str) -> None:
    on_phone.panel(name)
    assert is_inside_the_window(on_phone, f"#{name}-panel")
    assert is_inside_the_window(on_phone, f"#{name}-panel [data-do=close-panel]")
    wide = on_phone.eval_on_selector(f"#{name}-panel", "panel => panel.scrollWidth - panel.clientWidth")
    assert wide <= 0
    on_phone.close_panel()
    on_phone.locator(f"#{name}-panel").wait_for(state="hidden")


def test_a_touch_on_a_citation_opens_its_article(on_phone: Any) -> None:
    on_phone.ask(HARBOUR)
    on_phone.locator("a.cite").first.tap()
    on_phone.wait_for_function("document.activeElement.id === 'place'")
    assert on_phone.locator("#article-pane h2").is_visible()
    assert on_phone.locator("#citation-card").is_hidden(), "the card does not lie over the article"


def test_a_wide_screen_has_answer_and_article_side_by_side_and_lines_that_can_be_read(another: Any, news: Any) -> None:
    reader = another(viewport={"width": 1920, "height": 1080})
    reader.open(news.url)
    reader.ask(HARBOUR)
    reader.wait_for_selector("#article-pane mark.evidence")
    talk, pane = (reader.locator(part).bounding_box() for part in ("#talk", "#article-pane"))
    assert talk["x"] + talk["width"] <= pane["x"]
    assert reader.sideways() <= 0
    assert reader.locator(".answer p").first.bounding_box()["width"] < 900
    assert reader.evaluate("document.documentElement.scrollHeight <= innerHeight"), "each side scrolls by itself"
    for panel in PANELS:
        reader.panel(panel)
        assert is_inside_the_window(reader, f"#{panel}-panel")
        reader.close_panel()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground_by_day_and_by_night(another: Any, news: Any, scheme: str) -> None:
    reader = another(color_scheme=scheme)
    reader.open(news.url)
    reader.ask(HARBOUR)
    reader.wait_for_selector("#article-pane mark.evidence")
    reader.wait_for_selector("#follow-ups button:visible")
    ground = reader.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (_brightness(ground) > 0.5) == (scheme == "light")
    texts = ["h1", ".status", "#masthead nav button", ".question", ".answer p", "a.cite", ".support.quoted"]
    texts += [".support.weak", ".support.unsupported", ".origin .title", "summary", "button.act", ".story"]
    texts += [
        "mark.evidence",
        "span.passage",
        ".boilerplate",
        "#article-pane h2",
        "#article-pane .byline",
        "a.original",
    ]
    texts += ["#follow-ups button", "#controls button", "#question .submit-button"]
    for selector in texts:
        _assert_it_can_be_read(reader, selector)
    reader.panel("history")
    for selector in (
        "#history-panel h2",
        "#history .title",
        "#history .byline",
        "#history .tools button",
        ".exports button",
    ):
        _assert_it_can_be_read(reader, selector)
    reader.panel("library")
    for selector in ("#library .count", "#library .articles .title", "#library .articles .byline", "#adding button.sm"):
        _assert_it_can_be_read(reader, selector)
    reader.panel("settings")
    for selector in ("#settings-panel span[data-testid=block-info]", "#since input, #since textarea", "#model input"):
        _assert_it_can_be_read(reader, selector)


def _assert_it_can_be_read(reader: Any, selector: str) -> None:
    ink, paper = reader.eval_on_selector(
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


def _brightness(color: str) -> float:
    channels = [float(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_brightness(one), _brightness(other)))
    return (light + 0.05) / (dark + 0.05)
