"""Fit the weights and thresholds of the product to collected values, and print how they do on each set.

    python training/fit.py FILE

FILE is what `collect.py` wrote.
"""

from __future__ import annotations

import argparse
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from collect import AskedQuestion, CheckedClaim
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score


def scores(question: AskedQuestion, sentence: float, passage: float) -> np.ndarray:
    """Return the score of each sentence with some weights of the reader."""
    added = []
    for reading in question.readings:
        logits = np.asarray(reading.sentences)
        added.append(sentence * (logits - np.logaddexp.reduce(logits)) + passage * reading.logit)
    return np.array(
        [score + added[p][n] for p, n, score in zip(question.passages, question.numbers, question.scores, strict=True)]
    )


def first_right(questions: Sequence[AskedQuestion], sentence: float, passage: float) -> float:
    """Return the share of answerable questions whose best sentence is right."""
    known = [q for q in questions if q.answerable]
    return float(np.mean([q.right[int(scores(q, sentence, passage).argmax())] for q in known]))


def features(question: AskedQuestion) -> list[float]:
    """Return the features of the confidence."""
    logits = [reading.logit for reading in question.readings]
    return [question.confidence, max(logits), logits[0]]


def area(questions: Sequence[AskedQuestion], values: Sequence[float]) -> float:
    """Return the AUROC of answerable against unanswerable questions."""
    labels = [q.answerable for q in questions]
    return float(roc_auc_score(labels, values)) if 0 < sum(labels) < len(labels) else float("nan")


COLUMNS = ("logit", "mean", "weakest", "doubt", "failed")


def signs_of(claim: CheckedClaim) -> list[float] | None:
    """Return the features of a sentence that is neither a quotation nor a near copy, from its best passage."""
    rows = [(signs, logit) for signs, logit in claim.signs if not signs.is_copy and not signs.is_share]
    if not rows or len(rows) < len(claim.signs):
        return None
    signs, logit = max(rows, key=lambda row: (not row[0].failed, row[0].mean))
    return [logit, signs.mean, signs.weakest, float(bool(signs.doubt)), float(bool(signs.failed))]


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
        print(*(f"{column} {roc_auc_score(y, x[:, i]):.3f}" for i, column in enumerate(COLUMNS[:3])), end=" ")
        print(f"together {roc_auc_score(y, fitted):.3f}")
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    collected = pickle.loads(given.file.read_bytes())
    found: dict[str, list[AskedQuestion]] = {name: asked for name, (asked, _) in collected.items()}
    names = list(found)
    print("first sentence right (similarity alone, then with the reader's weights)")
    print("sentence passage", *names)
    for sentence in (0.0, 0.02, 0.04, 0.08, 0.16, 10.0):
        for passage in (0.0, 0.01, 0.02, 0.04, 0.08):
            row = [first_right(found[name], sentence, passage) for name in names]
            print(f"{sentence:8.2f} {passage:7.2f}", *(f"{value:.3f}" for value in row), f"mean {np.mean(row):.3f}")
    print("AUROC of answerable questions: similarity, best passage's logit, combined (fitted on the other sets)")
    for name in names:
        rows = found[name]
        values = np.array([features(q) for q in rows])
        others = [q for other in names if other != name for q in found[other]]
        model = LogisticRegression(C=10.0)
        if others:
            model.fit(np.array([features(q) for q in others]), [q.answerable for q in others])
            fitted = model.decision_function(values)
        else:
            fitted = values[:, 0]
        print(name, *(f"{area(rows, column):.3f}" for column in (values[:, 0], values[:, 1], values[:, 2], fitted)))
        known = np.array([q.answerable for q in rows])
        if not known.all():
            threshold = np.quantile(fitted[known], 0.05)
            print(f"    at 5 % of the answerable refused, {(fitted[~known] < threshold).mean():.2f} of the others are")
    model = LogisticRegression(C=10.0)
    everything = [q for name in names for q in found[name]]
    values = np.array([features(q) for q in everything])
    model.fit(values, [q.answerable for q in everything])
    print("all sets: intercept", model.intercept_.round(2), "similarity, best logit, first logit", model.coef_.round(2))
    print_support(collected)
    return 0


if __name__ == "__main__":
    sys.exit(main())
