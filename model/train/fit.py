"""Fits the two small trained parts with plain numpy: the fruit finder and the head.

Both are logistic models trained by Adam on mini-batches; the head is the mean of linear
models and small networks with one hidden layer. A linear head is steadier on grounds it
never saw, a network separates half-ripe fruit better; their mean keeps most of both
(`evaluate.py`, MODEL_CARD.md). Seeds are fixed, so equal features give equal weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class Layer:
    """`x @ matrix + bias`; matrix is [inputs, outputs]."""

    matrix: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class Recipe:
    """How one member is trained."""

    hidden: int  # 0: linear
    epochs: int
    dropout: float  # share of input features hidden from a step
    decay: float  # decoupled weight decay, relative to the learning rate
    rate: float = 1e-3
    batch: int = 128
    smoothing: float = 0.02  # targets are this far from 0 and 1


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(z, -60, 60)))


def fit_member(x, target, weight, recipe: Recipe, seed: int) -> list[Layer]:
    """Trains one member on features [samples, width] and targets in 0..1.

    Returns its layers with the feature normalisation folded in.
    """
    rng = np.random.default_rng(seed)
    probe = x[:: max(1, len(x) // 50000)].astype(np.float64)
    mean = probe.mean(0).astype(np.float32)
    spread = probe.std(0).astype(np.float32) + 1e-3
    target = target.astype(np.float32) * (1 - 2 * recipe.smoothing) + recipe.smoothing
    sizes = [x.shape[1], recipe.hidden, 1] if recipe.hidden else [x.shape[1], 1]
    layers = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:]):
        scale = np.sqrt(1.0 / inputs) * (0.3 if outputs == 1 else 1.0)
        matrix = rng.normal(0, scale, (inputs, outputs)).astype(np.float32)
        layers.append(Layer(matrix, np.zeros(outputs, np.float32)))
    parameters = [p for layer in layers for p in (layer.matrix, layer.bias)]
    first = [np.zeros_like(p) for p in parameters]
    second = [np.zeros_like(p) for p in parameters]
    steps = recipe.epochs * (len(x) // recipe.batch)
    step = 0
    for _ in range(recipe.epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x) - recipe.batch + 1, recipe.batch):
            step += 1
            pick = order[start : start + recipe.batch]
            batch = (x[pick].astype(np.float32) - mean) / spread
            keep = rng.random(batch.shape, dtype=np.float32) >= recipe.dropout
            batch = batch * keep / (1 - recipe.dropout)
            slopes = _slopes(layers, batch, target[pick], weight[pick])
            warm = min(1.0, step / 100)
            rate = recipe.rate * warm * 0.5 * (1 + np.cos(np.pi * step / steps))
            for p, g, m, v in zip(parameters, slopes, first, second):
                m += 0.1 * (g - m)
                v += 0.01 * (g * g - v)
                ahead = (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.99**step)) + 1e-8)
                p -= rate * (ahead + recipe.decay * p)
    scaled = layers[0].matrix / spread[:, None]
    return [Layer(scaled, layers[0].bias - mean @ scaled), *layers[1:]]


def _slopes(layers, batch, target, weight):
    """Gradient of the weighted mean logistic loss for each parameter."""
    if len(layers) == 1:
        z = batch @ layers[0].matrix + layers[0].bias
        out = (weight * (sigmoid(z[:, 0]) - target) / len(batch))[:, None]
        return [batch.T @ out, out.sum(0)]
    before = batch @ layers[0].matrix + layers[0].bias
    active = np.maximum(before, 0)
    z = active @ layers[1].matrix + layers[1].bias
    out = (weight * (sigmoid(z[:, 0]) - target) / len(batch))[:, None]
    back = (out @ layers[1].matrix.T) * (before > 0)
    return [batch.T @ back, back.sum(0), active.T @ out, out.sum(0)]


@dataclass
class Head:
    """Logit of `unripe`: `x @ direct + bias + relu(x @ hidden + offset) @ mix`."""

    direct: np.ndarray
    bias: float
    hidden: np.ndarray
    offset: np.ndarray
    mix: np.ndarray

    def logits(self, x: np.ndarray) -> np.ndarray:
        active = np.maximum(x @ self.hidden + self.offset, 0)
        return x @ self.direct + self.bias + active @ self.mix

    def sharpened(self, factor: float) -> Head:
        """The same decisions with logits multiplied by `factor`."""
        return Head(
            self.direct * factor, self.bias * factor, self.hidden, self.offset, self.mix * factor
        )


def fit_head(x, labels, weight, linear: list[tuple], networks: list[tuple], say) -> Head:
    """The mean of all members; `linear` and `networks` are lists of (recipe, seed)."""
    singles, pairs = [], []
    for recipe, seed in [*linear, *networks]:
        say(f"member {len(singles) + len(pairs) + 1} of {len(linear) + len(networks)}")
        layers = fit_member(x, labels, weight, recipe, seed)
        (pairs if recipe.hidden else singles).append(layers)
    share = np.float32(1.0 / (len(singles) + len(pairs)))
    bias = sum(float(m[0].bias[0]) for m in singles) + sum(float(m[1].bias[0]) for m in pairs)
    return Head(
        direct=share * sum(m[0].matrix[:, 0] for m in singles),
        bias=float(share) * bias,
        hidden=np.concatenate([m[0].matrix for m in pairs], axis=1),
        offset=np.concatenate([m[0].bias for m in pairs]),
        mix=share * np.concatenate([m[1].matrix[:, 0] for m in pairs]),
    )
