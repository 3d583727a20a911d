"""Verifiers: models that grade the sentences of a finished answer against the passages that they cite.

The bundled check of `support` needs no other model. A verifier is an LLM, a cross-encoder, or a plug-in; its grades
replace those of the bundled check.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from index import CitechatError, SearchResult, Span, with_column_names

from ..answer import Answer, Sentence, Support
from ..errors import SettingsError
from ..plugins import load_plugin
from ..text.quantities import quantities
from .llm_verifier import LLMVerifier
from .quotes import find_in_passage
from .reasons import (
    CONTRADICTED,
    NOT_MENTIONED,
    NOT_SAID,
    NOWHERE_MENTIONED,
    OTHER_UNIT,
    OTHER_WORD,
    PARTLY_SAID,
    parse_reason,
)
from .verdicts import CitedPassage, ClaimToCheck, Verdict, VerdictValue, Verifier

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

BUNDLED = "bundled"
LLM = "llm"
PLUGIN_GROUP = "citechat.verifiers"
"""The entry-point group of plug-ins. An entry point names a function without arguments that returns a `Verifier`."""

_ENTAILED = 0.5  # minimum probability of entailment of a supported sentence; set by hand, as are the next two
_PARTLY = 0.25  # minimum probability of entailment of a partly supported sentence
_CONTRADICTED = 0.5  # minimum probability of contradiction of a contradicted sentence
_NUMBER_REASONS = frozenset({NOT_MENTIONED, NOWHERE_MENTIONED, OTHER_UNIT, OTHER_WORD})
_GRADES: dict[VerdictValue, tuple[Support, str]] = {
    "supported": ("supported", ""),
    "partly": ("weak", PARTLY_SAID),
    "contradicted": ("unsupported", CONTRADICTED),
    "not mentioned": ("unsupported", NOT_SAID),
}


class CrossEncoderVerifier:
    """A sentence-transformers `CrossEncoder`, given by folder or name, that compares each sentence with its passages.

    The model is loaded at first use; nothing is downloaded. It reads a passage and a sentence, in this order. With one
    label, its sigmoid is the probability of entailment. With several, it is the softmax of the label that is called
    "entailment" or "supported", or of the last of two labels without such a name; a label "contradiction" or
    "refuted" gives the probability of contradiction. A sentence is supported from 0.5 and partly supported from 0.25.
    """

    def __init__(self, name: str) -> None:
        """Use the model in the folder, or in the local cache under the name, `name`."""
        self.name = name

    def grade(self, sentences: Sequence[ClaimToCheck]) -> list[Verdict]:
        """Return the verdict of the passage that supports each sentence best; several are read together as well.

        Raises `SettingsError` if the model cannot be loaded or is not a verifier.
        """
        pairs, rows = [], []
        for row, claim in enumerate(sentences):
            texts = [passage.text for passage in claim.passages]
            for premise in [*texts, "\n".join(texts)] if len(texts) > 1 else texts:
                pairs.append((premise, claim.text))
                rows.append(row)
        if not pairs:
            return []
        entailed, contradicted = self.probabilities(pairs)
        verdicts = []
        for row in range(len(sentences)):
            own = [i for i, each in enumerate(rows) if each == row]
            best = max(own, key=lambda i: float(entailed[i]))
            verdicts.append(_verdict(float(entailed[best]), float(contradicted[best])))
        return verdicts

    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> tuple[np.typing.NDArray[Any], np.typing.NDArray[Any]]:
        """Return the probabilities of entailment and of contradiction of each pair of passage and sentence."""
        import torch

        scores = self._model.predict(
            list(pairs), activation_fn=torch.nn.Identity(), show_progress_bar=False, convert_to_numpy=True
        )
        scores = np.asarray(scores, dtype=np.float64).reshape(len(pairs), -1)
        if scores.shape[1] == 1:
            entailed = 1 / (1 + np.exp(-np.clip(scores[:, 0], -50, 50)))
            return entailed, np.zeros(len(pairs))
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        entailment, contradiction = self._labels(scores.shape[1])
        return shares[:, entailment], shares[:, contradiction] if contradiction is not None else np.zeros(len(pairs))

    def _labels(self, count: int) -> tuple[int, int | None]:
        """Return the numbers of the labels for entailment and for contradiction."""
        named = getattr(self._model.model.config, "id2label", None) or {}
        labels = {str(label).lower(): int(number) for number, label in named.items()}

        def find(*begins: str) -> int | None:
            return next((number for label, number in labels.items() if label.startswith(begins)), None)

        entailment = find("entail", "support")
        if entailment is None and count == 2:
            entailment = 1
        if entailment is None:
            raise SettingsError(
                f"the model {self.name!r} cannot verify answers: none of its {count} labels is called 'entailment'",
                "Set CITECHAT_VERIFIER to a CrossEncoder for natural language inference, or to 'bundled'.",
            )
        return entailment, find("contradict", "refut")

    @cached_property
    def _model(self) -> Any:
        import torch
        from sentence_transformers import CrossEncoder

        torch.set_num_threads(1)
        try:
            return CrossEncoder(self.name, device="cpu", local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"cannot load the verifier {self.name!r}: {str(error).splitlines()[0]}",
                "Set CITECHAT_VERIFIER to 'bundled', 'llm', the name of a plug-in, or the folder of a "
                "sentence-transformers CrossEncoder. Models are never downloaded.",
            ) from None


def load_verifier(
    spec: str, llm: BaseChatModel | None = None, llm_spec: str = "", timeout: float = 180.0
) -> Verifier | None:
    """Return the verifier for `spec`, or None for "bundled", the check that needs no other model.

    `spec` is "bundled", "llm", the name of a plug-in, or the folder or name of a `CrossEncoder`, which is loaded at
    first use. Raises `SettingsError` if "llm" is given without an `llm`, or if a plug-in fails.
    """
    if spec == BUNDLED:
        return None
    if spec == LLM:
        if llm is None:
            raise SettingsError(
                "the verifier 'llm' needs a language model, and none is set",
                "Set CITECHAT_LLM, for example to 'ollama:llama3.2', or set CITECHAT_VERIFIER=bundled.",
            )
        return LLMVerifier(llm, llm_spec, timeout)
    plugin: Verifier | None = load_plugin(PLUGIN_GROUP, spec, "verifier", "grade")
    return CrossEncoderVerifier(spec) if plugin is None else plugin


def verified(answer: Answer, found: SearchResult, verifier: Verifier) -> Answer:
    """Return a finished answer with the verifier's grades in place of those of the bundled check.

    Quotations, and sentences without citations, keep their grades. A sentence that the verifier supports, but that
    contains a number that the passages do not, is weak. If the verifier fails, all grades are kept, and a note says so.
    """
    numbers = [i for i, each in enumerate(answer.sentences) if each.numbers and each.support != "quoted"]
    if not numbers:
        return answer
    claims = [_claim(answer.sentences[i], found) for i in numbers]
    tokens: dict[str, int] = {}
    started = time.perf_counter()
    try:
        verdicts = _verdicts(verifier, claims, tokens)
    except Exception as error:  # a plug-in may raise any exception, and the answer must not be lost
        if isinstance(error, CitechatError):
            reason = f": {error.message}"
        else:
            reason = "."
            logger.warning("The verifier failed: %s: %.500r", type(error).__name__, str(error))
        note = f"The bundled check graded this answer, because the verifier failed{reason}"
        return replace(answer, notes=(*answer.notes, note), tokens=_sum(answer.tokens, tokens))
    sentences = list(answer.sentences)
    for i, verdict in zip(numbers, verdicts, strict=True):
        sentences[i] = _graded(sentences[i], verdict, found)
    timings = {**answer.timings, "verifier": time.perf_counter() - started}
    return replace(answer, sentences=tuple(sentences), timings=timings, tokens=_sum(answer.tokens, tokens))


def _verdicts(verifier: Verifier, claims: Sequence[ClaimToCheck], tokens: dict[str, int]) -> list[Verdict]:
    verdicts = verifier.grade(claims, tokens) if isinstance(verifier, LLMVerifier) else verifier.grade(claims)
    if len(verdicts) != len(claims):
        raise SettingsError(f"the verifier returned {len(verdicts)} verdicts for {len(claims)} sentences")
    return verdicts


def _claim(sentence: Sentence, found: SearchResult) -> ClaimToCheck:
    hits = [(number, found.passages[number - 1].hit) for number in dict.fromkeys(sentence.numbers)]
    return ClaimToCheck(
        sentence.text,
        tuple(
            CitedPassage(number, with_column_names(hit.passage).text, hit.title, hit.published or "")
            for number, hit in hits
        ),
    )


def _graded(sentence: Sentence, verdict: Verdict, found: SearchResult) -> Sentence:
    """Return the sentence with the grade of a verdict, and with its words as evidence if a cited passage has them."""
    support, reason = _GRADES[verdict.value]
    if support == "supported" and _has_wrong_number(sentence):
        support, reason = "weak", sentence.reason
    evidence = [
        _span_of(verdict.words, found, number) or span
        for number, span in zip(sentence.numbers, sentence.evidence, strict=True)
    ]
    return replace(sentence, support=support, reason=reason, evidence=tuple(evidence))


def _has_wrong_number(sentence: Sentence) -> bool:
    """Return whether the bundled check found a number in the sentence that the passages do not contain."""
    template, words = parse_reason(sentence.reason)
    return template in _NUMBER_REASONS and bool(quantities(words["word"]))


def _span_of(words: str, found: SearchResult, number: int) -> Span | None:
    """Return the span of the words in passage `number`, as offsets in the article, if it contains them."""
    features = found.passages[number - 1].features
    passage, span = features.passage, find_in_passage(words, features)
    return Span(passage.start + span.start, passage.start + span.end) if span else None


def _verdict(entailed: float, contradicted: float) -> Verdict:
    if entailed >= _ENTAILED:
        return Verdict("supported", entailed)
    if contradicted >= _CONTRADICTED:
        return Verdict("contradicted", entailed)
    return Verdict("partly" if entailed >= _PARTLY else "not mentioned", entailed)


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in one | other}
