"""No answer is an echo: a question, heading, label or caption of the article instead of what follows it.

`echo_traps.jsonl` has 60 questions about 15 texts, written by somebody who had not seen the program.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from index import Encoder, Index
from rag import Answer, Assistant

TRAPS = [
    json.loads(line) for line in (Path(__file__).parent / "echo_traps.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, bundled_encoder: Encoder) -> list[Answer]:
    """The answer to each question from its text alone."""
    folder = tmp_path_factory.mktemp("traps")
    assistants: dict[str, Assistant] = {}
    for number, trap in enumerate(TRAPS):
        if trap["text"] not in assistants:
            file = folder / f"{number}.txt"
            file.write_text(trap["text"], encoding="utf-8")
            index = Index(folder / f"index{number}", bundled_encoder)
            index.sync([file])
            assistants[trap["text"]] = Assistant(index)
    return [assistants[trap["text"]].ask(trap["question"]) for trap in TRAPS]


def plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text).strip().lower()


def test_no_quote_is_an_echo(answers: list[Answer]) -> None:
    echoes = [
        (trap["question"], citation.quote)
        for trap, answer in zip(TRAPS, answers, strict=True)
        for citation in answer.citations
        if plain(citation.quote) == plain(trap["echo"])
    ]
    assert echoes == []


def test_no_quote_is_a_question(answers: list[Answer]) -> None:
    quotes = [citation.quote for answer in answers for citation in answer.citations]
    assert [quote for quote in quotes if quote.rstrip("*_ ").endswith("?")] == []


def test_what_follows_the_question_is_quoted_in_most_cases(answers: list[Answer]) -> None:
    right = sum(trap["answer_has"].lower() in answer.text.lower() for trap, answer in zip(TRAPS, answers, strict=True))
    assert right >= 48
