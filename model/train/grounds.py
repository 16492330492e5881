"""Grounds to put fruit on: random textures of any hue, made from a seed.

The photographs have a flaw: nearly all ripe bunches lie on a dark table and nearly all
green ones on white cloth. Cutting the fruit out and laying it on a ground that knows
nothing of the truth breaks that link. Nothing here may depend on the label.
"""

from __future__ import annotations

import colorsys

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from pictures import SIDE


def any_ground(rng: np.random.Generator) -> np.ndarray:
    """A ground as [224, 224, 3] float32 in 0..255."""
    kind = rng.random()
    if kind < 0.15:
        ground = np.broadcast_to(colour(rng), (SIDE, SIDE, 3)).copy()
    elif kind < 0.50:
        ground = cloudy(rng)
    elif kind < 0.65:
        ground = planks(rng)
    elif kind < 0.90:
        ground = foliage(rng)
    else:
        ground = patches(rng)
    return ground.astype(np.float32)


def colour(rng: np.random.Generator, hue: float | None = None) -> np.ndarray:
    """A random colour; greys and dark or light tones are as likely as vivid ones."""
    hue = rng.random() if hue is None else hue
    saturation = rng.random() ** 1.5
    value = rng.uniform(0.08, 1.0)
    return 255.0 * np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, value), np.float32)


def noise(rng: np.random.Generator, octaves: int, first: int = 3) -> np.ndarray:
    """Smooth noise in 0..1 made of a few octaves, [224, 224] float32."""
    total = np.zeros((SIDE, SIDE), np.float32)
    weight = 1.0
    for octave in range(octaves):
        cells = min(first * 2**octave, SIDE)
        grid = rng.random((cells, cells)).astype(np.float32)
        wide = Image.fromarray(grid).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        total += weight * np.asarray(wide, np.float32)
        weight *= 0.6
    total -= total.min()
    return total / max(float(total.max()), 1e-6)


def cloudy(rng: np.random.Generator) -> np.ndarray:
    """Two colours mixed by noise: cloth, soil, concrete, sky."""
    amount = noise(rng, int(rng.integers(2, 7)))[..., None]
    first, second = colour(rng), colour(rng)
    if rng.random() < 0.6:
        second = first * rng.uniform(0.5, 1.4) + rng.normal(0, 10, 3)
    return first * (1 - amount) + second * amount


def planks(rng: np.random.Generator) -> np.ndarray:
    """Parallel boards, slats or a striped cloth at any angle."""
    angle = rng.uniform(0, np.pi)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    along = rows * np.sin(angle) + columns * np.cos(angle) + 12 * noise(rng, 2)
    period = rng.uniform(10, 90)
    stripe = (along / period) % 1.0
    base = colour(rng)
    other = base * rng.uniform(0.6, 1.3) if rng.random() < 0.6 else colour(rng)
    amount = (stripe < rng.uniform(0.1, 0.9)).astype(np.float32)[..., None]
    ground = base * amount + other * (1 - amount)
    return ground * (0.75 + 0.5 * noise(rng, 5)[..., None])


def foliage(rng: np.random.Generator) -> np.ndarray:
    """Overlapping leaves over soil, the farm's usual ground."""
    canvas = Image.fromarray(np.clip(cloudy(rng), 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(canvas)
    hue = rng.uniform(0.18, 0.42) if rng.random() < 0.85 else rng.random()
    for _ in range(int(rng.integers(6, 45))):
        x, y = rng.uniform(-20, SIDE + 20, 2)
        length, width = rng.uniform(15, 80), rng.uniform(6, 35)
        turn = rng.uniform(0, 2 * np.pi)
        t = np.linspace(0, 2 * np.pi, 24)
        u, v = length * np.cos(t), width * np.sin(t) * (1 + 0.15 * np.sin(9 * t))
        px = x + u * np.cos(turn) - v * np.sin(turn)
        py = y + u * np.sin(turn) + v * np.cos(turn)
        shade = 255 * np.array(
            colorsys.hsv_to_rgb(
                (hue + rng.normal(0, 0.025)) % 1.0, rng.uniform(0.25, 0.85), rng.uniform(0.15, 0.8)
            )
        )
        draw.polygon(list(zip(px, py)), fill=tuple(int(c) for c in shade))
        vein = tuple(int(c) for c in np.clip(shade * rng.uniform(0.7, 1.4), 0, 255))
        tip = (x + length * np.cos(turn), y + length * np.sin(turn))
        draw.line([(x - tip[0] + x, y - tip[1] + y), tip], fill=vein, width=1)
    canvas = canvas.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 2.5)))
    return np.asarray(canvas, np.float32) * (0.7 + 0.6 * noise(rng, 4)[..., None])


def patches(rng: np.random.Generator) -> np.ndarray:
    """A few large areas of unrelated colours: crates, boxes, labels."""
    canvas = Image.fromarray(np.clip(cloudy(rng), 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(2, 9))):
        corners = [tuple(point) for point in rng.uniform(-30, SIDE + 30, (4, 2))]
        draw.polygon(corners, fill=tuple(int(c) for c in colour(rng)))
    return np.asarray(canvas, np.float32) * (0.8 + 0.4 * noise(rng, 4)[..., None])
