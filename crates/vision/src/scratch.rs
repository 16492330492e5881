//! Memory that is kept from one picture to the next.
//!
//! A picture of 640x480 needs 1.5 MB for its pixels and its tensor. Asked of the system anew each time
//! that is some 380 pages, and a tenth of the time that the picture takes.

use crate::{Pixels, Tensor};

/// The longest buffer of pixels that is kept: 1280x960. Those of larger pictures go back at once.
const KEPT_PIXELS: usize = 4 << 20;

/// One worker's; nothing of a picture can be read out of it.
#[derive(Debug, Default)]
pub struct Scratch {
    pixels: Vec<u8>,
    tensor: Option<Tensor>,
}

impl Scratch {
    /// A buffer of so many zeros.
    pub(crate) fn pixels(&mut self, length: usize) -> Vec<u8> {
        let mut pixels = std::mem::take(&mut self.pixels);
        // Whatever a decoder leaves out must not be of the picture before.
        pixels.clear();
        pixels.resize(length, 0);
        pixels
    }

    /// Takes back what the pixels lie in.
    pub fn keep_pixels(&mut self, pixels: Pixels) {
        let pixels = pixels.into_rgb8();
        if pixels.capacity() <= KEPT_PIXELS {
            self.pixels = pixels;
        }
    }

    /// A tensor, of whatever shape and content, to be laid out anew.
    #[must_use]
    pub fn tensor(&mut self) -> Tensor {
        let kept = self.tensor.take();
        kept.unwrap_or_else(|| Tensor::zeros([0; 4]))
    }

    /// Takes a tensor back.
    pub fn keep_tensor(&mut self, tensor: Tensor) {
        self.tensor = Some(tensor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_come_back_as_zeros_and_those_of_large_pictures_are_let_go() {
        let mut scratch = Scratch::default();
        let mut pixels = scratch.pixels(300);
        pixels.fill(7);
        let place = pixels.as_ptr();
        scratch.keep_pixels(Pixels::from_rgb8(10, 10, pixels).unwrap());
        let again = scratch.pixels(270);
        assert_eq!(again, [0; 270]);
        assert_eq!(again.as_ptr(), place);
        let large = scratch.pixels(2000 * 2000 * 3);
        scratch.keep_pixels(Pixels::from_rgb8(2000, 2000, large).unwrap());
        assert_eq!(scratch.pixels.capacity(), 0);
    }
}
