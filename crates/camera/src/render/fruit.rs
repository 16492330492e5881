//! The fruit of a scene: which, how many, how they lie. Their colours are in [`super::skin`].
//!
//! Nothing here knows whether the fruit is ripe.

use super::plane::V2;
use super::rng::Stream;
use super::shape::{Banana, Form, Outline, Shape};
use std::f32::consts::PI;

/// The fruits that are rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Banana,
    Strawberry,
}

/// One fruit with the parts that belong to it.
#[derive(Debug, Clone)]
pub(crate) struct Fruit {
    pub(crate) body: Shape,
    /// How far the body stands out of the ground, in units of the body's own scale.
    relief: f32,
    /// Sepals and stalk of a strawberry, painted over the body; green whatever the truth.
    pub(crate) green_parts: Vec<Shape>,
    /// Where in the noise tables this fruit's skin begins.
    pub(crate) texture: V2,
}

impl Fruit {
    /// Height above the ground in plane units.
    pub(crate) fn height(&self) -> f32 {
        self.relief * self.body.place.scale
    }
}

/// The fruit of one scene.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) kind: Kind,
    pub(crate) fruits: Vec<Fruit>,
    /// Where the stems of a hand of bananas have grown together.
    pub(crate) crown: Option<Shape>,
    /// Share of the centre square that shows fruit, before anything lies over it.
    pub(crate) cover: f32,
}

/// Half the side of the square that matters: a classifier that resizes the shorter side to 256 and
/// crops 224 sees this much of it.
pub(crate) const CROP_HALF: f32 = 0.5 * 224.0 / 256.0;

/// The least and the greatest share of that square that fruit may cover.
pub(crate) const COVER: std::ops::RangeInclusive<f32> = 0.13..=0.44;

/// Sampling points each way when the share is measured.
const GRID: usize = 36;

impl Group {
    /// Arranges fruit, then scales and moves it so that it covers its share of the centre.
    pub(crate) fn sample(stream: &mut Stream) -> Self {
        let mut best: Option<Self> = None;
        // Nine arrangements in ten fit at once; the bound only keeps a bad draw from going on.
        for _ in 0..12 {
            let group = Self::arrange(stream).fitted(stream);
            if COVER.contains(&group.cover) {
                return group;
            }
            if best.as_ref().is_none_or(|old| group.cover > old.cover) {
                best = Some(group);
            }
        }
        best.unwrap_or_else(|| Self::arrange(stream).fitted(stream))
    }

    fn arrange(stream: &mut Stream) -> Self {
        if stream.chance(0.55) {
            bananas(stream)
        } else {
            strawberries(stream)
        }
    }

    /// The same arrangement at the size and place where the camera sees it.
    fn fitted(self, stream: &mut Stream) -> Self {
        let (low, high) = self.bounds();
        let (width, height) = (high.x - low.x, high.y - low.y);
        let area = self.area(low, high);
        let wanted = stream.between(0.17, 0.42) * (2.0 * CROP_HALF).powi(2);
        // Most of it stays inside the square, whatever share was wanted.
        let fits = stream.between(0.86, 1.04) / width.max(height);
        let factor = (wanted / area.max(1e-6)).sqrt().min(fits);
        let room = |side: f32| (0.48 - side * factor * 0.5).max(0.0);
        let jitter = V2::new(
            stream.around(0.0, room(width).min(0.2)),
            stream.around(0.0, room(height).min(0.2)),
        );
        let middle = V2::new((low.x + high.x) * 0.5, (low.y + high.y) * 0.5);
        let mut group = self.moved(factor, jitter.minus(middle.times(factor)));
        let crop = V2::new(CROP_HALF, CROP_HALF);
        group.cover = group.area(crop.times(-1.0), crop) / (2.0 * CROP_HALF).powi(2);
        group
    }

    fn moved(mut self, factor: f32, offset: V2) -> Self {
        let shift = |shape: &mut Shape| shape.place = shape.place.moved(factor, offset);
        for fruit in &mut self.fruits {
            shift(&mut fruit.body);
            fruit.green_parts.iter_mut().for_each(shift);
        }
        self.crown.iter_mut().for_each(shift);
        self
    }

    fn bounds(&self) -> (V2, V2) {
        let mut low = V2::new(f32::MAX, f32::MAX);
        let mut high = V2::new(f32::MIN, f32::MIN);
        for fruit in &self.fruits {
            let (a, b) = fruit.body.bounds();
            low = V2::new(low.x.min(a.x), low.y.min(a.y));
            high = V2::new(high.x.max(b.x), high.y.max(b.y));
        }
        (low, high)
    }

    /// Area of the bodies inside a rectangle.
    fn area(&self, low: V2, high: V2) -> f32 {
        let cell = V2::new(
            (high.x - low.x) / GRID as f32,
            (high.y - low.y) / GRID as f32,
        );
        let mut inside = 0_u32;
        for i in 0..GRID * GRID {
            let point = V2::new(
                low.x + cell.x * ((i % GRID) as f32 + 0.5),
                low.y + cell.y * ((i / GRID) as f32 + 0.5),
            );
            inside += u32::from(self.shows_at(point));
        }
        inside as f32 * cell.x * cell.y
    }

    /// Whether some fruit's body is at this point.
    pub(crate) fn shows_at(&self, point: V2) -> bool {
        self.fruits.iter().any(|fruit| fruit.body.contains(point))
    }
}

fn banana(stream: &mut Stream, shape: Shape) -> Fruit {
    let relief = match &shape.form {
        Form::Banana(banana) => banana.half_angle * 0.22,
        _ => 0.2,
    };
    let texture = V2::new(stream.between(0.0, 1.0), stream.between(0.0, 1.0));
    Fruit {
        body: shape,
        relief,
        green_parts: Vec::new(),
        texture,
    }
}

/// One banana, a hand with one crown, or a few side by side.
fn bananas(stream: &mut Stream) -> Group {
    let half_angle = stream.between(0.42, 0.95);
    let slender = stream.between(3.3, 4.9);
    let ridge = stream.between(0.15, 0.75);
    let turn = stream.angle();
    let form = |stream: &mut Stream| {
        let bend = half_angle * stream.around(1.0, 0.08);
        let width = half_angle / slender * stream.around(1.0, 0.08);
        Banana::new(bend, width, ridge, stream.around(0.0, 0.45))
    };
    let mut fruits = Vec::new();
    let mut crown = None;
    match stream.count(0, 9) {
        0..=3 => {
            let form = Form::Banana(form(stream));
            let shape = Shape::new(form, V2::ZERO, turn, 1.0);
            fruits.push(banana(stream, shape));
        }
        4..=7 => {
            let fingers = stream.count(2, 5);
            let fan = stream.between(0.8, 1.5) * 0.85 / slender / (0.6 + half_angle);
            let upwards = if stream.chance(0.5) { 1.0 } else { -1.0 };
            for i in 0..fingers {
                let form = form(stream);
                let angle = turn + upwards * fan * i as f32 + stream.around(0.0, 0.05);
                // Every stem ends at the origin.
                let scale = stream.around(1.0, 0.06);
                let origin = V2::polar(angle + form.half_angle).times(-scale);
                let shape = Shape::new(Form::Banana(form), origin, angle, scale);
                fruits.push(banana(stream, shape));
            }
            let size = half_angle / slender * stream.between(0.34, 0.5);
            let lump = stream.angle();
            let outline = Outline::new(0.8, |a| {
                1.0 + 0.2 * (2.0 * a + lump).cos() + 0.12 * (3.0 * a).sin()
            });
            crown = Some(Shape::new(Form::Outline(outline), V2::ZERO, turn, size));
        }
        _ => {
            let width = half_angle / slender;
            for i in 0..stream.count(2, 3) {
                let along = V2::polar(turn).times(width * 1.9 * i as f32);
                let across = V2::polar(turn + PI * 0.5).times(stream.around(0.0, 0.2));
                let shape = Shape::new(
                    Form::Banana(form(stream)),
                    along.plus(across),
                    turn + stream.around(0.0, 0.22),
                    1.0,
                );
                fruits.push(banana(stream, shape));
            }
        }
    }
    Group {
        kind: Kind::Banana,
        fruits,
        crown,
        cover: 0.0,
    }
}

/// One to four strawberries that touch or nearly touch.
fn strawberries(stream: &mut Stream) -> Group {
    let number = [1, 1, 2, 2, 3, 4][stream.count(0, 5)];
    let spots: &[(f32, f32)] = match number {
        1 => &[(0.0, 0.0)],
        2 => &[(-0.95, 0.0), (0.95, 0.0)],
        3 => &[(-0.95, 0.5), (0.95, 0.5), (0.0, -1.05)],
        _ => &[(-0.95, -0.9), (0.95, -0.9), (-0.9, 0.95), (0.95, 0.9)],
    };
    let turn = stream.angle();
    let alike = stream.chance(0.5);
    let facing = stream.angle();
    let fruits = spots
        .iter()
        .map(|&(x, y)| {
            let spot = V2::new(x + stream.around(0.0, 0.12), y + stream.around(0.0, 0.12));
            let origin = V2::new(
                spot.x * turn.cos() - spot.y * turn.sin(),
                spot.x * turn.sin() + spot.y * turn.cos(),
            );
            let angle = if alike {
                facing + stream.around(0.0, 0.4)
            } else {
                stream.angle()
            };
            strawberry(stream, origin, angle)
        })
        .collect();
    Group {
        kind: Kind::Strawberry,
        fruits,
        crown: None,
        cover: 0.0,
    }
}

/// A strawberry with its tip in the direction of `angle`.
fn strawberry(stream: &mut Stream, origin: V2, angle: f32) -> Fruit {
    let long = stream.between(0.08, 0.2);
    let oval = stream.between(0.05, 0.12);
    let conical = stream.between(0.02, 0.075);
    let (lump, phase) = (stream.between(0.0, 0.02), stream.angle());
    let outline = Outline::new(0.97, |a| {
        0.88 + long * a.cos()
            + oval * (2.0 * a).cos()
            + conical * (3.0 * a).cos()
            + lump * (5.0 * a + phase).cos()
    });
    let scale = stream.around(1.0, 0.14);
    let body = Shape::new(Form::Outline(outline), origin, angle, scale);
    let top = body.place.outward(V2::new(-0.7, stream.around(0.0, 0.06)));
    let mut green_parts = Vec::new();
    let leaning = stream.around(0.0, 0.5);
    let away = V2::polar(angle + PI + leaning);
    let length = stream.between(0.2, 0.7) * scale;
    green_parts.push(Shape::new(
        Form::Stick {
            half_length: length,
            start: 0.05 * scale,
            end: 0.035 * scale,
        },
        top.plus(away.times(length)),
        angle + PI + leaning,
        1.0,
    ));
    // Sepals: those at the side of the stalk first, those that lie on the fruit last.
    let sepals = stream.count(5, 8);
    let reach = stream.between(0.34, 0.52) * scale;
    for i in 0..sepals {
        let share = i as f32 / (sepals - 1) as f32;
        let side = if i % 2 == 0 { 1.0 } else { -1.0 };
        let turn = angle + side * (PI * (0.85 - 0.8 * share)) + stream.around(0.0, 0.2);
        // Seen from the side, the sepals along the axis look shorter.
        let reach = reach * (0.62 + 0.38 * (turn - angle).sin().abs()) * stream.around(1.0, 0.2);
        let middle = top.plus(V2::polar(turn).times(reach * 0.85));
        let half_width = stream.between(0.3, 0.46);
        green_parts.push(Shape::new(Form::Leaf { half_width }, middle, turn, reach));
    }
    let texture = V2::new(stream.between(0.0, 1.0), stream.between(0.0, 1.0));
    Fruit {
        body,
        relief: 0.55,
        green_parts,
        texture,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::rng::Purpose;

    #[test]
    fn fruit_covers_its_share_of_the_centre_and_lies_mostly_inside() {
        let mut kinds = [0, 0];
        for index in 0..400 {
            let group = Group::sample(&mut Stream::of(11, index, Purpose::Layout));
            assert!(
                COVER.contains(&group.cover),
                "frame {index}: {}",
                group.cover
            );
            kinds[usize::from(group.kind == Kind::Banana)] += 1;
            let (low, high) = group.bounds();
            let whole = group.area(low, high);
            let half = V2::new(0.5, 0.5);
            let inside = group.area(half.times(-1.0), half);
            assert!(inside > whole * 0.85, "frame {index}: {inside} of {whole}");
        }
        assert!(kinds.iter().all(|n| *n > 120), "{kinds:?}");
    }
}
