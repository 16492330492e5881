//! The four nearest pixels as OpenCV blends them for bytes (`INTER_LINEAR`).
//!
//! Custom Vision's own library mscviplib resizes so, in the container of 2020 and where it follows
//! an export's properties. The arithmetic is fixed-point: weights of 11 bits, four bits dropped
//! after the pass across, sixteen after the pass down, then rounded. Followed step by step the
//! result is the same to the bit; a blend in floating point would be off by one here and there.

use super::View;
use super::window::{Axis, Window};
use crate::pixels::CHANNELS;

/// One for a weight.
const UNIT: f32 = 2048.0;

/// Where one output column or row lies between two of the source.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tap {
    low: usize,
    high: usize,
    /// Weight of `low`, in parts of [`UNIT`].
    near: i32,
    /// Weight of `high`.
    far: i32,
}

/// Tables of one picture size, kept for the next picture.
#[derive(Debug, Default)]
pub(super) struct OpenCv {
    columns: Vec<Tap>,
    rows: Vec<Tap>,
}

impl OpenCv {
    /// Writes the input's pixels, interleaved.
    pub(super) fn resize(&mut self, picture: View<'_>, window: &Window, bytes: &mut Vec<u8>) {
        taps(&mut self.columns, window.across, Edge::Repeated);
        taps(&mut self.rows, window.down, Edge::Blended);
        bytes.clear();
        let stride = picture.size.width as usize * CHANNELS;
        for row in &self.rows {
            let upper = &picture.rgb[row.low * stride..][..stride];
            let lower = &picture.rgb[row.high * stride..][..stride];
            for column in &self.columns {
                for channel in 0..CHANNELS {
                    let across = |line: &[u8]| {
                        let at = |x: usize| i32::from(line[x * CHANNELS + channel]);
                        at(column.low) * column.near + at(column.high) * column.far
                    };
                    bytes.push(down(across(upper), across(lower), *row));
                }
            }
        }
    }
}

/// Blends two rows. Weights add up to one, so the result is a byte.
fn down(upper: i32, lower: i32, row: Tap) -> u8 {
    let sum = ((row.near * (upper >> 4)) >> 16) + ((row.far * (lower >> 4)) >> 16);
    let rounded = (sum + 2) >> 2;
    u8::try_from(rounded.clamp(0, 255)).unwrap_or(u8::MAX)
}

/// What becomes of a place outside the first and last pixel's centres.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// Across: the pixel at the edge, with all of the weight.
    Repeated,
    /// Down: the same pixel twice, with two weights, each rounded down.
    Blended,
}

fn taps(taps: &mut Vec<Tap>, axis: Axis, edge: Edge) {
    let scale = axis.length / axis.resized;
    let last = axis.length - 1.0;
    taps.clear();
    taps.extend((0..axis.wanted).map(|index| {
        let centre = ((f64::from(index) + axis.skipped + 0.5) * scale - 0.5) as f32;
        let mut low = f64::from(centre.floor());
        let mut share = centre - centre.floor();
        if edge == Edge::Repeated && (low < 0.0 || low >= last) {
            share = 0.0;
            low = low.clamp(0.0, last);
        }
        #[expect(
            clippy::cast_sign_loss,
            reason = "a pixel of the picture, so at least 0"
        )]
        let index_of = |place: f64| (axis.start + place.clamp(0.0, last)) as usize;
        let weight = |share: f32| (share * UNIT).round_ties_even() as i32;
        Tap {
            low: index_of(low),
            high: index_of(low + 1.0),
            near: weight(1.0 - share),
            far: weight(share),
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Size;

    fn axis(length: u32, wanted: u32) -> Axis {
        Axis {
            start: 0.0,
            length: length.into(),
            resized: wanted.into(),
            skipped: 0.0,
            wanted,
        }
    }

    fn resize(size: Size, rgb: &[u8], wanted: Size) -> Vec<u8> {
        let window = Window {
            across: axis(size.width, wanted.width),
            down: axis(size.height, wanted.height),
        };
        let mut bytes = Vec::new();
        OpenCv::default().resize(View { size, rgb }, &window, &mut bytes);
        bytes
    }

    #[test]
    fn the_same_size_changes_nothing() {
        let rgb: Vec<u8> = (0..27).map(|value| value * 9).collect();
        assert_eq!(resize(Size::square(3), &rgb, Size::square(3)), rgb);
    }

    #[test]
    fn half_the_size_is_the_mean_of_four() {
        let rgb: Vec<u8> = [10, 20, 30, 41].iter().flat_map(|v| [*v; 3]).collect();
        assert_eq!(resize(Size::square(2), &rgb, Size::square(1)), [25; 3]);
    }

    #[test]
    fn an_edge_repeats_across() {
        let size = Size {
            width: 2,
            height: 1,
        };
        let wanted = Size {
            width: 4,
            height: 1,
        };
        let red = |bytes: Vec<u8>| bytes.chunks(3).map(|pixel| pixel[0]).collect::<Vec<_>>();
        let bytes = resize(size, &[0, 0, 0, 100, 0, 0], wanted);
        assert_eq!(red(bytes), [0, 25, 75, 100]);
    }
}
