#![expect(
    clippy::float_cmp,
    reason = "pictures of one colour, copied: the floats are these exactly"
)]

use super::*;
use crate::ValueRange;

fn plain(side: u32) -> Preprocess {
    Preprocess::plain(Size::square(side), ChannelOrder::Rgb, ValueRange::Bytes)
}

fn flat(width: u32, height: u32, colour: [u8; 3]) -> Pixels {
    let rgb = colour.repeat((width * height) as usize);
    Pixels::from_rgb8(width, height, rgb).unwrap()
}

fn recipes() -> Vec<Preprocess> {
    let size = Size::square(20);
    vec![
        plain(20),
        Preprocess::docker_2018(size),
        Preprocess::docker_2020(size),
        Preprocess::docker_2024(size),
        Preprocess::sample_stretch(size, ChannelOrder::Bgr, ValueRange::Unit),
        Preprocess {
            fit: Fit::ShorterSide(24),
            ..plain(20)
        },
        Preprocess {
            fit: Fit::ShorterSideAligned(18),
            filter: Filter::FourPointBytes,
            ..plain(20)
        },
        Preprocess {
            fit: Fit::CentreSquare(21),
            ..plain(20)
        },
        Preprocess {
            shrink_to_longest: Some(50),
            fit: Fit::ShorterSide(33),
            ..plain(20)
        },
    ]
}

/// Every shape of picture can be prepared by every recipe, and a picture of one
/// colour stays of one colour: no pixel comes from outside.
#[test]
fn no_shape_of_picture_is_refused() {
    let sides = [1, 2, 3, 19, 20, 21, 24, 49, 50, 51, 227, 1599, 1600, 4096];
    for recipe in recipes() {
        let mut preparer = Preparer::new(recipe.clone()).unwrap();
        let pairs = sides
            .iter()
            .flat_map(|w| sides.iter().map(move |h| (*w, *h)));
        for (width, height) in pairs.filter(|(w, h)| w * h < 200_000) {
            let tensor = preparer.prepare(&flat(width, height, [10, 130, 250]));
            let off = tensor
                .values()
                .iter()
                .zip(0_usize..)
                .find(|(value, index)| {
                    let channel = index / 400;
                    let in_picture = match recipe.channels {
                        ChannelOrder::Rgb => channel,
                        ChannelOrder::Bgr => 2 - channel,
                    };
                    let byte = [10.0, 130.0, 250.0][in_picture];
                    (**value - recipe.value_of(byte, channel)).abs() > 1e-4
                });
            assert_eq!(off, None, "{width}x{height}, {recipe}");
        }
    }
}

#[test]
fn channels_and_axes_are_laid_out_as_asked() {
    let picture = flat(20, 20, [1, 2, 3]);
    let prepare = |recipe| Preparer::new(recipe).unwrap().prepare(&picture);
    let planes = prepare(plain(20));
    assert_eq!([0, 400, 800].map(|at| planes.values()[at]), [1.0, 2.0, 3.0]);
    let bgr = prepare(Preprocess {
        channels: ChannelOrder::Bgr,
        ..plain(20)
    });
    assert_eq!([0, 400, 800].map(|at| bgr.values()[at]), [3.0, 2.0, 1.0]);
    let last = prepare(Preprocess {
        axes: AxisOrder::Nhwc,
        ..plain(20)
    });
    assert_eq!(last.shape(), [1, 20, 20, 3]);
    assert_eq!(last.values()[..4], [1.0, 2.0, 3.0, 1.0]);
}

#[test]
fn ranges_end_where_they_say() {
    for (range, expected) in [
        (ValueRange::Bytes, [0.0, 255.0]),
        (ValueRange::Unit, [0.0, 1.0]),
        (ValueRange::Signed, [-1.0, 1.0]),
    ] {
        let recipe = Preprocess { range, ..plain(1) };
        let mut preparer = Preparer::new(recipe).unwrap();
        let found = [0, 255].map(|byte| preparer.prepare(&flat(1, 1, [byte; 3])).values()[0]);
        assert_eq!(found, expected);
    }
}

/// A picture whose red is its column and green its row tells where each output
/// pixel came from.
#[test]
fn the_middle_is_taken() {
    let (width, height) = (100, 40);
    let mut rgb = Vec::new();
    for y in 0..height {
        for x in 0..width {
            rgb.extend_from_slice(&[x, y, 0]);
        }
    }
    let picture = Pixels::from_rgb8(width.into(), height.into(), rgb).unwrap();
    let recipe = Preprocess {
        fit: Fit::ShorterSide(40),
        ..plain(20)
    };
    let tensor = Preparer::new(recipe).unwrap().prepare(&picture);
    let values = tensor.values();
    assert_eq!((values[0], values[19]), (40.0, 59.0), "columns");
    assert_eq!((values[400], values[799]), (10.0, 29.0), "rows");
}

#[test]
fn nothing_stays_of_the_picture_before() {
    let mut preparer = Preparer::new(Preprocess::docker_2018(Size::square(20))).unwrap();
    let mut tensor = Tensor::zeros([1, 1, 1, 1]);
    preparer.prepare_into(&flat(1700, 90, [200, 0, 0]), &mut tensor);
    preparer.prepare_into(&flat(30, 60, [0, 100, 0]), &mut tensor);
    assert!(tensor.values()[..400].iter().all(|value| *value == 0.0));
    assert!(
        tensor.values()[400..800]
            .iter()
            .all(|value| *value == 100.0)
    );
}

#[test]
fn recipes_that_no_picture_can_follow_are_refused() {
    let refused = |recipe| Preparer::new(recipe).unwrap_err();
    assert!(matches!(refused(plain(0)), RecipeError::InputSize { .. }));
    assert!(matches!(
        refused(plain(MAX_INPUT_SIDE + 1)),
        RecipeError::InputSize { .. }
    ));
    let larger = Preprocess {
        fit: Fit::ShorterSide(19),
        ..plain(20)
    };
    assert!(matches!(
        refused(larger),
        RecipeError::InputLargerThanPicture { .. }
    ));
    let divided = Preprocess {
        deviation: [1.0, 0.0, 1.0],
        ..plain(20)
    };
    assert!(matches!(
        refused(divided),
        RecipeError::Normalisation { .. }
    ));
}

#[test]
fn an_open_input_is_as_long_as_the_picture_up_to_its_limit() {
    let recipe = Preprocess {
        fit: Fit::ShorterSideAligned(20),
        filter: Filter::FourPointBytes,
        longest: Some(128),
        ..plain(32)
    };
    let mut preparer = Preparer::new(recipe).unwrap();
    for (width, height, shape) in [
        (30, 30, [1, 3, 32, 32]),
        (100, 40, [1, 3, 32, 64]),
        (40, 100, [1, 3, 64, 32]),
        (900, 30, [1, 3, 32, 128]),
    ] {
        let tensor = preparer.prepare(&flat(width, height, [7, 7, 7]));
        assert_eq!(tensor.shape(), shape, "{width}x{height}");
        assert!(tensor.values().iter().all(|value| *value == 7.0));
    }
}
