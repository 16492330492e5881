//! Packages as they are exported: folders, zips, single files, and what is not
//! one.

use vision::{ModelPackage, NamedRecipe, Origin, PackageError};

use crate::shared::{bundled, folder, model, ours, shared, zip};

const LABELS: &[u8] = b"unripe\r\nripe\r\nNegative\r\n\r\n";

#[test]
fn folder_zip_and_single_file_read_the_same() {
    let model = model("tensor_output.onnx");
    let files: [(&str, &[u8]); 2] = [("model.onnx", &model), ("labels.txt", LABELS)];
    let plain = folder(&files);
    let archive = plain.path().join("export.zip");
    zip(&archive, &files);
    let nested = plain.path().join("nested.zip");
    zip(
        &nested,
        &[
            ("Fruit.ONNX/model.onnx", &model),
            ("Fruit.ONNX/labels.txt", LABELS),
        ],
    );
    let opened = [
        plain.path().to_owned(),
        archive,
        nested,
        plain.path().join("model.onnx"),
    ]
    .map(|path| ModelPackage::open(&path).unwrap());
    for package in &opened {
        assert_eq!(package.labels(), ["unripe", "ripe", "Negative"]);
        assert_eq!(package.sha256(), opened[0].sha256());
        assert_eq!(package.preprocess(), opened[0].preprocess());
    }
    assert_eq!(opened[1].name(), "export");
    assert_eq!(opened[3].name(), "tiny tensor_output");
}

#[test]
fn a_package_names_the_files_that_were_read_and_no_other() {
    let model = model("tensor_output.onnx");
    let manifest = br#"{"LabelFileName":"tags.txt"}"#;
    let files: [(&str, &[u8]); 7] = [
        ("a.onnx", &model),
        ("b.onnx", &model),
        ("cvexport.manifest", manifest),
        ("tags.txt", LABELS),
        ("labels.txt", b"others"),
        ("keys.json", b"{}"),
        ("Cargo.toml", b""),
    ];
    let folder = folder(&files);
    let package = ModelPackage::open(&folder.path().join("a.onnx")).unwrap();
    let expected = ["cvexport.manifest", "a.onnx", "tags.txt"];
    assert_eq!(package.files(), expected);
    let archive = folder.path().join("export.zip");
    zip(&archive, &[&files[..1], &files[2..]].concat());
    assert_eq!(ModelPackage::open(&archive).unwrap().files(), expected);
}

#[test]
fn the_hash_is_that_of_the_model_file() {
    let folder = folder(&[("model.onnx", &model("map_output.onnx"))]);
    let package = ModelPackage::open(folder.path()).unwrap();
    let Ok(output) = std::process::Command::new("sha256sum")
        .arg(ours("map_output.onnx"))
        .output()
    else {
        println!("skipped: there is no sha256sum");
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(package.sha256(), text.split(' ').next().unwrap());
    assert_eq!(package.version(), &package.sha256()[..12]);
}

#[test]
fn labels_come_from_the_model_where_there_is_no_file() {
    let package = ModelPackage::open(&ours("map_output.onnx")).unwrap();
    assert_eq!(package.labels(), ["unripe", "ripe", "Negative"]);
    assert_eq!(
        package.preprocess().origin,
        Origin::AssumedFromEra(NamedRecipe::Docker2018)
    );
}

#[test]
fn the_manifest_names_the_files_and_the_iteration() {
    let manifest = br#"{"DomainType":"Classification","Platform":"ONNX","Flavor":null,
        "IterationId":"11112222-3333","ModelFileName":"network.onnx","LabelFileName":"tags.txt",
        "MetadataPropsFileName":null,"SchemaVersion":"1.0"}"#;
    let model = model("tensor_output.onnx");
    let folder = folder(&[
        ("cvexport.manifest", manifest),
        ("network.onnx", &model),
        ("other.onnx", b"not this one"),
        ("tags.txt", b"\xEF\xBB\xBFa\nb\nc"),
    ]);
    let package = ModelPackage::open(folder.path()).unwrap();
    assert_eq!(package.labels(), ["a", "b", "c"]);
    assert_eq!(package.version(), "11112222-3333");
}

#[test]
fn the_bundled_model_states_its_preprocessing() {
    let package = ModelPackage::open(&bundled()).unwrap();
    assert_eq!(package.preprocess().origin, Origin::ModelToml);
    assert_eq!(package.sha256().len(), 64);
    assert!(!package.name().is_empty());
}

#[test]
fn a_real_export_without_metadata_is_told_by_its_words() {
    let Some(folder) = shared("models/office_fruit") else {
        return;
    };
    let package = ModelPackage::open(&folder).unwrap();
    assert_eq!(package.labels(), ["apple", "grapes", "pear", "Pen"]);
    assert_eq!(package.name(), "office_fruit");
    assert_eq!(package.producer(), "OnnxMLTools");
    assert_eq!(package.opset(), Some(7));
    assert_eq!(
        package.sha256(),
        "ef4fbc645e29440d8288eb3f49401aabdd2e4c3632a05415cf58457caae06aad"
    );
    let recipe = package.preprocess().to_string();
    assert!(
        recipe.contains("middle 227x227, BGR 0..255 as NCHW"),
        "{recipe}"
    );
}

fn refusal(files: &[(&str, &[u8])]) -> PackageError {
    let folder = folder(files);
    ModelPackage::open(folder.path()).unwrap_err()
}

macro_rules! refused {
    ($name:ident, $files:expr, $pattern:pat, $words:expr) => {
        #[test]
        fn $name() {
            let error = refusal($files);
            assert!(matches!(error, $pattern), "{error:?}");
            let mut text = error.to_string();
            if let Some(source) = std::error::Error::source(&error) {
                text.push_str(": ");
                text.push_str(&source.to_string());
            }
            assert!(text.contains($words), "{text}");
        }
    };
}

refused!(
    a_folder_without_a_model_is_refused,
    &[("labels.txt", LABELS)],
    PackageError::NoModel { .. },
    "export the model as ONNX"
);
refused!(
    two_models_are_refused,
    &[("a.onnx", b"x"), ("b.onnx", b"y")],
    PackageError::SeveralModels { .. },
    "a.onnx, b.onnx"
);
refused!(
    a_model_without_labels_is_refused,
    &[("model.onnx", &model("tensor_output.onnx"))],
    PackageError::NoLabels { .. },
    "labels.txt"
);
refused!(
    text_called_onnx_is_refused,
    &[("model.onnx", b"Git LFS pointer"), ("labels.txt", LABELS)],
    PackageError::NotOnnx { .. },
    "is not an ONNX model"
);
refused!(
    labels_of_another_export_are_refused,
    &[
        ("model.onnx", &model("map_output.onnx")),
        ("labels.txt", b"apple\npear\nNegative")
    ],
    PackageError::LabelsDiffer { .. },
    "apple"
);
refused!(
    an_empty_label_is_refused,
    &[
        ("model.onnx", &model("tensor_output.onnx")),
        ("labels.txt", b"a\n\nb\n")
    ],
    PackageError::LabelLine { line: 2, .. },
    "empty"
);
refused!(
    a_label_twice_is_refused,
    &[
        ("model.onnx", &model("tensor_output.onnx")),
        ("labels.txt", b"a\nb\na\n")
    ],
    PackageError::LabelLine { line: 3, .. },
    "twice"
);
refused!(
    a_tensorflow_export_is_refused,
    &[("cvexport.manifest", br#"{"Platform":"TensorFlow"}"#)],
    PackageError::OtherPlatform { .. },
    "TensorFlow"
);
refused!(
    a_detection_export_is_refused,
    &[(
        "cvexport.manifest",
        br#"{"Platform":"ONNX","DomainType":"ObjectDetection"}"#
    )],
    PackageError::Detection { .. },
    "object detection"
);
refused!(
    a_detector_is_known_by_its_grid,
    &[
        ("model.onnx", &model("detector_grid.onnx")),
        ("labels.txt", LABELS)
    ],
    PackageError::Detection { .. },
    "40x13x13"
);
refused!(
    a_detector_is_known_by_its_outputs,
    &[
        ("model.onnx", &model("detector_s1.onnx")),
        ("labels.txt", LABELS)
    ],
    PackageError::Detection { .. },
    "detected_boxes"
);
refused!(
    a_detector_is_known_by_its_properties,
    &[
        ("model.onnx", &model("tensor_output.onnx")),
        ("labels.txt", LABELS),
        (
            "metadata_properties.json",
            br#"{"CustomVision.Postprocess.Method":"Yolo"}"#
        )
    ],
    PackageError::Detection { .. },
    "Yolo"
);
refused!(
    an_open_size_without_metadata_is_refused,
    &[
        ("model.onnx", &model("open_size.onnx")),
        ("labels.txt", LABELS)
    ],
    PackageError::InputSizeUnknown,
    "TargetWidth"
);
refused!(
    broken_metadata_is_refused,
    &[
        ("model.onnx", &model("tensor_output.onnx")),
        ("labels.txt", LABELS),
        ("metadata_properties.json", b"{")
    ],
    PackageError::Json { .. },
    "metadata_properties.json"
);
refused!(
    a_file_name_that_leaves_the_package_is_refused,
    &[(
        "cvexport.manifest",
        br#"{"ModelFileName":"../../etc/passwd"}"#
    )],
    PackageError::NameLeavesPackage { .. },
    "points out of the package"
);

#[test]
fn nothing_and_other_files_are_refused() {
    let folder = folder(&[
        ("picture.jpg", b"\xFF\xD8\xFF"),
        ("broken.zip", b"PK\x03\x04rest"),
    ]);
    let open = |name: &str| ModelPackage::open(&folder.path().join(name)).unwrap_err();
    assert!(matches!(open("absent"), PackageError::NotFound { .. }));
    assert!(matches!(
        open("picture.jpg"),
        PackageError::NotAPackage { .. }
    ));
    assert!(matches!(open("broken.zip"), PackageError::Archive { .. }));
}
