"""The reader as a torch module: a MiniLM encoder with three heads, and its loss."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pairs import EncodedPair
from torch import Tensor, nn
from torch.nn import functional
from training_examples import CLAIM, Example

_FAR = -1e4  # a logit that counts as minus infinity, and fits into half precision
_SHARPNESS = 2.0  # of the soft maximum over a sentence's tokens


class ReaderModel(nn.Module):
    """An encoder that reads a question or a claim together with a passage.

    Outputs, for each pair: the logit that the passage answers the question or supports the claim, shape `(pairs,)`; a
    logit for each sentence, shape `(pairs, sentences)`; and for each token the logit that it is not supported, shape
    `(pairs, tokens)`. The embeddings and the lowest `frozen` layers keep their weights.
    """

    def __init__(self, folder: Path, frozen: int = 2) -> None:
        from transformers import AutoModel

        super().__init__()
        self.encoder = AutoModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="eager")
        size = int(self.encoder.config.hidden_size)
        for part in (self.encoder.embeddings, *self.encoder.encoder.layer[:frozen]):
            for parameter in part.parameters():
                parameter.requires_grad = False
        self.pair_head = nn.Linear(size, 2)  # a column for each kind
        self.sentence_head = nn.Linear(size, 2)
        self.token_head = nn.Linear(size, 1)

    def forward(
        self, ids: Tensor, types: Tensor, mask: Tensor, kinds: Tensor, numbers: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        hidden = self.encoder(input_ids=ids, token_type_ids=types, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).float()
        pooled = (hidden * weights).sum(1) / weights.sum(1) + hidden[:, 0]
        pair = self.pair_head(pooled).gather(1, kinds[:, None])[:, 0]
        each = kinds[:, None, None].expand(-1, hidden.shape[1], 1)
        scores = self.sentence_head(hidden).gather(2, each)[..., 0]
        count = int(numbers.max()) + 1
        member = functional.one_hot(numbers.clamp(min=0), max(count, 1)).float() * (numbers >= 0).unsqueeze(-1)
        spread = scores.unsqueeze(-1) + (1 - member) * _FAR
        sentences = torch.logsumexp(spread * _SHARPNESS, dim=1) / _SHARPNESS
        return pair, sentences, self.token_head(hidden)[..., 0]


@dataclass(frozen=True, slots=True)
class Row:
    """An example that is ready for the model."""

    example: Example
    pair: EncodedPair


def collate(rows: Sequence[Row], device: str = "cpu") -> dict[str, Tensor]:
    """Return the model's inputs for some rows, padded to the longest one."""
    longest = max(len(row.pair.ids) for row in rows)

    def padded(values: list[list[int]], filler: int) -> Tensor:
        return torch.tensor([each + [filler] * (longest - len(each)) for each in values], device=device)

    return {
        "ids": padded([row.pair.ids for row in rows], 0),
        "types": padded([row.pair.types for row in rows], 0),
        "mask": padded([[1] * len(row.pair.ids) for row in rows], 0),
        "kinds": torch.tensor([row.example.kind for row in rows], device=device),
        "numbers": padded([row.pair.sentences for row in rows], -1),
    }


@dataclass(frozen=True, slots=True)
class LossWeights:
    """The weights of the parts of the loss."""

    rank: float = 1.0
    sentence: float = 1.0
    token: float = 0.5


def loss_of(outputs: tuple[Tensor, Tensor, Tensor], rows: Sequence[Row], weights: LossWeights) -> Tensor:
    """Return the loss of a batch: the labels, the order within groups, the sentences, and the unsupported words."""
    pair, sentences, tokens = outputs
    labels = torch.tensor([float(row.example.label) for row in rows], device=pair.device)
    loss = functional.binary_cross_entropy_with_logits(pair, labels)
    if pairs := _ranked(rows):
        better, worse = (torch.tensor(side, device=pair.device) for side in zip(*pairs, strict=True))
        loss = loss + weights.rank * functional.softplus(pair[worse] - pair[better]).mean()
    gold = [(i, [g for g in row.example.gold if g < sentences.shape[1]]) for i, row in enumerate(rows)]
    gold = [(i, each) for i, each in gold if each and _marks_sentences(rows[i].example)]
    if gold:
        chosen = torch.tensor([i for i, _ in gold], device=pair.device)
        logs = functional.log_softmax(sentences[chosen], dim=1)
        marks = torch.full_like(logs, _FAR)
        for at, (_, each) in enumerate(gold):
            marks[at, each] = 0.0
        loss = loss - weights.sentence * torch.logsumexp(logs + marks, dim=1).mean()
    wanted, found = [], []
    for i, row in enumerate(rows):
        if row.example.kind == CLAIM and (row.example.label or row.example.unsupported):
            wanted += _unsupported(row)
            found.append(tokens[i, 1 : row.pair.first_tokens + 1])
    if wanted:
        target = torch.tensor(wanted, device=pair.device)
        loss = loss + weights.token * functional.binary_cross_entropy_with_logits(torch.cat(found), target)
    return loss


def _marks_sentences(example: Example) -> bool:
    """Return whether the sentences are known: for what is answered or supported, and for lies about the same facts."""
    return bool(example.label) or example.kind == CLAIM


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


def parameters_of(model: nn.Module) -> list[Any]:
    """Return the parameters that are trained."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]
