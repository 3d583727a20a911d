"""What is measured, and how sure one can be of it. Pure functions; values between 0 and 1 unless said otherwise."""

from __future__ import annotations

import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from index import Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_ARTICLE_WORDS = frozenset({"a", "an", "the"})
_CHINESE = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_CHINESE_CHARACTER = re.compile(f"[{_CHINESE}]")
_WORD = re.compile(rf"[{_CHINESE}]|\d+(?:\.\d+)+|(?:(?![{_CHINESE}])[^\W_])+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_BLOCK = 2_000_000  # random numbers drawn at a time: bounds the memory, not the result

# ---------------------------------------------------------------------------------------------- text


def normalise(text: str) -> str:
    """Lower case, no ASCII punctuation, no English articles, single spaces, in this order.

    Source: `normalize_answer` of the SQuAD evaluation script (Rajpurkar et al. 2016, section 6.1; script 2.0, 2018).
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, gold: str) -> float:
    """1 when both are the same after `normalise`; both empty is 1. Source: as `normalise`."""
    return float(normalise(answer) == normalise(gold))


def token_f1(answer: str, gold: str) -> float:
    """Harmonic mean of precision and recall over the bag of words; an empty side gives 1 if both are empty, else 0.

    Source: `compute_f1` of the SQuAD 2.0 evaluation script (Rajpurkar et al. 2018), with its rule for empty answers.
    """
    return _bag_f1(normalise(answer).split(), normalise(gold).split())


def character_f1(answer: str, gold: str) -> float:
    """`token_f1` for Chinese: every Chinese character is a token, and so is every other word or number.

    Source: the mixed segmentation for Chinese of the MLQA evaluation script (Lewis et al. 2020).
    """
    return _bag_f1(words(answer), words(gold))


def answer_f1(answer: str, gold: str) -> float:
    """`character_f1` when the gold answer has a Chinese character, else `token_f1`."""
    return (character_f1 if _CHINESE_CHARACTER.search(gold) else token_f1)(answer, gold)


def best(measure: Callable[[str, str], float], answer: str, golds: Sequence[str]) -> float:
    """The measure against the gold answer that fits best; no gold answer means that the empty answer is right.

    Source: the maximum over ground truths of the SQuAD evaluation script.
    """
    return max(measure(answer, gold) for gold in golds or ("",))


def words(text: str) -> list[str]:
    """Words, numbers and single Chinese characters, folded so that only how they are written can differ.

    `1,677` is `1677`, `’` and `'` part a word alike, full-width forms are half-width, and case does not matter.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _WORD.findall(_THOUSANDS.sub("", folded))


def contains_answer(text: str, golds: Sequence[str]) -> bool:
    """True when the text has a gold answer word for word, English articles aside; `10` is not in `2010`."""
    said = words(text)
    return any(_contains(said, words(gold)) for gold in golds)


def _contains(said: list[str], gold: list[str]) -> bool:
    if bare := [word for word in gold if word not in _ARTICLE_WORDS]:  # else the gold answer is "A", and that counts
        said, gold = [word for word in said if word not in _ARTICLE_WORDS], bare
    size = len(gold)
    return size > 0 and any(said[at : at + size] == gold for at in range(len(said) - size + 1))


def _bag_f1(answer: list[str], gold: list[str]) -> float:
    if not answer or not gold:
        return float(answer == gold)
    shared = (Counter(answer) & Counter(gold)).total()
    # 2PR/(P+R) with P = shared/len(answer) and R = shared/len(gold), without the division by zero.
    return 2 * shared / (len(answer) + len(gold))


# ---------------------------------------------------------------------------------------------- evidence


@dataclass(frozen=True, slots=True)
class Place:
    """A span of one article."""

    article_id: str
    span: Span

    def overlaps(self, other: Place) -> bool:
        """True when both share at least one character of the same article."""
        return self.article_id == other.article_id and self.span.overlaps(other.span)


def overlaps_within(places: Sequence[Place], gold: Sequence[Place], first: int | None = None) -> bool:
    """True when one of the `first` places (all when None) overlaps a gold place.

    Of citations, `first=1` is "the first citation is right", None "any citation is"; of hits, `first=k` is hit@k.
    """
    return any(place.overlaps(right) for place in places[:first] for right in gold)


def is_exact_quote(text: str, start: int, end: int, quote: str) -> bool:
    """True when `text[start:end] == quote` and there is something to quote."""
    return 0 <= start < end <= len(text) and text[start:end] == quote


# ---------------------------------------------------------------------------------------------- statistics


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """The chance that a positive scores higher than a negative; a tie counts half. Infinite scores are allowed.

    Source: Hanley & McNeil 1982 (the area under the ROC curve is the Mann-Whitney statistic).
    Raises `ValueError` when one side is empty or a score is not a number.
    """
    if not positives or not negatives:
        raise ValueError("AUROC needs at least one positive and one negative score")
    if any(math.isnan(value) for value in (*positives, *negatives)):
        raise ValueError("AUROC cannot rank a score that is NaN")
    import numpy as np

    return _auroc(np.asarray(positives, dtype=float), np.asarray(negatives, dtype=float))


def _auroc(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> float:
    import numpy as np

    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, side="left")
    below_or_tied = np.searchsorted(ordered, positives, side="right")
    return float((below + below_or_tied).sum()) / (2 * len(positives) * len(negatives))


def auroc_interval(
    positives: Sequence[float],
    negatives: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of `auroc`, both classes drawn apart so that neither can run empty.

    When no resample differs, the interval is `constant_interval` of the smaller class, a cautious stand-in.
    """
    import numpy as np

    value = auroc(positives, negatives)
    generator = np.random.default_rng(seed)
    high, low = np.asarray(positives, dtype=float), np.asarray(negatives, dtype=float)
    drawn = np.array(
        [
            _auroc(generator.choice(high, len(high)), generator.choice(low, len(low)))
            for _ in range(_checked(resamples, confidence))
        ]
    )
    if np.ptp(drawn) == 0.0:
        return constant_interval(value, min(len(high), len(low)), confidence=confidence)
    return _percentiles(drawn, confidence)


def bootstrap_interval(
    values: Sequence[float], *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval (low, high) of the mean; the same values and seed give the same interval.

    Source: Efron & Tibshirani 1993, chapter 13. Values that are all the same give an interval without width: see
    `interval`. Raises `ValueError` without values, or when `confidence` is not between 0 and 1.
    """
    import numpy as np

    if not values:
        raise ValueError("an interval needs at least one value")
    array = np.asarray(values, dtype=float)
    generator = np.random.default_rng(seed)
    rows = max(1, _BLOCK // len(array))
    left = _checked(resamples, confidence)
    means = []
    while left > 0:
        chosen = generator.integers(0, len(array), size=(min(rows, left), len(array)))
        means.append(array[chosen].mean(axis=1))
        left -= rows
    return _percentiles(np.concatenate(means), confidence)


def constant_interval(
    value: float, count: int, *, lowest: float = 0.0, highest: float = 1.0, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of a mean when all `count` values were the same: 25 of 25 right does not prove "always right".

    Another value may turn up with a chance of at most `1 - ((1 - confidence) / 2) ** (1 / count)` (Clopper & Pearson
    1934, for no event in `count` trials); at worst it lies at `lowest` or `highest`.
    """
    other = 1.0 - ((1.0 - confidence) / 2.0) ** (1.0 / count)
    return value - other * (value - lowest), value + other * (highest - value)


def interval(
    values: Sequence[float], *, lowest: float = 0.0, highest: float = 1.0, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """The interval to print: `bootstrap_interval`, or `constant_interval` where the bootstrap would have no width."""
    if values and min(values) == max(values):
        return constant_interval(values[0], len(values), lowest=lowest, highest=highest, confidence=confidence)
    return bootstrap_interval(values, confidence=confidence, seed=seed)


def _checked(resamples: int, confidence: float) -> int:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence!r}")
    if resamples < 1:
        raise ValueError(f"at least one resample is needed, got {resamples!r}")
    return resamples


def _percentiles(drawn: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    import numpy as np

    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    return float(low), float(high)
