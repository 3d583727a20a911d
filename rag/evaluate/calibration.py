"""Fit the abstention threshold, and the one below which quotes are unsure, to a user's articles and questions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..assistant import Assistant
from ..errors import TestSetError
from ..reading.abstention import Certainty, Scale
from ..settings import AnswerOptions
from .testset.cases import Case

_FEWEST = 5  # minimum number of questions of each kind; fewer are not enough to fit a threshold
KEEP = 0.9
"""Minimum share of answerable questions that are still answered: at most one in ten may be refused wrongly."""

SURE = 0.7
"""Minimum share of answerable questions whose quotes are not marked as unsure, as with the default thresholds."""


@dataclass(frozen=True, slots=True)
class UnsureCalibration:
    """A fitted threshold below which quotes are unsure, and its effect.

    `scale` says whether it is compared with the reader's probability or with the confidence. `answerable` and
    `unanswerable` are the shares of these questions that are below it, before and after the fit.
    """

    scale: Scale
    threshold: float
    previous: float
    answerable: float
    answerable_before: float
    unanswerable: float
    unanswerable_before: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fitted threshold, and its effect on the questions to which it was fitted.

    `answered` is the share of answerable questions that are answered, and `refused` is the share of unanswerable
    questions that are refused (None without such questions), each before and after the fit. `unsure` is
    None if the questions do not suffice to fit it.
    """

    abstention_threshold: float
    previous: float
    questions: int
    answered: float
    answered_before: float
    refused: float | None
    refused_before: float | None
    unsure: UnsureCalibration | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object that the command line prints."""
        return asdict(self) | {"min_score": self.abstention_threshold}  # deprecated name


def calibrate(assistant: Assistant, cases: Sequence[Case], *, keep: float = KEEP) -> Calibration:
    """Fit both thresholds to `cases` with `fit_threshold`, save them in the index, and return their effect.

    No LLM is called. The threshold of unsure quotes is fitted only if there are unanswerable questions.

    Raises `TestSetError` if there are fewer than five answerable questions, or one to four unanswerable ones.
    """
    quoting = Assistant(assistant.index, reader=assistant.reader, options=AnswerOptions(top_k=assistant.options.top_k))
    found = [quoting.certainty(case.question, case.turns) for case in cases]
    certain = [each for each, case in zip(found, cases, strict=True) if case.answerable]
    uncertain = [each for each, case in zip(found, cases, strict=True) if not case.answerable]
    answerable, unanswerable = [each.confidence for each in certain], [each.confidence for each in uncertain]
    if len(answerable) < _FEWEST or 0 < len(unanswerable) < _FEWEST:
        raise TestSetError(
            f"The test set has {len(answerable)} answerable and {len(unanswerable)} unanswerable questions.",
            f"Give at least {_FEWEST} answerable ones, and either no unanswerable ones or at least {_FEWEST}.",
        )
    previous = assistant.abstention_threshold
    fitted = fit_threshold(answerable, unanswerable, keep)
    unsure = _fit_unsure(assistant, certain, uncertain)
    assistant.index.set_abstention_threshold(fitted)
    if unsure is not None:
        assistant.index.set_unsure_threshold(unsure.scale, unsure.threshold)
    return Calibration(
        abstention_threshold=fitted,
        previous=previous,
        questions=len(cases),
        answered=_share_from(answerable, fitted),
        answered_before=_share_from(answerable, previous),
        refused=1 - _share_from(unanswerable, fitted) if unanswerable else None,
        refused_before=1 - _share_from(unanswerable, previous) if unanswerable else None,
        unsure=unsure,
    )


def _fit_unsure(
    assistant: Assistant, certain: Sequence[Certainty], uncertain: Sequence[Certainty]
) -> UnsureCalibration | None:
    """Fit the threshold of unsure quotes on the scale of most questions; None if it has too few of either kind."""
    scales = Counter(each.scale for each in (*certain, *uncertain))
    scale = scales.most_common(1)[0][0]
    answerable = [each.value for each in certain if each.scale == scale]
    unanswerable = [each.value for each in uncertain if each.scale == scale]
    if min(len(answerable), len(unanswerable)) < _FEWEST:
        return None
    previous = assistant.unsure_threshold(scale)
    fitted = fit_threshold(answerable, unanswerable, SURE)
    return UnsureCalibration(
        scale=scale,
        threshold=fitted,
        previous=previous,
        answerable=1 - _share_from(answerable, fitted),
        answerable_before=1 - _share_from(answerable, previous),
        unanswerable=1 - _share_from(unanswerable, fitted),
        unanswerable_before=1 - _share_from(unanswerable, previous),
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
