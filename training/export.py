"""Export a trained reader for ONNX Runtime, with weights of 8 bits.

    python training/export.py CHECKPOINT [OUTPUT] [--full]

OUTPUT is `rag/reading/reader.onnx` unless given; then the SHA-256 in `rag/reading/bundled.py` is replaced, too.
`--full` keeps weights of 32 bits, to compare the results.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from network import ReaderNetwork
from weights import load_weights

from index import bundled_folder
from rag.reading import bundled
from rag.reading.bundled import MODEL
from rag.reading.pairs import FEATURES


def load(checkpoint: Path) -> ReaderNetwork:
    """Return the trained network in a checkpoint or in the final weights."""
    return load_weights(ReaderNetwork(Path(bundled_folder())), checkpoint).eval()


def write_graph(network: Any, path: Path) -> None:
    """Write a graph from the token ids and types of one pair to the logits; without a mask, so without padding."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warnings
        torch.onnx.export(
            network,
            (torch.tensor([[101, 2040, 102, 2002, 102]]), torch.tensor([[0, 0, 0, 1, 1]]), torch.ones(1, 5, FEATURES)),
            str(path),
            input_names=["ids", "types", "features"],
            output_names=["pairs", "sentences", "words"],
            dynamic_axes={
                name: {0: "pairs", 1: "tokens"} for name in ("ids", "types", "features", "sentences", "words")
            }
            | {"pairs": {0: "pairs"}},
            opset_version=17,
            dynamo=False,
        )


def quantize(source: Path, target: Path) -> None:
    """Write a graph with weights of 8 bits, one scale for each column; activations are quantized while it runs.

    The range of the weights is reduced to 7 bits, because processors without VNNI instructions would overflow.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(str(source), str(target), weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    parser.add_argument("output", type=Path, metavar="OUTPUT", nargs="?", default=MODEL)
    parser.add_argument("--full", action="store_true")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "reader.onnx"
        write_graph(load(given.checkpoint), full)
        if given.full:
            given.output.write_bytes(full.read_bytes())
        else:
            quantize(full, given.output)
    sha256 = hashlib.sha256(given.output.read_bytes()).hexdigest()
    print(f"{given.output.stat().st_size / 1e6:.1f} MB", sha256)
    if given.output == MODEL:
        module = Path(bundled.__file__)
        changed = re.sub(r'^MODEL_SHA256 = ".*"$', f'MODEL_SHA256 = "{sha256}"', module.read_text("utf-8"), flags=re.M)
        module.write_text(changed, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
