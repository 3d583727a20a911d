"""Batches for the reader's network, and its loss."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from network import ReaderNetwork
from torch import Tensor
from torch.nn import functional
from training_examples import CLAIM, QUESTION, Example

from index import FloatArray
from rag.reading.pairs import FEATURES, SHARPNESS, SIMILARITY_SCALE, EncodedPair

_LENGTHS, _ROWS = 32, 4  # the lengths and the number of rows of a batch are multiples of these
_WHOLE_PASSAGES = ("answerable", "other passage")  # details of examples that compete for a question's evidence
_FAR = -1e4  # a logit that counts as minus infinity, and fits into half precision


def read(network: ReaderNetwork, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Return the outputs for the inputs that `collate` returns, in logits.

    For each pair: that the passage answers the question or supports the claim, shape `(pairs,)`; for each sentence,
    shape `(pairs, sentences)`; and for each token that it is not supported, shape `(pairs, tokens)`.
    """
    pairs, scores, words = network(inputs["ids"], inputs["types"], inputs["features"], inputs["mask"])
    kinds, numbers = inputs["kinds"], inputs["numbers"]
    scores = scores.float().gather(2, kinds[:, None, None].expand(-1, scores.shape[1], 1))[..., 0]
    count = max(int(numbers.max()) + 1, 1)
    member = functional.one_hot(numbers.clamp(min=0), count).float() * (numbers >= 0).unsqueeze(-1)
    spread = scores.unsqueeze(-1) + (1 - member) * _FAR
    sentences = torch.logsumexp(spread * SHARPNESS, dim=1) / SHARPNESS
    return pairs.float().gather(1, kinds[:, None])[:, 0], sentences, words.float()


@dataclass(frozen=True, slots=True)
class Row:
    """An example that is ready for the model; `scores` are the similarity scores of its sentences, for a question."""

    example: Example
    pair: EncodedPair
    scores: FloatArray


def collate(rows: Sequence[Row], device: str = "cpu") -> dict[str, Tensor]:
    """Return the inputs of `read` for some rows, padded to few different shapes.

    A library that compiles its kernels for each shape spends most of its time on that if every batch has another one.
    There may be more rows in the batch than were given; those at the end are empty.
    """
    longest = max(len(row.pair.ids) for row in rows)
    length, empty = longest + -longest % _LENGTHS, -len(rows) % _ROWS

    def padded(values: list[list[int]], filler: int, first: int) -> Tensor:
        full = [each + [filler] * (length - len(each)) for each in values]
        return torch.tensor(full + [[first] + [filler] * (length - 1)] * empty, device=device)

    features = np.zeros((len(rows) + empty, length, FEATURES), dtype=np.float32)
    for row, each in zip(features, rows, strict=False):
        row[: len(each.pair.ids)] = each.pair.features
    return {
        "features": torch.from_numpy(features).to(device),
        "ids": padded([row.pair.ids for row in rows], 0, 0),
        "types": padded([row.pair.types for row in rows], 0, 0),
        "mask": padded([[1] * len(row.pair.ids) for row in rows], 0, 1),
        "kinds": torch.tensor([row.example.kind for row in rows] + [0] * empty, device=device),
        "numbers": padded([row.pair.sentences for row in rows], -1, -1),
    }


@dataclass(frozen=True, slots=True)
class LossWeights:
    """The weights of the parts of the loss."""

    rank: float = 1.0
    sentence: float = 1.0
    token: float = 0.5


def loss_of(outputs: tuple[Tensor, Tensor, Tensor], rows: Sequence[Row], weights: LossWeights) -> Tensor:
    """Return the loss of a batch: the labels, the order within groups, the sentences, and the unsupported words."""
    pair, sentences, tokens = (output[: len(rows)] for output in outputs)
    labels = torch.tensor([float(row.example.label) for row in rows], device=pair.device)
    loss = functional.binary_cross_entropy_with_logits(pair, labels)
    if pairs := _ranked(rows):
        better, worse = (torch.tensor(side, device=pair.device) for side in zip(*pairs, strict=True))
        loss = loss + weights.rank * functional.softplus(pair[worse] - pair[better]).mean()
    choices = [*_evidence_of_questions(rows, sentences), *_evidence_of_claims(rows, sentences)]
    if choices:
        losses = [torch.logsumexp(logits, 0) - torch.logsumexp(logits[gold], 0) for logits, gold in choices]
        loss = loss + weights.sentence * torch.stack(losses).mean()
    wanted, found = [], []
    for i, row in enumerate(rows):
        if row.example.kind == CLAIM and (row.example.label or row.example.unsupported):
            wanted += _unsupported(row)
            found.append(tokens[i, 1 : row.pair.first_tokens + 1])
    if wanted:
        target = torch.tensor(wanted, device=pair.device)
        loss = loss + weights.token * functional.binary_cross_entropy_with_logits(torch.cat(found), target)
    return loss


def _evidence_of_questions(rows: Sequence[Row], sentences: Tensor) -> list[tuple[Tensor, list[int]]]:
    """Return for each question the logits of the sentences in all its passages, and the indices of the evidence.

    The logits are the reader's, added to the similarities.
    """
    asked: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        if row.example.kind == QUESTION and row.example.detail in _WHOLE_PASSAGES:
            asked[row.example.group, row.example.first].append(i)
    found = []
    for chosen in asked.values():
        parts, gold, at = [], [], 0
        for i in chosen:
            count = max(rows[i].pair.sentences) + 1  # the sentences that were not cut off
            gold += [at + each for each in rows[i].example.gold if each < count]
            similar = torch.from_numpy(rows[i].scores[:count]).to(sentences.device)
            parts.append(sentences[i, :count] + SIMILARITY_SCALE * similar)
            at += count
        if gold and at > 1:
            found.append((torch.cat(parts), gold))
    return found


def _evidence_of_claims(rows: Sequence[Row], sentences: Tensor) -> list[tuple[Tensor, list[int]]]:
    """Return for each claim the logits of the sentences in its passage, and the indices of the evidence."""
    found = []
    for i, row in enumerate(rows):
        count = max(row.pair.sentences) + 1
        gold = [each for each in row.example.gold if each < count]
        if row.example.kind == CLAIM and gold and count > 1:
            found.append((sentences[i, :count], gold))
    return found


def _unsupported(row: Row) -> list[float]:
    return [
        float(any(span.start < end and begin < span.end for span in row.example.unsupported))
        for begin, end in row.pair.offsets
    ]


def _ranked(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """Return the pairs of rows in the same group of which the first should have the higher logit."""
    groups: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for i, row in enumerate(rows):
        if row.example.group:
            groups[row.example.group][row.example.label].append(i)
    return [(better, worse) for wrong, right in groups.values() for better in right for worse in wrong]
