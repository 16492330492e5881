//! How many pictures a second: the measurement on real sessions.

use std::time::Instant;

use vision::{Classifier, ModelPackage, RuntimeOptions};

use crate::classify::metadata;
use crate::shared::{bundled, folder, model};

#[test]
fn models_of_every_form_are_measured() {
    let size = metadata(&[]);
    for name in [
        "float16.onnx",
        "open_size.onnx",
        "map_output.onnx",
        "nhwc.onnx",
    ] {
        let folder = folder(&[
            ("model.onnx", &model(name)),
            ("labels.txt", b"unripe\nripe\nNegative\n"),
            ("metadata_properties.json", size.as_bytes()),
        ]);
        let package = ModelPackage::open(folder.path()).unwrap_or_else(|error| panic!("{error}"));
        let mut classifier = Classifier::load(&package, &RuntimeOptions::default())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let rate = classifier.pictures_per_second(Instant::now).unwrap();
        assert!(rate.is_finite() && rate > 1.0, "{name}: {rate}");
    }
}

#[test]
fn the_warm_up_is_not_measured() {
    let package = ModelPackage::open(&bundled()).unwrap();
    let mut classifier = Classifier::load(&package, &RuntimeOptions::default()).unwrap();
    let before = Instant::now();
    let mut first = None;
    let rate = classifier.pictures_per_second(|| {
        first.get_or_insert_with(|| before.elapsed());
        Instant::now()
    });
    let whole = before.elapsed();
    let warm_up = first.unwrap();
    assert!(!warm_up.is_zero() && warm_up < whole);
    // At least one run, and all of them, fit in what was left.
    assert!(rate.unwrap() * (whole - warm_up).as_secs_f64() > 0.99);
}
