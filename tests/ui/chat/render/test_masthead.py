"""The top of the page says who answers from what, and opens the panels; a model's name is text."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest

from ui.chat.render.masthead import masthead_html, model_name, panel_heads
from ui.i18n.translate import chinese

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "${alert(1)} {{constructor}} `x` {0} {model}",
    "ollama:[x](http://evil.example)",
    "\x00\ud800\u202eb",
]


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


def status(markup: str) -> str:
    found = re.search(r'role="status">(.*?)</p>', markup)
    assert found
    return html.unescape(re.sub(r"<[^>]*>", "", found[1]))


@pytest.mark.parametrize(
    ("model", "articles", "said"),
    [
        ("extractive", None, "Quotes only, no language model"),
        ("extractive", 0, "Quotes only, no language model · no articles"),
        ("extractive", 1, "Quotes only, no language model · 1 article"),
        ("openai:gpt-x", 12345, "Answers by openai:gpt-x, checked · 12,345 articles"),
    ],
)
def test_it_says_who_answers_from_how_many_articles(model: str, articles: int | None, said: str) -> None:
    assert status(masthead_html(model, articles)) == said


def test_it_says_while_the_model_is_being_loaded() -> None:
    assert status(masthead_html("extractive", 1, loading=True)).endswith("1 article · loading model…")
    assert "loading" not in masthead_html("extractive", 1)


def test_each_panel_has_a_button_that_says_whether_it_is_open() -> None:
    buttons = [each for each in Tags(masthead_html("extractive", 1)).of("button") if "data-panel" in each]
    assert [button["data-panel"] for button in buttons] == ["history", "library", "evaluation", "settings"]
    assert all(button["aria-expanded"] == "false" for button in buttons)
    assert [button["aria-controls"] for button in buttons] == [
        "history-panel",
        "library-panel",
        "evaluation-panel",
        "settings-panel",
    ]


def test_a_new_conversation_is_one_click_away() -> None:
    assert not Tags(masthead_html("extractive", 1)).of("form")
    (form,) = Tags(masthead_html("extractive", 1, can_log_out=True)).of("form")
    assert (form["method"], form["action"]) == ("post", "./logout"), "any page can make a browser send GET"
    first, *_ = Tags(masthead_html("extractive", 1)).of("button")
    assert first == {"data-do": "new"}


def test_each_panel_has_a_head_and_the_history_has_downloads() -> None:
    *heads, exports = panel_heads().values()
    assert [re.sub(r"<[^>]*>", " ", each).split() for each in heads] == [
        ["History", "Close"],
        ["Articles", "Close"],
        ["Evaluation", "Close"],
        ["Settings", "Close"],
    ]
    assert [each["data-do"] for each in Tags(exports).of("button")] == ["markdown", "json"]


def test_the_head_of_a_panel_can_be_given_the_focus_and_closes_it() -> None:
    head = Tags(panel_heads()["library_head"])
    assert head.of("h2") == [{"tabindex": "-1"}]
    assert head.of("button") == [{"data-do": "close-panel"}]


def test_the_model_that_only_quotes_has_a_name_that_users_understand() -> None:
    assert model_name("extractive") == "quotes only"
    assert model_name("extractive", chinese) == "仅摘引原文"
    assert model_name("openai:gpt-x") == "openai:gpt-x"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_in_the_name_of_a_model_becomes_markup(hostile: str) -> None:
    masthead = masthead_html(hostile, 2)
    assert [tag for tag, _ in Tags(masthead).seen] == [tag for tag, _ in Tags(masthead_html("a:b", 2)).seen]
    readable = re.sub("[\x00\ud800\u202e]", "\ufffd", hostile)
    assert status(masthead) == f"Answers by {readable}, checked · 2 articles"
    for sign in ("${", "{{", "`", "http://"):
        assert sign not in masthead
