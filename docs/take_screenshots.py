"""Take the screenshots of the chat for the documentation: `python docs/take_screenshots.py`.

The script serves the chat with the samples from a temporary home, so the screenshots never show a user's own articles.
It needs the extra `test`, and Chromium, at the path in CITECHAT_CHROMIUM, at /usr/bin/chromium or on PATH.

`python docs/take_screenshots.py report.html` takes a screenshot of a report that `bench/assistants.py` wrote.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from rag import Assistant, build_assistant, load_settings, open_index
from ui.chat.services import services_of
from ui.server import start_chat

DOCS = Path(__file__).resolve().parent
IMAGES = DOCS / "images"
QUESTION = "How soon could China have a model like Sora?"
PHONE_QUESTION = "Who founded 360 Security Technology?"
OVERVIEW = "What is this article about?"
UNANSWERED = "How tall is Mount Kilimanjaro?"
MODEL = "ollama:llama3.2"
WRITTEN = (
    "Zhou Hongyi founded 360 Security Technology [1]. He is one of the bluntest critics of Chinese AI [1]. "
    "ByteDance has a video tool named Boximator [1], which the company says is still in its early days"
)
FERRY = "# The ferry to the island\n\nThe ferry to the island sails every hour, and in summer every half hour.\n"
ARTICLES = {
    "ferry.md": FERRY,
    "harbour.md": "# The harbour reopens after the storm\n\nThe harbour reopened on Monday after the storm.\n",
}


def take_report(report: Path) -> None:
    """Save a screenshot of the first part of a report."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1300})
        page.goto(report.resolve().as_uri())
        _save(page.screenshot(), IMAGES / "evaluation.png")
        browser.close()


def main() -> None:
    """Serve the samples, ask questions, and take the screenshots."""
    from playwright.sync_api import sync_playwright

    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        settings = load_settings(home=Path(home), llm="extractive")
        for name, text in ARTICLES.items():
            Path(home, name).write_text(text, encoding="utf-8")
        samples = DOCS.parent / "samples" / "briefing.md"
        open_index(settings).sync([samples, *(Path(home, name) for name in ARTICLES)])
        assistant = build_assistant(settings)
        alone = load_settings(home=Path(home, "one"), llm="extractive")
        open_index(alone).sync([samples])
        one = build_assistant(alone)
        browser = playwright.chromium.launch(
            executable_path=_chromium(), args=["--no-sandbox", "--disable-quic", "--disable-background-networking"]
        )
        taken: dict[str, tuple[Assistant, dict[str, Any], Callable[[Any], None]]] = {
            "empty": (assistant, {}, lambda _: None),
            "opened": (one, {}, lambda page: page.wait_for_selector("#article-pane .brief")),
            "overview": (one, {}, lambda page: _ask(page, OVERVIEW)),
            "chat": (assistant, {}, _answered),
            "chat-dark-phone": (assistant, _PHONE, _on_a_phone),
            "abstained": (assistant, {}, lambda page: _ask(page, UNANSWERED)),
            "library": (assistant, {}, _library),
            "conversations": (assistant, {}, _conversations),
            "settings": (assistant, {}, _settings),
            "answering": (replace(assistant, llm=_slow_writer(), model=MODEL), {}, _answering),
        }
        for name, (answering, window, prepare) in taken.items():
            chat = start_chat(answering, port=0, services=services_of(settings, answering))
            context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **window}, locale="en-GB")
            page = context.new_page()
            page.emulate_media(reduced_motion="reduce")
            page.goto(chat.url)
            page.wait_for_selector("#starters button:visible")
            page.wait_for_selector("#masthead .status:not(:has(.loading))")
            prepare(page)
            page.wait_for_timeout(500)
            _save(page.screenshot(), IMAGES / f"{name}.png")
            context.close()
            chat.close()
        browser.close()


def _save(picture: bytes, path: Path) -> None:
    """Save a picture with a palette: the page has few colours, and the file is a third as large."""
    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


_PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}


def _ask(page: Any, question: str) -> None:
    """Ask a question and wait until the answer is complete."""
    page.fill("#question textarea", question)
    page.keyboard.press("Enter")
    page.wait_for_selector("#controls button:visible")


def _answered(page: Any) -> None:
    """Ask a question and open the first citation of its answer."""
    _ask(page, QUESTION)
    page.click("a.cite >> nth=0")
    page.wait_for_function("document.activeElement.id === 'place'")
    page.mouse.move(0, 0)


def _on_a_phone(page: Any) -> None:
    """Open the article over the answer."""
    _ask(page, PHONE_QUESTION)
    page.click("a.cite >> nth=0")
    page.wait_for_function("document.activeElement.id === 'place'")


def _library(page: Any) -> None:
    """Add an article and an unreadable file, and select one article."""
    page.click("[data-panel=library]")
    page.set_input_files(
        "#files input[type=file]",
        [
            {
                "name": "lighthouse.txt",
                "mimeType": "text/plain",
                "buffer": b"The lighthouse\n\nThe lighthouse is dark.",
            },
            {"name": "scan.pdf", "mimeType": "application/pdf", "buffer": b"torn"},
        ],
    )
    page.wait_for_selector("#upload-status li.added")
    page.wait_for_selector("#upload-status li.failed")
    page.check("#library li input >> nth=0")
    page.wait_for_selector("#library [data-do=remove]")
    page.mouse.move(0, 0)


def _conversations(page: Any) -> None:
    """Ask questions in several conversations, and open the list of conversations."""
    for question in (PHONE_QUESTION, UNANSWERED, QUESTION):
        if page.locator(".reply").count():
            page.click("[data-do=new]")
            page.wait_for_selector(".reply", state="detached")
        _ask(page, question)
    page.click("[data-panel=history]")
    page.wait_for_selector("#history [aria-current]")


def _settings(page: Any) -> None:
    page.click("[data-panel=settings]")


def _answering(page: Any) -> None:
    """Ask an LLM that is still writing while its first sentences have been checked."""
    page.fill("#question textarea", PHONE_QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_selector(".answer >> text=is still")


def _slow_writer() -> Any:
    """Return a scripted LLM that stops in the middle of a sentence until the screenshot is taken."""
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessageChunk
    from langchain_core.outputs import ChatGenerationChunk, ChatResult

    class SlowWriter(BaseChatModel):
        @property
        def _llm_type(self) -> str:
            return "slow writer"

        def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
            raise NotImplementedError

        def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
            for word in WRITTEN.split(" "):
                time.sleep(0.1)
                yield ChatGenerationChunk(message=AIMessageChunk(f"{word} "))
            time.sleep(5)

    return SlowWriter()


def _chromium() -> str | None:
    named = os.environ.get("CITECHAT_CHROMIUM") or "/usr/bin/chromium"
    return named if Path(named).is_file() else shutil.which("chromium") or shutil.which("google-chrome")


if __name__ == "__main__":
    take_report(Path(sys.argv[1])) if sys.argv[1:] else main()
