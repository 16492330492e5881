//! Colours: linear light inside the renderer, sRGB at its borders.
//!
//! People choose colours in hue, saturation and value of sRGB; light adds up in linear light. The
//! two conversions live here and nowhere else.

/// Linear light, red, green and blue, 0 is black and 1 is what the sensor still tells from white.
pub(crate) type Rgb = [f32; 3];

/// The linear colour of an sRGB hue (degrees), saturation and value (0 to 1).
pub(crate) fn hsv(hue: f32, saturation: f32, value: f32) -> Rgb {
    let sector = hue.rem_euclid(360.0) / 60.0;
    let channel = |shift: f32| {
        let k = (shift + sector).rem_euclid(6.0);
        let fall = k.min(4.0 - k).clamp(0.0, 1.0);
        to_linear(value * (1.0 - saturation * fall))
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}

/// A linear grey of this sRGB value (0 to 1).
pub(crate) fn grey(value: f32) -> Rgb {
    [to_linear(value); 3]
}

/// `a` at 0, `b` at 1, linear between, and no further.
pub(crate) fn mix(a: Rgb, b: Rgb, amount: f32) -> Rgb {
    let t = amount.clamp(0.0, 1.0);
    [
        a[0] + (b[0] - a[0]) * t,
        a[1] + (b[1] - a[1]) * t,
        a[2] + (b[2] - a[2]) * t,
    ]
}

/// Every channel times `factor`, never below black.
pub(crate) fn scale(colour: Rgb, factor: f32) -> Rgb {
    let k = factor.max(0.0);
    [colour[0] * k, colour[1] * k, colour[2] * k]
}

/// Channel by channel.
pub(crate) fn tint(a: Rgb, b: Rgb) -> Rgb {
    [a[0] * b[0], a[1] * b[1], a[2] * b[2]]
}

/// Smooth step from 0 at `low` to 1 at `high`.
pub(crate) fn ramp(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// sRGB value (0 to 1) of a linear one (IEC 61966-2-1).
pub(crate) fn to_srgb(linear: f32) -> f32 {
    if linear <= 0.003_130_8 {
        linear * 12.92
    } else {
        1.055 * linear.powf(1.0 / 2.4) - 0.055
    }
}

/// Linear value of an sRGB one (0 to 1).
fn to_linear(srgb: f32) -> f32 {
    if srgb <= 0.040_45 {
        srgb / 12.92
    } else {
        ((srgb + 0.055) / 1.055).powf(2.4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn srgb(colour: Rgb) -> [i32; 3] {
        colour.map(|c| (to_srgb(c) * 255.0).round() as i32)
    }

    #[test]
    fn hues_fall_on_the_named_colours() {
        assert_eq!(srgb(hsv(0.0, 1.0, 1.0)), [255, 0, 0]);
        assert_eq!(srgb(hsv(60.0, 1.0, 1.0)), [255, 255, 0]);
        assert_eq!(srgb(hsv(120.0, 1.0, 0.5)), [0, 128, 0]);
        assert_eq!(srgb(hsv(-120.0, 1.0, 1.0)), [0, 0, 255]);
        assert_eq!(srgb(hsv(77.0, 0.0, 0.4)), [102, 102, 102]);
        assert_eq!(srgb(grey(0.4)), [102, 102, 102]);
    }

    #[test]
    fn a_ramp_is_flat_outside_its_ends() {
        assert_eq!(
            [ramp(1.0, 2.0, 0.5), ramp(1.0, 2.0, 9.0)].map(f32::to_bits),
            [0.0_f32.to_bits(), 1.0_f32.to_bits()]
        );
    }
}
