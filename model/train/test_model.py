"""Tests of the package and of the recipe, from the root of the repository:

    python -m unittest discover -s model/train -v

Those that need the photographs look beside the repository and say so when they are absent.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from PIL import Image

import evaluate
from augment import fruit_mask, scene, variant
from checkpoint import MAGIC, read_state_dict
from compress import compressed, rounded
from fit import Recipe, fit_head, fit_member
from graph import Finder, features_model, ripeness_model, run_batches, session
from grounds import any_ground
from hues import BANANA_HUES, DEGREE, turned
from pictures import LABELS, SHORTER, SIDE, Picture, crop_224, list_pictures, load, prepare

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "model"
PHOTOGRAPHS = ROOT.parent / "shared/data/ripeness"


def random_pixels(count: int, seed: int) -> np.ndarray:
    grounds = [any_ground(np.random.default_rng([seed, index])) for index in range(count)]
    return np.clip(np.stack(grounds), 0, 255).astype(np.uint8)


class TurnedHues(unittest.TestCase):
    def test_a_turned_bunch_keeps_to_the_hues_of_its_truth(self):
        for label, own in enumerate((50.0, 79.0)):
            flat = Image.new("HSV", (SIDE, SIDE), (round(own * DEGREE), 200, 200)).convert("RGB")
            own = np.asarray(flat.convert("HSV"))[0, 0, 0] / DEGREE  # after 8-bit rounding
            picture = Picture(Path(f"banana_studio_{label}.jpg"), label)
            least, most = BANANA_HUES[label]
            hues = []
            for seed in range(20):
                out = turned(np.asarray(flat), picture, own, np.random.default_rng(seed))
                hsv = np.asarray(Image.fromarray(out).convert("HSV"), np.float32)
                hues.append(float(np.median(hsv[..., 0])) / DEGREE)
            self.assertGreater(max(hues) - min(hues), (most - least) / 2)
            self.assertTrue(all(least - 2 < hue < most + 2 for hue in hues), hues)

    def test_a_bunch_of_unknown_hue_is_left_as_it_is(self):
        pixels = random_pixels(1, 3)[0]
        out = turned(pixels, Picture(Path("banana_1.jpg"), 0), None, np.random.default_rng(1))
        self.assertTrue((out == pixels).all())


class ThePackage(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.encoded = (PACKAGE / "model.onnx").read_bytes()
        cls.model = session(cls.encoded)

    def test_manifest_names_the_files_and_their_digest(self):
        manifest = json.loads((PACKAGE / "cvexport.manifest").read_text())
        self.assertEqual(manifest["ModelFileSHA1"], hashlib.sha1(self.encoded).hexdigest())
        for key in ("ModelFileName", "LabelFileName", "MetadataPropsFileName"):
            self.assertTrue((PACKAGE / manifest[key]).is_file(), key)
        self.assertEqual((manifest["DomainType"], manifest["Platform"]), ("Classification", "ONNX"))

    def test_metadata_values_are_strings_and_say_what_prepare_does(self):
        metadata = json.loads((PACKAGE / "metadata_properties.json").read_text())
        self.assertTrue(all(isinstance(value, str) for value in metadata.values()))
        said = [metadata[f"CustomVision.Preprocess.{key}"] for key in ("CropWidth", "TargetWidth")]
        self.assertEqual(said, [str(SIDE), str(SHORTER)])
        inside = {p.key: p.value for p in onnx.load_from_string(self.encoded).metadata_props}
        self.assertEqual(inside["Image.BitmapPixelFormat"], metadata["Image.BitmapPixelFormat"])

    def test_labels_are_in_the_order_of_the_output(self):
        self.assertEqual(tuple((PACKAGE / "labels.txt").read_text().split()), LABELS)
        red = np.broadcast_to(np.array([0.8, 0.1, 0.1], np.float32), (1, SIDE, SIDE, 3))
        output = self.model.run(None, {"data": red.transpose(0, 3, 1, 2).copy()})[0]
        self.assertEqual(output.shape, (1, len(LABELS)))

    def test_input_and_output_have_the_promised_names_and_shapes(self):
        (entry,), (exit_,) = self.model.get_inputs(), self.model.get_outputs()
        self.assertEqual((entry.name, entry.type), ("data", "tensor(float)"))
        self.assertEqual(entry.shape[1:], [3, SIDE, SIDE])
        self.assertEqual((exit_.name, exit_.type), ("model_output", "tensor(float)"))

    def test_scores_are_probabilities_and_do_not_depend_on_the_batch(self):
        pixels = random_pixels(5, seed=1)
        together = np.concatenate(list(run_batches(self.model, pixels, batch=5)))
        alone = np.concatenate(list(run_batches(self.model, pixels, batch=1)))
        np.testing.assert_allclose(together.sum(1), 1.0, atol=1e-5)
        np.testing.assert_allclose(together, alone, atol=1e-4)

    def test_the_file_is_small(self):
        self.assertLess(len(self.encoded), 5_000_000)

    def test_photographs_are_judged_right(self):
        if not (PHOTOGRAPHS / "val").is_dir():
            self.skipTest(f"no photographs at {PHOTOGRAPHS}")
        pictures = list_pictures(PHOTOGRAPHS / "val")
        result = evaluate.measure(self.model, pictures)
        self.assertGreaterEqual(result.right, evaluate.VAL_TARGET, result)


class TheRecipe(unittest.TestCase):
    def test_samples_depend_on_their_seed_only(self):
        image = Image.fromarray(random_pixels(1, seed=2)[0])
        mask = np.zeros((SIDE, SIDE), np.float32)
        mask[60:170, 60:170] = 1.0
        for make in (
            lambda seed: variant(image, mask, np.random.default_rng(seed)),
            lambda seed: scene([(image, mask)], np.random.default_rng(seed)),
        ):
            first, again, other = make(5), make(5), make(6)
            np.testing.assert_array_equal(first[0], again[0])
            np.testing.assert_array_equal(first[1], again[1])
            self.assertTrue((first[0] != other[0]).any())

    def test_a_yellow_fruit_on_a_grey_table_is_cut_out(self):
        pixels = np.full((240, 320, 3), 90, np.uint8)
        pixels[80:160, 60:260] = (220, 190, 40)
        image = Image.fromarray(pixels)
        mask = fruit_mask(image, Picture(Path("banana_field_0001.jpg"), 0))
        self.assertGreater(mask[90:150, 70:250].min(), 0.99)
        self.assertLess(mask[:60].max(), 0.01)
        plain = Image.fromarray(np.full((240, 320, 3), 90, np.uint8))
        self.assertIsNone(fruit_mask(plain, Picture(Path("banana_field_0002.jpg"), 0)))

    def test_the_shorter_side_becomes_256_before_the_crop(self):
        pixels = np.zeros((480, 640, 3), np.uint8)
        pixels[:, 320:] = 255
        cut = np.asarray(crop_224(Image.fromarray(pixels), Image.Resampling.BILINEAR))
        self.assertEqual(cut.shape, (SIDE, SIDE, 3))
        self.assertLess(cut[:, :110].max(), 10)
        self.assertGreater(cut[:, 114:].min(), 245)

    def test_an_exif_turn_is_applied(self):
        pixels = np.zeros((40, 80, 3), np.uint8)
        pixels[:, 40:] = 255
        exif = Image.Exif()
        exif[0x0112] = 6
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "turned.jpg"
            Image.fromarray(pixels).save(path, quality=95, exif=exif)
            upright = np.asarray(load(path))
        self.assertEqual(upright.shape, (80, 40, 3))
        self.assertGreater(int(upright[70, 20, 0]), 200)

    def test_both_filters_give_nearly_the_same_input(self):
        image = Image.fromarray(random_pixels(1, seed=3)[0]).resize((640, 480))
        inputs = [prepare(image, resample) for resample in evaluate.FILTERS.values()]
        self.assertLess(float(np.abs(inputs[0] - inputs[1]).mean()), 0.01)

    def test_storing_narrow_changes_nothing_that_was_rounded_before(self):
        rng = np.random.default_rng(4)
        weight = rng.normal(0, 1, (8, 5, 1, 1)).astype(np.float32)
        np.testing.assert_allclose(rounded(rounded(weight)), rounded(weight), rtol=1e-6)
        self.assertLess(float(np.abs(rounded(weight) - weight).max()), np.abs(weight).max() / 250)
        finder = Finder(rng.normal(0, 0.01, 624).astype(np.float32), 0.0)
        x, y = rng.normal(0, 1, (600, 784)), rng.integers(0, 2, 600)
        members = [(Recipe(4 * n, 1, 0.0, 0.0), n) for n in (0, 1)]
        head = fit_head(x, y, np.ones(600, np.float32), members[:1], members[1:], lambda _: None)
        model = ripeness_model(finder, head)
        pixels = random_pixels(2, seed=5)
        wide, narrow = (next(run_batches(session(m), pixels)) for m in (model, compressed(model)))
        np.testing.assert_allclose(wide, narrow, atol=1e-4)
        features = next(run_batches(session(features_model(finder)), pixels))
        expected = 1 / (1 + np.exp(-head.logits(features)))
        np.testing.assert_allclose(wide[:, 1], expected, atol=1e-4)

    def test_fitting_finds_a_known_boundary_and_repeats_itself(self):
        rng = np.random.default_rng(6)
        x = rng.normal(3, 2, (4000, 20)).astype(np.float32)
        y = (x[:, 0] - x[:, 1] > 0).astype(int)
        weight = np.ones(len(x), np.float32)
        for hidden in (0, 8):
            recipe = Recipe(hidden, epochs=15, dropout=0.0, decay=0.0, rate=1e-2)
            layers, again = (fit_member(x, y, weight, recipe, seed=9) for _ in range(2))
            value = x @ layers[0].matrix + layers[0].bias
            for layer in layers[1:]:
                value = np.maximum(value, 0) @ layer.matrix + layer.bias
            self.assertGreater(np.mean((value[:, 0] > 0) == y), 0.95)
            np.testing.assert_array_equal(layers[0].matrix, again[0].matrix)

    def test_a_checkpoint_cannot_run_code(self):
        class Evil:
            def __reduce__(self):
                return print, ("run",)

        stream = io.BytesIO()
        for part in (MAGIC, 1001, {}, Evil()):
            pickle.dump(part, stream, protocol=2)
        with tempfile.NamedTemporaryFile() as file:
            file.write(stream.getvalue())
            file.flush()
            with self.assertRaises(pickle.UnpicklingError):
                read_state_dict(Path(file.name))

    def test_the_measure_counts_unsure_as_wrong(self):
        scores = np.array([[0.9, 0.1], [0.55, 0.45], [0.2, 0.8], [0.3, 0.7]])
        result = evaluate.judged(scores, np.array([0, 0, 1, 0]))
        self.assertEqual((result.right, result.unsure, result.wrong), (0.5, 0.25, 0.25))


class TheStoredModel(unittest.TestCase):
    def test_only_narrow_weights_are_stored(self):
        model = onnx.load(PACKAGE / "model.onnx")
        for tensor in model.graph.initializer:
            values = numpy_helper.to_array(tensor)
            if tensor.name.startswith("head."):
                continue  # small and trained here: float32 by design (compress.py)
            self.assertTrue(values.size < 100_000 or values.dtype == np.int8, tensor.name)
        self.assertLess((PACKAGE / "model.onnx").stat().st_size, 5_000_000)


if __name__ == "__main__":
    unittest.main()
