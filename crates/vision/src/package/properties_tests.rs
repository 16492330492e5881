use serde_json::json;

use super::*;

fn recipe(properties: &Properties, model: &OnnxOutline) -> Result<Preprocess, PackageError> {
    super::recipe(properties, model, NamedRecipe::Docker2018)
}

fn properties(entries: serde_json::Value) -> Properties {
    Properties::merged(&[], Some(serde_json::from_value(entries).unwrap()))
}

fn model(shape: &[Option<u32>], doc: &str) -> OnnxOutline {
    OnnxOutline {
        inputs: vec![Port {
            name: "data".into(),
            doc: doc.into(),
            shape: Some(shape.to_vec()),
        }],
        ..OnnxOutline::default()
    }
}

fn square(side: u32) -> OnnxOutline {
    model(&[None, Some(3), Some(side), Some(side)], "")
}

/// General (compact), 2021: `"224.0"` as well as `"224"`.
fn general() -> serde_json::Value {
    json!({
        "CustomVision.Preprocess.CropHeight": "224",
        "CustomVision.Preprocess.CropMethod": "OneCropCenter",
        "CustomVision.Preprocess.CropWidth": "224.0",
        "CustomVision.Preprocess.NormalizeMean": "[0.0, 0.0, 0.0]",
        "CustomVision.Preprocess.NormalizeStd": "[1.0, 1.0, 1.0]",
        "CustomVision.Preprocess.ResizeMethod": "ByShorterSide",
        "CustomVision.Preprocess.TargetHeight": "256",
        "CustomVision.Preprocess.TargetWidth": "256.0",
        "Image.BitmapPixelFormat": "Rgb8",
        "Image.ColorSpaceGamma": "SRGB",
        "Image.NominalPixelRange": "Normalized_0_1",
    })
}

fn with(mut entries: serde_json::Value, key: &str, value: &str) -> Properties {
    entries[key] = value.into();
    properties(entries)
}

#[test]
fn general_compact_is_followed() {
    let recipe = recipe(&properties(general()), &square(224)).unwrap();
    assert_eq!(recipe.fit, Fit::ShorterSide(256));
    assert_eq!(recipe.input, Size::square(224));
    assert_eq!(recipe.channels, ChannelOrder::Rgb);
    assert_eq!(recipe.range, ValueRange::Unit);
    assert_eq!(recipe.origin, Origin::Properties);
}

#[test]
fn a_stretch_without_crop_takes_the_whole_picture() {
    for crop in ["NoCrop", "FullImageShorterSide", ""] {
        let mut entries = general();
        entries["CustomVision.Preprocess.ResizeMethod"] = "Stretch".into();
        entries["CustomVision.Preprocess.TargetHeight"] = "300".into();
        entries["CustomVision.Preprocess.TargetWidth"] = "300".into();
        entries["CustomVision.Preprocess.CropHeight"] = "0".into();
        entries["CustomVision.Preprocess.CropWidth"] = "0".into();
        let properties = with(entries, "CustomVision.Preprocess.CropMethod", crop);
        let recipe = recipe(&properties, &square(300)).unwrap();
        assert_eq!(recipe.fit, Fit::Stretch(Size::square(300)));
        assert_eq!(recipe.input, Size::square(300));
    }
}

fn aligned(target: &str, crop: &str) -> Properties {
    let mut entries = general();
    entries["CustomVision.Preprocess.ResizeMethod"] = "ByShorterSideAlign32".into();
    entries["CustomVision.Preprocess.TargetHeight"] = target.into();
    entries["CustomVision.Preprocess.TargetWidth"] = target.into();
    entries["CustomVision.Preprocess.CropHeight"] = "0".into();
    entries["CustomVision.Preprocess.CropWidth"] = "0".into();
    with(entries, "CustomVision.Preprocess.CropMethod", crop)
}

fn open_model() -> OnnxOutline {
    model(&[None, Some(3), None, None], "")
}

#[test]
fn the_full_shorter_side_is_the_middle_square() {
    for (target, side) in [("224.0", 224), ("230", 256)] {
        for model in [square(side), open_model()] {
            let recipe = recipe(&aligned(target, "FullImageShorterSide"), &model).unwrap();
            assert!(matches!(recipe.fit, Fit::ShorterSideAligned(224 | 230)));
            assert_eq!(recipe.input, Size::square(side));
            assert_eq!(recipe.longest, None);
        }
    }
}

#[test]
fn an_open_input_without_a_crop_grows_with_the_picture() {
    let recipe = recipe(&aligned("224", "NoCrop"), &open_model()).unwrap();
    assert_eq!(recipe.input, Size::square(224));
    assert_eq!(recipe.longest, Some(896));
}

#[test]
fn a_fixed_input_without_a_crop_is_fed_the_middle() {
    let recipe = recipe(&aligned("224", "NoCrop"), &square(224)).unwrap();
    assert_eq!((recipe.input, recipe.longest), (Size::square(224), None));
}

#[test]
fn a_target_of_nothing_is_refused_by_name() {
    let error = recipe(&aligned("0", "NoCrop"), &square(224)).unwrap_err();
    let PackageError::Property(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error.key, TARGET_WIDTH);
    assert_eq!(error.value.as_deref(), Some("0"));
}

#[test]
fn without_properties_the_era_decides() {
    let recipe = recipe(&Properties::default(), &square(227)).unwrap();
    let expected = Preprocess {
        origin: Origin::AssumedFromEra(NamedRecipe::Docker2018),
        ..Preprocess::docker_2018(Size::square(227))
    };
    assert_eq!(recipe, expected);
}

#[test]
fn a_later_era_has_another_layout_and_the_same_tensor() {
    let properties = Properties::default();
    let recipe = super::recipe(&properties, &square(227), NamedRecipe::Docker2020).unwrap();
    let expected = Preprocess {
        origin: Origin::AssumedFromEra(NamedRecipe::Docker2020),
        ..Preprocess::docker_2020(Size::square(227))
    };
    assert_eq!(recipe, expected);
}

#[test]
fn words_beside_the_input_name_the_channels() {
    let told = model(
        &[None, Some(3), Some(227), Some(227)],
        "Image(s) in RGB format. It is a tensor.",
    );
    let told = recipe(&Properties::default(), &told).unwrap();
    assert_eq!(told.channels, ChannelOrder::Rgb);
}

#[test]
fn a_format_without_a_range_keeps_bytes() {
    let only_format = properties(json!({"Image.BitmapPixelFormat": "Bgr8"}));
    let recipe = recipe(&only_format, &square(227)).unwrap();
    assert_eq!(recipe.channels, ChannelOrder::Bgr);
    assert_eq!(recipe.range, ValueRange::Bytes);
}

#[test]
fn the_file_overrules_the_model() {
    let inside = [("Image.BitmapPixelFormat".to_owned(), "Bgr8".to_owned())];
    let merged = Properties::merged(&inside, Some(serde_json::from_value(general()).unwrap()));
    let recipe = recipe(&merged, &square(224)).unwrap();
    assert_eq!(recipe.channels, ChannelOrder::Rgb);
}

#[test]
fn channels_last_are_seen_in_the_shape() {
    let last = model(&[None, Some(224), Some(224), Some(3)], "");
    let recipe = recipe(&properties(general()), &last).unwrap();
    assert_eq!(recipe.axes, AxisOrder::Nhwc);
}

#[test]
fn unknown_values_are_named_with_what_is_known() {
    fn check(key: &'static str, value: &str, expected: &str) {
        let error = recipe(&with(general(), key, value), &square(224)).unwrap_err();
        let PackageError::Property(error) = error else {
            panic!("{error}");
        };
        assert_eq!(error.key, key);
        assert_eq!(error.value.as_deref(), Some(value));
        assert!(error.expected.contains(expected), "{error}");
    }
    check(RESIZE_METHOD, "ByLuck", "ByShorterSide");
    check(CROP_METHOD, "FiveCrops", "OneCropCenter");
    check(PIXEL_FORMAT, "Gray8", "Rgb8 or Bgr8");
    check(PIXEL_RANGE, "NominalRange_16_235", "Normalized_0_1");
    check(MEAN, "[0.5]", "three numbers");
    check(CROP_WIDTH, "wide", "whole number");
    check(CROP_WIDTH, "224.5", "whole number");
    check(TARGET_HEIGHT, "-1", "whole number");
    check(TARGET_WIDTH, "1000000", "up to 4096");
}
