//! Rendered fruit: pictures whose truth is known.
//!
//! A frame is a function of a seed, an index and a truth: [`frame`]. Light, ground, clutter,
//! arrangement and camera are drawn without the truth; only the skin of the fruit is told. The two
//! truths of one seed and index therefore show the same scene, and what separates them is the
//! fruit, not its surroundings.
//!
//! Rooms, in the order in which a picture comes about: `rng` (streams of chance), `fruit`,
//! `ground`, `clutter`, `light`, `lens` are sampled into a scene; `raster` paints
//! `shape`s with the colours of `skin`, `palette` and `noise`; the lens develops.
//!
//! Never here: files, sockets, time. The result is the same for the same arguments on the same
//! machine; another processor may round a sine differently.

mod clutter;
mod colour;
mod fruit;
mod ground;
mod lens;
mod light;
mod noise;
mod palette;
mod plane;
mod raster;
mod rng;
mod scene;
mod shape;
mod skin;

use crate::truth::Truth;
use image::RgbImage;
use std::fmt;
use std::str::FromStr;

/// Size of a rendered picture in pixels, each side from 32 to 4096.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    width: u16,
    height: u16,
}

/// A size that cannot be rendered.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SizeError {
    /// Not two numbers with an `x` between them.
    #[error("size `{0}` is not WIDTHxHEIGHT, such as 640x480")]
    Form(String),
    /// A side outside the range.
    #[error("size {width}x{height} has a side outside {least} to {most} pixels", least = Size::LEAST, most = Size::MOST)]
    Range {
        /// The width asked for.
        width: u32,
        /// The height asked for.
        height: u32,
    },
}

impl Size {
    /// Smaller pictures show no fruit.
    const LEAST: u16 = 32;
    /// Larger ones do not fit a message anyway.
    const MOST: u16 = 4096;
    /// What a small camera sends.
    pub const VGA: Self = Self {
        width: 640,
        height: 480,
    };

    /// A size with both sides in range.
    ///
    /// # Errors
    /// [`SizeError::Range`] if a side is below 32 or above 4096.
    pub fn new(width: u32, height: u32) -> Result<Self, SizeError> {
        let side = |side: u32| {
            u16::try_from(side)
                .ok()
                .filter(|side| (Self::LEAST..=Self::MOST).contains(side))
        };
        match (side(width), side(height)) {
            (Some(width), Some(height)) => Ok(Self { width, height }),
            _ => Err(SizeError::Range { width, height }),
        }
    }

    /// Pixels from left to right.
    #[must_use]
    pub fn width(self) -> u32 {
        self.width.into()
    }

    /// Pixels from top to bottom.
    #[must_use]
    pub fn height(self) -> u32 {
        self.height.into()
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let form = || SizeError::Form(text.to_owned());
        let (width, height) = text.split_once(['x', 'X']).ok_or_else(form)?;
        match (width.trim().parse(), height.trim().parse()) {
            (Ok(width), Ok(height)) => Self::new(width, height),
            _ => Err(form()),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// A rendered picture before it is encoded.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The pixels, 8-bit sRGB.
    pub pixels: RgbImage,
    /// JPEG quality that the camera of this scene works with, 70 to 92.
    pub quality: u8,
}

/// Renders frame `index` of `seed` with fruit of this truth.
///
/// Costs 12 bytes a pixel while it works. Measured for 640x480 on a busy two-core virtual machine,
/// in the dev profile (this crate is optimised in every profile): 25 ms of processor time a frame
/// on average, and 10 ms more to encode it.
#[must_use]
pub fn frame(seed: u64, index: u64, truth: Truth, size: Size) -> Frame {
    let scene = scene::Scene::sample(seed, index);
    Frame {
        pixels: scene.paint(truth, size),
        quality: scene.lens.quality,
    }
}

#[cfg(test)]
mod tests;
