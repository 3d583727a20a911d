"""The claims bench: an honest LLM and a lying one, measured on a text of three sentences."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = {
    "title": "The ferry to Skye",
    "text": "The ferry to Skye leaves at seven in the morning. It carries forty cars. The captain is Moira Tanswell.",
    "items": [
        {
            "question": "When does the ferry to Skye leave?",
            "answerable": True,
            "evidence": ["The ferry to Skye leaves at seven in the morning."],
            "answer": "The ferry to Skye leaves at seven in the morning.",
            "lies": [{"kind": "wrong number", "text": "The ferry to Skye leaves at nine in the morning."}],
        },
        {"question": "How much does a ticket to Mars cost?", "answerable": False},
    ],
}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(REPOSITORY / "bench"))
    return importlib.import_module("claims")


def test_each_sentence_cites_the_passages_with_the_evidence(bench: Any) -> None:
    prompt = "[1] A\n\nThe owl sleeps.\n\n[2] B\n\nThe fox crossed the river at night."
    assert bench.passage_number(prompt, "The fox crossed the river at night.") == 2
    assert bench.passage_number(prompt, "The hen laid an egg.") is None
    assert bench.cited("It was dark. The fox crossed.", prompt, ["The fox crossed", "The owl"]) == (
        "It was dark. [1][2] The fox crossed. [1][2]"
    )
    assert bench.cited("Nothing.", prompt, ["The hen"]) == "Nothing."


def test_an_honest_answer_is_shown_and_a_lie_is_caught(bench: Any, tmp_path: Path) -> None:
    file = tmp_path / "tiny.jsonl"
    file.write_text(json.dumps(TEXT) + "\n", encoding="utf-8")

    found = bench.figures(bench.measure(file))

    assert {name: value for name, (_, value, _, _) in found.items()} == {
        "answered": 1.0,
        "first citation right": 1.0,
        "near misses refused": 1.0,
        "answered and sure": 1.0,
        "near misses refused or unsure": 1.0,
        "asked": 1.0,
        "lost": 0.0,
        "whole and unflagged": 1.0,
        "sentences flagged": 0.0,
        "lies caught": 1.0,
        "lies caught: wrong number": 1.0,
        "AUROC": 1.0,
    }
    assert "| lost | 0.00 [0.00, 0.00] of 1 |" in bench.as_markdown({"tiny": found})


def test_a_text_that_is_asked_alone_is_asked_questions_of_others_too(bench: Any, tmp_path: Path) -> None:
    other = {
        "title": "Owls",
        "text": "Owls hunt at night.",
        "items": [
            {
                "question": "What does the bird eat at noon?",
                "answerable": True,
                "evidence": ["Owls hunt at night."],
                "answer": "They hunt at night.",
                "lies": [{"kind": "time shifted", "text": "They hunt at noon."}],
            }
        ],
    }
    file = tmp_path / "two.jsonl"
    file.write_text(json.dumps(TEXT) + "\n" + json.dumps(other) + "\n", encoding="utf-8")

    found = bench.figures(bench.measure(file, with_llm=False, alone=True))

    assert found["off topic refused"][:2] == (4, 1.0)
    assert found["first citation right"][0] == 2
