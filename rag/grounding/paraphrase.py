"""Signs that a passage supports a paraphrase, and the grade that follows from them. Pure.

Token embeddings compare the meaning word by word, `consistency` compares numbers, names and negations exactly, and the
reader reads the sentence and the passage together. Each sees what the others miss.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index import Encoding, PassageFeatures, Span, is_readable, terms

from ..answer import Support
from ..reading.reader import Reading
from .consistency import copy_inconsistency, count_negations, find_copy, inconsistency, negation_doubt, replaces_chinese
from .quotes import has_words
from .reasons import NOT_SIMILAR, PARTLY_SIMILAR

_SUPPORTED, _WEAK = 0.70, 0.50
"""Thresholds for the mean of the best cosines of a claim's content tokens. They were set together with `_WEAKEST`, for
the bundled model, on true sentences, human paraphrases and swapped sentences from the development sets."""
_WEAKEST = 0.1  # minimum cosine for every token in a supported claim: below it, the passage has no similar word
_SUPPORTED_BY_WORDS, _WEAK_BY_WORDS = 0.75, 0.40
"""Thresholds for the share of keywords in the passage, used without token vectors; set by hand, not fitted."""
_NEIGHBOUR_HELPS = 0.03  # minimum increase in the mean for a neighbouring sentence to be added to the span
_INTERCEPT, _LOGIT, _LEAST_SIMILAR, _FAILED = -0.33, 0.51, 0.60, -0.19
"""Coefficients of a logistic regression on the reader's logit, the similarity of the least similar word, and whether an
exact check failed, fitted by `training/fit.py` on w4, features and agencies. The mean similarity, doubts about
negations, the words that the reader marks, and numbers that are nowhere in the article added nothing: to flag every
sentence with such a number catches 2 to 3 points more of the false ones, and flags 1 to 10 points more of the honest
ones, which compute ("half of the 34 million")."""
_SUPPORTED_READ, _WEAK_READ = 0.20, 0.10
"""Minimum probabilities of a supported and of a partly supported sentence: 9 % and 3 % of the honest sentences in texts
that the reader was not trained on are below them, and at most 12 % and 4 % in one of the files."""


_RUN, _LEAST_RUN, _GAP = 4, 0.5, 0.3
"""The passage does not say a part of a sentence if the mean similarity of four neighbouring words is below 0.5, and by
0.3 below the mean of all words. This is so for 2 % of the honest sentences in features and for 90 % of the copied
sentences to which `bench/lies.py` adds an invented clause; the reader believes most of these."""


@dataclass(frozen=True, slots=True)
class SupportGrade:
    """A grade for a passage's support of a sentence, and the span in the article that supports it.

    `reason` says why the grade is below "supported", in a short sentence; see `reasons`. `is_refuted` is True if an
    exact check failed: the passage contradicts a number, date, name, unit or negation, or does not contain it. It is
    False if the words are only not similar enough.
    """

    support: Support
    span: Span
    reason: str = ""
    is_refuted: bool = False


@dataclass(frozen=True, slots=True)
class SupportSigns:
    """The signs for and against a passage's support of a paraphrase.

    `span` is the sentence in the passage, or the run of up to three sentences, that matches best. `mean` and `weakest`
    are the mean and the minimum of the similarities of the paraphrase's words to that run. `is_share` is True if they
    are shares of keywords, because there are no token vectors. `failed` is the reason of an exact check that failed,
    `doubt` the reason for a doubt. `is_copy` marks a near copy of the span, whose every difference counts, and
    `is_exact` a copy that adds no words. `replaces_chinese` marks a copy with other Chinese characters. `least_run` is
    the smallest mean similarity of four neighbouring words.
    """

    span: Span
    mean: float
    weakest: float
    is_share: bool
    failed: str = ""
    doubt: str = ""
    is_copy: bool = False
    is_exact: bool = False
    replaces_chinese: bool = False
    least_run: float = 1.0


def support_signs(
    sentence: str,
    encoding: Encoding | None,
    features: PassageFeatures,
    *,
    around: str = "",
    article: str = "",
    beside: Sequence[PassageFeatures] = (),
) -> SupportSigns | None:
    """Return the signs that a passage supports a paraphrase; None if one of them has no words.

    `encoding` is the sentence's encoding; the sentence's names and numbers may also come from `around` (title, source,
    date), and its names from the rest of the `article`. The span is relative to the passage. A near copy is compared
    with the copied sentences only. Parts of the sentence may also be in the passages `beside` this one.
    """
    text, spans = features.named.text, features.sentences
    if not spans or not has_words(sentence):
        return None
    parts = list(features.texts)
    matched, is_share = _match(sentence, encoding, parts, features)
    copy = find_copy(sentence, parts)
    first, last = (copy.first, copy.last) if copy else _best_run(matched)
    span = Span(spans[first].start, spans[last].end)
    run = features.named.part(span)
    # Words that a copy adds may come from anywhere in the passage, such as "Lu Yanxia" for "she".
    best = (matched if copy else matched[first : last + 1]).max(axis=0)
    mean, weakest = float(best.mean()), float(best.min())
    least_run = _least_run(best)  # of the sentence or the run; or else of all passages
    if least_run < _LEAST_RUN and not is_share:
        others = [_match(sentence, encoding, list(each.texts), each) for each in beside if each.sentences]
        known = [similar.max(axis=0) for similar, has_no_vectors in others if not has_no_vectors]
        least_run = _least_run(np.maximum.reduce([matched.max(axis=0), *known]))
    if copy:
        failed = copy_inconsistency(sentence, copy, run, f"{around}\n{text}\n{article}")
        replaced = replaces_chinese(copy)
        return SupportSigns(span, mean, weakest, is_share, failed, "", True, copy.only, replaced, least_run=least_run)
    nearby = " ".join(parts[max(0, first - 1) : last + 2])
    failed = inconsistency(sentence, run, f"{around}\n{nearby}", article)
    doubt = negation_doubt(sentence, run)
    return SupportSigns(span, mean, weakest, is_share, failed, doubt, least_run=least_run)


def _least_run(similarities: np.typing.NDArray[np.float32]) -> float:
    """Return the smallest mean of neighbouring values."""
    return min(float(similarities[at : at + _RUN].mean()) for at in range(max(1, len(similarities) - _RUN + 1)))


def likeness(sentence: str, encoding: Encoding | None, features: PassageFeatures) -> float | None:
    """Return the mean similarity of a sentence's words to the part of a passage that matches best.

    None without token vectors, or for a script that the model cannot read.
    """
    if not features.sentences or not has_words(sentence):
        return None
    matched, is_share = _match(sentence, encoding, features.texts, features)
    first, last = _best_run(matched)
    return None if is_share else float(matched[first : last + 1].max(axis=0).mean())


def grade_signs(signs: SupportSigns, reading: Reading | None = None) -> SupportGrade:
    """Return the grade that follows from the signs, and from the reader's result if there is a reader.

    A near copy that fails an exact check is `unsupported`, whatever the reader says.
    """
    if signs.failed and (signs.is_copy or reading is None):
        return SupportGrade("unsupported", signs.span, signs.failed, is_refuted=True)
    if signs.is_exact:
        return SupportGrade("supported", signs.span)
    support = _grade(signs) if reading is None or signs.is_share else _read_grade(signs, reading)
    is_doubted = bool(signs.doubt) and reading is None
    if support == "supported" and (is_doubted or signs.replaces_chinese or _adds_a_part(signs)):
        support = "weak"
    if support == "supported":
        return SupportGrade(support, signs.span)
    similar = PARTLY_SIMILAR if support == "weak" else NOT_SIMILAR
    why = signs.failed or (signs.doubt if support == "weak" else "") or similar
    return SupportGrade(support, signs.span, why, is_refuted=bool(signs.failed) and support == "unsupported")


def _adds_a_part(signs: SupportSigns) -> bool:
    """Return whether most of a sentence is in the passage, but a part of it is not."""
    return not signs.is_share and signs.least_run < min(_LEAST_RUN, signs.mean - _GAP)


def support_probability(signs: SupportSigns, reading: Reading) -> float:
    """Return the probability that a passage supports a paraphrase, from the signs and the reader's result."""
    score = _INTERCEPT + _LOGIT * reading.logit + _LEAST_SIMILAR * signs.weakest + _FAILED * bool(signs.failed)
    return 1 / (1 + math.exp(-score))


def _read_grade(signs: SupportSigns, reading: Reading) -> Support:
    probability = support_probability(signs, reading)
    if probability >= _SUPPORTED_READ:
        return "supported"
    return "weak" if probability >= _WEAK_READ else "unsupported"


def _match(
    sentence: str, encoding: Encoding | None, parts: Sequence[str], features: PassageFeatures
) -> tuple[np.typing.NDArray[np.float32], bool]:
    """Return the similarity of each passage sentence to each content word in the claim: shape `(sentences, words)`.

    The values are token cosines if the model provides token vectors and can read the script; otherwise (the second
    value is True) 1 for a keyword that occurs and 0 for one that does not.
    """
    text = " ".join(parts)
    if (
        encoding is not None
        and _has_word_vectors(encoding, sentence)
        and len(features.tokens.codes)
        and is_readable(text)
    ):
        tokens = encoding.tokens[_content_tokens(sentence, encoding)]
        cosines = features.tokens.cosines(tokens)
        matched = np.zeros((len(parts), len(tokens)), dtype=np.float32)
        for row, own in zip(matched, features.rows, strict=True):
            if own.start < own.stop:  # the sentence is within the model's context
                row[:] = cosines[:, own].max(axis=1)
        return matched, False
    wanted = list(dict.fromkeys(terms(sentence)))
    held = [set(terms(part)) for part in parts]
    shares = np.array([[float(term in row) for term in wanted] for row in held], dtype=np.float32)
    return (shares if wanted else np.zeros((len(parts), 1), dtype=np.float32)), True


def _has_word_vectors(encoding: Encoding, sentence: str) -> bool:
    """Return whether the model provides word vectors (some give one vector per sentence) and can read the script."""
    single = all(" " not in sentence[start:end].strip() for start, end in encoding.offsets)
    return len(encoding.tokens) > 0 and single and is_readable(sentence)


def _content_tokens(sentence: str, encoding: Encoding) -> list[int]:
    """Return the indices of the tokens in content words, or of all tokens if there are no content words.

    Negations are left out: they are checked exactly, and must not move the span to another sentence with a negation.
    """
    found = re.finditer(r"[^\W_]+", sentence)
    words = [match.span() for match in found if terms(match[0]) and not count_negations([match[0].lower()])]
    rows = [i for i, (start, end) in enumerate(encoding.offsets) if any(a <= start and end <= b for a, b in words)]
    return rows or list(range(len(encoding.offsets)))


def _best_run(matched: np.typing.NDArray[np.float32]) -> tuple[int, int]:
    """Return the first and last index of the best-matching sentence, extended by neighbours that clearly help."""
    first = last = int(matched.mean(axis=1).argmax())
    here = matched[first]
    for neighbour in (first - 1, first + 1):
        if 0 <= neighbour < len(matched):
            both = np.maximum(here, matched[neighbour])
            if both.mean() > here.mean() + _NEIGHBOUR_HELPS:
                here, first, last = both, min(first, neighbour), max(last, neighbour)
    return first, last


def _grade(signs: SupportSigns) -> Support:
    supported, weak = (_SUPPORTED_BY_WORDS, _WEAK_BY_WORDS) if signs.is_share else (_SUPPORTED, _WEAK)
    if signs.mean >= supported and (signs.is_share or signs.weakest >= _WEAKEST):
        return "supported"
    return "weak" if signs.mean >= weak else "unsupported"
