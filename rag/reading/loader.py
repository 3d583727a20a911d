"""Load a reader by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from index import Encoder

from ..errors import SettingsError
from ..plugins import load_plugin
from .bundled import BundledReader
from .reader import Kind, Pair, Reader, Reading

BUNDLED, OFF = "bundled", "off"
PLUGIN_GROUP = "citechat.readers"
"""The entry-point group of plug-ins. An entry point names a function without arguments that returns a `Reader`."""


class CrossEncoderReader:
    """A sentence-transformers `CrossEncoder` with one label, given by folder or name, such as a reranker.

    The model is loaded at first use; nothing is downloaded. It cannot rank the sentences of a passage,
    only the passages.
    """

    def __init__(self, name: str) -> None:
        """Use the model in the folder, or in the local cache under the name, `name`."""
        self.name = name

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return ("question", "claim")

    def read(self, kind: Kind, pairs: Sequence[Pair]) -> list[Reading]:  # noqa: ARG002 (it reads both alike)
        """Return a reading for each pair. Raises `SettingsError` if the model cannot be loaded."""
        if not pairs:
            return []
        import torch

        texts = [(pair.first, f"{pair.title}. {pair.passage}" if pair.title else pair.passage) for pair in pairs]
        logits = np.asarray(
            self._model.predict(texts, activation_fn=torch.nn.Identity(), show_progress_bar=False), dtype=np.float64
        )
        if logits.ndim != 1:
            raise SettingsError(
                f"the reader {self.name!r} has {logits.shape[1]} labels", "Use a CrossEncoder with one label."
            )
        return [
            Reading(float(logit), (float(logit),) * len(pair.sentences))
            for logit, pair in zip(logits, pairs, strict=True)
        ]

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import CrossEncoder

        try:
            return CrossEncoder(self.name, device="cpu", local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"cannot load the reader {self.name!r}: {str(error).splitlines()[0]}",
                "Set CITECHAT_READER to 'bundled', 'off', the name of a plug-in, or the folder of a "
                "sentence-transformers CrossEncoder. Models are never downloaded.",
            ) from None


def load_reader(spec: str, encoder: Callable[[], Encoder], threads: int | None = None) -> Reader | None:
    """Return the reader for `spec`, or None for "off".

    `spec` is "bundled", "off", the name of a plug-in, or the folder or name of a `CrossEncoder`. The model is loaded at
    first use. `encoder` returns all-MiniLM-L6-v2, which the bundled reader needs. Raises `SettingsError` if a plug-in
    fails.
    """
    if spec == OFF:
        return None
    if spec == BUNDLED:
        return BundledReader(encoder(), threads)
    plugin: Reader | None = load_plugin(PLUGIN_GROUP, spec, "reader", "read")
    return CrossEncoderReader(spec) if plugin is None else plugin
