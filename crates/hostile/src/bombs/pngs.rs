//! PNGs: what inflates, and what is said before it.

use super::{Bomb, Ending, FILE, MOST, OF_7, OF_9, OF_11, bomb};
use crate::png::{self, COLOUR, COLOUR_AND_ALPHA, PALETTE, Png};

fn png_of_zeros(colour: u8, depth: u8, side: u16, each: u64) -> Vec<u8> {
    png::flat(side.into(), side.into(), depth, colour, each)
}

/// A small picture behind a chunk that inflates to a gigabyte.
fn png_with(name: &[u8; 4], before: &[u8]) -> Vec<u8> {
    let body = [before, &png::zeros(1 << 30)].concat();
    let pixels = png::zeros(64 * 65);
    Png::of(64, 64, 8, png::GREY, false)
        .with(name, &body)
        .with(b"IDAT", &pixels)
        .end()
}

pub(super) const PNGS: &[Bomb] = &[
    bomb("png-20000", Ending::TooLarge, || {
        png_of_zeros(COLOUR, 8, 20_000, 24)
    }),
    bomb("png-4096", Ending::Taken, || {
        png_of_zeros(COLOUR, 8, MOST, 24)
    }),
    bomb("png-4096-interlaced", Ending::Taken, || {
        png::interlaced(MOST.into(), 8, COLOUR, 24)
    }),
    bomb("png-4096-one-bit-interlaced", Ending::Taken, || {
        png::interlaced(MOST.into(), 1, png::GREY, 1)
    }),
    bomb("png-4096-palette-interlaced", Ending::Undecodable, || {
        // The palette is missing.
        png::interlaced(MOST.into(), 8, PALETTE, 8)
    }),
    bomb("png-4096-alpha", Ending::TooLarge, || {
        png_of_zeros(COLOUR_AND_ALPHA, 8, MOST, 32)
    }),
    bomb("png-3456-alpha", Ending::Taken, || {
        png_of_zeros(COLOUR_AND_ALPHA, 8, OF_7, 32)
    }),
    bomb("png-3456-alpha-interlaced", Ending::Taken, || {
        png::interlaced(OF_7.into(), 8, COLOUR_AND_ALPHA, 32)
    }),
    bomb("png-4096-16-bits", Ending::TooLarge, || {
        png_of_zeros(COLOUR, 16, MOST, 48)
    }),
    bomb("png-3048-16-bits-interlaced", Ending::Taken, || {
        png::interlaced(OF_9.into(), 16, COLOUR, 48)
    }),
    bomb(
        "png-2752-16-bits-and-alpha-interlaced",
        Ending::Taken,
        || png::interlaced(2752, 16, COLOUR_AND_ALPHA, 64),
    ),
    bomb("png-2752-16-bits-and-alpha", Ending::Taken, || {
        png_of_zeros(COLOUR_AND_ALPHA, 16, OF_11, 64)
    }),
    bomb("png-3456-palette-with-alpha", Ending::Taken, || {
        png_of_zeros(PALETTE, 8, OF_7, 8)
    }),
    bomb("png-profile-of-a-gigabyte", Ending::Taken, || {
        png_with(b"iCCP", b"icc\0\0")
    }),
    bomb("png-4096-profile-of-a-gigabyte", Ending::Taken, || {
        let profile = [&b"icc\0\0"[..], &png::zeros(1 << 30)].concat();
        let pixels = png::zeros(4096 * (4096 * 3 + 1));
        Png::of(4096, 4096, 8, COLOUR, false)
            .with(b"iCCP", &profile)
            .with(b"IDAT", &pixels)
            .end()
    }),
    bomb("png-texts-within-the-limit", Ending::Taken, || {
        let mut file = Png::of(64, 64, 8, png::GREY, false);
        let pixels = png::zeros(64 * 65);
        for _ in 0..30_000 {
            file.chunk(b"tEXt", b"a\0b");
        }
        file.with(b"IDAT", &pixels).end()
    }),
    bomb("png-one-long-text", Ending::Taken, || {
        let text = [&b"a\0"[..], &[b'x'; 3_500_000]].concat();
        let pixels = png::zeros(64 * 65);
        Png::of(64, 64, 8, png::GREY, false)
            .with(b"tEXt", &text)
            .with(b"IDAT", &pixels)
            .end()
    }),
    bomb("png-text-of-a-gigabyte", Ending::Taken, || {
        png_with(b"zTXt", b"text\0\0")
    }),
    bomb("png-long-text-of-a-gigabyte", Ending::Taken, || {
        png_with(b"iTXt", b"text\0\x01\0\0\0")
    }),
    bomb("png-pixels-of-a-gigabyte", Ending::Taken, || {
        let pixels = png::zeros(1 << 30);
        Png::of(64, 64, 8, png::GREY, false)
            .with(b"IDAT", &pixels)
            .end()
    }),
    bomb("png-many-chunks", Ending::Taken, || {
        let mut file = Png::of(64, 64, 8, png::GREY, false);
        let pixels = png::zeros(64 * 65);
        for _ in 0..FILE / 16 {
            file.chunk(b"teSt", b"");
        }
        file.with(b"IDAT", &pixels).end()
    }),
    bomb("png-many-texts", Ending::TooLarge, || {
        let mut file = Png::of(64, 64, 8, png::GREY, false);
        let pixels = png::zeros(64 * 65);
        for _ in 0..FILE / 20 {
            file.chunk(b"tEXt", b"a\0b");
        }
        file.with(b"IDAT", &pixels).end()
    }),
    bomb("png-animation-of-4096", Ending::Taken, || {
        let pixels = png::zeros(4096 * (4096 * 3 + 1));
        let frames = 20_u32;
        let mut file = Png::of(4096, 4096, 8, COLOUR, false)
            .with(b"acTL", &[frames.to_be_bytes(), [0; 4]].concat());
        for frame in 0..frames {
            // Its number, sides, place and time.
            let numbers = [(frame * 2).saturating_sub(1), 4096, 4096, 0, 0];
            let mut control = numbers.map(u32::to_be_bytes).concat();
            control.extend([0, 1, 0, 10, 0, 0]);
            file.chunk(b"fcTL", &control);
            if frame == 0 {
                file.chunk(b"IDAT", &pixels);
            } else {
                file.chunk(b"fdAT", &[&(frame * 2).to_be_bytes()[..], &pixels].concat());
            }
        }
        file.end()
    }),
];
