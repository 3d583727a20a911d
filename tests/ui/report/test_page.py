"""The report of an evaluation as a page: what it says, in which words, and that no text of others becomes markup."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hashing import HashingEncoder

from index import Index
from rag import AnswerOptions, Assistant, TestSetError
from rag.evaluate import (
    AnswerSentence,
    ArticleSpan,
    CaseResult,
    CitedSpan,
    Cost,
    Report,
    evaluate,
    read_cases,
    summarize,
)
from ui.report import charts
from ui.report.page import report_page
from ui.report.questions import OUTCOMES, outcome, verdict, what_went_wrong

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
HOSTILE = [
    "<script>window.broken=1</script>",
    "</style><style>body{display:none}</style>",
    "</title></td></table><img src=http://evil.example/x onerror=alert(1)>",
    '" onmouseover="alert(1) \' `x` &lt;b&gt;',
    "turned \u202egnp.exe around \x00",
]
GOLD = ArticleSpan("a1", 100, 120)
RIGHT = CaseResult(
    id="q1",
    question="When did the harbour reopen?",
    answerable=True,
    said="It reopened on Monday.",
    found=True,
    expected=("on Monday",),
    gold=("reopened on Monday",),
    first_citation=1.0,
    any_citation=1.0,
    contains_answer=1.0,
    exact_match=0.0,
    f1=0.8,
    valid_citations=1.0,
    confidence=0.7,
    evidence_seen=True,
    sentences=(AnswerSentence("It reopened on Monday.", (1,), "quoted"),),
    citations=(
        CitedSpan(1, GOLD, "It reopened on Monday.", "The port", "https://www.daily.example/p", "Before. ", " After."),
    ),
    hits=(ArticleSpan("a1", 90, 200), ArticleSpan("a1", 300, 400)),
    evidence=((GOLD,),),
    cost=Cost({"search": 0.1, "total": 0.25}, {"in": 100, "out": 10}),
)
WRONG = replace(RIGHT, first_citation=0.0, any_citation=0.0, contains_answer=0.0, f1=0.1)
REFUSED = replace(WRONG, found=False, said="The articles do not say.", sentences=(), citations=())
FAILED = replace(
    REFUSED, error="LLMError: it did not answer", said="", confidence=0.0, hits=(), evidence_seen=None, cost=None
)
UNANSWERABLE = replace(
    REFUSED, answerable=False, expected=(), gold=(), evidence=(), evidence_seen=None, confidence=0.1,
    first_citation=None, any_citation=None, contains_answer=None, exact_match=None, f1=None,
)  # fmt: skip


def report(*rows: CaseResult, **settings: str) -> Report:
    return Report(tuple(replace(row, id=f"q{place}") for place, row in enumerate(rows, 1)), settings, {"python": "3"})


def words_of(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def section(page: str, key: str) -> str:
    found = re.search(rf'<section class="part" id="{key}">.*?\n', page, re.DOTALL)
    return found[0] if found else ""


def cells(page: str, number: int) -> Sequence[str]:
    """What stands in the line of a question, without its head."""
    body = re.search(rf'<tbody id="question-{number}".*?</tr>', page, re.DOTALL)
    assert body
    return [words_of(cell) for cell in re.findall(r"<td.*?</td>", body[0])]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The samples, asked of a real assistant that quotes."""
    index = Index(tmp_path_factory.mktemp("page"), HashingEncoder())
    index.sync([SAMPLES / "briefing.md"])
    return evaluate(
        Assistant(index, options=AnswerOptions(abstention_threshold=0.2)),
        read_cases(SAMPLES / "questions.jsonl"),
        settings={"top_k": "6"},
    )


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (RIGHT, ""),
        (FAILED, "failed without an answer"),
        (REFUSED, "refused although answerable; the evidence was found at rank 1"),
        (
            replace(REFUSED, hits=(ArticleSpan("a2", 0, 9),)),
            "refused although answerable; the evidence was not found among 1 hit",
        ),
        (UNANSWERABLE, ""),
        (replace(UNANSWERABLE, found=True), "answered, although the articles do not say"),
        (replace(WRONG, hits=WRONG.hits[1:]), "the evidence was not found among 1 hit"),
        (replace(WRONG, evidence=((),), evidence_seen=False), "no retrieved article contains the evidence"),
        (replace(WRONG, hits=WRONG.hits[::-1]), "the evidence was found at rank 2, but another passage was cited"),
        (
            replace(WRONG, any_citation=1.0),
            "the evidence was found at rank 1, but another passage was cited first",
        ),
        (replace(WRONG, citations=()), "the evidence was found at rank 1, but nothing was cited"),
        (replace(RIGHT, contains_answer=0.0), "right passage, but the accepted answer is not in the reply"),
        (replace(WRONG, first_citation=None, gold=(), evidence=()), "the accepted answer is not in the reply"),
        (
            replace(WRONG, first_citation=None, contains_answer=None, gold=(), expected=()),
            "the test set has neither an answer nor evidence",
        ),
        (replace(RIGHT, bad_citations=("[1] …",)), "1 of 1 citation not quoted exactly"),
        (
            replace(RIGHT, sentences=(*RIGHT.sentences, AnswerSentence("Nobody knows.", (), "unsupported"))),
            "1 of 2 sentences not confirmed",
        ),
        (
            replace(WRONG, bad_citations=("[1] …",)),
            "the evidence was found at rank 1, but another passage was cited; 1 of 1 citation not quoted exactly",
        ),
    ],
)
def test_what_went_wrong_is_said_in_words(row: CaseResult, words: str) -> None:
    assert what_went_wrong(row) == words


@pytest.mark.parametrize("row", [RIGHT, WRONG, REFUSED, FAILED, UNANSWERABLE, replace(UNANSWERABLE, found=True)])
def test_a_question_is_right_exactly_where_its_outcome_is(row: CaseResult) -> None:
    assert outcome(row) in OUTCOMES
    assert outcome(row).startswith("right") == row.right
    assert verdict(row).startswith("right") == row.right


def test_the_real_report_has_every_section_and_question(real: Report) -> None:
    page = report_page({"samples": real})
    for key in ("outcomes", "measures", "confidence", "tags", "cost", "questions"):
        assert section(page, key), key
    assert page.count("<tbody id=") == len(real.results)
    assert "63 questions: 46 can be answered from the articles, 17 cannot; none failed." in words_of(page)
    for estimate in summarize(real.results):
        assert f"{estimate.value:.3f}" in section(page, "measures"), estimate.name
    assert section(page, "flips") == ""
    assert "only those that differ" not in page


def test_the_same_runs_give_the_same_page(real: Report) -> None:
    assert report_page({"samples": real}) == report_page({"samples": real})


def test_nothing_can_be_loaded_and_nothing_is_outside_the_page(real: Report) -> None:
    page = report_page({"samples": real, "again": real})
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:;" in page
    own = re.findall(r'(?:src|href|xlink:href)="([^"]*)"', page)
    assert {each.split("-")[0] for each in own} <= {"data:,", "#question"}
    assert "url(" not in page.replace("url(#fill-", "")
    assert len(re.findall(r'id="([^"]+)"', page)) == len(set(re.findall(r'id="([^"]+)"', page))), "ids are unique"


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_others_stay_texts(text: str) -> None:
    hostile = replace(
        RIGHT, question=text, said=text, expected=(text,), gold=(text,), tags=(text,), bad_citations=(text,),
        sentences=(AnswerSentence(text, (1,), "weak"),), cost=Cost({text: 1.0, "total": 1.0}, {text: 5}),
        citations=(CitedSpan(1, GOLD, text, text, text, text, text),),
    )  # fmt: skip
    refused = replace(REFUSED, question=text, said=text)
    failed = replace(FAILED, question=text, error=text)
    one = report(hostile, refused, failed, **{"name": text})
    harmless = report(*(replace(row, question="x", said="x", error=row.error and "x") for row in one.results), name="x")
    other = Report(tuple(replace(row, question=text) for row in report(RIGHT, RIGHT, RIGHT).results), {text: "1"})
    for page in (report_page({text: one}), report_page({text: one, text + "2": other})):
        for tag in ("<script", "</style", "</title", "<img", "<table", "</table"):
            assert page.count(tag) == report_page(
                {"x": harmless} if "several" not in page.split("<main")[1][:20] else {"x": one, "y": other}
            ).count(tag), tag
        assert "onmouseover=" not in page
        assert "\u202e" not in page
        assert "\x00" not in page
        shown = re.sub("[\u202e\x00]", "\ufffd", text)
        assert " ".join(shown.split()) in words_of(page), "it is read as it was written"


def test_the_quote_is_marked_within_its_passage_and_the_support_is_said() -> None:
    page = html.unescape(section(report_page({"one": report(RIGHT)}), "questions"))
    assert "Before. <mark>It reopened on Monday.</mark> After." in page
    assert "daily.example · characters 100 to 120" in page
    assert 'Monday. <b>[1]</b> <i class="quoted">quoted</i>' in page
    assert "Expected on Monday Evidence “reopened on Monday”" in words_of(page)


def test_a_long_passage_is_cut_around_its_quote() -> None:
    long = replace(RIGHT.citations[0], before="far " * 500 + "near. ", after=" next" + " far" * 500)
    words = words_of(report_page({"one": report(replace(RIGHT, citations=(long,)))}))
    assert "far near. It reopened on Monday. next far" in words
    assert words.count("far") < 250


def test_failures_and_refusals_are_shown_with_their_words() -> None:
    page = report_page({"one": report(RIGHT, FAILED, REFUSED, UNANSWERABLE)})
    assert cells(page, 1) == ["✓ right", "", "right", "0.80", "0.70", "0.25"]
    assert cells(page, 2) == ["✗ failed", "failed without an answer", "wrong", "0.10", "", ""]
    assert cells(page, 3)[0] == "✗ wrong, refused"
    assert cells(page, 4)[0] == "✓ right, refused"
    assert "LLMError: it did not answer" in words_of(page)
    assert "The articles do not say." in words_of(page)
    assert "a refusal: the articles do not say" in words_of(page)
    assert "1 without" in words_of(section(page, "confidence"))
    filters = dict(re.findall(r'value="(\w*)".*?<small>(\d)</small>', page))
    assert filters == {"": "4", "wrong": "2", "refused": "2", "failed": "1"}


def test_runs_that_are_compared_stand_under_each_other_with_difference_interval_and_p() -> None:
    base, other = report(*[WRONG] * 8, llm="small"), report(*[RIGHT] * 7, FAILED, llm="large")
    page = report_page({"before": base, "after": other})
    assert "p = 0.0156" in section(page, "measures")
    assert "+0.875" in words_of(section(page, "measures"))
    assert "B is better" in section(page, "measures")
    assert "0 right in A alone, 7 right in B alone." in words_of(section(page, "flips"))
    assert "llm small large" in words_of(page.split("</header>")[0])
    assert cells(page, 1)[:2] == ["A", "✗ wrong"]
    assert re.search(r'id="question-8" class="wrong failed differ"', page)
    assert page.count('class="wrong differ"') == 7


def test_the_base_is_said_to_be_better_where_it_is() -> None:
    page = report_page({"before": report(*[RIGHT] * 9), "after": report(*[REFUSED] * 9)})
    refusals = re.search(r"false refusals.*?</tr>", page)
    assert refusals
    assert "lower is better" in refusals[0]
    assert "A is better" in refusals[0]


def test_three_runs_are_each_compared_with_the_first_and_told_apart_by_more_than_colour() -> None:
    runs = {name: report(*[row] * 4) for name, row in (("a", RIGHT), ("b", WRONG), ("c", FAILED))}
    page = report_page(runs)
    assert re.findall(r'<th scope="col">(. − .)</th>', page) == ["B − A", "C − A"]
    for style in (1, 2, 3):
        assert f'fill="url(#fill-{style})"' in page
        assert f'<pattern id="fill-{style}"' in page
    assert page.count("<h3>C c</h3>") == 4


def test_a_question_that_only_one_run_has_is_shown_and_left_out_of_the_comparison() -> None:
    page = report_page({"two": report(RIGHT, WRONG), "one": report(RIGHT)})
    assert "1 question is in A and not in B: left out of the comparison." in words_of(page)
    assert "This run did not ask the question." in page


def test_runs_of_different_questions_cannot_be_compared() -> None:
    with pytest.raises(TestSetError, match="share no question"):
        report_page({"a": report(RIGHT), "b": Report((replace(RIGHT, id="other"),))})


def test_no_run_is_refused() -> None:
    with pytest.raises(ValueError, match="no run"):
        report_page({})


def test_a_run_without_questions_or_without_answerable_ones_has_a_page() -> None:
    assert "0 questions" in words_of(report_page({"none": report()}))
    page = report_page({"refusals": report(UNANSWERABLE, replace(UNANSWERABLE, found=True))})
    assert "0 can be answered from the articles, 2 cannot" in words_of(page)
    assert "no AURC" in section(page, "confidence")
    assert "can be answered: 0" in words_of(section(page, "confidence"))


def test_tags_have_their_own_figures_and_none_is_lost() -> None:
    page = report_page({"one": report(replace(RIGHT, tags=("date", "place")), replace(WRONG, tags=("date",)), RIGHT)})
    lines = [words_of(line) for line in re.findall(r"<tbody>.*?</tbody>", section(page, "tags"))]
    assert [line.split(" 0.")[0].split(" 1.")[0] for line in lines] == ["date 2", "place 1", "no tag 1"]
    assert section(report_page({"one": report(RIGHT)}), "tags") == ""


def test_costs_are_shown_where_there_are_any() -> None:
    words = words_of(section(report_page({"one": report(RIGHT, RIGHT)}), "cost"))
    assert "total" in words
    assert "0.250" in words
    assert "tokens in" in words
    assert section(report_page({"one": report(replace(RIGHT, cost=None))}), "cost") == ""


@pytest.mark.parametrize(
    "points",
    [
        [],
        [charts.Point(1.0, 0.5, 0.2, 0.8)],
        [charts.Point(0.5, 0.0, 0.0, 0.0), charts.Point(1.0, 0.0, 0.0, 0.0)],
        [charts.Point(place / 5000, 0.5, 0.4, float("nan")) for place in range(1, 5001)],
    ],
    ids=["none", "one", "all 0", "many"],
)
def test_a_curve_is_drawn_of_any_number_of_points(points: list[charts.Point]) -> None:
    drawn = charts.curves("key", "Title", "Words", [points], ("x", "y"))
    assert drawn.startswith('<svg class="chart" viewBox=')
    assert 'role="img" aria-labelledby="key-title key-desc"' in drawn
    assert "nan" not in drawn
    assert len(drawn) < 16_000
    assert ("nothing to show" in drawn) == (not points)
    assert ("<circle" in drawn) == (len(points) == 1)


def test_a_curve_ends_at_its_last_point() -> None:
    points = [charts.Point(place / 1000, 0.5, 0.4, 0.6) for place in range(1, 1001)]
    drawn = charts.curves("key", "Title", "Words", [points], ("x", "y"))
    assert re.search(r'class="curve" d="M44\.4 [^"]*L438 [\d.]+"', drawn)


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ([], []),
        ([0.5], ["1"]),
        ([0.3, 0.3, 0.3], ["3"]),
        ([0.0, 1.0, 1.0], ["1", "2"]),
        ([float("inf"), float("-inf"), float("nan"), 1e300, 0.5], ["1"]),
        ([-12.0, 1234.5], ["1", "1"]),
    ],
)
def test_a_histogram_counts_what_an_axis_can_show(values: list[float], counts: list[str]) -> None:
    drawn = html.unescape(charts.histogram("key", "Title", "Words", upper=("some", values), axis="confidence"))
    assert re.findall(r": (\d+)</title></rect>", drawn) == counts
    assert ("nothing to show" in drawn) == (not counts)


def test_what_is_not_finite_is_no_bar() -> None:
    for value in (float("inf"), float("nan"), -1.0):
        drawn = charts.bar(value, (value, value), label="<b>")
        assert 'x="1" y="2" width="0"' in drawn
        assert "<title>&#60;b&#62;</title>" in drawn
    assert 'width="158"' in charts.bar(7.0, label="x")
