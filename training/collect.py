"""Collect what the product computes for visible questions, to fit weights and thresholds on it.

    python training/collect.py DATA MODEL OUTPUT NAME [NAME …]

NAME is a claims file or one of our own texts (`w4`, `features`), or a development set (`squad2`, `clapnq`). MODEL is
a file that `export.py` wrote. OUTPUT is a pickle file that contains, for each name, a list of
`AskedQuestion`, and for each question with answers a list of `CheckedClaim`.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluate import OtherReader
from train import REPOSITORY, claims_files

from index import Index, SearchResult, Span, load_encoder, sentences
from rag.generation.claims import claim_in
from rag.grounding.paraphrase import SupportSigns
from rag.grounding.quotes import find_quote
from rag.grounding.support import SupportChecker, without_frame
from rag.reading.abstention import ConfidenceSigns, confidence_signs, read_probability, similarity_confidence
from rag.reading.bundled import BundledReader
from rag.reading.evidence import rank_sentences, read_passages
from rag.reading.reader import Reading

sys.path.insert(0, str(REPOSITORY / "bench"))


_ALL = 9.0  # more than two scores can differ: all passages are read
_UNREAD = Reading(-99.0, ())  # for a passage without a sentence that can be quoted


@dataclass
class AskedQuestion:
    """A question, and for each sentence of the first passages its passage, similarity score, and whether it answers.

    `confidence` is the confidence from similarities, `probability` that with the reader. `signs` are those of each
    sentence, if it were quoted.
    """

    text: str
    answerable: bool
    confidence: float
    probability: float
    passages: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)  # of the sentence in its passage
    scores: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    signs: list[ConfidenceSigns] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


@dataclass
class CheckedClaim:
    """A sentence of an honest answer or of a lie, with the signs and the reading of each passage that it cites.

    `is_false` is True for a sentence of a lie that is in no honest answer. `answer` numbers the answers, and `kind` is
    the kind of lie, empty for an honest answer.
    """

    text: str
    answer: int
    kind: str
    is_false: bool
    is_quoted: bool
    signs: list[tuple[SupportSigns, Reading]] = field(default_factory=list)


def documents_of(data: Path, name: str) -> tuple[dict[str, tuple[str, str]], list[dict[str, Any]]]:
    """Return the texts of a set, as title and text by name, and its questions."""
    if (data / name).is_dir():
        from question_sets import read_set

        found = read_set(data / name)
        texts = {each.id: (each.title, each.text) for each in found.documents}
        return texts, [{"question": each.text, "answerable": each.answerable, "of": each} for each in found.questions]
    (path,) = [each for each in claims_files(data) if each.stem == name]
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    texts = {str(i): (line["title"], line["text"]) for i, line in enumerate(lines)}
    return texts, [{**item, "document": str(i)} for i, line in enumerate(lines) for item in line["items"]]


def is_right(item: dict[str, Any], document: str, text: str, span: Span) -> bool:
    """Return whether a sentence of a document answers a question."""
    if "of" in item:
        from question_sets import Slice, has_answer

        return has_answer(item["of"], Slice(document, span.start, span.end, text[span.start : span.end]))
    if document != item["document"]:
        return False
    starts = [(text.find(each), len(each)) for each in item.get("evidence", ())]
    return any(start >= 0 and span.start < start + size and start < span.end for start, size in starts)


def asked(
    item: dict[str, Any], found: SearchResult, readings: Mapping[int, Reading], texts: dict[str, str]
) -> AskedQuestion:
    """Return the values of one question."""
    ranked = rank_sentences(found)
    question = AskedQuestion(
        item["question"],
        item["answerable"],
        similarity_confidence(found, ranked[0]),
        read_probability(readings.values()) if readings else 0.0,
        readings=[readings.get(number, _UNREAD) for number in range(1, max(readings, default=0) + 1)],
    )
    for quote in ranked:
        scored = found.passages[quote.number - 1]
        starts = [scored.hit.passage.start + each.start for each in scored.features.sentences]
        document = scored.hit.source
        question.passages.append(quote.number - 1)
        question.numbers.append(starts.index(quote.span.start))
        question.scores.append(quote.score)
        question.signs.append(confidence_signs(found, quote))
        question.right.append(
            item["answerable"] and is_right(item, document, texts[scored.hit.passage.article_id], quote.span)
        )
    return question


def checked(
    item: dict[str, Any], found: SearchResult, article: str, encoder: Any, reader: BundledReader
) -> list[CheckedClaim]:
    """Return the sentences of the honest answers and lies of an item, which cite the passages with its evidence."""
    places = [Span(at, at + len(each)) for each in item["evidence"] if (at := article.find(each)) >= 0]
    spans = [Span(hit.passage.start, hit.passage.end) for hit in found.hits]
    cited = [number for number, span in enumerate(spans, 1) if any(span.overlaps(place) for place in places)]
    checker = SupportChecker(found, encoder, reader)
    honest = [item["answer"], *item.get("also", ())]
    said = {sentence for text in honest for sentence in _sentences(text)}
    rows = []
    for answer, (kind, text) in enumerate([("", t) for t in honest] + [(x["kind"], x["text"]) for x in item["lies"]]):
        for sentence in _sentences(text):
            claim = without_frame(claim_in(sentence)) if claim_in(sentence) else ""
            if not claim or not cited:
                continue
            is_quoted = any(find_quote(claim, found.hits[number - 1].passage.text) for number in cited)
            row = CheckedClaim(claim, answer, kind, bool(kind) and sentence not in said, is_quoted)
            for number in cited if not is_quoted else ():
                signs, reading = checker.signs(claim, number, cited), checker.reading(claim, number, cited)
                if signs is not None and reading is not None:
                    row.signs.append((signs, reading))
            rows.append(row)
    return rows


def _sentences(text: str) -> list[str]:
    return [text[span.start : span.end].strip() for span in sentences(text)]


def collect(
    data: Path, name: str, reader: BundledReader, encoder: Any
) -> tuple[list[AskedQuestion], list[list[CheckedClaim]]]:
    """Index the documents of a set and return the values of its questions, and of each question's answers."""
    documents, items = documents_of(data, name)
    with tempfile.TemporaryDirectory(prefix="citechat-collect-") as folder:
        files = Path(folder) / "files"
        files.mkdir()
        for number, (key, (title, text)) in enumerate(documents.items()):
            head = f"---\ntitle: {json.dumps(title, ensure_ascii=False)}\nsource: {json.dumps(key)}\n---\n"
            (files / f"{number:05}.md").write_text(head + text, encoding="utf-8", newline="")
        index = Index(Path(folder) / "index", encoder)
        index.sync([files])
        texts = {article.id: article.text for article in index.articles()}
        names = {article.source: article.id for article in index.articles()}
        rows, claims = [], []
        for item in items:
            found = index.find(item["question"], 6)
            readings = read_passages(found, reader, rank_sentences(found), _ALL)
            rows.append(asked(item, found, readings, texts))
            if item.get("lies"):
                id_ = names[item["document"]]
                whole = index.read(found, index.outline(articles=[id_])[id_])
                claims.append(checked(item, whole, texts[id_], encoder, reader))
    return rows, claims


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("output", type=Path, metavar="OUTPUT")
    parser.add_argument("names", nargs="+", metavar="NAME")
    given = parser.parse_args(arguments)
    encoder = load_encoder("bundled", given.output.parent / "models")
    reader = OtherReader(given.model, encoder)
    found = {}
    for name in given.names:
        found[name] = collect(given.data, name, reader, encoder)
        print(name, *map(len, found[name]), flush=True)
        given.output.write_bytes(pickle.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
