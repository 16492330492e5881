"""Trains the bundled ripeness model with one command, from the root of the repository:

    python3 -m venv model/train/.venv
    model/train/.venv/bin/pip install -r model/train/requirements.txt
    model/train/.venv/bin/python model/train/train.py --pictures ../shared/data/ripeness

It renders scenes with `cargo run -p camera -- render`, draws the samples, fits the fruit
finder and the head, and writes the package into `model/`. Seeds are fixed and sums run on
one thread; where sums round differently, expect scores within 0.05.
Takes about 20 minutes on two cores and 6 GB of disk under `model/train/work`.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # equal sums, and workers are processes

import argparse
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np

from compress import compressed
from fit import Head, Recipe, fit_head, fit_member
from graph import WIDTH, Finder, features_model, maps_model, ripeness_model, run_batches, session
from package import write_package
from pictures import LABELS, list_pictures
from samples import UNKNOWN, Plan, Samples, make_samples

ROOT = Path(__file__).resolve().parents[2]

RENDERED, RENDER_SEED = 6000, 20262
"""Rendered scenes to train on and their seed; measure with other seeds."""

PHOTO_PLAN = Plan(variants=7, scenes=6, seed=2, masked=True, turned=3)
RENDER_PLAN = Plan(variants=1, scenes=0, seed=3, masked=False)

FINDER = Recipe(hidden=0, epochs=3, dropout=0.0, decay=0.01, rate=3e-3, batch=512, smoothing=0.0)
FINDER_PLACES = (1, 2, 8, 10)
"""Samples of every second photograph the finder learns from: variants and scenes."""

LINEAR = [(Recipe(hidden=0, epochs=10, dropout=0.6, decay=0.01), seed) for seed in (1,)]
NETWORKS = [
    (Recipe(hidden=32, epochs=10, dropout=0.6, decay=0.1), seed) for seed in (2, 3, 4, 5)
]

SHARPNESS = 3.0
"""Factor on the logits: dropout and smoothing leave them timid (calibration in the card)."""


def main() -> None:
    options = arguments()
    started = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - started:6.0f} s] {line}", flush=True)

    options.work.mkdir(parents=True, exist_ok=True)
    photos = list_pictures(options.pictures / "train")
    photos = make_samples(photos, PHOTO_PLAN, options.work / "photos", options.jobs, say)
    rendered = options.rendered or render(options.work / "rendered", say)
    scenes = list_pictures(rendered)
    scenes = make_samples(scenes, RENDER_PLAN, options.work / "scenes", options.jobs, say)

    kept = np.array([source not in options.leave_out for source in photos.sources])
    finder = train_finder(photos, np.flatnonzero(kept), say)
    extractor = session(features_model(finder))
    photo_features = features(extractor, photos, np.flatnonzero(kept), "photos", say)
    scene_features = features(extractor, scenes, np.arange(len(scenes.pictures)), "scenes", say)
    head = train_head(photos, np.flatnonzero(kept), photo_features, scenes, scene_features, say)

    model = compressed(ripeness_model(finder, head.sharpened(SHARPNESS)))
    size = write_package(model, options.out)
    say(f"wrote {options.out}/model.onnx, {size / 1e6:.2f} MB")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--pictures", type=Path, required=True, help="folder with train/ripe and train/unripe")
    add("--rendered", type=Path, help="rendered scenes to use instead of rendering them")
    add("--out", type=Path, default=ROOT / "model", help="folder of the package")
    add("--work", type=Path, default=ROOT / "model/train/work", help="scratch folder, kept")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="processes that draw samples")
    add("--leave-out", action="append", default=[], metavar="SOURCE", help="see evaluate.py")
    return parser.parse_args()


def render(folder: Path, say) -> Path:
    """Renders the scenes unless an earlier run already did."""
    done = folder / "done.txt"
    wanted = f"{RENDERED} scenes of seed {RENDER_SEED}\n"
    if not (done.exists() and done.read_text() == wanted):
        say(f"rendering {RENDERED} scenes")
        shutil.rmtree(folder, ignore_errors=True)
        command = ["cargo", "run", "-q", "-p", "camera", "--", "render", "--out", str(folder)]
        command += ["--count", str(RENDERED), "--seed", str(RENDER_SEED)]
        subprocess.run(command, cwd=ROOT, check=True)
        done.write_text(wanted)
    return folder


def train_finder(photos: Samples, kept: np.ndarray, say) -> Finder:
    """Fits the share of fruit per cell on cut-outs, whose masks are known."""
    extractor = session(maps_model())
    rows, targets = [], []
    for place in FINDER_PLACES:
        pick = kept[::2]
        say(f"fruit finder: maps of {len(pick)} samples")
        for maps in run_batches(extractor, photos.pixels[pick, place]):
            rows.append(maps.transpose(0, 2, 3, 1).reshape(-1, maps.shape[1]).astype(np.float16))
        targets.append(photos.cover[pick, place].reshape(-1))
    cells, share = np.concatenate(rows), np.concatenate(targets).astype(np.float32)
    known = share > UNKNOWN / 2
    cells, share = cells[known], np.maximum(share[known], 0.0)
    (layer,) = fit_member(cells, share, np.ones(len(share), np.float32), FINDER, seed=7)
    finder = Finder(layer.matrix[:, 0], float(layer.bias[0]))
    probe = np.random.default_rng(8).permutation(len(share))[:50000]
    found = cells[probe].astype(np.float32) @ finder.matrix + finder.bias > 0
    say(f"fruit finder: {np.mean(found == (share[probe] > 0.5)):.1%} of cells agree with the masks")
    return finder


def features(extractor, samples: Samples, kept: np.ndarray, name: str, say) -> np.ndarray:
    """Features [pictures, samples of each, 784] of the kept pictures."""
    each = samples.pixels.shape[1]
    table = np.zeros((len(kept), each, WIDTH), np.float32)
    for row, index in enumerate(kept):
        table[row] = np.concatenate(list(run_batches(extractor, samples.pixels[index])))
        if (row + 1) % 100 == 0 or row + 1 == len(kept):
            say(f"{name}: features of {row + 1} of {len(kept)} pictures")
    return table


def train_head(photos, kept, photo_features, scenes, scene_features, say) -> Head:
    """Fits ripe against unripe.

    A source and truth with n photographs weighs as the root of n: the few green bunches on
    other grounds count for more than their number, yet do not rule. Scenes weigh as the
    mean photograph.
    """
    labels, sources = photos.labels[kept], photos.sources[kept]
    weight = np.zeros(len(kept), np.float32)
    for name in np.unique(sources):
        for label in range(len(LABELS)):
            group = (sources == name) & (labels == label)
            weight[group] = max(1, group.sum()) ** -0.5
    weight /= weight.mean()
    each, width = photo_features.shape[1:]
    x = np.concatenate([photo_features.reshape(-1, width), scene_features.reshape(-1, width)])
    y = np.concatenate(
        [np.repeat(labels, each), np.repeat(scenes.labels, scene_features.shape[1])]
    )
    w = np.concatenate([np.repeat(weight, each), np.ones(len(x) - len(kept) * each, np.float32)])
    return fit_head(x, y, w, LINEAR, NETWORKS, lambda line: say(f"head: {line}"))


if __name__ == "__main__":
    main()
