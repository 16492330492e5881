//! Whole pictures through real sessions.

use std::path::Path;

use vision::{
    ChannelOrder, Classifier, DecodeLimits, ModelError, ModelPackage, NamedRecipe, Pixels,
    Preprocess, RuntimeOptions, Size, ValueRange, Verdict, decode,
};

use crate::shared::{bundled, ours, shared};

fn load(package: &ModelPackage) -> Classifier {
    Classifier::load(package, &RuntimeOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The tiny models of `data/make_models.py` name three labels; their package
/// needs a `labels.txt` where the model does not carry them.
fn tiny(name: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, ModelPackage) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(ours(name), folder.path().join("model.onnx")).unwrap();
    for (file, text) in files {
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    let package = ModelPackage::open(folder.path()).unwrap();
    (folder, package)
}

const LABELS: (&str, &str) = ("labels.txt", "unripe\nripe\nNegative\n");

/// What an export of 2021 states, but for the changes.
pub(crate) fn metadata(changes: &[(&str, &str)]) -> String {
    let mut all = serde_json::json!({
        "CustomVision.Postprocess.Method": "ClassificationMultiClass",
        "CustomVision.Preprocess.CropHeight": "20",
        "CustomVision.Preprocess.CropMethod": "OneCropCenter",
        "CustomVision.Preprocess.CropWidth": "20",
        "CustomVision.Preprocess.NormalizeMean": "[0.0, 0.0, 0.0]",
        "CustomVision.Preprocess.NormalizeStd": "[1.0, 1.0, 1.0]",
        "CustomVision.Preprocess.ResizeMethod": "ByShorterSide",
        "CustomVision.Preprocess.TargetHeight": "24",
        "CustomVision.Preprocess.TargetWidth": "24",
        "Image.BitmapPixelFormat": "Rgb8",
        "Image.NominalPixelRange": "Normalized_0_1",
    });
    for (key, value) in changes {
        all[*key] = (*value).into();
    }
    all.to_string()
}

fn of_colour(colour: [u8; 3]) -> Pixels {
    let (width, height) = (60, 40);
    Pixels::from_rgb8(width, height, colour.repeat(2400)).unwrap()
}

/// Red is ripe, green is unripe, blue is neither: swapped channels or a wrong
/// range cannot pass.
fn check_colours(classifier: &mut Classifier, sure: f32) {
    for (colour, expected) in [
        ([250, 5, 5], "ripe"),
        ([5, 250, 5], "unripe"),
        ([5, 5, 250], "Negative"),
    ] {
        let scores = classifier.classify(&of_colour(colour)).unwrap();
        let (label, score) = scores.top();
        assert_eq!(label, expected, "{scores:?}");
        assert!(score > sure, "{scores:?}");
        let Verdict::Label { label, .. } = scores.verdict(sure) else {
            panic!("{scores:?}");
        };
        assert_eq!(label, expected);
    }
}

#[test]
fn a_map_output_is_read_in_label_order() {
    let (_folder, package) = tiny("map_output.onnx", &[]);
    let mut classifier = load(&package);
    assert_eq!(classifier.labels(), ["unripe", "ripe", "Negative"]);
    check_colours(&mut classifier, 0.9);
    let scores = classifier.classify(&of_colour([250, 5, 5])).unwrap();
    let labels: Vec<_> = scores.iter().map(|(label, _)| label).collect();
    assert_eq!(labels, ["unripe", "ripe", "Negative"]);
    let sum: f32 = scores.iter().map(|(_, score)| score).sum();
    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
}

#[test]
fn labels_txt_decides_the_order_of_a_map() {
    let (_folder, package) = tiny(
        "map_output.onnx",
        &[("labels.txt", "ripe\nNegative\nunripe")],
    );
    let mut classifier = load(&package);
    let scores = classifier.classify(&of_colour([5, 250, 5])).unwrap();
    assert_eq!(scores.iter().last().unwrap().0, "unripe");
    check_colours(&mut classifier, 0.9);
}

#[test]
fn a_plain_tensor_is_read_in_label_order() {
    let metadata = metadata(&[]);
    let files = [LABELS, ("metadata_properties.json", metadata.as_str())];
    for model in ["tensor_output.onnx", "nhwc.onnx", "open_size.onnx"] {
        let (_folder, package) = tiny(model, &files);
        check_colours(&mut load(&package), 0.9);
    }
}

#[test]
fn half_precision_is_fed_and_read() {
    let metadata = metadata(&[]);
    let files = [LABELS, ("metadata_properties.json", metadata.as_str())];
    let (_folder, half) = tiny("float16.onnx", &files);
    let (_folder_too, single) = tiny("tensor_output.onnx", &files);
    let (mut half, mut single) = (load(&half), load(&single));
    check_colours(&mut half, 0.9);
    let picture = of_colour([120, 90, 60]);
    let halves = half.classify(&picture).unwrap();
    let singles = single.classify(&picture).unwrap();
    for ((label, a), (_, b)) in halves.iter().zip(singles.iter()) {
        // Eleven bits, a sum of a few terms.
        assert!((a - b).abs() < 0.005, "{label}: {a} and {b}");
    }
}

#[test]
fn pixel_format_and_range_in_the_model_are_followed() {
    let (_folder, package) = tiny("multilabel_bgr.onnx", &[LABELS]);
    let recipe = package.preprocess();
    assert_eq!(recipe.channels, ChannelOrder::Bgr);
    assert_eq!(recipe.range, ValueRange::Bytes);
    // Independent scores: they need not add up to 1.
    check_colours(&mut load(&package), 0.9);
}

#[test]
fn mean_and_deviation_are_applied() {
    let metadata = metadata(&[
        ("CustomVision.Preprocess.NormalizeMean", "[0.5, 0.25, 0.0]"),
        ("CustomVision.Preprocess.NormalizeStd", "[0.5, 0.25, 2.0]"),
    ]);
    let files = [LABELS, ("metadata_properties.json", metadata.as_str())];
    let (_folder, package) = tiny("tensor_output.onnx", &files);
    let tensor = load(&package).prepare(&of_colour([255, 0, 255]));
    let plane = |index: usize| tensor.values()[index * 400];
    assert!((plane(0) - 1.0).abs() < 1e-6);
    assert!((plane(1) + 1.0).abs() < 1e-6);
    assert!((plane(2) - 0.5).abs() < 1e-6);
}

#[test]
fn preparing_and_running_apart_gives_the_same_scores() {
    let (_folder, package) = tiny("map_output.onnx", &[]);
    let mut classifier = load(&package);
    let picture = of_colour([90, 120, 30]);
    let together = classifier.classify(&picture).unwrap();
    let tensor = classifier.prepare(&picture);
    assert_eq!(classifier.run(&tensor).unwrap(), together);
}

#[test]
fn a_tensor_of_another_model_is_refused() {
    let (_folder, package) = tiny("map_output.onnx", &[]);
    let error = load(&package)
        .run(&vision::Tensor::zeros([1, 3, 8, 8]))
        .unwrap_err();
    assert!(error.to_string().contains("[1, 3, 20, 20]"), "{error}");
}

#[test]
fn sessions_run_side_by_side() {
    let (_folder, package) = tiny("map_output.onnx", &[]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut classifier = load(&package);
                for _ in 0..20 {
                    check_colours(&mut classifier, 0.9);
                }
            });
        }
    });
}

fn refusal(model: &str, files: &[(&str, &str)]) -> ModelError {
    let (_folder, package) = tiny(model, files);
    Classifier::load(&package, &RuntimeOptions::default()).unwrap_err()
}

#[test]
fn an_input_of_another_size_names_both_sides() {
    let metadata = metadata(&[
        ("CustomVision.Preprocess.CropHeight", "22"),
        ("CustomVision.Preprocess.CropWidth", "22"),
    ]);
    let files = [LABELS, ("metadata_properties.json", metadata.as_str())];
    let error = refusal("tensor_output.onnx", &files);
    assert!(matches!(error, ModelError::InputMismatch { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("20, 20") && text.contains("22, 22"), "{text}");
}

#[test]
fn an_input_of_another_type_is_refused() {
    let error = refusal("double_refused.onnx", &[LABELS]);
    assert!(matches!(error, ModelError::InputMismatch { .. }), "{error}");
}

#[test]
fn a_second_input_is_refused() {
    let error = refusal("two_inputs.onnx", &[LABELS]);
    assert!(matches!(error, ModelError::Inputs { .. }), "{error}");
    assert!(error.to_string().contains("other"), "{error}");
}

#[test]
fn labels_of_another_model_are_refused() {
    let error = refusal("tensor_output.onnx", &[("labels.txt", "ripe\nunripe\n")]);
    let ModelError::Outputs { labels: 2, .. } = &error else {
        panic!("{error}");
    };
    assert!(error.to_string().contains("model_output"), "{error}");
}

#[test]
fn scores_that_are_no_numbers_are_found_at_the_trial() {
    let error = refusal("not_a_number.onnx", &[LABELS]);
    assert!(matches!(error, ModelError::Trial { .. }), "{error}");
}

#[test]
fn a_recipe_that_cannot_be_followed_is_refused() {
    let (_folder, package) = tiny("tensor_output.onnx", &[LABELS]);
    let recipe = Preprocess {
        input: Size::square(30),
        ..package.preprocess().clone()
    };
    let recipe = Preprocess {
        fit: vision::Fit::ShorterSide(24),
        ..recipe
    };
    let package = package.with_preprocess(recipe);
    let error = Classifier::load(&package, &RuntimeOptions::default()).unwrap_err();
    assert!(matches!(error, ModelError::Recipe { .. }), "{error}");
}

#[test]
fn a_model_that_is_too_old_is_refused_with_the_cure() {
    let Some(folder) = shared("models/bad_opset1_cheesecake") else {
        return;
    };
    let package = ModelPackage::open(&folder).unwrap();
    let error = Classifier::load(&package, &RuntimeOptions::default()).unwrap_err();
    assert!(
        matches!(error, ModelError::TooOld { opset: 1, .. }),
        "{error}"
    );
    let text = error.to_string();
    assert!(text.contains("export the model again"), "{text}");
}

/// The bundled model tells ripe from unripe on pictures it was not trained on.
#[test]
fn the_bundled_model_loads_and_judges() {
    let package = ModelPackage::open(&bundled()).unwrap();
    assert_eq!(package.labels().len(), 2);
    assert_eq!(package.preprocess().tensor_shape(), [1, 3, 224, 224]);
    assert!(judged(&package).is_none_or(|right| right >= 0.9));
}

/// It takes red, green, blue and 0 to 1, where the containers fed blue, green, red and 0 to 255.
#[test]
fn a_named_layout_does_not_feed_the_containers_constants() {
    for named in NamedRecipe::ALL {
        let package = ModelPackage::open(&bundled()).unwrap().laid_out_as(named);
        assert!(judged(&package).is_none_or(|right| right >= 0.9), "{named}");
    }
}

/// The share of pictures that are judged right; nothing where there are none.
fn judged(package: &ModelPackage) -> Option<f64> {
    let mut classifier = load(package);
    let folder = shared("ripeness/val")?;
    let (mut right, mut seen) = (0, 0);
    for label in ["ripe", "unripe"] {
        let mut files: Vec<_> = std::fs::read_dir(folder.join(label))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        for file in files.iter().step_by(6) {
            let pixels = decode(&std::fs::read(file).unwrap(), &DecodeLimits::default()).unwrap();
            let scores = classifier.classify(&pixels).unwrap();
            right += usize::from(scores.top().0 == label);
            seen += 1;
        }
    }
    println!("{right} of {seen} right");
    assert!(seen > 20, "{seen}");
    Some(right as f64 / f64::from(seen))
}

#[test]
fn a_missing_runtime_is_an_error_that_names_the_cure() {
    // A process of its own: the library that this one loads stays loaded.
    let program = std::env::current_exe().unwrap();
    let nowhere = Path::new("/nowhere/libonnxruntime.so");
    let output = std::process::Command::new(program)
        .args([
            "--exact",
            "classify::child_loads_a_model",
            "--include-ignored",
            "--nocapture",
        ])
        .env("ORT_DYLIB_PATH", nowhere)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("said: ONNX Runtime was not found at /nowhere/libonnxruntime.so"),
        "{text}"
    );
    assert!(text.contains("cargo xtask setup"), "{text}");
}

#[test]
fn a_file_that_is_no_library_is_an_error() {
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program)
        .args([
            "--exact",
            "classify::child_loads_a_model",
            "--include-ignored",
            "--nocapture",
        ])
        .env("ORT_DYLIB_PATH", ours("make_models.py"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("is not an ONNX Runtime library"), "{text}");
}

#[test]
#[ignore = "run by the two tests above, with another environment"]
fn child_loads_a_model() {
    let (_folder, package) = tiny("map_output.onnx", &[]);
    for _ in 0..2 {
        match Classifier::load(&package, &RuntimeOptions::default()) {
            Ok(_) => println!("loaded"),
            Err(error) => println!("said: {error}"),
        }
    }
}
