"""The bench of three assistants: the same questions for all, and a hasty model that is caught."""

from __future__ import annotations

import html
import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from index import Hit, Passage
from rag import Answer
from rag.evaluate import from_json
from rag.prompts import answer_messages

REPOSITORY = Path(__file__).resolve().parents[2]
TEXTS = {
    "d1": "The harbour reopened on Monday. Twelve ships had waited outside for 3 days. The mayor was glad.",
    "d2": "The ferry to the island sails every hour. In summer it sails every half hour.",
}
ASKED = [
    ("q1", "When did the harbour reopen?", ["Monday"], "d1", "The harbour reopened on Monday."),
    (
        "q2",
        "How often does the ferry sail in summer?",
        ["every half hour"],
        "d2",
        "In summer it sails every half hour.",
    ),
    ("q3", "How many ships had waited outside?", ["Twelve"], "d1", "Words that stand nowhere."),
    ("q4", "Who discovered the moons of Jupiter?", [], "d1", ""),
]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(REPOSITORY / "bench")
    return importlib.import_module


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with one set of two documents and four questions, one without an answer."""
    folder = tmp_path / "data" / "squad2"
    folder.mkdir(parents=True)
    documents = [{"id": name, "title": f"Story {name}", "text": text} for name, text in TEXTS.items()]
    questions = [
        {
            "id": name,
            "question": question,
            "answers": answers,
            "doc_ids": [document],
            "evidence": [evidence] if evidence else [],
            "answerable": bool(answers),
            "lang": "en",
            "answer_type": "span",
        }
        for name, question, answers, document, evidence in ASKED
    ]
    for name, rows in (("docs", documents), ("questions", questions)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return folder.parent


def said(bench: Any, question: str, *texts: str) -> str:
    hits = [Hit(Passage(str(n), 0, len(text), text), f"Story {n}", "s", None, 1.0) for n, text in enumerate(texts)]
    return str(bench("hasty").said(str(answer_messages(question, hits)[-1].content)))


def test_the_hasty_model_reads_the_passages_as_they_are_put_to_models(bench: Any) -> None:
    moods = [said(bench, f"How often in summer, each half hour{'?' * n}", *TEXTS.values()) for n in range(40)]
    assert all("In summer it sails every half hour. [2]" in each for each in moods)
    assert len({re.sub(r"\d", "", each) for each in moods}) == 3, "as it is, said by the article, with more added"
    ships = {said(bench, f"How many days had the twelve ships waited{'?' * n}", *TEXTS.values()) for n in range(40)}
    assert any("10 days" in each for each in ships), "a number is changed"


def test_the_questions_of_a_set_become_cases_with_the_evidence_that_stands_in_the_text(bench: Any, data: Path) -> None:
    module = bench("assistants")
    first, second, third, last = module.cases_of(bench("question_sets").read_set(data / "squad2"))
    assert [evidence.text for evidence in first.evidence] == ["The harbour reopened on Monday."]
    assert second.evidence[0].source == "d2"
    assert third.evidence == ()
    assert (last.answerable, last.answers) == (False, ())
    assert first.tags == ("squad2",)


@pytest.mark.nightly
def test_three_assistants_are_asked_and_shown_in_one_page(
    bench: Any, data: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("assistants").main([str(data), "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "tutorial (a) and extractive (b): 4 questions" in printed
    assert "Evaluation beyond answering" in printed
    runs = {
        name: from_json((tmp_path / "out" / f"{name}.json").read_bytes())
        for name in ("tutorial", "extractive", "hasty-model")
    }
    assert {len(run.results) for run in runs.values()} == {4}
    assert not any(row.bad_citations for run in runs.values() for row in run.results)
    assert all(row.found for row in runs["tutorial"].results), "it refuses nothing"
    assert not runs["extractive"].results[-1].found
    page = html.unescape((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert all(name in page for name in runs)


def test_the_tutorial_s_answer_is_a_sentence_of_a_chunk_that_it_cites(bench: Any, data: Path, home: Path) -> None:
    from index import Index
    from rag import load_settings, open_index

    sets, pipelines = bench("question_sets"), bench("pipelines")
    questions = sets.read_set(data / "squad2")
    encoder = pipelines.RememberingEncoder(open_index(load_settings(encoder="bundled")).encoder)
    index = Index(home / "index-of-test", encoder)
    index.sync([sets.write_files(questions.documents, home / "files")])
    answer: Answer = (
        bench("assistants").TutorialAssistant(questions, index, encoder).ask("When did the harbour reopen?")
    )
    (citation,) = answer.citations
    assert citation.quote == "The harbour reopened on Monday."
    article = index.article(citation.article_id)
    assert article is not None
    assert article.text[citation.start : citation.end] == citation.quote
