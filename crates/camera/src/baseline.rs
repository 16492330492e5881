//! The baseline that a classifier must beat: mean colour of a picture, and one threshold on it.
//!
//! If a threshold on the mean hue or on a mean channel told ripe from unripe, nobody would need a
//! model. [`Means`] are what such a threshold would look at; [`best_threshold`] is how well the
//! best one does on given pictures, fitted on those very pictures.

use image::RgbImage;
use serde::{Deserialize, Serialize};

/// Mean colour of a picture, in 8-bit sRGB steps as they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Means {
    /// Hue of the picture as a whole, 0 to 360 degrees: the direction of the sum of all pixels'
    /// colours on the hue circle, each with its own chroma, so that grey pixels have no say.
    #[serde(rename = "hue")]
    pub hue_degrees: f32,
    /// Mean of red, 0 to 255.
    pub red: f32,
    /// Mean of green, 0 to 255.
    pub green: f32,
    /// Mean of blue, 0 to 255.
    pub blue: f32,
}

impl Means {
    /// The means of a picture; all 0 for a picture without pixels.
    #[must_use]
    pub fn of(picture: &RgbImage) -> Self {
        let mut sums = [0_u64; 3];
        for pixel in picture.pixels() {
            for (sum, channel) in sums.iter_mut().zip(pixel.0) {
                *sum += u64::from(channel);
            }
        }
        let count = u64::from(picture.width()) * u64::from(picture.height());
        let [red, green, blue] = sums.map(|sum| sum as f64 / count.max(1) as f64);
        // A pixel's colour on the hue circle is linear in its channels, so the sum over all
        // pixels is that of the mean.
        let x = red - 0.5 * (green + blue);
        let y = 0.75_f64.sqrt() * (green - blue);
        let hue = y.atan2(x).to_degrees().rem_euclid(360.0);
        Self {
            hue_degrees: hue as f32,
            red: red as f32,
            green: green as f32,
            blue: blue as f32,
        }
    }
}

/// The share (0.5 to 1) of `samples` that the best single threshold gets right, either way round.
/// A sample is a value and whether the picture is ripe. 1 for no samples: nothing is wrong.
#[must_use]
pub fn best_threshold(samples: &[(f32, bool)]) -> f32 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total = sorted.len();
    let ripe = sorted.iter().filter(|(_, ripe)| *ripe).count();
    // Everything above the threshold is called ripe; it starts below all samples.
    let (mut right, mut best) = (ripe, ripe.max(total - ripe));
    for (i, (value, is_ripe)) in sorted.iter().enumerate() {
        if *is_ripe {
            right -= 1;
        } else {
            right += 1;
        }
        // A threshold cannot part equal values.
        if sorted.get(i + 1).is_none_or(|(next, _)| next > value) {
            best = best.max(right).max(total - right);
        }
    }
    if total == 0 {
        1.0
    } else {
        best as f32 / total as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn means_of(colours: &[[u8; 3]]) -> Means {
        let mut picture = RgbImage::new(u32::try_from(colours.len()).unwrap(), 1);
        for (pixel, colour) in picture.pixels_mut().zip(colours) {
            *pixel = Rgb(*colour);
        }
        Means::of(&picture)
    }

    fn near(a: f32, b: f32) -> bool {
        (a - b).abs() < 0.01
    }

    #[test]
    fn means_of_plain_pictures_are_their_colour() {
        for (colour, hue) in [
            ([255, 0, 0], 0.0),
            ([200, 200, 0], 60.0),
            ([0, 90, 0], 120.0),
            ([10, 10, 250], 240.0),
        ] {
            let means = means_of(&[colour; 7]);
            assert!(near(means.hue_degrees, hue), "{means:?}");
            assert!(near(means.red, f32::from(colour[0])));
            assert!(near(means.green, f32::from(colour[1])));
            assert!(near(means.blue, f32::from(colour[2])));
        }
    }

    #[test]
    fn hues_on_both_sides_of_red_meet_at_red() {
        let means = means_of(&[[255, 40, 0], [255, 0, 40]]);
        assert!(
            near(means.hue_degrees, 0.0) || near(means.hue_degrees, 360.0),
            "{means:?}"
        );
    }

    #[test]
    fn grey_pixels_have_no_say_in_the_hue() {
        let means = means_of(&[[0, 200, 0], [90, 90, 90], [250, 250, 250]]);
        assert!(near(means.hue_degrees, 120.0), "{means:?}");
    }

    #[test]
    fn the_best_threshold_is_found_either_way_round() {
        let parted = [(1.0, true), (2.0, true), (3.0, false), (4.0, false)];
        assert!(near(best_threshold(&parted), 1.0));
        let turned = [
            (1.0, false),
            (2.0, true),
            (3.0, false),
            (4.0, true),
            (5.0, true),
        ];
        assert!(near(best_threshold(&turned), 0.8));
        let equal = [(1.0, true), (1.0, false), (1.0, true)];
        assert!(near(best_threshold(&equal), 2.0 / 3.0));
    }
}
