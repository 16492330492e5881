//! Custom Vision exports of each generation, as they are downloaded.

use vision::{
    ChannelOrder, Classifier, Filter, Fit, ModelError, ModelPackage, NamedRecipe, Origin,
    PackageError, Pixels, RuntimeOptions, Size, ValueRange,
};

use crate::shared::{folder, model, no_scores, zip};

const LABELS: &[u8] = b"unripe\nripe\nNegative\n";

fn opened_zip(files: &[(&str, &[u8])]) -> Result<ModelPackage, PackageError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.zip");
    zip(&path, files);
    ModelPackage::open(&path)
}

fn refusal(files: &[(&str, &[u8])]) -> PackageError {
    ModelPackage::open(folder(files).path()).unwrap_err()
}

fn red_is_ripe(package: &ModelPackage) {
    let mut classifier = Classifier::load(package, &RuntimeOptions::default())
        .unwrap_or_else(|error| panic!("{error}"));
    let red = Pixels::from_rgb8(60, 40, [250, 5, 5].repeat(2400)).unwrap();
    let scores = classifier.classify(&red).unwrap();
    assert_eq!(scores.top().0, "ripe", "{scores:?}");
}

fn properties(changes: &[(&str, &str)]) -> String {
    let mut all = serde_json::json!({
        "CustomVision.Metadata.Version": "1.2",
        "CustomVision.Postprocess.Method": "ClassificationMultiClass",
        "CustomVision.Preprocess.CropHeight": "20.0",
        "CustomVision.Preprocess.CropMethod": "OneCropCenter",
        "CustomVision.Preprocess.CropWidth": "20.0",
        "CustomVision.Preprocess.NormalizeMean": "[0.0, 0.0, 0.0]",
        "CustomVision.Preprocess.NormalizeStd": "[1.0, 1.0, 1.0]",
        "CustomVision.Preprocess.ResizeMethod": "ByShorterSide",
        "CustomVision.Preprocess.TargetHeight": "24.0",
        "CustomVision.Preprocess.TargetWidth": "24.0",
        "Image.BitmapPixelFormat": "Rgb8",
        "Image.ColorSpaceGamma": "SRGB",
        "Image.NominalPixelRange": "Normalized_0_1",
    });
    for (key, value) in changes {
        all[*key] = (*value).into();
    }
    all.to_string()
}

#[test]
fn an_export_of_2018_is_read_from_the_model_alone() {
    let package = opened_zip(&[("model.onnx", &model("map_output.onnx"))]).unwrap();
    let recipe = package.preprocess();
    assert_eq!(
        recipe.origin,
        Origin::AssumedFromEra(NamedRecipe::Docker2018)
    );
    assert_eq!(recipe.filter, Filter::FourPoint);
    assert_eq!(
        (recipe.channels, recipe.range),
        (ChannelOrder::Bgr, ValueRange::Bytes)
    );
    assert_eq!(package.labels_from(), "the model itself");
    red_is_ripe(&package);
}

#[test]
fn an_export_of_late_2020_gets_the_layout_of_its_container() {
    let manifest = br#"{"DomainType":"Classification","Platform":"ONNX","Flavor":"ONNX12",
        "ExporterVersion":"2.0","ExportedDate":"2020-10-01T07:00:00.0000000Z","IterationId":"it",
        "ModelFileName":"model.onnx","LabelFileName":null,"SchemaVersion":"1.0"}"#;
    let model = model("map_output.onnx");
    let package = opened_zip(&[("cvexport.manifest", manifest), ("model.onnx", &model)]).unwrap();
    let recipe = package.preprocess();
    assert_eq!(
        recipe.origin,
        Origin::AssumedFromEra(NamedRecipe::Docker2020)
    );
    assert_eq!(recipe.fit, Fit::CentreSquare(20));
    assert_eq!(package.version(), "it");
    red_is_ripe(&package);
}

#[test]
fn an_export_since_2021_is_read_from_its_properties() {
    let properties = properties(&[]);
    let manifest = br#"{"DomainType":"Classification","Platform":"ONNX","Flavor":"OnnxFloat16",
        "ExportedDate":"2023-05-01T00:00:00Z","ModelFileName":"half.onnx",
        "LabelFileName":"tags.txt","MetadataPropsFileName":"props.json"}"#;
    let model = model("float16.onnx");
    let package = opened_zip(&[
        ("cvexport.manifest", manifest),
        ("half.onnx", &model),
        (
            "tags.txt",
            b"\xEF\xBB\xBFunripe\r\nripe\r\nNegative\r\n\r\n",
        ),
        ("props.json", properties.as_bytes()),
    ])
    .unwrap();
    let recipe = package.preprocess();
    assert_eq!(recipe.origin, Origin::Properties);
    assert_eq!(
        (recipe.fit, recipe.input),
        (Fit::ShorterSide(24), Size::square(20))
    );
    assert_eq!(
        (recipe.channels, recipe.range),
        (ChannelOrder::Rgb, ValueRange::Unit)
    );
    assert_eq!(package.model_file(), "half.onnx");
    assert_eq!(package.labels_from(), "tags.txt");
    assert_eq!(package.preprocess_from(), "props.json");
    red_is_ripe(&package);
}

#[test]
fn multilabel_is_known_and_its_top_label_counts() {
    let properties = properties(&[
        (
            "CustomVision.Postprocess.Method",
            "ClassificationMultiLabel",
        ),
        ("Image.BitmapPixelFormat", "Bgr8"),
        ("Image.NominalPixelRange", "NominalRange_0_255"),
    ]);
    let package = opened_zip(&[
        ("model.onnx", &model("multilabel_bgr.onnx")),
        ("labels.txt", LABELS),
        ("metadata_properties.json", properties.as_bytes()),
    ])
    .unwrap();
    red_is_ripe(&package);
}

#[test]
fn an_open_input_takes_the_whole_picture_where_nothing_is_cropped() {
    let properties = properties(&[
        (
            "CustomVision.Preprocess.ResizeMethod",
            "ByShorterSideAlign32",
        ),
        ("CustomVision.Preprocess.CropMethod", "NoCrop"),
        ("CustomVision.Preprocess.CropWidth", "0"),
        ("CustomVision.Preprocess.CropHeight", "0"),
    ]);
    let package = opened_zip(&[
        ("model.onnx", &model("open_size.onnx")),
        ("labels.txt", LABELS),
        ("metadata_properties.json", properties.as_bytes()),
    ])
    .unwrap();
    red_is_ripe(&package);
    let mut classifier = Classifier::load(&package, &RuntimeOptions::default()).unwrap();
    let wide = Pixels::from_rgb8(90, 30, [9, 9, 9].repeat(2700)).unwrap();
    let tensor = classifier.prepare(&wide);
    assert_eq!(tensor.shape(), [1, 3, 32, 96]);
    classifier.run(&tensor).unwrap();
    let error = classifier
        .run(&vision::Tensor::zeros([1, 3, 32, 200]))
        .unwrap_err();
    assert!(error.to_string().contains("200"), "{error}");
}

#[test]
fn a_zip_of_windows_is_read() {
    let model = model("tensor_output.onnx");
    let package = opened_zip(&[
        ("Fruit.ONNX\\model.onnx", &model),
        ("Fruit.ONNX\\labels.txt", LABELS),
    ])
    .unwrap();
    assert_eq!(package.labels(), ["unripe", "ripe", "Negative"]);
}

#[test]
fn a_zip_cannot_point_out_of_itself() {
    let error = opened_zip(&[
        (
            "cvexport.manifest",
            br#"{"ModelFileName":"..\\..\\model.onnx"}"#,
        ),
        ("model.onnx", b"x"),
    ])
    .unwrap_err();
    assert!(
        matches!(error, PackageError::NameLeavesPackage { .. }),
        "{error}"
    );
}

#[test]
fn a_file_that_the_manifest_names_must_be_there() {
    let model = model("tensor_output.onnx");
    let no_properties = br#"{"MetadataPropsFileName":"metadata_properties.json"}"#;
    let no_model = br#"{"ModelFileName":"network.onnx"}"#;
    for (manifest, name) in [
        (&no_properties[..], "metadata_properties.json"),
        (&no_model[..], "network.onnx"),
    ] {
        let error = refusal(&[
            ("cvexport.manifest", manifest),
            ("model.onnx", &model),
            ("labels.txt", LABELS),
        ]);
        assert!(
            matches!(error, PackageError::NamedFileMissing { .. }),
            "{error}"
        );
        let text = error.to_string();
        assert!(
            text.contains(name) && text.contains("cvexport.manifest"),
            "{text}"
        );
    }
}

#[test]
fn weights_in_another_file_are_refused_with_the_cure() {
    let error = refusal(&[
        ("model.onnx", &model("other_file.onnx")),
        ("labels.txt", LABELS),
    ]);
    let text = error.to_string();
    assert!(
        text.contains("model.onnx.data") && text.contains("onnx.save"),
        "{text}"
    );
}

#[test]
fn each_kind_of_detection_export_is_refused() {
    let tensor = model("tensor_output.onnx");
    for properties in [
        properties(&[("CustomVision.Postprocess.Method", "Yolo")]),
        properties(&[("CustomVision.Postprocess.Method", "SSD")]),
        properties(&[(
            "CustomVision.Preprocess.ResizeMethod",
            "ByPixelCountAlign32",
        )]),
    ] {
        let error = refusal(&[
            ("model.onnx", &tensor),
            ("metadata_properties.json", properties.as_bytes()),
        ]);
        assert!(matches!(error, PackageError::Detection { .. }), "{error}");
        assert!(error.to_string().contains("for now"), "{error}");
    }
}

fn load_refusal(name: &str) -> ModelError {
    let folder = folder(&[("model.onnx", &model(name)), ("labels.txt", LABELS)]);
    let package = ModelPackage::open(folder.path()).unwrap();
    Classifier::load(&package, &RuntimeOptions::default()).unwrap_err()
}

#[test]
fn a_batch_of_several_is_refused_with_the_cure() {
    let error = load_refusal("batch_of_four.onnx");
    assert!(
        matches!(error, ModelError::Batch { batch: 4, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("batch of 1"), "{error}");
}

#[test]
fn an_input_beyond_any_memory_is_refused() {
    let error = load_refusal("huge.onnx");
    assert!(matches!(error, ModelError::Recipe { .. }), "{error}");
}

#[test]
fn numbers_that_are_no_scores_are_refused_with_the_cure() {
    let properties = properties(&[]);
    let folder = folder(&[
        ("model.onnx", &model("logits.onnx")),
        ("labels.txt", LABELS),
        ("metadata_properties.json", properties.as_bytes()),
    ]);
    let package = ModelPackage::open(folder.path()).unwrap();
    let said = no_scores(&package);
    assert!(said.contains("softmax"), "{said}");
}

#[test]
fn a_named_layout_is_told_by_the_version() {
    let folder = folder(&[("model.onnx", &model("map_output.onnx"))]);
    let package = ModelPackage::open(folder.path()).unwrap();
    let version = package.version().to_owned();
    let named = package.laid_out_as(NamedRecipe::Docker2024);
    assert_eq!(named.version(), format!("{version}+docker-2024"));
    assert_eq!(named.preprocess().fit, Fit::ShorterSide(20));
    red_is_ripe(&named);
}
