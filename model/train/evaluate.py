"""Measures a model package, from the root of the repository:

    python model/train/evaluate.py --pictures ../shared/data/ripeness --render 1000
    python model/train/evaluate.py --folder DIR            (DIR/ripe, DIR/unripe)
    python model/train/evaluate.py --pictures ../shared/data/ripeness --render 1000 --check

An answer below the least confidence (0.6, the module's default) is `unsure` and counts as
wrong. `ECE` is the expected calibration error of the winning score over ten bins.

A whole source left out: train without it, then measure on it alone, for example
`train.py ... --leave-out banana_field --out OUT`, then
`evaluate.py --model OUT --folder ../shared/data/ripeness/train --source banana_field`.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from augment import fruit_mask, on_ground
from graph import session
from pictures import FILTERS, LABELS, SIDE, Picture
from pictures import list_pictures, load, prepare, recompress, tensor_of

ROOT = Path(__file__).resolve().parents[2]

LEAST_CONFIDENCE = 0.6
"""The module's default: a lower score is `unsure`."""

VAL_TARGET = 0.97
RENDERED_TARGET = 0.995
DISTURBED_TARGET = 0.95
"""What `--check` asks of the validation pictures, of rendered scenes, of disturbed pictures."""

RENDER_SEED = 90210
"""Seed of scenes to measure on; the training scenes have another."""


def main() -> int:
    options = arguments()
    model = session((options.model / "model.onnx").read_bytes())
    print(f"{'what':<34} {'pictures':>8} {'right':>7} {'unsure':>7} {'wrong':>7} {'ECE':>6}")
    short = []

    def check(name: str, result: Result, target: float) -> None:
        if options.check and result.right < target:
            short.append(f"{name}: {result.right:.1%} right, expected at least {target:.1%}")

    if options.pictures:
        pictures = list_pictures(options.pictures / "val")
        for name, change, resample in disturbances():
            result = measure(model, pictures, change, resample)
            show(f"val, {name}", result)
            check(f"val, {name}", result, VAL_TARGET if change is None else DISTURBED_TARGET)
        by_source(model, pictures)
    if options.pictures and options.grounds:
        show("val, cut out, on other grounds", swapped(model, pictures, options.grounds))
    if options.folder:
        pictures = list_pictures(options.folder)
        if options.source:
            pictures = [p for p in pictures if p.source == options.source]
        show(str(options.folder.name), measure(model, pictures))
        by_source(model, pictures)
    if options.render:
        with tempfile.TemporaryDirectory() as folder:
            render(Path(folder), options.render, options.seed)
            pictures = list_pictures(Path(folder))
            for name, resample in FILTERS.items():
                result = measure(model, pictures, None, resample)
                show(f"rendered, seed {options.seed}, {name}", result)
                check(f"rendered, {name}", result, RENDERED_TARGET)
    for line in short:
        print(f"below target: {line}", file=sys.stderr)
    return 1 if short else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", type=Path, default=ROOT / "model", help="folder of the package")
    add("--pictures", type=Path, help="folder with val/ripe and val/unripe")
    add("--grounds", type=Path, help="photographs to lay the validation fruit on")
    add("--folder", type=Path, help="any folder with ripe and unripe")
    add("--source", help="of --folder, only pictures whose names begin with this source")
    add("--render", type=int, default=0, metavar="N", help="rendered scenes to measure on")
    add("--seed", type=int, default=RENDER_SEED, help="their seed")
    add("--check", action="store_true", help="exit 1 if a target is missed")
    options = parser.parse_args()
    if not (options.pictures or options.folder or options.render):
        parser.error("nothing to measure: give --pictures, --folder or --render")
    return options


@dataclass(frozen=True)
class Result:
    """Shares of all pictures."""

    pictures: int
    right: float
    unsure: float
    wrong: float
    ece: float


def judged(scores: np.ndarray, truth: np.ndarray) -> Result:
    """Right, unsure and wrong at the module's least confidence; scores are [n, 2]."""
    top, best = scores.max(1), scores.argmax(1)
    sure, agree = top >= LEAST_CONFIDENCE, best == truth
    bins = np.minimum((top * 10).astype(int), 9)
    ece = 0.0
    for index in np.unique(bins):
        inside = bins == index
        ece += inside.mean() * abs(top[inside].mean() - agree[inside].mean())
    return Result(
        len(truth),
        float((sure & agree).mean()),
        float((~sure).mean()),
        float((sure & ~agree).mean()),
        float(ece),
    )


def measure(model, pictures: list[Picture], change=None, resample=FILTERS["bilinear"]) -> Result:
    """Runs the pictures one by one, as the module does; `change` disturbs each before."""
    scores = []
    for picture in pictures:
        image = load(picture.path)
        image = change(image) if change else image
        scores.append(model.run(["model_output"], {"data": prepare(image, resample)[None]})[0][0])
    return judged(np.array(scores), np.array([p.label for p in pictures]))


def swapped(model, pictures: list[Picture], folder: Path) -> Result:
    """Each fruit cut out and laid on a random part of a photograph of something else.

    `folder` may hold pictures of anything but the two fruits; files that show one of them
    (by name) or cannot be read are left out. Twice per picture, seeded by its place.
    """
    grounds = []
    for path in sorted(folder.glob("*.jpg")):
        if any(word in path.name for word in ("banana", "strawberry", "ripe", "bad_", "1x1", "8x8")):
            continue
        ground = load(path)
        ground.thumbnail((1000, 1000))
        if min(ground.size) >= SIDE:
            grounds.append(ground)
    scores, truth = [], []
    for index, picture in enumerate(pictures):
        image = load(picture.path)
        mask = fruit_mask(image, picture)
        for again in range(2 if mask is not None else 0):
            rng = np.random.default_rng([77, index, again])
            ground = grounds[int(rng.integers(len(grounds)))]
            side = int(min(ground.size) * rng.uniform(0.5, 1))
            left, top = (int(rng.integers(length - side + 1)) for length in ground.size)
            part = ground.crop((left, top, left + side, top + side))
            part = np.asarray(part.resize((SIDE, SIDE), FILTERS["bilinear"]), np.float32)
            pixels = on_ground(image, mask, part, rng)
            data = tensor_of(Image.fromarray(pixels))[None]
            scores.append(model.run(["model_output"], {"data": data})[0][0])
            truth.append(picture.label)
    return judged(np.array(scores), np.array(truth))


def by_source(model, pictures: list[Picture]) -> None:
    groups: dict[str, list[Picture]] = {}
    for picture in pictures:
        groups.setdefault(f"{picture.source}, {LABELS[picture.label]}", []).append(picture)
    for name, group in sorted(groups.items()):
        show(f"  {name}", measure(model, group))


def disturbances():
    """Name, change and resize filter of each row of the table."""
    bilinear, bicubic = FILTERS["bilinear"], FILTERS["bicubic"]

    def camera(quality):
        """A 640 wide camera picture in place of the small original."""

        def change(image: Image.Image) -> Image.Image:
            scale = 640 / max(image.size)
            size = (round(image.width * scale), round(image.height * scale))
            return recompress(image.resize(size, Image.Resampling.BICUBIC), quality)

        return change

    def light(factor):
        return lambda image: ImageEnhance.Brightness(image).enhance(factor)

    return [
        ("bilinear", None, bilinear),
        ("bicubic", None, bicubic),
        ("640 wide, JPEG 60", camera(60), bilinear),
        ("640 wide, JPEG 75", camera(75), bicubic),
        ("640 wide, JPEG 95", camera(95), bilinear),
        ("turned 90 degrees", lambda image: image.transpose(Image.Transpose.ROTATE_90), bilinear),
        ("turned 180 degrees", lambda image: image.transpose(Image.Transpose.ROTATE_180), bilinear),
        ("mirrored", lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), bicubic),
        ("exposure -25 %", light(0.75), bilinear),
        ("exposure +20 %", light(1.2), bicubic),
    ]


def render(folder: Path, count: int, seed: int) -> None:
    command = ["cargo", "run", "-q", "-p", "camera", "--", "render", "--out", str(folder)]
    command += ["--count", str(count), "--seed", str(seed), "--quiet"]
    subprocess.run(command, cwd=ROOT, check=True)


def show(name: str, result: Result) -> None:
    print(
        f"{name:<34} {result.pictures:>8} {result.right:>7.1%} {result.unsure:>7.1%}"
        f" {result.wrong:>7.1%} {result.ece:>6.3f}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
