//! What a picture as a whole must be: repeatable, true to its label, and not told by a threshold.

use super::*;
use crate::baseline::{Means, best_threshold};

const SMALL: Size = Size {
    width: 160,
    height: 120,
};

#[test]
fn the_same_seed_and_index_give_the_same_picture() {
    for (seed, index) in [(1, 0), (1, 1), (77, 5), (u64::MAX, u64::MAX)] {
        let again = || frame(seed, index, Truth::Ripe, SMALL);
        assert_eq!(again().pixels, again().pixels, "seed {seed} index {index}");
        assert_eq!(again().quality, again().quality);
    }
    let pixels = |seed, index| frame(seed, index, Truth::Ripe, SMALL).pixels;
    assert_ne!(pixels(1, 0), pixels(1, 1));
    assert_ne!(pixels(1, 0), pixels(2, 0));
}

#[test]
fn both_truths_show_the_same_scene_but_for_the_fruit() {
    for index in 0..40 {
        let [ripe, unripe] = Truth::ALL.map(|truth| frame(3, index, truth, SMALL));
        assert_eq!(ripe.quality, unripe.quality);
        let differing = ripe
            .pixels
            .pixels()
            .zip(unripe.pixels.pixels())
            .filter(|(a, b)| a != b);
        let share = differing.count() as f32 / (160.0 * 120.0);
        // The fruit's share of the whole picture, with what blur carries over its edge.
        assert!((0.05..0.5).contains(&share), "frame {index}: {share}");
    }
}

#[test]
fn ripe_fruit_is_redder_than_the_same_fruit_unripe() {
    // Yellow against green, red against white or green: on one and the same scene the share of
    // red falls and that of green rises, whatever light and white balance do.
    for index in 0..60 {
        let [ripe, unripe] =
            Truth::ALL.map(|truth| Means::of(&frame(4, index, truth, SMALL).pixels));
        let redness = |means: Means| means.red / (means.red + means.green + means.blue);
        assert!(
            redness(ripe) > redness(unripe),
            "frame {index}: {ripe:?} {unripe:?}"
        );
    }
}

#[test]
fn no_single_threshold_on_a_mean_tells_the_truth() {
    for seed in [1, 2, 3] {
        let frames: Vec<(Means, bool)> = (0..200)
            .map(|index| {
                let truth = Truth::ALL[usize::from(index % 2 == 1)];
                (
                    Means::of(&frame(seed, index, truth, SMALL).pixels),
                    truth == Truth::Ripe,
                )
            })
            .collect();
        let best = |name: &str, of: &dyn Fn(&Means) -> f32| {
            let samples: Vec<_> = frames
                .iter()
                .map(|(means, ripe)| (of(means), *ripe))
                .collect();
            let best = best_threshold(&samples);
            assert!(best < 0.85, "seed {seed}: {name} alone gets {best}");
        };
        // Hue is a circle: begin it at every 15 degrees.
        for start in (0..360_u16).step_by(15) {
            best("hue", &|means| {
                (means.hue_degrees - f32::from(start)).rem_euclid(360.0)
            });
        }
        best("red", &|means| means.red);
        best("green", &|means| means.green);
        best("blue", &|means| means.blue);
    }
}

#[test]
fn pictures_of_every_size_and_shape_are_rendered() {
    for (width, height) in [(32, 32), (33, 47), (48, 640), (641, 35), (160, 120)] {
        let size = Size::new(width, height).unwrap();
        let picture = frame(5, 1, Truth::Unripe, size).pixels;
        assert_eq!(picture.dimensions(), (width, height));
    }
}

#[test]
fn sizes_are_read_and_their_ranges_kept() {
    assert_eq!("640x480".parse(), Ok(Size::VGA));
    assert_eq!(Size::VGA.to_string(), "640x480");
    assert_eq!(
        "31x480".parse::<Size>(),
        Err(SizeError::Range {
            width: 31,
            height: 480
        })
    );
    assert_eq!(
        "640x4097".parse::<Size>(),
        Err(SizeError::Range {
            width: 640,
            height: 4097
        })
    );
    for wrong in ["640", "640x", "axb", "-1x5"] {
        assert_eq!(
            wrong.parse::<Size>(),
            Err(SizeError::Form(wrong.to_owned()))
        );
    }
}
