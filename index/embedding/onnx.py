"""Run a sentence-transformers model in ONNX Runtime, which uses the same weights and starts faster than torch.

torch and sentence-transformers take ten seconds to import. They are needed once, to export the model; afterwards
neither search nor indexing imports them.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..private_folders import create_private_folder
from .base import Encoding, FloatArray, unit
from .sentence_transformer import SentenceTransformerEncoder

logger = logging.getLogger(__name__)

_TOLERANCE = 1e-4  # maximum difference in a vector component from the model's result; two torch runs differ by 1e-6
_PROBES = (
    "rain",
    "Who founded the company?",
    "Among OpenAI’s 1,677 associated members on LinkedIn, 23 of them studied at China’s Tsinghua University.",
    "北京是中华人民共和国的首都。",
    "The firm was started by Ann Lee, who left it in 2019. " * 40,  # longer than the model's limit
)
_EXPORT_VERSION = 1  # version of the graph that `_write_graph` creates


class OnnxEncoder(SentenceTransformerEncoder):
    """An encoder that exports its model at first use, checks the export, and then runs the exported model.

    If the model cannot be exported, torch runs it: it starts more slowly, but gives the same results. Because the
    vectors are the same, each engine can search an index that the other built.
    """

    # Texts run one by one, each in its own thread: on a CPU, a batch is no faster than its texts one by one, single
    # texts need neither padding nor a mask, and threads that share one text wait for each other (see `bench/speed.py`).

    def __init__(self, folder: str, exports: Path, threads: int | None = None) -> None:
        """Use `threads` threads, each of which encodes one text at a time.

        The default is the number of CPUs plus one, so that no CPU is idle while a thread waits for the interpreter.
        """
        super().__init__(folder)
        self._exports = exports
        self._threads = threads or cpu_count() + 1
        self._opening = threading.Lock()

    def passages(self, texts: Sequence[str]) -> FloatArray:
        rows = [encoding.vector for encoding in self.encode(texts)]
        return np.stack(rows) if rows else np.zeros((0, self.dimension), dtype=np.float32)

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        if not texts:
            return []  # without loading the model
        with self._opening:  # a question during the warm-up waits for the model instead of loading it again
            session = self._session
        if session is None:
            return super().encode(texts)
        tokenized = self._truncating_tokenizer.encode_batch(list(texts))
        if len(tokenized) < 2 or self._threads < 2:
            return [_run(session, each) for each in tokenized]
        return list(self._pool.map(lambda each: _run(session, each), tokenized))

    def query(self, text: str) -> Encoding:
        return self.encode([text])[0]

    @cached_property
    def _session(self) -> Any | None:
        """The exported model; it is exported first if missing or damaged. None if the export fails."""
        path = self._exports / f"{self.fingerprint.rpartition(':')[2]}-v{_EXPORT_VERSION}.onnx"
        try:
            if path.is_file():
                try:
                    return _open(path)
                except Exception as error:  # the library raises a different exception class for each kind of damage
                    logger.warning("Cannot open the exported model %r; exporting it again: %s", str(path), error)
            return self._export(path)
        except Exception as error:  # unsupported model, full disk or read-only folder: use torch
            message = "Cannot export the model to %r (%s); using torch instead, which starts more slowly"
            logger.warning(message, str(path), error)
            return None

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix="encode")

    @cached_property
    def _truncating_tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        limits = json.loads((self.folder / "sentence_bert_config.json").read_text(encoding="utf-8"))
        tokenizer.enable_truncation(int(limits["max_seq_length"]))
        tokenizer.no_padding()
        return tokenizer

    def _export(self, path: Path) -> Any:
        """Write the graph, compare its results with the model, and move the file to `path`."""
        create_private_folder(path.parent)
        with tempfile.TemporaryDirectory(dir=path.parent) as beside:
            written = Path(beside) / "model.onnx"
            _write_graph(self.transformer, written)
            session = _open(written)
            found = [_run(session, each) for each in self._truncating_tokenizer.encode_batch(list(_PROBES))]
            worst = max(map(_difference, found, super().encode(_PROBES)))
            if worst > _TOLERANCE:
                raise ValueError(f"its vectors differ from the model's by up to {worst:.2g}")
            written.replace(path)
        return session


def cpu_count() -> int:
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _open(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _run(session: Any, tokenized: Any) -> Encoding:
    (rows,) = session.run(None, {"input_ids": np.asarray([tokenized.ids], dtype=np.int64)})[0]
    kept = [i for i, special in enumerate(tokenized.special_tokens_mask) if not special]
    return Encoding(unit(rows.mean(axis=0)), unit(rows[kept]), tuple(tokenized.offsets[i] for i in kept))


def _write_graph(transformer: Any, path: Path) -> None:
    """Export a graph from token ids, shape `(texts, tokens)`, to token vectors, shape `(texts, tokens, dimension)`.

    The graph has no attention mask: for padded texts, a graph traced with a mask returns different vectors than the
    model.
    """
    import torch

    class Graph(torch.nn.Module):
        def forward(self, input_ids: Any) -> Any:
            return transformer(input_ids=input_ids).last_hidden_state

    transformer.set_attn_implementation("eager")  # plain matrix products, which every format version supports
    graph = Graph()
    graph.transformer = transformer
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warnings; the result is checked instead
        torch.onnx.export(
            graph.eval(),
            (torch.tensor([[101, 2040, 2003, 2002, 102]]),),
            str(path),
            input_names=["input_ids"],
            output_names=["tokens"],
            dynamic_axes={name: {0: "texts", 1: "tokens"} for name in ("input_ids", "tokens")},
            opset_version=17,
            dynamo=False,
        )


def _difference(one: Encoding, other: Encoding) -> float:
    if one.offsets != other.offsets:
        return float("inf")
    differences = (np.abs(one.vector - other.vector), np.abs(one.tokens - other.tokens))
    return max(float(difference.max(initial=0.0)) for difference in differences)
