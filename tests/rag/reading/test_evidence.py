"""The sentences that answer a question: ranked by similarity, and corrected by a reader of the likely passages."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from index import Encoder, Index, SearchResult
from rag.reading.evidence import rank_sentences, read_passages, with_readings
from rag.reading.reader import Pair, Reading

ARTICLES = (
    "The ferry to Lunna was cancelled on Monday. A broken shaft was found in the engine room.",
    "The ferry to Skerra sails again. Passengers welcomed the news on Tuesday.",
    "Bread costs more this year. Bakers blame the price of flour.",
)


class Recorder:
    """A reader that prefers one sentence and remembers what it has read."""

    name = "recorder"
    kinds = ("question",)

    def __init__(self, preferred: str = "") -> None:
        self.read_texts: list[str] = []
        self._preferred = preferred

    def read(self, kind: str, pairs: Sequence[Pair]) -> list[Reading]:
        self.read_texts += [pair.passage for pair in pairs]
        return [
            Reading(1.0, tuple(20.0 * (self._preferred in p.passage[s.start : s.end] != "") for s in p.sentences))
            for p in pairs
        ]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, bundled_encoder: Encoder) -> Index:
    folder = tmp_path_factory.mktemp("evidence")
    for number, text in enumerate(ARTICLES):
        (folder / f"{number}.txt").write_text(text, encoding="utf-8")
    index = Index(folder / "index", bundled_encoder)
    index.sync([folder / f"{number}.txt" for number in range(len(ARTICLES))])
    return index


def _best(found: SearchResult, reader: Recorder) -> str:
    ranked = rank_sentences(found)
    return with_readings(found, ranked, read_passages(found, reader, ranked))[0].text


@pytest.mark.parametrize(
    ("question", "similar", "preferred"),
    [
        ("What stopped the ferry to Lunna?", "The ferry to Lunna was cancelled", "A broken shaft was found"),
        ("Who said what of the ferry to Skerra?", "The ferry to Skerra sails", "Passengers welcomed the news"),
        ("Why does bread cost more?", "Bread costs more", "Bakers blame the price"),
    ],
)
def test_a_reader_corrects_the_similarities(question: str, similar: str, preferred: str, index: Index) -> None:
    found = index.find(question, 3)
    assert rank_sentences(found)[0].text.startswith(similar)
    assert _best(found, Recorder(preferred)).startswith(preferred)
    assert _best(found, Recorder()).startswith(similar), "a reader that finds all alike changes nothing"


def test_a_reader_cannot_outweigh_a_similarity_that_is_far_higher(index: Index) -> None:
    found = index.find("Why was the ferry to Lunna cancelled?", 3)
    assert _best(found, Recorder("A broken shaft was found")).startswith("The ferry to Lunna was cancelled")


@pytest.mark.parametrize("question", ["Why does bread cost more?", "What do bakers say about flour?"])
def test_a_passage_that_is_far_less_similar_is_not_read(question: str, index: Index) -> None:
    found = index.find(question, 3)
    reader = Recorder()
    ranked = rank_sentences(found)
    readings = read_passages(found, reader, ranked)
    assert len(found.passages) == 3
    assert reader.read_texts == [ARTICLES[2]]
    after = with_readings(found, ranked, readings)
    assert len(after) == len(ranked), "its sentences may still be quoted"
    assert read_passages(found, reader, ranked, reach=9.0).keys() == {1, 2, 3}


def test_two_passages_that_are_nearly_as_similar_are_both_read(index: Index) -> None:
    reader = Recorder()
    found = index.find("Where does the ferry go?", 3)
    read_passages(found, reader, rank_sentences(found))
    assert set(reader.read_texts) == set(ARTICLES[:2])


def test_a_question_in_a_script_that_the_model_does_not_know_is_not_read(index: Index) -> None:
    reader = Recorder()
    found = index.find("为什么渡轮取消了？", 3)
    ranked = rank_sentences(found)
    assert read_passages(found, reader, ranked) == {}
    assert with_readings(found, ranked, {}) == ranked
    assert reader.read_texts == []
