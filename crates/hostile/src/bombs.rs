//! The bombs, each with a name and how it must end.
//!
//! What is taken is as large as the limits of the module allow (`vision::DecodeLimits`: 4096 pixels
//! a side, 80 MiB for all buffers together, 4 MiB of file), so that it costs as much as anything can.

mod jpegs;
mod pngs;

use crate::bmp;
use crate::gif;
use crate::webp::{self, Before};
use jpegs::{JPEGS, SCANS};
use pngs::PNGS;

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
