//! Noise for textures: two tables for a frame, looked up at any scale.
//!
//! Tables are filled once and read with four loads a look-up, which is what makes a frame cheap;
//! they wrap round, so a look-up anywhere is valid.

use super::rng::Stream;

/// Side of a table; a power of two, so that wrapping is a mask.
const SIDE: usize = 128;
const MASK: i32 = 127;

/// The noise of one frame.
pub(crate) struct Noise {
    /// Clouds: several octaves, each half as strong as the one before.
    clouds: Vec<f32>,
    /// Grain: only the finest octaves, for speckle that shows no repetition.
    grain: Vec<f32>,
}

impl Noise {
    /// Fills both tables from `stream`.
    pub(crate) fn new(stream: &mut Stream) -> Self {
        let octaves = |stream: &mut Stream, first: usize, fall: f32| {
            let mut table = vec![0.0; SIDE * SIDE];
            let (mut cells, mut strength, mut total) = (first, 1.0_f32, 0.0_f32);
            while cells <= SIDE {
                add_octave(&mut table, cells, strength, stream);
                total += strength * strength;
                strength *= fall;
                cells *= 2;
            }
            // Uniform values of +-1 have a variance of a third, less what interpolation smooths.
            let norm = 1.0 / (total.sqrt() * 0.9);
            for value in &mut table {
                *value *= norm;
            }
            table
        };
        Self {
            clouds: octaves(stream, 4, 0.55),
            grain: octaves(stream, 64, 1.0),
        }
    }

    /// Clouds at (`x`, `y`), measured in tables; mostly within -1 to 1, mean 0.
    pub(crate) fn clouds(&self, x: f32, y: f32) -> f32 {
        look_up(&self.clouds, x, y)
    }

    /// Grain at (`x`, `y`), measured in tables of 128 grains; mostly within -1 to 1, mean 0.
    pub(crate) fn grain(&self, x: f32, y: f32) -> f32 {
        look_up(&self.grain, x, y)
    }
}

/// Adds one octave of `cells` random values a side, interpolated smoothly.
fn add_octave(table: &mut [f32], cells: usize, strength: f32, stream: &mut Stream) {
    let lattice: Vec<f32> = (0..cells * cells)
        .map(|_| stream.between(-1.0, 1.0))
        .collect();
    let step = SIDE / cells;
    let weights: Vec<f32> = (0..step)
        .map(|i| {
            let t = i as f32 / step as f32;
            t * t * (3.0 - 2.0 * t)
        })
        .collect();
    for (y, row) in table.chunks_exact_mut(SIDE).enumerate() {
        let (cy, wy) = (y / step, weights[y % step]);
        let upper = &lattice[cy * cells..(cy + 1) * cells];
        let below = (cy + 1) % cells;
        let lower = &lattice[below * cells..(below + 1) * cells];
        for (x, value) in row.iter_mut().enumerate() {
            let (cx, wx) = (x / step, weights[x % step]);
            let right = (cx + 1) % cells;
            let top = upper[cx] + (upper[right] - upper[cx]) * wx;
            let bottom = lower[cx] + (lower[right] - lower[cx]) * wx;
            *value += strength * (top + (bottom - top) * wy);
        }
    }
}

/// Bilinear look-up with wrapping.
fn look_up(table: &[f32], x: f32, y: f32) -> f32 {
    let (x0, fx) = split(x * SIDE as f32);
    let (y0, fy) = split(y * SIDE as f32);
    let (x1, y1) = ((x0 + 1) & (SIDE - 1), (y0 + 1) & (SIDE - 1));
    let at = |x: usize, y: usize| table[(y * SIDE + x) & (SIDE * SIDE - 1)];
    let top = at(x0, y0) + (at(x1, y0) - at(x0, y0)) * fx;
    let bottom = at(x0, y1) + (at(x1, y1) - at(x0, y1)) * fx;
    top + (bottom - top) * fy
}

/// Cell and place in it. Written by hand because `floor` is a call on plain x86-64.
#[allow(clippy::cast_sign_loss)] // masked to 0..SIDE first
fn split(x: f32) -> (usize, f32) {
    let truncated = x as i32;
    let cell = if x < truncated as f32 {
        truncated.wrapping_sub(1)
    } else {
        truncated
    };
    ((cell & MASK) as usize, x - cell as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::rng::Purpose;

    #[test]
    fn noise_has_mean_zero_and_wraps() {
        let noise = Noise::new(&mut Stream::of(5, 0, Purpose::Texture));
        let samples: Vec<f32> = (0..10_000)
            .map(|i| noise.clouds(i as f32 * 0.013, i as f32 * 0.0071))
            .collect();
        let mean = samples.iter().sum::<f32>() / samples.len() as f32;
        let spread = (samples.iter().map(|v| v * v).sum::<f32>() / samples.len() as f32).sqrt();
        assert!(mean.abs() < 0.15, "mean {mean}");
        assert!((0.2..0.9).contains(&spread), "spread {spread}");
        let here = noise.grain(0.3, 0.6);
        assert!((here - noise.grain(1.3, -0.4)).abs() < 1e-3);
    }
}
