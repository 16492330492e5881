//! Shapes that are given by their radius in each direction: strawberries, stones, lids.

use super::{Probe, index};
use crate::render::plane::V2;
use std::f32::consts::{PI, TAU};

/// A closed outline given by its radius in each direction, domed or flat.
#[derive(Debug, Clone)]
pub(crate) struct Outline {
    radii: Vec<f32>,
    /// The greatest of them.
    widest: f32,
    /// How far it bulges towards the camera: 0 flat, 1 half a ball.
    pub(crate) dome: f32,
}

const OUTLINE_STEPS: usize = 128;

impl Outline {
    /// `radius` is asked for each direction, an angle from -pi to pi.
    pub(crate) fn new(dome: f32, radius: impl Fn(f32) -> f32) -> Self {
        let radii = (0..OUTLINE_STEPS)
            .map(|i| radius(i as f32 * TAU / OUTLINE_STEPS as f32 - PI).max(0.02))
            .collect::<Vec<f32>>();
        let widest = radii.iter().copied().fold(0.0, f32::max);
        Self {
            radii,
            widest,
            dome,
        }
    }

    /// Points of the outline, all the way round.
    pub(super) fn points(&self) -> impl Iterator<Item = V2> {
        let turn = |i: usize| i as f32 * TAU / OUTLINE_STEPS as f32 - PI;
        self.radii
            .iter()
            .enumerate()
            .map(move |(i, radius)| V2::polar(turn(i)).times(*radius))
    }

    pub(super) fn probe(&self, p: V2) -> Probe {
        let rho = p.length().max(1e-5);
        if rho > self.widest * 1.5 {
            return Probe::facing_camera(rho - self.widest, p);
        }
        let angle = p.y.atan2(p.x);
        let x = (angle + PI) * (OUTLINE_STEPS as f32 / TAU);
        let i = index(x) & (OUTLINE_STEPS - 1);
        let (a, b) = (self.radii[i], self.radii[(i + 1) & (OUTLINE_STEPS - 1)]);
        let radius = a + (b - a) * (x - index(x) as f32);
        let slope = (b - a) * (OUTLINE_STEPS as f32 / TAU) / radius;
        let distance = (rho - radius) / (1.0 + slope * slope).sqrt();
        let q = (rho / radius).min(1.0);
        let (ex, ey) = (p.x / rho, p.y / rho);
        // Across the rays the outline leans by `slope`.
        let (gx, gy) = (ex + ey * slope, ey - ex * slope);
        let steep = self.dome * q;
        let nz = (1.0 - q * q * self.dome * self.dome)
            .max(0.0)
            .sqrt()
            .max(0.05);
        let (nx, ny) = (gx * steep, gy * steep);
        let k = 1.0 / (nx * nx + ny * ny + nz * nz).sqrt();
        Probe {
            distance,
            normal: [nx * k, ny * k, nz * k],
            along: p.x,
            across: p.y,
        }
    }
}
