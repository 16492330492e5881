//! BMP, GIF and WebP, where they are taken and where they are not.

use image::codecs::bmp::BmpEncoder;
use image::codecs::gif::GifEncoder;
use image::codecs::webp::WebPEncoder;
use image::{Frame, RgbaImage};

use super::*;

pub(in crate::decode) const UPRIGHT: [&str; 4] = ["red", "green", "blue", "white"];

pub(in crate::decode) fn limits() -> DecodeLimits {
    DecodeLimits {
        formats: Formats::ALL,
        ..DecodeLimits::default()
    }
}

pub(in crate::decode) fn accepted(bytes: &[u8]) -> Pixels {
    decode(bytes, &limits()).unwrap_or_else(|error| panic!("{error:?}"))
}

pub(in crate::decode) fn refused(bytes: &[u8]) -> DecodeErrorKind {
    decode(bytes, &limits()).unwrap_err().kind()
}

fn bmp(pixels: &[u8], width: u32, height: u32, colour: ExtendedColorType) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = BmpEncoder::new(&mut file);
    encoder.encode(pixels, width, height, colour).unwrap();
    file
}

/// An animation of as many pictures.
fn gif(pictures: usize) -> Vec<u8> {
    let rgba = quarters()
        .chunks(3)
        .flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255])
        .collect();
    let picture = RgbaImage::from_raw(WIDTH, HEIGHT, rgba).unwrap();
    let mut file = Vec::new();
    let mut encoder = GifEncoder::new(&mut file);
    for _ in 0..pictures {
        encoder.encode_frame(Frame::new(picture.clone())).unwrap();
    }
    drop(encoder);
    file
}

fn webp() -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut file);
    let colour = ExtendedColorType::Rgb8;
    encoder.encode(&quarters(), WIDTH, HEIGHT, colour).unwrap();
    file
}

fn files() -> [Vec<u8>; 3] {
    let bmp = bmp(&quarters(), WIDTH, HEIGHT, ExtendedColorType::Rgb8);
    [bmp, gif(1), webp()]
}

/// A run-length coded bitmap of 4x2: red and green in the upper row, blue and white in the lower.
fn runs() -> Vec<u8> {
    let mut file = b"BM\0\0\0\0\0\0\0\0\x46\0\0\0".to_vec();
    file.extend_from_slice(b"\x28\0\0\0\x04\0\0\0\x02\0\0\0\x01\0\x08\0\x01\0\0\0");
    file.extend_from_slice(&[0; 12]);
    file.extend_from_slice(b"\x04\0\0\0\0\0\0\0");
    // Blue, green, red, nothing.
    for colour in [[0, 0, 255, 0], [0, 255, 0, 0], [255, 0, 0, 0], [255; 4]] {
        file.extend_from_slice(&colour);
    }
    // From the bottom: two of each by a run, the end of the row; two by a run and two as they are.
    file.extend_from_slice(&[2, 2, 2, 3, 0, 0, 1, 0, 0, 3, 0, 1, 1, 0, 0, 1]);
    file
}

#[test]
fn each_gives_the_picture_where_it_is_taken() {
    for file in files() {
        let pixels = accepted(&file);
        assert_eq!((pixels.width(), pixels.height()), (WIDTH, HEIGHT));
        assert_eq!(corners(&pixels), UPRIGHT);
    }
    let pixels = accepted(&runs());
    let at = |x, y| colour_at(&pixels, x, y);
    assert_eq!([at(0, 0), at(3, 0), at(1, 1), at(2, 1)], UPRIGHT);
}

#[test]
fn cameras_are_told_what_was_found() {
    for (file, name) in files().iter().zip(["BMP", "GIF", "WebP"]) {
        let error = decode(file, &DecodeLimits::default()).unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::UnsupportedFormat);
        let text = format!("found a {name} picture, expected a JPEG or PNG");
        assert_eq!(error.to_string(), text);
    }
    let error = decode(b"text", &limits()).unwrap_err();
    let text = "found text, expected a JPEG, PNG, BMP, GIF or WebP";
    assert_eq!(error.to_string(), text);
}

#[test]
fn colour_modes_become_rgb() {
    use ExtendedColorType::{L8, La8, Rgba8};
    // The encoder writes the alpha of the last two.
    for (pixel, colour, expected) in [
        (&[77][..], L8, [77; 3]),
        (&[90, 128], La8, [90; 3]),
        (&[10, 20, 30, 0], Rgba8, [10, 20, 30]),
    ] {
        let found = accepted(&bmp(pixel, 1, 1, colour));
        assert_eq!(found.rgb8(), expected, "{colour:?}");
    }
    let mut file = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut file);
    encoder.encode(&[10, 20, 30, 0], 1, 1, Rgba8).unwrap();
    assert_eq!(accepted(&file).rgb8(), [10, 20, 30]);
    // A palette of two, of which the second is transparent and used.
    let gif = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\x0A\x14\x1E\
        \x21\xF9\x04\x01\0\0\x01\0\x2C\0\0\0\0\x01\0\x01\0\0\x02\x02\x4C\x01\0\x3B";
    assert_eq!(accepted(gif).rgb8(), [10, 20, 30]);
}

#[test]
fn a_cut_file_is_the_whole_picture_or_an_error() {
    use DecodeErrorKind::{Truncated, UnsupportedFormat};
    for file in files() {
        let whole = accepted(&file);
        for end in 1..file.len() {
            match decode(&file[..end], &limits()) {
                Ok(pixels) => assert_eq!(pixels, whole, "{end} of {}", file.len()),
                Err(error) if end < 12 => {
                    assert!(matches!(error.kind(), Truncated | UnsupportedFormat));
                }
                Err(error) => assert_eq!(error.kind(), Truncated, "{end} of {}", file.len()),
            }
        }
    }
    let runs = runs();
    for end in 12..runs.len() - 2 {
        assert_eq!(refused(&runs[..end]), Truncated, "{end} of {}", runs.len());
    }
}

#[test]
fn of_an_animation_the_first_picture_is_enough() {
    let [one, many] = [gif(1), gif(50)];
    assert_eq!(accepted(&many), accepted(&one));
    // Behind the first, whose end is that of a file of one less its trailer, is anything.
    let mut broken = many[..one.len() + 20].to_vec();
    broken.extend_from_slice(&[0xEE; 500]);
    assert_eq!(accepted(&broken), accepted(&one));
}

#[test]
fn promises_of_many_pixels_allocate_nothing() {
    let [mut bmp, mut gif, _] = files();
    bmp[18..22].copy_from_slice(&60_000_u32.to_le_bytes());
    assert_eq!(refused(&bmp), DecodeErrorKind::TooLarge);
    assert_eq!(refused(&bmp[..40]), DecodeErrorKind::TooLarge);
    let mut upside_down = runs();
    upside_down[22..26].copy_from_slice(&(-60_000_i32).to_le_bytes());
    assert_eq!(refused(&upside_down), DecodeErrorKind::TooLarge);
    // The screen, then the picture on it.
    let picture = gif.iter().position(|byte| *byte == 0x2C).unwrap();
    let mut screen = gif.clone();
    screen[6..8].copy_from_slice(&60_000_u16.to_le_bytes());
    assert_eq!(refused(&screen), DecodeErrorKind::TooLarge);
    gif[picture + 7..picture + 9].copy_from_slice(&60_000_u16.to_le_bytes());
    assert_eq!(refused(&gif), DecodeErrorKind::TooLarge);
}

#[test]
fn pixels_beyond_the_memory_are_refused() {
    for file in files() {
        let limits = DecodeLimits {
            max_alloc: u64::from(WIDTH * HEIGHT),
            ..limits()
        };
        let error = decode(&file, &limits).unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::TooLarge, "{error}");
    }
}

#[test]
fn sides_of_nothing_are_refused() {
    let [mut bmp, mut gif, _] = files();
    bmp[18..22].fill(0);
    assert_eq!(refused(&bmp), DecodeErrorKind::Undecodable);
    gif[6..10].fill(0);
    assert_eq!(refused(&gif), DecodeErrorKind::Undecodable);
}

#[test]
fn damage_ends_in_a_name_and_never_in_a_panic() {
    let files: Vec<Vec<u8>> = files().into_iter().chain([runs(), gif(2)]).collect();
    decode_damaged(20_261_126, &files, 3000, &limits());
}
