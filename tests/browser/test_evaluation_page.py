"""The report of an evaluation, opened from a file by a real browser: it loads nothing, sorts, filters and unfolds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hashing import HashingEncoder

from index import Index
from rag import AnswerOptions, Assistant
from rag.evaluate import CaseResult, Report, evaluate, read_cases
from ui.report.page import report_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
    ),
]

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
HOSTILE = '<script>window.broken=1</script></style><img src=http://evil.example/x onerror="window.broken=1">'


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The samples, asked of a real assistant that quotes; one question is hostile."""
    index = Index(tmp_path_factory.mktemp("report-index"), HashingEncoder())
    index.sync([SAMPLES / "briefing.md"])
    found = evaluate(
        Assistant(index, options=AnswerOptions(abstention_threshold=0.2)), read_cases(SAMPLES / "questions.jsonl")
    )
    return replace(found, results=(*found.results[:-1], replace(found.results[-1], question=HOSTILE, tags=(HOSTILE,))))


@pytest.fixture(scope="module")
def worse(real: Report) -> Report:
    """The same, where every fifth question failed and every seventh was refused."""

    def changed(place: int, row: CaseResult) -> CaseResult:
        gone = {"found": False, "sentences": (), "citations": (), "first_citation": row.first_citation and 0.0}
        if place % 5 == 0:
            return replace(row, **gone, error=f"LLMError: {HOSTILE}", said="", cost=None)
        return replace(row, **gone, said="The articles do not say.") if place % 7 == 0 else row

    return replace(real, results=tuple(changed(place, row) for place, row in enumerate(real.results)))


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """`opened({"name": report})`: its page, which asks for nothing but itself and complains of nothing."""
    pages = []

    def open_(runs: dict[str, Report], **options: Any) -> Any:
        path = tmp_path / f"report-{len(pages)}.html"
        path.write_text(report_page(runs), encoding="utf-8")
        page = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options}).new_page()
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(path.as_uri())
        pages.append((page, path.as_uri()))
        return page

    yield open_
    told = [([url for url in page.asked if url != own and url != "data:,"], page.complaints) for page, own in pages]
    broken = [page.evaluate("window.broken") for page, _ in pages if page.context.browser]
    for page, _ in pages:
        page.context.close()
    assert told == [([], [])] * len(pages)
    assert broken == [None] * len(pages)


def _shown(page: Any) -> list[str]:
    return page.locator("table.questions > tbody:visible").evaluate_all("all => all.map(each => each.id)")


def _column(page: Any, place: int) -> list[str]:
    return page.locator("table.questions > tbody").evaluate_all(
        f"all => all.map(each => each.rows[0].cells[{place}].textContent.trim())"
    )


def test_a_column_is_sorted_up_and_down_and_back_to_the_order_of_the_test_set(
    opened: Callable[..., Any], real: Report
) -> None:
    page = opened({"samples": real})
    before = _column(page, 4)
    head = page.locator("table.questions").get_by_role("columnheader", name="F1", exact=True)
    numbers = sorted(float(each) for each in before if each)
    for order, wanted in (("ascending", numbers), ("descending", numbers[::-1])):
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == order
        found = _column(page, 4)
        assert [float(each) for each in found if each] == wanted
        assert found.index("") == len(wanted), "what has no figure stands last"
    page.get_by_role("columnheader", name="Verdict").locator("button").click()
    assert head.get_attribute("aria-sort") is None
    assert _column(page, 1) == sorted(_column(page, 1))
    for _ in range(2):
        page.get_by_role("columnheader", name="Verdict").locator("button").click()
    assert _column(page, 4) == before


def test_questions_are_filtered_by_kind_and_by_word(opened: Callable[..., Any], real: Report, worse: Report) -> None:
    page = opened({"before": real, "after": worse})
    failed = [place for place, row in enumerate(worse.results, 1) if row.error]
    page.get_by_label("failed").check(force=True)
    assert _shown(page) == [f"question-{place}" for place in failed]
    assert page.locator(".shown").inner_text() == f"{len(failed)} of {len(real.results)} shown"
    page.get_by_label("only those that differ").check(force=True)
    differing = len(_shown(page))
    assert len(failed) <= differing < len(real.results)
    page.get_by_label("Search").fill("360 security")
    assert 0 < len(_shown(page)) < differing
    page.get_by_label("Search").fill("zeppelin")
    assert _shown(page) == []


def test_a_question_is_unfolded_by_keyboard_and_its_quote_is_marked(opened: Callable[..., Any], real: Report) -> None:
    page = opened({"samples": real})
    place = next(place for place, row in enumerate(real.results, 1) if row.citations and row.found)
    quote = real.results[place - 1].citations[0].quote
    button, more = page.locator(f"#question-{place} button.open"), page.locator(f"#more-{place}")
    assert not more.is_visible()
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    assert more.locator("mark").first.is_visible()
    assert more.locator("mark").first.text_content() == quote
    page.keyboard.press("Space")
    assert not more.is_visible()


def test_a_question_that_flipped_leads_to_its_answers(opened: Callable[..., Any], real: Report, worse: Report) -> None:
    page = opened({"before": real, "after": worse})
    link = page.locator("#flips a:visible").first
    place = (link.get_attribute("href") or "").removeprefix("#question-")
    link.focus()
    page.keyboard.press("Enter")
    assert page.locator(f"#more-{place}").is_visible()
    assert page.evaluate("document.activeElement.getAttribute('aria-controls')") == f"more-{place}"
    assert page.locator(f"#more-{place} section").count() == 2, "all runs stand under each other"


@pytest.mark.parametrize(("count", "width", "scheme"), [(1, 1280, "light"), (3, 360, "dark"), (3, 1280, "light")])
def test_axe_finds_nothing_and_the_page_is_no_wider_than_the_window(
    opened: Callable[..., Any], real: Report, worse: Report, count: int, width: int, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    runs = dict(list({"before": real, "after": worse, "w" * 90: real}.items())[-count:])
    page = opened(runs, viewport={"width": width, "height": 740}, color_scheme=scheme)
    page.locator("button.open").first.click()
    page.locator("header summary").last.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], node["html"][:160]) for rule in found for node in rule["nodes"]] == []


def test_without_its_script_everything_can_be_read(opened: Callable[..., Any], real: Report) -> None:
    page = opened({"samples": real}, java_script_enabled=False)
    assert page.locator("tr.more").last.is_visible()
    assert page.locator("mark").first.is_visible()
    assert not page.locator("form.tools").is_visible()


def test_three_hundred_questions_of_three_runs_open_and_are_sorted(
    opened: Callable[..., Any], real: Report, worse: Report
) -> None:
    def many(report: Report) -> Report:
        rows = [replace(row, id=f"{row.id}-{time_}") for time_ in range(5) for row in report.results]
        return replace(report, results=tuple(rows[:300]))

    page = opened({"a": many(real), "b": many(worse), "c": many(real)})
    page.get_by_role("columnheader", name="Confidence").locator("button").click()
    assert len(_shown(page)) == 300
