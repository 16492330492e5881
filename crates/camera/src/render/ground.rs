//! The ground: what the fruit lies on, painted over the whole picture.
//!
//! Kind and colour are chosen without the truth. One picture in four has two grounds, parted by a
//! straight edge, such as a table and the floor beside it.

use super::colour::{Rgb, mix, ramp, scale, tint};
use super::noise::Noise;
use super::palette;
use super::plane::V2;
use super::raster::Canvas;
use super::rng::Stream;

/// What the ground is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Paper, a studio board, a painted table.
    Plain,
    Wood,
    Cloth,
    Soil,
    Concrete,
    /// A conveyor belt with ribs and side rails.
    Belt,
    /// The perforated floor of a plastic crate.
    Crate,
    /// Creased plastic film, as under strawberries in a field.
    Film,
    /// What lies in the dark between leaves; the leaves themselves are things.
    Foliage,
}

const KINDS: [Kind; 9] = [
    Kind::Plain,
    Kind::Wood,
    Kind::Cloth,
    Kind::Soil,
    Kind::Concrete,
    Kind::Belt,
    Kind::Crate,
    Kind::Film,
    Kind::Foliage,
];

/// One material, ready to be asked for its colour anywhere.
#[derive(Debug, Clone)]
struct Material {
    kind: Kind,
    base: Rgb,
    second: Rgb,
    /// Direction of grain, weave or ribs.
    along: V2,
    /// Width of a plank, a stripe, a rib or a hole, in plane units.
    pitch: f32,
    /// How strong the texture is, 0.5 to 1.
    strength: f32,
    /// Whether cloth has stripes, a belt rails.
    pattern: bool,
    offset: V2,
}

/// The ground of a scene.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    main: Material,
    /// Another material beyond a line: its normal and its distance from the middle.
    beyond: Option<(Material, V2, f32)>,
    /// Uneven light over the ground: direction and strength.
    slope: V2,
}

impl Ground {
    pub(crate) fn sample(stream: &mut Stream) -> Self {
        let main = Material::sample(stream);
        let beyond = stream.chance(0.25).then(|| {
            (
                Material::sample(stream),
                V2::polar(stream.angle()),
                stream.between(0.12, 0.45),
            )
        });
        let slope = V2::polar(stream.angle()).times(stream.between(0.0, 0.35));
        Self {
            main,
            beyond,
            slope,
        }
    }

    /// Whether leaves belong on this ground.
    pub(crate) fn is_foliage(&self) -> bool {
        self.main.kind == Kind::Foliage
    }

    /// Fills the canvas. The ground is flat, so light on it is one colour, `lit`.
    pub(crate) fn paint(&self, canvas: &mut Canvas, noise: &Noise, lit: Rgb) {
        let edge = 1.5 / canvas.unit;
        canvas.fill(|p| {
            let mut colour = match &self.beyond {
                None => self.main.colour(p, noise),
                Some((other, normal, distance)) => {
                    let d = p.x * normal.x + p.y * normal.y - distance;
                    if d < -0.03 {
                        self.main.colour(p, noise)
                    } else if d < edge {
                        // The line of shadow along the edge of the nearer ground.
                        scale(self.main.colour(p, noise), 1.0 - 0.5 * ramp(-0.03, edge, d))
                    } else {
                        scale(other.colour(p, noise), 0.55 + 0.45 * ramp(edge, 0.12, d))
                    }
                }
            };
            colour = scale(colour, 1.0 + p.x * self.slope.x + p.y * self.slope.y);
            tint(colour, lit)
        });
    }
}

impl Material {
    fn sample(stream: &mut Stream) -> Self {
        let kind = stream.pick(&KINDS);
        let base = palette::ground(stream);
        let contrast = if stream.chance(0.5) {
            palette::ground(stream)
        } else {
            scale(base, 0.55)
        };
        let pitch = match kind {
            Kind::Wood => stream.between(0.14, 0.4),
            Kind::Cloth => stream.between(0.03, 0.16),
            Kind::Belt => stream.between(0.04, 0.12),
            Kind::Crate => stream.between(0.06, 0.13),
            Kind::Plain | Kind::Soil | Kind::Concrete | Kind::Film | Kind::Foliage => 0.1,
        };
        Self {
            kind,
            base,
            second: contrast,
            along: V2::polar(stream.angle()),
            pitch,
            strength: stream.between(0.5, 1.0),
            pattern: stream.chance(0.45),
            offset: V2::new(stream.between(0.0, 1.0), stream.between(0.0, 1.0)),
        }
    }

    fn colour(&self, p: V2, noise: &Noise) -> Rgb {
        let u = p.x * self.along.x + p.y * self.along.y + self.offset.x;
        let v = p.y * self.along.x - p.x * self.along.y + self.offset.y;
        let k = self.strength;
        match self.kind {
            Kind::Plain => {
                let soft = noise.clouds(u * 0.35, v * 0.35);
                scale(
                    self.base,
                    1.0 + 0.1 * k * soft + 0.02 * noise.grain(u * 2.0, v * 2.0),
                )
            }
            Kind::Wood => {
                let planks = v / self.pitch;
                let within = fraction(planks);
                let plank = planks - within;
                let shift = plank * 0.381;
                let lines = noise.clouds(u * 0.12 + shift, v * 2.2 + shift);
                let pores = noise.grain(u * 0.2 + shift, v * 3.1);
                let shade = 0.12 * ((plank * 12.7).sin() * 3.1).sin();
                let gap = ramp(0.0, 0.035, within) * ramp(1.0, 0.975, within);
                scale(
                    self.base,
                    (1.0 + k * (0.3 * lines + 0.1 * pores) + shade) * (0.25 + 0.75 * gap),
                )
            }
            Kind::Cloth => {
                let folds = noise.clouds(u * 0.5, v * 0.5);
                let threads = zigzag(u * 95.0) * zigzag(v * 95.0);
                let mut colour = self.base;
                if self.pattern {
                    let stripe = zigzag(v / self.pitch * 0.5);
                    colour = mix(colour, self.second, ramp(0.1, 0.2, stripe));
                }
                scale(colour, 1.0 + 0.28 * k * folds + 0.16 * threads)
            }
            Kind::Soil => {
                let clods = noise.clouds(u * 1.3, v * 1.3);
                let crumbs = noise.grain(u * 1.6, v * 1.6) + 0.5 * noise.clouds(u * 5.0, v * 5.0);
                let lumps = ramp(0.7, 1.3, crumbs);
                scale(
                    mix(self.base, self.second, lumps * 0.6),
                    1.0 + k * (0.4 * clods + 0.35 * crumbs),
                )
            }
            Kind::Concrete => {
                let stains = noise.clouds(u * 0.6, v * 0.6);
                let grit = noise.grain(u * 2.2, v * 2.2);
                let crack = noise.clouds(u * 0.33 + 0.5, v * 0.33).abs();
                let line = 1.0 - 0.5 * ramp(0.012, 0.0, crack);
                scale(self.base, (1.0 + k * (0.16 * stains + 0.13 * grit)) * line)
            }
            Kind::Belt => {
                let rib = zigzag(u / self.pitch);
                let worn = noise.clouds(u * 0.4, v * 1.1);
                let belt = scale(self.base, 1.0 + 0.3 * k * ramp(0.1, 0.5, rib) + 0.18 * worn);
                let side = (v - self.offset.y).abs();
                if self.pattern && side > 0.4 {
                    let metal =
                        0.75 + 0.25 * zigzag(side * 9.0) + 0.1 * noise.grain(u * 0.2, v * 2.0);
                    scale(self.second, metal * ramp(0.4, 0.425, side))
                } else {
                    belt
                }
            }
            Kind::Crate => {
                let (a, b) = (zigzag(u / self.pitch), zigzag(v / self.pitch));
                let hole = ramp(-0.25, -0.1, a) * ramp(-0.25, -0.1, b);
                let rim = ramp(-0.5, -0.2, a.min(b)) - hole;
                let worn = noise.clouds(u * 0.7, v * 0.7);
                let plastic = scale(self.base, 1.0 + 0.14 * k * worn + 0.25 * rim.max(0.0));
                mix(plastic, scale(self.second, 0.22), hole)
            }
            Kind::Film => {
                let crease = 1.0 - noise.clouds(u * 0.8, v * 0.35).abs() * 1.6;
                let fine = 1.0 - noise.clouds(u * 2.7 + 0.3, v * 1.9).abs() * 1.8;
                let glint = ramp(0.82, 1.0, crease) + 0.5 * ramp(0.85, 1.0, fine);
                let film = scale(self.base, 0.8 + k * (0.22 * crease + 0.16 * fine));
                mix(film, [0.7; 3], 0.2 * k * glint)
            }
            Kind::Foliage => {
                let depth = noise.clouds(u * 1.5, v * 1.5);
                scale(
                    mix(self.base, self.second, 0.5 + depth),
                    0.45 + 0.25 * depth,
                )
            }
        }
    }
}

/// A triangle wave of period 1 between -1 and 1.
fn zigzag(x: f32) -> f32 {
    (fraction(x) - 0.5).abs() * 4.0 - 1.0
}

/// What is left above the next lower whole number.
fn fraction(x: f32) -> f32 {
    let rest = x - x as i32 as f32;
    if rest < 0.0 { rest + 1.0 } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::rng::Purpose;

    #[test]
    fn every_kind_gives_light_that_a_sensor_can_hold() {
        let noise = Noise::new(&mut Stream::of(3, 0, Purpose::Texture));
        let mut seen = Vec::new();
        for index in 0..200 {
            let material = Material::sample(&mut Stream::of(3, index, Purpose::Ground));
            if !seen.contains(&material.kind) {
                seen.push(material.kind);
            }
            for i in 0..100 {
                let p = V2::new((i % 10) as f32 * 0.11 - 0.5, (i / 10) as f32 * 0.093 - 0.5);
                let colour = material.colour(p, &noise);
                assert!(
                    colour.iter().all(|c| (0.0..3.0).contains(c)),
                    "{material:?} {colour:?}"
                );
            }
        }
        assert_eq!(seen.len(), KINDS.len());
    }
}
