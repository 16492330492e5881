//! Resizing with a filter that widens when shrinking, as Pillow does it: first
//! across, then down, rounded to bytes after each.
//!
//! `fast_image_resize` alone goes down first, which is a little faster. Rounding
//! and cut-off overshoot between the passes then fall elsewhere than in the
//! programs that models were trained and tried with; a frame near a decision
//! moved by 0.02. So each pass is asked for on its own.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use super::{Region, View};
use crate::Size;
use crate::pixels::CHANNELS;

/// Carries out both passes; keeps the picture between them, up to
/// [`KEPT_BYTES`], for its memory.
#[derive(Debug, Default)]
pub(super) struct Resampler {
    resizer: Resizer,
    across: Vec<u8>,
}

/// Larger buffers are given back after the picture that needed them.
pub(super) const KEPT_BYTES: usize = 4 << 20;

/// Half the width of the widest filter used, in pixels of the smaller picture.
const WIDEST_SUPPORT: f64 = 2.0;

impl Resampler {
    /// Resizes `region` of `picture` into `buffer`, which is made to fit `size`.
    pub(super) fn resize(
        &mut self,
        picture: View<'_>,
        region: Region,
        filter: FilterType,
        (size, buffer): (Size, &mut Vec<u8>),
    ) {
        let (picture, region) = needed_rows(picture, region, size.height);
        let height = picture.size.height;
        let across = Size {
            width: size.width,
            height,
        };
        let columns = Region {
            top: 0.0,
            height: height.into(),
            ..region
        };
        let mut between = std::mem::take(&mut self.across);
        self.pass(picture, columns, filter, (across, &mut between));
        let rows = Region {
            left: 0.0,
            width: size.width.into(),
            ..region
        };
        let picture = View {
            size: across,
            rgb: &between,
        };
        self.pass(picture, rows, filter, (size, buffer));
        if between.capacity() <= KEPT_BYTES {
            self.across = between;
        }
    }

    /// One pass: `region` has the length of `size` on one axis already.
    fn pass(
        &mut self,
        picture: View<'_>,
        region: Region,
        filter: FilterType,
        (size, buffer): (Size, &mut Vec<u8>),
    ) {
        let Size { width, height } = size;
        buffer.resize(width as usize * height as usize * CHANNELS, 0);
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(filter))
            .crop(region.left, region.top, region.width, region.height)
            .use_alpha(false);
        // Both lengths are width x height x 3: a view is made with its size, and
        // the buffer was just made so. The region lies within the picture, see
        // `region` in the room above and `needed_rows` below.
        let Size {
            width: across,
            height: down,
        } = picture.size;
        let source = TypedImageRef::<U8x3>::from_buffer(across, down, picture.rgb)
            .expect("a picture holds three bytes for each pixel");
        let mut target = TypedImage::<U8x3>::from_buffer(width, height, buffer)
            .expect("the buffer was made three bytes for each pixel");
        self.resizer
            .resize_typed(&source, &mut target, &options)
            .expect("the region lies within the picture");
    }
}

/// The picture without the rows that no filter will reach.
fn needed_rows(picture: View<'_>, region: Region, wanted: u32) -> (View<'_>, Region) {
    let scale = region.height / f64::from(wanted);
    let margin = (WIDEST_SUPPORT * scale.max(1.0)).ceil() + 1.0;
    let limit = f64::from(picture.size.height);
    let whole = |row: f64| {
        let row = row.clamp(0.0, limit);
        #[expect(clippy::cast_sign_loss, reason = "clamped to 0..=limit, a u32")]
        let row = row as u32;
        row
    };
    let first = whole((region.top - margin).floor());
    let last = whole((region.top + region.height + margin).ceil());
    let stride = picture.size.width as usize * CHANNELS;
    let view = View {
        size: Size {
            width: picture.size.width,
            height: last - first,
        },
        rgb: &picture.rgb[first as usize * stride..last as usize * stride],
    };
    let top = region.top - f64::from(first);
    let height = region.height.min(f64::from(last - first) - top);
    (
        view,
        Region {
            top,
            height,
            ..region
        },
    )
}
