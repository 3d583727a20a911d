"""Every state of the page, looked over by axe-core: none of its rules is broken, whatever their level."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hashing import HashingEncoder
from staged import FAILS, StagedLLM

from index import Index
from rag import NOT_FOUND, AnswerOptions, Assistant, load_settings
from ui.chat.services import services_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
    ),
]

HARBOUR = """---
title: The harbour reopens
source: https://daily.example/harbour
author: Ann Lee
date: 2024-02-24
---
The harbour reopened on Monday after the storm. Twelve ships had waited outside the harbour for three days.

## What the storm did

- The harbour crane fell into the water during the storm.
- **Nobody** was hurt in the harbour.
"""
FERRY = """---
title: The ferry to the island, which sails every hour and every half hour in summer, is late again
source: The Evening Paper
---
The ferry to the island sails every hour. In summer the ferry sails every half hour.
"""
REPLIES = {
    "harbour": "The harbour reopened on Monday after the storm. [1] The harbour crane fell during the storm. [1] "
    "The mayor resigned in anger. [2] Ships waited three days. [1]",
    "slowly": "The harbour reopened on Monday after the storm. [1] Nobody was hurt in the harbour. [1] " * 30,
    "moon": NOT_FOUND,
    "fails": FAILS,
}


@pytest.fixture(scope="module")
def chat(browser: Any, serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A chat with all that it can have, over two articles, with a language model that writes by script."""
    home = tmp_path_factory.mktemp("axe")
    for name, text in (("harbour.md", HARBOUR), ("ferry.md", FERRY)):
        (home / name).write_text(text, encoding="utf-8")
    index = Index(home / "index", HashingEncoder())
    index.sync([home / "harbour.md", home / "ferry.md"])
    llm = StagedLLM(replies=REPLIES, pause=0.05)
    assistant = Assistant(index, llm, model="staged", options=AnswerOptions(abstention_threshold=-1000, fallback=False))
    with serve(assistant, services_of(load_settings(home=home), assistant)) as url:
        yield url


@pytest.fixture
def open_page(window: Any, chat: str) -> Callable[..., Any]:
    """Opens the page in a window of its own."""

    def opened(**options: Any) -> Any:
        page = window(**options)
        page.goto(chat)
        page.wait_for_selector("#masthead nav button")
        page.wait_for_selector("#starters button:visible")
        page.wait_for_selector("#library li", state="attached")
        return page

    return opened


def _begin(page: Any, question: str) -> None:
    page.fill("#question textarea", question)
    page.keyboard.press("Enter")


def _ask(page: Any, question: str) -> None:
    _begin(page, question)
    page.wait_for_selector("#controls button:visible")


def empty(page: Any) -> None:
    """Nothing is asked yet."""


def answering(page: Any) -> None:
    """The answer is being written."""
    _begin(page, "What is told slowly?")
    page.wait_for_selector("a.cite")
    page.wait_for_selector("#question .stop-button:visible")


def answered(page: Any) -> None:
    """The answer is there, with a word of support of every kind, its article is open, and the card is shown."""
    _ask(page, "What happened in the harbour?")
    for support in ("quoted", "unsupported"):
        page.wait_for_selector(f".support.{support}")
    page.wait_for_selector("#article-pane mark.evidence")
    page.click("summary")
    page.hover("a.cite")
    page.wait_for_selector("#citation-card:visible")


def abstained(page: Any) -> None:
    """The articles do not say."""
    _ask(page, "How far is the moon?")
    page.wait_for_selector(".abstained")


def failed(page: Any) -> None:
    """The language model fails."""
    _ask(page, "Who fails?")
    page.wait_for_selector(".failure")


def judged(page: Any) -> None:
    """The reader has said what the answer is worth, and is asked why."""
    _ask(page, "What happened in the harbour?")
    page.click("button.act >> text=Bad answer")
    page.wait_for_selector("#reason textarea:visible")
    page.wait_for_selector("#notice:not(:empty)")


def library(page: Any) -> None:
    """Articles are listed, one is ticked and about to be removed, and a file could not be read."""
    page.click("#masthead nav >> text=Articles")
    page.set_input_files(
        "#files input[type=file]",
        [
            {"name": "broken.pdf", "mimeType": "application/pdf", "buffer": b"no PDF"},
            {"name": "harbour.md", "mimeType": "text/markdown", "buffer": HARBOUR.encode()},
        ],
    )
    page.wait_for_selector("#upload-status li.failed")
    page.wait_for_selector("#upload-status li.unchanged")
    page.check("#library li input >> nth=0")
    page.click("#library [data-do=remove]")
    page.wait_for_selector("#library-question")
    page.wait_for_selector("#masthead [data-panel=library][aria-expanded=true]")


def searching(page: Any) -> None:
    """No article has the words that are searched."""
    page.click("#masthead nav >> text=Articles")
    page.fill("#library-search", "zeppelin")
    page.wait_for_selector("#library .rest")


def conversations(page: Any) -> None:
    """Earlier conversations are listed; one is being renamed, another is about to be deleted."""
    for question in ("What happened in the harbour?", "How far is the moon?"):
        _ask(page, question)
        page.click("[data-do=new]")
        page.wait_for_selector(".reply", state="detached")
    page.click("#masthead nav >> text=History")
    page.click("#history [data-do=rename] >> nth=0")
    page.click("#history [data-do=delete] >> nth=1")
    page.wait_for_selector("#history .sure")


def measured(page: Any) -> None:
    """A test set was asked, a line of it left out, and the report stands below."""
    page.click("#masthead nav >> text=Evaluation")
    lines = b'{"question": "How far is the moon?", "answerable": false}\nno case\n'
    page.set_input_files(
        "#test-set input[type=file]", [{"name": "mine.jsonl", "mimeType": "text/plain", "buffer": lines}]
    )
    page.wait_for_selector("#report iframe")
    page.click("#evaluation-status summary")


def settings(page: Any) -> None:
    """What a question is answered with is chosen, and a list of choices is open."""
    page.click("#masthead nav >> text=Settings")
    page.click("#sources input")
    page.wait_for_selector("#sources [role=option]")
    page.click("#sources [role=option] >> nth=0")
    page.click("#sources input")
    page.wait_for_selector("#sources [role=option]")


def sheet(page: Any) -> None:
    """The article lies over the answer, on a phone."""
    page.set_viewport_size({"width": 360, "height": 740})
    _ask(page, "What happened in the harbour?")
    page.click("a.cite >> nth=0")
    page.wait_for_function("document.activeElement.id === 'place'")


STATES = (
    empty,
    answering,
    answered,
    abstained,
    failed,
    judged,
    library,
    searching,
    conversations,
    measured,
    settings,
    sheet,
)


@pytest.mark.parametrize(
    ("state", "scheme"),
    [
        # Each state in one scheme; `make test-nightly` runs the other.
        pytest.param(state, scheme, id=f"{state.__name__}-{scheme}", marks=[pytest.mark.nightly] if later else [])
        for number, state in enumerate(STATES)
        for scheme, later in zip(("light", "dark"), (number % 2, not number % 2), strict=True)
    ],
)
def test_axe_finds_nothing(open_page: Any, state: Callable[[Any], None], scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    state(page)
    assert _violations(page) == []
    assert page.locator("[aria-label*='<']").count() == 0, "no markup is read out"


@pytest.mark.parametrize("state", [empty, abstained], ids=lambda state: state.__name__)
def test_axe_finds_nothing_in_chinese(open_page: Any, state: Callable[[Any], None]) -> None:
    page = open_page(locale="zh-CN")
    state(page)
    assert page.evaluate("document.documentElement.lang") == "zh"
    assert _violations(page) == []


def test_axe_finds_what_is_wrong(open_page: Any) -> None:
    page = open_page()
    page.evaluate("document.querySelector('#question textarea').closest('#talk').append(document.createElement('img'))")
    assert [found.split(":")[0] for found in _violations(page)] == ["image-alt (critical)"]


def _violations(page: Any) -> list[str]:
    """The rules that are broken, each with where and why; all rules that axe has on are run, best practices too."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:160]} {node['failureSummary']}"
        for rule in Axe().run(page).response["violations"]
        for node in rule["nodes"]
    ]
