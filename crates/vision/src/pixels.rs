//! A decoded picture, upright.

use std::fmt;

/// Bytes of one pixel: red, green, blue.
pub const CHANNELS: usize = 3;

/// An upright picture: eight-bit red, green, blue, interleaved, rows from the
/// top without padding. At least one pixel wide and high.
///
/// Its colours are those of the file; embedded colour profiles are not applied,
/// as the training service does not apply them either.
#[derive(Clone, PartialEq, Eq)]
pub struct Pixels {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Pixels {
    /// A picture from its raw bytes; nothing when a side is zero or the length
    /// is not width × height × 3.
    #[must_use]
    pub fn from_rgb8(width: u32, height: u32, rgb: Vec<u8>) -> Option<Self> {
        let length = usize::try_from(u64::from(width) * u64::from(height)).ok()?;
        let length = length.checked_mul(CHANNELS)?;
        (length > 0 && rgb.len() == length).then_some(Self { width, height, rgb })
    }

    /// Pixels across.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels down.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The bytes, in the layout that the type promises.
    #[must_use]
    pub fn rgb8(&self) -> &[u8] {
        &self.rgb
    }

    /// The bytes, taken out.
    #[must_use]
    pub fn into_rgb8(self) -> Vec<u8> {
        self.rgb
    }
}

/// Shows the size only: pixels must not reach a log.
impl fmt::Debug for Pixels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pixels")
            .field("width", &self.width)
            .field("height", &self.height)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_must_fit_the_sides() {
        assert!(Pixels::from_rgb8(2, 1, vec![0; 6]).is_some());
        assert!(Pixels::from_rgb8(2, 1, vec![0; 5]).is_none());
        assert!(Pixels::from_rgb8(0, 1, vec![]).is_none());
        assert!(Pixels::from_rgb8(u32::MAX, u32::MAX, vec![0; 3]).is_none());
    }

    #[test]
    fn debug_shows_no_pixels() {
        let pixels = Pixels::from_rgb8(1, 1, vec![201, 202, 203]).unwrap();
        assert_eq!(format!("{pixels:?}"), "Pixels { width: 1, height: 1, .. }");
    }
}
