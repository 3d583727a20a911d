"""Hostile text in every place where the page shows text: it stays text, runs nothing, cites nothing, calls nobody.

The page's security policy would stop much of it in a browser. It is switched off here, so that what is looked at is
what the page itself does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hashing import HashingEncoder
from staged import FAILS, StagedLLM

from index import Index
from rag import AnswerOptions, Assistant, load_settings
from ui.chat.services import services_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
    ),
]

MARKUP = (
    "<script>window.broken=1</script> ${window.broken=1} {{constructor}} `code` $x^2$ "
    '"><img src=http://evil.example/t onerror=window.broken=1> ![x](http://evil.example/m)'
)
ANCHOR = '<a class="cite" href="#cite-1-1" id="place">[1]</a> <b id="source-1-1" name="question">b</b>'
TEXT = f"""The harbour reopened on Monday after the storm. ![x](http://evil.example/a?d=1) is what the sign said [3].

## What fell in the <img src=x onerror=window.broken=1> ${{window.broken=1}} harbour?

The harbour crane fell. {MARKUP} {ANCHOR} ![ref][r] <style>body{{display:none}}</style>
[click](javascript:window.broken=1) [data](data:text/html,x) [far](//evil.example/d) http://evil.example/bare
www.evil.example a@evil.example <audio src=http://evil.example/b autoplay></audio> <svg onload=window.broken=1>
<form action=http://evil.example/f><input name=q><button data-do="new">Go</button></form>
<p style="background:url(http://evil.example/c)" data-do="delete">x</p> <iframe src=http://evil.example/i></iframe>

[r]: http://evil.example/r
"""
SPOOFS = "Zero [0], nine [9], many [999], a list [1,2], a range [1-3], wide 【1】, twice [1][1], of a footnote [^1]."
ANSWER = (
    f"The harbour reopened on Monday after the storm. [1] The harbour crane fell. {MARKUP} {ANCHOR} [1]\n"
    f"The harbour {SPOOFS}\n- [click](javascript:window.broken=1) ![x](http://evil.example/n) the harbour [1]\n"
    "[r]: http://evil.example/r\n![ref][r] www.evil.example <details open><summary>harbour</summary> [1]"
)
MODEL = "<img src=http://evil.example/o onerror=window.broken=1>${window.broken=1}"
ERROR = f"the server said: {MARKUP}"
LINK = "http://evil.example/story"
PLACE = re.compile(r"#(?:cite|hit)-\d+-\d+|#back")
SOURCES = {
    "quoted": """http://evil.example/a"onmouseover="window.broken=1"x='""",
    "tagged": "https://evil.example/<script>window.broken=1</script>",
    "templated": "http://evil.example/${window.broken=1}{{x}}",
    "password": "http://good.example:secret@evil.example/",
    "script": "javascript:window.broken=1//http://evil.example",
    "data": "data:text/html,<script>window.broken=1</script>",
    "relative": "//evil.example/x",
    "no-address": "http://[evil",
}


def _article(title: str, source: str, author: str, text: str) -> str:
    return f"---\ntitle: {title}\nsource: {source}\nauthor: {author}\ndate: 2024-02-24\n---\n{text}\n"


@pytest.fixture(scope="module")
def chat(browser: Any, serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A chat with all that it can have, over hostile articles, with a hostile language model."""
    home = tmp_path_factory.mktemp("hostile")
    files = {"story": _article(MARKUP, LINK, MARKUP, TEXT)}
    files |= {
        name: _article(f"The {name} ferry", source, "Ann Lee", f"The {name} ferry sails at noon on every weekday.")
        for name, source in SOURCES.items()
    }
    for name, text in files.items():
        (home / f"{name}.md").write_text(text, encoding="utf-8")
    index = Index(home / "index", HashingEncoder())
    index.sync([home / f"{name}.md" for name in files])
    replies = {"storm": ANSWER, "fails": FAILS}
    replies |= {name: f"The {name} ferry sails at noon on every weekday. [1]" for name in SOURCES}
    llm = StagedLLM(replies=replies, pause=0.005, error=ERROR)
    assistant = Assistant(index, llm, model=MODEL, options=AnswerOptions(abstention_threshold=-1000, fallback=False))
    with serve(assistant, services_of(load_settings(home=home), assistant)) as url:
        yield url


@pytest.fixture
def page(window: Any, chat: str) -> Any:
    """The page, in a window that forbids it nothing."""
    page = window(bypass_csp=True, permissions=["clipboard-read", "clipboard-write"])
    page.goto(chat)
    page.wait_for_selector("#library li", state="attached")
    return page


def _begin(page: Any, question: str) -> None:
    page.fill("#question textarea", question)
    page.keyboard.press("Enter")


def _ask(page: Any, question: str) -> None:
    _begin(page, question)
    page.wait_for_selector("#controls button:visible")


def _require_harmless(page: Any) -> None:
    """Nothing ran, nothing was asked for, and there is no element that is not ours."""
    page.wait_for_timeout(300)
    assert page.evaluate("window.broken") is None
    assert page.foreign == []
    assert page.title() == "citechat"
    found = page.evaluate(
        """() => {
          const ours = ["#masthead", "#conversation", "#article-pane", "#history", "#library",
            "#upload-status", "#starters", "#follow-ups", "#notice", "#citation-card"]
            .map((place) => document.querySelector(place)).filter(Boolean);
          const all = ours.flatMap((part) => [...part.querySelectorAll("*")]);
          return {
            strange: all.filter((e) => e.matches("img, audio, video, script, iframe, form, object, link, base, b, "
              + "p[style], .prose svg, .prose style, .reply input, .story :not(span, mark)")).map((e) => e.outerHTML),
            active: all.filter((e) => [...e.attributes].some((a) => a.name.startsWith("on"))).map((e) => e.outerHTML),
            links: all.filter((e) => e.matches("a")).map((e) => [e.getAttribute("href"), e.className]),
            buttons: [...new Set(all.filter((e) => e.matches("#conversation [data-do], .story [data-do]"))
              .map((e) => e.outerHTML))],
            places: all.filter((e) => e.id === "place").length,
            ids: all.filter((e) => e.id && e.closest(".reply, .story")).map((e) => e.id),
          };
        }"""
    )
    assert found["strange"] == found["active"] == found["buttons"] == []
    assert found["places"] <= 1
    ids = found["ids"]
    assert len(ids) == len(set(ids))
    for href, name in found["links"]:
        allowed = href in (LINK, *SOURCES.values()) if name == "original" else PLACE.fullmatch(href)
        assert allowed, (href, name)


def _watch(page: Any) -> None:
    """Ask about the storm, and look at the page again and again while the answer is being written."""
    _begin(page, "What did the storm do?")
    for _ in range(50):
        _require_harmless(page)
        if page.locator("#controls button:visible").count():
            break
    page.wait_for_selector("#controls button:visible")


def test_an_article_and_an_answer_stay_text_while_they_come_and_after(page: Any) -> None:
    _watch(page)
    assert "<script>window.broken=1</script>" in page.locator(".answer").text_content()
    assert "evil.example" in page.locator("#article-pane .story").text_content()
    for number in range(page.locator("a.cite").count()):
        page.locator("a.cite").nth(number).click()
        page.wait_for_function("document.activeElement.id === 'place'")
        _point_at(page, page.locator("a.cite").nth(number))
        _require_harmless(page)
    title = " ".join(MARKUP.split())
    assert page.locator("#article-pane h2").text_content() == title
    assert page.locator("#article-pane .byline").first.text_content().startswith("evil.example · <script>")
    assert page.locator("#citation-card .title").text_content().startswith("<script>window.broken=1</script> ${")
    assert MODEL in page.locator("#masthead .status").text_content()


def _point_at(page: Any, link: Any) -> None:
    """Point at a citation until its card is shown: it goes when the page is scrolled, as it may be on the way there."""
    from playwright.sync_api import TimeoutError as NothingShownError

    for _ in range(20):
        page.mouse.move(0, 0)
        link.hover()
        with suppress(NothingShownError):
            page.wait_for_selector("#citation-card:visible", timeout=3000)
            return
    raise AssertionError("no card is shown")


def test_a_marker_is_a_link_only_where_the_passage_was_given_and_says_it(page: Any) -> None:
    _ask(page, "What did the storm do?")
    linked = page.locator("a.cite").all_text_contents()
    assert linked
    given = page.evaluate("new Set([...document.querySelectorAll('a[href^=\"#cite-\"]')].map(a => a.hash)).size")
    assert given == page.locator("ol.sources > li[id^=source-1-]").count()
    assert all(1 <= int(marker.strip("[]")) < 100 for marker in linked)
    text = page.locator(".answer").text_content()
    assert "[^1]" not in text, "a footnote of Markdown cites a passage, too"
    assert not {"[0]", "[999]"} & {*linked}
    assert "[999]" not in text


def test_what_an_article_has_in_brackets_cites_nothing(page: Any) -> None:
    _ask(page, "What did the storm do?")
    page.click("a.cite >> nth=0")
    page.wait_for_function("document.activeElement.id === 'place'")
    assert "said [3]." in page.locator("#article-pane .story").text_content()
    assert page.locator("#article-pane .story a").count() == 0


def test_the_original_is_linked_exactly_and_only_where_it_is_on_the_web(page: Any) -> None:
    _ask(page, "What did the storm do?")
    page.wait_for_selector("#article-pane a.original")
    assert _originals(page) == [(LINK, "_blank", "noopener noreferrer nofollow")]
    assert page.evaluate("[...document.querySelector('a.original').attributes].map((a) => a.name).sort()") == [
        "class",
        "href",
        "rel",
        "target",
    ]


def test_a_source_is_no_way_to_another_link(page: Any) -> None:
    for name, source in SOURCES.items():
        _ask(page, f"When does the {name} ferry sail?")
        page.wait_for_function(f"document.querySelector('#article-pane h2')?.textContent === 'The {name} ferry'")
        linked = _originals(page)
        assert linked in ([], [(source, "_blank", "noopener noreferrer nofollow")])
        if linked:
            protocol = page.evaluate("document.querySelector('a.original').protocol")
            assert protocol in ("http:", "https:", ":"), "the last is what a browser makes of an address that is none"
            page.hover("a.original")
        _require_harmless(page)


def _originals(page: Any) -> list[tuple[str, str, str]]:
    names = ("href", "target", "rel")
    return [tuple(a.get_attribute(name) for name in names) for a in page.locator("#article-pane a.original").all()]


def test_a_question_and_the_title_of_its_conversation_stay_text(page: Any) -> None:
    question = f"What did the storm do? {ANCHOR} {MARKUP} [9] 【1】\n- item\n# head"
    _ask(page, question)
    said = page.locator(".question").text_content()
    assert said.startswith(f"What did the storm do? {ANCHOR}")
    assert page.locator(".question a, .question h1, .question li").count() == 0
    page.click("[data-panel=history]")
    page.wait_for_selector("#history li")
    page.click("#history [data-do=rename] >> nth=0")
    name = page.locator("#history input.name").first
    name.fill(MARKUP)
    name.press("Enter")
    page.wait_for_function("document.querySelector('#history .title').textContent.includes('<script>')")
    _require_harmless(page)
    labels = page.locator("#history .tools button").first.get_attribute("aria-label")
    assert "<script>" in labels, "read aloud as it stands there"
    page.reload()
    page.click("[data-panel=history]")
    page.click("#history .title >> nth=0")
    page.wait_for_selector(".question")
    _require_harmless(page)


def test_an_error_stays_text(page: Any) -> None:
    _ask(page, f"Who fails? {MARKUP}")
    page.wait_for_selector(".failure")
    assert "<img src=http://evil.example/o" in page.locator(".failure").text_content(), "it names the model"
    _require_harmless(page)


def test_questions_to_start_and_to_go_on_with_stay_text(page: Any) -> None:
    page.wait_for_selector("#starters button:visible")
    offered = page.locator("#starters button:visible").all_text_contents()
    assert any("<img src=x onerror=window.broken=1> ${window.broken=1}" in words for words in offered), offered
    _require_harmless(page)
    _ask(page, "When does the quoted ferry sail?")
    page.wait_for_timeout(1000)
    _require_harmless(page)


def test_the_library_shows_titles_outlets_and_names_of_files_as_text(page: Any) -> None:
    page.click("[data-panel=library]")
    titles = page.locator("#library .title").all_text_contents()
    assert any(
        title.startswith("<script>window.broken=1</script> ${window.broken=1} {{constructor}}") for title in titles
    )
    page.fill("#library-search", '"><img src=http://evil.example/s onerror=window.broken=1>')
    page.wait_for_selector("#library .rest")
    _require_harmless(page)
    page.set_input_files(
        "#files input[type=file]",
        [
            {"name": "<img src=x onerror=window.broken=1>.pdf", "mimeType": "application/pdf", "buffer": b"no PDF"},
            {"name": "${window.broken=1}{{x}}`.txt", "mimeType": "text/plain", "buffer": b"The lighthouse is dark."},
        ],
    )
    page.wait_for_selector("#upload-status li.failed")
    page.wait_for_selector("#upload-status li.added")
    assert "onerror" in page.locator("#upload-status li.failed .name").text_content()
    _require_harmless(page)
    page.fill("#text-title textarea", MARKUP)
    page.fill("#text textarea", f"Another text about the lighthouse. {TEXT}")
    page.click("text=Add text")
    page.wait_for_selector("#upload-status li.added >> text=<script>")
    _require_harmless(page)


def test_settings_offer_hostile_outlets_and_models_as_text(page: Any) -> None:
    page.click("[data-panel=settings]")
    assert page.locator("#model input").input_value() == MODEL
    page.click("#sources input")
    page.wait_for_selector("#sources [role=option]")
    _require_harmless(page)
    assert page.locator("#settings-panel img, #settings-panel script").count() == 0


@pytest.mark.parametrize("kind", ["markdown", "json"])
def test_what_is_taken_along_is_text(page: Any, kind: str) -> None:
    _ask(page, "What did the storm do? <script>${window.broken=1}</script>")
    page.click("[data-panel=history]")
    with page.expect_download() as downloading:
        page.click(f"#history-panel [data-do={kind}]")
    name = downloading.value.suggested_filename
    text = Path(downloading.value.path()).read_text(encoding="utf-8")
    assert name.endswith({"markdown": ".md", "json": ".json"}[kind])
    assert not set(name) & set("<>:\"/\\|?*${}' ")
    if kind == "json":
        assert json.loads(text)["questions"][0]["question"].endswith("<script>${window.broken=1}</script>")
    else:
        assert r"\<script\>" in text
        assert "<script" not in text.replace(r"\<script", "")
        assert "![" not in text.replace(r"\!\[", "").replace(r"\![", "")
    _require_harmless(page)


def test_what_is_copied_is_the_text_itself(page: Any) -> None:
    _ask(page, "What did the storm do?")
    page.click("button.act >> text=Copy with sources")
    page.wait_for_function("document.querySelector('#notice')?.textContent === 'Copied'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "<script>window.broken=1</script>" in copied
    assert "&#" not in copied
    _require_harmless(page)


FORGED: tuple[object, ...] = (
    "cite-1-99",
    "cite-0-1",
    "cite-1--1",
    "hit-9-1",
    "../../etc/passwd",
    MARKUP,
    {"x": 1},
    None,
    -1,
    ["cite-1-1"],
)


def test_a_forged_click_opens_nothing(page: Any) -> None:
    _ask(page, "What did the storm do?")  # the answer opens the article, so close it: each click must change the pane
    _tell(page, "open-citation", {"place": "cite-1-99"})
    page.wait_for_selector("#article-pane h2 >> text=Source not available")
    for place in FORGED:
        _tell(page, "open-citation", {"place": "cite-1-1"})
        page.wait_for_selector("#article-pane [data-target=cite-1-1]")
        _tell(page, "open-citation", {"place": place})
        page.wait_for_selector("#article-pane h2 >> text=Source not available")
    for hub, whats in (
        ("history", ("open", "rename", "delete")),
        ("library", ("tick", "remove-now")),
        ("outbox", ("good",)),
    ):
        for what in whats:
            for each in FORGED:
                _tell(page, hub, {"what": what, "id": each, "value": "" if hub == "library" else MARKUP})
    page.wait_for_timeout(1500)
    assert page.locator(".reply").count() == 1
    assert page.locator("#library li").count() >= len(SOURCES) + 1
    _require_harmless(page)


def _tell(page: Any, hub: str, detail: object) -> None:
    """What the page's script tells the server when something is chosen, with other values."""
    page.evaluate(
        "([name, detail]) => document.dispatchEvent(new CustomEvent('citechat:' + name, { detail }))", [hub, detail]
    )
