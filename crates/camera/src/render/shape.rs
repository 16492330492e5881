//! Shapes as signed distances, with the surface that a light sees.
//!
//! Every shape answers one question, [`Shape::probe`]: how far is this point from the outline, and
//! if it is inside, which way does the surface face there and where on the fruit is it. Edges are
//! smoothed from the distance, so nothing is drawn several times for it.

mod banana;
mod outline;

pub(crate) use banana::{Banana, STEM_STARTS};
pub(crate) use outline::Outline;

use super::plane::{Place, V2};

/// What a shape is at one point.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    /// Distance to the outline in plane units, negative inside. Close to the outline it is good
    /// to a few per cent; far away it only keeps its sign and order.
    pub(crate) distance: f32,
    /// Unit vector out of the surface: x, y in the picture, z towards the camera.
    pub(crate) normal: [f32; 3],
    /// Where along the thing: -1 to 1 for a banana (tip to stem), a stick or a leaf; x for the
    /// others, in the shape's own units.
    pub(crate) along: f32,
    /// Where across: the turn about the axis in radians for a banana, -1 to 1 for a stick or a
    /// leaf; y for the others, in the shape's own units.
    pub(crate) across: f32,
}

impl Probe {
    /// Flat at this place of the shape, as everything is where nobody looks closely.
    fn facing_camera(distance: f32, at: V2) -> Self {
        Self {
            distance,
            normal: [0.0, 0.0, 1.0],
            along: at.x,
            across: at.y,
        }
    }
}

/// A form at a place.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) place: Place,
    pub(crate) form: Form,
}

/// The forms. Own units: a banana bends about a circle of radius 1, an outline has a radius near 1.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    Banana(Banana),
    Outline(Outline),
    /// A round stick along x from -`half_length` to `half_length`, its radius changing evenly.
    Stick {
        half_length: f32,
        start: f32,
        end: f32,
    },
    /// A leaf along x from -1 to 1, between two circles, folded along its middle.
    Leaf {
        half_width: f32,
    },
    /// A flat rectangle with round corners and a narrow bevel.
    Slab {
        half: V2,
        corner: f32,
    },
}

impl Shape {
    pub(crate) fn new(form: Form, origin: V2, angle: f32, scale: f32) -> Self {
        Self {
            place: Place::new(origin, angle, scale),
            form,
        }
    }

    /// Asks the shape about one point of the picture.
    pub(crate) fn probe(&self, point: V2) -> Probe {
        let p = self.place.inward(point);
        let mut probe = match &self.form {
            Form::Banana(banana) => banana.probe(p),
            Form::Outline(outline) => outline.probe(p),
            Form::Stick {
                half_length,
                start,
                end,
            } => probe_stick(p, *half_length, *start, *end),
            Form::Leaf { half_width } => probe_leaf(p, *half_width),
            Form::Slab { half, corner } => probe_slab(p, *half, *corner),
        };
        probe.distance *= self.place.scale;
        let side = self
            .place
            .direction_out(V2::new(probe.normal[0], probe.normal[1]));
        probe.normal = [side.x, side.y, probe.normal[2]];
        probe
    }

    /// Only whether the point is inside.
    pub(crate) fn contains(&self, point: V2) -> bool {
        self.probe(point).distance < 0.0
    }

    /// The smallest upright rectangle around the shape (least corner, greatest corner).
    pub(crate) fn bounds(&self) -> (V2, V2) {
        let mut low = V2::new(f32::MAX, f32::MAX);
        let mut high = V2::new(f32::MIN, f32::MIN);
        let mut add = |own: V2| {
            let p = self.place.outward(own);
            low = V2::new(low.x.min(p.x), low.y.min(p.y));
            high = V2::new(high.x.max(p.x), high.y.max(p.y));
        };
        match &self.form {
            Form::Banana(banana) => banana.points().for_each(&mut add),
            Form::Outline(outline) => outline.points().for_each(&mut add),
            Form::Stick {
                half_length,
                start,
                end,
            } => {
                for (x, r) in [(-half_length, *start), (*half_length, *end)] {
                    for (dx, dy) in [(-r, -r), (r, -r), (-r, r), (r, r)] {
                        add(V2::new(x + dx, dy));
                    }
                }
            }
            Form::Leaf { half_width } => {
                for (x, y) in [(-1.0, 0.0), (1.0, 0.0)] {
                    for dy in [-half_width, 0.0, *half_width] {
                        add(V2::new(x, y + dy));
                    }
                }
            }
            Form::Slab { half, .. } => {
                for (sx, sy) in [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)] {
                    add(V2::new(half.x * sx, half.y * sy));
                }
            }
        }
        (low, high)
    }
}

fn probe_stick(p: V2, half_length: f32, start: f32, end: f32) -> Probe {
    let t = (p.x / half_length).clamp(-1.0, 1.0);
    let radius = start + (end - start) * (t + 1.0) * 0.5;
    let to_axis = V2::new(p.x - t * half_length, p.y);
    let length = to_axis.length();
    let v = (length / radius).min(1.0);
    let k = if length > 1e-5 { v / length } else { 0.0 };
    Probe {
        distance: length - radius,
        normal: [
            to_axis.x * k,
            to_axis.y * k,
            (1.0 - v * v).max(0.0025).sqrt(),
        ],
        along: t,
        across: p.y / radius,
    }
}

fn probe_leaf(p: V2, half_width: f32) -> Probe {
    // Two circles through both ends, each reaching `half_width` over the middle.
    let radius = (1.0 + half_width * half_width) / (2.0 * half_width);
    let distance = V2::new(p.x, p.y.abs() + radius - half_width).length() - radius;
    let fold = 0.38 * p.y.signum();
    let bend = 0.25 * p.x;
    let k = 1.0 / (fold * fold + bend * bend + 0.8).sqrt();
    Probe {
        distance,
        normal: [bend * k, fold * k, 0.894 * k],
        along: p.x,
        across: p.y / half_width,
    }
}

fn probe_slab(p: V2, half: V2, corner: f32) -> Probe {
    let (dx, dy) = (p.x.abs() - half.x + corner, p.y.abs() - half.y + corner);
    let outside = V2::new(dx.max(0.0), dy.max(0.0)).length();
    let distance = outside + dx.max(dy).min(0.0) - corner;
    // The bevel is a twentieth of the narrow side.
    let bevel = half.x.min(half.y) * 0.1;
    let lean = (1.0 + distance / bevel).clamp(0.0, 1.0) * 0.6;
    let (nx, ny) = if dx > dy {
        (p.x.signum() * lean, 0.0)
    } else {
        (0.0, p.y.signum() * lean)
    };
    Probe {
        distance,
        normal: [nx, ny, (1.0 - lean * lean).sqrt()],
        along: p.x,
        across: p.y,
    }
}

/// The whole part of a number that is not negative.
#[allow(clippy::cast_sign_loss)] // clamped first; a cast from float saturates besides
pub(crate) fn index(x: f32) -> usize {
    x.max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes() -> Vec<Shape> {
        let at = V2::new(0.05, -0.03);
        vec![
            Shape::new(
                Form::Banana(Banana::new(0.8, 0.2, 0.5, 0.1)),
                V2::new(-0.3, 0.0),
                0.2,
                0.4,
            ),
            Shape::new(
                Form::Outline(Outline::new(0.9, |a| 1.0 + 0.1 * a.cos())),
                at,
                1.0,
                0.3,
            ),
            Shape::new(
                Form::Stick {
                    half_length: 1.0,
                    start: 0.1,
                    end: 0.2,
                },
                at,
                0.4,
                0.3,
            ),
            Shape::new(Form::Leaf { half_width: 0.3 }, at, 0.6, 0.3),
            Shape::new(
                Form::Slab {
                    half: V2::new(1.0, 0.4),
                    corner: 0.05,
                },
                at,
                2.0,
                0.3,
            ),
        ]
    }

    #[test]
    fn distances_are_honest_near_the_outline() {
        // Walking along the gradient must change the distance at about the speed of the walk; at
        // the corners and between two steps of a table it may jump.
        for shape in shapes() {
            let (mut looked_at, mut odd) = (0, 0);
            for i in 0..200 * 200 {
                let p = V2::new(
                    (i % 200) as f32 / 200.0 - 0.5,
                    (i / 200) as f32 / 200.0 - 0.5,
                );
                let d = shape.probe(p).distance;
                if d.abs() > 0.003 {
                    continue;
                }
                let h = 1e-3;
                let gx = (shape.probe(V2::new(p.x + h, p.y)).distance - d) / h;
                let gy = (shape.probe(V2::new(p.x, p.y + h)).distance - d) / h;
                let speed = (gx * gx + gy * gy).sqrt();
                odd += i32::from(!(0.6..1.5).contains(&speed));
                looked_at += 1;
            }
            assert!(looked_at > 100, "{:?}", shape.form);
            assert!(
                odd * 33 < looked_at,
                "{odd} of {looked_at} in {:?}",
                shape.form
            );
        }
    }

    #[test]
    fn normals_are_unit_vectors_towards_the_camera() {
        for shape in shapes() {
            for i in 0..100 * 100 {
                let p = V2::new(
                    (i % 100) as f32 / 100.0 - 0.5,
                    (i / 100) as f32 / 100.0 - 0.5,
                );
                let probe = shape.probe(p);
                if probe.distance < 0.0 {
                    let [x, y, z] = probe.normal;
                    let length = (x * x + y * y + z * z).sqrt();
                    assert!((0.95..1.05).contains(&length) && z > 0.0, "{probe:?}");
                }
            }
        }
    }

    #[test]
    fn bounds_hold_every_inner_point() {
        for shape in shapes() {
            let (low, high) = shape.bounds();
            for i in 0..100 * 100 {
                let p = V2::new((i % 100) as f32 / 50.0 - 1.0, (i / 100) as f32 / 50.0 - 1.0);
                if shape.contains(p) {
                    let slack = 0.01;
                    assert!(
                        p.x > low.x - slack && p.x < high.x + slack,
                        "{:?}",
                        shape.form
                    );
                    assert!(
                        p.y > low.y - slack && p.y < high.y + slack,
                        "{:?}",
                        shape.form
                    );
                }
            }
        }
    }
}
