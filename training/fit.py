"""Fit the weights and thresholds of the product to collected values, and print how they do on each set.

    python training/fit.py FILE [FILE …] [--sentence WEIGHT] [--passage WEIGHT]

FILE is what `collect.py` wrote.
"""

from __future__ import annotations

import argparse
import pickle
import sys
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

import numpy as np
from collect import AskedQuestion, CheckedClaim
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from rag.reading.abstention import ConfidenceSigns
from rag.reading.evidence import _READ, _SPREAD


def scores(question: AskedQuestion, sentence: float, passage: float) -> np.ndarray:
    """Return the score of each sentence with some weights of the reader."""
    added, highest = [], max(max(reading.sentences, default=-99.0) for reading in question.readings)
    for reading in question.readings:
        logits = np.maximum(reading.sentences, highest - _SPREAD)
        added.append(sentence * logits + passage * reading.logit)
    return np.array(
        [score + added[p][n] for p, n, score in zip(question.passages, question.numbers, question.scores, strict=True)]
    )


def first_right(questions: Sequence[AskedQuestion], sentence: float, passage: float) -> float:
    """Return the share of answerable questions whose best sentence is right."""
    known = [q for q in questions if q.answerable]
    return float(np.mean([q.right[int(scores(q, sentence, passage).argmax())] for q in known]))


def features(question: AskedQuestion, sentence: float, passage: float) -> list[float]:
    """Return the features of the confidence, for some weights of the reader: see `NAMES`."""
    logits = [reading.logit for reading in question.readings]
    best = int(scores(question, sentence, passage).argmax())
    return [max(logits), logits[question.passages[best]], *map(float, astuple(question.signs[best]))]


NAMES = ("best logit", "quoted logit", *(each.name for each in fields(ConfidenceSigns)))


def area(questions: Sequence[AskedQuestion], values: Sequence[float]) -> float:
    """Return the AUROC of answerable against unanswerable questions."""
    labels = [q.answerable for q in questions]
    return float(roc_auc_score(labels, values)) if 0 < sum(labels) < len(labels) else float("nan")


COLUMNS = ("logit", "least supported", "mean", "weakest", "doubt", "failed")


def signs_of(claim: CheckedClaim) -> list[float] | None:
    """Return the features of a sentence that is neither a quotation nor a near copy, from its best passage."""
    rows = [(signs, reading) for signs, reading in claim.signs if not signs.is_copy and not signs.is_share]
    if not rows or len(rows) < len(claim.signs):
        return None
    signs, reading = max(rows, key=lambda row: (not row[0].failed, row[0].mean))
    read = [reading.logit, reading.least_supported]
    return [*read, signs.mean, signs.weakest, float(bool(signs.doubt)), float(bool(signs.failed))]


def print_support(found: dict[str, tuple[list[AskedQuestion], list[list[CheckedClaim]]]]) -> None:
    """Print how well the signs tell honest sentences from false ones, and the fitted coefficients."""
    sets = {}
    for name, (_, items) in found.items():
        rows = [(claim, signs_of(claim)) for item in items for claim in item if claim.is_false or not claim.kind]
        rows = [(claim, signs) for claim, signs in rows if signs is not None]
        if rows:
            sets[name] = (np.array([signs for _, signs in rows]), np.array([not claim.is_false for claim, _ in rows]))
    for name, (x, y) in sets.items():
        others = [sets[other] for other in sets if other != name] or [(x, y)]
        model = LogisticRegression(C=1.0).fit(
            np.concatenate([each[0] for each in others]), np.concatenate([each[1] for each in others])
        )
        fitted = model.decision_function(x)
        print(f"{name}: {len(y)} paraphrased sentences, {int(y.sum())} honest; AUROC", end=" ")
        print(*(f"{column} {roc_auc_score(y, x[:, i]):.3f}" for i, column in enumerate(COLUMNS[:4])), end=" ")
        print(f"together {roc_auc_score(y, fitted):.3f}")
        for i, column in enumerate(COLUMNS):
            rest = [j for j in range(len(COLUMNS)) if j != i]
            part = LogisticRegression(C=1.0).fit(
                np.concatenate([each[0] for each in others])[:, rest], np.concatenate([each[1] for each in others])
            )
            print(f"    without {column} {roc_auc_score(y, part.decision_function(x[:, rest])):.3f}", end="")
        print()
        for share in (0.05, 0.08, 0.1, 0.12, 0.15):
            threshold = np.quantile(fitted[y], share)
            caught = float((fitted[~y] < threshold).mean())
            print(f"    at {share:.2f} of the honest sentences flagged, {caught:.2f} of the false ones are caught")
    if sets:
        x, y = (np.concatenate([each[i] for each in sets.values()]) for i in (0, 1))
        model = LogisticRegression(C=1.0).fit(x, y)
        print("all sets: intercept", round(float(model.intercept_[0]), 2), end=" ")
        print(*(f"{column} {value:.2f}" for column, value in zip(COLUMNS, model.coef_[0], strict=True)))
        fitted = 1 / (1 + np.exp(-model.decision_function(x)))
        print("thresholds for 5, 8, 10, 12 % of the honest:", np.quantile(fitted[y], (0.05, 0.08, 0.1, 0.12)).round(3))


def print_evidence(found: dict[str, list[AskedQuestion]]) -> None:
    """Print the share of right first sentences for several weights of the reader."""
    print("first sentence right (similarity alone, then with the reader's weights)")
    print("sentence passage", *found)
    for sentence in (0.0, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.08):
        for passage in (0.0, 0.005, 0.01, 0.02):
            row = [first_right(questions, sentence, passage) for questions in found.values()]
            print(f"{sentence:8.2f} {passage:7.2f}", *(f"{value:.3f}" for value in row), f"mean {np.mean(row):.3f}")


def print_confidence(found: dict[str, list[AskedQuestion]], sentence: float, passage: float) -> None:
    """Print how well the confidence separates answerable questions from others, and the coefficients.

    The AUROC is also printed without each feature.

    Each set is judged by a regression that was fitted to the others.
    """
    values = {name: np.array([features(q, sentence, passage) for q in questions]) for name, questions in found.items()}
    labels = {name: np.array([q.answerable for q in questions]) for name, questions in found.items()}
    print("AUROC of answerable questions")
    for name, questions in found.items():
        known = labels[name]
        if known.all():
            continue
        others = [other for other in found if other != name] or [name]
        x, y = (np.concatenate([each[other] for other in others]) for each in (values, labels))

        def fitted(chosen: Sequence[int], name: str = name, x: Any = x, y: Any = y) -> Any:
            model = LogisticRegression(C=1.0, max_iter=1000).fit(x[:, chosen], y)
            return model.decision_function(values[name][:, chosen])

        everything = list(range(len(NAMES)))
        scored = fitted(everything)
        alone = area(questions, [q.confidence for q in questions])
        print(f"{name}: similarity {alone:.3f} best logit {area(questions, values[name][:, 0]):.3f}", end=" ")
        print(f"together {area(questions, scored):.3f}")
        for i, feature in enumerate(NAMES):
            print(f"    without {feature} {area(questions, fitted([j for j in everything if j != i])):.3f}", end="")
        print()
        for share in (0.03, 0.05, 0.1, 0.15, 0.2):
            refused = float((scored[~known] < np.quantile(scored[known], share)).mean())
            print(f"    at {share:.2f} of the answerable refused, {refused:.2f} of the others are")
    x, y = (np.concatenate(list(each.values())) for each in (values, labels))
    model = LogisticRegression(C=1.0, max_iter=1000).fit(x, y)
    print("all sets: intercept", round(float(model.intercept_[0]), 2), end=" ")
    print(*(f"{name} {value:.2f}" for name, value in zip(NAMES, model.coef_[0], strict=True)))
    fitted_ = 1 / (1 + np.exp(-model.decision_function(x)))
    for share in (0.01, 0.03, 0.05, 0.1, 0.15, 0.2):
        threshold = float(np.quantile(fitted_[y], share))
        print(
            f"    {threshold:.3f} refuses {share:.2f} of the answerable, {(fitted_[~y] < threshold).mean():.2f} others"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--sentence", type=float, default=_READ, help="weight of the sentence's share")
    parser.add_argument("--passage", type=float, default=0.0, help="weight of the passage's logit")
    given = parser.parse_args(arguments)
    collected = {name: rows for file in given.files for name, rows in pickle.loads(file.read_bytes()).items()}
    found: dict[str, list[AskedQuestion]] = {name: asked for name, (asked, _) in collected.items()}
    print_evidence(found)
    print_confidence(found, given.sentence, given.passage)
    print_support(collected)
    return 0


if __name__ == "__main__":
    sys.exit(main())
