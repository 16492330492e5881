//! Pictures made here with the encoders of `image`; nothing from outside.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::*;

pub(super) mod formats;

pub(super) const WIDTH: u32 = 40;
pub(super) const HEIGHT: u32 = 24;

/// Four quarters: red, green, blue, white.
pub(super) fn quarters() -> Vec<u8> {
    let mut rgb = Vec::new();
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            rgb.extend_from_slice(match (x < WIDTH / 2, y < HEIGHT / 2) {
                (true, true) => &[255, 0, 0],
                (false, true) => &[0, 255, 0],
                (true, false) => &[0, 0, 255],
                (false, false) => &[255, 255, 255],
            });
        }
    }
    rgb
}

pub(super) fn jpeg() -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut file, 95);
    let colour = ExtendedColorType::Rgb8;
    encoder
        .write_image(&quarters(), WIDTH, HEIGHT, colour)
        .unwrap();
    file
}

pub(super) fn png(pixels: &[u8], width: u32, height: u32, colour: ExtendedColorType) -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = PngEncoder::new(&mut file);
    encoder.write_image(pixels, width, height, colour).unwrap();
    file
}

/// The file with an EXIF segment that holds one entry, the turn.
fn with_turn(jpeg: &[u8], turn: u8) -> Vec<u8> {
    let mut file = jpeg[..2].to_vec();
    file.extend_from_slice(&[0xFF, 0xE1, 0, 34]);
    file.extend_from_slice(b"Exif\0\0MM\0\x2A\0\0\0\x08\0\x01");
    file.extend_from_slice(&[0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, turn, 0, 0, 0, 0, 0, 0]);
    file.extend_from_slice(&jpeg[2..]);
    file
}

fn accepted(bytes: &[u8]) -> Pixels {
    decode(bytes, &DecodeLimits::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(bytes: &[u8]) -> DecodeError {
    decode(bytes, &DecodeLimits::default()).unwrap_err()
}

/// The nearest of the four colours at a pixel.
fn colour_at(pixels: &Pixels, x: u32, y: u32) -> &'static str {
    let at = (y * pixels.width() + x) as usize * 3;
    let bright = [0, 1, 2].map(|channel| pixels.rgb8()[at + channel] > 127);
    match bright {
        [true, true, true] => "white",
        [true, false, false] => "red",
        [false, true, false] => "green",
        [false, false, true] => "blue",
        _ => "something else",
    }
}

pub(super) fn corners(pixels: &Pixels) -> [&'static str; 4] {
    let (right, bottom) = (pixels.width() - 4, pixels.height() - 4);
    [(3, 3), (right, 3), (3, bottom), (right, bottom)].map(|(x, y)| colour_at(pixels, x, y))
}

#[test]
fn a_jpeg_and_a_png_give_the_picture() {
    for file in [
        jpeg(),
        png(&quarters(), WIDTH, HEIGHT, ExtendedColorType::Rgb8),
    ] {
        let pixels = accepted(&file);
        assert_eq!((pixels.width(), pixels.height()), (WIDTH, HEIGHT));
        assert_eq!(corners(&pixels), ["red", "green", "blue", "white"]);
    }
}

#[test]
fn every_turn_makes_the_picture_upright() {
    for (turn, expected) in [
        (0, ["red", "green", "blue", "white"]),
        (1, ["red", "green", "blue", "white"]),
        (2, ["green", "red", "white", "blue"]),
        (3, ["white", "blue", "green", "red"]),
        (4, ["blue", "white", "red", "green"]),
        (5, ["red", "blue", "green", "white"]),
        (6, ["blue", "red", "white", "green"]),
        (7, ["white", "green", "blue", "red"]),
        (8, ["green", "white", "red", "blue"]),
        (9, ["red", "green", "blue", "white"]),
    ] {
        let pixels = accepted(&with_turn(&jpeg(), turn));
        let lies = (5..=8).contains(&turn);
        let size = if lies {
            (HEIGHT, WIDTH)
        } else {
            (WIDTH, HEIGHT)
        };
        assert_eq!((pixels.width(), pixels.height()), size, "turn {turn}");
        assert_eq!(corners(&pixels), expected, "turn {turn}");
    }
}

#[test]
fn colour_modes_become_rgb() {
    fn check(pixels: &[u8], colour: ExtendedColorType, expected: [u8; 3]) {
        let found = accepted(&png(pixels, 1, 1, colour));
        assert_eq!(found.rgb8(), expected, "{colour:?}");
    }
    check(&[77], ExtendedColorType::L8, [77; 3]);
    // 16 bits, big or little end as the encoder wants its native words.
    let words: Vec<u8> = [0x0101_u16 * 200]
        .iter()
        .flat_map(|word| word.to_ne_bytes())
        .collect();
    check(&words, ExtendedColorType::L16, [200; 3]);
    // The colour under transparency is kept.
    check(&[10, 20, 30, 0], ExtendedColorType::Rgba8, [10, 20, 30]);
    check(&[90, 128], ExtendedColorType::La8, [90; 3]);
}

#[test]
fn nothing_and_other_kinds_are_named() {
    assert_eq!(refused(b"").kind(), DecodeErrorKind::Empty);
    let text = refused(b"{\"temperature\": 21}");
    assert_eq!(text.kind(), DecodeErrorKind::UnsupportedFormat);
    assert_eq!(text.to_string(), "found text, expected a JPEG or PNG");
}

#[test]
fn no_part_of_a_file_decodes() {
    for file in [
        jpeg(),
        with_turn(&jpeg(), 6),
        png(&quarters(), WIDTH, HEIGHT, ExtendedColorType::Rgb8),
    ] {
        assert!(decode(&file, &DecodeLimits::default()).is_ok());
        for end in 8..file.len() {
            let kind = refused(&file[..end]).kind();
            assert_eq!(kind, DecodeErrorKind::Truncated, "{end} of {}", file.len());
        }
    }
}

#[test]
fn bytes_after_the_end_are_ignored() {
    for mut file in [
        jpeg(),
        png(&quarters(), WIDTH, HEIGHT, ExtendedColorType::Rgb8),
    ] {
        let plain = accepted(&file);
        file.extend_from_slice(&[0; 100]);
        file.extend_from_slice(&jpeg());
        assert_eq!(accepted(&file), plain);
    }
}

#[test]
fn a_file_that_is_too_long_is_refused_unread() {
    let limits = DecodeLimits {
        max_bytes: 10,
        ..DecodeLimits::default()
    };
    let error = decode(&jpeg(), &limits).unwrap_err();
    let DecodeError::TooLarge { what, limit, .. } = error else {
        panic!("{error}");
    };
    assert_eq!((what, limit), (Measure::EncodedBytes, 10));
}

#[test]
fn sides_beyond_the_limit_are_refused_with_both_numbers() {
    let limits = DecodeLimits {
        max_width: WIDTH - 1,
        ..DecodeLimits::default()
    };
    for file in [
        jpeg(),
        png(&quarters(), WIDTH, HEIGHT, ExtendedColorType::Rgb8),
    ] {
        let error = decode(&file, &limits).unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::TooLarge);
        let text = error.to_string();
        assert_eq!(
            text,
            "the picture has 40 pixels across, at most 39 are allowed"
        );
    }
}

/// A header that promises 60000x60000 costs nothing, cut or whole.
#[test]
fn a_promise_of_many_pixels_allocates_nothing() {
    let mut file = jpeg();
    let at = file
        .windows(2)
        .position(|pair| pair == [0xFF, 0xC0])
        .unwrap();
    file[at + 5..at + 9].copy_from_slice(&[0xEA, 0x60, 0xEA, 0x60]);
    assert_eq!(refused(&file).kind(), DecodeErrorKind::TooLarge);
    assert_eq!(refused(&file[..at + 20]).kind(), DecodeErrorKind::TooLarge);
    let mut file = png(&quarters(), WIDTH, HEIGHT, ExtendedColorType::Rgb8);
    file[16..24].copy_from_slice(&[0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60]);
    assert_eq!(refused(&file).kind(), DecodeErrorKind::TooLarge);
}

#[test]
fn pixels_beyond_the_memory_are_refused() {
    let limits = DecodeLimits {
        max_alloc: u64::from(WIDTH * HEIGHT * 3) - 1,
        ..DecodeLimits::default()
    };
    for file in [
        jpeg(),
        png(&quarters(), WIDTH, HEIGHT, ExtendedColorType::Rgb8),
    ] {
        let error = decode(&file, &limits).unwrap_err();
        assert!(
            matches!(
                error,
                DecodeError::TooLarge {
                    what: Measure::MemoryBytes,
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn a_file_of_many_scans_is_refused_undecoded() {
    let mut file = jpeg();
    let end = file.len() - 2;
    let scan = [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0];
    file.splice(end..end, scan.repeat(MAX_SCANS));
    let error = refused(&file);
    let DecodeError::TooLarge { what, seen, .. } = error else {
        panic!("{error}");
    };
    assert_eq!((what, seen), (Measure::Scans, MAX_SCANS as u64 + 1));
}

/// Decodes files with a few bytes changed, so often each.
fn decode_damaged(seed: u64, files: &[Vec<u8>], times: usize, limits: &DecodeLimits) {
    println!("seed {seed}");
    let mut state = seed;
    let mut random = |bound: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % bound
    };
    for file in files {
        for _ in 0..times {
            let mut damaged = file.clone();
            for _ in 0..=random(4) {
                let at = random(damaged.len());
                damaged[at] = u8::try_from(random(256)).unwrap();
            }
            match decode(&damaged, limits) {
                Ok(pixels) => assert!(pixels.width() <= 4096 && pixels.height() <= 4096),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
}

#[test]
fn damage_ends_in_a_name_and_never_in_a_panic() {
    let files = [
        jpeg(),
        with_turn(&jpeg(), 8),
        png(&quarters(), WIDTH, HEIGHT, ExtendedColorType::Rgb8),
    ];
    decode_damaged(20_261_123, &files, 1500, &DecodeLimits::default());
}
