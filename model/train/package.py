"""Writes the model package: what a current Custom Vision classification export holds.

`model.onnx`, `labels.txt`, `metadata_properties.json` and `cvexport.manifest`; every
value of the metadata is a string, numbers included, as in real exports. The bytes depend
on the weights only: the date is a constant of the recipe, the iteration id is derived
from the model.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path

import onnx

from pictures import LABELS, SHORTER, SIDE

EXPORTED = "2026-11-23T00:00:00.0000000Z"
"""Date of the recipe; the time of a run would make equal models differ."""

METADATA = {
    "CustomVision.Metadata.AdditionalModelInfo": "",
    "CustomVision.Metadata.Version": "1.2",
    "CustomVision.Postprocess.Method": "ClassificationMultiClass",
    "CustomVision.Postprocess.Yolo.Biases": "[]",
    "CustomVision.Postprocess.Yolo.NmsThreshold": "0.0",
    "CustomVision.Preprocess.CropHeight": str(SIDE),
    "CustomVision.Preprocess.CropMethod": "OneCropCenter",
    "CustomVision.Preprocess.CropWidth": str(SIDE),
    "CustomVision.Preprocess.MaxDimension": "0",
    "CustomVision.Preprocess.MaxScale": "0.0",
    "CustomVision.Preprocess.MinDimension": "0",
    "CustomVision.Preprocess.MinScale": "0.0",
    "CustomVision.Preprocess.NormalizeMean": "[0.0, 0.0, 0.0]",
    "CustomVision.Preprocess.NormalizeStd": "[1.0, 1.0, 1.0]",
    "CustomVision.Preprocess.ResizeMethod": "ByShorterSide",
    "CustomVision.Preprocess.TargetHeight": str(SHORTER),
    "CustomVision.Preprocess.TargetWidth": str(SHORTER),
    "Image.BitmapPixelFormat": "Rgb8",
    "Image.ColorSpaceGamma": "SRGB",
    "Image.NominalPixelRange": "Normalized_0_1",
}
"""Preprocessing and postprocessing, in the words of Custom Vision."""

IMAGE_PROPERTIES = {key: METADATA[key] for key in METADATA if key.startswith("Image.")}
"""The part that real exports also write into the ONNX file."""


def write_package(model: onnx.ModelProto, folder: Path) -> int:
    """Writes the four files; returns the size of `model.onnx` in bytes."""
    for key, value in IMAGE_PROPERTIES.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model, full_check=True)
    encoded = model.SerializeToString(deterministic=True)
    manifest = {
        "DomainType": "Classification",
        "Platform": "ONNX",
        "Flavor": None,
        "ExporterVersion": "2.2",
        "ExportedDate": EXPORTED,
        "IterationId": str(uuid.uuid5(uuid.NAMESPACE_OID, hashlib.sha256(encoded).hexdigest())),
        "ModelFileName": "model.onnx",
        "LabelFileName": "labels.txt",
        "MetadataPropsFileName": "metadata_properties.json",
        "ModelFileSHA1": hashlib.sha1(encoded).hexdigest(),
        "SchemaVersion": "1.0",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(encoded)
    (folder / "labels.txt").write_text("\n".join(LABELS) + "\n")
    for name, content in (("metadata_properties.json", METADATA), ("cvexport.manifest", manifest)):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")
    return len(encoded)
