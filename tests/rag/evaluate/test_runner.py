"""Every question of the test set becomes a row, whatever happened to it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from index import Article, CitechatError, Hit, Passage, Span
from rag import Answer, LLMError, Sentence, TestSetError, Turn
from rag.evaluate import (
    AURC,
    AUROC,
    MEASURES,
    RUN_MEASURES,
    Case,
    CaseResult,
    Cost,
    Estimate,
    Evidence,
    Reply,
    Report,
    RunMeasure,
    as_misses,
    as_table,
    evaluate,
    find_measure,
    from_json,
    latencies,
    result_from_json,
    result_to_json,
    risk_curve,
    score,
    summarize,
    to_json,
    token_counts,
)

TEXT = "Ten firms were picked. The watchdog did not name them. Sora is not open source."
TEN, NAMES, SORA = Span(0, 22), Span(23, 54), Span(55, 79)
ARTICLE = Article(id="a1", title="Sora", source="/articles/sora.txt", text=TEXT)


UNIT = np.array([[1.0, 0.0], [0.6, 0.8]], dtype=np.float32)


def answered(*spans: Span, confidence: float = 1.0, article: Article = ARTICLE, **changes: str) -> Answer:
    """An answer that quotes each span in a sentence of its own; the hits are the spans in the same order."""
    sentences: list[Sentence] = []
    text = ""
    for number, span in enumerate(spans, start=1):
        quote = article.text[span.start : span.end]
        start = len(text)
        text += f"{quote} [{number}] "
        sentences.append(Sentence(start, len(text), quote, (number,), (span,), "quoted"))
    passages = [Passage(article.id, span.start, span.end, article.text[span.start : span.end]) for span in spans]
    hits = tuple(Hit(passage, article.title, article.source, None, -rank) for rank, passage in enumerate(passages))
    return Answer("?", text=text, sentences=tuple(sentences), hits=hits, confidence=confidence, done=True)


def refused(*spans: Span, confidence: float = 0.1) -> Answer:
    return replace(answered(*spans, confidence=confidence), text="The articles do not say.", sentences=(), found=False)


class ScriptedAssistant:
    """Says what the script says; an exception in the script is raised."""

    def __init__(self, script: Mapping[str, Answer | Exception], articles: Sequence[Article] = (ARTICLE,)) -> None:
        self.script = script
        self.articles = {article.id: article for article in articles}
        self.histories: list[Sequence[Turn]] = []

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        self.histories.append(history)
        outcome = self.script[question]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def article(self, article_id: str) -> Article | None:
        return self.articles.get(article_id)


def hit_at(first: int, result: CaseResult) -> float | None:
    return MEASURES[f"hit@{first}"].of_result(result)


def case(name: str, *answers: str, at: Span | None = None, **named: str) -> Case:
    evidence = () if at is None else (Evidence(start=at.start, end=at.end, text=TEXT[at.start : at.end], **named),)
    return Case(id=name, question=name, answerable=bool(answers or evidence), answers=answers, evidence=evidence)


def run(cases: Sequence[Case], *articles: Article, **script: Answer | Exception) -> Report:
    return evaluate(ScriptedAssistant(script, articles or (ARTICLE,)), cases)


def measure(report: Report, name: str | RunMeasure) -> Estimate:
    return next(found for found in summarize(report.results) if found.name == str(name))


def test_a_right_answer_is_right_in_every_measure() -> None:
    report = run([case("ten", "Ten firms were picked", at=TEN)], ten=answered(TEN))
    row = report.results[0]
    assert row.right
    for name in ("first citation right", "any citation right", "hit@1", "hit@5", "answer contained", "exact match"):
        assert list(measure(report, name)[1:]) == pytest.approx([1.0, 0.025, 1.0, 1])
    assert row.f1 == 1.0
    assert row.valid_citations == 1.0
    assert (len(row.citations), row.bad_citations, row.confidence) == (1, (), 1.0)


def test_the_first_citation_and_any_citation_are_told_apart() -> None:
    row = run([case("ten", "Ten", at=TEN)], ten=answered(SORA, TEN)).results[0]
    assert (row.first_citation, row.any_citation) == (0.0, 1.0)
    assert (hit_at(1, row), hit_at(5, row)) == (0.0, 1.0)
    assert not row.right


def test_a_gold_passage_below_the_fifth_hit_is_no_hit_at_5() -> None:
    spans = [Span(start, start + 2) for start in (60, 62, 64, 66, 68)]
    assert hit_at(5, run([case("ten", "Ten", at=TEN)], ten=answered(*spans, TEN)).results[0]) == 0.0


def test_a_failed_answer_counts_as_wrong_and_is_listed() -> None:
    cases = [case("ten", "Ten", at=TEN), case("far")]
    report = run(cases, ten=LLMError("the model said 503", "Try again."), far=CitechatError("it is down"))
    assert [row.id for row in report.failed] == ["ten", "far"]
    assert not any(row.right for row in report.results)
    assert report.results[0].error == "LLMError: the model said 503"
    for name in (
        "first citation right",
        "hit@5",
        "answer contained",
        "exact match",
        "F1",
        "answered or refused rightly",
    ):
        assert measure(report, name).value == 0.0
    assert measure(report, "false refusals").value == measure(report, "false answers").value == 1.0
    assert measure(report, AUROC).value == 0.0
    assert "- ten: LLMError: the model said 503" in as_table(report)
    assert "said:     LLMError" in as_misses(report)


def test_any_other_exception_is_a_bug_and_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        run([case("ten", "Ten")], ten=ZeroDivisionError())


def test_a_refusal_is_right_for_a_question_that_cannot_be_answered() -> None:
    report = run([case("far"), case("near")], far=refused(), near=answered(SORA))
    assert [row.right for row in report.results] == [True, False]
    assert measure(report, "false answers").value == 0.5
    assert report.results[0].false_refusal is None


def test_a_refusal_of_a_question_that_can_be_answered_is_a_false_refusal() -> None:
    row = run([case("ten", "Ten", at=TEN)], ten=refused(TEN)).results[0]
    assert (row.false_refusal, row.false_answer, row.right) == (1.0, None, False)
    assert hit_at(1, row) == 1.0
    assert row.contains_answer == 0.0


def test_a_refusal_says_nothing_whatever_its_text() -> None:
    row = run([case("no", "No", "The articles do not say", "A")], no=refused()).results[0]
    assert (row.contains_answer, row.exact_match, row.f1) == (0.0, 0.0, 0.0)


def test_measures_of_what_a_case_does_not_have_do_not_apply() -> None:
    row = run([case("ten", "Ten")], ten=answered(TEN)).results[0]
    assert row.first_citation is hit_at(1, row) is row.evidence_seen is None
    assert row.right  # without evidence, the answer decides
    row = run([case("ten", at=TEN)], ten=answered(TEN)).results[0]
    assert row.f1 is row.contains_answer is None


def test_a_citation_that_does_not_quote_what_stands_there_is_reported() -> None:
    changed = replace(ARTICLE, text=TEXT.replace("Ten", "Six"))
    report = run([case("ten", "Ten")], changed, ten=answered(TEN, SORA))
    assert report.results[0].valid_citations == 0.5
    assert (
        "[1] a1 0..22: quotes 'Ten firms were picked.', but the article has 'Six firms"
        in report.results[0].bad_citations[0]
    )
    assert "Citations: 2, of which 1 quote exactly" in as_table(report)


def test_a_citation_of_an_article_that_is_not_there_is_reported() -> None:
    report = evaluate(ScriptedAssistant({"ten": answered(TEN)}, []), [case("ten", "Ten")])
    assert "no such article" in report.results[0].bad_citations[0]


def test_a_given_text_is_checked_instead_of_the_assistants_own() -> None:
    assistant = ScriptedAssistant({"ten": answered(TEN)}, [])
    assert evaluate(assistant, [case("ten", "Ten")], article_text=lambda _: TEXT).results[0].valid_citations == 1.0


def test_offsets_in_another_article_are_no_evidence() -> None:
    other = Article(id="a2", title="Other", source="/articles/other.txt", text="x" * len(TEXT))
    row = run([case("ten", "Ten", at=TEN)], ARTICLE, other, ten=answered(TEN, article=other)).results[0]
    assert row.first_citation == 0.0
    assert row.evidence_seen is False


@pytest.mark.parametrize(
    ("named", "right"),
    [
        ({"article_id": "a1"}, 1.0),
        ({"article_id": "a2"}, 0.0),
        ({"source": "sora.txt"}, 1.0),
        ({"source": "articles\\sora.txt"}, 1.0),
        ({"source": "ora.txt"}, 0.0),
        ({"source": "other.txt"}, 0.0),
    ],
)
def test_evidence_can_name_its_article(named: dict[str, str], right: float) -> None:
    twin = replace(ARTICLE, id="a2", source="/articles/other.txt")
    row = run([case("ten", "Ten", at=TEN, **named)], ARTICLE, twin, ten=answered(TEN)).results[0]
    assert row.first_citation == right


def test_a_test_set_of_another_text_is_pointed_out() -> None:
    moved = Case(
        id="ten",
        question="ten",
        answerable=True,
        evidence=(Evidence(start=1, end=23, text="Ten firms were picked."),),
    )
    report = run([moved], ten=answered(TEN))
    assert report.results[0].evidence_seen is False
    assert "No retrieved article has the evidence at its offsets" in as_table(report)


def test_the_history_of_a_case_is_handed_on() -> None:
    line = (
        '{"id": "x", "question": "x", "answerable": true, "answers": ["Ten"],'
        ' "history": [{"role": "user", "text": "Hi"}]}'
    )
    assistant = ScriptedAssistant({"x": answered(TEN)})
    evaluate(assistant, [Case.model_validate_json(line)])
    assert assistant.histories == [(Turn("user", "Hi"),)]


def test_the_same_answers_give_the_same_report() -> None:
    cases = [case("ten", "Ten", at=TEN), case("far"), case("sora", "No", at=SORA)]
    script = {"ten": answered(TEN), "far": refused(), "sora": answered(NAMES)}
    one, other = run(cases, **script), run(cases, **script)
    assert one == other
    assert summarize(one.results) == summarize(other.results)
    assert as_table(one) == as_table(other)


def test_a_failed_answer_has_the_worst_value_of_every_measure_that_applies() -> None:
    cases = [case("ten", "Ten", at=TEN), case("far")]
    assistant = ScriptedAssistant({"ten": LLMError("no"), "far": LLMError("no")})
    report = evaluate(assistant, cases, encode=lambda texts: UNIT[: len(texts)])
    figures = summarize(report.results, [*MEASURES.values(), *RUN_MEASURES.values()])
    assert [figure.name for figure in figures] == [
        name for name in (*MEASURES, *RUN_MEASURES) if name != "citations that quote exactly"
    ], "which is about the citations that there are"
    for figure in figures:
        assert figure.value == float(find_measure(figure.name).lower_is_better), figure.name


def test_a_perfect_answer_has_the_best_value_of_every_measure_that_applies() -> None:
    cases = [case("ten", "Ten firms were picked", at=TEN), case("far")]
    assistant = ScriptedAssistant({"ten": answered(TEN), "far": refused()})
    report = evaluate(assistant, cases, encode=lambda texts: UNIT[:1].repeat(len(texts), axis=0))
    figures = summarize(report.results, [*MEASURES.values(), *RUN_MEASURES.values()])
    assert len(figures) == len(MEASURES) + len(RUN_MEASURES)
    for name, value, low, high, _ in figures:
        best = 0.25 if name == str(AURC) else float(not find_measure(name).lower_is_better)  # half cannot be answered
        assert low <= value == best <= high, name


def test_evidence_is_measured_in_characters_and_similarity_by_a_model() -> None:
    row = run([case("ten", "Ten", at=Span(4, 9))], ten=answered(SORA, TEN)).results[0]
    assert row.similarity is None
    of = {name: measure.of_result(row) for name, measure in MEASURES.items()}
    assert (of["citation recall"], of["citation precision"]) == (1.0, 5 / 46)
    assert (of["MRR"], of["evidence recall@1"], of["evidence recall@3"]) == (0.5, 0.0, 1.0)
    assert of["evidence context precision@3"] == 5 / 46
    assert (of["article hit@1"], of["article MRR"], of["context precision@5"]) == (1.0, 1.0, 0.5)
    near = evaluate(ScriptedAssistant({"ten": answered(TEN)}), [case("ten", "Ten")], encode=lambda texts: UNIT)
    assert near.results[0].similarity == pytest.approx(0.6)


def test_evidence_without_offsets_is_right_wherever_the_article_has_it() -> None:
    anywhere = Case(id="ten", question="ten", answerable=True, evidence=(Evidence(text="n"),))
    row = run([anywhere], ten=answered(SORA)).results[0]
    assert [place.start for place in row.evidence[0]] == [index for index, letter in enumerate(TEXT) if letter == "n"]
    assert row.right
    nowhere = Case(id="ten", question="ten", answerable=True, evidence=(Evidence(text="no such words"),))
    row = run([nowhere], ten=answered(TEN)).results[0]
    assert (row.evidence, row.evidence_seen, hit_at(5, row)) == (((),), False, 0.0)


def test_a_row_keeps_each_citation_with_the_words_around_it() -> None:
    whole = replace(answered(NAMES).hits[0], passage=Passage(ARTICLE.id, 0, len(TEXT), TEXT))
    answer = replace(answered(NAMES), hits=(whole,))
    citation = run([case("ten", "Ten")], ten=answer).results[0].citations[0]
    assert (citation.before, citation.after) == (TEXT[: NAMES.start], TEXT[NAMES.end :])
    assert (citation.title, citation.source) == (answer.citations[0].title, answer.citations[0].source)
    assert Reply.from_json(json.dumps(answer.to_dict())).citations == (citation,)


def test_sentences_are_counted_by_what_they_cite_and_what_supports_them() -> None:
    answer = answered(TEN, NAMES, SORA, SORA)
    supports = ("quoted", "supported", "weak", "unsupported")
    sentences = [replace(one, support=support) for one, support in zip(answer.sentences, supports, strict=True)]  # type: ignore[arg-type]
    sentences[3] = replace(sentences[3], numbers=(), evidence=())
    report = run([case("ten", "Ten"), case("far")], ten=replace(answer, sentences=tuple(sentences)), far=refused())
    row = report.results[0]
    assert row.supports == supports
    assert sum(bool(said.numbers) for said in row.sentences) == 3
    assert measure(report, "sentences cited").value == 0.75
    assert measure(report, "sentences supported").value == 0.5
    assert measure(report, "sentences quoted").value == 0.25
    assert measure(report, "sentences quoted").n == 1, "a refusal has no sentences"
    unchecked = run([case("ten", "Ten")], ten=replace(answer, sentences=()))
    assert measure(unchecked, "sentences supported").value == 0.0


def test_cost_is_kept_in_one_field_and_told_by_stage() -> None:
    cases = [case("ten", "Ten"), case("sora", "No"), case("far")]
    quick = replace(answered(TEN), timings={"search": 0.1, "total": 0.2}, tokens={"in": 100, "out": 20})
    slow = replace(answered(SORA), timings={"search": 0.3, "first token": 0.5, "total": 2.0}, tokens={"in": 300})
    report = run(cases, ten=quick, sora=slow, far=LLMError("no"))
    assert report.results[0].cost == Cost({"search": 0.1, "total": 0.2}, {"in": 100, "out": 20})
    assert report.results[2].cost is None
    assert [latency.stage for latency in latencies(report.results)] == ["search", "total", "first token"]
    total = latencies(report.results)[1]
    assert (total.p50.name, total.p50.value, total.p50.n) == ("total p50", pytest.approx(1.1), 2)
    assert total.p50.value < total.p95.value <= total.p95.high == 2.0
    assert [(spent.name, spent.value, spent.n) for spent in token_counts(report.results)] == [
        ("tokens in", 200.0, 2),
        ("tokens out", 20.0, 1),
    ]
    table = as_table(report)
    assert "| total p95" in table
    assert "Tokens in: 200 a question" in table
    instant = run(cases, ten=replace(quick, timings={}), sora=replace(slow, timings={}), far=LLMError("no"))
    assert [replace(row, cost=None) for row in instant.results] == [replace(row, cost=None) for row in report.results]
    assert summarize(instant.results) == summarize(report.results)


def test_the_risk_coverage_curve_is_of_right_answers_in_order_of_trust() -> None:
    cases = [case("ten", "Ten", at=TEN), case("sora", "No", at=SORA), case("far"), case("down", "Ten")]
    report = run(
        cases, ten=answered(TEN, confidence=0.9), sora=answered(TEN, confidence=0.5), far=refused(), down=LLMError("no")
    )
    assert [point.risk for point in risk_curve(report.results)] == pytest.approx([1.0, 1 / 2, 2 / 3, 3 / 4])
    assert measure(report, AURC).value == pytest.approx((1.0 + 1 / 2 + 2 / 3 + 3 / 4) / 4)


def test_auroc_says_how_well_trust_tells_the_kinds_apart() -> None:
    cases = [case("ten", "Ten"), case("sora", "No"), case("far"), case("near")]
    report = run(
        cases,
        ten=answered(TEN, confidence=0.9),
        sora=answered(SORA, confidence=0.5),
        far=refused(),  # no hit at all ranks lowest
        near=answered(SORA, confidence=0.5),
    )
    assert measure(report, AUROC).value == pytest.approx(3.5 / 4)
    assert str(AUROC) not in [found.name for found in summarize(run(cases[:1], ten=answered(TEN)).results)]


def test_a_report_of_no_cases_has_no_measures() -> None:
    report = run([])
    assert summarize(report.results) == []
    assert "0 questions" in as_table(report)


def test_what_the_command_line_prints_scores_like_the_answer_itself() -> None:
    answer, one = answered(TEN, SORA), case("ten", "Ten", at=TEN)
    printed = Reply.from_json(json.dumps(answer.to_dict()))
    assert score(one, printed, article_text=lambda _: TEXT) == run([one], ten=answer).results[0]


def test_what_the_command_line_prints_costs_what_the_answer_cost() -> None:
    answer = replace(answered(TEN), timings={"search": 0.5}, tokens={"in": 3})
    printed = Reply.from_json(json.dumps(answer.to_dict()))
    assert (printed.seconds, printed.tokens) == ({"search": 0.5}, {"in": 3})


ANSWERED: dict[str, Any] = {"text": "Ten.", "found": True, "sentences": [], "citations": [], "hits": []}
OUT_OF_RANGE: list[dict[str, Any]] = [
    {"timings": {"total": 1e308}},
    {"timings": {"total": -1}},
    {"timings": {"x" * 51: 1}},
    {"timings": {str(number): 1 for number in range(51)}},
    {"tokens": {"in": 10**13}},
]


@pytest.mark.parametrize("line", ["{", "[]", '{"text": "x"}', *(json.dumps(ANSWERED | each) for each in OUT_OF_RANGE)])
def test_a_line_that_is_no_answer_is_refused(line: str) -> None:
    with pytest.raises(TestSetError, match="Cannot read an answer"):
        Reply.from_json(line)


def test_a_report_that_was_saved_comes_back_equal() -> None:
    cases = [case("ten", "Ten", at=TEN), case("far"), case("sora", "No")]
    answer = replace(answered(TEN, SORA, confidence=float("inf")), timings={"search": 1 / 3}, tokens={"in": 7})
    assistant = ScriptedAssistant({"ten": answer, "far": LLMError("no"), "sora": refused()})
    report = evaluate(assistant, cases, settings={"encoder": "bundled"})
    assert report.settings == {"encoder": "bundled"}
    assert "python" in report.versions
    assert from_json(to_json(report)) == report
    assert summarize(from_json(to_json(report)).results) == summarize(report.results)
    assert [result_from_json(line.rstrip(",")) for line in to_json(report).splitlines()[1:-1]] == list(report.results)
    assert from_json(to_json(Report(results=()))) == Report(results=())


def test_the_same_answers_give_the_same_bytes_apart_from_their_cost() -> None:
    one, other = (
        run([case("ten", "Ten", at=TEN)], ten=replace(answered(TEN), timings={"search": seconds})).results[0]
        for seconds in (0.1, 0.2)
    )
    assert result_to_json(one) != result_to_json(other)
    assert result_to_json(replace(one, cost=None)) == result_to_json(replace(other, cost=None))


@pytest.mark.parametrize("line", ["", "{}", '{"id": "x", "question": "x", "answerable": 1, "said": "", "found": true}'])
def test_a_line_that_is_no_saved_row_is_refused(line: str) -> None:
    with pytest.raises(TestSetError, match="Cannot read a saved result"):
        result_from_json(line)


@pytest.mark.parametrize("text", ["", "{}", '{"format": 1, "settings": {}, "versions": {}, "rows": []}'])
def test_a_file_that_is_no_saved_run_is_refused(text: str) -> None:
    with pytest.raises(TestSetError, match="Cannot read the saved run"):
        from_json(text)


def test_the_table_has_value_interval_and_count_for_each_measure() -> None:
    cases = [case("ten", "Ten", at=TEN), case("sora", "No", at=SORA)]
    table = as_table(run(cases, ten=answered(TEN), sora=answered(TEN)))
    line = next(line for line in table.splitlines() if line.startswith("| first citation right"))
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        "first citation right",
        "0.500",
        "0.000 to 1.000",
        "1/2",
    ]
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert len({len(row) for row in rows}) == 1


def test_misses_show_what_was_said_and_what_was_expected() -> None:
    cases = [case("ten", "Ten", "10", at=TEN), case("sora", "No", at=SORA), case("far"), case("names", at=NAMES)]
    misses = as_misses(run(cases, ten=answered(SORA), sora=answered(SORA), far=answered(TEN), names=refused()))
    assert "- ten: ten\n    said:     Sora is not open source." in misses
    assert "expected: Ten | 10 — “Ten firms were picked.”" in misses
    assert "- sora" not in misses
    assert "expected: (a refusal)" in misses
    assert "said:     (refused) The articles do not say." in misses
    assert as_misses(run([])) == "No misses."


def test_results_of_earlier_versions_load_and_results_are_written_for_them_too() -> None:
    result = run([case("ten", "Ten", at=TEN)], ten=answered(TEN, confidence=0.25)).results[0]
    written = json.loads(result_to_json(result))
    assert written["confidence"] == written["trust"] == 0.25
    del written["confidence"]  # as versions before 0.2 wrote it
    assert result_from_json(json.dumps(written)) == result


def test_answers_of_earlier_versions_keep_their_confidence() -> None:
    printed = answered(TEN, confidence=0.25).to_dict()
    for name in ("confidence", "trust"):
        printed.pop(name, None)
    for name in ("confidence", "trust"):
        assert Reply.from_json(json.dumps(printed | {name: 0.25})).confidence == 0.25
