"""The ripeness network as ONNX: backbone, fruit finder, fruit-weighted pooling, head.

The finder is one linear model per cell of a 14 x 14 grid: how much of the cell is fruit.
What the backbone saw at seven depths is averaged over the cells with these shares as
weights, so the head judges the fruit and hardly the ground it lies on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime

from backbone import BLOCKS, STAGE_ENDS, Graph, add_backbone, model_of
from fit import Head
from pictures import LABELS
from samples import CELLS

LAST = 15
"""Last block of the backbone that is used; the 1280-wide layer behind it is left out."""

FINE = 10
"""The finder reads this block at 14 x 14 ..."""

COARSE = (14, 15)
"""... and these at 7 x 7, each cell standing for four."""

SIDES = {0: 112, 2: 56, 4: 28, 7: 14, 10: 14, 14: 7, 15: 7}
"""Side of the output of each stage's last block for an input of 224."""

WIDTH = sum(BLOCKS[index].outputs for index in STAGE_ENDS)
"""Number of features: 784."""

LEAST_FRUIT = 0.02
"""Added to the mean share of fruit, so that a picture without fruit divides by no zero."""


@dataclass
class Finder:
    """Logit of fruit per cell: `maps @ matrix + bias` over the channels of `finder_maps`."""

    matrix: np.ndarray
    bias: float


def _doubled(graph: Graph, source: str, name: str) -> str:
    graph.constant(f"{name}.scales", np.array([1, 1, 2, 2], np.float32))
    return graph.node(
        "Resize",
        [source, "", f"{name}.scales"],
        name,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def maps_model() -> onnx.ModelProto:
    """The finder's input: [N, channels, 14, 14]."""
    graph = Graph()
    outputs = add_backbone(graph, LAST)
    coarse = graph.node("Concat", [outputs[i] for i in COARSE], "coarse", axis=1)
    coarse = _doubled(graph, coarse, "coarse.doubled")
    graph.node("Concat", [outputs[FINE], coarse], "maps", axis=1)
    return model_of(graph, [("maps", None)], name="fruit-maps")


def _add_features(graph: Graph, finder: Finder) -> str:
    outputs = add_backbone(graph, LAST)
    fine = BLOCKS[FINE].outputs
    near, far = finder.matrix[:fine], finder.matrix[fine:]
    graph.constant("finder.fine.matrix", near.reshape(1, -1, 1, 1).astype(np.float32))
    graph.constant("finder.bias", np.array([finder.bias], np.float32))
    graph.constant("finder.coarse.matrix", far.reshape(1, -1, 1, 1).astype(np.float32))
    inputs = [outputs[FINE], "finder.fine.matrix", "finder.bias"]
    logit = graph.node("Conv", inputs, "finder.fine")
    coarse = graph.node("Concat", [outputs[i] for i in COARSE], "finder.stack", axis=1)
    coarse = graph.node("Conv", [coarse, "finder.coarse.matrix"], "finder.coarse")
    coarse = _doubled(graph, coarse, "finder.doubled")
    logit = graph.node("Add", [logit, coarse], "finder.logit")
    share = graph.node("Sigmoid", [logit], "fruit")

    cells = []
    for index in STAGE_ENDS:
        current, side = outputs[index], SIDES[index]
        if side > CELLS:
            step = [side // CELLS] * 2
            current = graph.node(
                "AveragePool", [current], f"cells{index}", kernel_shape=step, strides=step
            )
        elif side < CELLS:
            current = _doubled(graph, current, f"cells{index}")
        cells.append(current)
    stack = graph.node("Concat", cells, "cells", axis=1)
    weighted = graph.node("Mul", [stack, share], "cells.weighted")
    weighted = graph.node("GlobalAveragePool", [weighted], "cells.mean")
    graph.constant("fruit.least", np.array(LEAST_FRUIT, np.float32))
    total = graph.node("GlobalAveragePool", [share], "fruit.mean")
    total = graph.node("Add", [total, "fruit.least"], "fruit.total")
    pooled = graph.node("Div", [weighted, total], "pooled")
    return graph.node("Flatten", [pooled], "features", axis=1)


def features_model(finder: Finder) -> onnx.ModelProto:
    """The head's input: [N, 784]."""
    graph = Graph()
    _add_features(graph, finder)
    return model_of(graph, [("features", None)], name="fruit-features")


def ripeness_model(finder: Finder, head: Head) -> onnx.ModelProto:
    """The whole: `model_output` [N, 2], probabilities of ripe and unripe."""
    graph = Graph()
    features = _add_features(graph, finder)
    constants = {
        "head.hidden": head.hidden,
        "head.offset": head.offset,
        # Ripe gets the negative half of the logit of unripe, unripe the positive half.
        "head.mix": np.stack([-head.mix / 2, head.mix / 2], axis=1),
        "head.direct": np.stack([-head.direct / 2, head.direct / 2], axis=1),
        "head.bias": np.array([-head.bias / 2, head.bias / 2]),
    }
    for name, values in constants.items():
        graph.constant(name, np.asarray(values, np.float32))
    hidden = graph.node("Gemm", [features, "head.hidden", "head.offset"], "head.before")
    hidden = graph.node("Relu", [hidden], "head.active")
    first = graph.node("Gemm", [features, "head.direct", "head.bias"], "head.linear")
    second = graph.node("MatMul", [hidden, "head.mix"], "head.mixed")
    logits = graph.node("Add", [first, second], "logits")
    graph.node("Softmax", [logits], "model_output", axis=1)
    return model_of(graph, [("model_output", ["N", len(LABELS)])], name="fruit-ripeness")


def session(model: onnx.ModelProto | bytes) -> onnxruntime.InferenceSession:
    """A session on one thread, so that runs are equal and neighbours are left alone."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    encoded = model if isinstance(model, bytes) else model.SerializeToString()
    return onnxruntime.InferenceSession(encoded, options, providers=["CPUExecutionProvider"])


def run_batches(model: onnxruntime.InferenceSession, pixels: np.ndarray, batch: int = 8):
    """Runs a session over pictures [n, 224, 224, 3] uint8; yields outputs batch by batch."""
    for start in range(0, len(pixels), batch):
        block = np.asarray(pixels[start : start + batch], np.float32) / np.float32(255.0)
        yield model.run(None, {"data": np.ascontiguousarray(block.transpose(0, 3, 1, 2))})[0]
