"""Takes the pictures of the chat that the pages of this folder show: `python docs/take_screenshots.py`.

The chat is served over the samples from a temporary home, so the pictures never show anyone's own articles. Needs the
test extra, and a Chromium at CITECHAT_CHROMIUM, /usr/bin/chromium or on the path.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from rag import build_assistant, load_settings, open_index
from ui.web import Chat, start

DOCS = Path(__file__).resolve().parent
IMAGES = DOCS / "images"
QUESTION = "How soon could China have a model like Sora?"
PHONE_QUESTION = "Who founded 360 Security Technology?"


def main() -> None:
    """Serve the samples, ask, and take the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        settings = load_settings(home=Path(home), llm="extractive")
        open_index(settings).sync([DOCS.parent / "samples" / "briefing.md"])
        chat = start(build_assistant(settings), port=0)
        try:
            _take_all(chat)
        finally:
            chat.close()


def _take_all(chat: Chat) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_chromium(), args=["--no-sandbox", "--disable-quic", "--disable-background-networking"]
        )
        wide = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
        _ask(wide, chat.url, QUESTION)
        _open_first_citation(wide)
        wide.screenshot(path=IMAGES / "chat.png")

        phone = browser.new_page(
            viewport={"width": 390, "height": 844}, device_scale_factor=2, color_scheme="dark", reduced_motion="reduce"
        )
        _ask(phone, chat.url, PHONE_QUESTION)
        phone.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        phone.wait_for_timeout(300)
        phone.screenshot(path=IMAGES / "chat-dark-phone.png")
        browser.close()


def _ask(page: Any, url: str, question: str) -> None:
    """Ask, and wait until the answer is complete and its article is open."""
    page.goto(url)
    page.wait_for_selector("#question textarea")
    page.wait_for_selector("#starters button", state="attached")
    page.fill("#question textarea", question)
    page.keyboard.press("Enter")
    page.wait_for_selector("#controls button")
    page.wait_for_selector("#article-pane mark.evidence")


def _open_first_citation(page: Any) -> None:
    page.click("a.cite >> nth=0")
    page.wait_for_function("document.activeElement.id === 'place'")
    page.mouse.move(0, 0)
    page.wait_for_timeout(300)


def _chromium() -> str | None:
    named = os.environ.get("CITECHAT_CHROMIUM") or "/usr/bin/chromium"
    return named if Path(named).is_file() else shutil.which("chromium") or shutil.which("google-chrome")


if __name__ == "__main__":
    main()
