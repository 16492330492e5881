//! Colours for everything that is not fruit.
//!
//! Half of the strong colours are the colours of fruit, ripe and unripe alike, so that a yellow
//! cloth under green bananas is as common as the other way round.

use super::colour::{Rgb, grey, hsv};
use super::rng::Stream;

/// A colour for a ground: greys, browns, or any hue at all.
pub(crate) fn ground(stream: &mut Stream) -> Rgb {
    match stream.count(0, 9) {
        0..=1 => grey(stream.between(0.12, 0.93)),
        2..=3 => hsv(
            stream.between(18.0, 40.0),
            stream.between(0.2, 0.65),
            stream.between(0.2, 0.8),
        ),
        4..=6 => hsv(
            fruity_hue(stream),
            stream.between(0.3, 0.85),
            stream.between(0.25, 0.85),
        ),
        _ => hsv(
            stream.between(0.0, 360.0),
            stream.between(0.15, 0.8),
            stream.between(0.2, 0.85),
        ),
    }
}

/// A colour for a thing that people made.
pub(crate) fn made(stream: &mut Stream) -> Rgb {
    match stream.count(0, 9) {
        0 => grey(stream.between(0.06, 0.25)),
        1 => grey(stream.between(0.75, 0.96)),
        2..=5 => hsv(
            fruity_hue(stream),
            stream.between(0.6, 0.95),
            stream.between(0.4, 0.92),
        ),
        _ => hsv(
            stream.between(0.0, 360.0),
            stream.between(0.45, 0.95),
            stream.between(0.35, 0.9),
        ),
    }
}

/// A colour for a leaf: mostly green, sometimes of autumn.
pub(crate) fn leaf(stream: &mut Stream) -> Rgb {
    if stream.chance(0.75) {
        hsv(
            stream.between(75.0, 135.0),
            stream.between(0.4, 0.85),
            stream.between(0.2, 0.6),
        )
    } else {
        hsv(
            stream.between(5.0, 60.0),
            stream.between(0.5, 0.85),
            stream.between(0.3, 0.75),
        )
    }
}

/// One of the hues that fruit has, ripe or not.
fn fruity_hue(stream: &mut Stream) -> f32 {
    match stream.count(0, 2) {
        0 => stream.between(-12.0, 15.0),
        1 => stream.between(40.0, 60.0),
        _ => stream.between(75.0, 130.0),
    }
}
