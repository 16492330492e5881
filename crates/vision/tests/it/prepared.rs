//! Tensors against those that Pillow and numpy made (`data/make_prepared.py`), and through them
//! against Custom Vision's own library (`data/check_mscviplib.py`).
//!
//! Scores alone would not show a wrong resize: most lie near 0 and 1. Here each
//! plane's mean, deviation and sixteen samples are compared.
//!
//! Tolerances, in steps of 1/255 of the value range. For pictures drawn by
//! formula and for PNG both sides see equal pixels, and differ by how they round
//! a filter's weights: one step for a sample, a tenth for a mean (0.08 seen).
//! OpenCV's arithmetic leaves nothing to rounding: there equal pixels give equal tensors.
//! For JPEG the decoders differ too: ours makes blue a third of a step brighter,
//! and at sharp edges of subsampled colour single pixels are several steps off.
//! A cubic filter that enlarges overshoots at edges; each side cuts that off
//! after another pass, which leaves five steps in the smallest drawn picture.

use vision::{
    ChannelOrder, DecodeLimits, Filter, Fit, Pixels, Preparer, Preprocess, Size, Tensor,
    ValueRange, decode,
};

use crate::shared::{json, ours, shared};

struct Tolerance {
    sample: f64,
    mean: f64,
}

impl Tolerance {
    /// Whether the pixels themselves may differ.
    fn is_decoders(&self) -> bool {
        self.mean >= OTHER_DECODER.mean
    }
}

/// The numbers are stored with six places.
const EQUAL: Tolerance = Tolerance {
    sample: 2e-4,
    mean: 2e-4,
};
const EQUAL_PIXELS: Tolerance = Tolerance {
    sample: 1.01,
    mean: 0.1,
};
const OVERSHOT: Tolerance = Tolerance {
    sample: 6.0,
    mean: 0.1,
};
const OTHER_DECODER: Tolerance = Tolerance {
    sample: 8.0,
    mean: 0.5,
};

fn recipes() -> Vec<(&'static str, Preprocess)> {
    let bytes_227 = Size::square(227);
    let unit = |side| Preprocess::plain(Size::square(side), ChannelOrder::Rgb, ValueRange::Unit);
    let stretch = Preprocess::sample_stretch(bytes_227, ChannelOrder::Bgr, ValueRange::Bytes);
    let antialiased = Preprocess {
        fit: Fit::ShorterSide(256),
        ..unit(224)
    };
    let general = Preprocess {
        filter: Filter::FourPointBytes,
        ..antialiased
    };
    let aligned = Preprocess {
        fit: Fit::ShorterSideAligned(230),
        filter: Filter::FourPointBytes,
        ..unit(256)
    };
    let stretch_300 = Preprocess {
        filter: Filter::FourPointBytes,
        ..unit(300)
    };
    vec![
        ("docker_2018", Preprocess::docker_2018(bytes_227)),
        ("docker_2020", Preprocess::docker_2020(bytes_227)),
        ("docker_2024", Preprocess::docker_2024(bytes_227)),
        ("sample_stretch", stretch),
        ("general_2021", general),
        ("aligned_2021", aligned),
        ("stretch_300", stretch_300),
        ("antialiased", antialiased),
    ]
}

/// The same picture as `pattern` in the script.
fn pattern(name: &str) -> Option<Pixels> {
    let (width, height) = name.strip_prefix("pattern ")?.split_once('x')?;
    let (width, height): (u32, u32) = (width.parse().ok()?, height.parse().ok()?);
    let mut rgb = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let green = (x / 16 + y / 16) % 2 * 200 + 20;
            for value in [x * 255 / (width - 1), green, (x * 7 + y * 13) % 256] {
                rgb.push(u8::try_from(value).unwrap());
            }
        }
    }
    Pixels::from_rgb8(width, height, rgb)
}

#[test]
fn drawn_pictures_are_prepared_as_pillow_does() {
    let stored = json(&ours("prepared.json"));
    let mut compared = 0;
    for (name, told) in stored.as_object().unwrap() {
        let Some(pixels) = pattern(name) else {
            continue;
        };
        let tolerance = if pixels.width() < 227 {
            &OVERSHOT
        } else {
            &EQUAL_PIXELS
        };
        compare(name, &pixels, told, tolerance);
        compared += 1;
    }
    assert_eq!(compared, 6);
}

#[test]
fn photographs_are_prepared_as_pillow_does() {
    let Some(folder) = shared("frames") else {
        return;
    };
    let stored = json(&ours("prepared.json"));
    let mut compared = 0;
    for (name, told) in stored.as_object().unwrap() {
        if name.starts_with("pattern ") {
            continue;
        }
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let pixels = decode(&bytes, &DecodeLimits::default()).unwrap();
        let tolerance = if bytes.starts_with(b"\x89PNG") {
            &EQUAL_PIXELS
        } else {
            &OTHER_DECODER
        };
        compare(name, &pixels, told, tolerance);
        compared += 1;
    }
    assert!(compared > 15, "only {compared} photographs");
}

fn compare(name: &str, pixels: &Pixels, told: &serde_json::Value, tolerance: &Tolerance) {
    for (recipe_name, recipe) in recipes() {
        let told = &told[recipe_name];
        let step = if recipe.range == ValueRange::Unit {
            1.0 / 255.0
        } else {
            1.0
        };
        let exact = recipe.filter == Filter::FourPointBytes && !tolerance.is_decoders();
        let tolerance = if exact { &EQUAL } else { tolerance };
        let tensor = Preparer::new(recipe).unwrap().prepare(pixels);
        let shape: Vec<usize> = serde_json::from_value(told["shape"].clone()).unwrap();
        assert_eq!(tensor.shape().as_slice(), shape, "{name}, {recipe_name}");
        for plane in 0..3 {
            let place = format!("{name}, {recipe_name}, plane {plane}");
            let (mean, deviation) = mean_and_deviation(&tensor, plane);
            let number = |key: &str| told[key][plane].as_f64().unwrap();
            within(mean, number("mean"), tolerance.mean * step, &place);
            // A deviation feels errors of both signs.
            within(
                deviation,
                number("deviation"),
                2.0 * tolerance.mean * step,
                &place,
            );
            let at: Vec<usize> = serde_json::from_value(told["at"].clone()).unwrap();
            let samples: Vec<f64> = serde_json::from_value(told["samples"][plane].clone()).unwrap();
            let places = at.iter().flat_map(|y| at.iter().map(move |x| (*y, *x)));
            for ((y, x), expected) in places.zip(samples) {
                let found = f64::from(tensor.values()[(plane * shape[2] + y) * shape[3] + x]);
                within(
                    found,
                    expected,
                    tolerance.sample * step,
                    &format!("{place}, {x} {y}"),
                );
            }
        }
    }
}

fn within(found: f64, expected: f64, tolerance: f64, place: &str) {
    let off = (found - expected).abs();
    assert!(
        off <= tolerance,
        "{place}: {found}, expected {expected} ± {tolerance}"
    );
}

fn mean_and_deviation(tensor: &Tensor, plane: usize) -> (f64, f64) {
    let [_, _, height, width] = tensor.shape();
    let values = &tensor.values()[plane * height * width..][..height * width];
    let count = values.len() as f64;
    let mean = values.iter().copied().map(f64::from).sum::<f64>() / count;
    let squares = values
        .iter()
        .map(|value| (f64::from(*value) - mean).powi(2));
    (mean, (squares.sum::<f64>() / count).sqrt())
}
