"""The bench with readers' questions: a perfect LLM gets a full score, and citations are scored by nuggets."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ARTICLE = (
    "The ferry to Skye\n\nThe ferry to Skye leaves at seven in the morning. It carries forty cars.\n\n"
    "The captain is Moira Tanswell. She said that the storm had closed the harbour for two days.\n"
)


def _span(words: str) -> dict[str, int]:
    return {"start": ARTICLE.index(words), "end": ARTICLE.index(words) + len(words)}


LEAVES, CARRIES = "The ferry to Skye leaves at seven in the morning.", "It carries forty cars."
STORM = "She said that the storm had closed the harbour for two days."


def _item(question: str, expect: str, *nuggets: str, need: int = 1, history: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "id": question[:8],
        "kind": expect,
        "question": question,
        "history": list(history),
        "expect": expect,
        "nuggets": [[_span(words)] for words in nuggets],
        "need": need if nuggets else 0,
    }


ITEMS = [
    _item("What is this article about?", "answer", LEAVES, STORM, need=2),
    _item("cars?", "answer", CARRIES),
    _item("What did she say?", "answer", STORM, history=("Who is the captain?",)),
    _item("Thanks!", "talk"),
    _item("Who paid for the harbour of Oslo?", "refuse"),
]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(REPOSITORY / "bench"))
    return importlib.import_module("reader_questions")


def test_an_llm_that_reads_well_gets_a_full_score(bench: Any, tmp_path: Path) -> None:
    article, questions = tmp_path / "ferry.txt", tmp_path / "questions.jsonl"
    article.write_text(ARTICLE, encoding="utf-8")
    questions.write_text("\n".join(map(json.dumps, ITEMS)), encoding="utf-8")

    found = bench.measure(article, questions)

    assert [(item["question"], points) for item, _, points in found] == [(item["question"], 1.0) for item in ITEMS]


def test_too_few_nuggets_score_their_share_and_a_refusal_scores_nothing(bench: Any, tmp_path: Path) -> None:
    article, questions = tmp_path / "ferry.txt", tmp_path / "questions.jsonl"
    article.write_text(ARTICLE, encoding="utf-8")
    items = [_item("When does the ferry to Skye leave?", "answer", LEAVES, STORM, need=2), _item("hi", "answer", STORM)]
    questions.write_text("\n".join(map(json.dumps, items)), encoding="utf-8")

    found = bench.measure(article, questions, with_llm=False)

    assert [points for _, _, points in found] == [0.5, 0.0]
