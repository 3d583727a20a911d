"""A Chromium, a reader who uses it, and chats to read: one scripted to the word, one that has all a chat can have, one
over the samples with the real model.

A Chromium is found through CITECHAT_CHROMIUM, at /usr/bin/chromium or on the path. Without one these tests are skipped,
except where CITECHAT_REQUIRE_BROWSER=1 says that a skipped test would be a test that nobody ran.
"""

from __future__ import annotations

import gc
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from newsroom import newsroom
from readers import PATIENCE, Reader
from servers import close_the_loop

from index import Article, ArticleFilter, Hit, Passage, Span
from rag import NOT_FOUND, Answer, AnswerOptions, Sentence, Turn, build_assistant, load_settings
from ui.chat.services import services_of

HOSTILE_TITLE = (
    "<script>window.broken=1</script>${window.broken=1}{{constructor}}"
    '"><img src=http://evil.example/t onerror=window.broken=1>'
)
HOSTILE_TEXT = """The harbour reopened on Monday after the storm. ![x](http://evil.example/a?d=1) is what the sign said.

<img src=x onerror="window.broken=1"> <script>window.broken=1</script> `${window.broken=1}` ${window.broken=1}
[click](javascript:window.broken=1) <a class=cite href="#cite-1-1" id="place">[1]</a> <style>body{display:none}</style>
![ref][r] and http://evil.example/bare and www.evil.example and $x^2$ <audio src=http://evil.example/b autoplay></audio>

[r]: http://evil.example/c
"""


class ScriptedAssistant:
    """Answers from one article, word by word, with the sentence that shares most words with the question."""

    model = "scripted"
    options = AnswerOptions()

    def __init__(self, *articles: Article, pause: float = 0.01) -> None:
        self._articles = {article.id: article for article in articles}
        self.pause = pause

    def articles(self) -> tuple[Article, ...]:
        return tuple(self._articles.values())

    def article_metadata(self) -> tuple[Article, ...]:
        return self.articles()

    def article(self, article_id: str) -> Article | None:
        return self._articles.get(article_id)

    def warm_up(self) -> None:
        """Nothing to load."""

    def ask(self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None) -> Answer:
        return list(self.stream(question, history, article_filter))[-1]

    def stream(
        self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None
    ) -> Iterator[Answer]:
        hits = tuple(
            Hit(Passage(a.id, at, at + len(line), line), a.title, a.source, a.published, 1.0)
            for a in self._articles.values()
            if not article_filter or article_filter.allows(a)
            for at, line in _lines(a.text)
        )
        wanted = set(question.lower().strip("?").split())
        hits = tuple(sorted(hits, key=lambda hit: -len(wanted & set(hit.passage.text.lower().split()))))[:4]
        answer = Answer(question=question, model=self.model, search_query=question, hits=hits)
        yield answer
        if not hits or not wanted & set(hits[0].passage.text.lower().split()) - {"the", "of", "is", "a"}:
            yield replace(answer, text=NOT_FOUND, found=False, done=True)
            return
        passage = hits[0].passage
        quote = passage.text.split(". ")[0].rstrip(".") + "."
        text = f"{quote} [1]"
        for end in range(0, len(text), 12):
            time.sleep(self.pause)
            yield replace(answer, text=text[:end])
        evidence = Span(passage.start, passage.start + len(quote))
        sentence = Sentence(0, len(text), quote, (1,), (evidence,), "quoted")
        yield replace(answer, text=text, sentences=(sentence,), done=True)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for line in text.splitlines(keepends=True):
        if len(line.strip()) > 20:
            yield at, line.rstrip("\n")
        at += len(line)


def chromium() -> str | None:
    """Where a Chromium is, if there is one."""
    for place in (os.environ.get("CITECHAT_CHROMIUM"), "/usr/bin/chromium"):
        if place and Path(place).is_file():
            return place
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def serving(assistant: Any, services: Any = None, port: int = 0, policy: Any = None) -> Iterator[str]:
    """A chat around the assistant, with what `services` it has, on this computer only; gives its address.

    It is built in a thread of its own, for the browser's driver keeps an event loop running in this one.
    """
    from ui.server import build_app, launch_app

    def stop() -> None:
        chat.close()
        close_the_loop()

    with ThreadPoolExecutor(1) as elsewhere:
        chat = elsewhere.submit(lambda: launch_app(build_app(assistant, services), port=port, policy=policy)).result()
        try:
            yield chat.url
        finally:
            elsewhere.submit(stop).result()
            gc.collect()  # what it left open before is reported here and not in some later test


@pytest.fixture(scope="session")
def serve() -> Any:
    """`with serve(assistant) as url`: a chat at that address."""
    return serving


@pytest.fixture(scope="session")
def make_newsroom() -> Any:
    """`make_newsroom(home)`: what a chat needs that has everything."""
    return newsroom


@pytest.fixture(scope="session")
def news(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A chat that has everything, at `url`; its articles stay as they are."""
    made = newsroom(tmp_path_factory.mktemp("news"))
    with serving(made.assistant, made.services) as url:
        made.url = url
        yield made


@pytest.fixture(scope="session")
def samples(browser: Any, samples_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A chat over the samples with the real model, which keeps its conversations elsewhere."""
    home = tmp_path_factory.mktemp("samples-chat") / "home"
    shutil.copytree(samples_home, home, symlinks=True)
    settings = load_settings(home=home)
    assistant = build_assistant(settings)
    with serving(assistant, services_of(settings, assistant)) as url:
        yield url


@pytest.fixture(scope="session")
def scripted_assistant() -> type[ScriptedAssistant]:
    """The class of an assistant that answers by script."""
    return ScriptedAssistant


@pytest.fixture(scope="session")
def hostile_article() -> Article:
    """An article that tries everything."""
    return Article("hostile", HOSTILE_TITLE, "http://evil.example/story", HOSTILE_TEXT)


@pytest.fixture(scope="session")
def fleet() -> Article:
    """A long article, each line about another ship."""
    lines = [f"Ship number {n} of the fleet is named Aurora{n}." for n in range(80)]
    return Article("fleet", "The fleet", "The Daily", "\n\n".join(lines), "2024-02-24")


@pytest.fixture(scope="session")
def scripted(browser: Any, fleet: Article, hostile_article: Article) -> Iterator[str]:
    """A chat that answers slowly, word by word, from one harmless and one hostile article."""
    with serving(ScriptedAssistant(fleet, hostile_article, pause=0.15)) as url:
        yield url


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all tests."""
    place = chromium()
    if place is None:
        reason = "no Chromium: set CITECHAT_CHROMIUM to its path"
        if os.environ.get("CITECHAT_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=place, args=arguments)
        yield started
        started.close()


DESK = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}


@pytest.fixture(scope="session")
def desk(browser: Any) -> Any:
    """A browser of 1280 × 800 for one test after another: what it has loaded of the pages it need not load again."""
    return browser.new_context(**DESK)


@pytest.fixture
def page(desk: Any) -> Iterator[Any]:
    """A fresh page of a reader whom nobody knows. In the end it asked nothing of another host, and no script failed."""
    desk.clear_cookies()
    page = _watched(desk)
    yield page
    page.close()
    desk.clear_permissions()
    assert (page.foreign, page.errors) == ([], [])


@pytest.fixture
def window(browser: Any) -> Iterator[Any]:
    """`window(locale="zh-CN")`: a page in a browser of its own, which is watched like `page`."""
    pages = []

    def opened(**options: Any) -> Any:
        pages.append(_watched(browser.new_context(**{**DESK, **options})))
        return pages[-1]

    yield opened
    for page in pages:
        page.context.close()
    assert [(page.foreign, page.errors) for page in pages] == [([], [])] * len(pages)


def _watched(context: Any) -> Any:
    """A new page, with what it asks of other hosts and the errors of its scripts written down."""
    page = context.new_page()
    page.foreign, page.errors = [], []
    page.on("request", lambda request: page.foreign.append(request.url) if _is_foreign(request.url) else None)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.set_default_timeout(PATIENCE)
    return page


def _is_foreign(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "data:", "blob:"))


@pytest.fixture
def reader(page: Any) -> Reader:
    """Someone at a fresh page."""
    return Reader(page)


@pytest.fixture
def another(window: Any) -> Any:
    """`another(locale="zh-CN")`: someone else, at a page in a browser of their own."""
    return lambda **options: Reader(window(**options))
