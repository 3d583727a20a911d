"""The bench of lies: its honest answers say what the article says, and its lies do not."""

from __future__ import annotations

import importlib
import random
from pathlib import Path
from typing import Any

import pytest

from rag import load_settings, open_index

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLES = REPOSITORY / "samples"
TRUE = "“It is a data tool with 30 rooms,” said Emma Lin of Shanghai, who did not sign it."
PASSAGE = f"The museum opened in 2019. {TRUE}"
OTHERS = ["Paul Anders told reporters in Oslo that 12 ships had sunk."]


@pytest.fixture
def lies(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(REPOSITORY / "bench")
    return importlib.import_module("lies")


def test_an_honest_answer_holds_the_sentence_as_it_is(lies: Any) -> None:
    assert all(TRUE in text for _, text in lies.honest(TRUE))


@pytest.mark.parametrize("seed", range(5))
def test_no_lie_is_the_sentence_itself(lies: Any, seed: int) -> None:
    told = list(lies.lies(TRUE, PASSAGE, OTHERS, random.Random(seed)))
    assert all(text != TRUE for _, text in told)
    assert {"number changed", "name changed", "turned round", "said by another", "invented"} <= {k for k, _ in told}


def test_what_was_said_by_another_is_put_in_the_mouth_of_a_stranger(lies: Any) -> None:
    told = dict(lies.lies(TRUE, PASSAGE, OTHERS, random.Random(1)))
    assert "Paul Anders" in told["said by another"]
    assert "Emma Lin" not in told["said by another"]


def test_the_sentence_that_holds_the_evidence_is_found_whole(lies: Any, samples_home: Path) -> None:
    found = open_index(load_settings(home=samples_home)).find("What is the name of ByteDance's video tool?", 6)
    place = lies.evidence_in(found, ["Boximator"])
    assert place is not None
    number, sentence = place
    assert "Boximator" in sentence
    assert sentence in found.hits[number - 1].passage.text
    assert lies.evidence_in(found, ["a thing that no passage says"]) is None


@pytest.mark.nightly
def test_over_the_samples_lies_and_honest_answers_are_told_apart(
    lies: Any, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(SAMPLES / "briefing.md"), str(SAMPLES / "questions.jsonl"), "--fail-under", "0.95"]
    assert lies.main(given) == 0
    printed = capsys.readouterr().out
    assert "| **all lies** |" in printed
    assert "From the model's first letters to ours" in printed
    assert lies.main([*given[:2], "--fail-under", "1.01"]) == 2


def test_an_article_that_is_not_there_is_one_line(
    lies: Any, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lies.main([str(tmp_path / "none.txt"), str(SAMPLES / "questions.jsonl")]) == 1
    assert "There is no file or folder" in capsys.readouterr().err
