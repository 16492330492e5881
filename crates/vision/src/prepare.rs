//! Pixels to tensor: crop, resize, order channels, scale values.
//!
//! One pass resizes only the part that the model sees, into a buffer that is
//! kept, and one pass over the model's few pixels writes the floats through a
//! table of 256 values per channel. About a tenth of a millisecond for a
//! 640x480 picture.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::pixels::CHANNELS;
use crate::{AxisOrder, ChannelOrder, Filter, Fit, Pixels, Preprocess, Size, Tensor};

/// Carries out one [`Preprocess`] again and again; keeps its buffers, whose
/// size follows the model's input (and 1600x1600 pixels for recipes that
/// shrink first), never the pictures.
#[derive(Debug)]
pub struct Preparer {
    recipe: Preprocess,
    /// Byte to value, one table per channel in tensor order.
    tables: [[f32; 256]; CHANNELS],
    resizer: Resizer,
    resized: Vec<u8>,
    shrunk: Vec<u8>,
}

/// A recipe that no picture can follow.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RecipeError {
    /// The model's input is larger than what it is cut from.
    #[error("the input of {input} cannot be cut from a picture resized by {fit:?}")]
    InputLargerThanPicture {
        /// The model's input.
        input: Size,
        /// What was to be resized how.
        fit: Fit,
    },
    /// A side of the input is zero or longer than [`MAX_INPUT_SIDE`].
    #[error("the input is {input}, expected sides of 1 to {MAX_INPUT_SIDE}")]
    InputSize {
        /// The model's input.
        input: Size,
    },
    /// A deviation is zero, negative or no number, or a mean is no number.
    #[error("mean {mean:?} and deviation {deviation:?} cannot be applied")]
    Normalisation {
        /// Mean per channel.
        mean: [f32; 3],
        /// Deviation per channel.
        deviation: [f32; 3],
    },
}

/// Longest side of a model's input: far beyond any classifier, and a bound for
/// the tensor of 192 MiB.
pub const MAX_INPUT_SIDE: u32 = 4096;

impl Preparer {
    /// Checks the recipe and lays out the tables.
    ///
    /// # Errors
    /// [`RecipeError`], when no picture could be prepared like this.
    pub fn new(recipe: Preprocess) -> Result<Self, RecipeError> {
        check(&recipe)?;
        let table = |channel| {
            let mut table = [0.0; 256];
            for (byte, value) in (0..=u8::MAX).zip(&mut table) {
                *value = recipe.value_of(byte, channel);
            }
            table
        };
        Ok(Self {
            tables: [table(0), table(1), table(2)],
            resizer: Resizer::new(),
            resized: Vec::new(),
            shrunk: Vec::new(),
            recipe,
        })
    }

    /// The recipe in use.
    #[must_use]
    pub fn recipe(&self) -> &Preprocess {
        &self.recipe
    }

    /// Lays out one picture in a new tensor.
    pub fn prepare(&mut self, pixels: &Pixels) -> Tensor {
        let mut tensor = Tensor::zeros(self.recipe.tensor_shape());
        self.prepare_into(pixels, &mut tensor);
        tensor
    }

    /// Lays out one picture in a tensor that exists; one of another shape is
    /// replaced.
    pub fn prepare_into(&mut self, pixels: &Pixels, tensor: &mut Tensor) {
        if tensor.shape() != self.recipe.tensor_shape() {
            *tensor = Tensor::zeros(self.recipe.tensor_shape());
        }
        let picture = View {
            size: Size {
                width: pixels.width(),
                height: pixels.height(),
            },
            rgb: pixels.rgb8(),
        };
        let mut shrunk = std::mem::take(&mut self.shrunk);
        let picture = self.shrink(picture, &mut shrunk).unwrap_or(picture);
        let region = region(&self.recipe, picture.size);
        let algorithm = match self.recipe.filter {
            Filter::Bilinear => ResizeAlg::Convolution(FilterType::Bilinear),
            Filter::Bicubic => ResizeAlg::Convolution(FilterType::CatmullRom),
            Filter::FourPoint => ResizeAlg::Interpolation(FilterType::Bilinear),
        };
        let input = self.recipe.input;
        resize(
            &mut self.resizer,
            picture,
            (region, algorithm),
            (input, &mut self.resized),
        );
        self.shrunk = shrunk;
        self.fill(tensor.values_mut());
    }

    /// The picture at most `shrink_to_longest` long, in `buffer`; nothing when
    /// it is short enough already. Bilinear down to a half, bicubic below, as
    /// in the container that does this.
    fn shrink<'a>(&mut self, picture: View<'_>, buffer: &'a mut Vec<u8>) -> Option<View<'a>> {
        let longest = self.recipe.shrink_to_longest?;
        let Size { width, height } = picture.size;
        let before = width.max(height);
        if before < longest {
            return None;
        }
        // The longer side becomes `longest`, so the shorter one stays below it.
        let scaled = |side: u32| {
            let scaled = u64::from(longest) * u64::from(side) / u64::from(before);
            u32::try_from(scaled).unwrap_or(longest).max(1)
        };
        let size = Size {
            width: scaled(width),
            height: scaled(height),
        };
        let filter = if u64::from(longest) * 2 >= u64::from(before) {
            FilterType::Bilinear
        } else {
            FilterType::CatmullRom
        };
        let whole = Region::whole(picture.size);
        resize(
            &mut self.resizer,
            picture,
            (whole, ResizeAlg::Convolution(filter)),
            (size, buffer),
        );
        Some(View { size, rgb: buffer })
    }

    /// Writes the resized pixels as values.
    fn fill(&self, values: &mut [f32]) {
        let pixels = self.resized.chunks_exact(CHANNELS);
        let [first, second, third] = &self.tables;
        // Channel of the picture that comes first and third in the tensor.
        let (a, c) = match self.recipe.channels {
            ChannelOrder::Rgb => (0, 2),
            ChannelOrder::Bgr => (2, 0),
        };
        match self.recipe.axes {
            AxisOrder::Nchw => {
                let plane = values.len() / CHANNELS;
                let (plane_a, rest) = values.split_at_mut(plane);
                let (plane_b, plane_c) = rest.split_at_mut(plane);
                let planes = plane_a.iter_mut().zip(plane_b).zip(plane_c);
                for (pixel, ((va, vb), vc)) in pixels.zip(planes) {
                    *va = first[usize::from(pixel[a])];
                    *vb = second[usize::from(pixel[1])];
                    *vc = third[usize::from(pixel[c])];
                }
            }
            AxisOrder::Nhwc => {
                for (pixel, value) in pixels.zip(values.chunks_exact_mut(CHANNELS)) {
                    value[0] = first[usize::from(pixel[a])];
                    value[1] = second[usize::from(pixel[1])];
                    value[2] = third[usize::from(pixel[c])];
                }
            }
        }
    }
}

fn check(recipe: &Preprocess) -> Result<(), RecipeError> {
    let input = recipe.input;
    let sides = 1..=MAX_INPUT_SIDE;
    if !sides.contains(&input.width) || !sides.contains(&input.height) {
        return Err(RecipeError::InputSize { input });
    }
    let covered = match recipe.fit {
        Fit::Stretch(size) => input.width <= size.width && input.height <= size.height,
        Fit::ShorterSide(side) | Fit::CentreSquare(side) => {
            input.width <= side && input.height <= side
        }
    };
    if !covered {
        let fit = recipe.fit;
        return Err(RecipeError::InputLargerThanPicture { input, fit });
    }
    let Preprocess {
        mean, deviation, ..
    } = *recipe;
    let usable = mean.iter().all(|mean| mean.is_finite())
        && deviation.iter().all(|by| by.is_finite() && *by > 0.0);
    if usable {
        Ok(())
    } else {
        Err(RecipeError::Normalisation { mean, deviation })
    }
}

/// A picture in memory that somebody else owns.
#[derive(Clone, Copy)]
struct View<'a> {
    size: Size,
    rgb: &'a [u8],
}

/// A rectangle of a picture, in its pixels, with fractions.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Region {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Region {
    fn whole(size: Size) -> Self {
        Self {
            left: 0.0,
            top: 0.0,
            width: size.width.into(),
            height: size.height.into(),
        }
    }
}

/// The part of a picture that becomes the model's input.
///
/// Cutting the input's middle out of the resized picture is the same as
/// resizing only the part it came from: the filter still sees the pixels
/// around that part.
fn region(recipe: &Preprocess, picture: Size) -> Region {
    let whole = Region::whole(picture);
    let shorter = whole.width.min(whole.height);
    let (source, resized) = match recipe.fit {
        Fit::Stretch(size) => (whole, (size.width.into(), size.height.into())),
        Fit::ShorterSide(side) => {
            // Ties go to the even number, as Python's `round` does.
            let scaled = |length: f64| (length * f64::from(side) / shorter).round_ties_even();
            (whole, (scaled(whole.width), scaled(whole.height)))
        }
        Fit::CentreSquare(side) => {
            let start = |length: f64| (length / 2.0).floor() - (shorter / 2.0).floor();
            let square = Region {
                left: start(whole.width),
                top: start(whole.height),
                width: shorter,
                height: shorter,
            };
            (square, (side.into(), side.into()))
        }
    };
    let input = recipe.input;
    let (left, across) = cut(source.left, source.width, resized.0, input.width.into());
    let (top, down) = cut(source.top, source.height, resized.1, input.height.into());
    // Rounding must not carry the region over the edge.
    Region {
        left,
        top,
        width: across.min(whole.width - left),
        height: down.min(whole.height - top),
    }
}

/// Start and length, in the source, of the middle `wanted` of `resized` pixels.
/// Of an odd remainder the larger part is cut from the end or the start as the
/// containers do it: half the picture less half the input, each rounded down.
fn cut(start: f64, length: f64, resized: f64, wanted: f64) -> (f64, f64) {
    let scale = length / resized;
    let skipped = (resized / 2.0).floor() - (wanted / 2.0).floor();
    let skipped = skipped.min(resized - wanted);
    (start + skipped * scale, wanted * scale)
}

/// Resizes `region` of `picture` into `buffer`, which is made to fit `size`.
fn resize(
    resizer: &mut Resizer,
    picture: View<'_>,
    (region, algorithm): (Region, ResizeAlg),
    (size, buffer): (Size, &mut Vec<u8>),
) {
    let Size { width, height } = size;
    buffer.resize(width as usize * height as usize * CHANNELS, 0);
    let options = ResizeOptions::new()
        .resize_alg(algorithm)
        .crop(region.left, region.top, region.width, region.height)
        .use_alpha(false);
    // Both lengths are width x height x 3: `Pixels` promises the one, the line
    // above makes the other. The region lies within the picture by `region`.
    let source =
        TypedImageRef::<U8x3>::from_buffer(picture.size.width, picture.size.height, picture.rgb)
            .expect("a picture holds three bytes for each pixel");
    let mut target = TypedImage::<U8x3>::from_buffer(width, height, buffer)
        .expect("the buffer was made three bytes for each pixel");
    resizer
        .resize_typed(&source, &mut target, &options)
        .expect("the region lies within the picture");
}

#[cfg(test)]
mod tests;
