//! The bombs, each with a name and how it must end.
//!
//! What is taken is as large as the limits of the module allow (`vision::DecodeLimits`: 4096 pixels
//! a side, 80 MiB for all buffers together, 4 MiB of file), so that it costs as much as anything can.

use crate::bmp;
use crate::gif;
use crate::jpeg::{
    self, ARITHMETIC, BASELINE, DETAILS, DETAILS_AGAIN, FOUR, FULL, GREY, HALVED, Jpeg, LOSSLESS,
    MEANS, MEANS_AGAIN, PROGRESSIVE, WHOLE,
};
use crate::png::{self, COLOUR, COLOUR_AND_ALPHA, PALETTE, Png};
use crate::webp::{self, Before};

/// A picture that wants too much.
#[derive(Debug, Clone, Copy)]
pub struct Bomb {
    /// Format first; letters, digits and dashes.
    pub name: &'static str,
    /// How it ends where all formats are taken, under the default limits.
    pub ending: Ending,
    make: fn() -> Vec<u8>,
}

impl Bomb {
    /// Its bytes, at most 4 MiB; made anew each time.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        (self.make)()
    }
}

/// How a picture ends before a model sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ending {
    /// It is decoded.
    Taken,
    /// It asks for more than the limits.
    TooLarge,
    /// It ends before its picture does.
    Truncated,
    /// It is wrong in itself, or of a rare kind.
    Undecodable,
}

impl Ending {
    /// The name in counts; nothing where it goes to the model.
    #[must_use]
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Taken => None,
            Self::TooLarge => Some("too_large"),
            Self::Truncated => Some("truncated"),
            Self::Undecodable => Some("undecodable"),
        }
    }
}

/// The longest side that is taken.
const MOST: u16 = 4096;
/// The longest side of a square whose decoding takes so many bytes a pixel within 80 MiB.
const OF_6: u16 = 3728;
const OF_7: u16 = 3456;
const OF_9: u16 = 3048;
const OF_11: u16 = 2752;
/// The longest file by HTTP.
const FILE: usize = 4 << 20;

/// All of them.
#[must_use]
pub fn bombs() -> Vec<Bomb> {
    let groups = [JPEGS, SCANS, PNGS, GIFS, BMPS, WEBPS];
    groups.concat()
}

const fn bomb(name: &'static str, ending: Ending, make: fn() -> Vec<u8>) -> Bomb {
    Bomb { name, ending, make }
}

fn baseline(side: u16, factors: &'static [(u8, u8)]) -> Jpeg {
    Jpeg::of(side, side, factors).frame(BASELINE)
}

fn progressive(side: u16, factors: &'static [(u8, u8)]) -> Jpeg {
    Jpeg::of(side, side, factors).frame(PROGRESSIVE)
}

/// All components of a scan.
const ALL: &[u8] = &[0, 1, 2];
/// One bit for a mean and one for the end of a block.
const BOTH: u64 = 2;

fn turned(turn: u8) -> Vec<u8> {
    Jpeg::of(OF_6, OF_6, HALVED)
        .turned(turn)
        .frame(BASELINE)
        .flat(ALL, WHOLE, BOTH)
        .end()
}

/// Of one kind of frame that is not decoded.
fn of_a_rare_kind(kind: u8) -> Vec<u8> {
    let file = Jpeg::of(MOST, MOST, FULL).frame(kind);
    file.flat(ALL, WHOLE, BOTH).end()
}

const JPEGS: &[Bomb] = &[
    bomb("jpeg-16000", Ending::TooLarge, || {
        baseline(16_000, HALVED).flat(ALL, WHOLE, BOTH).end()
    }),
    bomb("jpeg-16000-progressive", Ending::TooLarge, || {
        progressive(16_000, HALVED).flat(ALL, MEANS, 1).end()
    }),
    bomb("jpeg-1x65535", Ending::TooLarge, || {
        let file = Jpeg::of(1, 65_535, FULL).frame(BASELINE);
        file.flat(ALL, WHOLE, BOTH).end()
    }),
    bomb("jpeg-4096-full-colour", Ending::Taken, || {
        baseline(MOST, FULL).flat(ALL, WHOLE, BOTH).end()
    }),
    bomb("jpeg-4096-halved-colour", Ending::Taken, || {
        baseline(MOST, HALVED).flat(ALL, WHOLE, BOTH).end()
    }),
    bomb("jpeg-4096-grey", Ending::Taken, || {
        baseline(MOST, GREY).flat(&[0], WHOLE, BOTH).end()
    }),
    bomb("jpeg-4096-four-colours", Ending::Taken, || {
        baseline(MOST, FOUR).flat(&[0, 1, 2, 3], WHOLE, BOTH).end()
    }),
    bomb("jpeg-3728-one-colour-at-a-time", Ending::Taken, || {
        let file = baseline(OF_6, HALVED).flat(&[0], WHOLE, BOTH);
        file.flat(&[1], WHOLE, BOTH).flat(&[2], WHOLE, BOTH).end()
    }),
    bomb("jpeg-4096-factors-of-4-alone", Ending::Taken, || {
        baseline(MOST, &[(4, 4)]).flat(&[0], WHOLE, BOTH).end()
    }),
    bomb("jpeg-4096-factors-of-4-and-1", Ending::Taken, || {
        let file = baseline(MOST, &[(4, 4), (1, 1), (1, 1)]);
        file.flat(ALL, WHOLE, BOTH).end()
    }),
    bomb("jpeg-3728-turned-5", Ending::Taken, || turned(5)),
    bomb("jpeg-3728-turned-6", Ending::Taken, || turned(6)),
    bomb("jpeg-3728-turned-7", Ending::Taken, || turned(7)),
    bomb("jpeg-3728-turned-8", Ending::Taken, || turned(8)),
    bomb("jpeg-4096-no-data", Ending::Taken, || {
        baseline(MOST, HALVED).scan(ALL, WHOLE, 0, &[]).end()
    }),
    bomb("jpeg-4096-arithmetic", Ending::Undecodable, || {
        of_a_rare_kind(ARITHMETIC)
    }),
    bomb("jpeg-4096-lossless", Ending::Undecodable, || {
        of_a_rare_kind(LOSSLESS)
    }),
    bomb("jpeg-4096-noise", Ending::Taken, || {
        // As much of it as fits into a file.
        let mut random = fastrand::Rng::with_seed(1);
        let file = Jpeg::of(MOST, 2048, HALVED).frame(BASELINE);
        file.noise(ALL, &mut random).end()
    }),
    bomb("jpeg-4096-restarts", Ending::Taken, || {
        // One bit pair for each unit, and a restart after each.
        let units = 256 * 256;
        let file = baseline(MOST, HALVED).restarts(1);
        let data: Vec<u8> = (0..units)
            .flat_map(|unit: u32| [0, 0x0F, 0xFF, 0xD0 | (unit % 8) as u8])
            .collect();
        file.scan(ALL, WHOLE, 0, &data).end()
    }),
    bomb("jpeg-many-tables", Ending::TooLarge, || {
        let mut file = Jpeg::of(64, 64, GREY);
        // Each as short as can be; so long a segment has 3640 of them.
        let table = [&[0x10, 1][..], &[0; 15], &[0]].concat();
        let body = table.repeat(3640);
        while file.length() + body.len() + 2000 < FILE {
            file.segment(0xC4, &body);
        }
        file.frame(BASELINE).flat(&[0], WHOLE, BOTH).end()
    }),
    bomb("jpeg-tables-within-the-limit", Ending::Taken, || {
        let mut file = Jpeg::of(64, 64, GREY);
        let table = [&[0x10, 1][..], &[0; 15], &[0]].concat();
        for _ in 0..4 {
            file.segment(0xC4, &table.repeat(3600));
        }
        file.frame(BASELINE).flat(&[0], WHOLE, BOTH).end()
    }),
    bomb("jpeg-many-segments", Ending::Taken, || {
        let mut file = Jpeg::of(64, 64, GREY);
        while file.length() < FILE - 2000 {
            file.segment(0xEB, b"");
        }
        file.frame(BASELINE).flat(&[0], WHOLE, BOTH).end()
    }),
    bomb("jpeg-many-profiles", Ending::Taken, || {
        let mut file = Jpeg::of(64, 64, GREY);
        let body = [&b"ICC_PROFILE\0\x01\xFF"[..], &[7; 60_000]].concat();
        while file.length() < FILE - 70_000 {
            file.segment(0xE2, &body);
        }
        file.frame(BASELINE).flat(&[0], WHOLE, BOTH).end()
    }),
];

/// So many scans behind the first.
fn scans(factors: &'static [(u8, u8)], count: usize, scan: fn(Jpeg) -> Jpeg) -> Vec<u8> {
    let mut file = progressive(OF_6, factors).flat(ALL, MEANS, 1);
    for _ in 0..count {
        file = scan(file);
    }
    file.end()
}

const SCANS: &[Bomb] = &[
    bomb(
        "jpeg-3728-progressive-full-colour",
        Ending::TooLarge,
        || scans(FULL, 1, |file| file.skipped(0, DETAILS)),
    ),
    bomb("jpeg-3728-progressive-usual", Ending::Taken, || {
        // The order of libjpeg: ten scans.
        let low = jpeg::Band {
            to: 5,
            low: 2,
            ..DETAILS
        };
        let high = jpeg::Band {
            from: 6,
            to: 63,
            ..low
        };
        let finer = jpeg::Band {
            from: 1,
            to: 63,
            high: 2,
            low: 1,
        };
        progressive(OF_6, HALVED)
            .flat(ALL, MEANS, 1)
            .flat(&[0], low, 1)
            .flat(&[2], DETAILS, 1)
            .flat(&[1], DETAILS, 1)
            .flat(&[0], high, 1)
            .flat(&[0], finer, 1)
            .flat(ALL, MEANS_AGAIN, 1)
            .flat(&[2], DETAILS_AGAIN, 1)
            .flat(&[1], DETAILS_AGAIN, 1)
            .flat(&[0], DETAILS_AGAIN, 1)
            .end()
    }),
    bomb("jpeg-3728-4700-scans", Ending::TooLarge, || {
        scans(HALVED, 3_000, |file| file.skipped(0, DETAILS))
    }),
    bomb("jpeg-3728-100-scans", Ending::TooLarge, || {
        scans(HALVED, 99, |file| file.skipped(0, DETAILS))
    }),
    bomb("jpeg-3728-100-scans-once-more", Ending::TooLarge, || {
        scans(HALVED, 99, |file| file.skipped(0, DETAILS_AGAIN))
    }),
    bomb("jpeg-3728-100-scans-of-means", Ending::TooLarge, || {
        // 49 KB each: as many as fit.
        scans(HALVED, 84, |file| file.flat(ALL, MEANS_AGAIN, 1))
    }),
    bomb(
        "jpeg-3728-100-scans-of-every-block",
        Ending::TooLarge,
        || scans(HALVED, 99, |file| file.flat(&[0], DETAILS_AGAIN, 1)),
    ),
    bomb("jpeg-3728-30-scans-of-every-block", Ending::Taken, || {
        scans(HALVED, 30, |file| file.flat(&[0], DETAILS_AGAIN, 1))
    }),
    bomb("jpeg-2048-100-scans-full-colour", Ending::Taken, || {
        let mut file = progressive(2048, FULL).flat(ALL, MEANS, 1);
        for _ in 0..99 {
            file = file.skipped(0, DETAILS_AGAIN);
        }
        file.end()
    }),
];

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

const PNGS: &[Bomb] = &[
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

/// All pixels of the largest picture.
const PIXELS: u64 = 4096 * 4096;

const GIFS: &[Bomb] = &[
    bomb("gif-65535", Ending::TooLarge, || {
        gif::file((65_535, 65_535), (65_535, 65_535), &gif::flat(PIXELS))
    }),
    bomb("gif-4096", Ending::TooLarge, || {
        gif::file((MOST, MOST), (MOST, MOST), &gif::flat(PIXELS))
    }),
    bomb("gif-3456", Ending::Taken, || {
        gif::file((OF_7, OF_7), (OF_7, OF_7), &gif::flat(3456 * 3456))
    }),
    bomb("gif-3048-not-covered", Ending::Taken, || {
        gif::file((OF_9, OF_9), (OF_9 - 1, OF_9 - 1), &gif::flat(3343 * 3343))
    }),
    bomb("gif-3456-not-covered", Ending::Taken, || {
        gif::file((3456, 3456), (100, 100), &gif::flat(100 * 100))
    }),
    bomb("gif-100-on-it-3500", Ending::Taken, || {
        gif::file((100, 100), (3500, 3500), &gif::flat(3500 * 3500))
    }),
    bomb("gif-no-end", Ending::Truncated, || {
        let mut file = gif::screen(640, 480);
        gif::picture(&mut file, (0, 0), (640, 480), &gif::clears(FILE - 40_000));
        file.pop();
        file
    }),
    bomb("gif-clears-only", Ending::Undecodable, || {
        gif::file((640, 480), (640, 480), &gif::clears(FILE - 40_000))
    }),
    bomb("gif-data-behind-the-picture", Ending::Taken, || {
        gif::file(
            (64, 64),
            (64, 64),
            &[gif::flat(64 * 64), vec![0x24; FILE - 40_000]].concat(),
        )
    }),
    bomb("gif-many-extensions", Ending::Taken, || {
        let mut file = gif::screen(64, 64);
        file.extend(b"\x21\xFE\x01x\0".repeat(FILE / 5 - 200));
        gif::picture(&mut file, (0, 0), (64, 64), &gif::flat(64 * 64));
        file.push(0x3B);
        file
    }),
];

const BMPS: &[Bomb] = &[
    bomb("bmp-65536", Ending::TooLarge, || {
        bmp::file(65_536, 65_536, 8, bmp::RUNS_OF_BYTES, &[0, 1])
    }),
    bomb("bmp-3456-runs", Ending::Taken, || {
        bmp::file(3456, 3456, 8, bmp::RUNS_OF_BYTES, &bmp::runs(3456, 3456))
    }),
    bomb("bmp-4096-runs", Ending::TooLarge, || {
        bmp::file(4096, 4096, 8, bmp::RUNS_OF_BYTES, &bmp::runs(4096, 4096))
    }),
    bomb("bmp-3456-nothing", Ending::Taken, || {
        bmp::file(3456, 3456, 8, bmp::RUNS_OF_BYTES, &[0, 1])
    }),
    bomb("bmp-3456-one-bit", Ending::Taken, || {
        let row = 3456_usize.div_ceil(32) * 4;
        bmp::file(3456, 3456, 1, bmp::PLAIN, &vec![0x5A; row * 3456])
    }),
    bomb("bmp-64-steps-only", Ending::Truncated, || {
        // To the right by nothing and up by nothing.
        bmp::file(
            64,
            64,
            8,
            bmp::RUNS_OF_BYTES,
            &[0, 2, 0, 0].repeat(FILE / 4 - 400),
        )
    }),
];

fn lossy(side: u16) -> Vec<u8> {
    webp::lossy(side, side, &[0; 300_000], &[0; 600_000])
}

const WEBPS: &[Bomb] = &[
    bomb("webp-16383", Ending::TooLarge, || {
        webp::file(&[lossy(16_383)])
    }),
    bomb("webp-4096-lossy", Ending::TooLarge, || {
        webp::file(&[lossy(MOST)])
    }),
    bomb("webp-3048-lossy", Ending::Taken, || {
        webp::file(&[lossy(3048)])
    }),
    bomb("webp-4096-lossless", Ending::TooLarge, || {
        webp::file(&[webp::lossless(4096, Before::Nothing)])
    }),
    bomb("webp-3056-lossless", Ending::Taken, || {
        webp::file(&[webp::lossless(3056, Before::Nothing)])
    }),
    bomb("webp-3056-lossless-changes", Ending::Taken, || {
        webp::file(&[webp::lossless(3056, Before::Changes)])
    }),
    bomb("webp-2600-lossy-alpha", Ending::Taken, || {
        let canvas = webp::canvas(0x10, 2600, 2600);
        webp::file(&[canvas, webp::alpha(Before::Changes), lossy(2600)])
    }),
    bomb("webp-2400-animation", Ending::Taken, || {
        let anim = webp::chunk(b"ANIM", &[0; 6]);
        let picture = webp::animated(2400, 2400, &[lossy(2400)]);
        webp::file(&[webp::canvas(2, 2400, 2400), anim, picture.clone(), picture])
    }),
];
