"""The two pipelines to compare, citechat and the tutorial's, with the same interface."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from question_sets import Document, QuestionSet, Slice, write_files
from tutorial import Tutorial

from index import Encoder, Encoding, Index
from index.embedding.base import FloatArray
from rag import Answer, Assistant, load_settings, open_reader
from rag.reading.evidence import rank_sentences, read_passages, with_readings
from rag.reading.reader import Kind, Pair, Reader, Reading

DEEPEST = 10  # hits that count: those that citechat re-scores, and as deep as MRR@10 goes

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A pipeline's score for a question, higher if its documents seem to answer, and whether the pipeline answered.

    `unsure` is True if the answer has a note that the documents may not answer.
    """

    score: float
    answered: bool
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A pipeline's result for a question.

    `pieces` are the hits, best first; `sentence` is the sentence that the pipeline would quote if it never abstained;
    `shown` is the first quote that the user sees, or None for an abstention.
    """

    pieces: tuple[Slice, ...]
    sentence: Slice
    shown: Slice | None
    verdict: Verdict


class Pipeline(Protocol):
    """A question answering system over given documents."""

    def ask(self, question: str) -> Seen:
        """Return the pipeline's result for a question."""
        ...

    def weigh(self, question: str) -> Verdict:
        """Return only the verdict, which takes less work."""
        ...


class RememberingEncoder:
    """An encoder that encodes each text only once, because encoding takes most of the time with many small indexes."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._vectors: dict[str, FloatArray] = {}
        self._encodings: dict[str, Encoding] = {}
        self._queries: dict[str, Encoding] = {}

    @property
    def fingerprint(self) -> str:
        return self._encoder.fingerprint

    @property
    def dimension(self) -> int:
        return self._encoder.dimension

    @property
    def has_token_vectors(self) -> bool:
        return self._encoder.has_token_vectors

    def tokenize(self, text: str) -> list[tuple[int, int]]:
        return self._encoder.tokenize(text)

    def passages(self, texts: Sequence[str]) -> FloatArray:
        rows = _remembered(self._vectors, texts, lambda new: list(self._encoder.passages(new)))
        return np.stack(rows) if rows else self._encoder.passages([])

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        return _remembered(self._encodings, texts, self._encoder.encode)

    def query(self, text: str) -> Encoding:
        if text not in self._queries:
            self._queries[text] = self._encoder.query(text)
        return self._queries[text]


class RememberingReader:
    """A reader that reads each pair only once, because a question is asked for its answer and for its best sentence."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._readings: dict[tuple[Kind, Pair], Reading] = {}

    @property
    def name(self) -> str:
        return self._reader.name

    @property
    def kinds(self) -> Collection[Kind]:
        return self._reader.kinds

    def read(self, kind: Kind, pairs: Sequence[Pair]) -> list[Reading]:
        wanted = [(kind, pair) for pair in pairs]
        return _remembered(self._readings, wanted, lambda new: self._reader.read(kind, [pair for _, pair in new]))


@cache
def configured_reader() -> Reader | None:
    """Return the reader in the settings (`CITECHAT_READER`), which remembers what it read; None if it is off."""
    reader = open_reader(load_settings())
    return RememberingReader(reader) if reader is not None else None


def _remembered(
    known: dict[Key, Value], wanted: Sequence[Key], make: Callable[[list[Key]], list[Value]]
) -> list[Value]:
    new = [each for each in dict.fromkeys(wanted) if each not in known]
    if new:
        known.update(zip(new, make(new), strict=True))
    return [known[each] for each in wanted]


class CitechatPipeline:
    """The citechat pipeline: an `Assistant` with default options and the configured reader, on indexed files."""

    def __init__(self, path: Path, folder: Path, encoder: Encoder) -> None:
        self._index = Index(folder, encoder)
        report = self._index.sync([path])
        if report.skipped:
            raise ValueError(f"not every document was indexed: {report.skipped[0]}")
        self._assistant = Assistant(self._index, reader=configured_reader())

    @classmethod
    def over(cls, questions: QuestionSet, folder: Path, encoder: Encoder) -> CitechatPipeline:
        """Return the pipeline over a set's documents, which are written to `folder` unless the set is one file."""
        path = questions.whole or write_files(questions.documents, folder / "files")
        return cls(path, folder / "index", encoder)

    def ask(self, question: str) -> Seen:
        answer = self._assistant.ask(question)
        hits = self._index.search(question, DEEPEST)
        # The sentence is asked for as the assistant does it: an answer that is refused does not tell it.
        found = self._index.find(question, self._assistant.options.top_k)
        reader = self._assistant.reader
        ranked = rank_sentences(found)
        readings = read_passages(found, reader, ranked) if reader and "question" in reader.kinds else {}
        best = with_readings(found, ranked, readings)[0]
        sentence = Slice(found.hits[best.number - 1].source, best.span.start, best.span.end, best.text)
        cited = answer.citations[:1]
        return Seen(
            pieces=tuple(Slice(hit.source, hit.passage.start, hit.passage.end, hit.passage.text) for hit in hits),
            sentence=sentence,
            shown=Slice(cited[0].source, cited[0].start, cited[0].end, cited[0].quote) if cited else None,
            verdict=_verdict(answer),
        )

    def weigh(self, question: str) -> Verdict:
        answer = self._assistant.ask(question)
        return _verdict(answer)


def _verdict(answer: Answer) -> Verdict:
    return Verdict(answer.confidence, answer.found, answer.is_unsure)


class TutorialPipeline:
    """The tutorial pipeline over documents, which never abstains; its score is the cosine of the nearest chunk."""

    def __init__(self, documents: Iterable[Document], encoder: Encoder) -> None:
        self._encoder = encoder
        self._tutorial = Tutorial(documents, encoder)

    def ask(self, question: str) -> Seen:
        asked = self._encoder.query(question)
        near = self._tutorial.find(asked, DEEPEST)
        sentence = self._tutorial.best_sentence(asked, near)
        pieces = tuple(each.chunk for each in near)
        return Seen(pieces, sentence, sentence, Verdict(near[0].cosine, answered=True))

    def weigh(self, question: str) -> Verdict:
        return Verdict(self._tutorial.find(self._encoder.query(question), 1)[0].cosine, answered=True)
