//! With a real model of a few hundred bytes, which tells a picture by its colour.

use std::io::Cursor;
use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage};

use super::*;
use crate::app::load_model;
use crate::settings::{Layout, parse_confidence, parse_labels};

const RED: [u8; 3] = [250, 5, 5];
const GREEN: [u8; 3] = [5, 250, 5];
const BLUE: [u8; 3] = [5, 5, 250];

/// Red is `ripe`, green `unripe` and blue `Negative`, each with a score of more than 0.9.
fn eyes(labels: &str, confidence: &str) -> Eyes {
    let model = "../crates/vision/tests/data/map_output.onnx";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(model);
    let classifier = load_model(&path, Layout::Auto, &vision::RuntimeOptions::default())
        .unwrap()
        .classifier;
    let labels = LabelRules::new(
        classifier.labels(),
        &parse_labels(labels).unwrap(),
        &parse_confidence(confidence).unwrap(),
        0.6,
    );
    Eyes {
        labels: Arc::new(labels.unwrap()),
        classifier,
        limits: DecodeLimits::default(),
        room: DecodeRoom::default(),
        scratch: Scratch::default(),
        times: EyeTimes::default(),
    }
}

fn see(eyes: &mut Eyes, colour: [u8; 3]) -> Sight {
    let picture = RgbImage::from_pixel(60, 40, Rgb(colour));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    eyes.look(&bytes.into_inner())
}

fn classified(name: &str) -> Outcome {
    Outcome::Classified { label: name.into() }
}

#[test]
fn without_a_map_labels_count_under_their_own_names() {
    let mut eyes = eyes("{}", "[]");
    assert_eq!(see(&mut eyes, RED).outcome, classified("ripe"));
    assert_eq!(see(&mut eyes, GREEN).outcome, classified("unripe"));
    assert_eq!(see(&mut eyes, BLUE).outcome, Outcome::Ignored);
}

#[test]
fn a_mapped_label_changes_the_outcome_and_leaves_the_scores_as_the_model_gave_them() {
    let text = r#"{"yellow":["ripe"],"ignore":["unripe"],"nothing":["Negative"]}"#;
    let mut eyes = eyes(text, "[]");
    let sight = see(&mut eyes, RED);
    assert_eq!(sight.outcome, classified("yellow"));
    let scores = sight.scores.unwrap();
    assert_eq!(scores.top().0, "ripe");
    let labels: Vec<&str> = scores.iter().map(|(label, _)| label).collect();
    assert_eq!(labels, ["unripe", "ripe", "Negative"]);
    assert_eq!(see(&mut eyes, GREEN).outcome, Outcome::Ignored);
    assert_eq!(see(&mut eyes, BLUE).outcome, classified("nothing"));
}

#[test]
fn a_label_that_wants_more_than_it_gets_is_unsure_and_the_others_are_not() {
    let confidence = r#"[{"label":"ripe","min":1}]"#;
    let mut eyes = eyes(r#"{"fruit":["ripe","unripe"]}"#, confidence);
    assert_eq!(see(&mut eyes, RED).outcome, Outcome::Unsure);
    assert_eq!(see(&mut eyes, GREEN).outcome, classified("fruit"));
}
