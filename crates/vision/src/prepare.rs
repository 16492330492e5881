//! Pixels to tensor: crop, resize, order channels, scale values.
//!
//! Only the part that the model sees is resized, into a buffer that is kept;
//! one pass over the model's few pixels then writes the floats through a table
//! of 256 values per channel. A fraction of a millisecond for a 640x480 picture.

mod four_point;
mod open_cv;
mod resample;
mod window;

use fast_image_resize::FilterType;

use four_point::FourPoint;
use open_cv::OpenCv;
use resample::{KEPT_BYTES, Resampler};
use window::Window;

use crate::pixels::CHANNELS;
use crate::preprocess::ALIGNMENT;
use crate::{AxisOrder, ChannelOrder, Filter, Fit, Pixels, Preprocess, Size, Tensor};

/// Carries out one [`Preprocess`] again and again. Keeps its buffers: a few
/// times the model's input, and at most 4 MiB for each step before it.
#[derive(Debug)]
pub struct Preparer {
    recipe: Preprocess,
    /// Byte to value, one table per channel in tensor order.
    tables: [[f32; 256]; CHANNELS],
    resampler: Resampler,
    four_point: FourPoint,
    open_cv: OpenCv,
    resized: Vec<u8>,
    blended: Vec<f32>,
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
                *value = recipe.value_of(byte.into(), channel);
            }
            table
        };
        Ok(Self {
            tables: [table(0), table(1), table(2)],
            resampler: Resampler::default(),
            four_point: FourPoint::default(),
            open_cv: OpenCv::default(),
            resized: Vec::new(),
            blended: Vec::new(),
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
        let mut tensor = Tensor::zeros([0; 4]);
        self.prepare_into(pixels, &mut tensor);
        tensor
    }

    /// Lays out one picture in a tensor that exists; one of another shape is
    /// replaced.
    pub fn prepare_into(&mut self, pixels: &Pixels, tensor: &mut Tensor) {
        let picture = View {
            size: Size {
                width: pixels.width(),
                height: pixels.height(),
            },
            rgb: pixels.rgb8(),
        };
        let mut shrunk = std::mem::take(&mut self.shrunk);
        let picture = self.shrink(picture, &mut shrunk).unwrap_or(picture);
        let input = window::input(&self.recipe, picture.size);
        let shape = self.recipe.shape_of(input);
        if tensor.shape() != shape {
            *tensor = Tensor::zeros(shape);
        }
        let window = Window::new(&self.recipe, picture.size, input);
        let region = window.region(picture.size);
        let filter = match self.recipe.filter {
            Filter::Bilinear => Some(FilterType::Bilinear),
            Filter::Bicubic => Some(FilterType::CatmullRom),
            Filter::FourPoint | Filter::FourPointBytes => None,
        };
        if let Some(filter) = filter {
            let target = (input, &mut self.resized);
            self.resampler.resize(picture, region, filter, target);
            self.write_bytes(tensor.values_mut());
        } else if self.recipe.filter == Filter::FourPointBytes {
            self.open_cv.resize(picture, &window, &mut self.resized);
            self.write_bytes(tensor.values_mut());
        } else {
            self.four_point
                .resize(picture, region, input, &mut self.blended);
            self.write_blended(tensor.values_mut());
        }
        if shrunk.capacity() <= KEPT_BYTES {
            self.shrunk = shrunk;
        }
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
        self.resampler
            .resize(picture, whole, filter, (size, buffer));
        Some(View { size, rgb: buffer })
    }

    fn write_bytes(&self, values: &mut [f32]) {
        let tables = &self.tables;
        lay_out(&self.recipe, &self.resized, values, |channel, byte| {
            tables[channel][usize::from(byte)]
        });
    }

    fn write_blended(&self, values: &mut [f32]) {
        // What a value becomes is a straight line, so two of its points tell all of it.
        let start = [0, 1, 2].map(|channel| self.recipe.value_of(0.0, channel));
        let slope = [0, 1, 2].map(|channel| {
            let end = self.recipe.value_of(255.0, channel);
            (end - start[channel]) / 255.0
        });
        lay_out(&self.recipe, &self.blended, values, |channel, value| {
            start[channel] + value * slope[channel]
        });
    }
}

/// Writes interleaved red, green, blue in the recipe's channel and axis order.
/// `value_of` gets the channel in tensor order.
fn lay_out<T: Copy>(
    recipe: &Preprocess,
    interleaved: &[T],
    values: &mut [f32],
    value_of: impl Fn(usize, T) -> f32,
) {
    let pixels = interleaved.chunks_exact(CHANNELS);
    // Channels of the picture that come first and last in the tensor.
    let (first, last) = match recipe.channels {
        ChannelOrder::Rgb => (0, 2),
        ChannelOrder::Bgr => (2, 0),
    };
    match recipe.axes {
        AxisOrder::Nchw => {
            let plane = values.len() / CHANNELS;
            let (plane_0, rest) = values.split_at_mut(plane);
            let (plane_1, plane_2) = rest.split_at_mut(plane);
            let planes = plane_0.iter_mut().zip(plane_1).zip(plane_2);
            for (pixel, ((value_0, value_1), value_2)) in pixels.zip(planes) {
                *value_0 = value_of(0, pixel[first]);
                *value_1 = value_of(1, pixel[1]);
                *value_2 = value_of(2, pixel[last]);
            }
        }
        AxisOrder::Nhwc => {
            for (pixel, value) in pixels.zip(values.chunks_exact_mut(CHANNELS)) {
                value[0] = value_of(0, pixel[first]);
                value[1] = value_of(1, pixel[1]);
                value[2] = value_of(2, pixel[last]);
            }
        }
    }
}

fn check(recipe: &Preprocess) -> Result<(), RecipeError> {
    let input = recipe.input;
    let sides = 1..=MAX_INPUT_SIDE;
    let longest = recipe.longest.unwrap_or(1);
    if [input.width, input.height, longest]
        .iter()
        .any(|side| !sides.contains(side))
    {
        return Err(RecipeError::InputSize { input });
    }
    let covered = match recipe.fit {
        Fit::Stretch(size) => input.width <= size.width && input.height <= size.height,
        Fit::ShorterSideAligned(side) => {
            let side = side.next_multiple_of(ALIGNMENT);
            input.width <= side && input.height <= side
        }
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

#[cfg(test)]
mod tests;
