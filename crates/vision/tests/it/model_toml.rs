//! Classifiers of any origin, described by a `model.toml`.

use vision::{
    AxisOrder, Classifier, Filter, Fit, ModelPackage, Origin, PackageError, Pixels, RuntimeOptions,
    ScoreFunction, Scores, Size, ValueRange,
};

use crate::shared::{bundled, no_scores, ours};

/// What the tiny model of other tools wants.
const LOGITS: &str = r#"
labels = ["unripe", "ripe", "Negative"]
[input]
range = "0..1"
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
[resize]
fit = "shorter-side"
to = 24
[output]
name = "logits"
scores = "softmax"
"#;

fn folder(model: &str, toml: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(ours(model), folder.path().join("model.onnx")).unwrap();
    std::fs::write(folder.path().join("model.toml"), toml).unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

fn open(model: &str, toml: &str) -> Result<ModelPackage, PackageError> {
    ModelPackage::open(folder(model, toml, &[]).path())
}

fn load(package: &ModelPackage) -> Classifier {
    Classifier::load(package, &RuntimeOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn look(package: &ModelPackage, colour: [u8; 3]) -> Scores {
    let picture = Pixels::from_rgb8(60, 40, colour.repeat(2400)).unwrap();
    load(package).classify(&picture).unwrap()
}

#[test]
fn mean_deviation_and_softmax_are_applied() {
    let package = open("logits.onnx", LOGITS).unwrap();
    assert_eq!(package.preprocess().origin, Origin::ModelToml);
    assert_eq!(package.preprocess().filter, Filter::Bilinear);
    let scores = look(&package, [250, 5, 5]);
    // Red is 0.96, green and blue are -0.96: sums of 4 times these.
    let value = |byte: f32| (byte / 255.0 - 0.5) / 0.5;
    let (red, green) = (value(250.0), value(5.0));
    let sums = [4.0 * (green - red), 4.0 * (red - green), 4.0 * green].map(f32::exp);
    let all: f32 = sums.iter().sum();
    for ((label, score), sum) in scores.iter().zip(sums) {
        assert!(
            (score - sum / all).abs() < 1e-5,
            "{label}: {score}, expected {}",
            sum / all
        );
    }
}

#[test]
fn sigmoid_scores_stand_each_on_their_own() {
    let package = open("logits.onnx", &LOGITS.replace("softmax", "sigmoid")).unwrap();
    assert_eq!(package.score_function(), ScoreFunction::Sigmoid);
    let scores = look(&package, [127, 127, 127]);
    let sum: f32 = scores.iter().map(|(_, score)| score).sum();
    assert!((sum - 1.5).abs() < 0.05, "{scores:?}");
}

#[test]
fn logits_without_a_function_are_refused_with_the_cure() {
    let package = open("logits.onnx", &LOGITS.replace("softmax", "none")).unwrap();
    let said = no_scores(&package);
    assert!(said.contains("sigmoid"), "{said}");
}

#[test]
fn an_output_that_is_not_there_is_named_with_those_that_are() {
    let package = open("logits.onnx", &LOGITS.replace("\"logits\"", "\"scores\"")).unwrap();
    let error = Classifier::load(&package, &RuntimeOptions::default()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("no output scores") && text.contains("logits:"),
        "{text}"
    );
}

#[test]
fn channels_last_are_read_from_the_shape() {
    let toml = r#"
        labels = "tags.txt"
        [input]
        range = "0..1"
        [resize]
        fit = "stretch"
        filter = "four-point"
        [output]
        scores = "none"
    "#;
    let files = [("tags.txt", "unripe\nripe\nNegative\n")];
    let package = ModelPackage::open(folder("nhwc.onnx", toml, &files).path()).unwrap();
    let recipe = package.preprocess();
    assert_eq!(
        (recipe.axes, recipe.fit),
        (AxisOrder::Nhwc, Fit::Stretch(Size::square(20)))
    );
    assert_eq!(package.labels_from(), "tags.txt");
    assert_eq!(look(&package, [5, 250, 5]).top().0, "unripe");
}

#[test]
fn an_open_size_is_stated() {
    let open_size = |size: &str| {
        let toml = LOGITS
            .replace("name = \"logits\"", "")
            .replace("softmax", "none");
        open(
            "open_size.onnx",
            &toml.replace("[input]", &format!("[input]\n{size}")),
        )
    };
    let package = open_size("size = [24, 20]").unwrap();
    assert_eq!(package.preprocess().tensor_shape(), [1, 3, 20, 24]);
    look(&package, [9, 9, 9]);
    let error = open_size("").unwrap_err();
    assert!(matches!(error, PackageError::InputSizeUnknown), "{error}");
    assert!(error.to_string().contains("size under [input]"), "{error}");
}

#[test]
fn it_goes_before_the_properties_of_an_export() {
    let properties = r#"{"CustomVision.Preprocess.ResizeMethod":"Stretch",
        "CustomVision.Preprocess.TargetWidth":"9","Image.NominalPixelRange":"NominalRange_0_255"}"#;
    let files = [("metadata_properties.json", properties)];
    let package = ModelPackage::open(folder("logits.onnx", LOGITS, &files).path()).unwrap();
    assert_eq!(package.preprocess().range, ValueRange::Unit);
    assert_eq!(package.preprocess().fit, Fit::ShorterSide(24));
    assert_eq!(package.preprocess_from(), "model.toml");
}

#[test]
fn one_about_another_model_is_not_followed() {
    let toml = format!("model = \"other.onnx\"\n{LOGITS}");
    let files = [("labels.txt", "unripe\nripe\nNegative\n")];
    let folder = folder("tensor_output.onnx", &toml, &files);
    let package = ModelPackage::open(&folder.path().join("model.onnx")).unwrap();
    assert_ne!(package.preprocess().origin, Origin::ModelToml);
    let error = ModelPackage::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("other.onnx"), "{error}");
}

/// What it says of the preprocessing is a part of what the counts mean.
#[test]
fn the_version_follows_the_file_unless_it_states_one() {
    let version = |toml: &str| open("logits.onnx", toml).unwrap().version().to_owned();
    let first = version(LOGITS);
    assert_eq!(first, version(LOGITS));
    assert_ne!(first, version(&LOGITS.replace("to = 24", "to = 25")));
    let named = format!("name = \"mine\"\nversion = \"7\"\n{LOGITS}");
    assert_eq!(version(&named), "7");
    assert_eq!(open("logits.onnx", &named).unwrap().name(), "mine");
}

#[test]
fn the_bundled_model_keeps_its_iteration_and_its_layout() {
    let package = ModelPackage::open(&bundled()).unwrap();
    let manifest = std::fs::read_to_string(bundled().join("cvexport.manifest")).unwrap();
    assert!(
        manifest.contains(package.version()),
        "{}",
        package.version()
    );
    assert_eq!(package.preprocess().fit, Fit::ShorterSide(256));
    assert_eq!(package.preprocess().filter, Filter::Bilinear);
}

fn refused(toml: &str, words: &[&str]) {
    let text = open("logits.onnx", toml).unwrap_err().to_string();
    assert!(text.starts_with("model.toml"), "{text}");
    for word in words {
        assert!(text.contains(word), "{word} in: {text}");
    }
}

#[test]
fn each_mistake_is_named_with_what_is_known() {
    let with = |from: &str, to: &str| LOGITS.replace(from, to);
    refused(
        &with("mean =", "maen ="),
        &["line 5", "maen", "mean", "range"],
    );
    refused(&with("[resize]", "[risize]"), &["risize", "resize"]);
    refused(
        &with("\"0..1\"", "\"0-1\""),
        &["line 4", "0-1", "0..255", "-1..1"],
    );
    refused(&with("range = \"0..1\"\n", ""), &["range"]);
    refused(&with("scores = \"softmax\"\n", ""), &["scores"]);
    refused(&with("fit = \"shorter-side\"\n", ""), &["fit"]);
    refused(
        &with("\"softmax\"", "\"soft\""),
        &["soft", "softmax", "sigmoid", "none"],
    );
    refused(
        &with("\"shorter-side\"", "\"pad\""),
        &["pad", "stretch", "middle-square"],
    );
    refused(
        &with("mean = [0.5, 0.5, 0.5]", "mean = [0.5]"),
        &["line 5", "3"],
    );
    refused(
        &with("std = [0.5, 0.5, 0.5]", "std = [1, 0, 1]"),
        &["std", "above 0"],
    );
    refused(
        &with("mean = [0.5, 0.5, 0.5]", "mean = [nan, 0, 0]"),
        &["mean", "three numbers"],
    );
    refused(
        &with("to = 24", "to = 10"),
        &["to under [resize]", "10x10", "20x20"],
    );
    refused(&with("to = 24", "to = [24, 30]"), &["24x30", "one number"]);
    refused(&with("to = 24", "to = -1"), &["line 9", "number of pixels"]);
    refused(&with("\"ripe\"", "\"unripe\""), &["label 2", "twice"]);
    refused(&with("\"ripe\"", "\" \""), &["label 2", "empty"]);
    refused(
        &with("[\"unripe\", \"ripe\", \"Negative\"]", "[]"),
        &["empty"],
    );
    refused(
        &with("[\"unripe\", \"ripe\", \"Negative\"]", "3"),
        &["list of labels"],
    );
    refused("this is no toml", &["line 1"]);
}
