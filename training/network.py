"""The network of the bundled reader, as a torch module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from rag.reading.pairs import FEATURES

_FAR = -1e4  # added to the attention to padding

FROZEN_LAYERS = 2
"""The number of lowest layers that keep the weights of the encoder; the embeddings keep theirs, too."""


class ReaderNetwork(nn.Module):
    """A MiniLM encoder with three heads, which reads a question or a claim together with a passage.

    The features of the tokens are added after the frozen layers.
    Each head has a column for questions and one for claims, except the last, which is for claims only.
    """

    def __init__(self, folder: Path) -> None:
        """Load the weights of all-MiniLM-L6-v2 from `folder`; the heads are random."""
        from transformers import AutoModel

        super().__init__()
        self.encoder = AutoModel.from_pretrained(
            folder, add_pooling_layer=False, attn_implementation="eager", local_files_only=True
        )
        size = int(self.encoder.config.hidden_size)
        for part in (self.encoder.embeddings, *self.encoder.encoder.layer[:FROZEN_LAYERS]):
            for parameter in part.parameters():
                parameter.requires_grad = False
        self.alignment = nn.Sequential(nn.Linear(FEATURES, 32), nn.GELU(), nn.Linear(32, size, bias=False))
        nn.init.zeros_(self.alignment[2].weight)
        self.pair_head = nn.Linear(size, 2)
        self.sentence_head = nn.Linear(size, 2)
        self.token_head = nn.Linear(size, 1)

    def forward(
        self, ids: Tensor, types: Tensor, features: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logits of the pairs, shape `(pairs, 2)`, of the sentences at each token, shape `(pairs, tokens,
        2)`, and of unsupported words, shape `(pairs, tokens)`."""
        hidden = self.encoder.embeddings(input_ids=ids, token_type_ids=types)
        hidden_mask = None if mask is None else (1.0 - mask[:, None, None, :].to(hidden.dtype)) * _FAR
        for number, layer in enumerate(self.encoder.encoder.layer):
            if number == FROZEN_LAYERS:
                hidden = hidden + self.alignment(features)
            hidden = layer(hidden, attention_mask=hidden_mask)
            hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        if mask is None:
            pooled = hidden.mean(1) + hidden[:, 0]
        else:
            weights = mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * weights).sum(1) / weights.sum(1) + hidden[:, 0]
        return self.pair_head(pooled), self.sentence_head(hidden), self.token_head(hidden)[..., 0]


def trained_weights(network: ReaderNetwork) -> dict[str, Any]:
    """Return the parameters that are trained, by name."""
    return {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
