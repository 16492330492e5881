//! `model.toml`: what any ONNX classifier wants, told by people.
//!
//! Strict: a key or value that is not known is refused with those that are, and what could not be
//! guessed without harm must be stated: the range of the values, how the picture is fitted, what
//! makes scores of the output. docs/models.md describes each key.

use serde::Deserialize;

use super::PackageError;
use super::properties::PictureInput;
use crate::{
    AxisOrder, ChannelOrder, Filter, Fit, Origin, Preprocess, ScoreFunction, Size, ValueRange,
};

/// The file's name.
pub(super) const MODEL_TOML: &str = "model.toml";

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelToml {
    /// The .onnx file; as without a `model.toml` where it is absent.
    pub(super) model: Option<String>,
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) labels: Option<Labels>,
    input: Input,
    resize: Resize,
    pub(super) output: Output,
}

/// The labels, or the file that has them.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected the name of a file, or a list of labels in quotes"
)]
pub(super) enum Labels {
    File(String),
    List(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    size: Option<Sides>,
    layout: Option<Layout>,
    #[serde(default)]
    channels: Channels,
    range: Range,
    #[serde(default)]
    mean: [f32; 3],
    #[serde(default = "ones")]
    std: [f32; 3],
}

fn ones() -> [f32; 3] {
    [1.0; 3]
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a number of pixels, or [width, height]"
)]
enum Sides {
    Equal(u32),
    Both([u32; 2]),
}

impl Sides {
    fn size(self) -> Size {
        match self {
            Self::Equal(side) => Size::square(side),
            Self::Both([width, height]) => Size { width, height },
        }
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Layout {
    Nchw,
    Nhwc,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Channels {
    #[default]
    Rgb,
    Bgr,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Range {
    #[serde(rename = "0..255")]
    Bytes,
    #[serde(rename = "0..1")]
    Unit,
    #[serde(rename = "-1..1")]
    Signed,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resize {
    fit: FitName,
    to: Option<Sides>,
    #[serde(default)]
    filter: FilterName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FitName {
    Stretch,
    ShorterSide,
    MiddleSquare,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FilterName {
    #[default]
    Bilinear,
    Bicubic,
    FourPoint,
    Opencv,
}

/// What is read from the model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Output {
    pub(super) name: Option<String>,
    scores: ScoresName,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ScoresName {
    None,
    Softmax,
    Sigmoid,
}

impl ModelToml {
    /// Reads the file.
    pub(super) fn read(content: &[u8]) -> Result<Self, PackageError> {
        let refused = |line, reason| PackageError::ModelToml { line, reason };
        let text = std::str::from_utf8(content)
            .map_err(|error| refused(None, format!("it is not UTF-8 text ({error})")))?;
        toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| {
                let before = text.get(..span.start).unwrap_or_default();
                before.matches('\n').count() + 1
            });
            refused(line, error.message().trim().replace('\n', ", "))
        })
    }

    pub(super) fn score_function(&self) -> ScoreFunction {
        match self.output.scores {
            ScoresName::None => ScoreFunction::None,
            ScoresName::Softmax => ScoreFunction::Softmax,
            ScoresName::Sigmoid => ScoreFunction::Sigmoid,
        }
    }

    /// The recipe; size and axes come from the model where the file does not state them.
    pub(super) fn recipe(&self, picture: &PictureInput) -> Result<Preprocess, PackageError> {
        let size = self.input.size.map(Sides::size).or(picture.size);
        let input = size.ok_or(PackageError::InputSizeUnknown)?;
        self.refuse_unusable(input)?;
        let fit = match (self.resize.fit, self.resize.to.map(Sides::size)) {
            (FitName::Stretch, to) => Fit::Stretch(to.unwrap_or(input)),
            (FitName::ShorterSide, to) => Fit::ShorterSide(side(to, input)?),
            (FitName::MiddleSquare, to) => Fit::CentreSquare(side(to, input)?),
        };
        Ok(Preprocess {
            fit,
            filter: match self.resize.filter {
                FilterName::Bilinear => Filter::Bilinear,
                FilterName::Bicubic => Filter::Bicubic,
                FilterName::FourPoint => Filter::FourPoint,
                FilterName::Opencv => Filter::FourPointBytes,
            },
            mean: self.input.mean,
            deviation: self.input.std,
            axes: match self.input.layout {
                None => picture.axes,
                Some(Layout::Nchw) => AxisOrder::Nchw,
                Some(Layout::Nhwc) => AxisOrder::Nhwc,
            },
            origin: Origin::ModelToml,
            ..Preprocess::plain(
                input,
                match self.input.channels {
                    Channels::Rgb => ChannelOrder::Rgb,
                    Channels::Bgr => ChannelOrder::Bgr,
                },
                match self.input.range {
                    Range::Bytes => ValueRange::Bytes,
                    Range::Unit => ValueRange::Unit,
                    Range::Signed => ValueRange::Signed,
                },
            )
        })
    }

    fn refuse_unusable(&self, input: Size) -> Result<(), PackageError> {
        let refused = |reason| Err(PackageError::ModelToml { line: None, reason });
        let Input { mean, std, .. } = &self.input;
        if mean.iter().any(|mean| !mean.is_finite()) {
            return refused(format!(
                "mean under [input] is {mean:?}, expected three numbers"
            ));
        }
        if std.iter().any(|std| !std.is_finite() || *std <= 0.0) {
            return refused(format!(
                "std under [input] is {std:?}, expected three numbers above 0"
            ));
        }
        let to = self.resize.to.map(Sides::size);
        match to {
            Some(to) if to.width < input.width || to.height < input.height => refused(format!(
                "to under [resize] is {to}, expected at least the input's {input}, which is cut out of it"
            )),
            _ => Ok(()),
        }
    }
}

/// The one length of a fit that keeps the picture's shape.
fn side(to: Option<Size>, input: Size) -> Result<u32, PackageError> {
    let to = to.unwrap_or(Size::square(input.width.max(input.height)));
    if to.width == to.height {
        return Ok(to.width);
    }
    let reason =
        format!("to under [resize] is {to}, expected one number unless fit is \"stretch\"");
    Err(PackageError::ModelToml { line: None, reason })
}
