//! Files of chunks put together here.

use image::ExtendedColorType;
use image::codecs::webp::WebPEncoder;

use super::*;
use crate::decode::tests::formats::{UPRIGHT, accepted, limits, refused};
use crate::decode::tests::{HEIGHT, WIDTH, corners, quarters};
use crate::decode::{DecodeErrorKind, decode};

/// The body of `VP8 `: the four quarters, as libwebp codes them.
const LOSSY: &[u8] = &[
    0xD0, 0x04, 0x00, 0x9D, 0x01, 0x2A, 0x28, 0x00, 0x18, 0x00, 0x3E, 0xFD, 0x68, 0xAA, 0x50, 0x3F,
    0xA6, 0x24, 0x22, 0xB5, 0x48, 0x03, 0xF0, 0x1F, 0x89, 0x64, 0x00, 0xC8, 0xC6, 0x80, 0x49, 0x80,
    0xFE, 0xAB, 0x71, 0xFF, 0x76, 0x56, 0x0B, 0x21, 0xEC, 0xA0, 0x6A, 0x1F, 0xBA, 0x7B, 0xD0, 0x00,
    0xFE, 0xEB, 0x46, 0x7F, 0x2B, 0xFC, 0x41, 0x7F, 0xA3, 0xD7, 0xC3, 0x6A, 0x87, 0x6C, 0x85, 0x06,
    0xCF, 0x63, 0xF0, 0xC1, 0xBF, 0xFF, 0xE6, 0x68, 0xFD, 0x26, 0x38, 0xF9, 0x49, 0xAC, 0x61, 0x1A,
    0x68, 0x59, 0x05, 0x7D, 0x52, 0x09, 0xC6, 0xEB, 0xBB, 0x0F, 0x7D, 0xBE, 0x6F, 0x93, 0xF6, 0x74,
    0x4D, 0x79, 0xA1, 0x32, 0xB2, 0xFF, 0xFE, 0xAC, 0x59, 0xDC, 0xDF, 0xDE, 0xB3, 0xF5, 0x61, 0xB0,
    0xB8, 0xFF, 0xE5, 0x27, 0x50, 0xE1, 0x71, 0x54, 0xB7, 0xA1, 0x2A, 0x0D, 0xF5, 0xAB, 0x29, 0x75,
    0x9C, 0xDF, 0x54, 0x00, 0x00, 0x00,
];

const ANIMATED: u8 = 0x02;
const WITH_EXIF: u8 = 0x08;
const WITH_ALPHA: u8 = 0x10;

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    let padding = &[0][..body.len() & 1];
    [name, &length[..], body, padding].concat()
}

fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    body.extend(chunks.concat());
    chunk(b"RIFF", &body)
}

fn three(number: u32) -> [u8; 3] {
    let [low, middle, high, _] = number.to_le_bytes();
    [low, middle, high]
}

fn canvas(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let sides = [three(width - 1), three(height - 1)].concat();
    chunk(b"VP8X", &[&[flags, 0, 0, 0], &sides[..]].concat())
}

/// A picture of an animation, at twice these pixels from the left and the top.
fn animated(place: (u32, u32), chunks: &[Vec<u8>]) -> Vec<u8> {
    let place = [three(place.0), three(place.1)].concat();
    let sides = [three(WIDTH - 1), three(HEIGHT - 1)].concat();
    let head = [place, sides, vec![100, 0, 0, 0]].concat();
    chunk(b"ANMF", &[head, chunks.concat()].concat())
}

fn lossy() -> Vec<u8> {
    chunk(b"VP8 ", LOSSY)
}

/// The picture's chunk alone.
fn lossless() -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut file);
    let colour = ExtendedColorType::Rgb8;
    encoder.encode(&quarters(), WIDTH, HEIGHT, colour).unwrap();
    file[HEAD..].to_vec()
}

fn plain_alpha() -> Vec<u8> {
    chunk(b"ALPH", &vec![0; (WIDTH * HEIGHT + 1) as usize])
}

#[test]
fn each_coding_gives_the_picture() {
    for chunks in [
        vec![lossy()],
        vec![lossless()],
        vec![canvas(0, WIDTH, HEIGHT), lossy()],
        vec![canvas(0, WIDTH, HEIGHT), lossless()],
        // All of it transparent: the colours under it are kept.
        vec![canvas(WITH_ALPHA, WIDTH, HEIGHT), plain_alpha(), lossy()],
    ] {
        let pixels = accepted(&file(&chunks));
        assert_eq!((pixels.width(), pixels.height()), (WIDTH, HEIGHT));
        assert_eq!(corners(&pixels), UPRIGHT);
    }
}

#[test]
fn the_turn_makes_the_picture_upright_with_either_beginning() {
    let turn = b"MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    for exif in [&turn[..], &[b"Exif\0\0", &turn[..]].concat()] {
        let canvas = canvas(WITH_EXIF, WIDTH, HEIGHT);
        let pixels = accepted(&file(&[canvas, lossy(), chunk(b"EXIF", exif)]));
        assert_eq!((pixels.width(), pixels.height()), (HEIGHT, WIDTH));
        assert_eq!(corners(&pixels), ["blue", "red", "white", "green"]);
    }
}

#[test]
fn of_an_animation_the_first_picture_lies_on_black() {
    let bad = animated((0, 0), &[chunk(b"VP8L", b"nothing of this is looked at")]);
    let anim = chunk(b"ANIM", &[255, 255, 255, 255, 0, 0]);
    for picture in [lossy(), lossless()] {
        let canvas = canvas(ANIMATED, WIDTH + 2, HEIGHT + 2);
        let first = animated((1, 1), &[picture]);
        let pixels = accepted(&file(&[canvas, anim.clone(), first, bad.clone()]));
        assert_eq!((pixels.width(), pixels.height()), (WIDTH + 2, HEIGHT + 2));
        assert_eq!(pixels.rgb8()[..3], [0; 3]);
        assert_eq!(corners(&pixels), UPRIGHT);
    }
}

#[test]
fn no_part_of_a_file_decodes_and_nothing_behind_it_matters() {
    let exif = chunk(b"EXIF", b"II");
    let canvas = canvas(WITH_EXIF, WIDTH, HEIGHT);
    for chunks in [vec![lossy()], vec![lossless()], vec![canvas, lossy(), exif]] {
        let mut file = file(&chunks);
        for end in HEAD..file.len() {
            assert_eq!(refused(&file[..end]), DecodeErrorKind::Truncated, "{end}");
        }
        let plain = accepted(&file);
        file.extend_from_slice(&[1; 100]);
        assert_eq!(accepted(&file), plain);
    }
}

/// A decoder that believed these would reserve for them.
#[test]
fn sides_anywhere_are_compared_with_the_limits() {
    let large_lossy = [&LOSSY[..6], &[0xFF; 4], &LOSSY[10..]].concat();
    let large_lossless = [&[0x2F][..], &[0xFF; 3], &[0x0F; 60]].concat();
    let anim = chunk(b"ANIM", &[0; 6]);
    for chunks in [
        vec![chunk(b"VP8 ", &large_lossy)],
        vec![chunk(b"VP8L", &large_lossless)],
        vec![canvas(0, 1 << 24, 1), lossy()],
        vec![canvas(0, WIDTH, HEIGHT), chunk(b"VP8 ", &large_lossy)],
        vec![
            canvas(ANIMATED, WIDTH, HEIGHT),
            anim,
            animated((0, 0), &[chunk(b"VP8 ", &large_lossy)]),
        ],
    ] {
        assert_eq!(refused(&file(&chunks)), DecodeErrorKind::TooLarge);
    }
}

#[test]
fn what_all_buffers_take_is_compared_with_the_limit() {
    let take = |chunks: &[Vec<u8>], most: u64| {
        let limits = DecodeLimits {
            max_memory: most,
            ..limits()
        };
        decode(&file(chunks), &limits).map_err(|error| error.kind())
    };
    let pixels = u64::from(WIDTH * HEIGHT);
    let animation = [
        canvas(ANIMATED, WIDTH, HEIGHT),
        chunk(b"ANIM", &[0; 6]),
        animated((0, 0), &[lossy()]),
    ];
    assert_eq!(
        take(&animation, pixels * 12),
        Err(DecodeErrorKind::TooLarge)
    );
    assert!(take(&animation, pixels * 15).is_ok());
    assert!(take(&[lossy()], pixels * 12).is_ok());
}

/// Sixty bytes of codes are 20 KB of tables; see `lossless` for more of them.
#[test]
fn a_lossless_picture_that_asks_for_many_tables_is_refused_undecoded() {
    // Sides of 64; then no transform, no cache, blocks of 4x4 and one colour that names the last
    // of 65536 groups; then codes of one symbol, as long as there are any.
    let head = [0x2F, 63, 0xC0, 0x0F, 0];
    let mut bits = vec![false, false, true, false, false, false, false];
    let one = |symbol: u8| {
        let head = [true, false, true];
        head.into_iter()
            .chain((0..8).map(move |bit| symbol >> bit & 1 == 1))
    };
    for symbol in [255, 255, 0, 0, 0] {
        bits.extend(one(symbol));
    }
    // 65536 groups of five codes of two symbols.
    for _ in 0..5 * 65536 {
        bits.extend([true, true, false, false]);
        bits.extend([true; 8].map(|_| false));
    }
    let byte = |bits: &[bool]| {
        bits.iter()
            .rev()
            .fold(0, |all, bit| all << 1 | u8::from(*bit))
    };
    let stream: Vec<u8> = bits.chunks(8).map(byte).collect();
    let small = chunk(b"VP8L", &[&head, &stream[..]].concat());
    let limits = DecodeLimits {
        max_memory: 11 << 20,
        ..limits()
    };
    let error = decode(&file(&[small]), &limits).unwrap_err();
    let DecodeError::TooLarge { what, seen, limit } = error else {
        panic!("{error:?}");
    };
    assert_eq!((what, limit), (Measure::MemoryBytes, 11 << 20));
    assert!((limit..limit + (1 << 16)).contains(&seen), "{seen}");
}

#[test]
fn chunks_that_contradict_each_other_are_refused() {
    let still = canvas(0, WIDTH, HEIGHT);
    let moving = canvas(ANIMATED, WIDTH, HEIGHT);
    for chunks in [
        vec![chunk(b"what", b"?")],
        vec![still.clone()],
        vec![still.clone(), lossy(), lossless()],
        vec![still.clone(), lossy(), animated((0, 0), &[lossless()])],
        vec![moving.clone(), lossy()],
        vec![moving, chunk(b"ANIM", &[0; 6]), animated((0, 0), &[])],
        vec![canvas(0, WIDTH + 1, HEIGHT), lossy()],
        vec![still, chunk(b"VP8 ", &LOSSY[..9])],
    ] {
        assert_eq!(refused(&file(&chunks)), DecodeErrorKind::Undecodable);
    }
}
