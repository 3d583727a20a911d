"""Turn a question or claim and a passage into token ids for the reader. Pure, except for the tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from index import Span, sentences

FIRST_TOKENS, ALL_TOKENS = 80, 384
"""Maximum number of tokens of the question or claim, and of the whole input; the rest is cut off."""

NO_SENTENCE = -1

SHARPNESS = 2.0
"""A sentence's logit is the soft maximum of its tokens' logits, `log(sum(exp(SHARPNESS * logits))) / SHARPNESS`."""


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """The input for the reader: `[CLS] first [SEP] title. passage [SEP]`.

    `ids` and `types` have one number per token. `sentences` contains the index of the passage's sentence, or -1.
    `offsets` are the characters of each token in `first`, for the tokens `1` to `first_tokens`.
    """

    ids: list[int]
    types: list[int]
    sentences: list[int]
    first_tokens: int
    offsets: list[tuple[int, int]]


def encode_pair(
    tokenizer: Any, first: str, title: str, passage: str, spans: Sequence[Span] | None = None
) -> EncodedPair:
    """Return the encoded pair. `tokenizer` is a `tokenizers.Tokenizer` without truncation and padding.

    `spans` are the sentences of the passage; if they are not given, the passage is split.
    """
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
    return EncodedPair(
        ids=ids,
        types=types,
        sentences=[NO_SENTENCE] * (len(asked_ids) + 2) + numbers + [NO_SENTENCE],
        first_tokens=len(asked_ids),
        offsets=offsets,
    )
