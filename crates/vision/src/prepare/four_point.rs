//! The four nearest pixels, blended in floating point and not rounded.
//!
//! This is what the containers of 2018 to 2020 do in a Python loop: pixel
//! centres at halves, edge pixels repeated, no rounding to bytes before the
//! network. Fixed-point resizing rounds, and a model near a decision shows it:
//! one sample frame's score moved by 0.04.

use super::{Region, View};
use crate::Size;
use crate::pixels::CHANNELS;

/// Where one output column or row lies between two of the source.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tap {
    /// Index of the nearer-to-zero pixel.
    low: usize,
    /// Index of the next one; the same at the edge.
    high: usize,
    /// Share of `high`, 0.0..1.0.
    share: f32,
}

/// Tables of one picture size, kept for the next picture.
#[derive(Debug, Default)]
pub(super) struct FourPoint {
    columns: Vec<Tap>,
    rows: Vec<Tap>,
    /// One row between two of the picture.
    line: Vec<f32>,
}

impl FourPoint {
    /// Writes `size` blended pixels, interleaved, values 0.0..=255.0.
    pub(super) fn resize(
        &mut self,
        picture: View<'_>,
        region: Region,
        size: Size,
        values: &mut Vec<f32>,
    ) {
        let across = (region.left, region.width, picture.size.width);
        let down = (region.top, region.height, picture.size.height);
        taps(&mut self.columns, across, size.width);
        taps(&mut self.rows, down, size.height);
        let wide = self.columns.len() * CHANNELS;
        values.resize(wide * self.rows.len(), 0.0);
        let stride = picture.size.width as usize * CHANNELS;
        // Columns grow from left to right.
        let first = self.columns.first().map_or(0, |column| column.low);
        let end = self.columns.last().map_or(0, |column| column.high + 1);
        let part = first * CHANNELS..end * CHANNELS;
        self.line.resize(part.len(), 0.0);
        for (row, values) in self.rows.iter().zip(values.chunks_exact_mut(wide.max(1))) {
            // Two rows become one, whether or not each pixel is wanted: neighbours are blended at
            // once, eight or so at a time.
            let upper = &picture.rgb[row.low * stride..][..stride][part.clone()];
            let lower = &picture.rgb[row.high * stride..][..stride][part.clone()];
            for ((value, above), below) in self.line.iter_mut().zip(upper).zip(lower) {
                *value = blend(f32::from(*above), f32::from(*below), row.share);
            }
            for (column, value) in self
                .columns
                .iter()
                .zip(values.as_chunks_mut::<CHANNELS>().0)
            {
                let left = &self.line[(column.low - first) * CHANNELS..][..CHANNELS];
                let right = &self.line[(column.high - first) * CHANNELS..][..CHANNELS];
                *value = [0, 1, 2].map(|at| blend(left[at], right[at], column.share));
            }
        }
    }
}

fn blend(a: f32, b: f32, share: f32) -> f32 {
    a * (1.0 - share) + b * share
}

/// One tap per output pixel for a stretch `(start, length)` of `limit` pixels.
fn taps(taps: &mut Vec<Tap>, (start, length, limit): (f64, f64, u32), wanted: u32) {
    let last = f64::from(limit.saturating_sub(1));
    let scale = length / f64::from(wanted);
    taps.clear();
    taps.extend((0..wanted).map(|index| {
        let centre = (start + (f64::from(index) + 0.5) * scale - 0.5).clamp(0.0, last);
        let low = centre.floor();
        #[expect(clippy::cast_sign_loss, reason = "clamped to 0..=last above")]
        let index_of = |position: f64| position as usize;
        Tap {
            low: index_of(low),
            high: index_of((low + 1.0).min(last)),
            share: (centre - low) as f32,
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_size_changes_nothing() {
        let rgb: Vec<u8> = (0..27).map(|value| value * 9).collect();
        let size = Size::square(3);
        let picture = View { size, rgb: &rgb };
        let mut values = Vec::new();
        FourPoint::default().resize(picture, Region::whole(size), size, &mut values);
        let expected: Vec<f32> = rgb.iter().map(|value| f32::from(*value)).collect();
        assert_eq!(values, expected);
    }

    #[test]
    fn edges_repeat_and_the_middle_is_blended() {
        let size = Size {
            width: 2,
            height: 1,
        };
        let rgb = [0, 10, 20, 100, 110, 120];
        let picture = View { size, rgb: &rgb };
        let wanted = Size {
            width: 4,
            height: 1,
        };
        let mut values = Vec::new();
        FourPoint::default().resize(picture, Region::whole(size), wanted, &mut values);
        let red: Vec<f32> = values.chunks(3).map(|pixel| pixel[0]).collect();
        assert_eq!(red, [0.0, 25.0, 75.0, 100.0]);
    }

    #[test]
    fn shrinking_looks_at_two_pixels_only() {
        let mut tap = Vec::new();
        taps(&mut tap, (0.0, 8.0, 8), 2);
        assert_eq!(
            tap,
            [(1, 2), (5, 6)].map(|(low, high)| Tap {
                low,
                high,
                share: 0.5
            })
        );
    }
}
