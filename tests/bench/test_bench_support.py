"""The bench of the support check makes true sentences false, by rules of its own, and prints one table."""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
PASSAGE = "In 1998, the engineer Larry Page founded Google in Menlo Park. It was not public before 2004, unlike Yahoo."


@pytest.fixture(scope="module")
def swaps() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_swaps", BENCH / "swaps.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", range(8))
def test_a_number_is_exchanged_for_one_of_the_passage_or_a_larger_one(swaps: ModuleType, seed: int) -> None:
    true = "In 1998, the engineer Larry Page founded Google in Menlo Park."
    false = swaps.change_number(true, PASSAGE, [], random.Random(seed))
    old, new = true.split(" ")[1], false.split(" ")[1]
    assert old == "1998,"
    assert new in {"2004,", "1999,", "2000,", "2005,", "2008,"}
    assert false.replace(new, old) == true


@pytest.mark.parametrize("seed", range(8))
def test_a_name_is_exchanged_for_another(swaps: ModuleType, seed: int) -> None:
    true = "In 1998, the engineer Larry Page founded Google."
    others = ["Later the firm Excite fell."]
    false = swaps.change_name(true, PASSAGE, others, random.Random(seed))
    assert false != true
    assert set(false.rstrip(".").split()) - set(true.rstrip(".").split()) <= {"Yahoo", "Excite", "Menlo", "Park"}


def test_a_negation_is_put_in_or_taken_out(swaps: ModuleType) -> None:
    assert swaps.change_negation("It was not public.") == "It was public."
    assert swaps.change_negation("It was public.") == "It was not public."
    assert swaps.change_negation("It never was public.") is None
    assert swaps.change_negation("Pigs fly.") is None


def test_what_cannot_be_exchanged_is_left_out(swaps: ModuleType) -> None:
    assert swaps.change_number("No number here.", PASSAGE, [], random.Random(0)) is None
    assert swaps.change_name("no name here.", PASSAGE, [PASSAGE], random.Random(0)) is None


@pytest.mark.nightly
def test_the_bench_prints_a_row_for_each_kind_and_can_fail(tmp_path: Path) -> None:
    folder = tmp_path / "squad2"
    folder.mkdir()
    (folder / "docs.jsonl").write_text(json.dumps({"id": "g", "title": "Google", "text": PASSAGE}), encoding="utf-8")
    (folder / "questions.jsonl").write_text("", encoding="utf-8")
    command = [sys.executable, str(BENCH / "support.py"), str(tmp_path)]
    done = subprocess.run([*command, "--fail-under", "0.95"], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1].strip() for line in done.stdout.splitlines() if line.startswith("| ")]
    assert rows[1:] == ["quoted", "name exchanged", "negation in or out", "number exchanged", "**all false sentences**"]
    assert "A check takes" in done.stdout
