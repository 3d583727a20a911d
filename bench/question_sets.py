"""Sets of documents and questions with known answers, and the rules for right results.

A set is a folder with `docs.jsonl`, one `{"id", "title", "text"}` per line, and `questions.jsonl`, one `{"id",
"question", "answers", "doc_ids", "evidence", "answerable", "lang", "answer_type"}` per line. An article with its test
set, in the format of `citechat eval`, is also a set, in which a result is right if it overlaps the evidence.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.evaluate import read_cases
from rag.evaluate.metrics.text import contains_answer, words

SETS = ("squad2", "clapnq", "xquad_en_zh")
"""The names of the sets."""

CONTEXT = 500  # words of context that may hold the answer; characters in Chinese
_LEAST_OF_GOLD = 0.6  # share of a gold sentence's words that must be there: half a sentence is not the sentence


@dataclass(frozen=True, slots=True)
class Document:
    """A document in a set."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question; `document` is the id of the document that answers it or, if none does, that it seems to be about.

    A result is right if it overlaps `places`, the offsets of the evidence in the file. If these are not known, it is
    right if it matches one of the gold sentences in `evidence` or, unless `by_evidence`, contains one of `answers`.
    """

    text: str
    answerable: bool
    document: str
    topic: str
    answers: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    by_evidence: bool = False
    chinese: bool = False
    places: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Documents, and questions about them; `whole` is the article file to index if the set is a single article."""

    name: str
    documents: tuple[Document, ...]
    questions: tuple[Question, ...]
    whole: Path | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """A piece of a document; offsets count from the start of its text or, for a single article, of its file."""

    document: str
    start: int
    end: int
    text: str


def read_sets(
    folder: Path, names: Sequence[str], article: Path | None = None, test_set: Path | None = None
) -> list[QuestionSet]:
    """Return the sets with these names that exist in a folder, then the article with its test set if both are given."""
    sets = [read_set(folder / name) for name in names if (folder / name).is_dir()]
    return [*sets, read_article(article, test_set)] if article and test_set else sets


def read_set(folder: Path) -> QuestionSet:
    """Read and return the set in a folder."""
    documents = tuple(Document(row["id"], row["title"].strip(), row["text"]) for row in _rows(folder / "docs.jsonl"))
    titles = {document.id: document.title for document in documents}
    questions = tuple(
        Question(
            text=row["question"],
            answerable=row["answerable"],
            document=row["doc_ids"][0],
            topic=topic(titles[row["doc_ids"][0]]),
            answers=tuple(row["answers"]),
            evidence=tuple(row["evidence"]),
            by_evidence=row["answer_type"] == "free",
            chinese=row["lang"] == "zh",
        )
        for row in _rows(folder / "questions.jsonl")
    )
    return QuestionSet(folder.name, documents, questions)


def read_article(article: Path, test_set: Path) -> QuestionSet:
    """Return an article and its test set, as for `citechat eval`, as a set. Raises `TestSetError` if it is invalid."""
    text = article.read_bytes().decode("utf-8")
    document = Document(str(article.resolve()), text.partition("\n")[0].strip(), text)
    questions = tuple(
        Question(
            text=case.question,
            answerable=case.answerable,
            document=document.id,
            topic=topic(document.title),
            answers=case.answers,
            evidence=tuple(evidence.text for evidence in case.evidence),
            by_evidence=True,
            places=tuple((evidence.start, evidence.end) for evidence in case.evidence),
        )
        for case in read_cases(test_set)
    )
    return QuestionSet("article", (document,), questions, whole=article)


def write_files(documents: Iterable[Document], folder: Path) -> Path:
    """Write each document as a Markdown file with its title, and with its id as the source; return the folder."""
    folder.mkdir(parents=True)
    for number, document in enumerate(documents):
        title, source = (json.dumps(value, ensure_ascii=False) for value in (document.title, document.id))
        head = f"---\ntitle: {title}\nsource: {source}\n---\n"
        (folder / f"{number:05d}.md").write_text(head + document.text, encoding="utf-8", newline="")
    return folder


def topic(title: str) -> str:
    """Return the title in a normalized form; documents with the same title belong to the same article."""
    return title.replace("_", " ").casefold()


def in_right_place(question: Question, piece: Slice) -> bool:
    """Return whether a piece is from the right document or, if the offsets of the evidence are known, overlaps it."""
    if question.places:
        return _overlaps(question, piece)
    return piece.document == question.document


def has_answer(question: Question, piece: Slice) -> bool:
    """Return whether a sentence answers: it overlaps the evidence, matches a gold sentence or contains an answer.

    It matches a gold sentence if one contains the other and it has at least 60% of the gold sentence's words.
    """
    if question.places:
        return _overlaps(question, piece)
    if question.by_evidence:
        return any(_is_gold(words(piece.text), words(gold)) for gold in question.evidence)
    return contains_answer(piece.text, question.answers)


def in_context(question: Question, pieces: Sequence[Slice]) -> bool:
    """Return whether the answer, or a gold sentence, is in the first 500 words (Chinese: characters) of the pieces."""
    texts = [piece.text for piece in pieces]
    context = "".join(texts)[:CONTEXT] if question.chinese else " ".join(" ".join(texts).split()[:CONTEXT])
    return contains_answer(context, question.evidence if question.by_evidence else question.answers)


def ranked_places(question: Question, pieces: Sequence[Slice]) -> list[bool]:
    """Return whether each distinct document (or piece, if the evidence has known offsets) is right, best first."""
    if question.places:
        return [in_right_place(question, piece) for piece in pieces]
    return [document == question.document for document in dict.fromkeys(piece.document for piece in pieces)]


def _overlaps(question: Question, piece: Slice) -> bool:
    return any(piece.start < end and start < piece.end for start, end in question.places)


def _is_gold(said: list[str], gold: list[str]) -> bool:
    shared = (Counter(said) & Counter(gold)).total()
    return bool(gold) and shared >= _LEAST_OF_GOLD * len(gold) and (_holds(said, gold) or _holds(gold, said))


def _holds(outer: list[str], inner: list[str]) -> bool:
    return any(outer[at : at + len(inner)] == inner for at in range(len(outer) - len(inner) + 1))


def _rows(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line.strip()]
