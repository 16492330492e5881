//! Which part of a picture becomes the model's input.

use super::Region;
use crate::preprocess::ALIGNMENT;
use crate::{Filter, Fit, Preprocess, Size};

/// On one axis: a stretch of the picture is resized to a length, and the input cut out of that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    /// First pixel of the stretch, a whole number.
    pub(super) start: f64,
    /// Its length.
    pub(super) length: f64,
    /// What it is resized to.
    pub(super) resized: f64,
    /// What of that comes before the input.
    pub(super) skipped: f64,
    /// The input's length.
    pub(super) wanted: u32,
}

/// Both axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) across: Axis,
    pub(super) down: Axis,
}

/// The input's size for a picture: the recipe's own, or as long as the picture becomes.
pub(super) fn input(recipe: &Preprocess, picture: Size) -> Size {
    let Some(longest) = recipe.longest else {
        return recipe.input;
    };
    let (width, height) = resized(recipe, picture);
    let side = |resized: f64, least: u32| {
        let length = resized.clamp(f64::from(least), f64::from(longest.max(least)));
        #[expect(clippy::cast_sign_loss, reason = "clamped to two lengths, each a u32")]
        let length = length as u32;
        length
    };
    Size {
        width: side(width, recipe.input.width),
        height: side(height, recipe.input.height),
    }
}

/// What a picture is resized to, across and down.
fn resized(recipe: &Preprocess, picture: Size) -> (f64, f64) {
    let (width, height) = (f64::from(picture.width), f64::from(picture.height));
    let shorter = width.min(height);
    let scaled = |length: f64, side: u32| {
        let scaled = length * f64::from(side) / shorter;
        match recipe.filter {
            // mscviplib rounds ties up, Python's `round` to the even number.
            Filter::FourPoint | Filter::FourPointBytes => scaled.round(),
            Filter::Bilinear | Filter::Bicubic => scaled.round_ties_even(),
        }
    };
    match recipe.fit {
        Fit::Stretch(size) => (size.width.into(), size.height.into()),
        Fit::CentreSquare(side) => (side.into(), side.into()),
        Fit::ShorterSide(side) => (scaled(width, side), scaled(height, side)),
        Fit::ShorterSideAligned(side) => {
            let align = f64::from(ALIGNMENT);
            let aligned = |length: f64| (scaled(length, side) / align).ceil() * align;
            (aligned(width), aligned(height))
        }
    }
}

impl Window {
    pub(super) fn new(recipe: &Preprocess, picture: Size, input: Size) -> Self {
        let (width, height) = (f64::from(picture.width), f64::from(picture.height));
        let shorter = width.min(height);
        let resized = resized(recipe, picture);
        // Of an odd remainder the start gets the smaller part. The container of 2018 halves both
        // sizes first, which moves odd ones by one.
        let remainder = |whole: f64, part: f64| match (recipe.fit, recipe.filter) {
            (Fit::CentreSquare(_), Filter::FourPoint) => {
                (whole / 2.0).floor() - (part / 2.0).floor()
            }
            _ => ((whole - part) / 2.0).floor(),
        };
        let axis = |length: f64, resized: f64, wanted: u32| {
            let size = f64::from(wanted);
            let (start, length) = match recipe.fit {
                Fit::CentreSquare(_) => (remainder(length, shorter), shorter),
                Fit::Stretch(_) | Fit::ShorterSide(_) | Fit::ShorterSideAligned(_) => (0.0, length),
            };
            let skipped = remainder(resized, size);
            Axis {
                start,
                length,
                resized,
                skipped: skipped.min(resized - size),
                wanted,
            }
        };
        Self {
            across: axis(width, resized.0, input.width),
            down: axis(height, resized.1, input.height),
        }
    }

    /// The part of the picture that the input comes from, with fractions.
    ///
    /// Cutting the input's middle out of the resized picture is the same as resizing only this
    /// part: the filter still sees the pixels around it.
    pub(super) fn region(&self, picture: Size) -> Region {
        let part = |axis: Axis| {
            let scale = axis.length / axis.resized;
            (
                axis.start + axis.skipped * scale,
                f64::from(axis.wanted) * scale,
            )
        };
        let ((left, across), (top, down)) = (part(self.across), part(self.down));
        // Rounding must not carry the region over the edge.
        Region {
            left,
            top,
            width: across.min(f64::from(picture.width) - left),
            height: down.min(f64::from(picture.height) - top),
        }
    }
}
