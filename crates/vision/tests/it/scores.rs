//! Scores of real exports on photographs, against those that are stored beside them.

use vision::{
    ChannelOrder, Classifier, DecodeLimits, ModelPackage, Preprocess, RuntimeOptions, ValueRange,
    decode,
};

use crate::shared::{json, shared};

fn load(package: &ModelPackage) -> Classifier {
    Classifier::load(package, &RuntimeOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// How far a score may be off. A frame is at the edge when a score of it lies
/// between 0.05 and 0.95: there the network makes much of a single step of 1/255.
struct ScoreTolerance {
    sure: f64,
    at_the_edge: f64,
}

/// Expected scores of ONNX Runtime on ten frames, prepared with Pillow.
///
/// Both sides run the same network. What is left was split with the ten frames
/// decoded by Pillow and given as PNG: the resizers alone, and then the JPEG
/// decoders, which round chroma differently.
///
/// | | PNG, sure | PNG, edge | JPEG, sure | JPEG, edge |
/// |---|---|---|---|---|
/// | docker_2018 | 0 | 0 | 0.00004 | 0.0401 |
/// | docker_2024 | 0.00001 | 0.0002 | 0.0003 | 0.0053 |
/// | sample_stretch | 0.0003 | 0.0158 | 0.0024 | 0.0421 |
///
/// 0 is "all six places that are stored". The resizer's part under the other two
/// is a single step here and there: `fast_image_resize` has weights of 16 bits,
/// Pillow of 22. A resizer with those was tried: it took 2.5 times as long, and
/// the decoder's part, the larger one, stays. Tolerances are the numbers seen,
/// rounded up; the label must hold in any case.
fn tolerance(recipe: &str) -> ScoreTolerance {
    let (sure, at_the_edge) = match recipe {
        "docker_2018" => (1e-4, 0.045),
        "docker_2024" => (5e-4, 0.01),
        _ => (3e-3, 0.05),
    };
    ScoreTolerance { sure, at_the_edge }
}

/// The frames that both sides decode alike.
const PNG: ScoreTolerance = ScoreTolerance {
    sure: 2e-5,
    at_the_edge: 2e-5,
};

fn check_expected(model: &str) {
    let (Some(folder), Some(frames)) = (shared(&format!("models/{model}")), shared("frames"))
    else {
        return;
    };
    let package = ModelPackage::open(&folder).unwrap();
    assert_eq!(package.preprocess().channels, ChannelOrder::Bgr);
    assert_eq!(package.preprocess().range, ValueRange::Bytes);
    let input = package.preprocess().input;
    let stretch = Preprocess::sample_stretch(input, ChannelOrder::Bgr, ValueRange::Bytes);
    let expected = json(&folder.join("expected.json"));
    for (recipe_name, recipe) in [
        ("docker_2018", Preprocess::docker_2018(input)),
        ("docker_2024", Preprocess::docker_2024(input)),
        ("sample_stretch", stretch),
    ] {
        let mut classifier = load(&package.clone().with_preprocess(recipe));
        let mut worst = 0.0_f64;
        let mut frames_seen = 0;
        for (frame, told) in expected.as_object().unwrap() {
            let told = &told[recipe_name];
            frames_seen += 1;
            let bytes = std::fs::read(frames.join(frame)).unwrap();
            let pixels = decode(&bytes, &DecodeLimits::default()).unwrap();
            let scores = classifier.classify(&pixels).unwrap();
            assert_eq!(
                Some(scores.top().0),
                told["classLabel"][0].as_str(),
                "{frame}"
            );
            let tolerance = if bytes.starts_with(b"\x89PNG") {
                PNG
            } else {
                tolerance(recipe_name)
            };
            let edge = told["loss"].as_object().unwrap().values();
            let edge = edge
                .filter_map(|score| score.as_f64())
                .any(|score| (0.05..0.95).contains(&score));
            for (label, score) in scores.iter() {
                let wanted = told["loss"][label].as_f64().unwrap();
                let off = (f64::from(score) - wanted).abs();
                worst = worst.max(off);
                let tolerance = if edge {
                    tolerance.at_the_edge
                } else {
                    tolerance.sure
                };
                assert!(
                    off < tolerance,
                    "{frame}, {recipe_name}, {label}: {score}, expected {wanted}"
                );
            }
        }
        assert_eq!(frames_seen, 10, "{model}, {recipe_name}");
        println!("{model}, {recipe_name}: off by {worst} at most");
    }
}

#[test]
fn office_fruit_scores_as_expected() {
    check_expected("office_fruit");
}

#[test]
fn simple_fruits_scores_as_expected() {
    check_expected("simple_fruits");
}
