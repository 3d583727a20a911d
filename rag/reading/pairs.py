"""Turn a question or claim and a passage into token ids for the reader. Pure, except for the tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from index import Encoding, FloatArray, Span, sentences

FIRST_TOKENS, ALL_TOKENS = 80, 384
"""Maximum number of tokens of the question or claim, and of the whole input; the rest is cut off."""

NO_SENTENCE = -1

SHARPNESS = 2.0
"""A sentence's logit is the soft maximum of its tokens' logits, `log(sum(exp(SHARPNESS * logits))) / SHARPNESS`."""

SIMILARITY_SCALE = 25.0
"""The bundled reader is trained to correct the similarities: the log-odds that a sentence answers a question are its
similarity score (`rag/reading/evidence.py`) times this, plus the reader's logit. So the reader learns only what the
similarities get wrong (the residual fit of He et al. 2019, https://arxiv.org/abs/1908.10763)."""

FEATURES = 3
"""The number of features of a token. They say how well it matches the other text, as in late interaction: the highest
cosine with a token there, whether the same token occurs there, and the highest cosine with a different token. With
these as input, a small model needs to learn only what similarity does not tell (Askari et al. 2023,
https://arxiv.org/abs/2301.09728, put the BM25 score into the input)."""


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """The input for the reader: `[CLS] first [SEP] title. passage [SEP]`.

    `ids` and `types` have one number per token. `sentences` contains the index of the passage's sentence, or -1.
    `offsets` are the characters of each token in `first`, for the tokens `1` to `first_tokens`. `features` has the
    shape `(tokens, FEATURES)`.
    """

    ids: list[int]
    types: list[int]
    sentences: list[int]
    first_tokens: int
    offsets: list[tuple[int, int]]
    features: FloatArray


def encode_pair(
    tokenizer: Any,
    pair: tuple[str, str, str],
    encodings: tuple[Encoding, Encoding],
    spans: Sequence[Span] | None = None,
) -> EncodedPair:
    """Return the encoded pair of a question or claim, a title and a passage.

    `tokenizer` is a `tokenizers.Tokenizer` without truncation and padding. `encodings` are those of the question or
    claim and of the passage, from all-MiniLM-L6-v2. `spans` are the sentences of the passage; if they are not given,
    the passage is split.
    """
    first, title, passage = pair
    separator, start = tokenizer.token_to_id("[SEP]"), tokenizer.token_to_id("[CLS]")
    asked = tokenizer.encode(first, add_special_tokens=False)
    asked_ids, offsets = asked.ids[:FIRST_TOKENS], list(asked.offsets[:FIRST_TOKENS])
    head = f"{' '.join(title.split())}. " if title.strip() else ""
    read = tokenizer.encode(head + passage, add_special_tokens=False)
    room = ALL_TOKENS - len(asked_ids) - 3
    ends = [span.end + len(head) for span in (sentences(passage) if spans is None else spans)]
    numbers, at = [], 0
    for begin, _ in read.offsets[:room]:
        while at < len(ends) - 1 and begin >= ends[at]:
            at += 1
        numbers.append(at if ends and begin >= len(head) else NO_SENTENCE)
    ids = [start, *asked_ids, separator, *read.ids[:room], separator]
    types = [0] * (len(asked_ids) + 2) + [1] * (len(numbers) + 1)
    features = np.zeros((len(ids), FEATURES), dtype=np.float32)
    before = sum(begin < len(head) for begin, _ in read.offsets[:room])
    vectors = encodings[0].tokens[: len(asked_ids)], encodings[1].tokens[: len(numbers) - before]
    here = slice(1, 1 + len(vectors[0]))
    there = slice(len(asked_ids) + 2 + before, len(asked_ids) + 2 + before + len(vectors[1]))
    features[here], features[there] = _matches(vectors, np.asarray(ids[here]), np.asarray(ids[there]))
    return EncodedPair(
        ids=ids,
        types=types,
        sentences=[NO_SENTENCE] * (len(asked_ids) + 2) + numbers + [NO_SENTENCE],
        first_tokens=len(asked_ids),
        offsets=offsets,
        features=features,
    )


def _matches(
    vectors: tuple[FloatArray, FloatArray], first: np.typing.NDArray[np.int64], second: np.typing.NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    """Return the features of the tokens of two texts with these token vectors and ids."""
    if not len(first) or not len(second):
        nothing = np.zeros((max(len(first), len(second)), FEATURES), dtype=np.float32)
        return nothing[: len(first)], nothing[: len(second)]
    cosines = vectors[0] @ vectors[1].T
    is_same = first[:, None] == second[None, :]
    others = np.where(is_same, 0.0, cosines)
    found = [
        np.stack([cosines.max(axis), is_same.any(axis), others.max(axis)], axis=1).astype(np.float32) for axis in (1, 0)
    ]
    return found[0], found[1]
