"""The training set as pictures of the input's size, drawn from a seed and kept on disk.

Each photograph gives itself, some variants and some scenes of several fruits of its own
source and truth (never of another source, so that a source can be left out whole); each
rendered picture gives itself and variants. Every sample has a generator of its own,
seeded by its place, so the number of processes does not change a byte.

Disk: 150 kB a sample, about 4 GB in all.
"""

from __future__ import annotations

import functools
import hashlib
import multiprocessing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from augment import fruit_mask, scene, variant
from hues import fruit_hue, turned
from pictures import SIDE, Picture, crop_224, load

CELLS = 14
"""Side of the grid on which the fruit finder works; a cell is 16 pixels wide."""

UNKNOWN = -1.0
"""Share of fruit of a cell where no mask says it."""

TURN_SEED = 4
"""Seed of the copies whose hue is turned."""

MOST_PIECES = 4
"""Fruits of one scene."""


@dataclass
class Samples:
    """Pictures [n, k, 224, 224, 3] uint8 and fruit shares [n, k, 14, 14] float16."""

    pixels: np.ndarray
    cover: np.ndarray
    pictures: list[Picture]

    @property
    def labels(self) -> np.ndarray:
        return np.array([p.label for p in self.pictures])

    @property
    def sources(self) -> np.ndarray:
        return np.array([p.source for p in self.pictures])


@dataclass(frozen=True)
class Plan:
    """How many samples each picture gives, besides itself."""

    variants: int
    scenes: int
    seed: int
    masked: bool  # whether `fruit_mask` knows these pictures
    turned: int = 0  # copies, of the variants from the second on, with their hue turned

    @property
    def each(self) -> int:
        return 1 + self.variants + self.scenes + self.turned


def make_samples(pictures: list[Picture], plan: Plan, base: Path, jobs: int, say) -> Samples:
    """Draws the samples into files that begin with `base`.

    Those of an earlier run are taken if plan, pictures and drawing code are the same.
    """
    name = base.name
    files = Path(f"{base}-pixels.npy"), Path(f"{base}-cover.npy")
    stamp, wanted = Path(f"{base}.txt"), stamp_of(pictures, plan)
    if not (stamp.exists() and stamp.read_text() == wanted):
        shape = (len(pictures), plan.each)
        _open(files[0], np.uint8, (*shape, SIDE, SIDE, 3)).flush()
        _open(files[1], np.float16, (*shape, CELLS, CELLS)).flush()
        context = multiprocessing.get_context("fork")
        with context.Pool(jobs, _start, (pictures, plan, files)) as pool:
            for done, _ in enumerate(pool.imap_unordered(_draw, range(len(pictures)), 8), 1):
                if done % 100 == 0 or done == len(pictures):
                    say(f"{name}: samples of {done} of {len(pictures)} pictures")
        stamp.write_text(wanted)
    pixels, cover = (np.load(f, mmap_mode="r") for f in files)
    return Samples(pixels, np.asarray(cover), pictures)


def stamp_of(pictures: list[Picture], plan: Plan) -> str:
    """What the samples depend on: the plan, the pictures' names and sizes, the code."""
    digest = hashlib.sha256()
    for module in ("augment.py", "grounds.py", "hues.py"):
        digest.update((Path(__file__).parent / module).read_bytes())
    for picture in pictures:
        digest.update(f"{picture.path.name} {picture.path.stat().st_size}\n".encode())
    return f"{plan}\n{digest.hexdigest()}\n"


def _open(path: Path, kind, shape):
    return np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape)


_state: dict = {}


def _start(pictures, plan, files) -> None:
    groups: dict = {}
    for index, picture in enumerate(pictures):
        groups.setdefault((picture.source, picture.label), []).append(index)
    pixels, cover = (np.load(f, mmap_mode="r+") for f in files)
    _state.update(pictures=pictures, plan=plan, pixels=pixels, cover=cover, groups=groups)


@functools.lru_cache(maxsize=256)
def _piece(index: int):
    picture = _state["pictures"][index]
    image = load(picture.path)
    return image, fruit_mask(image, picture) if _state["plan"].masked else None


def _draw(index: int) -> None:
    plan: Plan = _state["plan"]
    picture = _state["pictures"][index]
    group = _state["groups"][picture.source, picture.label]
    image, mask = _piece(index)
    unknown = np.full((SIDE, SIDE), UNKNOWN, np.float32)
    _store(index, 0, np.asarray(crop_224(image, Image.Resampling.BILINEAR)), unknown)
    for place in range(1, plan.each - plan.turned):
        rng = np.random.default_rng([plan.seed, index, place])
        if place <= plan.variants or mask is None:
            _store(index, place, *variant(image, mask, rng))
            continue
        others = rng.choice(group, int(rng.integers(0, MOST_PIECES)))
        pieces = [(image, mask), *(_piece(int(other)) for other in others)]
        _store(index, place, *scene([p for p in pieces if p[1] is not None], rng))
    hue = fruit_hue(picture) if plan.turned else None
    for copy in range(plan.turned):
        place = 2 + copy
        rng = np.random.default_rng([TURN_SEED, index, place])
        pixels = turned(_state["pixels"][index, place], picture, hue, rng)
        target = plan.each - plan.turned + copy
        _state["pixels"][index, target] = pixels
        _state["cover"][index, target] = _state["cover"][index, place]


def _store(index: int, place: int, pixels: np.ndarray, cover: np.ndarray) -> None:
    step = SIDE // CELLS
    _state["pixels"][index, place] = pixels
    _state["cover"][index, place] = cover.reshape(CELLS, step, CELLS, step).mean((1, 3))
