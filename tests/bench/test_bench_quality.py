"""The quality bench counts what it says it counts, on sets small enough to check by eye."""

from __future__ import annotations

import importlib
import json
from argparse import ArgumentTypeError
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
DOCUMENTS = [
    {"id": "a", "title": "Steam engine", "text": "The first engine was built by Newcomen in 1712. It pumped water."},
    {"id": "b", "title": "Steam engine", "text": "Watt added a separate condenser. That saved coal."},
    {"id": "c", "title": "Warsaw", "text": "Warsaw lies on the Vistula. The old town was rebuilt after the war."},
]
QUESTIONS = [
    {"question": "Who built the first engine?", "answers": ["Newcomen"], "doc_ids": ["a"], "answerable": True},
    {"question": "What did Watt add?", "answers": ["a separate condenser"], "doc_ids": ["b"], "answerable": True},
    {"question": "Warsaw lies on which river?", "answers": ["Vistula"], "doc_ids": ["c"], "answerable": True},
    {"question": "When was the Eiffel tower painted?", "answers": [], "doc_ids": ["c"], "answerable": False},
]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The bench's modules, imported the way a script in their folder imports them."""
    monkeypatch.syspath_prepend(str(BENCH))
    names = ("question_sets", "tutorial", "pipelines", "estimates", "quality")
    return SimpleNamespace(**{name: importlib.import_module(name) for name in names})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "squad2"
    folder.mkdir(parents=True)
    rows = [{"lang": "en", "answer_type": "span", "evidence": [], **row} for row in QUESTIONS]
    for name, lines in (("docs", DOCUMENTS), ("questions", rows)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    return folder.parent


def test_chunks_are_slices_that_overlap_and_fit(bench: Any) -> None:
    text = "\n\n".join(" ".join(f"word{i}x{j}" for j in range(60)) for i in range(4)) + "\n\n" + "z" * 1500
    chunks = bench.tutorial.chunks_of(text)
    assert all(end - start <= 1000 and text[start:end] == text[start:end].strip() for start, end in chunks)
    assert {at for start, end in chunks for at in range(start, end)} >= {i for i, c in enumerate(text) if c.strip()}
    assert any(before[1] > after[0] for before, after in pairwise(chunks))


@pytest.mark.parametrize(("size", "overlap"), [(1000, 200), (40, 10), (10, 0)])
def test_chunks_are_those_of_langchain(bench: Any, size: int, overlap: int) -> None:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    text = "One two three.\n\n\nFour  five\nsix seven eight nine ten. " * 40 + "x" * 60 + "\n \n"
    expected = RecursiveCharacterTextSplitter(chunk_size=size, chunk_overlap=overlap).split_text(text)
    assert [text[start:end] for start, end in bench.tutorial.chunks_of(text, size, overlap)] == expected


def test_a_gold_sentence_counts_when_one_holds_the_other_and_most_of_it_is_there(bench: Any) -> None:
    gold = "The coat is thick , plush and soft to the touch ."
    question = bench.question_sets.Question("?", True, "a", "", evidence=(gold,), by_evidence=True)

    def counts(text: str) -> bool:
        return bench.question_sets.has_answer(question, bench.question_sets.Slice("a", 0, len(text), text))

    assert counts(gold)
    assert counts(f"{gold} It is blue .")
    assert counts("The coat is thick, plush and soft")
    assert not counts("plush and soft")
    assert not counts("The touch is thick , plush and soft to the coat .")


def test_the_context_ends_after_500_words(bench: Any) -> None:
    sets = bench.question_sets
    question = sets.Question("?", True, "a", "", answers=("needle",))
    hay = sets.Slice("a", 0, 1, "hay " * 499)
    assert sets.in_context(question, [hay, sets.Slice("b", 0, 6, "needle")])
    assert not sets.in_context(question, [hay, sets.Slice("b", 0, 10, "hay needle")])


def test_documents_are_ranked_once_each(bench: Any) -> None:
    sets = bench.question_sets
    question = sets.Question("?", True, "b", "")
    pieces = [sets.Slice(name, 0, 1, "x") for name in ("a", "a", "b", "a")]
    assert sets.ranked_places(question, pieces) == [False, True]


def test_where_places_are_known_each_piece_is_ranked_by_them(bench: Any) -> None:
    sets = bench.question_sets
    question = sets.Question("?", True, "a", "", places=((10, 20),))
    pieces = [sets.Slice("a", start, end, "x") for start, end in ((0, 10), (19, 30))]
    assert sets.ranked_places(question, pieces) == [False, True]
    assert [sets.has_answer(question, piece) for piece in pieces] == [False, True]


def test_questions_about_an_article_that_both_sets_hold_are_not_off_topic(bench: Any) -> None:
    sets = bench.question_sets

    def of(name: str, titles: list[str]) -> Any:
        documents = tuple(sets.Document(f"{name}{i}", title, "text") for i, title in enumerate(titles))
        questions = tuple(sets.Question(f"{d.title}?", True, d.id, sets.topic(d.title)) for d in documents)
        return sets.QuestionSet(name, documents, questions)

    one, other = of("one", ["Huguenot", "Warsaw"]), of("other", ["huguenot", "Nikola_Tesla"])
    assert [each.text for each in bench.quality.foreign_questions(one, [one, other])] == ["Nikola_Tesla?"]


def test_the_difference_of_two_areas_is_paired(bench: Any) -> None:
    scores = ([0.9, 0.8, 0.3], [0.5, 0.1])
    figure = bench.estimates.areas("s", scores, scores)
    assert figure.n == "3 / 2"
    assert figure.citechat.value == figure.tutorial.value == pytest.approx(5 / 6)
    assert figure.difference == (0.0, 0.0, 0.0)
    assert bench.estimates.areas("s", ([2.0], [1.0]), ([1.0], [1.0])).difference.value == 0.5


def test_the_whole_run_prints_tables_and_fails_under_a_gate(
    bench: Any,
    data: Path,
    hashing_encoder: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bench.quality, "open_encoder", lambda engine: hashing_encoder)
    file = tmp_path / "figures.json"
    code = bench.quality.main([str(data), "--json", str(file), "--fail-under", "squad2.first=0.5,squad2.none=0.1"])
    printed = capsys.readouterr()
    assert code == 2
    assert printed.err.strip().splitlines()[-1] == "gate not met: squad2.none is not measured, wanted 0.1"
    figures = {(row["subject"], row["measure"]): row for row in json.loads(file.read_text(encoding="utf-8"))}
    assert figures["squad2", "first"]["citechat"][0] == 1.0
    assert figures["squad2", "sentence"]["citechat"][0] == 1.0
    assert figures["squad2", "first"]["difference"] is not None
    assert figures["unanswerable squad2", "auroc"]["n"] == "3 / 1"
    assert "| squad2 | right document first | 3 | 1.000 [" in printed.out
    assert len(hashing_encoder.embedded) == len(set(hashing_encoder.embedded)), "each text is encoded once"


@pytest.mark.parametrize("text", ["squad2.first", "squad2.first=2", "=0.5", "squad2.first=x"])
def test_a_gate_that_cannot_be_read_is_refused(bench: Any, text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not NAME=SHARE"):
        bench.quality.parse_gates(text)
