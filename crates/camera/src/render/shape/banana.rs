//! A banana seen from above: a bent, tapered, edged cylinder.

use super::{Probe, index};
use crate::render::plane::V2;
use std::f32::consts::TAU;

/// A banana: an arc of the unit circle about the x direction, thin at its stem (greatest angle),
/// blunt at its tip (least angle), with an angular cross-section.
#[derive(Debug, Clone)]
pub(crate) struct Banana {
    /// Half the angle that it bends through, in radians.
    pub(crate) half_angle: f32,
    /// How strongly the edges along the fruit show, 0 (round) to 1.
    pub(crate) ridge: f32,
    /// Where the edges lie, in radians about the axis.
    pub(crate) ridge_phase: f32,
    /// Half the width at [`BANANA_STEPS`] + 1 places from tip to stem.
    widths: Vec<f32>,
    /// The greatest of them.
    widest: f32,
}

const BANANA_STEPS: usize = 64;
/// Angle about the axis from one edge to the next, in radians.
const FACET: f32 = 0.9;

/// Where the body of a banana has narrowed to its stem, along its length.
pub(crate) const STEM_STARTS: f32 = 0.84;

impl Banana {
    /// `half_width` is a fraction of the radius of the bend.
    pub(crate) fn new(half_angle: f32, half_width: f32, ridge: f32, ridge_phase: f32) -> Self {
        let widths = (0..=BANANA_STEPS)
            .map(|i| {
                let t = i as f32 / BANANA_STEPS as f32 * 2.0 - 1.0;
                let from_tip = ((t + 1.0) / 0.7).clamp(0.0, 1.0);
                let tip = 0.14 + 0.86 * (1.0 - (1.0 - from_tip).powi(2)).sqrt();
                let to_stem = ((t - 0.35) / (STEM_STARTS - 0.35)).clamp(0.0, 1.0);
                let stem = 1.0 - 0.76 * to_stem * to_stem * (3.0 - 2.0 * to_stem);
                half_width * tip.min(1.0) * stem
            })
            .collect();
        Self {
            half_angle,
            ridge,
            ridge_phase,
            widths,
            widest: half_width,
        }
    }

    /// Points of both edges, from tip to stem.
    pub(super) fn points(&self) -> impl Iterator<Item = V2> {
        (0..=BANANA_STEPS / 2).flat_map(|i| {
            let t = i as f32 * 4.0 / BANANA_STEPS as f32 - 1.0;
            let (width, _) = self.width(t);
            let ray = V2::polar(t * self.half_angle);
            [ray.times(1.0 + width), ray.times(1.0 - width)]
        })
    }

    /// Half the width at `t` (-1 tip, 1 stem) and how it changes with the length of the arc.
    fn width(&self, t: f32) -> (f32, f32) {
        let x = (t.clamp(-1.0, 1.0) + 1.0) * 0.5 * BANANA_STEPS as f32;
        let i = index(x).min(BANANA_STEPS - 1);
        let (a, b) = (self.widths[i], self.widths[i + 1]);
        let slope = (b - a) * BANANA_STEPS as f32 / (2.0 * self.half_angle);
        (a + (b - a) * (x - i as f32), slope)
    }

    pub(super) fn probe(&self, p: V2) -> Probe {
        let radius = p.length().max(1e-4);
        let clear = (radius - 1.0).abs() - self.widest;
        if clear > self.widest {
            // Far outside nobody asks about the surface, and angles are dear.
            return Probe::facing_camera(clear, V2::ZERO);
        }
        let angle = p.y.atan2(p.x);
        let t = angle / self.half_angle;
        let (width, slope) = self.width(t);
        let offset = radius - 1.0;
        let lean = 1.0 / (1.0 + slope * slope).sqrt();
        let beside = (offset.abs() - width) * lean;
        let beyond = angle.abs() - self.half_angle;
        let distance = if beside > 0.0 && beyond > 0.0 {
            (beside * beside + beyond * beyond).sqrt()
        } else {
            beside.max(beyond)
        };
        if distance > width {
            return Probe::facing_camera(distance, V2::new(t, 0.0));
        }
        let across = (offset / width).clamp(-1.0, 1.0).asin();
        // Between two edges the skin is flatter than a cylinder, at an edge it is rounder.
        let turned = (across - self.ridge_phase) / FACET;
        let faced = across - self.ridge * FACET / TAU * (turned * TAU).sin();
        let (sin, cos) = faced.sin_cos();
        let (ex, ey) = (p.x / radius, p.y / radius);
        let (nx, ny, nz) = (ex * sin + ey * slope, ey * sin - ex * slope, cos.max(0.02));
        let k = 1.0 / (nx * nx + ny * ny + nz * nz).sqrt();
        Probe {
            distance,
            normal: [nx * k, ny * k, nz * k],
            along: t,
            across,
        }
    }
}
