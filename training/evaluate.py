"""Print how well a trained reader reads texts with questions, answers and lies.

    python training/evaluate.py DATA [FILE …] [--model MODEL]

FILE is the name of a claims file or of one of our own texts, for example `w4` or `features`; the default are the files
that were not trained on. MODEL is a file that `export.py` wrote; the default is the bundled reader. For each file it
prints:

* lies: AUROC of honest answers against lies, given the passages with the evidence; the same for each kind of lie
* near misses: AUROC of answerable questions against near misses; a question's score is that of its best passage
* passage: the share of questions whose best passage has evidence
* sentence: the share of questions whose best sentence, in a passage with evidence, is evidence
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sklearn.metrics import roc_auc_score
from train import CALIBRATION, HELD_BACK, REPOSITORY, claims_files, tokenizer_of
from training_examples import CLAIM, QUESTION, Example, claims_examples

from index import Encoder, bundled_folder, load_encoder, sentences
from rag.reading.bundled import MODEL, BundledReader, open_session
from rag.reading.reader import Kind, Pair

_KINDS: dict[int, Kind] = {QUESTION: "question", CLAIM: "claim"}


class OtherReader(BundledReader):
    """The bundled reader with another model."""

    def __init__(self, model: Path, encoder: Encoder) -> None:
        super().__init__(encoder)
        self._model = model

    @cached_property
    def _session(self) -> Any:
        return open_session(self._model)


@dataclass(frozen=True, slots=True)
class Scored:
    """An example with the reader's logit and its best sentence, -1 if the passage has none."""

    example: Example
    logit: float
    best: int


def score(reader: BundledReader, examples: Sequence[Example]) -> list[Scored]:
    """Return the examples with their scores, in the same order."""
    found: dict[int, Scored] = {}
    for kind, name in _KINDS.items():
        chosen = [i for i, each in enumerate(examples) if each.kind == kind]
        pairs = [
            Pair(each.first, each.passage, tuple(sentences(each.passage)), each.title)
            for each in (examples[i] for i in chosen)
        ]
        for i, reading in zip(chosen, reader.read(name, pairs), strict=True):
            best = max(range(len(reading.sentences)), key=reading.sentences.__getitem__, default=-1)
            found[i] = Scored(examples[i], reading.logit, best)
    return [found[i] for i in range(len(examples))]


def lies(scored: Sequence[Scored]) -> dict[str, float]:
    """Return the AUROC of honest answers against all lies and against each kind of lie."""
    honest = [each.logit for each in scored if each.example.detail == "honest"]
    kinds: dict[str, list[float]] = defaultdict(list)
    for each in scored:
        if each.example.detail.startswith("lie: "):
            kinds["all"].append(each.logit)
            kinds[each.example.detail.removeprefix("lie: ")].append(each.logit)
    return {kind: _auroc(honest, logits) for kind, logits in kinds.items() if len(logits) >= 10 or kind == "all"}


def questions(scored: Sequence[Scored]) -> dict[str, float]:
    """Return the figures for questions."""
    groups: dict[str, list[Scored]] = defaultdict(list)
    for each in scored:
        if each.example.kind == QUESTION:
            groups[each.example.group].append(each)
    best = [max(group, key=lambda each: each.logit) for group in groups.values()]
    answered = [any(each.example.label for each in group) for group in groups.values()]
    right = [each.best in each.example.gold for each in scored if each.example.kind == QUESTION and each.example.gold]
    yes = [each for each, known in zip(best, answered, strict=True) if known]
    no = [each for each, known in zip(best, answered, strict=True) if not known]
    return {
        "near misses": _auroc([each.logit for each in yes], [each.logit for each in no]),
        "passage": sum(each.example.label for each in yes) / len(yes),
        "sentence": sum(right) / len(right),
    }


def _auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    if not positive or not negative:
        return float("nan")
    return float(roc_auc_score([1] * len(positive) + [0] * len(negative), [*positive, *negative]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("files", nargs="*", metavar="FILE", default=[*CALIBRATION, *HELD_BACK])
    parser.add_argument("--model", type=Path, metavar="MODEL", default=MODEL)
    given = parser.parse_args(arguments)
    tokenizer = tokenizer_of(Path(bundled_folder()))

    def tokenize(text: str) -> list[tuple[int, int]]:
        return list(tokenizer.encode(text, add_special_tokens=False).offsets)

    reader = OtherReader(given.model, load_encoder("bundled", REPOSITORY / "build" / "models"))
    for path in claims_files(given.data):
        if path.stem in given.files:
            wanted = [
                each
                for each in claims_examples(path, tokenize)
                if each.kind == QUESTION or each.detail == "honest" or each.detail.startswith("lie: ")
            ]
            scored = score(reader, wanted)
            figures = questions(scored)
            kinds = lies([each for each in scored if each.example.kind == CLAIM])
            print(
                f"{path.stem}: lies {kinds.pop('all'):.3f}", *(f"{name} {value:.3f}" for name, value in figures.items())
            )
            print("   ", ", ".join(f"{kind} {value:.2f}" for kind, value in sorted(kinds.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
