#!/usr/bin/env python3
"""Compares `make_prepared.py` with Custom Vision's own library, pixel by pixel.

mscviplib is on PyPI for Linux on x86-64 and Python 3.7 alone. 2.200731.16 is the version
that the exported container of 2020 installs; 2.211201.122 also follows the properties of
an export, and is the version that takes both checks:

    python3.7 -m venv /tmp/py37 && /tmp/py37/bin/pip install numpy pillow
    /tmp/py37/bin/pip install --no-deps mscviplib==2.211201.122
    /tmp/py37/bin/python crates/vision/tests/data/check_mscviplib.py FRAMES_FOLDER
"""
import pathlib
import sys

import mscviplib
import numpy as np

import make_prepared

PROPERTIES = {
    "CustomVision.Metadata.Version": "1.2",
    "CustomVision.Preprocess.MaxDimension": "0",
    "CustomVision.Preprocess.MaxScale": "0.0",
    "CustomVision.Preprocess.MinDimension": "0",
    "CustomVision.Preprocess.MinScale": "0.0",
    "CustomVision.Preprocess.NormalizeMean": "[0.0, 0.0, 0.0]",
    "CustomVision.Preprocess.NormalizeStd": "[1.0, 1.0, 1.0]",
    "Image.BitmapPixelFormat": "Rgb8",
    "Image.ColorSpaceGamma": "SRGB",
    "Image.NominalPixelRange": "Normalized_0_1",
}


def metadata_and_bytes(image):
    if hasattr(mscviplib, "GetImageMetadata"):  # up to 2020; the container calls it so
        return mscviplib.GetImageMetadata(image), image.tobytes()
    return mscviplib.from_pil(image)


def container_2020(image):
    """As the container calls it. The later library wants blue first and gives it as red."""
    metadata, content = metadata_and_bytes(image)
    order = mscviplib.ColorSpace.BGR if hasattr(mscviplib, "GetImageMetadata") else mscviplib.ColorSpace.RGB
    planes = mscviplib.PreprocessForInferenceAsTensor(
        metadata, content, mscviplib.ResizeAndCropMethod.CropCenter, (227, 227),
        mscviplib.InterpolationType.Bilinear, order, (), ())
    return np.moveaxis(planes, 0, -1)


def by_properties(method, target, crop, size):
    properties = {
        **PROPERTIES,
        "CustomVision.Preprocess.ResizeMethod": method,
        "CustomVision.Preprocess.TargetWidth": str(target),
        "CustomVision.Preprocess.TargetHeight": str(target),
        "CustomVision.Preprocess.CropMethod": crop,
        "CustomVision.Preprocess.CropWidth": str(size),
        "CustomVision.Preprocess.CropHeight": str(size),
    }

    def prepare(image):
        library = mscviplib.cvipl()
        script = library.generate_preprocessing_script(None, False, True, properties)
        metadata, content = metadata_and_bytes(image)
        size, planes, _ = library.transform_to_tensor(
            metadata, content, np.zeros(0, np.float32), library.resolve(script))
        return np.asarray(planes).reshape(3, size.Height, size.Width).transpose(1, 2, 0)

    return prepare


def main():
    checks = [(make_prepared.docker_2020, container_2020, 0)]
    if hasattr(mscviplib, "cvipl"):
        # The library multiplies by a float of 1/255 where the script divides.
        checks += [
            (make_prepared.general_2021, by_properties("ByShorterSide", 256, "OneCropCenter", 224), 1e-6),
            (make_prepared.aligned_2021, by_properties("ByShorterSideAlign32", 230, "FullImageShorterSide", 0), 1e-6),
            (make_prepared.stretch_300, by_properties("Stretch", 300, "NoCrop", 0), 1e-6),
        ]
    pictures = make_prepared.pictures_in(pathlib.Path(sys.argv[1]))
    for ours, theirs, tolerance in checks:
        off = max(float(np.abs(ours(image) - theirs(image)).max()) for image in pictures.values())
        print(f"{ours.__name__}: {len(pictures)} pictures, off by {off:.2g} at most")
        assert off <= tolerance


if __name__ == "__main__":
    main()
