//! The canvas: linear light for every pixel, and the two ways to put things on it.
//!
//! Things are painted from back to front. A thing first throws its shadow on what is already
//! there, then covers it.

use super::colour::Rgb;
use super::light::Light;
use super::plane::V2;
use super::shape::{Probe, Shape, index};

/// The picture being painted, in linear light, rows from the top.
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<Rgb>,
    /// Pixels for one unit of the plane: the shorter side.
    pub(crate) unit: f32,
}

/// Shadows are soft, so one value for this many pixels each way is enough.
const SHADOW_CELL: usize = 4;

/// Pixels each way that are looked at together before they are painted.
const BLOCK: usize = 8;

/// Pixel columns and rows that a rectangle of the plane touches.
struct Window {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
}

impl Canvas {
    /// A black canvas.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        let unit = width.min(height).max(1) as f32;
        Self {
            width,
            height,
            pixels: vec![[0.0; 3]; width * height],
            unit,
        }
    }

    /// The point of the plane in the middle of a pixel.
    pub(crate) fn point(&self, x: usize, y: usize) -> V2 {
        V2::new(
            (x as f32 + 0.5 - self.width as f32 * 0.5) / self.unit,
            (y as f32 + 0.5 - self.height as f32 * 0.5) / self.unit,
        )
    }

    /// Fills the canvas from its points. Every second pixel each way is asked for, those between
    /// are the mean of their neighbours: a ground has no edges that this would blunt visibly, and
    /// it is the most expensive part of a picture.
    pub(crate) fn fill(&mut self, mut colour: impl FnMut(V2) -> Rgb) {
        let columns = self.width / 2 + 1;
        let mut coarse = |canvas: &Self, y: usize| -> Vec<Rgb> {
            (0..columns)
                .map(|column| colour(canvas.point(column * 2, y)))
                .collect()
        };
        let mut upper = coarse(self, 0);
        for top in (0..self.height).step_by(2) {
            let lower = coarse(self, top + 2);
            for y in top..(top + 2).min(self.height) {
                let share = if y == top { 0.0 } else { 0.5 };
                let row = &mut self.pixels[y * self.width..(y + 1) * self.width];
                for (x, pixel) in row.iter_mut().enumerate() {
                    let (left, right) = (x / 2, x.div_ceil(2));
                    for i in 0..3 {
                        let above = upper[left][i] + upper[right][i];
                        let below = lower[left][i] + lower[right][i];
                        pixel[i] = 0.5 * (above + (below - above) * share);
                    }
                }
            }
            upper = lower;
        }
    }

    /// Covers the inside of `shape`; `colour` is asked for every pixel that shows some of it.
    pub(crate) fn paint(&mut self, shape: &Shape, mut colour: impl FnMut(V2, &Probe) -> Rgb) {
        let (low, high) = shape.bounds();
        let Some(window) = self.window(low, high, 1.5 / self.unit) else {
            return;
        };
        // Most of the rectangle around a slanting thing is empty: look at whole blocks first. The
        // margin is twice the way to a block's corner, as distances are only roughly kept.
        let clear = 1.5 * BLOCK as f32 / self.unit;
        for top in (window.top..window.bottom).step_by(BLOCK) {
            for left in (window.left..window.right).step_by(BLOCK) {
                let middle = self.point(left + BLOCK / 2, top + BLOCK / 2);
                if shape.probe(middle).distance > clear {
                    continue;
                }
                for y in top..(top + BLOCK).min(window.bottom) {
                    for x in left..(left + BLOCK).min(window.right) {
                        let point = self.point(x, y);
                        let probe = shape.probe(point);
                        let cover = (0.5 - probe.distance * self.unit).clamp(0.0, 1.0);
                        if cover > 0.0 {
                            let new = colour(point, &probe);
                            let old = &mut self.pixels[y * self.width + x];
                            for (old, new) in old.iter_mut().zip(new) {
                                *old += (new - *old) * cover;
                            }
                        }
                    }
                }
            }
        }
    }

    /// Darkens what lies under `shape`, `height` plane units above the ground: the cast shadow,
    /// and the dark line where it touches.
    pub(crate) fn cast_shadow(&mut self, shape: &Shape, height: f32, light: &Light) {
        let step = light.shadow_step(height);
        let soft = (light.shadow_softness * height).max(1.0 / self.unit);
        let touch = height * 0.6;
        let (low, high) = shape.bounds();
        let reach = soft.max(touch);
        let low = V2::new(low.x + step.x.min(0.0), low.y + step.y.min(0.0));
        let high = V2::new(high.x + step.x.max(0.0), high.y + step.y.max(0.0));
        let Some(window) = self.window(low, high, reach) else {
            return;
        };
        let columns = (window.right - window.left).div_ceil(SHADOW_CELL) + 1;
        let rows = (window.bottom - window.top).div_ceil(SHADOW_CELL) + 1;
        let mut cells = Vec::with_capacity(columns * rows);
        for row in 0..rows {
            for column in 0..columns {
                let x = window.left + column * SHADOW_CELL;
                let y = window.top + row * SHADOW_CELL;
                let point = self.point(x, y);
                let cast = shape.probe(point.minus(step)).distance;
                let near = shape.probe(point).distance;
                let cast = light.shadow_depth * fade(cast, soft);
                let near = 0.45 * (1.0 - near.max(0.0) / touch).max(0.0).powi(2);
                cells.push((1.0 - cast) * (1.0 - near));
            }
        }
        for row in 0..rows - 1 {
            for column in 0..columns - 1 {
                let corner = |r: usize, c: usize| cells[(row + r) * columns + column + c];
                let corners = [corner(0, 0), corner(0, 1), corner(1, 0), corner(1, 1)];
                if corners.iter().any(|keep| *keep < 0.998) {
                    let left = window.left + column * SHADOW_CELL;
                    self.darken_cell(left, window.top + row * SHADOW_CELL, corners, &window);
                }
            }
        }
    }

    /// Darkens one shadow cell, evenly between what its corners keep.
    fn darken_cell(&mut self, left: usize, top: usize, corners: [f32; 4], window: &Window) {
        let [a, b, c, d] = corners;
        for y in top..(top + SHADOW_CELL).min(window.bottom) {
            let fy = (y - top) as f32 / SHADOW_CELL as f32;
            let (first, last) = (a + (c - a) * fy, b + (d - b) * fy);
            for x in left..(left + SHADOW_CELL).min(window.right) {
                let fx = (x - left) as f32 / SHADOW_CELL as f32;
                let keep = first + (last - first) * fx;
                for channel in &mut self.pixels[y * self.width + x] {
                    *channel *= keep;
                }
            }
        }
    }

    /// The pixels of a rectangle with a margin, or nothing if it lies outside.
    fn window(&self, low: V2, high: V2, margin: f32) -> Option<Window> {
        let (cx, cy) = (self.width as f32 * 0.5, self.height as f32 * 0.5);
        let column = |x: f32| index(x * self.unit + cx).min(self.width);
        let row = |y: f32| index(y * self.unit + cy).min(self.height);
        let window = Window {
            left: column(low.x - margin),
            right: (column(high.x + margin) + 1).min(self.width),
            top: row(low.y - margin),
            bottom: (row(high.y + margin) + 1).min(self.height),
        };
        (window.left < window.right && window.top < window.bottom).then_some(window)
    }
}

/// 1 well inside, 0 further outside than `soft`, smooth between.
fn fade(distance: f32, soft: f32) -> f32 {
    let t = (0.5 - distance / (2.0 * soft)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::rng::{Purpose, Stream};
    use crate::render::shape::{Form, Outline};

    fn disc(origin: V2, radius: f32) -> Shape {
        Shape::new(
            Form::Outline(Outline::new(0.5, |_| 1.0)),
            origin,
            0.0,
            radius,
        )
    }

    #[test]
    fn a_disc_covers_its_area_to_a_part_of_a_pixel() {
        let mut canvas = Canvas::new(120, 90);
        canvas.paint(&disc(V2::new(0.013, -0.021), 0.3), |_, _| [1.0; 3]);
        let covered: f32 = canvas.pixels.iter().map(|p| p[0]).sum();
        let expected = std::f32::consts::PI * (0.3 * 90.0_f32).powi(2);
        assert!(
            (covered / expected - 1.0).abs() < 0.01,
            "{covered} against {expected}"
        );
    }

    #[test]
    fn things_outside_the_picture_cost_nothing_and_break_nothing() {
        let mut canvas = Canvas::new(40, 30);
        let light = Light::sample(&mut Stream::of(1, 1, Purpose::Light));
        for origin in [V2::new(9.0, 0.0), V2::new(-9.0, -9.0), V2::new(0.0, 50.0)] {
            canvas.cast_shadow(&disc(origin, 0.2), 0.1, &light);
            canvas.paint(&disc(origin, 0.2), |_, _| [1.0; 3]);
        }
        assert!(canvas.pixels.iter().all(|p| p[0].abs() < f32::EPSILON));
    }

    #[test]
    fn a_shadow_only_darkens() {
        let mut canvas = Canvas::new(120, 90);
        canvas.fill(|_| [0.5; 3]);
        let light = Light::sample(&mut Stream::of(1, 1, Purpose::Light));
        canvas.cast_shadow(&disc(V2::ZERO, 0.2), 0.1, &light);
        assert!(canvas.pixels.iter().all(|p| p[0] <= 0.5001));
        assert!(canvas.pixels.iter().any(|p| p[0] < 0.4));
    }
}
