"""The colour of the fruit, moved within what its truth allows.

The studio shows green bunches far greener than the yellow-green ones of other grounds,
and yellow ones of a single yellow. A copy of a sample whose hue is turned fills the gap
up to the border between the two, so that the head learns the border and not the gap.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from augment import fruit_mask
from pictures import Picture, load

BANANA_HUES = ((42.0, 58.0), (61.0, 80.0))
"""Hues of ripe and unripe bananas in degrees, drawn evenly.

58 and 61 are the greenest ripe and the yellowest unripe bunch of the studio photographs;
42 is a warm yellow.
"""

STRAWBERRY_TURN = 8.0
"""Strawberries are turned by at most this many degrees."""

DEGREE = 255 / 360
"""One degree of hue in Pillow's HSV."""

LEAST_PIXELS = 30
"""With fewer vivid pixels the hue is not known."""


def fruit_hue(picture: Picture) -> float | None:
    """Median hue of the vivid part of the fruit in degrees, or None without a mask."""
    image = load(picture.path)
    image.thumbnail((160, 160))
    mask = fruit_mask(image, picture)
    if mask is None:
        return None
    hsv = np.asarray(image.convert("HSV"), np.float32)
    vivid = (mask > 0.7) & (hsv[..., 1] > 60) & (hsv[..., 2] > 50)
    return float(np.median(hsv[..., 0][vivid])) / DEGREE if vivid.sum() > LEAST_PIXELS else None


def turned(pixels: np.ndarray, picture: Picture, hue: float | None, rng) -> np.ndarray:
    """The sample [224, 224, 3] uint8 with its hue turned, the ground with it."""
    if picture.source.startswith("strawberry"):
        turn = rng.uniform(-STRAWBERRY_TURN, STRAWBERRY_TURN)
    elif hue is None:
        return pixels.copy()
    else:
        turn = rng.uniform(*BANANA_HUES[picture.label]) - hue
    hsv = np.array(Image.fromarray(pixels).convert("HSV"))
    hsv[..., 0] = (hsv[..., 0].astype(int) + round(turn * DEGREE)) % 256
    return np.asarray(Image.fromarray(hsv, "HSV").convert("RGB"))
