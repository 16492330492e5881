"""How convolution weights are stored: 1 x 1 as int8 per output channel, others as float16.

Only storage is narrow. The runtime widens the constants once, when it loads the model,
so arithmetic is float32 and a run costs the same; the file is a quarter of its size.
`rounded` gives the values that come back, so that everything trained behind the
backbone is trained on what the shipped model computes.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SUFFIX = ".weight"
"""Initializers with this ending are compressed; all others stay float32."""


def _parts(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale = np.abs(weight).max(axis=(1, 2, 3), keepdims=True) / np.float32(127.0)
    scale = np.maximum(scale, np.float32(1e-12)).astype(np.float32)
    return np.round(weight / scale).astype(np.int8), scale


def _is_pointwise(weight: np.ndarray) -> bool:
    return weight.shape[2:] == (1, 1)


def rounded(weight: np.ndarray) -> np.ndarray:
    """The weight as it will be after storing and loading."""
    if not _is_pointwise(weight):
        return weight.astype(np.float16).astype(np.float32)
    whole, scale = _parts(weight)
    return whole.astype(np.float32) * scale


def compressed(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model with its convolution weights stored narrow."""
    small = onnx.ModelProto()
    small.CopyFrom(model)
    widen, kept = [], []
    for tensor in small.graph.initializer:
        if not tensor.name.endswith(SUFFIX):
            kept.append(tensor)
            continue
        weight, name = numpy_helper.to_array(tensor), tensor.name
        if not _is_pointwise(weight):
            kept.append(numpy_helper.from_array(weight.astype(np.float16), f"{name}.half"))
            widen.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
            continue
        whole, scale = _parts(weight)
        kept.append(numpy_helper.from_array(whole, f"{name}.whole"))
        kept.append(numpy_helper.from_array(scale, f"{name}.scale"))
        cast = helper.make_node("Cast", [f"{name}.whole"], [f"{name}.wide"], to=TensorProto.FLOAT)
        widen += [cast, helper.make_node("Mul", [f"{name}.wide", f"{name}.scale"], [name])]
    nodes = list(small.graph.node)
    del small.graph.node[:], small.graph.initializer[:]
    small.graph.node.extend(widen + nodes)
    small.graph.initializer.extend(kept)
    return small
