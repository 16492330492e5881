"""Random variants of a labelled picture, as a camera might have seen the same fruit.

A variant changes the place, size, angle, light, ground and encoding of the fruit, never
so far that a person would call it by the other name. Randomness comes in as a generator.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from grounds import any_ground, colour, noise
from pictures import SIDE, Picture

MASK_SHARE = (0.06, 0.80)
"""Share of the picture a cut-out may cover; outside it the mask is not believed."""

VIEW_SHARE = (0.55, 1.5)
"""Side of a random view as a share of the picture's shorter side."""

PIECE_SHARE = (0.35, 0.95)
"""Size of one fruit of a scene: its picture's shorter side as a share of the input."""

LEAST_COVER = 0.10
"""Share of the middle that a cut-out fruit must cover; other views are drawn again."""

VIEW_TRIES = 8
"""Views drawn before the last is taken as it is."""


def fruit_mask(image: Image.Image, picture: Picture) -> np.ndarray | None:
    """Soft mask of the fruit in 0..1, [height, width], or None where it cannot be trusted.

    Bananas: everything vivid between yellow and green. Strawberries fill the middle of
    their box: an ellipse is cut out, and of it what is more vivid than the dark mulch;
    leaves over the fruit stay.
    """
    height, width = image.size[1], image.size[0]
    hsv = np.asarray(image.convert("HSV"), np.float32)
    rgb = np.asarray(image, np.float32)
    hue = hsv[..., 0] * (360.0 / 255.0)
    chroma = rgb.max(2) - rgb.min(2)
    if picture.source.startswith("strawberry"):
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        radius = np.hypot((rows / height - 0.5) / 0.46, (columns / width - 0.5) / 0.46)
        ellipse = np.clip((1.0 - radius) / 0.08, 0.0, 1.0)
        vivid = ndimage.binary_closing((chroma > 45) & (radius < 1), iterations=2)
        vivid = ndimage.binary_opening(ndimage.binary_fill_holes(vivid), iterations=2)
        if vivid[radius < 1].mean() < 0.5:
            return ellipse
        return ndimage.gaussian_filter(vivid.astype(np.float32), 1.0) * ellipse
    vivid = (chroma > 42) & (hue > 34) & (hue < 175)
    vivid = ndimage.binary_closing(vivid, iterations=3)
    vivid = ndimage.binary_fill_holes(vivid)
    vivid = ndimage.binary_opening(vivid, iterations=2)
    share = float(vivid.mean())
    if not MASK_SHARE[0] < share < MASK_SHARE[1]:
        return None
    return ndimage.gaussian_filter(vivid.astype(np.float32), 0.8)


def variant(image, mask, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One random variant of one picture, [224, 224, 3] uint8, and where its fruit is.

    The second part is the share of fruit per pixel in 0..1; without a mask it is -1.
    """
    known = np.full((image.size[1], image.size[0]), -1.0, np.float32) if mask is None else mask
    swap = mask is not None and rng.random() < 0.5
    for _ in range(VIEW_TRIES):
        pixels, inside, cover = _placed(image, known, rng)
        if mask is None or cover[24:-24, 24:-24].mean() > LEAST_COVER:
            break
    alpha = cover if swap else inside
    ground = any_ground(rng)
    if not swap and rng.random() < 0.3:
        ground[:] = 0.0  # the black corners of turned pictures, seen at their sources
    if swap and rng.random() < 0.5:
        ground = _cast_shadow(ground, cover, rng)
    return finish(_over(ground, pixels, alpha), rng), cover


def scene(pieces, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Several cut-out fruits of one truth on one ground; pieces are (picture, mask)."""
    out = any_ground(rng)
    covered = np.zeros((SIDE, SIDE), np.float32)
    for image, mask in pieces:
        share = float(np.exp(rng.uniform(*np.log(PIECE_SHARE))))
        pixels, _, cover = _placed(image, mask, rng, view_share=1 / share, reach=0.28 / share)
        if rng.random() < 0.6:
            out = _cast_shadow(out, cover, rng)
        out = _over(out, pixels, cover)
        covered = np.maximum(covered, cover)
    return finish(out, rng), covered


def on_ground(image, mask, ground, rng: np.random.Generator) -> np.ndarray:
    """A cut-out fruit on a given ground [224, 224, 3], with nothing else changed."""
    for _ in range(VIEW_TRIES):
        pixels, _, cover = _placed(image, mask, rng)
        if cover[24:-24, 24:-24].mean() > LEAST_COVER:
            break
    return np.clip(_over(ground, pixels, cover), 0, 255).astype(np.uint8)


def _over(ground, pixels, alpha):
    return ground * (1 - alpha[..., None]) + pixels * alpha[..., None]


def finish(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Clutter, light, camera and JPEG on top of a scene [224, 224, 3] in 0..255."""
    if rng.random() < 0.3:
        pixels = _clutter(pixels, rng)
    pixels = _light(pixels, rng)
    pixels = _camera(pixels, rng)
    return _encoded(np.clip(pixels, 0, 255).astype(np.uint8), rng)


def _placed(image, mask, rng, *, view_share=None, reach=0.16):
    """Samples a random square view of the picture and its mask at 224 x 224.

    `view_share` and `reach` (how far the view's centre may lie off the picture's) are in
    units of the shorter side.
    """
    width, height = image.size
    view_share = view_share or float(np.exp(rng.uniform(*np.log(VIEW_SHARE))))
    view = min(width, height) * view_share
    angle = rng.uniform(0, 2 * np.pi) if rng.random() < 0.5 else rng.normal(0, 0.15)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    stretch = float(np.exp(rng.normal(0, 0.06)))
    step_x, step_y = view / SIDE * stretch, view / SIDE / stretch
    reach = reach * min(width, height)
    centre_x = width / 2 + rng.uniform(-reach, reach)
    centre_y = height / 2 + rng.uniform(-reach, reach)
    cos, sin = np.cos(angle), np.sin(angle)
    a, b = flip * step_x * cos, -step_y * sin
    d, e = flip * step_x * sin, step_y * cos
    half = SIDE / 2
    affine = (a, b, centre_x - half * (a + b), d, e, centre_y - half * (d + e))
    size, kind = (SIDE, SIDE), Image.Transform.AFFINE
    filters = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
    resample = filters[int(rng.integers(2))]
    if view > 1.6 * SIDE:
        image = image.filter(ImageFilter.GaussianBlur(0.4 * view / SIDE))
    placed = np.asarray(image.transform(size, kind, affine, resample), np.float32)
    within = Image.new("L", image.size, 255).transform(size, kind, affine, resample)
    cover = Image.fromarray(mask).transform(size, kind, affine, Image.Resampling.BILINEAR)
    return placed, np.asarray(within, np.float32) / 255.0, np.asarray(cover, np.float32)


def _cast_shadow(ground, cover, rng):
    shift = rng.normal(0, 8, 2)
    shade = ndimage.shift(cover, shift, order=1)
    shade = ndimage.gaussian_filter(shade, rng.uniform(1, 8)) * rng.uniform(0.1, 0.6)
    return ground * (1 - shade[..., None])


def _clutter(pixels, rng):
    """Small foreign things near the edge, of any colour."""
    layer = Image.new("L", (SIDE, SIDE), 0)
    paint = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    draw, cut = ImageDraw.Draw(paint), ImageDraw.Draw(layer)
    for _ in range(int(rng.integers(1, 5))):
        angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(95, 150)
        x, y = SIDE / 2 + far * np.cos(angle), SIDE / 2 + far * np.sin(angle)
        points = [
            (x + r * np.cos(t), y + r * np.sin(t))
            for t, r in zip(np.sort(rng.uniform(0, 2 * np.pi, 9)), rng.uniform(8, 42, 9))
        ]
        draw.polygon(points, fill=tuple(int(c) for c in colour(rng)))
        cut.polygon(points, fill=255)
    paint = paint.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.5)))
    amount = np.asarray(layer, np.float32)[..., None] / 255.0
    return pixels * (1 - amount) + np.asarray(paint, np.float32) * amount


def _light(pixels, rng):
    pixels = pixels * float(np.exp(rng.normal(0, 0.18)))
    if rng.random() < 0.5:
        gamma = float(np.exp(rng.normal(0, 0.2)))
        pixels = 255.0 * (np.clip(pixels, 0, 255) / 255.0) ** gamma
    contrast = float(np.exp(rng.normal(0, 0.12)))
    mean = pixels.mean()
    pixels = (pixels - mean) * contrast + mean
    grey = pixels.mean(2, keepdims=True)
    pixels = grey + (pixels - grey) * rng.uniform(0.65, 1.25)
    pixels = pixels * np.exp(rng.normal(0, 0.035, 3)).astype(np.float32)
    if rng.random() < 0.35:
        shade = noise(rng, 2, first=2) if rng.random() < 0.5 else _slope(rng)
        pixels = pixels * (1 - rng.uniform(0.2, 0.65) * shade[..., None])
    return pixels


def _slope(rng):
    """A soft edge of shadow across the picture, in 0..1."""
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = (np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) - SIDE / 2) / SIDE
    along = rows * np.sin(angle) + columns * np.cos(angle) + rng.uniform(-0.35, 0.35)
    return 1 / (1 + np.exp(-along * rng.uniform(6, 60)))


def _camera(pixels, rng):
    if rng.random() < 0.3:
        small = int(rng.integers(80, 200))
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        image = image.resize((small, small), Image.Resampling.BILINEAR)
        pixels = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float32)
    if rng.random() < 0.5:
        pixels = pixels + rng.normal(0, rng.uniform(1, 9), pixels.shape).astype(np.float32)
    return pixels


def _encoded(pixels, rng):
    if rng.random() < 0.35:
        return pixels
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=int(rng.integers(50, 96)))
    return np.asarray(Image.open(buffer).convert("RGB"))
