"""Fit the abstention threshold to a user's articles and questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ..assistant import Assistant
from ..errors import TestSetError
from ..settings import AnswerOptions
from .testset.cases import Case

_FEWEST = 5  # minimum number of questions of each kind; fewer are not enough to fit a threshold
KEEP = 0.9
"""Minimum share of answerable questions that are still answered: at most one in ten may be refused wrongly."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted threshold, and its effect on the questions to which it was fitted.

    `answered` is the share of answerable questions that are answered, and `refused` is the share of unanswerable
    questions that are refused (None without such questions), each before and after the fit.
    """

    abstention_threshold: float
    previous: float
    questions: int
    answered: float
    answered_before: float
    refused: float | None
    refused_before: float | None

    def to_dict(self) -> dict[str, float | int | None]:
        """Return the JSON object that the command line prints."""
        return asdict(self) | {"min_score": self.abstention_threshold}  # deprecated name


def calibrate(assistant: Assistant, cases: Sequence[Case], *, keep: float = KEEP) -> Calibration:
    """Fit the threshold to `cases` with `fit_threshold`, save it in the index, and return its effect. No LLM is called.

    Raises `TestSetError` if there are fewer than five answerable questions, or one to four unanswerable ones.
    """
    quoting = Assistant(assistant.index, reader=assistant.reader, options=AnswerOptions(top_k=assistant.options.top_k))
    confidences = [quoting.ask(case.question, case.turns).confidence for case in cases]
    answerable = [confidence for confidence, case in zip(confidences, cases, strict=True) if case.answerable]
    unanswerable = [confidence for confidence, case in zip(confidences, cases, strict=True) if not case.answerable]
    if len(answerable) < _FEWEST or 0 < len(unanswerable) < _FEWEST:
        raise TestSetError(
            f"The test set has {len(answerable)} answerable and {len(unanswerable)} unanswerable questions.",
            f"Give at least {_FEWEST} answerable ones, and either no unanswerable ones or at least {_FEWEST}.",
        )
    previous = assistant.abstention_threshold
    fitted = fit_threshold(answerable, unanswerable, keep)
    assistant.index.set_abstention_threshold(fitted)
    return Calibration(
        abstention_threshold=fitted,
        previous=previous,
        questions=len(cases),
        answered=_share_from(answerable, fitted),
        answered_before=_share_from(answerable, previous),
        refused=1 - _share_from(unanswerable, fitted) if unanswerable else None,
        refused_before=1 - _share_from(unanswerable, previous) if unanswerable else None,
    )


def fit_threshold(answerable: Sequence[float], unanswerable: Sequence[float], keep: float = KEEP) -> float:
    """Return the threshold that refuses the most unanswerable questions and answers the share `keep` of the others.

    If several thresholds refuse equally many questions, the result is the one that answers the most. Without
    unanswerable questions, it is the highest threshold at which the share `keep` is answered.
    """
    may_go = math.floor((1 - keep) * len(answerable) + 1e-9)
    highest = sorted(answerable)[may_go]
    if not unanswerable:
        return round(highest, 4)
    below = [score for score in unanswerable if score < highest]
    # Just above the highest confidence that is to be refused: every question with a higher confidence is answered.
    return round((max(below) + min(s for s in answerable if s > max(below))) / 2, 4) if below else round(highest, 4)


def _share_from(scores: Sequence[float], threshold: float) -> float:
    return float(np.mean([score >= threshold for score in scores])) if scores else 0.0
