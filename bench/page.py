"""Measure how soon the page responds: with a highlight to a click, a letter to a key, a question to Enter.

    python bench/page.py [--clicks 20] [--words 60000] [--turns 200] [--served FOLDER] [--json FILE]

The server is `citechat chat` in a separate process with a long article and many short ones. The browser is a headless
Chromium (at the path in `CITECHAT_CHROMIUM`) that prefers reduced motion, unless a figure says otherwise. A click is
measured from the event to the frame after the one in which the cited words have the focus and are visible in the
article's panel. The long conversation is a stored conversation, which the page opens as it would for a user.

`--served` names the folder of another checkout to serve, to measure a change.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from many_readers import index_towns, questions_of
from readers_page import environment_of, serving
from speed_report import Figure, as_markdown

_REPOSITORY = Path(__file__).resolve().parent.parent
_SECRET = "0123456789abcdef" * 2  # of the browser's cookie: its hash owns the long conversation
_TOWNS = 20
_MARK = 100.0  # milliseconds within which a response feels immediate
_WORDS = """
harbour ship storm mayor council budget school river bridge market price report month year city people work plan road
water light house train power
"""

_CLICK = """(href) => new Promise((done) => {
  const link = document.querySelector(`#conversation a.cite[href="${href}"]`), id = href.slice(1);
  const times = {}, began = performance.now();
  const shown = () => (times.shown = performance.now() - began);
  document.addEventListener("citechat:open-citation-shown", shown, { once: true });
  link.click();
  const look = () => {
    const sheet = document.querySelector("#article-pane .sheet"), place = document.getElementById("place");
    const at = place?.getBoundingClientRect(), window = sheet?.querySelector(".story")?.getBoundingClientRect();
    const seen = at && window && at.top >= window.top && at.top <= window.bottom;
    if (sheet?.dataset.target !== id || document.activeElement !== place || !seen) return requestAnimationFrame(look);
    times.focused = performance.now() - began;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      times.painted = performance.now() - began;
      done(times);
    }));
  };
  look();
})"""

_KEYS = """() => {
  window.keys = [];
  document.querySelector("#question textarea").addEventListener("keydown", (event) => {
    const began = event.timeStamp;
    requestAnimationFrame(() => requestAnimationFrame(() => window.keys.push(performance.now() - began)));
  });
}"""

_ENTER = """(question) => {
  const last = (selector) => [...document.querySelectorAll("#conversation " + selector)].at(-1);
  const isShown = () => last(".question")?.textContent.trim() === question, times = {};
  window.asked = new Promise((done) => document.addEventListener("keydown", (event) => {
    const began = event.timeStamp;
    const when = (name, is, then) => {
      const look = () => is() ? requestAnimationFrame(() => requestAnimationFrame(() => {
        times[name] = performance.now() - began;
        then();
      })) : requestAnimationFrame(look);
      look();
    };
    when("first", isShown,
      () => when("whole", () => isShown() && last(".reply")?.querySelector(".actions"), () => done(times)));
  }, { once: true, capture: true }));
}"""

_SHIFTS = """() => {
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.shifts += entry.value;
  }).observe({ type: "layout-shift", buffered: false });
}"""


_OPEN = """(turns) => [...document.querySelectorAll("#history li")]
  .find((row) => row.querySelector(".byline").textContent.startsWith(`${turns} `))
  .querySelector("button.title").click()"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the whole benchmark, print the results, and return the exit code, which is 0 whatever the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clicks", type=int, default=20, help="of each kind")
    parser.add_argument("--words", type=int, default=60_000, help="of the long article")
    parser.add_argument("--turns", type=int, default=200, help="of the long conversation")
    parser.add_argument("--served", type=Path, default=_REPOSITORY, metavar="FOLDER", help="the checkout that serves")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="citechat-page-", ignore_cleanup_errors=True) as folder:
        home, articles = Path(folder) / "home", Path(folder) / "articles"
        articles.mkdir()
        (articles / "long.md").write_text(long_article(given.words), encoding="utf-8")
        index_towns(home, given.served, articles, _TOWNS)
        keep_conversation(home, given.turns)
        with serving(environment_of(home, given.served)) as (address, _), browser() as chromium:
            figures = list(measure(chromium, address, given.clicks, given.turns))
    print(as_markdown(figures))
    if given.json:
        given.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n", encoding="utf-8")
    return 0


def measure(chromium: Any, address: str, clicks: int, turns: int) -> Iterator[Figure]:
    """Yield all figures; each kind of measurement uses a new page."""
    ordinary = [questions_of(0)[0], questions_of(0)[1]]
    for name, questions in (
        ("the same article", ordinary),
        ("another article", [questions_of(0)[0], questions_of(1)[0]]),
        ("the long article, open", [_item(900), _item(2000)]),
        ("the long article and another, in turn", [_item(900), questions_of(0)[0]]),
    ):
        with opened(chromium, address) as page:
            for question in questions:
                ask(page, question)
            yield from _clicked(name, page, ("#cite-1-1", "#cite-2-1"), clicks)
    with opened(chromium, address, motion="no-preference") as page:
        ask(page, _item(900))
        ask(page, _item(2000))
        yield from _clicked("the long article, open, for who likes motion", page, ("#cite-1-1", "#cite-2-1"), clicks)
    with opened(chromium, address) as page:
        page.evaluate(_OPEN, turns)
        page.wait_for_selector(f'a[href="#cite-{turns}-1"]', state="attached", timeout=60_000)
        page.wait_for_timeout(1000)
        last, before = f"#cite-{turns}-1", f"#cite-{turns - 1}-1"
        yield from _clicked(f"the same article, after {turns} turns", page, (last, before), clicks)
        yield from _clicked(
            f"another article, after {turns} turns", page, (last, f"#cite-{max(1, turns - 12)}-1"), clicks
        )
        yield from _typed(f"after {turns} turns", page)
        times = [ask(page, question) for question in questions_of(1)[:5]]
        yield Figure(f"question shown, after {turns} turns", _median(times, "first"), "ms", mark=_MARK)
        yield Figure(f"whole answer, after {turns} turns", _median(times, "whole"), "ms")
    with opened(chromium, address) as page:
        yield from _typed("in an empty page", page)
        times = [ask(page, question) for question in questions_of(1)[:5]]
        yield Figure("question shown, in an empty page", _median(times, "first"), "ms", mark=_MARK)
        yield Figure("whole answer, in an empty page", _median(times, "whole"), "ms")


def ask(page: Any, question: str) -> dict[str, float]:
    """Ask a question; return the milliseconds until it is shown (`first`) and until it is fully answered (`whole`)."""
    page.fill("#question textarea", question)
    page.evaluate(_ENTER, question)
    page.keyboard.press("Enter")
    times: dict[str, float] = page.evaluate("window.asked")
    page.wait_for_timeout(1500)  # for what follows by itself: the article, questions to go on with
    return times


def _clicked(name: str, page: Any, links: Sequence[str], clicks: int) -> Iterator[Figure]:
    """Click two links in turn, and yield the figures, which include the server's time if a click needs a request."""
    page.evaluate(_SHIFTS)
    times = []
    for turn in range(clicks + 2):
        times.append(page.evaluate(_CLICK, links[turn % 2]))
        page.wait_for_timeout(150)
    times = times[2:]  # the first ones of each warm up
    painted = [each["painted"] for each in times]
    yield Figure(f"{name}: click to mark, median", float(np.median(painted)), "ms", mark=_MARK)
    yield Figure(f"{name}: 95th percentile", float(np.percentile(painted, 95)), "ms")
    if all("shown" in each for each in times):
        yield Figure(f"{name}: of it until the article has come, median", _median(times, "shown"), "ms")
    yield Figure(f"{name}: layout shift of {clicks} clicks", float(page.evaluate("window.shifts")))


def _typed(name: str, page: Any) -> Iterator[Figure]:
    page.focus("#question textarea")
    page.evaluate(_KEYS)
    for key in "how many books are there":
        page.keyboard.press("Space" if key == " " else key)
        page.wait_for_timeout(80)
    keys = page.evaluate("window.keys")
    yield Figure(f"key to letter, {name}, median", float(np.median(keys)), "ms", mark=50.0)
    page.fill("#question textarea", "")


def _median(times: Sequence[dict[str, float]], name: str) -> float:
    return float(np.median([each[name] for each in times]))


def long_article(words: int, seed: int = 1) -> str:
    """Return a list of items with unique names, of about this many words; the same seed gives the same list."""
    random_words, lines, count, item = random.Random(seed), ["# The long register\n\n"], 0, 0
    while count < words:
        item += 1
        line = (
            f"Item {item} of the register, named Aurora{item}, {' '.join(random_words.choices(_WORDS.split(), k=14))}."
        )
        lines.append(line + ("\n\n" if item % 5 == 0 else " "))
        count += len(line.split())
    return "".join(lines)


def _item(number: int) -> str:
    return f"Which item is named Aurora{number}?"


def keep_conversation(home: Path, turns: int) -> None:
    """Ask questions about the towns, and save the conversation for the owner of the benchmark's cookie."""
    from rag import build_assistant, load_settings
    from ui.conversation import Conversation, Exchange
    from ui.persistence.conversations import ConversationStore
    from ui.security.request_guard import COOKIE, owner_id

    assistant = build_assistant(load_settings(home=home, llm="extractive"))
    questions = [question for town in range(_TOWNS) for question in questions_of(town)][:turns]
    saved = ConversationStore(f"sqlite:///{home / 'conversations.sqlite3'}")
    exchanges = tuple(Exchange(question, assistant.ask(question)) for question in questions)
    saved.save(owner_id({COOKIE: _SECRET}) or "", Conversation(exchanges))
    saved.close()


@contextmanager
def browser() -> Iterator[Any]:
    """Start a headless Chromium, and close it at the end."""
    from playwright.sync_api import sync_playwright

    places = (os.environ.get("CITECHAT_CHROMIUM"), "/usr/bin/chromium", shutil.which("chromium"))
    place = next((place for place in places if place and Path(place).is_file()), None)
    arguments = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=place, args=arguments)
        try:
            yield started
        finally:
            started.close()


@contextmanager
def opened(chromium: Any, address: str, motion: str = "reduce") -> Iterator[Any]:
    """Open the page in a browser context with the benchmark's cookie and, by default, without animations."""
    from ui.security.request_guard import COOKIE

    context = chromium.new_context(reduced_motion=motion, viewport={"width": 1280, "height": 800})
    context.add_cookies([{"name": COOKIE, "value": _SECRET, "url": address}])
    page = context.new_page()
    try:
        page.goto(address)
        page.wait_for_selector("#question textarea")
        page.wait_for_selector("#history button.title", state="attached")
        page.wait_for_timeout(1500)
        yield page
    finally:
        context.close()


if __name__ == "__main__":
    raise SystemExit(main())
