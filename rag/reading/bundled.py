"""The bundled reader: all-MiniLM-L6-v2 with retrained upper layers, in whole numbers of 8 bits.

ONNX Runtime runs it. `training/` contains its training, docs/reader.md the model card.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from index import Encoder, Encoding, FloatArray, Span, bundled_folder, cpu_count

from ..errors import SettingsError
from .pairs import SHARPNESS, EncodedPair, encode_pair
from .reader import Kind, Pair, Reading

MODEL = Path(__file__).parent / "reader.onnx"
MODEL_SHA256 = "fdddceb0642b896ddb5fb420aa79ab738696c56b728cf110d28db4f939857744"

_MOST_ENCODINGS = 256  # about 0.2 MB each
_COLUMNS: dict[Kind, int] = {"question": 0, "claim": 1}


class BundledReader:
    """The bundled reader. It is loaded at first use."""

    def __init__(self, encoder: Encoder, threads: int | None = None) -> None:
        """Read `threads` pairs at the same time; the default is the number of CPUs.

        `encoder` must be all-MiniLM-L6-v2, from whose token vectors the model was trained to read.
        """
        self._encoder = encoder
        self._threads = threads or cpu_count()
        self._opening, self._keeping = threading.Lock(), threading.Lock()
        self._kept: OrderedDict[str, Encoding] = OrderedDict()

    @property
    def name(self) -> str:
        """The name of the model and its version."""
        return f"bundled:{MODEL_SHA256[:8]}"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Questions and claims."""
        return ("question", "claim")

    def read(self, kind: Kind, pairs: Sequence[Pair]) -> list[Reading]:
        """Return a reading for each pair, in order. Raises `SettingsError` if the model is damaged."""
        if not pairs:
            return []
        with self._opening:  # a question during the warm-up waits for the model instead of loading it again
            session, tokenizer = self._session, self._tokenizer

        encodings = self._encodings([text for pair in pairs for text in (pair.first, pair.passage)])

        def run(pair: Pair) -> Reading:
            of_both = encodings[pair.first], encodings[pair.passage]
            encoded = encode_pair(tokenizer, (pair.first, pair.title, pair.passage), of_both, pair.sentences)
            given = {"ids": np.asarray([encoded.ids]), "types": np.asarray([encoded.types])}
            given = {name: array.astype(np.int64) for name, array in given.items()}
            inputs = {**given, "features": encoded.features[None]}
            return _reading(pair, encoded, _COLUMNS[kind], [output[0] for output in session.run(None, inputs)])

        return [run(pairs[0])] if len(pairs) == 1 else list(self._pool.map(run, pairs))

    def _encodings(self, texts: Sequence[str]) -> dict[str, Encoding]:
        """Return the encodings of texts; those of the last `_MOST_ENCODINGS` texts are kept."""
        with self._keeping:
            found = {text: self._kept[text] for text in texts if text in self._kept}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        if missing:
            found |= zip(missing, self._encoder.encode(missing), strict=True)
        with self._keeping:
            self._kept |= found
            for text in found:
                self._kept.move_to_end(text)
            while len(self._kept) > _MOST_ENCODINGS:
                self._kept.popitem(last=False)
        return found

    @cached_property
    def _session(self) -> Any:
        return open_session(MODEL, MODEL_SHA256)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix="read")

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(Path(bundled_folder()) / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer


def open_session(model: Path, sha256: str | None = None) -> Any:
    """Return an ONNX Runtime session for a reader. Raises `SettingsError` if its SHA-256 is another."""
    import onnxruntime

    content = model.read_bytes() if model.is_file() else b""
    if sha256 is not None and (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise SettingsError(
            f"the reader {model.name!r} is damaged: its SHA-256 is {found if content else 'none, it is missing'}",
            "Reinstall citechat, or set CITECHAT_READER=off.",
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _reading(pair: Pair, encoded: EncodedPair, column: int, output: Sequence[FloatArray]) -> Reading:
    """Return the reading for the logits of the pair, of the sentences at each token, and of unsupported words."""
    logits, sentences, words = output
    held = defaultdict(list)
    for number, logit in zip(encoded.sentences, sentences[:, column].tolist(), strict=True):
        held[number].append(logit)
    lowest = float(sentences[:, column].min())  # for sentences that were cut off
    each = tuple(_soft_maximum(held[i]) if i in held else lowest for i in range(len(pair.sentences)))
    if column == _COLUMNS["question"]:
        return Reading(float(logits[column]), each)
    first = words[1 : encoded.first_tokens + 1].tolist()
    unsupported = tuple((Span(*offsets), logit) for offsets, logit in zip(encoded.offsets, first, strict=True))
    return Reading(float(logits[column]), each, unsupported)


def _soft_maximum(logits: Sequence[float]) -> float:
    return float(np.logaddexp.reduce(np.asarray(logits) * SHARPNESS)) / SHARPNESS
