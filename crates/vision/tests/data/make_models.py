#!/usr/bin/env python3
"""Makes the tiny models beside it, each a few hundred bytes.

    pip install onnx numpy
    python3 crates/vision/tests/data/make_models.py

All look at the mean of each colour plane of a 20x20 picture and give one score
per label, so a test can foretell the answer from the picture's colour. Weights
are written out, nothing is random: the files come out the same each time.
"""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
SIDE = 20
LABELS = ["unripe", "ripe", "Negative"]
# Rows: red, green, blue. Columns: labels. Green is unripe, red is ripe.
WEIGHTS = np.array([[-4, 4, 0], [4, -4, 0], [0, 0, 4]], np.float32)


def save(name, nodes, inputs, outputs, initializers, opset, properties=None, ml=False, check=True):
    graph = helper.make_graph(nodes, "tiny " + name, inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", opset)]
    if ml:
        opsets.append(helper.make_opsetid("ai.onnx.ml", 1))
    model = helper.make_model(graph, opset_imports=opsets, producer_name="make_models.py")
    model.ir_version = 7
    if properties:
        helper.set_model_props(model, properties)
    if check:
        onnx.checker.check_model(model)
    (HERE / (name + ".onnx")).write_bytes(model.SerializeToString(deterministic=True))


def picture(element=TensorProto.FLOAT, doc="", shape=(None, 3, SIDE, SIDE)):
    return helper.make_tensor_value_info("data", element, list(shape), doc)


def scores(weights, source="data", axes=(2, 3), dtype=np.float32, end="Softmax"):
    """Mean per plane, times weights, to scores called `scores`."""
    nodes = [
        helper.make_node("ReduceMean", [source], ["means"], axes=list(axes), keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["sums"]),
        helper.make_node(end, ["sums"], ["scores"], **({"axis": 1} if end == "Softmax" else {})),
    ]
    return nodes, [numpy_helper.from_array(weights.astype(dtype), "weights")]


def main():
    # As exports of 2018: BGR 0..255 told in words only, a label and a map.
    bgr = WEIGHTS[::-1] / 255
    nodes, weights = scores(bgr)
    nodes += [
        helper.make_node("ArgMax", ["scores"], ["best"], axis=1, keepdims=1),
        helper.make_node("Constant", [], ["names"], value=helper.make_tensor(
            "names", TensorProto.STRING, [3], [label.encode() for label in LABELS])),
        helper.make_node("ArrayFeatureExtractor", ["names", "best"], ["classLabel"], domain="ai.onnx.ml"),
        helper.make_node("ZipMap", ["scores"], ["loss"], domain="ai.onnx.ml", classlabels_strings=LABELS),
    ]
    words = "Image(s) in BGR format. It is a [N, C, H, W]-tensor."
    loss = helper.make_value_info("loss", helper.make_sequence_type_proto(
        helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, None))))
    label = helper.make_tensor_value_info("classLabel", TensorProto.STRING, [None, 1])
    save("map_output", nodes, [picture(doc=words)], [label, loss], weights, 9, ml=True)

    # As exports since 2021: a plain tensor.
    def plain(name, inputs, outputs_type, weights_of, properties=None, extra=None, **options):
        nodes, weights = scores(weights_of, **options)
        nodes[-1].output[0] = "model_output"
        output = helper.make_tensor_value_info("model_output", outputs_type, [None, 3])
        save(name, nodes, inputs, [output] + (extra or []), weights, 11, properties)

    plain("tensor_output", [picture()], TensorProto.FLOAT, WEIGHTS)
    plain("float16", [picture(TensorProto.FLOAT16)], TensorProto.FLOAT16, WEIGHTS, dtype=np.float16)
    plain("nhwc", [picture(shape=(1, SIDE, SIDE, 3))], TensorProto.FLOAT, WEIGHTS, axes=(1, 2))
    plain("multilabel_bgr", [picture()], TensorProto.FLOAT, bgr, end="Sigmoid",
          properties={"Image.BitmapPixelFormat": "Bgr8", "Image.NominalPixelRange": "NominalRange_0_255"})
    plain("open_size", [picture(shape=(None, 3, None, None))], TensorProto.FLOAT, WEIGHTS)
    plain("double_refused", [picture(TensorProto.DOUBLE)], TensorProto.DOUBLE, WEIGHTS, dtype=np.float64)

    plain("batch_of_four", [picture(shape=(4, 3, SIDE, SIDE))], TensorProto.FLOAT, WEIGHTS)
    # Far beyond any memory; nothing of this size may be asked for.
    plain("huge", [picture(shape=(1, 3, 2_000_000_000, 2_000_000_000))], TensorProto.FLOAT, WEIGHTS)

    # As other tools write classifiers: no softmax, and a second output of the same size.
    nodes, weights = scores(WEIGHTS)
    nodes[-1] = helper.make_node("Identity", ["sums"], ["logits"])
    nodes.append(helper.make_node("Neg", ["sums"], ["other"]))
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 3]) for name in ("other", "logits")]
    save("logits", nodes, [picture()], outputs, weights, 13)

    # Weights in a file that is not there.
    nodes, weights = scores(WEIGHTS)
    nodes[-1].output[0] = "model_output"
    external = onnx.TensorProto()
    external.CopyFrom(weights[0])
    external.ClearField("raw_data")
    external.data_location = TensorProto.EXTERNAL
    entry = external.external_data.add()
    entry.key, entry.value = "location", "model.onnx.data"
    output = helper.make_tensor_value_info("model_output", TensorProto.FLOAT, [None, 3])
    save("other_file", nodes, [picture()], [output], [external], 11, check=False)

    # Scores that are no numbers: 0 / 0 for a black picture, and so at the trial.
    nodes = [
        helper.make_node("ReduceMean", ["data"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Div", ["means", "means"], ["model_output"]),
    ]
    output = helper.make_tensor_value_info("model_output", TensorProto.FLOAT, [None, 3])
    save("not_a_number", nodes, [picture()], [output], [], 11)

    # Two inputs: not a classifier of one picture.
    nodes = [
        helper.make_node("Add", ["data", "other"], ["sum"]),
        helper.make_node("ReduceMean", ["sum"], ["model_output"], axes=[2, 3], keepdims=0),
    ]
    other = helper.make_tensor_value_info("other", TensorProto.FLOAT, [None, 3, SIDE, SIDE])
    save("two_inputs", nodes, [picture(), other], [output], [], 11)

    # The grid of the older object detector: 5 * (5 + 3 tags) channels.
    nodes = [
        helper.make_node("Conv", ["data", "kernel"], ["grid"], kernel_shape=[8, 8], strides=[1, 1]),
    ]
    kernel = numpy_helper.from_array(np.zeros((40, 3, 8, 8), np.float32), "kernel")
    small = helper.make_node("ConstantOfShape", ["kernel_shape"], ["kernel"])
    shape = numpy_helper.from_array(np.array([40, 3, 8, 8], np.int64), "kernel_shape")
    del kernel
    grid = helper.make_tensor_value_info("grid", TensorProto.FLOAT, [None, 40, 13, 13])
    save("detector_grid", [small] + nodes, [picture()], [grid], [shape], 11)

    # The outputs of the S1 object detector.
    nodes = [helper.make_node("Identity", ["data"], [name])
             for name in ("detected_boxes", "detected_classes", "detected_scores")]
    outputs = [helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, [None, 3, SIDE, SIDE]) for node in nodes]
    save("detector_s1", nodes, [picture()], outputs, [], 11)

    # One that never ends for a white picture, and is like the others for any other.
    scalar = lambda name, element: helper.make_tensor_value_info(name, element, [])
    body = helper.make_graph(
        [helper.make_node("Identity", ["goes_on"], ["still_goes_on"]),
         helper.make_node("Add", ["so_far", "nothing"], ["further"])],
        "a step", [scalar("step", TensorProto.INT64), scalar("goes_on", TensorProto.BOOL), scalar("so_far", TensorProto.FLOAT)],
        [scalar("still_goes_on", TensorProto.BOOL), scalar("further", TensorProto.FLOAT)])
    constants = {"bright": np.float32(0.95), "nothing": np.float32(0), "ever": np.int64(2**62), "never": np.int64(0),
                 "yes": np.bool_(True)}
    nodes, weights = scores(WEIGHTS)
    nodes[1:2] = [
        helper.make_node("ReduceMin", ["means"], ["darkest"], axes=[0, 1], keepdims=0),
        helper.make_node("Greater", ["darkest", "bright"], ["white"]),
        helper.make_node("Where", ["white", "ever", "never"], ["steps"]),
        helper.make_node("Loop", ["steps", "yes", "nothing"], ["walked"], body=body),
        helper.make_node("MatMul", ["means", "weights"], ["products"]),
        helper.make_node("Add", ["products", "walked"], ["sums"]),
    ]
    nodes[-1].output[0] = "model_output"
    output = helper.make_tensor_value_info("model_output", TensorProto.FLOAT, [None, 3])
    weights += [numpy_helper.from_array(np.array(value), name) for name, value in constants.items()]
    save("endless", nodes, [picture()], [output], weights, 13)


if __name__ == "__main__":
    main()
