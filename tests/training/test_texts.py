"""The texts written for training: their evidence is exact, and every kind of lie occurs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

FILES = sorted((Path(__file__).resolve().parents[2] / "training" / "texts").glob("*.jsonl"))
KINDS = {
    "reversed relation", "attribution", "wrong cause", "wrong number", "over-generalised", "mixed up two facts",
    "hedge removed", "invented detail", "negated", "wrong name", "time shifted", "outside knowledge",
    "wrong condition", "wrong place", "wrong unit",
}  # fmt: skip


def texts(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_evidence_is_an_exact_and_unique_part_of_its_text(file: Path) -> None:
    for text in texts(file):
        for item in text["items"]:
            for evidence in item.get("evidence", ()):
                assert text["text"].count(evidence) == 1, (text["id"], evidence)
        for item in text.get("questions", ()):
            assert item["question"].strip()
            for evidence in item["evidence"]:
                assert text["text"].count(evidence) == 1, (text["id"], evidence)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_answerable_question_has_an_answer_and_lies_that_differ_from_it_and_others_say_what_is_missing(
    file: Path,
) -> None:
    for text in texts(file):
        for item in text["items"]:
            if item["answerable"]:
                honest = {item["answer"], *item.get("also", ())}
                assert item["evidence"], item["question"]
                assert all(honest)
                assert item["lies"], item["question"]
                assert honest.isdisjoint(lie["text"] for lie in item["lies"]), item["question"]
            else:
                assert item["why"], item["question"]


def test_every_kind_of_lie_occurs_often() -> None:
    lies = Counter(
        lie["kind"] for file in FILES for text in texts(file) for item in text["items"] for lie in item.get("lies", ())
    )
    assert set(lies) == KINDS
    assert min(lies.values()) >= 20


def test_there_are_enough_pairs() -> None:
    items = [item for file in FILES for text in texts(file) for item in text["items"]]
    assert sum(1 + len(item.get("also", ())) + len(item["lies"]) for item in items if item["answerable"]) >= 3000
    assert sum(not item["answerable"] for item in items) >= 200
