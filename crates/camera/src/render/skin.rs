//! The skin of the fruit: the one room that is told whether it is ripe.
//!
//! Ripe: yellow bananas, with or without brown specks; red strawberries. Unripe: green bananas;
//! white or greenish strawberries. The hues of the two are kept far enough apart that the light and
//! the white balance of a scene cannot carry one over to the other.

use super::colour::{Rgb, grey, hsv, mix, ramp, scale};
use super::fruit::{Fruit, Kind};
use super::light::{Finish, Light};
use super::noise::Noise;
use super::plane::V2;
use super::rng::Stream;
use super::shape::{Probe, STEM_STARTS};
use crate::truth::Truth;

/// The skin of all fruit in a scene.
pub(crate) enum Skin {
    Banana(BananaSkin),
    Strawberry(StrawberrySkin),
}

pub(crate) struct BananaSkin {
    base: Rgb,
    /// Patches of a slightly different colour.
    patches: Rgb,
    /// What the skin turns to near the stem.
    shoulder: Rgb,
    shoulder_amount: f32,
    stem: Rgb,
    mark: Rgb,
    /// Above this much noise there is a speck; 9 for none.
    speck_above: f32,
    /// Above this much noise there is a blotch; 9 for none.
    blotch_above: f32,
    finish: Finish,
}

pub(crate) struct StrawberrySkin {
    base: Rgb,
    patches: Rgb,
    /// Colour near the sepals.
    shoulder: Rgb,
    shoulder_amount: f32,
    seed: Rgb,
    sepal: Rgb,
    /// Distance between seeds, as a fraction of the fruit's radius.
    pitch: f32,
    finish: Finish,
}

impl Skin {
    /// A skin of this truth.
    pub(crate) fn sample(kind: Kind, truth: Truth, stream: &mut Stream) -> Self {
        match kind {
            Kind::Banana => Self::Banana(BananaSkin::sample(truth, stream)),
            Kind::Strawberry => Self::Strawberry(StrawberrySkin::sample(truth, stream)),
        }
    }
}

impl BananaSkin {
    fn sample(truth: Truth, stream: &mut Stream) -> Self {
        let (hue, saturation, value) = match truth {
            Truth::Ripe => (
                stream.between(43.0, 55.0),
                stream.between(0.66, 0.92),
                stream.between(0.8, 0.97),
            ),
            Truth::Unripe => (
                stream.between(78.0, 106.0),
                stream.between(0.5, 0.8),
                stream.between(0.5, 0.76),
            ),
        };
        let drift = stream.around(0.0, 4.0);
        let lighter = stream.between(0.0, 0.1);
        let green = hsv(stream.between(72.0, 95.0), 0.6, 0.6);
        let speck = stream.between(0.0, 1.0);
        let blotch = stream.between(0.0, 1.0);
        let (speck_above, blotch_above, shoulder_amount) = match truth {
            // Half of the ripe ones are clean, a third have freckles, the rest many.
            Truth::Ripe => (
                if speck < 0.5 { 9.0 } else { 1.5 - speck * 0.85 },
                if blotch < 0.5 {
                    9.0
                } else {
                    1.55 - blotch * 0.7
                },
                stream.between(0.0, 0.45),
            ),
            Truth::Unripe => (
                if speck < 0.7 { 9.0 } else { 1.75 - speck * 0.6 },
                if blotch < 0.8 {
                    9.0
                } else {
                    1.7 - blotch * 0.6
                },
                stream.between(0.0, 0.3),
            ),
        };
        Self {
            base: hsv(hue, saturation, value),
            patches: hsv(
                hue + drift,
                saturation * (1.0 - lighter * 2.0),
                value * (1.0 - lighter),
            ),
            shoulder: green,
            shoulder_amount,
            stem: mix(green, hsv(38.0, 0.5, 0.45), stream.between(0.0, 0.8)),
            mark: hsv(stream.between(18.0, 34.0), 0.65, stream.between(0.14, 0.34)),
            speck_above,
            blotch_above,
            finish: Finish {
                gloss: stream.between(0.02, 0.16),
                sharpness: 3,
            },
        }
    }

    /// Light that comes from one point of a banana.
    pub(crate) fn colour(&self, at: &Probe, fruit: &Fruit, noise: &Noise, light: &Light) -> Rgb {
        let (t, turn, from) = (at.along, at.across, fruit.texture);
        let soft = noise.clouds(t * 0.45 + from.x, turn * 0.12 + from.y);
        let mut skin = mix(self.base, self.patches, 0.5 + soft);
        skin = scale(
            skin,
            1.0 + 0.05 * noise.grain(t * 0.9 + from.y, turn * 0.07 + from.x),
        );
        skin = mix(
            skin,
            self.shoulder,
            self.shoulder_amount * ramp(0.4, 0.85, t),
        );
        if self.blotch_above < 8.0 {
            let blotch = noise.clouds(t * 1.3 + from.y, turn * 0.3 + from.x);
            skin = mix(
                skin,
                self.mark,
                0.75 * ramp(self.blotch_above, self.blotch_above + 0.4, blotch),
            );
        }
        if self.speck_above < 8.0 {
            let speck = noise.grain(t * 0.5 + from.x, turn * 0.11 + from.y);
            skin = mix(
                skin,
                self.mark,
                0.85 * ramp(self.speck_above, self.speck_above + 0.35, speck),
            );
        }
        skin = mix(
            skin,
            self.stem,
            ramp(STEM_STARTS - 0.12, STEM_STARTS + 0.03, t),
        );
        let black = ramp(0.955, 0.985, t) + ramp(-0.945, -0.985, t);
        skin = mix(skin, grey(0.14), 0.9 * black.min(1.0));
        // Light hardly reaches the seam between fruit and ground.
        let seam = 0.6 + 0.4 * ramp(0.0, 0.55, at.normal[2]);
        scale(light.shade(skin, at.normal, self.finish), seam)
    }

    /// Light that comes from the crown of a hand.
    pub(crate) fn crown(&self, at: &Probe, noise: &Noise, light: &Light) -> Rgb {
        let rough = noise.clouds(at.along * 0.2, at.across * 0.2);
        let colour = mix(self.stem, self.mark, 0.55 + 0.6 * rough);
        light.shade(
            colour,
            at.normal,
            Finish {
                gloss: 0.0,
                sharpness: 3,
            },
        )
    }
}

impl StrawberrySkin {
    fn sample(truth: Truth, stream: &mut Stream) -> Self {
        let (hue, saturation, value) = match truth {
            Truth::Ripe => (
                stream.between(-10.0, 13.0),
                stream.between(0.8, 0.95),
                stream.between(0.72, 0.93),
            ),
            Truth::Unripe if stream.chance(0.6) => (
                stream.between(60.0, 82.0),
                stream.between(0.2, 0.46),
                stream.between(0.78, 0.94),
            ),
            Truth::Unripe => (
                stream.between(74.0, 94.0),
                stream.between(0.45, 0.66),
                stream.between(0.58, 0.8),
            ),
        };
        let drift = stream.around(0.0, 5.0);
        let pale = hsv(stream.between(30.0, 60.0), 0.35, 0.9);
        let (seed, shoulder, shoulder_amount) = match truth {
            Truth::Ripe => (
                hsv(stream.between(32.0, 52.0), 0.65, stream.between(0.6, 0.88)),
                pale,
                (stream.between(-0.5, 0.5)).max(0.0),
            ),
            Truth::Unripe => (
                hsv(stream.between(40.0, 85.0), 0.6, stream.between(0.34, 0.66)),
                hsv(hue + 8.0, saturation, value * 0.9),
                stream.between(0.0, 0.6),
            ),
        };
        Self {
            base: hsv(hue, saturation, value),
            patches: hsv(hue + drift, saturation * 0.92, value * 0.9),
            shoulder,
            shoulder_amount,
            seed,
            sepal: hsv(
                stream.between(80.0, 125.0),
                stream.between(0.5, 0.8),
                stream.between(0.35, 0.65),
            ),
            pitch: stream.between(0.17, 0.25),
            finish: Finish {
                gloss: stream.between(0.1, 0.42),
                sharpness: 5,
            },
        }
    }

    /// Light that comes from one point of a strawberry.
    pub(crate) fn colour(&self, at: &Probe, fruit: &Fruit, noise: &Noise, light: &Light) -> Rgb {
        let from = fruit.texture;
        // Roll the dome out, so that the seeds crowd towards the edge as they do on a ball.
        let q2 = at.along * at.along + at.across * at.across;
        let rolled = V2::new(at.along, at.across).times(1.0 + 0.28 * q2 + 0.12 * q2 * q2);
        let (from_seed, seed_distance) = nearest_seed(rolled, self.pitch, from);
        let soft = noise.clouds(rolled.x * 0.25 + from.x, rolled.y * 0.25 + from.y);
        let mut skin = mix(self.base, self.patches, 0.5 + 0.8 * soft);
        skin = mix(
            skin,
            self.shoulder,
            self.shoulder_amount * ramp(-0.25, -0.75, at.along),
        );
        let radius = self.pitch * 0.16;
        let edge = ramp(0.1, 0.45, at.normal[2]);
        // The pit round a seed: its far side faces the light, its near side lies in the dark.
        let pit = edge * (1.0 - ramp(radius, radius * 2.8, seed_distance));
        let lean = -0.75 * pit / seed_distance.max(radius);
        let tilt = fruit.body.place.direction_out(from_seed.times(lean * 0.9));
        let mut normal = [at.normal[0] + tilt.x, at.normal[1] + tilt.y, at.normal[2]];
        let length = normal.iter().map(|n| n * n).sum::<f32>().sqrt();
        normal = normal.map(|n| n / length);
        skin = scale(skin, 1.0 - 0.22 * pit);
        skin = mix(
            skin,
            self.seed,
            edge * (1.0 - ramp(radius * 0.8, radius * 1.25, seed_distance)),
        );
        let seam = 0.55 + 0.45 * ramp(0.0, 0.6, at.normal[2]);
        scale(light.shade(skin, normal, self.finish), seam)
    }

    /// Light that comes from sepals and stalk.
    pub(crate) fn green_part(&self, at: &Probe, noise: &Noise, light: &Light) -> Rgb {
        let vein = 1.0 + 0.22 * ramp(0.12, 0.0, at.across.abs());
        let soft = noise.clouds(at.along * 0.3, at.across * 0.2);
        let colour = scale(self.sepal, vein * (1.0 + 0.25 * soft));
        light.shade(
            colour,
            at.normal,
            Finish {
                gloss: 0.06,
                sharpness: 3,
            },
        )
    }
}

/// The step from the nearest seed to `p` and its length (longer along the fruit: seeds are drops).
fn nearest_seed(p: V2, pitch: f32, texture: V2) -> (V2, f32) {
    let height = pitch * 0.866;
    let y = p.y / height + texture.y;
    let row = nearest(y);
    let shift = if row & 1 == 1 { 0.5 } else { 0.0 };
    let x = p.x / pitch + shift + texture.x;
    let column = nearest(x);
    // Not quite a lattice: each seed is a little beside its place.
    let hash = row
        .wrapping_mul(0x2C1B_3C6D)
        .wrapping_add(column)
        .wrapping_mul(0x297A_2D39);
    let wobble = |shift: u32| ((hash >> shift) & 0xFF) as f32 / 1024.0 - 0.125;
    let step = V2::new(
        (x - column as f32 + wobble(8)) * pitch,
        (y - row as f32 + wobble(16)) * height,
    );
    (step, V2::new(step.x / 1.45, step.y).length())
}

/// The nearest whole number. Written by hand because `round` is a call on plain x86-64.
fn nearest(x: f32) -> i32 {
    let shifted = x + 0.5;
    let truncated = shifted as i32;
    if shifted < truncated as f32 {
        truncated - 1
    } else {
        truncated
    }
}
