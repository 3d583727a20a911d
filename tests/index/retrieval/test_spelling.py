"""Misspelt words of a question are matched with the words of the articles."""

from __future__ import annotations

from pathlib import Path

import pytest

from index import Encoder, Index
from index.retrieval.bm25 import BM25Index
from index.retrieval.spelling import misspelt, surface_form

TEXT = (
    "The council of Northport bought sixteen trams. "
    "A motion was passed. The market measures several dimensions. Marsh was elected."
)


@pytest.fixture(scope="module")
def bm25() -> BM25Index:
    return BM25Index.of([("a:0-10", TEXT)])


@pytest.mark.parametrize(
    ("question", "corrected"),
    [
        ("how many dimesions does it measure", {"dimesions": "dimens"}),
        ("the mraket", {"mraket": "market"}),
        ("Who runs Nortport?", {"Nortport": "northport"}),
        ("which counsil met", {"counsil": "council"}),
    ],
)
def test_a_misspelt_word_is_matched_with_a_similar_word(
    question: str, corrected: dict[str, str], bm25: BM25Index
) -> None:
    assert misspelt(question, bm25) == corrected


@pytest.mark.parametrize(
    "question",
    [
        "Who bought the trams?",  # every word is known
        "Which trim?",  # a short word with one edit may be another word
        "Where is Southport?",  # more than one letter differs, among them the first
        "¿Cuántos tranvías compraron ayer nuestros vecinos felices?",  # another language
        "Who is mentioned?",  # not "motion"
        "who complained about the markings",  # words of the language, in no article
        "was the counsel fired",  # not "council"
        "Marshal's trains",
        "Combien de trams le marché mesure-t-il ?",  # not "market"
        "1984 and 2031",
        "",
    ],
)
def test_other_words_are_left_as_they_are(question: str, bm25: BM25Index) -> None:
    assert misspelt(question, bm25) == {}


def test_a_term_is_shown_as_an_article_writes_it() -> None:
    assert surface_form("dimens", TEXT) == "dimensions"
    assert surface_form("northport", TEXT) == "Northport"
    assert surface_form("bus", TEXT) is None


def test_an_index_corrects_a_question(tmp_path: Path, bundled_encoder: Encoder) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    index = Index(tmp_path / "index", bundled_encoder)
    index.sync([tmp_path / "a.txt"])
    assert index.corrected("how many dimesions in Nortport") == {"dimesions": "dimensions", "Nortport": "Northport"}
