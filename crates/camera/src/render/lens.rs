//! From light to the bytes of a picture: vignette, exposure, white balance, blur, sensor noise.

use super::colour::{Rgb, to_srgb};
use super::raster::Canvas;
use super::rng::Stream;
use super::shape::index;
use image::RgbImage;

/// The camera of a scene.
#[derive(Debug, Clone)]
pub(crate) struct Lens {
    /// Factors on red, green and blue: exposure and white balance together.
    gain: Rgb,
    /// How much darker the corners are, 0 to 1.
    vignette: f32,
    /// How often a 1-2-1 blur goes over the picture, the last time with `blur_share`.
    blur_passes: usize,
    blur_share: f32,
    /// Strength of sensor noise, in steps of 255.
    noise: f32,
    /// How steep the middle of the tone curve is; 1 is none.
    contrast: f32,
    noise_seed: u64,
    /// JPEG quality of the picture, 70 to 92.
    pub(crate) quality: u8,
}

/// Entries of the table that turns light into sRGB steps.
const TONES: usize = 4096;
/// Light that gives the last entry; above it everything is white.
const WHITE: f32 = 1.25;

impl Lens {
    pub(crate) fn sample(stream: &mut Stream) -> Self {
        let exposure = stream.between(0.66, 1.22);
        // Within 7 % red against blue a yellow stays yellow and a green green.
        let warm = stream.around(0.0, 0.07);
        let green = stream.around(1.0, 0.025);
        Self {
            gain: [
                exposure * (1.0 + warm),
                exposure * green,
                exposure * (1.0 - warm),
            ],
            vignette: stream.between(0.0, 0.35),
            blur_passes: stream.count(1, 2),
            blur_share: stream.between(0.0, 1.0),
            noise: stream.between(0.8, 5.5),
            contrast: stream.between(0.9, 1.15),
            noise_seed: stream.bits(),
            quality: u8::try_from(stream.count(70, 92)).unwrap_or(92),
        }
    }

    /// Develops the canvas into 8-bit sRGB.
    pub(crate) fn develop(&self, mut canvas: Canvas) -> RgbImage {
        for pass in 0..self.blur_passes {
            let last = pass + 1 == self.blur_passes;
            blur(&mut canvas, 0.25 * if last { self.blur_share } else { 1.0 });
        }
        let tones = self.tones();
        let mut bytes = vec![0; canvas.pixels.len() * 3];
        let mut noise = Sensor(self.noise_seed | 1);
        let corner = canvas.point(0, 0);
        let fall = self.vignette / (corner.x * corner.x + corner.y * corner.y);
        let rim: Vec<f32> = (0..canvas.width)
            .map(|x| fall * canvas.point(x, 0).x.powi(2))
            .collect();
        let to_tone = self.gain.map(|gain| gain * TONES as f32 / WHITE);
        let rows = canvas.pixels.chunks_exact(canvas.width);
        for ((y, row), out) in rows
            .enumerate()
            .zip(bytes.chunks_exact_mut(canvas.width * 3))
        {
            let light = 1.0 - fall * canvas.point(0, y).y.powi(2);
            for ((pixel, rim), out) in row.iter().zip(&rim).zip(out.chunks_exact_mut(3)) {
                let grains = noise.next();
                for i in 0..3 {
                    let lit = pixel[i] * (light - rim) * to_tone[i];
                    let tone = tones[index(lit).min(TONES - 1)];
                    out[i] = byte(tone + grains[i] * self.noise);
                }
            }
        }
        let (width, height) = (size(canvas.width), size(canvas.height));
        // The buffer has exactly one byte for every channel of every pixel, see above.
        RgbImage::from_raw(width, height, bytes).unwrap_or_else(|| RgbImage::new(width, height))
    }

    /// sRGB steps (0 to 255) for light from 0 to `WHITE`, with this lens's contrast.
    fn tones(&self) -> Vec<f32> {
        (0..TONES)
            .map(|i| {
                let srgb = to_srgb((i as f32 + 0.5) * WHITE / TONES as f32);
                // The shoulder: highlights run into white instead of being cut.
                let rolled = if srgb > 0.8 {
                    0.8 + 0.2 * ((srgb - 0.8) / 0.2).tanh()
                } else {
                    srgb
                };
                ((rolled - 0.45) * self.contrast + 0.45) * 255.0
            })
            .collect()
    }
}

/// One pass of a 3-tap blur each way; `share` is the weight of each neighbour, up to a quarter.
fn blur(canvas: &mut Canvas, share: f32) {
    let centre = 1.0 - 2.0 * share;
    let soften = |out: &mut [Rgb], a: &[Rgb], b: &[Rgb], c: &[Rgb]| {
        for (((out, a), b), c) in out.iter_mut().zip(a).zip(b).zip(c) {
            for i in 0..3 {
                out[i] = b[i] * centre + (a[i] + c[i]) * share;
            }
        }
    };
    let width = canvas.width;
    // A row with its ends doubled, so that each pixel has two neighbours.
    let mut wide = vec![[0.0; 3]; width + 2];
    for row in canvas.pixels.chunks_exact_mut(width) {
        wide[1..=width].copy_from_slice(row);
        wide[0] = row[0];
        wide[width + 1] = row[width - 1];
        soften(row, &wide, &wide[1..], &wide[2..]);
    }
    let mut above: Vec<Rgb> = canvas.pixels[..width].to_vec();
    let mut here = above.clone();
    for y in 0..canvas.height {
        let (upper, lower) = canvas.pixels.split_at_mut((y + 1) * width);
        let row = &mut upper[y * width..];
        here.copy_from_slice(row);
        let below = if lower.is_empty() {
            &here
        } else {
            &lower[..width]
        };
        soften(row, &above, &here, below);
        std::mem::swap(&mut above, &mut here);
    }
}

/// Noise of a sensor: three values a pixel, bell-shaped enough, standard deviation about 1.
struct Sensor(u64);

impl Sensor {
    fn next(&mut self) -> Rgb {
        // xorshift64: one step a pixel; a general generator would cost as much as the shading.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bits = self.0;
        let half = |shift: u32| ((bits >> shift) & 0x3FF) as f32;
        // The sum of two uniform values of 0..1024 has a standard deviation of 418.
        let pair = |shift: u32| (half(shift) + half(shift + 10) - 1023.0) * (1.0 / 418.0);
        [pair(0), pair(20), pair(40)]
    }
}

/// The nearest step from 0 to 255.
#[allow(clippy::cast_sign_loss)] // clamped to 0..=255
fn byte(tone: f32) -> u8 {
    (tone + 0.5).clamp(0.0, 255.0) as u8
}

/// Sides are checked to fit when a size is accepted, see [`super::Size`].
fn size(side: usize) -> u32 {
    u32::try_from(side).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::rng::Purpose;

    #[test]
    fn sensor_noise_has_mean_zero_and_deviation_one() {
        let mut sensor = Sensor(0x1234_5678_9ABC_DEF1);
        let values: Vec<f32> = (0..100_000).flat_map(|_| sensor.next()).collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let square = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((square.sqrt() - 1.0).abs() < 0.03, "{square}");
    }

    #[test]
    fn blur_keeps_the_light_and_spreads_it() {
        let mut canvas = Canvas::new(9, 9);
        canvas.pixels[4 * 9 + 4] = [1.0; 3];
        blur(&mut canvas, 0.25);
        let total: f32 = canvas.pixels.iter().map(|p| p[1]).sum();
        assert!((total - 1.0).abs() < 1e-5);
        assert!((canvas.pixels[4 * 9 + 4][1] - 0.25).abs() < 1e-6);
        assert!((canvas.pixels[3 * 9 + 4][1] - 0.125).abs() < 1e-6);
    }

    #[test]
    fn the_white_balance_never_moves_yellow_to_green() {
        for index in 0..500 {
            let lens = Lens::sample(&mut Stream::of(2, index, Purpose::Lens));
            let ratio = lens.gain[0] / lens.gain[1];
            assert!((0.88..1.14).contains(&ratio), "{ratio}");
            assert!((70..=92).contains(&lens.quality));
        }
    }
}
