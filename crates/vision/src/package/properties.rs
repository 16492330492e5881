//! The properties of an export, and the preprocessing they ask for.
//!
//! Names and values are those of Custom Vision's `metadata_properties.json`
//! (exports since 2021) and of the model's own properties (`Image.*`, all
//! generations). All values are strings, numbers too (`"224.0"`).

use std::collections::BTreeMap;

use super::onnx::{OnnxOutline, Port};
use super::{PackageError, PropertyError};
use crate::{
    ALIGNMENT, AxisOrder, ChannelOrder, Filter, Fit, NamedRecipe, Origin, Preprocess, Size,
    ValueRange,
};

/// Key to value, the file's entries over the model's own.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Properties(BTreeMap<String, String>);

const RESIZE_METHOD: &str = "CustomVision.Preprocess.ResizeMethod";
const TARGET_WIDTH: &str = "CustomVision.Preprocess.TargetWidth";
const TARGET_HEIGHT: &str = "CustomVision.Preprocess.TargetHeight";
const CROP_METHOD: &str = "CustomVision.Preprocess.CropMethod";
const CROP_WIDTH: &str = "CustomVision.Preprocess.CropWidth";
const CROP_HEIGHT: &str = "CustomVision.Preprocess.CropHeight";
const MEAN: &str = "CustomVision.Preprocess.NormalizeMean";
const DEVIATION: &str = "CustomVision.Preprocess.NormalizeStd";
const POSTPROCESS: &str = "CustomVision.Postprocess.Method";
const PIXEL_FORMAT: &str = "Image.BitmapPixelFormat";
const PIXEL_RANGE: &str = "Image.NominalPixelRange";

impl Properties {
    /// The model's own properties, then those of the file over them.
    pub(super) fn merged(
        model: &[(String, String)],
        file: Option<BTreeMap<String, serde_json::Value>>,
    ) -> Self {
        let mut all: BTreeMap<_, _> = model.iter().cloned().collect();
        for (key, value) in file.unwrap_or_default() {
            let value = match value {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            };
            all.insert(key, value);
        }
        Self(all)
    }

    fn get(&self, key: &str) -> Option<&str> {
        let value = self.0.get(key)?.trim();
        (!value.is_empty() && value != "null").then_some(value)
    }

    fn refuse(&self, key: &'static str, expected: &'static str) -> PropertyError {
        PropertyError {
            key,
            value: self.get(key).map(str::to_owned),
            expected,
        }
    }

    /// A count of pixels; Custom Vision writes `"224"`, `"224.0"` and, for
    /// "none", `"0"`.
    fn pixels(&self, key: &'static str) -> Result<u32, PropertyError> {
        let refused = || self.refuse(key, "a whole number of pixels up to 4096");
        let text = self.get(key).unwrap_or("0");
        let whole = text.split_once('.').map_or(text, |(whole, fraction)| {
            let zero = fraction.bytes().all(|digit| digit == b'0');
            if zero { whole } else { text }
        });
        let pixels = whole.parse().ok().filter(|pixels| *pixels <= 4096);
        pixels.ok_or_else(refused)
    }

    fn size(&self, width: &'static str, height: &'static str) -> Result<Size, PropertyError> {
        Ok(Size {
            width: self.pixels(width)?,
            height: self.pixels(height)?,
        })
    }

    fn per_channel(&self, key: &'static str, otherwise: f32) -> Result<[f32; 3], PropertyError> {
        match self.get(key) {
            None => Ok([otherwise; 3]),
            Some(text) => serde_json::from_str(text)
                .map_err(|_ignored| self.refuse(key, "three numbers in brackets")),
        }
    }

    fn channels(&self) -> Result<Option<ChannelOrder>, PropertyError> {
        match self.get(PIXEL_FORMAT) {
            None => Ok(None),
            Some("Rgb8") => Ok(Some(ChannelOrder::Rgb)),
            Some("Bgr8") => Ok(Some(ChannelOrder::Bgr)),
            Some(_) => Err(self.refuse(PIXEL_FORMAT, "Rgb8 or Bgr8")),
        }
    }

    fn range(&self) -> Result<Option<ValueRange>, PropertyError> {
        const EXPECTED: &str = "NominalRange_0_255, Normalized_0_1 or Normalized_1_1";
        match self.get(PIXEL_RANGE) {
            None => Ok(None),
            Some("NominalRange_0_255") => Ok(Some(ValueRange::Bytes)),
            Some("Normalized_0_1") => Ok(Some(ValueRange::Unit)),
            Some("Normalized_1_1") => Ok(Some(ValueRange::Signed)),
            Some(_) => Err(self.refuse(PIXEL_RANGE, EXPECTED)),
        }
    }

    /// The sign of an object detector among the properties.
    pub(super) fn detector(&self) -> Option<String> {
        let method = self.get(POSTPROCESS).unwrap_or_default();
        if matches!(method, "Yolo" | "SSD") {
            return Some(format!("{POSTPROCESS} is {method}"));
        }
        let resize = self.get(RESIZE_METHOD).unwrap_or_default();
        (resize == "ByPixelCountAlign32").then(|| format!("{RESIZE_METHOD} is {resize}"))
    }
}

/// The recipe for a model: by its properties where it has them, else the one
/// of its era.
pub(super) fn recipe(
    properties: &Properties,
    model: &OnnxOutline,
    era: NamedRecipe,
) -> Result<Preprocess, PackageError> {
    let picture = PictureInput::of(model);
    let channels = properties.channels()?;
    let range = properties.range()?;
    let mut recipe = if properties.get(RESIZE_METHOD).is_some() {
        let Geometry {
            fit,
            input,
            longest,
        } = geometry(properties, picture.size)?;
        Preprocess {
            fit,
            longest,
            // As mscviplib does, the service's own library, when it is given these properties.
            filter: Filter::FourPointBytes,
            mean: properties.per_channel(MEAN, 0.0)?,
            deviation: properties.per_channel(DEVIATION, 1.0)?,
            origin: Origin::Properties,
            ..Preprocess::plain(
                input,
                channels.unwrap_or(ChannelOrder::Rgb),
                range.unwrap_or(ValueRange::Unit),
            )
        }
    } else {
        let input = picture.size.ok_or(PackageError::InputSizeUnknown)?;
        let assumed = Preprocess {
            channels: channels.or(picture.channels).unwrap_or(ChannelOrder::Bgr),
            range: range.unwrap_or(ValueRange::Bytes),
            ..Preprocess::docker_2018(input)
        };
        Preprocess {
            origin: Origin::AssumedFromEra(era),
            ..assumed.laid_out_as(era)
        }
    };
    recipe.axes = picture.axes;
    Ok(recipe)
}

/// Part of the picture and size of the input.
struct Geometry {
    fit: Fit,
    input: Size,
    longest: Option<u32>,
}

/// How much longer than wide an input may become, where the model leaves its size open.
const LONGEST_SHAPE: u32 = 4;

/// By the `CustomVision.Preprocess.*` properties, as mscviplib understands them.
fn geometry(properties: &Properties, model: Option<Size>) -> Result<Geometry, PropertyError> {
    const RESIZE_METHODS: &str = "Stretch, ByShorterSide or ByShorterSideAlign32";
    const CROP_METHODS: &str = "OneCropCenter, NoCrop or FullImageShorterSide";
    let target = properties.size(TARGET_WIDTH, TARGET_HEIGHT)?;
    if target.width == 0 || target.height == 0 {
        return Err(properties.refuse(TARGET_WIDTH, "a target size above 0"));
    }
    let shorter = target.width.min(target.height);
    let fit = match properties.get(RESIZE_METHOD) {
        Some("Stretch") => Fit::Stretch(target),
        Some("ByShorterSide") => Fit::ShorterSide(shorter),
        Some("ByShorterSideAlign32") => Fit::ShorterSideAligned(shorter),
        _ => return Err(properties.refuse(RESIZE_METHOD, RESIZE_METHODS)),
    };
    let side = match fit {
        Fit::ShorterSideAligned(side) => side.next_multiple_of(ALIGNMENT),
        Fit::Stretch(_) | Fit::ShorterSide(_) | Fit::CentreSquare(_) => shorter,
    };
    let mut longest = None;
    let input = match (properties.get(CROP_METHOD), fit) {
        (Some("OneCropCenter"), _) => properties.size(CROP_WIDTH, CROP_HEIGHT)?,
        (None | Some("NoCrop"), Fit::Stretch(size)) => size,
        // The whole picture, whatever its shape, where the model takes it; else its middle.
        (None | Some("NoCrop"), _) => match model {
            Some(input) if input.width <= side && input.height <= side => input,
            Some(_) => Size::square(side),
            None => {
                longest = Some(side * LONGEST_SHAPE);
                Size::square(side)
            }
        },
        // A square as large as the resized picture's shorter side.
        (Some("FullImageShorterSide"), _) => Size::square(side),
        (Some(_), _) => return Err(properties.refuse(CROP_METHOD, CROP_METHODS)),
    };
    Ok(Geometry {
        fit,
        input,
        longest,
    })
}

/// What the model's first input tells about pictures.
pub(super) struct PictureInput {
    pub(super) axes: AxisOrder,
    pub(super) size: Option<Size>,
    channels: Option<ChannelOrder>,
}

impl PictureInput {
    pub(super) fn of(model: &OnnxOutline) -> Self {
        let shape = model.inputs.first().and_then(|port| port.shape.as_deref());
        let (axes, size) = match shape {
            Some([_, Some(3), height, width]) => (AxisOrder::Nchw, (*width, *height)),
            Some([_, height, width, Some(3)]) => (AxisOrder::Nhwc, (*width, *height)),
            _ => (AxisOrder::Nchw, (None, None)),
        };
        let size = match size {
            (Some(width), Some(height)) => Some(Size { width, height }),
            _ => None,
        };
        let channels = model.inputs.first().and_then(channels_in_words);
        Self {
            axes,
            size,
            channels,
        }
    }
}

/// Exports of 2018 carry the order in a sentence: "Image(s) in BGR format. …".
fn channels_in_words(port: &Port) -> Option<ChannelOrder> {
    if port.doc.contains("in BGR format") {
        Some(ChannelOrder::Bgr)
    } else if port.doc.contains("in RGB format") {
        Some(ChannelOrder::Rgb)
    } else {
        None
    }
}

#[cfg(test)]
#[path = "properties_tests.rs"]
mod tests;
