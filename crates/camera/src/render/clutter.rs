//! Clutter: what else lies about, under the fruit, beside it and sometimes a little over it.
//!
//! Leaves, stones, slats, tape, lids, tags, twigs, a hand. None of it has the outline of a fruit,
//! all of it comes in the colours that fruit has, and none of it knows the truth.

use super::colour::{Rgb, grey, hsv, mix, ramp, scale};
use super::light::{Finish, Light};
use super::noise::Noise;
use super::palette;
use super::plane::V2;
use super::raster::Canvas;
use super::rng::Stream;
use super::shape::{Form, Outline, Probe, Shape};

/// One thing.
#[derive(Debug, Clone)]
pub(crate) struct Thing {
    pub(crate) shape: Shape,
    look: Look,
    colour: Rgb,
    /// Above the ground, in plane units.
    height: f32,
}

/// How a thing's surface looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Leaf,
    Stone,
    /// Sawn wood or moulded plastic.
    Slat,
    Tape,
    /// A round lid with a rim.
    Lid,
    /// Paper with lines of print.
    Tag,
    Twig,
    /// A hand, or the glove on it.
    Hand,
}

/// Things of a scene: those under the fruit, then those over it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clutter {
    pub(crate) under: Vec<Thing>,
    pub(crate) over: Vec<Thing>,
}

/// Leaves that make a ground of foliage.
const FOLIAGE: std::ops::RangeInclusive<usize> = 26..=38;

impl Clutter {
    pub(crate) fn sample(stream: &mut Stream, foliage: bool) -> Self {
        let mut clutter = Self::default();
        if foliage {
            let green = palette::leaf(stream);
            for _ in 0..stream.count(*FOLIAGE.start(), *FOLIAGE.end()) {
                let at = V2::new(stream.between(-0.75, 0.75), stream.between(-0.58, 0.58));
                let mut thing = leaf(stream, at, 0.1, 0.19);
                thing.colour = scale(mix(green, thing.colour, 0.3), stream.between(0.5, 1.25));
                clutter.under.push(thing);
            }
        }
        for _ in 0..stream.count(0, 5) {
            add_thing(stream, &mut clutter.under);
        }
        if stream.chance(0.12) {
            add_hand(stream, &mut clutter.under);
        }
        if stream.chance(0.3) {
            // Something thin that lies over an edge of the fruit.
            let at = V2::polar(stream.angle()).times(stream.between(0.22, 0.5));
            let thing = match stream.count(0, 2) {
                0 => twig(stream, at),
                1 => tape(stream, at),
                _ => leaf(stream, at, 0.06, 0.13),
            };
            clutter.over.push(thing);
        }
        clutter
    }
}

impl Thing {
    /// Throws its shadow and covers what is there.
    pub(crate) fn paint(&self, canvas: &mut Canvas, noise: &Noise, light: &Light) {
        canvas.cast_shadow(&self.shape, self.height, light);
        let offset = self.shape.place.origin;
        canvas.paint(&self.shape, |p, at| {
            self.colour(p, at, offset, noise, light)
        });
    }

    fn colour(&self, p: V2, at: &Probe, offset: V2, noise: &Noise, light: &Light) -> Rgb {
        let (x, y) = (at.along, at.across);
        let soft = |scale: f32| noise.clouds(p.x * scale + offset.y, p.y * scale + offset.x);
        let (colour, gloss) = match self.look {
            Look::Leaf => {
                let vein = ramp(0.07, 0.0, y.abs())
                    + 0.4 * ramp(0.8, 1.0, ((x * 5.0 - y.abs() * 1.2) * 3.1).sin());
                (
                    scale(self.colour, 1.0 + 0.25 * vein + 0.2 * soft(1.5)),
                    0.07,
                )
            }
            Look::Stone => (
                scale(self.colour, 1.0 + 0.3 * soft(2.5) + 0.12 * soft(9.0)),
                0.0,
            ),
            Look::Slat => {
                let grain = noise.clouds(x * 0.1 + offset.x, y * 1.6 + offset.y);
                (scale(self.colour, 1.0 + 0.22 * grain), 0.03)
            }
            Look::Tape => (scale(self.colour, 1.0 + 0.08 * soft(1.0)), 0.25),
            Look::Lid => {
                let rho = (x * x + y * y).sqrt();
                let rim = ramp(0.78, 0.82, rho) - ramp(0.88, 0.92, rho);
                (scale(self.colour, 1.0 - 0.3 * rim + 0.06 * soft(1.0)), 0.2)
            }
            Look::Tag => {
                let line = ramp(0.1, 0.3, (y * 14.0).sin()) * ramp(0.86, 0.8, x.abs());
                let letters = ramp(
                    -0.2,
                    0.1,
                    noise.grain(x * 0.16 + offset.x, (y * 2.2).round() * 0.37),
                );
                (mix(self.colour, grey(0.12), 0.8 * line * letters), 0.02)
            }
            Look::Twig => (scale(self.colour, 1.0 + 0.3 * soft(4.0)), 0.0),
            Look::Hand => (scale(self.colour, 1.0 + 0.06 * soft(3.0)), 0.04),
        };
        light.shade(
            colour,
            at.normal,
            Finish {
                gloss,
                sharpness: 4,
            },
        )
    }
}

/// One more thing somewhere, more often near the rim of the picture than under the fruit.
fn add_thing(stream: &mut Stream, things: &mut Vec<Thing>) {
    let at = V2::polar(stream.angle()).times(stream.between(0.25, 0.72));
    match stream.count(0, 9) {
        0..=2 => {
            for _ in 0..stream.count(1, 3) {
                let near = V2::new(
                    at.x + stream.around(0.0, 0.15),
                    at.y + stream.around(0.0, 0.15),
                );
                things.push(leaf(stream, near, 0.08, 0.22));
            }
        }
        3 => {
            for _ in 0..stream.count(1, 5) {
                let near = V2::new(
                    at.x + stream.around(0.0, 0.2),
                    at.y + stream.around(0.0, 0.2),
                );
                things.push(stone(stream, near));
            }
        }
        4 => things.push(slat(stream, at)),
        5 => things.push(tape(stream, at)),
        6..=7 => things.push(lid(stream, at)),
        8 => things.push(tag(stream, at)),
        _ => things.push(twig(stream, at)),
    }
}

fn leaf(stream: &mut Stream, at: V2, least: f32, most: f32) -> Thing {
    let half_width = stream.between(0.26, 0.55);
    let shape = Shape::new(
        Form::Leaf { half_width },
        at,
        stream.angle(),
        stream.between(least, most),
    );
    Thing {
        shape,
        look: Look::Leaf,
        colour: palette::leaf(stream),
        height: 0.018,
    }
}

fn stone(stream: &mut Stream, at: V2) -> Thing {
    let (a, b) = (stream.angle(), stream.angle());
    let (oval, lump) = (stream.between(0.0, 0.22), stream.between(0.0, 0.1));
    let outline = Outline::new(0.85, |t| {
        1.0 + oval * (2.0 * t + a).cos() + lump * (3.0 * t + b).cos()
    });
    let size = stream.between(0.015, 0.06);
    let colour = hsv(
        stream.between(15.0, 60.0),
        stream.between(0.0, 0.35),
        stream.between(0.2, 0.75),
    );
    let shape = Shape::new(Form::Outline(outline), at, stream.angle(), size);
    Thing {
        shape,
        look: Look::Stone,
        colour,
        height: size * 0.5,
    }
}

fn slat(stream: &mut Stream, at: V2) -> Thing {
    // Long enough to leave the picture at both ends, and out of the middle.
    let turn = stream.angle();
    let away = V2::polar(turn + std::f32::consts::FRAC_PI_2);
    let side = stream.between(0.36, 0.6);
    let half = V2::new(1.2, stream.between(0.03, 0.09));
    let colour = if stream.chance(0.5) {
        hsv(
            stream.between(22.0, 40.0),
            stream.between(0.3, 0.6),
            stream.between(0.35, 0.8),
        )
    } else {
        palette::made(stream)
    };
    let middle = away.times(side).plus(at.times(0.05));
    let shape = Shape::new(
        Form::Slab {
            half,
            corner: 0.005,
        },
        middle,
        turn,
        1.0,
    );
    Thing {
        shape,
        look: Look::Slat,
        colour,
        height: 0.05,
    }
}

fn tape(stream: &mut Stream, at: V2) -> Thing {
    let half = V2::new(stream.between(0.08, 0.3), stream.between(0.014, 0.034));
    let shape = Shape::new(
        Form::Slab {
            half,
            corner: 0.002,
        },
        at,
        stream.angle(),
        1.0,
    );
    Thing {
        shape,
        look: Look::Tape,
        colour: palette::made(stream),
        height: 0.004,
    }
}

fn lid(stream: &mut Stream, at: V2) -> Thing {
    let outline = Outline::new(0.12, |_| 1.0);
    let size = stream.between(0.05, 0.15);
    let shape = Shape::new(Form::Outline(outline), at, stream.angle(), size);
    Thing {
        shape,
        look: Look::Lid,
        colour: palette::made(stream),
        height: 0.025,
    }
}

fn tag(stream: &mut Stream, at: V2) -> Thing {
    let half = V2::new(1.0, stream.between(0.45, 0.75));
    let colour = if stream.chance(0.6) {
        grey(stream.between(0.8, 0.95))
    } else {
        palette::made(stream)
    };
    let shape = Shape::new(
        Form::Slab { half, corner: 0.05 },
        at,
        stream.angle(),
        stream.between(0.06, 0.13),
    );
    Thing {
        shape,
        look: Look::Tag,
        colour,
        height: 0.004,
    }
}

fn twig(stream: &mut Stream, at: V2) -> Thing {
    let thick = stream.between(0.004, 0.011);
    let form = Form::Stick {
        half_length: stream.between(0.1, 0.3),
        start: thick,
        end: thick * 0.5,
    };
    let colour = hsv(
        stream.between(15.0, 95.0),
        stream.between(0.3, 0.6),
        stream.between(0.15, 0.6),
    );
    let shape = Shape::new(form, at, stream.angle(), 1.0);
    Thing {
        shape,
        look: Look::Twig,
        colour,
        height: thick * 1.5,
    }
}

/// A hand that reaches in from the rim: four fingers and a thumb on a palm.
fn add_hand(stream: &mut Stream, things: &mut Vec<Thing>) {
    let colour = if stream.chance(0.7) {
        hsv(
            stream.between(12.0, 28.0),
            stream.between(0.3, 0.6),
            stream.between(0.3, 0.92),
        )
    } else {
        palette::made(stream)
    };
    let side = stream.angle();
    let from = V2::polar(side).times(stream.between(0.58, 0.72));
    let inwards = side + std::f32::consts::PI + stream.around(0.0, 0.3);
    let across = V2::polar(inwards + std::f32::consts::FRAC_PI_2);
    let mut add = |form: Form, at: V2, turn: f32| {
        let shape = Shape::new(form, at, turn, 1.0);
        things.push(Thing {
            shape,
            look: Look::Hand,
            colour,
            height: 0.035,
        });
    };
    let reach = |angle: f32, length: f32| V2::polar(angle).times(length);
    add(
        Form::Stick {
            half_length: 0.12,
            start: 0.1,
            end: 0.085,
        },
        from,
        inwards,
    );
    for finger in 0..4_u8 {
        let spread = f32::from(finger) - 1.5;
        let turn = inwards + spread * 0.12;
        let root = from
            .plus(reach(inwards, 0.12))
            .plus(across.times(spread * 0.045));
        let half_length = if finger == 0 || finger == 3 {
            0.06
        } else {
            0.075
        };
        let middle = root.plus(reach(turn, half_length + 0.02));
        add(
            Form::Stick {
                half_length,
                start: 0.025,
                end: 0.02,
            },
            middle,
            turn,
        );
    }
    let turn = inwards + 0.8;
    let root = from.plus(across.times(0.1));
    add(
        Form::Stick {
            half_length: 0.06,
            start: 0.03,
            end: 0.022,
        },
        root.plus(reach(turn, 0.05)),
        turn,
    );
}
