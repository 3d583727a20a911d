"""Read the weights of a reader, to continue its training."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from network import FROZEN_LAYERS, ReaderNetwork
from torch import Tensor

_OPERATORS = ("MatMul", "MatMulInteger")


def load_weights(network: ReaderNetwork, path: Path) -> ReaderNetwork:
    """Set the trained weights of a network to those of a checkpoint, or of an ONNX file that `export.py` wrote.

    Weights of 8 bits are multiplied by their scales, so they differ from those that were trained by the rounding. The
    embeddings and the frozen layers keep the weights of the encoder.

    Raises:
        ValueError: If a weight is missing in the file.
    """
    if path.suffix == ".pt":
        held = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(held.get("model", held))
        return network
    import onnx
    from onnx.numpy_helper import to_array

    graph = onnx.load(str(path)).graph
    held = {each.name: torch.from_numpy(to_array(each).copy()) for each in graph.initializer}
    matrices = _matrices(graph, held)
    state = dict(network.state_dict())
    for name, weight in state.items():
        if re.match(rf"encoder\.(embeddings|encoder\.layer\.[0-{FROZEN_LAYERS - 1}])\.", name):
            continue
        found = held.get(name)
        if found is None and name.endswith(".weight"):
            found = matrices.get(_module(name))
        if found is None or found.shape != weight.shape:
            raise ValueError(f"{path.name} has no weight {name} of shape {tuple(weight.shape)}")
        state[name] = found.float()
    network.load_state_dict(state)
    return network


def _module(name: str) -> str:
    """Return the name of a weight's module as the graph writes it, such as `/layer.2/output/dense`."""
    parts = name.removesuffix(".weight").removeprefix("encoder.encoder.")
    if match := re.match(r"(layer\.\d+)\.(.*)", parts):
        return f"/{match[1]}/{match[2].replace('.', '/')}"
    return "/alignment/" + parts if parts.startswith("alignment.") else f"/{parts}"


def _matrices(graph: Any, held: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of the matrix products, with the shape `(out, in)`, by the name of their module."""
    found = {}
    for node in graph.node:
        if node.op_type not in _OPERATORS or node.input[1] not in held:
            continue
        matrix = held[node.input[1]]
        if node.op_type == "MatMulInteger":
            name = node.input[1].removesuffix("_quantized")
            zero, scale = held[f"{name}_zero_point"], held[f"{name}_scale"]
            matrix = (matrix.float() - zero.float()) * scale
        found[node.name.removesuffix("_quant").rpartition("/")[0]] = matrix.T.contiguous()
    return found
