#!/usr/bin/env python3
"""Prepares pictures as the programs named in `preprocess.rs` do, with Pillow and
numpy alone, and stores what came out: mean, deviation and samples of each plane.

    pip install pillow numpy
    python3 crates/vision/tests/data/make_prepared.py FRAMES_FOLDER

The two recipes that Custom Vision's library mscviplib carries out are done here by
OpenCV's arithmetic for bytes; `check_mscviplib.py` compares them with the library.
Nothing here comes from the Rust code; `prepared.json` is what the Rust code is
held to. `pattern` is a picture both sides draw by formula, so a part of the
comparison needs no photographs.
"""
import json
import pathlib
import sys

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
FRAMES = [
    "cam_1280x720_apple.jpg", "cam_1280x720_grapes.jpg", "cam_1280x720_pear.jpg",
    "cam_1280x720_pen.jpg", "cam_1920x1080_banana.jpg", "png_360x480_banana_plain.png",
    "cam_1008x756_strawberry_1.jpg", "cam_640x480_ripe.jpg", "exif_portrait_6.jpg",
    "exif_landscape_8.jpg", "tall_90x1600.jpg", "tiny_8x8.jpg", "one_1x1.png",
    "png_named_jpg_1920x1080_apple.jpg", "rgba_864x575.png", "palette_640x360.png",
    "cmyk_1280x720.jpg", "grey_1280x720.jpg", "yuv444_1280x720.jpg",
    "progressive_1280x720.jpg", "restart_markers_1280x720.jpg",
]


def turned(image):
    """Upright by EXIF tag 0x112; 0 and unknown values mean no turn."""
    t = getattr(Image, "Transpose", Image)  # Pillow before 9.1 has them beside the class
    turns = {2: t.FLIP_LEFT_RIGHT, 3: t.ROTATE_180, 4: t.FLIP_TOP_BOTTOM, 5: t.TRANSPOSE,
             6: t.ROTATE_270, 7: t.TRANSVERSE, 8: t.ROTATE_90}
    turn = turns.get(image.getexif().get(0x112, 1))
    return image if turn is None else image.transpose(turn)


def middle(array, side, halves):
    height, width, _ = array.shape
    if halves:
        left, top = width // 2 - side // 2, height // 2 - side // 2
    else:
        left, top = (width - side) // 2, (height - side) // 2
    return array[top:top + side, left:left + side]


def four_point(array, side):
    """The four nearest pixels, centres at halves, edges repeated, not rounded."""
    def axis(length):
        at = np.clip((np.arange(side) + 0.5) * length / side - 0.5, 0, length - 1)
        low = np.floor(at).astype(int)
        return low, np.minimum(low + 1, length - 1), at - low
    (y0, y1, fy), (x0, x1, fx) = axis(array.shape[0]), axis(array.shape[1])
    array, fx, fy = array.astype(float), fx[None, :, None], fy[:, None, None]
    above = array[y0][:, x0] * (1 - fx) + array[y0][:, x1] * fx
    below = array[y1][:, x0] * (1 - fx) + array[y1][:, x1] * fx
    return above * (1 - fy) + below * fy


def open_cv(array, width, height):
    """OpenCV's INTER_LINEAR for bytes: four pixels, weights of 11 bits, fixed point."""
    def axis(length, side, columns):
        at = ((np.arange(side) + 0.5) * (length / side) - 0.5).astype(np.float32)
        low = np.floor(at).astype(int)
        share = at - low.astype(np.float32)
        if columns:
            share[(low < 0) | (low >= length - 1)] = 0
            low = np.clip(low, 0, length - 1)
        near, far = (np.rint(part * np.float32(2048)).astype(int) for part in (1 - share, share))
        return np.clip(low, 0, length - 1), np.clip(low + 1, 0, length - 1), near, far
    y0, y1, above, below = axis(array.shape[0], height, False)
    x0, x1, left, right = axis(array.shape[1], width, True)
    array = array.astype(int)
    left, right = left[None, :, None], right[None, :, None]
    above, below = above[:, None, None], below[:, None, None]
    upper = (array[y0][:, x0] * left + array[y0][:, x1] * right) >> 4
    lower = (array[y1][:, x0] * left + array[y1][:, x1] * right) >> 4
    return (((above * upper) >> 16) + ((below * lower) >> 16) + 2) >> 2

def docker_2018(image):
    width, height = image.size
    if max(width, height) >= 1600:
        size = (1600 * width // height, 1600) if height > width else (1600, 1600 * height // width)
        good = max(size) / max(image.size) >= 0.5
        image = image.resize(size, Image.BILINEAR if good else Image.BICUBIC)
    array = np.asarray(image)
    array = middle(array, min(array.shape[:2]), halves=True)
    return middle(four_point(array, 256), 227, halves=True)[:, :, ::-1]


def shorter_side(image, side):
    width, height = image.size
    if width < height:
        size = (side, round(height * side / width))
    else:
        size = (round(width * side / height), side)
    return np.asarray(image.resize(size, Image.BILINEAR))


def docker_2020(image):
    array = np.asarray(image)
    return open_cv(middle(array, min(array.shape[:2]), halves=False), 227, 227)[:, :, ::-1]

def docker_2024(image):
    return middle(shorter_side(image, 227), 227, halves=False)[:, :, ::-1]


def sample_stretch(image):
    return np.asarray(image.resize((227, 227)))[:, :, ::-1]


def scaled(image, side, align=1):
    """Sizes of `ByShorterSide` and, with 32, `ByShorterSideAlign32`; ties go up."""
    shorter = min(image.size)
    return [-(-int(np.floor(length * side / shorter + 0.5)) // align) * align for length in image.size]

def general_2021(image):
    return middle(open_cv(np.asarray(image), *scaled(image, 256)), 224, halves=False) / 255.0

def aligned_2021(image):
    """Target 230 with FullImageShorterSide, so that both sides are aligned."""
    return middle(open_cv(np.asarray(image), *scaled(image, 230, 32)), 256, halves=False) / 255.0

def antialiased(image):
    """The bundled model's."""
    return middle(shorter_side(image, 256), 224, halves=False) / 255.0


def stretch_300(image):
    return open_cv(np.asarray(image), 300, 300) / 255.0


RECIPES = [docker_2018, docker_2020, docker_2024, sample_stretch, general_2021, aligned_2021,
           stretch_300, antialiased]


def pattern(width, height):
    """Slopes, a coarse checkerboard and fine stripes; all by whole numbers."""
    y, x = np.mgrid[0:height, 0:width]
    red = x * 255 // (width - 1)
    green = (x // 16 + y // 16) % 2 * 200 + 20
    blue = (x * 7 + y * 13) % 256
    return Image.fromarray(np.stack([red, green, blue], 2).astype(np.uint8))


def told(array):
    planes = np.asarray(array, np.float64).transpose(2, 0, 1)
    side = planes.shape[1]
    at = [0, side // 3, side // 2, side - 1]
    return {
        "shape": [1, *planes.shape],
        "mean": [round(float(plane.mean()), 6) for plane in planes],
        "deviation": [round(float(plane.std()), 6) for plane in planes],
        "at": at,
        "samples": [[round(float(plane[y, x]), 6) for y in at for x in at] for plane in planes],
    }


def pictures_in(folder):
    pictures = {f"pattern {w}x{h}": pattern(w, h) for w, h in
                [(640, 480), (301, 517), (1700, 1100), (40, 30), (513, 512), (640, 481)]}
    for name in FRAMES:
        image = turned(Image.open(folder / name))
        pictures[name] = image.convert("RGB")
    return pictures

def main():
    pictures = pictures_in(pathlib.Path(sys.argv[1]))
    result = {name: {recipe.__name__: told(recipe(image)) for recipe in RECIPES}
              for name, image in pictures.items()}
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(told, separators=(',', ':'))}" for name, told in result.items())
    (HERE / "prepared.json").write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
