"""A person in front of the chat page."""

from __future__ import annotations

import re
from typing import Any

import pytest

IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
    ),
]
"""The marks of a test in a browser. What the web framework leaves open there is not ours."""

PATIENCE = 120_000
"""Milliseconds after which something that should have happened counts as missing, on a busy machine, too."""


class Reader:
    """What a person does with a page; each thing is waited for until it has happened."""

    def __init__(self, page: Any) -> None:
        """`page` is Playwright's; whatever it can do, its reader can."""
        self.page = page

    def __getattr__(self, name: str) -> Any:
        return getattr(self.page, name)

    def open(self, url: str) -> None:
        """Open the chat, and wait until it is all there."""
        self.page.goto(url)
        self.page.wait_for_selector("#question textarea")
        self.page.wait_for_function("/articles?$/.test(document.querySelector('.status')?.textContent)")
        self.page.wait_for_function("window.citechatReady")

    def begin(self, question: str) -> None:
        """Ask, and do not wait for the answer."""
        self.page.fill("#question textarea", question)
        self.page.keyboard.press("Enter")

    def ask(self, question: str) -> None:
        """Ask, and wait until the answer is complete."""
        finished = self.page.locator(".reply .actions").count()
        self.begin(question)
        self.page.wait_for_function(f"document.querySelectorAll('.reply .actions').length > {finished}")
        self.page.wait_for_selector("#controls button:visible")

    def panel(self, name: str) -> Any:
        """Open a panel: `history`, `library`, `evaluation` or `settings`."""
        self.page.click(f"button[data-panel={name}]")
        panel = self.page.locator(f"#{name}-panel")
        panel.wait_for(state="visible")
        return panel

    def close_panel(self) -> None:
        """Close the panel that is open."""
        self.page.click("[data-do=close-panel]:visible")
        self.page.wait_for_function("!document.body.dataset.panel")

    def start_over(self) -> None:
        """Begin a new conversation."""
        self.page.click("[data-do=new]")
        self.page.wait_for_function("document.querySelectorAll('.reply').length === 0")

    def marked(self) -> str:
        """The words that are strongly marked in the article."""
        return "".join(self.page.locator("#article-pane mark.evidence").all_text_contents())

    def in_view(self, selector: str) -> bool:
        """Whether the element is inside its scrolling article and inside the window."""
        return bool(
            self.page.eval_on_selector(
                selector,
                """element => {
                  const box = element.getBoundingClientRect();
                  const story = element.closest('.story').getBoundingClientRect();
                  return box.top >= story.top && box.top < story.bottom && box.top >= 0 && box.top < innerHeight;
                }""",
            )
        )

    def wait_for_words(self, selector: str, words: str) -> None:
        """Wait until an element that matches says this."""
        self.page.locator(selector).filter(has_text=re.compile(re.escape(words))).first.wait_for(state="visible")

    def sideways(self) -> float:
        """By how many pixels the page is wider than its window."""
        return float(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))
