//! How a picture must be laid out for a model: geometry, channel order, value
//! range, axis order. Decisions only; [`Preparer`](crate::Preparer) carries them out.
//!
//! The named recipes are those that exported Custom Vision models have been
//! used with. Their facts were read from the programs named at each one.

mod named;

use std::fmt;

pub use named::{NamedRecipe, UnknownRecipe};

/// Pixels across and down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

impl Size {
    /// A size with equal sides.
    #[must_use]
    pub const fn square(side: u32) -> Self {
        Self {
            width: side,
            height: side,
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// Which part of the picture goes into the model, and how it gets there. In
/// each case the model's input is cut out of the middle of what is resized.
///
/// The aligned form is Custom Vision's `ByShorterSideAlign32`, as its library
/// mscviplib carries it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// The whole picture is resized to this size, whatever its shape.
    Stretch(Size),
    /// The picture keeps its shape; its shorter side becomes this long.
    ShorterSide(u32),
    /// As `ShorterSide`, and each side is then stretched to the next multiple of
    /// [`ALIGNMENT`].
    ShorterSideAligned(u32),
    /// The largest square in the middle is resized to this side.
    CentreSquare(u32),
}

/// What sides are a multiple of under [`Fit::ShorterSideAligned`].
pub const ALIGNMENT: u32 = 32;

/// How pixels are combined when the size changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Triangle filter, widened when shrinking (Pillow's `BILINEAR`).
    Bilinear,
    /// Cubic filter with a = -0.5, widened when shrinking (Pillow's `BICUBIC`).
    Bicubic,
    /// The four nearest pixels, also when shrinking (OpenCV's `INTER_LINEAR`),
    /// not rounded to bytes. Detail between them is lost.
    FourPoint,
    /// The same four pixels in OpenCV's fixed-point arithmetic, rounded to
    /// bytes, so that the result is OpenCV's to the bit.
    FourPointBytes,
}

/// Order of the three channels in the tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelOrder {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// Order of the axes in the tensor; the batch comes first and is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxisOrder {
    /// Channel, row, column: one plane per channel.
    Nchw,
    /// Row, column, channel.
    Nhwc,
}

/// What a byte 0..=255 becomes before mean and deviation are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRange {
    /// 0.0..=255.0, the byte as it is.
    Bytes,
    /// 0.0..=1.0, the byte divided by 255.
    Unit,
    /// -1.0..=1.0, the byte divided by 127.5, less one.
    Signed,
}

/// Where a recipe comes from, for people who inspect a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `CustomVision.Preprocess.*` properties (exports since 2021).
    Properties,
    /// The export says little or nothing; the recipe of the container of its
    /// time is taken.
    AssumedFromEra(NamedRecipe),
    /// A program was named whose preprocessing is wanted.
    Named(NamedRecipe),
    /// The package's `model.toml`.
    ModelToml,
    /// Set by the caller.
    Given,
}

/// Everything between upright pixels and the tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Preprocess {
    /// Sides at or above this are first shrunk so that the longest has this
    /// length; `None` for no such step.
    pub shrink_to_longest: Option<u32>,
    /// The part of the picture that is taken.
    pub fit: Fit,
    /// How it is resized.
    pub filter: Filter,
    /// Size of the model's input.
    pub input: Size,
    /// Where this is set, the input is as long as the resized picture on the
    /// longer side, up to this length; `input` is then that of a square
    /// picture. For models whose input size is open.
    pub longest: Option<u32>,
    /// Channel order of the tensor.
    pub channels: ChannelOrder,
    /// Value range of the tensor.
    pub range: ValueRange,
    /// Subtracted after scaling to the range, per channel in tensor order.
    /// Default 0.
    pub mean: [f32; 3],
    /// Divided by after the mean, per channel in tensor order. Default 1.
    pub deviation: [f32; 3],
    /// Axis order of the tensor.
    pub axes: AxisOrder,
    /// Where the recipe comes from.
    pub origin: Origin,
}

impl Preprocess {
    /// The container that exports of 2018 to 2020 shipped with: sides of 1600
    /// and more are shrunk, the middle square becomes 256x256 by four points,
    /// the input is cut from its middle; blue, green, red, 0..=255.
    #[must_use]
    pub fn docker_2018(input: Size) -> Self {
        const SQUARE: u32 = 256;
        Self {
            shrink_to_longest: Some(1600),
            fit: Fit::CentreSquare(SQUARE.max(input.width).max(input.height)),
            filter: Filter::FourPoint,
            ..Self::plain(input, ChannelOrder::Bgr, ValueRange::Bytes)
        }
    }

    /// The container of 2020 to 2022: the middle square becomes the input by four
    /// points, as OpenCV and so its library mscviplib (`CropCenter`,
    /// 2.200731.16) computes them; blue, green, red, 0..=255.
    #[must_use]
    pub fn docker_2020(input: Size) -> Self {
        Self {
            fit: Fit::CentreSquare(input.width.max(input.height)),
            filter: Filter::FourPointBytes,
            ..Self::plain(input, ChannelOrder::Bgr, ValueRange::Bytes)
        }
    }

    /// The container of 2024: the shorter side becomes the input's, the middle
    /// is cut out; blue, green, red, 0..=255.
    #[must_use]
    pub fn docker_2024(input: Size) -> Self {
        Self {
            fit: Fit::ShorterSide(input.width.max(input.height)),
            ..Self::plain(input, ChannelOrder::Bgr, ValueRange::Bytes)
        }
    }

    /// The Python sample for ONNX exports: the whole picture is stretched with
    /// Pillow's default filter. `channels` and `range` are the model's.
    #[must_use]
    pub fn sample_stretch(input: Size, channels: ChannelOrder, range: ValueRange) -> Self {
        Self {
            filter: Filter::Bicubic,
            ..Self::plain(input, channels, range)
        }
    }

    /// Stretched with the bilinear filter, no mean, planes; a base for the others.
    #[must_use]
    pub fn plain(input: Size, channels: ChannelOrder, range: ValueRange) -> Self {
        Self {
            shrink_to_longest: None,
            fit: Fit::Stretch(input),
            filter: Filter::Bilinear,
            input,
            longest: None,
            channels,
            range,
            mean: [0.0; 3],
            deviation: [1.0; 3],
            axes: AxisOrder::Nchw,
            origin: Origin::Given,
        }
    }

    /// What a pixel's value, 0.0..=255.0, becomes in channel `channel` (0..=2)
    /// of the tensor.
    #[must_use]
    pub fn value_of(&self, value: f32, channel: usize) -> f32 {
        let ranged = match self.range {
            ValueRange::Bytes => value,
            ValueRange::Unit => value / 255.0,
            ValueRange::Signed => value / 127.5 - 1.0,
        };
        (ranged - self.mean[channel]) / self.deviation[channel]
    }

    /// Length of each side of the tensor, in its own axis order; of a square
    /// picture, where the input is as long as the picture.
    #[must_use]
    pub fn tensor_shape(&self) -> [usize; 4] {
        self.shape_of(self.input)
    }

    /// The same for an input of this size.
    #[must_use]
    pub(crate) fn shape_of(&self, input: Size) -> [usize; 4] {
        let (width, height) = (input.width as usize, input.height as usize);
        match self.axes {
            AxisOrder::Nchw => [1, 3, height, width],
            AxisOrder::Nhwc => [1, height, width, 3],
        }
    }
}

/// One line for people.
impl fmt::Display for Preprocess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(longest) = self.shrink_to_longest {
            write!(f, "longest side at most {longest}, ")?;
        }
        match self.fit {
            Fit::Stretch(size) => write!(f, "stretch to {size}")?,
            Fit::ShorterSide(side) => write!(f, "shorter side to {side}")?,
            Fit::ShorterSideAligned(side) => {
                write!(
                    f,
                    "shorter side to {side}, each to a multiple of {ALIGNMENT}"
                )?;
            }
            Fit::CentreSquare(side) => write!(f, "middle square to {side}")?,
        }
        let filter = match self.filter {
            Filter::Bilinear => "bilinear",
            Filter::Bicubic => "bicubic",
            Filter::FourPoint => "four-point",
            Filter::FourPointBytes => "four-point in bytes",
        };
        let channels = match self.channels {
            ChannelOrder::Rgb => "RGB",
            ChannelOrder::Bgr => "BGR",
        };
        let range = match self.range {
            ValueRange::Bytes => "0..255",
            ValueRange::Unit => "0..1",
            ValueRange::Signed => "-1..1",
        };
        let axes = match self.axes {
            AxisOrder::Nchw => "NCHW",
            AxisOrder::Nhwc => "NHWC",
        };
        let input = self.input;
        write!(f, " ({filter}), ")?;
        match self.longest {
            None => write!(f, "middle {input}")?,
            Some(longest) => write!(f, "whole up to {longest}")?,
        }
        write!(f, ", {channels} {range} as {axes}")
    }
}
