"""Pictures on disk and the one way they become the model's input.

`prepare` is the reference for the preprocessing written into
`metadata_properties.json`: turned by EXIF, shorter side to 256, centre crop 224, RGB,
0..1, channels first. The module does the same with an antialiased filter of its own, so
the model is trained and measured with more than one filter.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SIDE = 224
"""Side of the model's input in pixels."""

SHORTER = 256
"""Length the shorter side is resized to before the crop."""

LABELS = ("ripe", "unripe")
"""Classes in the order of the model's output."""

ENDINGS = (".jpg", ".jpeg", ".png")
"""Files that are taken for pictures."""

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
"""Resize filters the model is measured with; both are antialiased in Pillow."""


@dataclass(frozen=True)
class Picture:
    """One labelled file."""

    path: Path
    label: int

    @property
    def source(self) -> str:
        """The name without its number: `banana_field_0001.jpg` comes from `banana_field`."""
        return self.path.stem.rpartition("_")[0] or self.path.stem


def list_pictures(folder: Path) -> list[Picture]:
    """The pictures of a folder whose subfolders `ripe` and `unripe` name the truth, sorted."""
    found = []
    for label, name in enumerate(LABELS):
        paths = sorted(p for p in (folder / name).glob("*") if p.suffix.lower() in ENDINGS)
        found += [Picture(path, label) for path in paths]
    if not found:
        raise SystemExit(f"no pictures under {folder}/ripe and {folder}/unripe")
    return found


def load(path: Path) -> Image.Image:
    """The picture as RGB, turned upright."""
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def recompress(image: Image.Image, quality: int) -> Image.Image:
    """The picture after one more JPEG generation."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def crop_224(image: Image.Image, resample: Image.Resampling) -> Image.Image:
    """Shorter side to 256, then the centre 224 x 224."""
    width, height = image.size
    scale = SHORTER / min(width, height)
    size = (max(SHORTER, round(width * scale)), max(SHORTER, round(height * scale)))
    image = image.resize(size, resample)
    left, top = (size[0] - SIDE) // 2, (size[1] - SIDE) // 2
    return image.crop((left, top, left + SIDE, top + SIDE))


def tensor_of(image: Image.Image) -> np.ndarray:
    """A 224 x 224 RGB picture as [3, 224, 224] float32 in 0..1."""
    return np.ascontiguousarray(np.asarray(image, np.float32).transpose(2, 0, 1) / 255.0)


def prepare(image: Image.Image, resample: Image.Resampling = FILTERS["bilinear"]) -> np.ndarray:
    """The model's input for a picture."""
    return tensor_of(crop_224(image, resample))
